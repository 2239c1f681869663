"""Runs `def` handlers in threads.

A thread cannot be stopped from outside: a run that should stop is told through its context and
keeps its slot and its thread until it ends.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from taskflow.context import Context
from taskflow.task import Task
from taskflow.worker.places import Places
from taskflow.worker.run import Run

R = TypeVar("R")


class ThreadExecutor:
    """A pool of threads, started as they are needed."""

    def __init__(self, threads: int) -> None:
        self.places = Places(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="taskflow")

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        run.is_interruptible = False

        def work() -> Any:
            run.begin()
            return task.handle(context)

        future = self.submit(work)
        run.withdraw = future.cancel
        return await asyncio.wrap_future(future)

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Runs `work` in a thread, with the context variables of the caller."""
        return self._pool.submit(contextvars.copy_context().run, _without_stop_iteration, work)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _without_stop_iteration(work: Callable[[], R]) -> R:
    """No future takes a StopIteration: whoever waits for it would wait for ever."""
    try:
        return work()
    except StopIteration as error:
        raise RuntimeError("the handler raised StopIteration") from error
