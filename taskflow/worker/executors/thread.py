"""Runs `def` handlers in threads.

A thread cannot be stopped from outside: a run that should stop is told through its context and
keeps its slot and its thread until it ends.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from taskflow.context import Context
from taskflow.task import Task
from taskflow.worker.places import Places
from taskflow.worker.run import Run


class ThreadExecutor:
    """A pool of threads, started as they are needed."""

    def __init__(self, threads: int) -> None:
        self.places = Places(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="taskflow")

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        run.is_interruptible = False

        def work() -> Any:
            run.begin()
            args, kwargs = task.signature.bind(context.raw_args)
            if task.signature.takes_context:
                return task.fn(context, *args, **kwargs)
            return task.fn(*args, **kwargs)

        future = self._pool.submit(contextvars.copy_context().run, work)
        run.withdraw = future.cancel
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
