"""The task that does operations: acts on the jobs of a filter, chunk by chunk, at a given rate.

How far it has come is in the operation's row, written with each chunk: a run that begins again
goes on from there, and two runs at once, after a lost lease, cannot do a chunk twice.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from taskflow.calls import operations
from taskflow.context import Context
from taskflow.kernel.job import Options
from taskflow.kernel.operations import TASK, Operation
from taskflow.kernel.retry import Retry
from taskflow.task import Task

if TYPE_CHECKING:
    from taskflow.app import Taskflow

CHUNK = 100
"""Jobs per statement: their rows are locked until its end, and a worker may want to settle one."""


def add_to(app: Taskflow) -> None:
    """Lets the workers of an app do operations."""
    if TASK not in app.tasks:
        retry = Retry(20)
        options = Options(max_attempts=retry.max_attempts)
        app.register(Task(app, operate, name=TASK, options=options, retry=retry, run_in="async"))


async def operate(ctx: Context, operation_id: int) -> dict[str, int]:
    """Goes through an operation; answers how many jobs were done and refused."""
    app, tenant = ctx.app, ctx.tenant
    operation = await app.arun(operations.get(operation_id, tenant))
    begun, count = time.monotonic(), 0
    while operation is not None and operation.is_under_way:
        ids = await _next(app, operation, tenant)
        state = await app.arun(operations.act(operation.id, operation.last_id, ids, tenant))
        count += len(ids)
        operation = await app.arun(operations.get(operation_id, tenant))
        if state == "overtaken":
            break
        if operation is not None and operation.rate and ids:
            await asyncio.sleep(max(begun + count / operation.rate - time.monotonic(), 0))
    if operation is None:
        return {}
    return {"done": operation.done, "refused": operation.refused}


async def _next(app: Taskflow, operation: Operation, tenant: str) -> list[int]:
    """The next jobs; no more than the rate allows in a quarter of a second."""
    limit = min(CHUNK, max(operation.rate // 4, 1)) if operation.rate else CHUNK
    after = operation.last_id
    if operation.undoes is not None:
        return await app.arun(operations.served_ids(operation.undoes, tenant, limit, after))
    # SQLAlchemy, which builds the read, takes 10 MB that most workers never need
    from taskflow.store import filters

    wanted = operation.jobs(tenant)
    return await app.arun(filters.ids(wanted, limit, after, operation.up_to))
