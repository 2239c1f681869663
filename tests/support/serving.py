"""A worker in the test's own loop, and waits that leave that loop its turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from taskflow import Taskflow
from taskflow.worker import Weight, Worker
from tests.support.waiting import until_async

T = TypeVar("T")


@asynccontextmanager
async def serving(
    app: Taskflow,
    queues: Mapping[str, int | Weight] | None = None,
    *,
    settled: bool = True,
    **options: Any,
) -> AsyncIterator[Worker]:
    """Runs a worker until the block ends, then stops it without grace; `settled` waits until its
    first look has found nothing, with LISTEN at work where it can be."""
    worker = Worker(app, queues, **options)
    running = asyncio.create_task(worker.run())
    try:
        await eventually(lambda: running.done() or _is_ready(worker, settled), what="it serves")
        yield worker
    finally:
        worker.stop(now=True)
        await asyncio.wait_for(running, 30)


async def eventually(condition: Callable[[], T], *, seconds: float = 10, what: str = "") -> T:
    """The first true answer of a plain condition; the loop runs on in between."""

    async def look() -> T:
        return condition()

    return await until_async(look, seconds=seconds, what=what)


def _is_ready(worker: Worker, settled: bool) -> bool:
    if not worker.queues or not settled:
        return bool(worker.queues)
    listens = worker.wakeups.is_listening or worker.app.settings.pooled
    return worker.wakeups.looked_in_vain and listens
