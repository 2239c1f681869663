"""How many jobs to claim, from which queues, and from where in the index.

Claims walk: the position behind the last job taken, per queue and priority, is sent along, so a
claim never re-reads what earlier claims left dead in the index. A sweep from the start finds what
appeared behind the position; it runs at least once a second, less often only as far as it is dear.

Ahead of free slots only as much is claimed as will start within `AHEAD_S` at the present rate: all
slots stay busy across a round trip, and no worker sits on a backlog that others could run.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from taskflow.calls import leases
from taskflow.kernel.job import Claimed
from taskflow.store.call import Call
from taskflow.worker.slots import QueueSlots

AHEAD_S = 0.1
SWEEP_EVERY_S = 1.0
SWEEP_SHARE = 30
"""A sweep that took t seconds is repeated after SWEEP_SHARE * t, if that is longer. Under an old
snapshot it re-reads what was claimed since, 0.25 us each: 150 ms after 600,000 jobs."""
LARGEST_CLAIM = 4_000
LARGEST_BYTES = 32_000_000


class Fetcher:
    """Builds claims and learns from their answers."""

    def __init__(
        self,
        worker_id: int,
        queues: Mapping[str, QueueSlots],
        lease: timedelta,
        priorities: Sequence[int],
        prefetch: int,
    ) -> None:
        self.worker_id = worker_id
        self._queues = queues
        self._lease = lease
        self._priorities = priorities
        self._prefetch = prefetch
        self._after: dict[str, dict[str, leases.Position]] = {}
        self._next_sweep = 0.0
        self._is_sweep = True
        self._asked: dict[str, int] = {}
        self._row_bytes = 200.0
        self._drained = set(queues)
        """Queues whose last claim got less than it asked for: empty, as far as it saw. Each by
        itself, or an idle queue would slow its busy neighbours down to the poll interval."""

    def room(self, queue: QueueSlots) -> int:
        """How many more jobs of a queue this worker wants now."""
        ahead = min(int(queue.rate * AHEAD_S), self._prefetch, int(LARGEST_BYTES / self._row_bytes))
        return max(queue.slots + ahead - queue.in_hand, 0)

    def wanted(self) -> int:
        return sum(map(self.room, self._queues.values()))

    @property
    def is_saturated(self) -> bool:
        """Has a queue more than was asked for last?"""
        return len(self._drained) < len(self._queues)

    @property
    def may_find_more(self) -> bool:
        """Is there room for jobs of a queue that was not drained?"""
        return any(
            self.room(queue) for name, queue in self._queues.items() if name not in self._drained
        )

    def call(self, at_most: int | None = None) -> Call[list[Claimed]]:
        """The next claim; a sweep when one is due or the last walk came back short."""
        self._is_sweep = not self.may_find_more or time.monotonic() >= self._next_sweep
        left = sys.maxsize if at_most is None else at_most
        for name, queue in self._queues.items():
            self._asked[name] = min(self.room(queue), LARGEST_CLAIM, left)
            left -= self._asked[name]
        return leases.claim(
            self.worker_id,
            list(self._queues),
            list(self._asked.values()),
            self._lease,
            priorities=self._priorities,
            after=None if self._is_sweep else self._after,
        )

    def learn(self, jobs: Sequence[Claimed], took_s: float) -> None:
        """Moves the positions behind what was taken.

        A sweep that got all it asked for moves them back, so that the walk goes on from there; one
        that came back short has left nothing behind, and the positions stay.
        """
        if self._is_sweep:
            self._next_sweep = time.monotonic() + max(SWEEP_EVERY_S, SWEEP_SHARE * took_s)
        got = Counter(job.queue for job in jobs) if len(self._queues) > 1 else None
        for queue, asked in self._asked.items():
            if asked > (len(jobs) if got is None else got[queue]):
                self._drained.add(queue)
            elif asked:
                self._drained.discard(queue)
        if not jobs:
            return
        last: dict[tuple[str, int], Claimed] = {(job.queue, job.priority): job for job in jobs}
        for (name, priority), job in last.items():
            self._after.setdefault(name, {})[str(priority)] = (job.run_at.isoformat(), job.id)
        sample = jobs[:: max(len(jobs) // 8, 1)]
        mean = sum(len(job.args) for job in sample) / len(sample) + 200
        self._row_bytes += (mean - self._row_bytes) / 4

    def forget_positions(self) -> None:
        """After a reconnect nothing is known for sure: start from the front."""
        self._after.clear()
        self._drained = set(self._queues)
