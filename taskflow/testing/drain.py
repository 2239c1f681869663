"""Runs what is due, now, in this process: claim, the worker's own runner, settle; one by one.

Everything but the loop is what a worker does, so what passes here passes there. A drain first takes
back jobs whose lease has run out, which takes the clock: that is how a crash ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from taskflow import results
from taskflow.calls import jobs, leases, records, schedules
from taskflow.context import Context, JobTransaction
from taskflow.errors import LeaseLost, TaskflowError
from taskflow.kernel import codec
from taskflow.kernel.job import Claimed, State
from taskflow.kernel.records import level_number, running_job
from taskflow.kernel.stored import Key, reference_in
from taskflow.store.call import Call, each
from taskflow.task import Task
from taskflow.worker.backlog import Backlog
from taskflow.worker.capture import capturing
from taskflow.worker.executors import Executor
from taskflow.worker.hand import Hand
from taskflow.worker.runner import Runner

if TYPE_CHECKING:
    from taskflow.testing.kit import Kit

MOST = 10_000
CrashPoint = Literal["after claim", "before settle"]
QUEUES = Call(
    "select distinct queue from taskflow.job where state = 'ready' order by queue",
    {},
    each(str),
)


class Ran(msgspec.Struct, frozen=True):
    """One attempt that `drain` ran, and what became of its job."""

    job_id: int
    task: str
    attempt: int
    outcome: str
    """completed, failed, snoozed, cancelled, released, discarded; crashed, or lost to another."""
    state: State | None
    """The job's state now."""
    result: Any = None
    error: BaseException | None = None
    """What the handler raised."""


class Crash(LeaseLost):
    """The run was ended where the test wanted it, as if its worker had died."""


class Record:
    """How one attempt ended; takes the settler's place."""

    def __init__(self) -> None:
        self.outcome = "lost"
        self.error: BaseException | None = None
        self.settling: Call[Any] | None = None

    def completed(self, job: Claimed, result: bytes | None) -> None:
        self.outcome = "completed"
        self.settling = leases.settle(job.id, job.claim_no, result=result, tenant=job.tenant)

    def settled_by_handler(self, job: Claimed, result: bytes | None, *, is_awaited: bool) -> None:
        self.outcome = "completed"
        if result is not None or is_awaited:
            self.settling = leases.set_result(job.id, job.claim_no, result, job.tenant)

    def ended(self, job: Claimed, outcome: str, **how: Any) -> None:
        self.outcome = outcome
        self.settling = leases.settle(job.id, job.claim_no, outcome, tenant=job.tenant, **how)

    def lost(self, _job: Claimed, /) -> None:
        self.outcome = "lost"


class RecordingRunner(Runner):
    """The worker's runner, which also keeps what a handler raised."""

    record: Record

    def _judge(
        self, task: Task[..., Any], job: Claimed, context: Context, error: BaseException
    ) -> None:
        self.record.error = error
        super()._judge(task, job, context, error)


class DoomedContext(Context):
    """Its transaction does not get as far as the settle."""

    def transaction(self, result: Any = None) -> JobTransaction:
        return DoomedTransaction(self, self.claimed, result)


class DoomedTransaction(JobTransaction):
    def settle(self) -> Call[leases.Status]:
        raise Crash.of(self._claimed.id, "the test ends this worker before it settles")


class Drain:
    """The due jobs of a kit, run by these executors."""

    def __init__(self, kit: Kit, executors: Mapping[str, Executor]) -> None:
        self._kit = kit
        self._database = kit.database
        self._executors = executors

    async def run(self, limit: int | None) -> list[Ran]:
        """Runs up to `limit` jobs, those that become due on the way included."""
        for _ in range(2):  # reap looks twice before it takes a job back
            self._database.run(leases.reap(timedelta(0)))
        ran: list[Ran] = []
        found = True
        while found:
            self._database.run(schedules.fire())
            found = False
            for queue in self._database.run(QUEUES):
                if limit is not None and len(ran) >= limit:
                    return ran
                if (job := self._claim(queue)) is not None:
                    ran.append(await self._attempt(job))
                    found = True
            if len(ran) > MOST:
                raise TaskflowError(
                    f"drain() ran {len(ran):,} jobs, and more are due",
                    "Does a job enqueue or snooze itself without a delay? drain(limit=...) ends.",
                )
        return ran

    def _claim(self, queue: str) -> Claimed | None:
        lease = self._kit.app.settings.lease
        claimed = self._database.run(leases.claim(self._kit.worker_id, [queue], [1], lease))
        return claimed[0] if claimed else None

    async def _attempt(self, job: Claimed) -> Ran:
        crash = self._kit.crashes.pop(job.task, None)
        record = Record()
        if crash != "after claim":
            # a task of its own, as in a worker: its context variables and its interruptions
            await asyncio.create_task(self._handle(job, record, crash))
        if crash is not None:
            record.outcome, record.settling = "crashed", None
        if record.settling is not None and self._database.run(record.settling) == "stale":
            record.outcome = "lost"
        found = self._database.run(jobs.get(job.id, job.tenant))
        task = self._kit.app.tasks.get(job.task)
        decode = task.signature.decode_result if task else codec.decode
        raw = found.result if found else None
        if (reference := reference_in(raw)) is not None:
            key = Key(job.tenant, job.id, reference.claim_no)
            raw = msgspec.Raw(await results.afetch(self._kit.app, key, reference))
        return Ran(
            job.id, job.task, job.attempt, record.outcome, found.state if found else None,
            decode(raw) if raw is not None else None, record.error,
        )  # fmt: skip

    async def _handle(self, job: Claimed, record: Record, crash: CrashPoint | None) -> None:
        app, hand = self._kit.app, Hand()
        hand.take([job], 0.0)
        backlog = Backlog(level_number(app.settings.job_log_level), hand.is_running)
        runner = RecordingRunner(
            app, hand, record, self._executors, app.settings.unknown_task_delay, recorder=backlog
        )
        runner.record = record
        if crash is not None:
            runner.make_context = DoomedContext
        running_job.set(job)
        with capturing(backlog, hand.is_running):
            await runner.run(job)
        if batch := backlog.take(everything=True):
            now = time.monotonic()
            self._database.run(records.record_many([part.plain(now) for part in batch]))
