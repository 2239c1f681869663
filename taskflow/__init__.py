"""Background jobs in the Postgres you already run.

Each name below is imported when it is first used: the drivers take 0.3 s to import, which
`taskflow --help` and the completion of a command line should not wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskflow.app import Taskflow, load_app
    from taskflow.batch import BatchHandle
    from taskflow.context import Context, Interrupted
    from taskflow.errors import (
        DatabaseUnreachable,
        InvalidArguments,
        JobCancelled,
        JobFailed,
        JobNotFound,
        JobStateConflict,
        LeaseLost,
        ResultTimeout,
        TaskflowError,
        TaskTimeout,
        UnknownTask,
    )
    from taskflow.flow import Flow, Node
    from taskflow.handle import Handle
    from taskflow.kernel.contract import Contract
    from taskflow.kernel.flow import Batch, Run, Step
    from taskflow.kernel.flow_errors import (
        InvalidWorkflow,
        RunCancelled,
        RunFailed,
        RunNotFound,
        RunStateConflict,
        WorkflowNotFound,
    )
    from taskflow.kernel.job import Enqueued, Job, Options, Refusal
    from taskflow.kernel.limits import Breaker, Rate
    from taskflow.kernel.outcome import Cancel, Discard, RateLimited, RetryLater, Snooze
    from taskflow.kernel.retry import Retry
    from taskflow.kernel.schedule import InvalidCron, Schedule, ScheduleNotFound
    from taskflow.limits import Limit
    from taskflow.run import RunHandle
    from taskflow.task import Task

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "BatchHandle",
    "Breaker",
    "Cancel",
    "Context",
    "Contract",
    "DatabaseUnreachable",
    "Discard",
    "Enqueued",
    "Flow",
    "Handle",
    "Interrupted",
    "InvalidArguments",
    "InvalidCron",
    "InvalidWorkflow",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobNotFound",
    "JobStateConflict",
    "LeaseLost",
    "Limit",
    "Node",
    "Options",
    "Rate",
    "RateLimited",
    "Refusal",
    "ResultTimeout",
    "Retry",
    "RetryLater",
    "Run",
    "RunCancelled",
    "RunFailed",
    "RunHandle",
    "RunNotFound",
    "RunStateConflict",
    "Schedule",
    "ScheduleNotFound",
    "Snooze",
    "Step",
    "Task",
    "TaskTimeout",
    "Taskflow",
    "TaskflowError",
    "UnknownTask",
    "WorkflowNotFound",
    "__version__",
    "load_app",
]

_HOMES = {
    "taskflow.app": ("Taskflow", "load_app"),
    "taskflow.batch": ("BatchHandle",),
    "taskflow.context": ("Context", "Interrupted"),
    "taskflow.errors": (
        "DatabaseUnreachable",
        "InvalidArguments",
        "JobCancelled",
        "JobFailed",
        "JobNotFound",
        "JobStateConflict",
        "LeaseLost",
        "ResultTimeout",
        "TaskflowError",
        "TaskTimeout",
        "UnknownTask",
    ),
    "taskflow.flow": ("Flow", "Node"),
    "taskflow.handle": ("Handle",),
    "taskflow.kernel.contract": ("Contract",),
    "taskflow.kernel.flow": ("Batch", "Run", "Step"),
    "taskflow.kernel.flow_errors": (
        "InvalidWorkflow",
        "RunCancelled",
        "RunFailed",
        "RunNotFound",
        "RunStateConflict",
        "WorkflowNotFound",
    ),
    "taskflow.kernel.job": ("Enqueued", "Job", "Options", "Refusal"),
    "taskflow.kernel.limits": ("Breaker", "Rate"),
    "taskflow.kernel.outcome": ("Cancel", "Discard", "RateLimited", "RetryLater", "Snooze"),
    "taskflow.kernel.retry": ("Retry",),
    "taskflow.limits": ("Limit",),
    "taskflow.kernel.schedule": ("InvalidCron", "Schedule", "ScheduleNotFound"),
    "taskflow.run": ("RunHandle",),
    "taskflow.task": ("Task",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
