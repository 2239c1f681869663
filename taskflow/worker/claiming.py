"""Takes jobs for the slots, on a connection of its own, and deals them out.

A claim whose answer was lost has taken jobs that nobody here knows of: the next connection hands
them back before it claims again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskflow.calls import leases
from taskflow.kernel.job import Claimed
from taskflow.kernel.phrases import plural
from taskflow.store.call import arun
from taskflow.store.link import Link, LinkDown
from taskflow.worker.fetcher import Fetcher
from taskflow.worker.hand import Hand
from taskflow.worker.settler import Settler
from taskflow.worker.slots import QueueSlots
from taskflow.worker.waiting import Wakeups

logger = logging.getLogger("taskflow.worker")


class Claiming:
    """Claims by what the fetcher decides. Give `link` its `on_connect` from here."""

    def __init__(
        self,
        worker_id: int,
        hand: Hand,
        queues: Mapping[str, QueueSlots],
        fetcher: Fetcher,
        settler: Settler,
        *,
        touch: Callable[[Iterable[str]], None],
    ) -> None:
        self._worker_id = worker_id
        self._hand = hand
        self._queues = queues
        self._fetcher = fetcher
        self._settler = settler
        self._touch = touch
        self._in_doubt = False
        self.claimed = 0
        """Jobs taken so far, and not handed back at once."""
        self._in_vain: set[str] = set()
        """Queues in which nothing was found while nothing was held, since there was something."""

    @property
    def is_exhausted(self) -> bool:
        """Nothing was found in any queue while nothing was held: no job is left, nor on its way. Or
        none can be taken any more: what is busy then are handlers that do not end."""
        return len(self._in_vain) == len(self._queues) or not self._fetcher.wanted()

    def wanted(self) -> int:
        """How many jobs the slots want now; none while they have work in store."""
        is_low = any(queue.is_low for queue in self._queues.values())
        return self._fetcher.wanted() if is_low else 0

    async def claim(self, link: Link, wakeups: Wakeups, at_most: int) -> None:
        """One claim, dealt out; a link that is down only costs time."""
        wakeups.note_look()
        sent_at = time.monotonic()
        held_nothing = not self._hand.held
        self._in_doubt = True
        try:
            jobs = await link.run(self._fetcher.call(at_most), binary=True)
            self._in_doubt = False
            self._in_vain |= self._fetcher.asked if held_nothing and not jobs else set()
            if jobs or not held_nothing:
                self._in_vain.clear()
            self._hand.take(jobs, sent_at)
            self._fetcher.learn(jobs, time.monotonic() - sent_at)
            self._deal_out(jobs)
            # full queues ask for nothing, so they give no reason to look again at once
            may_find = self._fetcher.may_find_more or not self._fetcher.wanted()
            saturated = self._fetcher.is_saturated and may_find
            has_lanes = any(job.lane_id is not None for job in jobs)
            await wakeups.note(len(jobs), saturated=saturated, has_lanes=has_lanes)
        except LinkDown:
            self._fetcher.forget_positions()

    async def hand_back_unknown(self, connection: Any) -> None:
        """On a new connection: what was claimed by a statement whose answer never came."""
        if not self._in_doubt:
            return
        self._hand.doubt()
        count = await arun(connection, leases.disown(self._worker_id, list(self._hand.held)))
        self._in_doubt = False
        if count:
            logger.info("handed back %s whose claim was lost on the way", plural(count, "job"))

    def _deal_out(self, jobs: list[Claimed]) -> None:
        jobs, back = self._fetcher.jams.sort_out(jobs, self._fetcher.fronts)
        for job in back:
            self._settler.ended(job, "released")
        self.claimed += len(jobs)
        if len(self._queues) == 1:
            self._touch(self._queues if jobs else ())
            next(iter(self._queues.values())).put(jobs)
            return
        by_queue: dict[str, list[Claimed]] = {}
        for job in jobs:
            by_queue.setdefault(job.queue, []).append(job)
        self._touch(by_queue)
        for queue, found in by_queue.items():
            self._queues[queue].put(found)
