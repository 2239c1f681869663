"""How many jobs end per second, lately: by this the worker decides how many to claim ahead."""

from __future__ import annotations

import time

AHEAD_S = 0.1
"""Jobs are held ready for what ends within this time at the present pace."""
WINDOW_S = 0.05
STALE_S = 1.0
"""After so long without a measurement the pace is at most what the time since then allows."""


class Pace:
    """Count in `ended`, and call `measure` now and then."""

    def __init__(self) -> None:
        self.ended = 0
        self._since = time.monotonic()
        self._rate = 0.0

    @property
    def per_second(self) -> float:
        elapsed = time.monotonic() - self._since
        return self._rate if elapsed < STALE_S else min(self._rate, self.ended / elapsed)

    def measure(self) -> None:
        now = time.monotonic()
        elapsed = now - self._since
        if elapsed >= WINDOW_S:
            self._rate += (self.ended / elapsed - self._rate) * min(elapsed / 0.2, 1.0)
            self.ended = 0
            self._since = now
