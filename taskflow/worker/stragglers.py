"""Ends that hold others up: settled apart, on a link of their own, so that nobody waits for them.

A row that somebody else has locked makes its whole batch wait, and a value that the database
refuses makes it fail. Either batch comes here and is halved until the culprit is alone. One that is
refused ends as failed; one that is locked is tried again, at growing pauses, for as long as it
takes: its lease runs out or it is let go.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Callable

from taskflow.calls import leases
from taskflow.store.link import APART, BUSY, Link, LinkDown
from taskflow.worker.ends import Parcel

logger = logging.getLogger("taskflow.worker")
SHORTEST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class Stragglers:
    """`add` takes a parcel; `keep_settling` ends them all, one after another."""

    def __init__(
        self,
        on_settled: Callable[[Parcel, leases.Refused], None],
        on_refused: Callable[[Parcel, Exception], None],
    ) -> None:
        self._on_settled = on_settled
        self._on_refused = on_refused
        self._parcels: list[tuple[float, int, float, Parcel]] = []
        """A heap of (when to try, order of arrival, pause after that, parcel)."""
        self._order = itertools.count()
        self._under_way = 0
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """How many ends are here."""
        return self._under_way + sum(len(parcel) for *_, parcel in self._parcels)

    def add(self, parcel: Parcel, pause_s: float = 0.0) -> None:
        due = time.monotonic() + pause_s
        following = max(pause_s * 2, SHORTEST_PAUSE_S)
        heapq.heappush(self._parcels, (due, next(self._order), following, parcel))
        self._news.set()

    async def keep_settling(self, link: Link) -> None:
        """Until cancelled. The link is closed while nothing is here."""
        while True:
            self._news.clear()
            if not self._parcels:
                await link.close()
                await self._news.wait()
            elif (wait_s := self._parcels[0][0] - time.monotonic()) > 0:
                await self._sleep(wait_s)
            else:
                *_, pause_s, parcel = heapq.heappop(self._parcels)
                self._under_way = len(parcel)
                await self._settle(link, parcel, pause_s)
                self._under_way = 0

    async def _settle(self, link: Link, parcel: Parcel, pause_s: float) -> None:
        try:
            answer = await link.run(parcel.call(), raises=APART)
        except LinkDown:
            self.add(parcel)
        except APART as error:
            if len(parcel) > 1:
                for half in parcel.halves():
                    self.add(half)
            elif isinstance(error, BUSY):
                self.add(parcel, min(pause_s, LONGEST_PAUSE_S))
            else:
                self._on_refused(parcel, error)
        else:
            self._on_settled(parcel, answer)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
