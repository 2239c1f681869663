"""One attempt, from its start to its outcome.

The fast path is an async handler that returns: bind, call, note. Everything else ends in `_judge`,
one match over what a run can end as.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Protocol

from taskflow import results
from taskflow.app import Taskflow
from taskflow.context import Context, Interrupted, stop_error
from taskflow.errors import LeaseLost, TaskTimeout, UnstorableResult
from taskflow.kernel import codec
from taskflow.kernel.durations import format_duration
from taskflow.kernel.fingerprint import clean, fingerprint
from taskflow.kernel.job import Claimed
from taskflow.kernel.outcome import Cancel, Discard, Outcome, RateLimited, RetryLater, Snooze
from taskflow.kernel.records import NOWHERE, Recorder
from taskflow.kernel.stored import is_apart
from taskflow.task import Task
from taskflow.worker.executors import Executor
from taskflow.worker.hand import Hand
from taskflow.worker.run import Run

logger = logging.getLogger("taskflow.worker")
MOST_UNKNOWN = 100
"""Names of unknown tasks that a worker shows: they are somebody else's, and may be any number."""


class Ends(Protocol):
    """Who is told how attempts ended: the settler, or a test's record."""

    def completed(self, job: Claimed, result: bytes | None) -> None: ...
    def settled_by_handler(
        self, job: Claimed, result: bytes | None, *, is_awaited: bool
    ) -> None: ...
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
    ) -> None: ...
    def lost(self, job: Claimed, /) -> None: ...


class Runner:
    """Runs claimed jobs and tells the settler how they ended."""

    make_context = Context
    """The testing kit gives handlers another one, to end runs where it wants."""

    def __init__(
        self,
        app: Taskflow,
        hand: Hand,
        settler: Ends,
        executors: Mapping[str, Executor],
        unknown_task_delay: timedelta,
        *,
        recorder: Recorder = NOWHERE,
    ) -> None:
        self._app = app
        self._tasks = app.tasks
        self._hand = hand
        self._settler = settler
        self._executors = executors
        self._unknown_task_delay = unknown_task_delay
        self._recorder = recorder
        self._open = recorder.open
        self._result_limit = app.settings.max_result_bytes
        self._inline_limit = app.settings.result_inline_bytes
        self.unknown_tasks: dict[str, None] = {}
        """Those seen last, in the order in which they were first seen."""

    async def run(self, job: Claimed) -> None:
        """Runs one job; never raises but when the slot itself is cancelled."""
        hand = self._hand
        if hand.held.get(job.id) is not job:
            return  # the lease was lost while it waited
        task = self._tasks.get(job.task)
        if task is None or (job.args_version or 0) > task.version:
            self._note_unknown(job.task if task is None else f"{job.task}@{job.args_version}")
            self._settler.ended(job, "released", delay=self._unknown_task_delay)
            return
        context = self.make_context(self._app, job, self._recorder)
        run = Run(context)
        self._hand.runs[job.id, job.claim_no] = run
        try:
            if job.args_version is not None and job.args_version < task.version:
                job.args = task.contract.upgraded(job.args, job.args_version)
            if task.run_in == "async":
                job.begun_at = monotonic()
                if job.timeout is not None:
                    run.begin()
                    run.watch_time(job.timeout)
                args, kwargs = task.signature.bind(job.args)
                if task.signature.takes_context:
                    value = await task.fn(context, *args, **kwargs)
                else:
                    value = await task.fn(*args, **kwargs)
            else:
                value = await self._run_elsewhere(task, job, context, run)
            if value is None and not context.is_settled:
                self._settler.completed(job, None)
            elif (large := self._note_value(job, context, value)) is not None:
                await self._keep_apart(job, context, large)
        except BaseException as error:
            self._end(task, job, context, error)
            if isinstance(error, KeyboardInterrupt):
                raise  # sys.exit() in a handler ends its job, not the worker
        finally:
            del self._hand.runs[job.id, job.claim_no]
            run.end()
            if self._open:
                self._recorder.end(job)

    async def _run_elsewhere(
        self, task: Task[..., Any], job: Claimed, context: Context, run: Run
    ) -> Any:
        """In a thread or a child process, once there is one for it."""
        executor = self._executors[task.run_in]
        executor.places.enter(run)
        if job.timeout is not None:
            run.watch_time(job.timeout)
        try:
            return await executor.run(task, context, run)
        finally:
            executor.places.leave(run)

    def _note_unknown(self, name: str) -> None:
        if name not in self.unknown_tasks:
            pause = format_duration(self._unknown_task_delay)
            logger.warning("task %s is not known here; its jobs go back for %s", name, pause)
        if name not in self.unknown_tasks and len(self.unknown_tasks) >= MOST_UNKNOWN:
            del self.unknown_tasks[next(iter(self.unknown_tasks))]
        self.unknown_tasks[name] = None

    def _note_value(self, job: Claimed, context: Context, value: Any) -> bytes | None:
        """Notes what the handler returned, or answers it where it must be kept apart first."""
        if isinstance(value, Outcome):
            raise value
        result = None
        if value is not None:
            result = codec.encode_result(value, limit=self._result_limit)
            if is_apart(result, self._inline_limit):
                return result
        if context.is_settled:
            self._settler.settled_by_handler(job, result, is_awaited=context.is_result_pending)
        else:
            self._settler.completed(job, result)
        return None

    async def _keep_apart(self, job: Claimed, context: Context, result: bytes) -> None:
        reference = await asyncio.to_thread(results.keep, self._app, job, result)
        if context.is_settled:
            self._settler.settled_by_handler(job, reference, is_awaited=context.is_result_pending)
        else:
            self._settler.completed(job, reference)

    def _end(
        self, task: Task[..., Any], job: Claimed, context: Context, error: BaseException
    ) -> None:
        """Ends the attempt whatever happens: what is raised may be a class of the user's, of which
        any attribute may raise, and a job without an end would be held for ever."""
        try:
            self._judge(task, job, context, error)
        except BaseException as mistake:
            logger.exception("job %d: what it raised cannot be judged", job.id)
            last = job.attempt >= job.max_attempts
            delay = None if last else task.retry.plain_delay(job.attempt)
            self._settler.ended(job, "failed", delay=delay, error=_report(fingerprint(mistake)))

    def _judge(
        self, task: Task[..., Any], job: Claimed, context: Context, error: BaseException
    ) -> None:
        """Turns what a handler raised into the end of its attempt."""
        if context.is_settled:
            # Its transaction is committed: the job has succeeded, whatever came after.
            logger.warning("job %d failed after its transaction committed: %r", job.id, error)
            self._settler.settled_by_handler(job, None, is_awaited=context.is_result_pending)
            return
        if isinstance(error, asyncio.CancelledError) and context.stop_reason is not None:
            error = stop_error(context.stop_reason, job.id)
        match error:
            case Snooze() if error.delay is not None or error.until is not None:
                self._settler.ended(
                    job, "snoozed", delay=error.delay, until=error.until, reason=_reason(error),
                    hold_limit=error.limit or "*" if isinstance(error, RateLimited) else None,
                )  # fmt: skip
            case Cancel():
                self._settler.ended(job, "cancelled", reason=_reason(error))
            case Discard():
                report = fingerprint(error)
                self._settler.ended(job, "discarded", reason=_reason(error), error=_report(report))
            case Interrupted():
                self._settler.ended(job, "released")
            case LeaseLost():
                logger.warning("job %d: lease lost, its run was stopped", job.id)
                self._hand.give_up(job)
                self._settler.lost(job)
            case _:
                self._fail(task, job, error)

    def _fail(self, task: Task[..., Any], job: Claimed, error: BaseException) -> None:
        report = fingerprint(error)
        last = job.attempt >= job.max_attempts
        delay = None if last else _delay(task, job, error)
        logger.warning(
            "job %d (%s) attempt %d of %d failed: %s: %s",
            job.id, job.task, job.attempt, job.max_attempts, report.error_class, report.message,
        )  # fmt: skip
        if delay is None and not last:
            # the retry policy gives up on this error: no attempt would help
            self._settler.ended(job, "discarded", reason="failed", error=_report(report))
        else:
            self._settler.ended(job, "failed", delay=delay, error=_report(report))


def _delay(task: Task[..., Any], job: Claimed, error: BaseException) -> timedelta | None:
    """How long to wait before the next attempt; None: the policy gives up on this error."""
    match error:
        case RetryLater() if error.delay is not None:
            return task.retry.not_before(error.delay)
        case UnstorableResult() | asyncio.CancelledError() | TaskTimeout():
            return task.retry.plain_delay(job.attempt)
        case _:
            return task.retry.delay(job.attempt, error, max_attempts=job.max_attempts)


def _reason(outcome: Outcome) -> str | None:
    """What the handler gave as reason, as Postgres can take it."""
    return clean(str(outcome.reason), 1000) or None


def _report(report: Any) -> dict[str, str]:
    return {
        "class": report.error_class,
        "message": report.message,
        "traceback": report.traceback,
        "fingerprint": report.fingerprint,
    }
