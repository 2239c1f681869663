"""What a worker has in hand: every job it holds a lease on, from claim to confirmed settle.

Changed only in the event loop; the renewer's thread reads it, by `roll_call`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from taskflow.kernel.job import Claimed
from taskflow.worker.run import Run

logger = logging.getLogger("taskflow.worker")


class Hand:
    """The jobs held, and how to stop those that run."""

    def __init__(self) -> None:
        self.held: dict[int, Claimed] = {}
        self.runs: dict[tuple[int, int], Run] = {}
        """By job id and claim number: a thread whose lease was lost may still be at a job that this
        very worker has claimed again."""
        self.latest_batch = 0
        self._kept_up_to = 0
        self._has_unknown = False

    def take(self, jobs: Iterable[Claimed], sent_at: float) -> None:
        """Notes claimed jobs; `sent_at` is the monotonic time at which the claim was sent."""
        batch = self.latest_batch
        for job in jobs:
            if self._has_unknown:
                self._has_unknown, self._kept_up_to = False, job.batch_id - 1
            job.held_since = job.taken_at = sent_at
            self.held[job.id] = job
            batch = job.batch_id
        self.latest_batch = batch

    def doubt(self) -> None:
        """A claim's answer was lost, and its server process may still be at it: no roll-call may
        wipe out the batch, whichever it is, that leads the reaper to those jobs."""
        self._has_unknown = True

    def give_up(self, job: Claimed) -> None:
        """Forgets a job that may still be this worker's in the database. The reaper finds it by
        its batch, which may be any so far."""
        self._kept_up_to = self.latest_batch  # before the drop: see roll_call
        self.drop([job])

    def roll_call(self) -> tuple[list[Claimed], tuple[int, int] | None]:
        """All jobs held, and the batches (after, up to) of which they are all that still runs.

        For another thread: what is claimed meanwhile is of a later batch than the one read before
        the copy, and what is given up meanwhile shows in the bound read after it.
        """
        up_to = self.latest_batch
        held = list(self.held.values())
        after = self._kept_up_to
        return held, (after, up_to) if after < up_to else None

    def drop(self, jobs: Iterable[Claimed]) -> None:
        """Forgets claims whose end is in the database, never a later claim of the same job."""
        for job in jobs:
            if self.held.get(job.id) is job:
                del self.held[job.id]

    def holds(self, job: Claimed) -> bool:
        return self.held.get(job.id) is job

    def is_running(self, job: Claimed) -> bool:
        """Does its handler run now, or wait for a thread or a child? For any thread."""
        return (job.id, job.claim_no) in self.runs

    def stop(self, job: Claimed, reason: str) -> None:
        """Stops a run, if it is one, and forgets the job if its lease is gone."""
        if reason == "lease lost":
            self.give_up(job)
        run = self.runs.get((job.id, job.claim_no))
        if run is not None:
            run.stop(reason)

    def running(self) -> list[Claimed]:
        """The jobs held whose handlers run now, or wait for a thread or a child."""
        return [job for job in self.held.values() if self.is_running(job)]

    def hand_back_waiting(self, waited_s: float = 0.0) -> None:
        """Ends the runs that have waited so long for a thread or a child: no attempt is counted."""
        limit = time.monotonic() - waited_s
        for run in list(self.runs.values()):
            since = run.waits_since  # read once: a thread may begin it now
            if since is not None and since <= limit:
                run.hand_back()

    def insist(self, patience_s: float) -> None:
        """Looks after handlers that go on `patience_s` after they were told to stop.

        Until then they may be cleaning up. From then on they are interrupted at each call, and the
        job's lease is left to run out: a handler that hangs must not hold its job for ever. A run
        that goes on because it is not alone is left alone.
        """
        limit = time.monotonic() - patience_s
        for run in list(self.runs.values()):
            if run.stopped_at is None or run.stopped_at > limit or run.context.is_settled:
                continue
            if run.is_kept is not None and run.is_kept():
                continue
            job = run.context.claimed
            if self.holds(job):
                logger.warning(
                    "job %d goes on, though it was told to stop (%s): its lease is not renewed",
                    job.id, run.context.stop_reason,
                )  # fmt: skip
                self.give_up(job)
            run.is_given_up = True
            run.interrupt()

    def overdue(self, lease_s: float, margin_s: float) -> list[Claimed]:
        """Jobs whose lease has run out by this process's own clock, sent time plus lease."""
        limit = time.monotonic() - lease_s + margin_s
        return [job for job in list(self.held.values()) if job.held_since < limit]
