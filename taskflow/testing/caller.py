"""Runs coroutines in a loop of another thread, and what they hand back in the thread that asked.

So `drain()` runs `def` handlers where the test runs: what is bound to that thread (Django's
connections, a request, a patch) is there, and no event loop is in the way of blocking calls.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from taskflow.context import Context
from taskflow.kernel.records import running_job
from taskflow.task import Task
from taskflow.worker.executors import Executor
from taskflow.worker.places import Places
from taskflow.worker.run import Run

T = TypeVar("T")


class CallerThread:
    """An executor that runs handlers in the thread that called `serve`."""

    def __init__(self) -> None:
        self.places = Places(1)
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def serve(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs `work()` in a loop elsewhere, and here what it asks for, until it ends."""
        done: Future[T] = Future()

        def elsewhere() -> None:
            try:
                done.set_result(asyncio.run(work()))
            except BaseException as error:  # noqa: BLE001 - goes to the thread that waits
                done.set_exception(error)
            finally:
                self._asked.put(None)

        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(elsewhere,), name="taskflow drain", daemon=True
        )
        thread.start()
        while (asked := self._asked.get()) is not None:
            asked()
        thread.join()
        return done.result()

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        run.is_interruptible = False
        run.begin()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

        def asked() -> None:
            here = contextvars.copy_context()
            here.run(running_job.set, context.claimed)
            try:
                value, failed = here.run(task.handle, context), None
            except BaseException as error:  # noqa: BLE001 - goes to the loop
                value, failed = None, error
            loop.call_soon_threadsafe(answer.set_result, (value, failed))

        self._asked.put(asked)
        value, failed = await answer
        if failed is not None:
            raise failed
        return value

    def close(self) -> None:
        """Nothing to close: the thread is the caller's."""


class OneByOne:
    """An executor that calls handlers of many jobs with one at a time; `def` in `threads`."""

    def __init__(self, threads: Executor) -> None:
        self.places = threads.places
        self._threads = threads

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        if task.signature.is_async:
            run.begin()
            return await task.handle(context)
        return await self._threads.run(task, context, run)

    def close(self) -> None:
        """Nothing to close: the threads are another's."""
