"""The places of an executor, its threads or child processes, and the runs that have or want one."""

from __future__ import annotations

import time
from collections.abc import Callable

from taskflow.worker.pace import AHEAD_S, Pace
from taskflow.worker.run import Run


class Places:
    """`count` places. Runs are here between `enter` and `leave`; whether one has its place yet, its
    `waits_since` tells."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.lost_elsewhere: Callable[[], int] = lambda: 0
        """How many of these places others have taken and do not give back."""
        self._runs: set[Run] = set()
        self._pace = Pace()

    def enter(self, run: Run) -> None:
        run.waits_since = time.monotonic()
        self._runs.add(run)

    def leave(self, run: Run) -> None:
        self._runs.discard(run)
        self._pace.ended += 1
        self._pace.measure()

    @property
    def waiting(self) -> int:
        """How many runs wait for a place: they have not begun. Asked from other threads, too."""
        return sum(run.waits_since is not None for run in self._runs.copy())

    @property
    def wanted(self) -> int:
        """How many more jobs to hold: one that runs and one ready for each place, and what ends
        soon. Below zero when there are too many. A thread that its handler does not give back is
        none to count on."""
        lost = self.lost
        places = max(self._count - lost - self.lost_elsewhere(), 0)
        ahead = int(self._pace.per_second * AHEAD_S)
        return 2 * places + ahead - (len(self._runs) - lost)

    @property
    def lost(self) -> int:
        """How many runs keep their place, though they were told to stop long ago."""
        return sum(run.is_given_up for run in self._runs)
