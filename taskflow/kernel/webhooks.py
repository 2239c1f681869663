"""Webhooks as values: what can be told, to whom, what became of it, and who may tell us."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from taskflow.errors import RunError, TaskflowError

TASK = "taskflow.deliver"
EVENTS = (
    "job.succeeded",
    "job.dead",
    "job.cancelled",
    "workflow.succeeded",
    "workflow.failed",
    "workflow.cancelled",
    "queue.paused",
    "queue.resumed",
    "schedule.paused",
    "schedule.resumed",
    "webhook.disabled",
    "webhook.test",
)
"""The same as taskflow.webhook_types() in the database."""
GROUPS = tuple(dict.fromkeys(f"{event.partition('.')[0]}.*" for event in EVENTS))

DeliveryState = Literal["pending", "delivered", "failed", "gone", "skipped"]
Verdict = Literal["delivered", "gone", "disabled", "failed", "unknown"]
Scheme = Literal["standard", "github", "stripe"]
Mapping = Literal["body", "envelope"]


class EndpointNotFound(TaskflowError):
    """No webhook endpoint of this tenant has this id."""

    code = "TF180"


class EndpointChanged(TaskflowError):
    """Somebody else has edited the webhook endpoint since it was read."""

    code = "TF181"


class SourceNotFound(TaskflowError):
    """No source of incoming webhooks of this tenant has this name."""

    code = "TF182"


class DeliveryNotFound(TaskflowError):
    """No delivery of this tenant has this id, or its retention is over."""

    code = "TF183"


class AddressRefused(TaskflowError):
    """An address may not be called: it is not public, or written in a misleading way."""

    code = "TF184"


class SignatureInvalid(TaskflowError):
    """A webhook that came in is not signed by who it claims to be from, or is too old."""

    code = "TF185"


class SecretInvalid(TaskflowError):
    """A webhook secret is not whsec_ and 24 to 64 bytes in base64."""

    code = "TF186"


class DeliveryFailed(RunError):
    """An endpoint did not take a webhook: no answer, or one that is not 2xx."""

    code = "TF330"
    retry_after: timedelta | None = None
    """When to try again, where that is later than the policy says."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where events of a tenant are sent, and which of them. Its secret is not in here."""

    id: int
    url: str
    description: str | None
    types: list[str]
    queues: list[str]
    tasks: list[str]
    header_names: list[str]
    """Of the headers that its requests get: their values may be secrets."""
    queue: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    version: int


class Saved(msgspec.Struct, frozen=True):
    """What putting an endpoint came to; the secret is there for a new one only."""

    id: int
    version: int
    secret: str | None


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to one endpoint."""

    id: int
    endpoint_id: int
    event_id: int
    type: str | None
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str | None
    last_duration_ms: int | None
    created_at: datetime
    finished_at: datetime | None
    next_at: datetime | None
    """When it is tried next; None while it runs and once it has ended."""
    job_id: int


class Attempt(msgspec.Struct, frozen=True):
    """One try of a delivery. `response_head` is the receiver's: show it to those it concerns."""

    attempt: int
    finished_at: datetime
    status: int | None
    error: str | None
    duration_ms: int | None
    response_head: str | None


class Event(msgspec.Struct, frozen=True):
    """What happened, as it is told."""

    id: int
    type: str
    occurred_at: datetime
    data: dict[str, Any]


class Parcel(msgspec.Struct, frozen=True):
    """What a worker needs to deliver: where to, what, and the secrets that sign it."""

    url: str
    headers: dict[str, str]
    secrets: list[str]
    event_id: int
    body: str
    sent_at: datetime
    """By the clock of the database."""


class Stats(msgspec.Struct, frozen=True):
    """How an endpoint has fared over a time."""

    pending: int
    delivered: int
    failed: int
    gone: int
    skipped: int
    attempts: int
    median_ms: int | None
    p95_ms: int | None
    last_delivered_at: datetime | None


class Source(msgspec.Struct, frozen=True):
    """Where webhooks of others come in, and what they start."""

    name: str
    scheme: Scheme
    task: str
    queue: str | None
    mapping: Mapping
    headers: list[str]
    tolerance: timedelta
    created_at: datetime
    created_by: str
    updated_at: datetime
    version: int


class Gate(msgspec.Struct, frozen=True):
    """What it takes to check a webhook that came in; `checked_at` is the database's time."""

    scheme: Scheme
    secrets: list[str]
    tolerance: timedelta
    headers: list[str]
    mapping: Mapping
    checked_at: datetime


class Received(msgspec.Struct, frozen=True):
    """The job that an incoming webhook has started, now or when it came first."""

    job_id: int
    is_repeat: bool
