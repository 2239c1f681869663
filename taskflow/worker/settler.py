"""Collects how attempts ended and writes it; forgets nothing before it is confirmed.

A completed job without a result costs two list appends. While one batch is on its way the next
fills up, so batches grow with the load and a lone job is settled at once. A batch whose reply was
lost is sent again: settle answers "already" for what had been applied. What holds others up goes to
the stragglers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from taskflow.calls import leases
from taskflow.kernel.durations import as_interval
from taskflow.kernel.job import Claimed
from taskflow.kernel.phrases import plural
from taskflow.store.call import first_line
from taskflow.store.link import APART, Link, LinkDown
from taskflow.worker.ends import Batch, LateResult, Parcel
from taskflow.worker.hand import Hand
from taskflow.worker.stragglers import Stragglers
from taskflow.worker.tally import Tally

logger = logging.getLogger("taskflow.worker")


class Settler:
    """`completed` and `ended` note an end; `keep_settling` writes what was noted."""

    def __init__(
        self,
        hand: Hand,
        on_confirmed: Callable[[], None],
        on_orphan: Callable[[Claimed, str], None] = lambda _job, _result: None,
        *,
        tally: Tally,
    ) -> None:
        self._hand = hand
        self._tally = tally
        self._on_confirmed = on_confirmed
        self._on_orphan = on_orphan
        self._news = asyncio.Event()
        self._batches: list[Batch] = [Batch()]
        self._late: deque[LateResult] = deque()
        self._under_way = 0
        self.stragglers = Stragglers(self._confirm, self._refuse)
        self.finished = 0
        self.failed = 0
        self.stale = 0

    @property
    def unconfirmed(self) -> int:
        """Ends that are not in the database yet, as far as this process knows."""
        noted = sum(map(len, self._batches)) + len(self._late)
        return self._under_way + noted + len(self.stragglers)

    def completed(self, job: Claimed, result: bytes | None) -> None:
        job.ended_at = monotonic()
        batch = self._open_batch()
        if result is not None:
            if batch.results is None:
                batch.results = ["null"] * len(batch.done)
            batch.results.append(result.decode())
            batch.bytes += len(result)
        elif batch.results is not None:
            batch.results.append("null")
        batch.done.append(job)
        self.finished += 1

    def settled_by_handler(self, job: Claimed, result: bytes | None, *, is_awaited: bool) -> None:
        """The handler's own transaction has settled it; only the result, or the word that there is
        none, may be missing."""
        self.finished += 1
        job.ended_at = monotonic()
        self._tally.completed([job])
        self._hand.drop([job])
        if result is not None or is_awaited:
            self._late.append(LateResult(job, result))
            self._news.set()

    def ended(
        self,
        job: Claimed,
        outcome: str,
        *,
        delay: timedelta | None = None,
        until: datetime | None = None,
        reason: str | None = None,
        error: dict[str, str] | None = None,
        hold_limit: str | None = None,
    ) -> None:
        """Notes any end but a plain completion: failed, snoozed, cancelled, released, discarded."""
        job.ended_at = monotonic()
        other = {
            "id": job.id,
            "claim_no": job.claim_no,
            "tenant": job.tenant,
            "outcome": outcome,
            "delay": None if delay is None else as_interval(delay),
            "until": until,
            "reason": reason,
            "error": error,
        }
        if hold_limit is not None:
            other["hold_limit"] = hold_limit
        batch = self._open_batch()
        batch.others.append((job, other))
        batch.bytes += len((error or {}).get("traceback", ""))
        if outcome in ("failed", "discarded"):
            self.failed += 1

    def lost(self, job: Claimed) -> None:
        """Its run was stopped as its lease was lost: nothing to write, only to count."""
        job.ended_at = monotonic()
        self._tally.ended(job, "lost")

    async def keep_settling(self, link: Link) -> None:
        """Writes batches until cancelled; a link that is down only delays them."""
        while True:
            self._news.clear()
            while len(self._batches) > 1 and not len(self._batches[0]):
                self._batches.pop(0)
            if not self._late and not len(self._batches[0]):
                await self._news.wait()
            if len(self._batches[0]):
                batch = self._take()
                if not await self._settle(link, batch):
                    self._batches.insert(0, batch)
            if self._late and await self._settle(link, self._late[0]):
                self._late.popleft()

    async def _settle(self, link: Link, parcel: Parcel) -> bool:
        """Sends a parcel; False: nobody knows whether it arrived, and it must be sent again."""
        self._under_way = len(parcel)
        try:
            refused = await link.run(parcel.call(), raises=APART)
        except LinkDown:
            return False
        except APART as error:
            many = plural(len(parcel), "end")
            logger.warning("%s settled apart: %s", many, first_line(error))
            self.stragglers.add(parcel)
        else:
            self._confirm(parcel, refused)
        finally:
            self._under_way = 0
        return True

    def _confirm(self, parcel: Parcel, refused: leases.Refused) -> None:
        """Lets go of ends that are in the database; counts and tells what was refused."""
        malformed = {(id, no) for id, no, status in refused if status == "refused"}
        if malformed:
            for job in parcel.jobs:
                if (job.id, job.claim_no) in malformed:
                    self._hand.give_up(job)
        self._hand.drop(parcel.jobs)
        if isinstance(parcel, Batch):
            self._tally.settled(parcel, refused)
        for id, claim_no, status in refused:
            if status == "stale":
                self.stale += 1
                logger.warning(
                    "job %d: its lease was lost, so the end of claim %d was refused", id, claim_no
                )
                if isinstance(parcel, Batch):
                    self._tell_orphan(parcel, id, claim_no)
            elif status == "refused":
                logger.error("job %d: the end of claim %d is malformed", id, claim_no)
        self._on_confirmed()

    def _tell_orphan(self, batch: Batch, id: int, claim_no: int) -> None:
        for job, result in zip(batch.done, batch.results or (), strict=False):
            if (job.id, job.claim_no) == (id, claim_no):
                self._on_orphan(job, result)

    def _refuse(self, parcel: Parcel, error: Exception) -> None:
        """A value of one job cannot be stored: it fails alone, or has no result."""
        (job,) = parcel.jobs
        logger.error("job %d: its end cannot be stored: %s", job.id, first_line(error))
        if isinstance(parcel, LateResult):
            self._late.append(LateResult(job, None))
            self._news.set()
        else:
            self.ended(job, "failed", reason="unstorable", error=_said(error))

    def _take(self) -> Batch:
        batch = self._batches.pop(0)
        if not self._batches:
            self._batches.append(Batch())
        return batch

    def _open_batch(self) -> Batch:
        batch = self._batches[-1]
        if batch.is_full:
            batch = Batch()
            self._batches.append(batch)
        self._news.set()
        return batch


def _said(error: Exception) -> dict[str, str]:
    return {"class": "taskflow.errors.UnstorableResult", "message": str(error)[:500]}
