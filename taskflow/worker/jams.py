"""Keeps jobs for threads and child processes from piling up in a worker that cannot run them yet.

What a job runs in shows only when it is claimed. A worker keeps as many as its places want (see
Places.wanted); what is more goes back at once, so that other workers can have it. The queue is then
jammed for this worker: it asks for as many as are wanted, of those that went back first; and while
none is wanted, it looks past them for jobs of other kinds. That costs a claim and a release for
each one in the way, so it is rationed: `PASSES` in a window, which grows from 1 to 10 s while
nothing else is found.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from taskflow.kernel.job import Claimed
from taskflow.task import Task
from taskflow.worker.executors import Executor
from taskflow.worker.slots import QueueSlots

PASSES = 100
SHORTEST_WINDOW_S = 1.0
LONGEST_WINDOW_S = 10.0


@dataclass(slots=True)
class Jam:
    """One queue that has more jobs of `kinds` than are wanted."""

    kinds: set[str] = field(default_factory=set)
    back: set[int] = field(default_factory=set)
    """Jobs that went back and may still be there, behind what was claimed since."""
    passes: int = PASSES
    window_s: float = SHORTEST_WINDOW_S
    window_end: float = field(default_factory=lambda: time.monotonic() + SHORTEST_WINDOW_S)
    has_found: bool = False
    """Was there a job of another kind behind them, in this window?"""

    def refill(self) -> None:
        now = time.monotonic()
        if now >= self.window_end:
            longer = min(self.window_s * 2, LONGEST_WINDOW_S)
            self.window_s = SHORTEST_WINDOW_S if self.has_found else longer
            self.window_end = now + self.window_s
            self.passes, self.has_found = PASSES, False


class Jams:
    """Says how many jobs of a queue to ask for, and which of those claimed to keep."""

    def __init__(
        self,
        tasks: Mapping[str, Task[..., Any]],
        executors: Mapping[str, Executor],
        pools: Sequence[QueueSlots],
    ) -> None:
        self._tasks = tasks
        self._executors = executors
        self._pools = pools
        self._jams: dict[str, Jam] = {}
        self._promised: Counter[str] = Counter()
        self._asked: dict[str, int] = {}
        """By queue, how many the last claim asked for because they were wanted."""
        self._kinds: dict[str, str] = {}
        self._seen = 0

    def most(self, queue: str) -> int:
        """How many jobs of a queue to ask for at most."""
        jam = self._jams.get(queue)
        if jam is None:
            return sys.maxsize
        jam.refill()
        return self._wanted_of(jam) or max(jam.passes, 0)

    def is_at_front(self, queue: str) -> bool:
        """Has this worker put back what it wants now?"""
        jam = self._jams.get(queue)
        return jam is not None and bool(jam.back) and self._wanted_of(jam) > 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around the making of a claim: what one queue is asked for is wanted of no other."""
        self._asked.clear()
        yield
        self._promised.clear()

    def promise(self, queue: str, asked: int) -> None:
        """So many of a queue are asked for."""
        jam = self._jams.get(queue)
        if jam is not None and asked and self._wanted_of(jam):
            self._asked[queue] = asked
            self._promised.update(dict.fromkeys(jam.kinds, asked))

    def sort_out(
        self, jobs: list[Claimed], fronts: Iterable[str]
    ) -> tuple[list[Claimed], list[Claimed]]:
        """Claimed jobs as those to keep and those to hand back; `fronts` are the queues that were
        looked at from the front."""
        kinds = self._other_kinds()
        if not self._jams and not (kinds and any(job.task in kinds for job in jobs)):
            return jobs, []  # most apps have async tasks only, and pay nothing here
        wanted = {kind: self._wanted(kind) for kind in self._executors}
        kept: list[Claimed] = []
        back: list[Claimed] = []
        for job in jobs:
            kind = kinds.get(job.task)
            if kind is not None and wanted[kind] <= 0:
                back.append(job)
                continue
            if kind is not None:
                wanted[kind] -= 1
            kept.append(job)
        if self._jams:
            self._learn(kept, back, fronts)
        for job in back:
            jam = self._jams.setdefault(job.queue, Jam())
            jam.kinds.add(kinds[job.task])
            jam.back.add(job.id)
            jam.passes -= 1
        return kept, back

    def _learn(self, kept: list[Claimed], back: list[Claimed], fronts: Iterable[str]) -> None:
        """A jam is over when there were fewer of its kinds than were asked for."""
        kinds = self._other_kinds()
        for queue, jam in list(self._jams.items()):
            came = [job for job in (*kept, *back) if job.queue == queue]
            of_kind = [job for job in came if kinds.get(job.task) in jam.kinds]
            if len(of_kind) < self._asked.get(queue, 0):
                del self._jams[queue]
                continue
            jam.has_found |= len(of_kind) < len(came)
            seen = jam.back.intersection(job.id for job in came)
            jam.back -= seen
            if not seen and queue in fronts:
                jam.back.clear()  # others have taken them

    def _wanted_of(self, jam: Jam) -> int:
        return max(min(map(self._wanted, jam.kinds)), 0)

    def _wanted(self, kind: str) -> int:
        """How many more jobs of a kind to hold: those that no slot has begun are held already."""
        kinds = self._other_kinds()
        held = sum(kinds.get(job.task) == kind for pool in self._pools for job in pool.waiting)
        return self._executors[kind].places.wanted - held - self._promised[kind]

    def _other_kinds(self) -> Mapping[str, str]:
        """What the tasks that are not async run in, by name."""
        if self._seen != len(self._tasks):
            self._seen = len(self._tasks)
            self._kinds = {
                name: task.run_in for name, task in self._tasks.items() if task.run_in != "async"
            }
        return self._kinds
