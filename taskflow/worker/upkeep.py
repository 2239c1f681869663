"""What any worker does for all: takes back jobs of dead ones, and keeps partitions and retention.

No leader: every call is safe to make twice, and the functions let only one caller work at a time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

from taskflow.app import Taskflow
from taskflow.calls import leases
from taskflow.errors import TaskflowError
from taskflow.store.call import DriverError

logger = logging.getLogger("taskflow.worker")
SWEEP_PAUSE_S = 1.0
"""Between two rounds when the first has left work: others want the disk too."""


class Upkeep:
    """Two loops: reap often, maintain now and then."""

    def __init__(self, app: Taskflow, lease: timedelta) -> None:
        self._app = app
        self._second_look = lease / 2
        self._tasks: list[asyncio.Task[None]] = []
        self.reaped = 0
        self.last_error: Exception | None = None

    def start(self) -> None:
        settings = self._app.settings
        self._tasks = [
            asyncio.create_task(self._repeat(self._reap, settings.reap_interval)),
            asyncio.create_task(self._repeat(self._maintain, settings.maintain_interval)),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)  # a silent network holds them for longer

    async def _repeat(self, work: Callable[[], Awaitable[None]], every: timedelta) -> None:
        """Runs `work` for ever, with jitter, so that workers started together drift apart."""
        while True:
            try:
                await work()
                self.last_error = None
            except (DriverError, TaskflowError) as error:
                if self.last_error is None:
                    logger.warning("upkeep failed, will try again: %s", error)
                self.last_error = error
            await asyncio.sleep(every.total_seconds() * random.uniform(0.8, 1.2))

    async def _reap(self) -> None:
        taken = await self._app.arun(leases.reap(self._second_look))
        if taken:
            self.reaped += taken
            logger.warning("took back %d jobs of workers that stopped renewing", taken)

    async def _maintain(self) -> None:
        answer = await self._app.arun(leases.maintain())
        while leases.left_work(answer):
            await asyncio.sleep(SWEEP_PAUSE_S)
            answer = await self._app.arun(leases.maintain())
