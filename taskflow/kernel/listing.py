"""What people look at in lists: the filter they give, and one line per job."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from taskflow.kernel.job import State

LIVE_STATES: tuple[State, ...] = ("scheduled", "blocked", "available", "running", "retrying")


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs; what is empty does not restrict. Values of one field are alternatives."""

    tenant: str = "default"
    states: tuple[State, ...] = ()
    tasks: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    fingerprints: tuple[str, ...] = ()
    since: datetime | None = None
    """Created at this time or later."""
    until: datetime | None = None
    """Created before this time."""

    @property
    def is_empty(self) -> bool:
        return self == JobFilter(tenant=self.tenant)


class JobLine(msgspec.Struct, frozen=True):
    """A job as lists show it: without its arguments, result and traceback."""

    id: int
    state: State
    queue: str
    task: str
    priority: str
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    worker_id: int | None
    reason: str | None
    error_class: str | None
    error_message: str | None
    """Its first 300 characters."""
    tags: list[str] | None


class QueueLine(msgspec.Struct, frozen=True):
    """A queue at a glance. Counts stop at 10,001, which stands for "10,000 and more"."""

    name: str
    available: int
    running: int
    scheduled: int
    retrying: int
    blocked: int
    oldest_due_at: datetime | None
    """Since when the job that waits longest has been due."""
    per_second: float
    """Jobs finished per second, over the last minute or the last 30,000 jobs of all queues."""
    workers: int
    slots: int
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    resume_at: datetime | None
    unknown_tasks: list[str] | None
    """Of jobs that its workers gave back, because none of them knows their task."""


COUNT_CAP = 10_001


class WorkerLine(msgspec.Struct, frozen=True):
    """A worker process as it last reported."""

    id: int
    name: str
    state: str
    """alive, draining, or lost: its lease has run out."""
    host: str | None
    pid: int | None
    version: str | None
    queues: list[str]
    slots: list[int]
    running: int
    finished: int
    failed: int
    stale: int
    """Settles refused because the lease was lost."""
    memory_bytes: int | None
    listening: bool
    """Woken by notifications; else it polls."""
    started_at: datetime
    lease_until: datetime
    unknown_tasks: list[str] | None


class DeadGroup(msgspec.Struct, frozen=True):
    """Dead jobs that failed alike."""

    fingerprint: str
    count: int
    first_at: datetime
    last_at: datetime
    tasks: list[str]
    queues: list[str]
    sample_id: int
    reason: str
    error_class: str | None
    error_message: str | None


class TaskLine(msgspec.Struct, frozen=True):
    """A task's contract as workers published it."""

    name: str
    queue: str | None
    priority: str | None
    max_attempts: int | None
    timeout: timedelta | None
    args_schema: msgspec.Raw | None
    published_at: datetime
    workers: int
    """Live workers that know it."""
    version: int
    check_args: str
    """How arguments from SQL are checked: off, warn or reject."""


class VersionLine(msgspec.Struct, frozen=True):
    """The jobs of a task whose arguments are of one version. None left: it is drained."""

    version: int | None
    """None: enqueued while the task was not published."""
    waiting: int
    running: int
    dead: int


class TenantGrant(msgspec.Struct, frozen=True):
    """A role that may enqueue for a tenant."""

    tenant: str
    role: str
    role_exists: bool


class AttemptLine(msgspec.Struct, frozen=True):
    """An attempt that did not simply succeed."""

    attempt: int
    claim_no: int
    outcome: str
    worker_id: int | None
    started_at: datetime | None
    finished_at: datetime
    reason: str | None
    error_class: str | None
    error_message: str | None
    traceback: str | None
    fingerprint: str | None
