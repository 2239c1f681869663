"""One pool of slots for several queues, shared by their weights.

While all have jobs, each gets slots in proportion to its weight; what one does not need, the others
use. Nothing is taken away from a job that runs: a queue that comes back gets its share as slots
become free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from taskflow.kernel.job import Claimed
from taskflow.worker.slots import QueueSlots, RunJob


class SharedSlots(QueueSlots):
    """The slots of all queues in `weights`."""

    def __init__(
        self, weights: Mapping[str, int], slots: int, run: RunJob, on_room: Callable[[], None]
    ) -> None:
        super().__init__("+".join(weights), slots, self._run_and_count, on_room)
        self.names = weights.keys()
        self._weights = weights
        self._run_one = run
        self._held: Counter[str] = Counter()

    def put(self, jobs: Iterable[Claimed]) -> None:
        jobs = list(jobs)
        self._held.update(job.queue for job in jobs)
        super().put(jobs)

    def take_unstarted(self) -> list[Claimed]:
        unstarted = super().take_unstarted()
        self._held.subtract(job.queue for job in unstarted)
        return unstarted

    def forget(self, lost: Claimed) -> None:
        if lost in self.waiting:
            self._held[lost.queue] -= 1
        super().forget(lost)

    def rooms(self, ahead: int, drained: Collection[str]) -> dict[str, int]:
        """By weight among those that have jobs. A queue that had none lately, and holds less than
        its share, is asked for one more than there is room for: enough to see that it has."""
        free = self.slots + ahead - self.in_hand
        rooms = dict.fromkeys(self._weights, 0)
        if free <= 0:
            return rooms
        hungry = {name: weight for name, weight in self._weights.items() if name not in drained}
        rooms |= fill(free, self._held, hungry)
        if not hungry:
            return rooms | fill(free, self._held, self._weights)
        total = sum(self._weights.values())
        for name in drained:
            weight = self._weights.get(name)
            if weight is not None and self._held[name] * total < self.slots * weight:
                rooms[name] = 1
        return rooms

    async def _run_and_count(self, job: Claimed) -> None:
        try:
            await self._run_one(job)
        finally:
            self._held[job.queue] -= 1


def fill(free: int, held: Mapping[str, int], weights: Mapping[str, int]) -> dict[str, int]:
    """How many of `free` slots each queue gets, so that all come as near to their shares of
    everything that is held as can be without taking any away."""
    names, level = list(weights), 0.0
    while names:
        level = (free + sum(held[name] for name in names)) / sum(weights[name] for name in names)
        under = [name for name in names if held[name] < level * weights[name]]
        if len(under) == len(names):
            break
        names = under
    given = {name: int(level * weights[name]) - held[name] for name in names}
    left = free - sum(given.values())
    for name in sorted(names, key=lambda name: (held[name] + given[name]) / weights[name])[:left]:
        given[name] += 1
    return given
