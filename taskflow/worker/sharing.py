"""One pool of slots for several queues, shared by their weights.

While all have jobs, each gets slots in proportion to its weight; what one does not need, the others
use. Nothing is taken away from a job that runs: a queue that comes back gets its share as slots
become free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from taskflow.kernel.job import Claimed
from taskflow.worker.limits import Weight
from taskflow.worker.slots import QueueSlots, RunJob


def make_pools(
    served: Mapping[str, int | Weight], shared: int, run: RunJob, on_room: Callable[[], None]
) -> list[QueueSlots]:
    """One for each queue that has slots of its own, and a last one for all that share."""
    own = {name: slots for name, slots in served.items() if isinstance(slots, int)}
    weights = {name: w.share for name, w in served.items() if isinstance(w, Weight)}
    pools = [QueueSlots(name, slots, run, on_room) for name, slots in own.items()]
    return [*pools, SharedSlots(weights, shared, run, on_room)] if weights else pools


class SharedSlots(QueueSlots):
    """The slots of all queues in `weights`."""

    is_shared = True

    def __init__(
        self, weights: Mapping[str, int], slots: int, run: RunJob, on_room: Callable[[], None]
    ) -> None:
        super().__init__("+".join(weights), slots, self._run_and_count, on_room)
        self.names = weights.keys()
        self._weights = weights
        self._run_one = run
        self._held: Counter[str] = Counter()
        self._times = dict.fromkeys(weights, 0.0)
        """How many jobs of each were taken, by its weight: what is left over when slots do not
        divide goes to the one with the least. Time stands still for a queue without jobs, so it
        is set forward to `_clock` when it has some again."""
        self._clock = 0.0

    def put(self, jobs: Iterable[Claimed]) -> None:
        jobs = list(jobs)
        counts = Counter(job.queue for job in jobs)
        self._held.update(counts)
        for name, count in counts.items():
            self._times[name] = self._time(name) + count / self._weights[name]
        super().put(jobs)

    def take_unstarted(self) -> list[Claimed]:
        unstarted = super().take_unstarted()
        self._held.subtract(job.queue for job in unstarted)
        return unstarted

    def forget(self, lost: Claimed) -> None:
        if any(job is lost for job in self.waiting):
            self._held[lost.queue] -= 1
        super().forget(lost)

    def rooms(
        self, ahead: int, drained: Collection[str], most: Callable[[str], int]
    ) -> dict[str, int]:
        """By weight among those that have jobs; the others are asked for one, to see whether they
        have some now. The claim bounds what all get together by what is free."""
        free = self.free(ahead)
        caps = {name: min(most(name), free) for name in self._weights}
        # of two at the same time the one first of which nothing is known
        in_order = sorted(self._weights, key=lambda name: (self._time(name), name not in drained))
        hungry = [name for name in in_order if name not in drained and caps[name]]
        if hungry:
            self._clock = self._time(hungry[0])
        wanted = hungry or in_order
        given = fill(free, self._held, {name: self._weights[name] for name in wanted}, caps)
        return {
            name: max(given.get(name, 0), min(1, caps[name]) if name in drained else 0)
            for name in in_order
        }

    def _time(self, name: str) -> float:
        return max(self._times[name], self._clock)

    async def _run_and_count(self, job: Claimed) -> None:
        try:
            await self._run_one(job)
        finally:
            self._held[job.queue] -= 1


def fill(
    free: int, held: Mapping[str, int], weights: Mapping[str, int], caps: Mapping[str, int]
) -> dict[str, int]:
    """How many of `free` slots each queue gets, at most its cap, so that all come as near to their
    shares of everything that is held as can be without taking any away. Those that `weights` names
    first get what does not divide."""
    given: dict[str, int] = {}
    names = dict(weights)
    while free > 0 and names:
        shares = _by_level(free, held, names)
        capped = {name for name, share in shares.items() if share >= caps[name]}
        for name in capped or shares:
            given[name] = min(shares[name], caps[name])
            free -= given[name]
            del names[name]
        if not capped:
            break
    return given


def _by_level(free: int, held: Mapping[str, int], weights: Mapping[str, int]) -> dict[str, int]:
    """`fill` without caps."""
    names, level = list(weights), 0.0
    while names:
        level = (free + sum(held[name] for name in names)) / sum(weights[name] for name in names)
        under = [name for name in names if held[name] < level * weights[name]]
        if len(under) == len(names):
            break
        names = under
    given = {name: int(level * weights[name]) - held[name] for name in names}
    left = free - sum(given.values())
    for name in names[:left]:
        given[name] += 1
    return given
