"""What a handler is told about its job, and its own transaction.

`ctx.transaction()` is how a job gets exactly once for its Postgres writes: settle is the last
statement of the handler's transaction, so its writes, the jobs it enqueues on that connection and
the end of the job commit together, and a lease that was lost takes all of it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import msgspec

from taskflow import results
from taskflow.calls import leases
from taskflow.errors import DatabaseUnreachable, LeaseLost, TaskTimeout
from taskflow.kernel import codec
from taskflow.kernel.job import RESULT_PENDING, Claimed
from taskflow.kernel.joblog import JobLog
from taskflow.kernel.outcome import Cancel
from taskflow.kernel.records import NOWHERE, Recorder, check_progress
from taskflow.kernel.stored import is_apart
from taskflow.steps import Step, Steps
from taskflow.store.call import Call, arun, run, translated
from taskflow.store.database import AsyncConnection, Connection

if TYPE_CHECKING:
    from taskflow.app import Taskflow

R = TypeVar("R")
StopReason = Literal["cancelled", "lease lost", "timeout", "shutdown"]


class Context:
    """One attempt of one job, as its handler sees it. Safe to use from any thread."""

    make_steps = Steps
    """A run with no job behind it has others."""

    # Defaults of the class: one is made for each job, and most change none of them.
    is_settled = False
    """Whether `transaction()` has committed the end of this job."""
    is_result_pending = False
    """Whether `transaction()` said, with the end of this job, that a result would follow."""
    _stop_reason: StopReason | None = None
    _steps: Steps | None = None

    def __init__(self, app: Taskflow, claimed: Claimed, recorder: Recorder = NOWHERE) -> None:
        self.app = app
        self.claimed = claimed
        self._recorder = recorder

    @property
    def job_id(self) -> int:
        return self.claimed.id

    @property
    def task(self) -> str:
        return self.claimed.task

    @property
    def queue(self) -> str:
        return self.claimed.queue

    @property
    def tenant(self) -> str:
        return self.claimed.tenant

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1; snoozes and lost leases are not counted."""
        return self.claimed.attempt

    @property
    def max_attempts(self) -> int:
        return self.claimed.max_attempts

    @property
    def lost_leases(self) -> int:
        """How many runs before this one ended with their worker; at 3 the job is dead."""
        return self.claimed.lost

    @property
    def claim_no(self) -> int:
        """The fence of this run: grows with every claim of the job, never repeats."""
        return self.claimed.claim_no

    @property
    def key(self) -> str:
        """The same text on every attempt of this job: an idempotency key for other systems."""
        return f"taskflow-{self.claimed.id}"

    @property
    def run_at(self) -> datetime:
        """When the job was due."""
        return self.claimed.run_at

    @property
    def raw_args(self) -> str:
        """The arguments as they are stored, JSON text."""
        return self.claimed.args

    @property
    def tags(self) -> list[str]:
        return list(self.claimed.tags or ())

    @property
    def meta(self) -> dict[str, Any]:
        """The JSON object that came with the job."""
        return codec.decode(self.claimed.meta, dict) if self.claimed.meta else {}

    @property
    def schedule(self) -> str | None:
        """The schedule that made this job, if one did."""
        name = self.meta.get("schedule")
        return name if isinstance(name, str) else None

    @property
    def tick(self) -> datetime | None:
        """The tick of the schedule that this job stands for: when it should have run, not when it
        does. What belongs to "yesterday" belongs to the day before this."""
        tick = self.meta.get("tick") if self.schedule else None
        return datetime.fromisoformat(tick) if isinstance(tick, str) else None

    @property
    def log(self) -> JobLog:
        """A logger whose lines also stand in the job's log: `taskflow jobs logs ID`."""
        return JobLog(self.claimed, self._recorder)

    def progress(self, done: float, total: float | None = None, note: str | None = None) -> None:
        """Says how far this run is: 40 of 100, "rendering". Only takes note, so call it as often as
        you like; it is written about once a second, and when the run ends."""
        self._recorder.progress(self.claimed, *check_progress(done, total, note))

    @overload
    def step(
        self, name: str, fn: Callable[..., Coroutine[Any, Any, Any]], /, *args: Any,
        result_type: type[R], on: Any = None, **kwargs: Any,
    ) -> Coroutine[Any, Any, R]: ...  # fmt: skip
    @overload
    def step(
        self, name: str, fn: Callable[..., Any], /, *args: Any,
        result_type: type[R], on: Any = None, **kwargs: Any,
    ) -> R: ...  # fmt: skip
    @overload
    def step(
        self, name: str, fn: Callable[..., Coroutine[Any, Any, R]], /, *args: Any,
        on: Any = None, **kwargs: Any,
    ) -> Coroutine[Any, Any, R]: ...  # fmt: skip
    @overload
    def step(
        self, name: str, fn: Callable[..., R], /, *args: Any, on: Any = None, **kwargs: Any,
    ) -> R: ...  # fmt: skip
    def step(
        self, name: str, fn: Callable[..., Any], /, *args: Any,
        result_type: Any = None, on: Any = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Calls `fn` once, however often this job runs: `await ctx.step("charge", charge, order)`.

        Its result is saved under `name`, which is the step's own within the job; later attempts get
        it and do not call `fn`. It comes back as `result_type`, else as what `fn` is annotated to
        return. An async function is awaited, a plain one (in a `def` handler) answers at once.

        `on`: saves it in the transaction of this connection, together with what `fn` wrote on it.
        Raises `LeaseLost` when the job is no longer this worker's; the result is not saved then.
        """
        step = Step(name, fn, args, kwargs, result_type, on)
        steps = self._own_steps()
        return steps.ado(step) if steps.may_await(step) else steps.do(step)

    @overload
    async def astep(
        self, name: str, fn: Callable[..., Any], /, *args: Any,
        result_type: type[R], on: Any = None, **kwargs: Any,
    ) -> R: ...  # fmt: skip
    @overload
    async def astep(
        self, name: str, fn: Callable[..., Coroutine[Any, Any, R]], /, *args: Any,
        on: Any = None, **kwargs: Any,
    ) -> R: ...  # fmt: skip
    @overload
    async def astep(
        self, name: str, fn: Callable[..., R], /, *args: Any, on: Any = None, **kwargs: Any,
    ) -> R: ...  # fmt: skip
    async def astep(
        self, name: str, fn: Callable[..., Any], /, *args: Any,
        result_type: Any = None, on: Any = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """`step` for async handlers whose function is a plain one, or may be either."""
        return await self._own_steps().ado(Step(name, fn, args, kwargs, result_type, on))

    def _own_steps(self) -> Steps:
        if self._steps is None:
            self._steps = self.make_steps(self)
        return self._steps

    @property
    def stop_reason(self) -> StopReason | None:
        """Why this run should stop, once it should."""
        return self._stop_reason

    @property
    def cancelled(self) -> bool:
        """Should this run stop? For loops in `def` handlers, which cannot be interrupted."""
        return self._stop_reason is not None

    def raise_if_cancelled(self) -> None:
        """Raises what ends this run properly, if it should end: the thing to call in a loop."""
        if self._stop_reason is not None:
            raise stop_error(self._stop_reason, self.claimed.id)

    def stop(self, reason: StopReason) -> None:
        """Asks the handler to stop; the first reason stands. The worker's side calls this."""
        if self._stop_reason is None:
            self._stop_reason = reason

    def transaction(self, result: Any = None) -> JobTransaction:
        """`async with` (in a `def` handler: `with`) gives a psycopg connection in a transaction.

        Leaving the block settles the job as completed inside it and commits: the writes, what was
        enqueued with `task.on(connection)`, and the end of the job stand or fall together. Only
        work that cannot fail may follow. `result` is stored with it; a value that the handler
        returns later is stored after the commit, and lost if the worker dies in between.

        Raises `LeaseLost` and rolls back when the job is no longer this worker's.
        """
        return JobTransaction(self, self.claimed, result)


def stop_error(reason: StopReason, job_id: int) -> Exception:
    """The exception that says why a run stops."""
    if reason == "timeout":
        return TaskTimeout.of(job_id, f"job {job_id} ran longer than its timeout")
    if reason == "lease lost":
        return LeaseLost.of(job_id, f"job {job_id} is no longer this worker's")
    if reason == "shutdown":
        return Interrupted.of(job_id, f"the worker of job {job_id} is stopping")
    return Cancel()  # the reason of whoever called it off stands in the database


class Interrupted(LeaseLost):
    """The worker is stopping; the job goes back to its queue and runs again elsewhere."""

    code = "TF307"


class JobTransaction:
    """The two colours of `Context.transaction`."""

    def __init__(self, context: Context, claimed: Claimed, result: Any) -> None:
        self._context = context
        self._claimed = claimed
        limit = context.app.settings.max_result_bytes
        self._result = None if result is None else codec.encode_result(result, limit=limit)
        self._is_kept = False
        task = context.app.tasks.get(claimed.task)
        self._result_follows = result is None and (task is None or task.signature.has_result)

    def __enter__(self) -> Connection:
        self._block = self._blocking()
        return self._block.__enter__()

    def __exit__(self, *error: Any) -> bool | None:  # noqa: PYI036 - passed on as they come
        return self._block.__exit__(*error)

    async def __aenter__(self) -> AsyncConnection:
        self._ablock = self._awaiting()
        return await self._ablock.__aenter__()

    async def __aexit__(self, *error: Any) -> bool | None:  # noqa: PYI036 - passed on as they come
        return await self._ablock.__aexit__(*error)

    @contextmanager
    def _blocking(self) -> Iterator[Connection]:
        self._refuse_twice()
        database, is_ending = self._context.app.database, False
        try:
            with database.connection() as connection, translated(), connection.transaction():
                yield connection
                is_ending = True
                self._keep_outside()
                for call in self._endings():
                    self._check(run(connection, call))
        except DatabaseUnreachable:
            # It broke at COMMIT, perhaps after it: only the database knows, so it is asked.
            if not is_ending or not database.run(self._ask()):
                raise
        self._note_committed()

    @asynccontextmanager
    async def _awaiting(self) -> AsyncIterator[AsyncConnection]:
        self._refuse_twice()
        database, is_ending = self._context.app.database, False
        try:
            async with database.aconnection() as connection:
                with translated():
                    async with connection.transaction():
                        yield connection
                        is_ending = True
                        await asyncio.to_thread(self._keep_outside)
                        for call in self._endings():
                            self._check(await arun(connection, call))
        except DatabaseUnreachable:
            if not is_ending or not await database.arun(self._ask()):
                raise
        self._note_committed()

    def _keep_outside(self) -> None:
        """A large result goes to the app's own store, if it has one, before the job may end."""
        app, raw = self._context.app, self._result
        if raw is not None and is_apart(raw, app.settings.result_inline_bytes) and app.result_store:
            self._result = results.keep(app, self._claimed, raw)
            self._is_kept = True

    def _endings(self) -> list[Call[Any]]:
        """The last statements of the transaction: a large result in pieces, and the settle."""
        app, raw, pieces = self._context.app, self._result, []
        if raw and not self._is_kept and is_apart(raw, app.settings.result_inline_bytes):
            pieces = list(results.pieces(self._claimed, raw))
            self._result = results.reference(app, self._claimed, raw)
        return [*pieces, self.settle()]

    def settle(self) -> Call[leases.Status]:
        """The last statement of the transaction. Who waits for the job is told of its commit, which
        may be before the handler has returned: the mark says that its value is yet to come."""
        claimed = self._claimed
        return leases.settle(
            claimed.id,
            claimed.claim_no,
            result=self._result,
            reason=RESULT_PENDING if self._result_follows else None,
            tenant=claimed.tenant,
        )

    def _note_committed(self) -> None:
        self._context.is_result_pending = self._result_follows
        self._context.is_settled = True

    def _check(self, status: leases.Status) -> None:
        if status != "applied":
            raise stop_error("lease lost", self._claimed.id)

    def _ask(self) -> Call[bool]:
        return leases.was_settled(self._claimed.id, self._claimed.claim_no, self._claimed.tenant)

    def _refuse_twice(self) -> None:
        if self._context.is_settled:
            raise LeaseLost.of(
                self._claimed.id,
                f"job {self._claimed.id} is already settled by its own transaction",
                "A job has one transaction(); put everything into it.",
            )


def context_payload(claimed: Claimed) -> bytes:
    """A claim as bytes, to make the same context in another process."""
    return msgspec.msgpack.encode(claimed)


def claim_from_payload(payload: bytes) -> Claimed:
    return msgspec.msgpack.decode(payload, type=Claimed)
