"""What any worker does for all: takes back jobs of dead ones, fires schedules, keeps partitions and
retention.

No leader: every call is safe to make twice, and the functions let only one caller work at a time.
Each look for lost jobs also says when a schedule is due, so that waiting for a tick costs no
statement of its own and the tick is met to some ten milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from taskflow.app import Taskflow
from taskflow.calls import leases, schedules
from taskflow.errors import TaskflowError
from taskflow.kernel.phrases import plural
from taskflow.store.call import DriverError

logger = logging.getLogger("taskflow.worker")
SPREAD_S = 0.05
"""Workers come to a tick within this time of each other: the first one fires, the rest find it
done."""
RETRY_S = 1.0
"""Until the next try, after an error or where another session holds what is due."""
FLUSH_EVERY = timedelta(seconds=1)
SWEEP_PAUSE_S = 1.0
"""Between two rounds when the first has left work: others want the disk too."""


class Upkeep:
    """Four loops: reap often, fire when a schedule is due, maintain now and then, and hand in the
    worker's own statistics each second."""

    def __init__(
        self, app: Taskflow, lease: timedelta, flush: Callable[[], Awaitable[None]]
    ) -> None:
        self._app = app
        self._flush = flush
        self._second_look = lease / 2
        self._tasks: list[asyncio.Task[None]] = []
        self._due_at = math.inf
        self._is_told = asyncio.Event()
        self.reaped = self.fired = 0
        self.last_error: Exception | None = None

    def start(self) -> None:
        settings = self._app.settings
        self._tasks = [
            asyncio.create_task(self._repeat(self._reap, settings.reap_interval)),
            asyncio.create_task(self._repeat(self._fire, timedelta(0))),
            asyncio.create_task(self._repeat(self._maintain, settings.maintain_interval)),
            asyncio.create_task(self._repeat(self._flush, FLUSH_EVERY)),
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
        taken, due_in = await self._app.arun(schedules.reap_and_look(self._second_look))
        # never later than known: a tick that waits for a job is due a second from whenever one asks
        self._due_at = min(self._due_at, _moment(due_in))
        self._is_told.set()
        if taken:
            self.reaped += taken
            said = plural(taken, "job")
            logger.warning("took back %s of workers that stopped renewing", said)

    async def _fire(self) -> None:
        """Waits until a schedule is due, and fires."""
        while (left := self._due_at - time.monotonic()) > 0:
            self._is_told.clear()
            try:
                async with asyncio.timeout(left if left < math.inf else None):
                    await self._is_told.wait()
            except TimeoutError:
                break
        await asyncio.sleep(random.uniform(0, SPREAD_S))
        retry_at = self._due_at = time.monotonic() + RETRY_S  # unless the answer says better
        fired, due_in = await self._app.arun(schedules.fire())
        self.fired += fired
        if fired or due_in is None or due_in > 0:  # else somebody holds what is due: leave it be
            heard = math.inf if self._due_at == retry_at else self._due_at
            self._due_at = min(heard, _moment(due_in))

    async def _maintain(self) -> None:
        while (done := await self._app.arun(leases.maintain())) and done["more"]:
            if done["records_swept"]:
                await asyncio.sleep(SWEEP_PAUSE_S)


def _moment(due_in: float | None) -> float:
    """When to fire, by the monotonic clock, if something is due in so many seconds."""
    return math.inf if due_in is None else time.monotonic() + due_in
