"""The places of an executor, its threads or child processes: who has one, who waits for one.

A run waits here, not in the executor's own queue, so that a worker knows which of its jobs have
begun: only those count as running, by their timeout and at a shutdown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskflow.worker.pace import Pace
from taskflow.worker.run import Run

AHEAD_S = 0.1
"""Jobs are held ready for what ends within this time at the present pace."""


class Places:
    """`count` places, given out in the order of asking."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._turns = asyncio.Semaphore(count)
        self._holders: set[Run] = set()
        self._pace = Pace()
        self.waiting = 0
        """Runs that wait for a place."""

    @asynccontextmanager
    async def take(self, run: Run) -> AsyncIterator[None]:
        """A place for the time of the block; `run` can be stopped while it waits for one."""
        run.waits_since = time.monotonic()
        self.waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self.waiting -= 1
        run.waits_since = None
        self._holders.add(run)
        try:
            yield
        finally:
            self._holders.discard(run)
            self._turns.release()
            self._pace.ended += 1
            self._pace.measure()

    @property
    def wanted(self) -> int:
        """How many more jobs to hold: one that runs and one ready for each place, and what ends
        soon. Below zero when there are too many. A thread that its handler does not give back is
        none to count on."""
        lost = sum(run.is_given_up for run in self._holders)
        ahead = int(self._pace.per_second * AHEAD_S)
        return 2 * (self._count - lost) + ahead - (len(self._holders) - lost) - self.waiting
