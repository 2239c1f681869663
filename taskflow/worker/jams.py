"""Keeps jobs for threads and child processes from piling up in a worker that cannot run them yet.

What a job runs in shows only when it is claimed. A worker keeps as many as its places want (see
Places.wanted); what is more goes back at once, so that other workers can have it. The queue is then
jammed for this worker: jobs that it cannot run stand at the front. It takes of them, from the
front, what becomes wanted; and while nothing is, it looks past them for jobs of other kinds. That
costs a claim and a release for each one in the way, so it is rationed: `PASSES` in a window, which
grows from 1 to 10 s while nothing else is found.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
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
    """What is known of the front of one queue: jobs of `kinds`, more than are wanted."""

    kinds: set[str] = field(default_factory=set)
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
        queues: Mapping[str, QueueSlots],
    ) -> None:
        self._tasks = tasks
        self._executors = executors
        self._queues = queues
        self._jams: dict[str, Jam] = {}
        self._promised: Counter[str] = Counter()
        self._seen = 0
        self._has_others = False

    def most(self, queue: str) -> int:
        """How many jobs of a queue to ask for at most."""
        jam = self._jams.get(queue)
        if jam is None:
            return sys.maxsize
        jam.refill()
        return self._wanted_of(jam) or max(jam.passes, 0)

    def is_at_front(self, queue: str) -> bool:
        """Is what this worker wants now at the front of the queue, where it put it back?"""
        jam = self._jams.get(queue)
        return jam is not None and self._wanted_of(jam) > 0

    def promise(self, queue: str, count: int) -> None:
        """So many of a queue are asked for: in the same claim, they are wanted of no other."""
        if (jam := self._jams.get(queue)) is not None and self._wanted_of(jam):
            self._promised.update(dict.fromkeys(jam.kinds, count))

    def forget_promises(self) -> None:
        self._promised.clear()

    def sort_out(
        self, jobs: list[Claimed], fronts: Iterable[str]
    ) -> tuple[list[Claimed], list[Claimed]]:
        """Claimed jobs as those to keep and those to hand back; `fronts` are the queues that were
        looked at from the front."""
        if not self._jams and not self._has_other_kinds():
            return jobs, []
        wanted = {kind: self._wanted(kind) for kind in self._executors}
        kept: list[Claimed] = []
        back: list[Claimed] = []
        for job in jobs:
            kind = self._kind(job)
            if kind not in wanted:
                kept.append(job)
            elif wanted[kind] > 0:
                wanted[kind] -= 1
                kept.append(job)
            else:
                back.append(job)
        self._learn(kept, back, fronts)
        return kept, back

    def _learn(self, kept: list[Claimed], back: list[Claimed], fronts: Iterable[str]) -> None:
        in_the_way = {(job.queue, self._kind(job)) for job in (*kept, *back)} if self._jams else ()
        for queue in fronts:
            jam = self._jams.get(queue)
            if jam is not None and not any((queue, kind) in in_the_way for kind in jam.kinds):
                del self._jams[queue]  # others have taken them
        for job in back:
            jam = self._jams.setdefault(job.queue, Jam())
            jam.kinds.add(self._kind(job))
            jam.passes -= 1
        for queue, jam in self._jams.items():
            jam.has_found |= any(job.queue == queue and self._kind(job) not in jam.kinds
                                 for job in kept)  # fmt: skip

    def _wanted_of(self, jam: Jam) -> int:
        return max(min(map(self._wanted, jam.kinds)), 0)

    def _wanted(self, kind: str) -> int:
        """How many more jobs of a kind to hold, with those that no slot has begun counted in."""
        held = sum(self._kind(job) == kind for queue in self._queues.values()
                   for job in queue.waiting)  # fmt: skip
        return self._executors[kind].places.wanted - held - self._promised[kind]

    def _kind(self, job: Claimed) -> str:
        task = self._tasks.get(job.task)
        return "async" if task is None else task.run_in

    def _has_other_kinds(self) -> bool:
        """Has the app any task that is not async? Most have not, and pay nothing here."""
        if self._seen != len(self._tasks):
            self._seen = len(self._tasks)
            self._has_others = any(task.run_in != "async" for task in self._tasks.values())
        return self._has_others
