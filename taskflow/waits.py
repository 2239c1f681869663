"""Waiting for the end of a job, a run or a batch: woken when told, looking by itself meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from taskflow.calls import jobs
from taskflow.errors import ResultTimeout
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.store.listen import sleep_until_told

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.store.call import Call

T = TypeVar("T")
FIRST_LOOK = 0.05
LONGEST_LOOK = 1.0


class Wait:
    """One wait for `what`, whose end is told as "done <id>"; runs and batches have ids of the
    jobs' sequence.

    A notification that is lost, or that a pooler cannot carry, costs no more than the pauses
    between two looks, which grow up to 1 s.
    """

    def __init__(
        self, app: Taskflow, what: str, id: int, tenant: str, timeout: Duration | None
    ) -> None:
        self._app = app
        self._what = f"{what} {id}"
        self._id = id
        self._tenant = tenant
        self._pause = FIRST_LOOK
        self.deadline = float("inf")
        if timeout is not None:
            self.deadline = time.monotonic() + parse_duration(timeout).total_seconds()

    def until(self, look: Callable[[], Call[T]], is_over: Callable[[T], bool]) -> T:
        """What `look` found once it is over. Raises `ResultTimeout`."""
        found = self._app.run(look())
        if is_over(found):
            return found
        with self._app.database.listening() as connection:
            while True:
                self._app.run(jobs.watch(self._id, self._tenant))
                found = self._app.run(look())
                if is_over(found):
                    return found
                sleep_until_told(connection, f"done {self._id}", self._next_pause())

    async def auntil(self, look: Callable[[], Call[T]], is_over: Callable[[T], bool]) -> T:
        """`until` for async code."""
        found = await self._app.arun(look())
        if is_over(found):
            return found
        told = asyncio.Event()
        listener = self._app.listener()
        unsubscribe = listener.subscribe(f"done {self._id}", lambda _payload: told.set())
        try:
            while True:
                told.clear()
                if listener.is_listening:
                    await self._app.arun(jobs.watch(self._id, self._tenant))
                found = await self._app.arun(look())
                if is_over(found):
                    return found
                try:
                    async with asyncio.timeout(self._next_pause()):
                        await told.wait()
                except TimeoutError:
                    continue
        finally:
            unsubscribe()

    def _next_pause(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ResultTimeout.of(
                self._id, f"{self._what} has not finished in time", "It goes on; ask again later."
            )
        self._pause = min(self._pause * 1.5, LONGEST_LOOK, left)
        return self._pause
