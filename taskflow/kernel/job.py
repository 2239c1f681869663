"""The values that stand for rows: a job as people see it, and the options to enqueue one with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

State = Literal[
    "scheduled", "blocked", "available", "running", "retrying", "succeeded", "cancelled", "dead"
]
FINISHED: frozenset[str] = frozenset({"succeeded", "cancelled", "dead"})
RESULT_PENDING = "result pending"
"""The reason of a job that its handler's own transaction has settled, until the handler returns."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is enqueued. None leaves a thing to the task's defaults, then to the database's."""

    queue: str | None = None
    priority: str | None = None
    run_at: datetime | None = None
    delay: timedelta | None = None
    max_attempts: int | None = None
    timeout: timedelta | None = None
    unique_key: str | None = None
    tags: Sequence[str] | None = None
    meta: Mapping[str, Any] | None = None
    tenant: str | None = None
    deadline: datetime | None = None
    unique_by: Sequence[str] | None = None
    unique_scope: str | None = None
    unique_while: str | None = None
    unique_for: timedelta | None = None
    on_conflict: str | None = None
    replace: Sequence[str] | None = None
    depends_on: Sequence[int] | None = None
    on_parent_failure: str | None = None

    @property
    def is_tied(self) -> bool:
        """Does the job depend on others, or on there being no other like it?"""
        return bool(self.unique_key or self.unique_by or self.depends_on)


class Job(msgspec.Struct, frozen=True):
    """One job, live or finished. `args`, `meta` and `result` are JSON as it is stored."""

    tenant: str
    id: int
    state: State
    queue: str
    task: str
    priority: str
    attempt: int
    max_attempts: int
    lost: int
    claim_no: int
    run_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    lease_until: datetime | None
    deadline: datetime | None
    timeout: timedelta | None
    worker_id: int | None
    cancel_requested: bool
    reason: str | None
    unique_key: str | None
    tags: list[str] | None
    created_by: str
    args: msgspec.Raw
    meta: msgspec.Raw | None
    result: msgspec.Raw | None
    error_class: str | None
    error_message: str | None
    traceback: str | None
    fingerprint: str | None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def awaits_result(self) -> bool:
        """It has succeeded, and its handler has not returned yet, or was killed before it could."""
        return self.state == "succeeded" and self.reason == RESULT_PENDING


class Placed(msgspec.Struct, frozen=True):
    """What became of one enqueue: enqueued, or the holder of its unique key is existing, replaced
    or merged."""

    id: int
    outcome: str = "enqueued"


class Enqueued(msgspec.Struct, frozen=True):
    """What became of a bulk enqueue: an id per position, None where the item was refused.

    `outcomes`, with unique keys, says of each position: enqueued, existing, replaced, merged or
    refused; it is empty without.
    """

    ids: list[int | None]
    refused: list[Refusal]
    outcomes: list[str] = []


class Refusal(msgspec.Struct, frozen=True):
    """One item that was not enqueued: where it stood, the error's code, and what was wrong."""

    position: int
    code: str
    message: str


class Claimed(msgspec.Struct, gc=False):
    """A job that a worker holds. Only the last four times change, and `args` when they are
    migrated."""

    id: int
    claim_no: int
    tenant: str
    queue: str
    task: str
    args: str
    attempt: int
    max_attempts: int
    lost: int
    priority: int
    run_at: datetime
    timeout: float | None
    lease_until: datetime
    tags: list[str] | None
    meta: str | None
    batch_id: int
    lane_id: int | None = None
    """The lane in which it waited, if limits hold for it."""
    args_version: int | None = None
    """For which version of its task the arguments were made; None: the published one."""
    held_since: float = 0.0
    """Monotonic time at which the claim, or the last renewal, was sent."""
    taken_at: float = 0.0
    """Monotonic time at which the claim was sent."""
    begun_at: float = 0.0
    """Monotonic time at which its handler began; 0 before."""
    ended_at: float = 0.0
    """Monotonic time at which its handler ended."""


class Cause(msgspec.Struct, frozen=True):
    """One reason why a job is where it is."""

    cause: str
    sentence: str
    detail: Any
    way_out: str | None = None
    """A command that would change it, where there is one."""
