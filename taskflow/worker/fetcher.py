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
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from taskflow.calls import leases
from taskflow.kernel.job import Claimed
from taskflow.store.call import Call
from taskflow.worker.jams import Jams
from taskflow.worker.pace import AHEAD_S
from taskflow.worker.slots import QueueSlots

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
        *,
        priorities: Sequence[int],
        prefetch: int,
        jams: Jams,
        refused: Collection[str] = (),
    ) -> None:
        self.worker_id = worker_id
        self._queues = queues
        self._pools = list(dict.fromkeys(queues.values()))
        self._shared = {name for pool in self._pools if pool.is_shared for name in pool.names}
        self._shared_free = 0
        self._at_most = sys.maxsize
        self._lease = lease
        self._priorities = priorities
        self._prefetch = prefetch
        self.jams = jams
        self._refused = refused
        """Tasks that this worker has met and does not know: claims pass them by."""
        self._after: dict[str, dict[str, leases.Position]] = {}
        self._next_sweep = 0.0
        self._is_sweep = True
        self.fronts: list[str] = []
        """The queues that the last claim looked at from the front."""
        self._asked: dict[str, int] = {}
        self._turn = 0
        self._row_bytes = 200.0
        self._drained = set(queues)
        """Queues whose last claim got less than it asked for: empty, as far as it saw. Each by
        itself, or an idle queue would slow its busy neighbours down to the poll interval."""

    def wanted(self) -> int:
        """How many more jobs this worker wants now."""
        return sum(sum(self._rooms(pool).values()) for pool in self._pools)

    def _rooms(self, pool: QueueSlots) -> dict[str, int]:
        return pool.rooms(self._ahead(pool), self._drained, self.jams.most)

    def _ahead(self, pool: QueueSlots) -> int:
        """How many to hold beyond those in slots."""
        ahead = int(pool.pace.per_second * AHEAD_S)
        return min(ahead, self._prefetch, int(LARGEST_BYTES / self._row_bytes))

    @property
    def asked(self) -> set[str]:
        """The queues that the last claim asked for something."""
        return {name for name, asked in self._asked.items() if asked}

    @property
    def is_saturated(self) -> bool:
        """Has a queue more than was asked for last?"""
        return len(self._drained) < len(self._queues)

    @property
    def may_find_more(self) -> bool:
        """Is there room for jobs of a queue that was not drained, or that some were put back to?"""
        return any(
            room and (name not in self._drained or self.jams.is_at_front(name))
            for pool in self._pools
            for name, room in self._rooms(pool).items()
        )

    def call(self, at_most: int | None = None) -> Call[list[Claimed]]:
        """The next claim; a sweep when one is due or the last walk came back short."""
        self._is_sweep = not self.may_find_more or time.monotonic() >= self._next_sweep
        self._at_most = sys.maxsize if at_most is None else at_most
        fronts = {name for name in self._queues if self.jams.is_at_front(name)}
        self._asked.clear()
        with self.jams.asking():
            for pool in self._in_turn():
                if pool.is_shared:
                    self._shared_free = pool.free(self._ahead(pool))
                for name, room in self._rooms(pool).items():
                    self._asked[name] = min(room, LARGEST_CLAIM)
                    self.jams.promise(name, self._asked[name])
        names = list(self._asked)
        self.fronts = [n for n in names if self._asked[n] and (self._is_sweep or n in fronts)]
        return leases.claim(
            self.worker_id,
            names,
            [self._asked[name] for name in names],
            self._lease,
            priorities=self._priorities,
            after=None if self._is_sweep else self._positions(),
            refuse=self._refused,
            at_most=at_most,
            shared=self._shared_free if self._shared else None,
            is_shared=[name in self._shared for name in names] if self._shared else None,
        )

    def _in_turn(self) -> list[QueueSlots]:
        """What pools share, a limit or threads, goes to each in turn."""
        self._turn = (self._turn + 1) % len(self._pools)
        return self._pools[self._turn :] + self._pools[: self._turn]

    def _positions(self) -> dict[str, dict[str, leases.Position]]:
        if not self.fronts:
            return self._after
        return {name: found for name, found in self._after.items() if name not in self.fronts}

    def learn(self, jobs: Sequence[Claimed], took_s: float) -> None:
        """Moves the positions behind what was taken.

        A sweep that got all it asked for moves them back, so that the walk goes on from there; one
        that came back short has left nothing behind, and the positions stay.
        """
        if self._is_sweep:
            self._next_sweep = time.monotonic() + max(SWEEP_EVERY_S, SWEEP_SHARE * took_s)
        got = Counter(job.queue for job in jobs) if len(self._queues) > 1 else None
        is_full = len(jobs) >= self._at_most
        got_shared = sum(got[name] for name in self._shared) if got else 0
        is_pool_full = bool(self._shared) and got_shared >= self._shared_free
        for queue, asked in self._asked.items():
            came = len(jobs) if got is None else got[queue]
            if asked > came and (is_full or (is_pool_full and queue in self._shared)):
                continue  # the others took all the room: it may not even have been looked at
            if asked > came:
                self._drained.add(queue)
            elif asked:
                self._drained.discard(queue)
        if not jobs:
            return
        # a job from a lane says nothing about the ready line
        last = {(job.queue, job.priority): job for job in jobs if job.lane_id is None}
        for (name, priority), job in last.items():
            self._after.setdefault(name, {})[str(priority)] = (job.run_at.isoformat(), job.id)
        sample = jobs[:: max(len(jobs) // 8, 1)]
        mean = sum(len(job.args) for job in sample) / len(sample) + 200
        self._row_bytes += (mean - self._row_bytes) / 4

    def forget_positions(self) -> None:
        """After a reconnect nothing is known for sure: start from the front."""
        self._after.clear()
        self._drained = set(self._queues)
