"""An operation as a value: one act on all jobs of a filter, in the background and on the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from taskflow.errors import TaskflowError
from taskflow.kernel.job import State
from taskflow.kernel.listing import JobFilter

OperationVerb = Literal["retry", "cancel", "discard", "reschedule", "move", "priority", "undo"]
OperationState = Literal["waiting", "running", "done", "cancelled"]
TASK = "taskflow.operate"
USUAL_STATES: dict[str, tuple[State, ...]] = {
    "retry": ("dead",),
    "discard": ("dead",),
    "cancel": ("scheduled", "blocked", "available", "running", "retrying"),
    "reschedule": ("scheduled", "available", "retrying"),
    "move": ("scheduled", "blocked", "available", "retrying"),
    "priority": ("scheduled", "blocked", "available", "retrying"),
}
"""What each verb can act on: meant where a filter names no state."""


class OperationNotFound(TaskflowError):
    """No operation has this id, or its retention is over."""

    code = "TF134"


class Operation(msgspec.Struct, frozen=True):
    """What somebody does to many jobs, and how far it has come."""

    id: int
    verb: OperationVerb
    state: OperationState
    filter: dict[str, Any]
    params: dict[str, Any]
    rate: int | None
    """Jobs a second, at most."""
    reason: str | None
    undoes: int | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expected: int
    """How many jobs the caller saw."""
    done: int
    refused: int
    up_to: int
    last_id: int
    job_id: int | None

    @property
    def is_under_way(self) -> bool:
        return self.state in ("waiting", "running")

    def jobs(self, tenant: str) -> JobFilter:
        """The jobs that it acts on."""
        return msgspec.convert({**self.filter, "tenant": tenant}, JobFilter, strict=False)


class OperationItem(msgspec.Struct, frozen=True):
    """What became of one job of an operation; `code` says why it was refused."""

    job_id: int
    outcome: str
    code: str | None
    message: str | None


def filter_as_json(wanted: JobFilter) -> dict[str, Any]:
    """What `start_operation` takes for a filter."""
    empty = JobFilter()
    given: dict[str, Any] = msgspec.to_builtins(wanted)
    plain: dict[str, Any] = msgspec.to_builtins(empty)
    return {
        name: value for name, value in given.items() if value != plain[name] and name != "tenant"
    }
