"""Collects how attempts ended and writes it; forgets nothing before it is confirmed.

A completed job without a result costs two list appends. While one batch is on its way the next
fills up, so batches grow with the load and a lone job is settled at once. A batch whose reply was
lost is sent again: settle answers "already" for what had been applied.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from taskflow.calls import leases
from taskflow.kernel.job import Claimed
from taskflow.store.call import Call
from taskflow.store.link import BUSY, UNSTORABLE, Link, LinkDown
from taskflow.worker.hand import Hand

logger = logging.getLogger("taskflow.worker")
LARGEST_BATCH = 4_000
LARGEST_BYTES = 16_000_000


@dataclass(slots=True)
class Batch:
    """Ends to be written together. `results` is parallel to `done`, None while all are null."""

    done: list[Claimed] = field(default_factory=list)
    results: list[str] | None = None
    others: list[tuple[Claimed, dict[str, Any]]] = field(default_factory=list)
    bytes: int = 0

    def __len__(self) -> int:
        return len(self.done) + len(self.others)

    @property
    def is_full(self) -> bool:
        return len(self) >= LARGEST_BATCH or self.bytes >= LARGEST_BYTES

    @property
    def jobs(self) -> list[Claimed]:
        return [*self.done, *(job for job, _ in self.others)]

    def singles(self) -> list[Batch]:
        """The same ends, one to a batch."""
        results = self.results or ["null"] * len(self.done)
        done = [Batch([job], [result]) for job, result in zip(self.done, results, strict=True)]
        return done + [Batch(others=[other]) for other in self.others]

    def call(self) -> Call[leases.Refused]:
        others = msgspec.json.encode([other for _, other in self.others]) if self.others else None
        plain = all(job.tenant == "default" for job in self.done)
        return leases.settle_many(
            [job.id for job in self.done],
            [job.claim_no for job in self.done],
            f"[{','.join(self.results)}]" if self.results else None,
            others,
            None if plain else [job.tenant for job in self.done],
        )


class Settler:
    """`completed` and `ended` note an end; `keep_settling` writes what was noted."""

    def __init__(
        self,
        hand: Hand,
        on_confirmed: Callable[[], None],
        on_orphan: Callable[[Claimed, str], None] = lambda _job, _result: None,
    ) -> None:
        self._hand = hand
        self._on_confirmed = on_confirmed
        self._on_orphan = on_orphan
        self._news = asyncio.Event()
        self._batches: list[Batch] = [Batch()]
        self._late_results: list[tuple[Claimed, bytes]] = []
        self._under_way = 0
        self.finished = 0
        self.failed = 0
        self.stale = 0

    @property
    def unconfirmed(self) -> int:
        """Ends that are not in the database yet, as far as this process knows."""
        return self._under_way + sum(map(len, self._batches)) + len(self._late_results)

    def completed(self, job: Claimed, result: bytes | None) -> None:
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

    def settled_by_handler(self, job: Claimed, result: bytes | None) -> None:
        """The handler's own transaction has settled it; only the result may be missing."""
        self.finished += 1
        self._hand.drop([job])
        if result is not None:
            self._late_results.append((job, result))
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
    ) -> None:
        """Notes any end but a plain completion: failed, snoozed, cancelled, released, discarded."""
        other = {
            "id": job.id,
            "claim_no": job.claim_no,
            "tenant": job.tenant,
            "outcome": outcome,
            "delay": None if delay is None else f"{delay.total_seconds()} seconds",
            "until": until,
            "reason": reason,
            "error": error,
        }
        batch = self._open_batch()
        batch.others.append((job, other))
        batch.bytes += len((error or {}).get("traceback", ""))
        if outcome in ("failed", "discarded"):
            self.failed += 1

    async def keep_settling(self, link: Link) -> None:
        """Writes batches until cancelled; a link that is down only delays them."""
        while True:
            self._news.clear()
            try:
                while len(self._batches) > 1 and not len(self._batches[0]):
                    self._batches.pop(0)
                if not self._late_results and not len(self._batches[0]):
                    await self._news.wait()
                if len(self._batches[0]):
                    await self._settle(link, self._take())
                if self._late_results:
                    await self._store_late_result(link)
            except LinkDown:
                continue

    async def _settle(self, link: Link, batch: Batch) -> None:
        self._under_way = len(batch)
        try:
            refused = await link.run(batch.call())
        except UNSTORABLE as error:
            logger.error("a batch was refused, settling its %d jobs singly: %s", len(batch), error)
            await self._settle_singly(link, batch)
        except BUSY:
            logger.warning("a job of a batch is locked, settling its %d jobs singly", len(batch))
            await self._settle_singly(link, batch)
        except BaseException:
            self._batches.insert(0, batch)
            raise
        else:
            self._confirm(batch, refused)
        finally:
            self._under_way = 0

    async def _settle_singly(self, link: Link, batch: Batch) -> None:
        """No content of one job may hold up the others: the one that is refused fails alone."""
        waiting = batch.singles()
        while waiting:
            part = waiting[0]
            try:
                self._confirm(part, await link.run(part.call()))
            except UNSTORABLE as error:
                self.ended(part.jobs[0], "failed", reason="unstorable", error=_said(error))
            except BUSY:
                self._batches.append(part)  # somebody holds its row: behind all others
            except LinkDown:
                continue
            waiting.pop(0)

    async def _store_late_result(self, link: Link) -> None:
        job, result = self._late_results[0]
        try:
            await link.run(leases.set_result(job.id, job.claim_no, result, job.tenant))
        except UNSTORABLE as error:
            logger.error("job %d: its result cannot be stored: %s", job.id, error)
        self._late_results.remove((job, result))
        self._on_confirmed()

    def _confirm(self, batch: Batch, refused: leases.Refused) -> None:
        """Lets go of a batch that is in the database; counts and tells what was refused."""
        malformed = {(id, no) for id, no, status in refused if status == "refused"}
        for job, _ in batch.others:
            if (job.id, job.claim_no) in malformed:
                self._hand.give_up(job)
        self._hand.drop(batch.done)
        self._hand.drop(job for job, _ in batch.others)
        for id, claim_no, status in refused:
            if status == "stale":
                self.stale += 1
                logger.warning(
                    "job %d: its lease was lost, so the end of claim %d was refused", id, claim_no
                )
                for job, result in zip(batch.done, batch.results or (), strict=False):
                    if (job.id, job.claim_no) == (id, claim_no):
                        self._on_orphan(job, result)
            elif status == "refused":
                logger.error("job %d: the end of claim %d is malformed", id, claim_no)
        self._on_confirmed()

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
