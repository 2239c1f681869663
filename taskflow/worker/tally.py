"""Counts how attempts ended, how long they ran and had waited, and hands that in once a second.

Fed by the settler when ends are in the database, whole batches at a time: 0.4 µs a job. What is on
its way is kept apart under its number until the answer comes, so that a flush whose fate is unknown
is sent again as it was, and the database adds it once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from taskflow.calls import stats
from taskflow.calls.leases import Refused
from taskflow.errors import TaskflowError
from taskflow.kernel.job import Claimed
from taskflow.kernel.stats import BOUNDS_S
from taskflow.store.call import Call, DriverError, first_line
from taskflow.worker.ends import Batch

logger = logging.getLogger("taskflow.worker")
Key = tuple[str, str, str, str]
"""Tenant, queue, task, outcome."""
MOST_KEYS = 500
"""Keys of one flush; further ones are counted together: producers choose task names freely."""
MOST_TOPICS = 50
LAST_FLUSH_S = 2.0
HOURS_EVERY_S = 30.0
"""The hour's counts are handed in more seldom: see taskflow.flush_stats."""
REST = "*"


class Tally:
    """The counts of one worker. Changed in the event loop, but for `touch`."""

    def __init__(self, lease: timedelta) -> None:
        self._lease_s = lease.total_seconds()
        self._lines: dict[Key, stats.Line] = {}
        self._hours: dict[Key, stats.Line] = {}
        self._hours_at = time.monotonic() + HOURS_EVERY_S
        self._is_last = False
        self._topics: set[str] = set()
        self._unsent: Call[bool] | None = None
        self._number = 0

    def settled(self, batch: Batch, refused: Refused) -> None:
        """This batch is in the database, but for what was refused."""
        done = batch.done
        if refused:
            status = {(id, claim_no): status for id, claim_no, status in refused}
            status = {claim: said for claim, said in status.items() if said != "already"}
            for job in batch.jobs:
                if status.get((job.id, job.claim_no)) == "stale":
                    self.ended(job, "lost")
            done = [job for job in done if (job.id, job.claim_no) not in status]
            others = [o for o in batch.others if (o[0].id, o[0].claim_no) not in status]
        else:
            others = batch.others
        self.completed(done)
        for job, end in others:
            self.ended(job, outcome_of(job, end))

    def completed(self, jobs: Sequence[Claimed]) -> None:
        """These have completed. A job's wait ends when its handler begins: what it waited until the
        claim, by the database's clock, and from there on by ours."""
        lines, lease_s, bounds = self._lines, self._lease_s, BOUNDS_S
        tenant = queue = task = ""
        line, count, run_total, wait_total = stats.Line(), 0, 0.0, 0.0
        runs, waits = line.run_buckets, line.wait_buckets
        for job in jobs:
            if job.task != task or job.queue != queue or job.tenant != tenant:
                line.grow(count, run_total, wait_total)
                count, run_total, wait_total = 0, 0.0, 0.0
                tenant, queue, task = job.tenant, job.queue, job.task
                line = lines.get((tenant, queue, task, "completed")) or self._open(job, "completed")
                runs, waits = line.run_buckets, line.wait_buckets
            began = job.begun_at
            run_s = job.ended_at - began
            wait_s = (job.lease_until - job.run_at).total_seconds() - lease_s + began - job.taken_at
            count += 1
            run_total += run_s
            wait_total += wait_s
            runs[bisect_right(bounds, run_s)] += 1
            waits[bisect_right(bounds, wait_s)] += 1
        line.grow(count, run_total, wait_total)

    def ended(self, job: Claimed, outcome: str) -> None:
        """One has ended otherwise, perhaps before its handler began."""
        line = self._lines.get((job.tenant, job.queue, job.task, outcome)) or self._open(
            job, outcome
        )
        line.count += 1
        if job.begun_at:
            run_s = max(job.ended_at - job.begun_at, 0.0)
            claimed_after_s = (job.lease_until - job.run_at).total_seconds() - self._lease_s
            wait_s = claimed_after_s + job.begun_at - job.taken_at
            line.run_seconds += run_s
            line.wait_seconds += wait_s
            line.run_buckets[bisect_right(BOUNDS_S, run_s)] += 1
            line.wait_buckets[bisect_right(BOUNDS_S, wait_s)] += 1

    def touch(self, queues: Iterable[str]) -> None:
        """Something happens in these queues, though nothing has ended yet. From any thread."""
        self._topics.update([f"{REST}/{queue}" for queue in queues])

    async def flush(self, run: Callable[[Call[bool]], Awaitable[bool]], worker_id: int) -> None:
        """Hands in what there is; nothing to hand in, no statement. What fails is kept."""
        if self._unsent is None:
            self._unsent = self._take(worker_id)
        if self._unsent is not None:
            await run(self._unsent)
            self._unsent = None

    async def flush_last(
        self, run: Callable[[Call[bool]], Awaitable[bool]], worker_id: int
    ) -> None:
        """At the end: what was on its way before, and the rest; not for long."""
        self._is_last = True
        try:
            async with asyncio.timeout(LAST_FLUSH_S):
                while self._unsent or self._lines or self._hours:
                    await self.flush(run, worker_id)
        except (DriverError, TaskflowError, TimeoutError) as error:
            logger.warning("the last statistics could not be written: %s", first_line(error))

    def _take(self, worker_id: int) -> Call[bool] | None:
        lines, topics, hours = self._lines, self._topics, self._hours
        is_hours_turn = self._is_last or time.monotonic() >= self._hours_at
        if not lines and not topics and not (hours and is_hours_turn):
            return None
        self._lines, self._topics = {}, set()
        for key, line in lines.items():
            hours.setdefault(key, stats.Line()).add(line)
        if is_hours_turn:
            self._hours, self._hours_at = {}, time.monotonic() + HOURS_EVERY_S
        else:
            hours = {}
        topics.update(f"{tenant}/{queue}" for tenant, queue, _, _ in lines)
        if len(topics) > MOST_TOPICS:
            topics = {f"{REST}/{REST}"}
        self._number += 1
        return stats.flush(worker_id, self._number, lines, sorted(topics), hours)

    def _open(self, job: Claimed, outcome: str) -> stats.Line:
        key = (job.tenant, job.queue, job.task, outcome)
        if len(self._lines) >= MOST_KEYS:
            key = (job.tenant, job.queue, REST, outcome)
        if len(self._lines) >= 2 * MOST_KEYS:
            key = (REST, REST, REST, outcome)
        return self._lines.setdefault(key, stats.Line())


def outcome_of(job: Claimed, end: dict[str, Any]) -> str:
    """What the end of an attempt counts as: one after which its job is dead as "dead"."""
    outcome: str = end["outcome"]
    is_last = outcome == "failed" and job.attempt >= job.max_attempts
    return "dead" if is_last or outcome == "discarded" else outcome
