"""The slots of one queue: long-lived tasks that each run one job at a time.

A slot takes the next job as soon as its own has ended, so one slow job idles no other. A task per
slot, not per job: starting an asyncio task for each no-op job costs more than the rest of the work.
What a task per job would give is a context of its own, so a slot whose job left context variables
changed retires, and a fresh one takes its place.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable

from taskflow.kernel.job import Claimed
from taskflow.kernel.records import running_job
from taskflow.worker.pace import Pace

logger = logging.getLogger("taskflow.worker")
TIME_SLICE_S = 0.002
"""How long slots may run jobs that never wait before the loop gets a turn."""

RunJob = Callable[[Claimed], Awaitable[None]]


class QueueSlots:
    """Jobs of one queue, claimed and waiting or running in one of `slots` tasks."""

    is_shared = False

    def __init__(self, queue: str, slots: int, run: RunJob, on_room: Callable[[], None]) -> None:
        self.queue = queue
        self.names: Collection[str] = (queue,)
        """The queues whose jobs run here."""
        self.slots = slots
        self.running = 0
        self.pace = Pace()
        self.waiting: deque[Claimed] = deque()
        """Claimed, and not begun by a slot."""
        self._run = run
        self._on_room = on_room
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._clean = contextvars.copy_context()
        self._low_water = 0
        self._closed = False

    @property
    def in_hand(self) -> int:
        """Claimed and not ended."""
        return len(self.waiting) + self.running

    @property
    def is_full(self) -> bool:
        """Is a job at work in every slot?"""
        return self.running >= self.slots

    @property
    def is_low(self) -> bool:
        """Is it time to claim more, so that it arrives before the slots run dry?"""
        return len(self.waiting) <= self._low_water

    def free(self, ahead: int) -> int:
        """How many more jobs to claim, if `ahead` are held beyond those in slots."""
        return max(self.slots + ahead - self.in_hand, 0)

    def rooms(
        self,
        ahead: int,
        drained: Collection[str],  # noqa: ARG002
        most: Callable[[str], int],
    ) -> dict[str, int]:
        """How many to ask each queue for, in the order to ask. `drained` are queues that had fewer
        than they were asked for last; `most` is how many to ask a queue for at most."""
        return {self.queue: min(self.free(ahead), most(self.queue))}

    def put(self, jobs: Iterable[Claimed]) -> None:
        """Queues claimed jobs and wakes a slot; each slot wakes the next while there is work."""
        self.waiting.extend(jobs)
        self._low_water = len(self.waiting) // 2
        if self.waiting and not self._spares():
            self._wake_one()

    def take_unstarted(self) -> list[Claimed]:
        """Takes back what no slot has begun, to be released."""
        unstarted = list(self.waiting)
        self.waiting.clear()
        return unstarted

    def forget(self, lost: Claimed) -> None:
        """Drops a job whose lease is lost, if it still waits; not a later claim of the same."""
        self.waiting = deque(job for job in self.waiting if job is not lost)

    async def close(self) -> None:
        """Ends the slots; running jobs should have ended before."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spares(self) -> int:
        """Slots that are awake and have no job: woken, or between two jobs."""
        return len(self._tasks) - len(self._idle) - self.running

    def _wake_one(self) -> None:
        while self._idle:
            sleeper = self._idle.pop()
            if not sleeper.done():
                sleeper.set_result(None)
                return
        if len(self._tasks) < self.slots:
            self._start_one()

    def _start_one(self) -> None:
        task = asyncio.get_running_loop().create_task(
            self._slot(), name=f"taskflow-{self.queue}", context=self._clean.copy()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _slot(self) -> None:
        """One spare besides the slot at work is enough: it goes on when that one's job waits."""
        slice_end = time.monotonic() + TIME_SLICE_S
        while not self._closed:
            if not self.waiting:
                await self._sleep()
                slice_end = time.monotonic() + TIME_SLICE_S
                continue
            job = self.waiting.popleft()
            if self.waiting and self._spares() == 1:
                self._wake_one()
            self.running += 1
            running_job.set(job)
            before = contextvars.copy_context()
            try:
                await self._run(job)
            except Exception:
                logger.exception("job %d: a mistake of ours", job.id)
            finally:
                self.running -= 1
                self.pace.ended += 1
            if len(self.waiting) <= self._low_water:
                self._on_room()
            if contextvars.copy_context() != before:
                self._retire()
                return
            if time.monotonic() >= slice_end:
                await self._yield()
                slice_end = time.monotonic() + TIME_SLICE_S

    async def _yield(self) -> None:
        """Lets the loop look at its sockets, and the spare, if there is one, go on instead."""
        if self._spares() > 1:
            await self._sleep()
        else:
            self.pace.measure()
            await asyncio.sleep(0)

    async def _sleep(self) -> None:
        self.pace.measure()
        if self._closed:
            return  # the job took the cancellation for its own, and nobody wakes this slot any more
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(sleeper)
        try:
            await sleeper
        finally:
            if sleeper in self._idle:
                self._idle.remove(sleeper)

    def _retire(self) -> None:
        """Makes way for a slot with a clean context."""
        current = asyncio.current_task()
        if current is not None:
            self._tasks.discard(current)
        if not self._closed:
            self._start_one()
