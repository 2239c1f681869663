"""/tasks: the contracts that workers published."""

from __future__ import annotations

import msgspec
from litestar import get

from taskflow.access.rules import RULES, refusal
from taskflow.api.answers import Page, paged, read_cursor
from taskflow.api.fields import Cursor, Limit, NamePath
from taskflow.api.session import Injected
from taskflow.calls import reads
from taskflow.errors import UnknownTask
from taskflow.kernel.listing import TaskLine, VersionLine, WorkerLine


class TaskDetail(msgspec.Struct, frozen=True):
    """A task with its jobs by version, and the live workers that know it."""

    task: TaskLine
    jobs: list[VersionLine]
    """Of the caller's tenant and queues."""
    workers: list[WorkerLine] | None
    """None for those who may not see workers."""


@get("/tasks", name="tasks.list")
async def list_tasks(session: Injected, limit: Limit = 50, cursor: Cursor = None) -> Page[TaskLine]:
    """List published tasks: their argument schema, defaults and version."""
    after = read_cursor(session.signer, "tasks", cursor)
    found = await session.run(reads.tasks(limit=limit + 1, after=after))
    return paged(session, found, limit, "tasks", lambda line: line.name)


@get("/tasks/{name:str}", name="tasks.get")
async def get_task(session: Injected, name: NamePath) -> TaskDetail:
    """Show a task's contract, its jobs by version, and who can run it."""
    found = await session.run(reads.tasks(name))
    if not found:
        raise UnknownTask(f'no worker has published a task "{name}"', "See GET /tasks.")
    workers = None
    if refusal(RULES["workers.list"], session.who) is None:
        workers = await session.run(reads.workers_knowing(name))
    return TaskDetail(found[0], await session.run(reads.versions(name, session.tenant)), workers)


ROUTES = [list_tasks, get_task]
