"""What those who look on are told: events, and the state of single jobs and runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from taskflow.kernel.job import State


class Event(msgspec.Struct, frozen=True):
    """One thing that has changed. `id` is what a viewer names to go on from here."""

    id: str
    type: str
    topic: str
    timestamp: datetime
    data: Any


class JobState(msgspec.Struct, frozen=True):
    """A job, as far as it changes while somebody looks at it."""

    id: int
    state: State
    queue: str
    task: str
    attempt: int
    max_attempts: int
    worker_id: int | None
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    done: float | None
    """Progress of the attempt that runs, as its handler reported it."""
    total: float | None
    note: str | None


class RunState(msgspec.Struct, frozen=True):
    """A run of a workflow with the counts of its steps."""

    id: int
    workflow: str
    state: str
    ending: str | None
    reason: str | None
    total: int
    succeeded: int
    skipped: int
    failed: int
    cancelled: int
    compensated: int
    finished_at: datetime | None
