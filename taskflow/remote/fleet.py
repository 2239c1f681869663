"""Queues, workers, tasks and operations on the REST API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from taskflow.calls import operations, queues, reads, workers
from taskflow.errors import ConfigurationError, JobStateConflict, QueueNotFound, UnknownTask
from taskflow.kernel.listing import QueueLine, TaskLine, VersionLine, WorkerLine
from taskflow.kernel.operations import Operation, OperationItem, OperationNotFound, OperationVerb
from taskflow.remote.script import (
    NO_END,
    Request,
    Script,
    at,
    get,
    listed,
    or_none,
    post,
    read,
    stands_for,
)


class TaskDetail(msgspec.Struct):
    """What GET /tasks/{name} answers."""

    task: TaskLine
    jobs: list[VersionLine]
    workers: list[WorkerLine] | None


@stands_for(reads.clock)
def clock() -> Script[datetime]:
    """The server's time, to the second: the Date of an answer."""
    answer = yield get("/me")
    date = answer.headers.get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)


def check_tenant(wanted: str) -> Script[None]:
    """Raises `ConfigurationError` where the key belongs to another tenant than the settings name:
    nothing may be done in one that was not meant."""

    class Me(msgspec.Struct):
        tenant: str

    found = (yield get("/me")).read(Me).tenant
    if found != wanted:
        raise ConfigurationError(
            f'the settings name the tenant "{wanted}", and the key belongs to "{found}"',
            "Take a key of that tenant, or leave the setting out.",
        )


# --- queues ---------------------------------------------------------------------------------------


@stands_for(reads.queues)
def list_queues(tenant: str) -> Script[list[QueueLine]]:
    return listed(QueueLine, "/queues")


@stands_for(reads.is_queue_known)
def is_queue_known(queue: str) -> Script[bool]:
    return (yield from _queue(queue)) is not None


@stands_for(reads.queue_names)
def queue_names(prefix: str) -> Script[list[str]]:
    lines = yield from listed(QueueLine, "/queues")
    return [line.name for line in lines if line.name.startswith(prefix)][: reads.NAMES]


@stands_for(queues.pause)
def pause(
    queue: str,
    reason: str | None = None,
    resume_at: datetime | None = None,
    tenant: str | None = None,
) -> Script[None]:
    yield post(at("queues", queue, "pause"), reason=reason, resume_at=resume_at)


@stands_for(queues.resume)
def resume(queue: str, tenant: str | None = None) -> Script[bool]:
    """The API says only how it is afterwards, so a look comes first."""
    before = yield from _queue(queue)
    if before is None or before.paused_at is None:
        return False
    yield post(at("queues", queue, "resume"))
    return True


def _queue(name: str) -> Script[QueueLine | None]:
    return or_none(read(QueueLine, get(at("queues", name))), QueueNotFound)


# --- workers and tasks ----------------------------------------------------------------------------


@stands_for(reads.workers)
def list_workers(limit: int | None = None, after: int = 0) -> Script[list[WorkerLine]]:
    lines = yield from listed(WorkerLine, "/workers")
    return [line for line in lines if line.id > after][:limit]


@stands_for(workers.drain)
def drain(worker_id: int) -> Script[bool]:
    line = yield from read(WorkerLine, post(at("workers", worker_id, "drain")))
    return line.state != "lost"


@stands_for(reads.tasks)
def tasks(
    name: str | None = None, limit: int | None = None, after: str | None = None
) -> Script[list[TaskLine]]:
    if name is not None:
        found = yield from _task(name)
        return [found.task] if found else []
    lines = yield from listed(TaskLine, "/tasks")
    return [line for line in lines if after is None or line.name > after][:limit]


@stands_for(reads.task_names)
def task_names(prefix: str) -> Script[list[str]]:
    lines = yield from listed(TaskLine, "/tasks")
    return [line.name for line in lines if line.name.startswith(prefix)][: reads.NAMES]


@stands_for(reads.workers_knowing)
def workers_knowing(task: str) -> Script[list[WorkerLine]]:
    """None of them for keys that may not see workers."""
    found = yield from _task(task)
    return (found and found.workers) or []


@stands_for(reads.versions)
def versions(task: str, tenant: str | None = None) -> Script[list[VersionLine]]:
    found = yield from _task(task)
    return found.jobs if found else []


def _task(name: str) -> Script[TaskDetail | None]:
    return or_none(read(TaskDetail, get(at("tasks", name))), UnknownTask)


# --- operations -----------------------------------------------------------------------------------


@stands_for(operations.start)
def start_operation(
    verb: OperationVerb,
    which: dict[str, Any],
    *,
    params: dict[str, Any] | None = None,
    rate: int | None = None,
    reason: str | None = None,
    up_to: int | None = None,
    expected: int = 0,
    queue: str = "default",
    tenant: str | None = None,
) -> Script[int]:
    """The API takes the jobs that are there when it begins; it counts them itself."""
    wanted = {**which}
    if "ids" in wanted:
        wanted["ids"] = [str(id) for id in wanted["ids"]]
    made = yield from read(
        Operation,
        post(
            "/operations", verb=verb, filter=wanted, params=params or None, rate=rate,
            reason=reason, all=True, worker_queue=queue if queue != "default" else None,
        ),
    )  # fmt: skip
    return made.id


@stands_for(operations.get)
def get_operation(
    id: int, tenant: str, queues: Sequence[str] | None = None
) -> Script[Operation | None]:
    return or_none(read(Operation, get(at("operations", id))), OperationNotFound)


@stands_for(operations.latest)
def latest_operations(
    tenant: str, limit: int, before: int | None = None, queues: Sequence[str] | None = None
) -> Script[list[Operation]]:
    return listed(Operation, "/operations", limit, below=before)


@stands_for(operations.items)
def operation_items(
    id: int, tenant: str, *, refused: bool, limit: int, after: int = 0
) -> Script[list[OperationItem]]:
    path = at("operations", id, "items")
    lines = yield from listed(OperationItem, path, NO_END if after else limit, refused=refused)
    return [line for line in lines if line.job_id > after][:limit]


@stands_for(operations.cancel)
def cancel_operation(id: int, tenant: str | None = None) -> Script[bool]:
    try:
        yield Request("DELETE", at("operations", id))
    except JobStateConflict:
        return False
    return True


@stands_for(operations.undo)
def undo_operation(
    id: int, reason: str | None = None, queue: str = "default", tenant: str | None = None
) -> Script[int]:
    made = yield from read(Operation, post(at("operations", id, "undo"), reason=reason))
    return made.id
