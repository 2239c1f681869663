"""One handler, run without a database: arguments and result go through JSON as they would there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec

from taskflow.context import Context, JobTransaction, StopReason
from taskflow.errors import SyncCallInLoop, TaskflowError
from taskflow.kernel import codec
from taskflow.kernel.job import Claimed
from taskflow.kernel.outcome import Outcome
from taskflow.steps import UnsavedSteps
from taskflow.store.database import PooledDatabase
from taskflow.task import Task


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What the context of the run says, where a handler asks it."""

    attempt: int = 1
    max_attempts: int = 5
    job_id: int = 1
    tags: Sequence[str] = ()
    meta: Mapping[str, Any] = {}
    stop: StopReason | None = None
    """Why the run is to stop, as if that had been asked for before it began."""


NAMES = frozenset(Circumstances.__struct_fields__)


def perform(task: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Runs the handler with these arguments and answers its result, or the outcome it chose.

    Keywords attempt, max_attempts, job_id, tags, meta and stop say what its context shows, unless
    the handler has an argument of that name. What it raises comes out, but for outcomes such as
    `Snooze`, which are answered whether they were returned or raised.
    """
    context = _context(task, args, kwargs)
    with _no_database(task):
        try:
            value = task.handle(context)
            if asyncio.iscoroutine(value):
                value = _run(value, task)
        except Outcome as outcome:
            return outcome
    return _result(task, value)


async def aperform(task: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`perform` for async tests."""
    context = _context(task, args, kwargs)
    with _no_database(task):
        try:
            value = task.handle(context)
            if asyncio.iscoroutine(value):
                value = await value
        except Outcome as outcome:
            return outcome
    return _result(task, value)


class PlainContext(Context):
    """A context with no job behind it."""

    make_steps = UnsavedSteps

    def transaction(self, result: Any = None) -> JobTransaction:  # noqa: ARG002
        _refuse()


class NoDatabase:
    """Refuses whatever would need one."""

    def __getattr__(self, name: str) -> NoReturn:
        _refuse()


def _context(task: Task[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Context:
    own = {parameter.name for parameter in task.signature.shape.parameters}
    told = {name: kwargs.pop(name) for name in NAMES - own & kwargs.keys() if name in kwargs}
    if task.defaults.max_attempts is not None:
        told.setdefault("max_attempts", task.defaults.max_attempts)
    about = Circumstances(**told)
    now = datetime.now(UTC)
    context = PlainContext(
        task.app,
        Claimed(
            id=about.job_id, claim_no=about.attempt, tenant=task.app.settings.tenant,
            queue=task.defaults.queue or "default", task=task.name,
            args=task.signature.encode(args, kwargs).decode(),
            attempt=about.attempt, max_attempts=about.max_attempts, lost=0, priority=2,
            run_at=now, timeout=None, lease_until=now + timedelta(minutes=1),
            tags=list(about.tags), meta=codec.encode(about.meta).decode(), batch_id=0,
        ),
    )  # fmt: skip
    if about.stop is not None:
        context.stop(about.stop)
    return context


@contextmanager
def _no_database(task: Task[..., Any]) -> Iterator[None]:
    """Keeps a handler from the app's real database; a kit's transaction is fine to use."""
    if not isinstance(task.app.database, PooledDatabase):
        yield
        return
    with task.app.using(NoDatabase()):
        yield


def _run(coroutine: Any, task: Task[..., Any]) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise SyncCallInLoop.calling("perform()", f"await aperform({task.__name__}, ...)")


def _result(task: Task[..., Any], value: Any) -> Any:
    if value is None or isinstance(value, Outcome):
        return value
    return task.signature.decode_result(codec.encode_result(value))


def _refuse() -> NoReturn:
    raise TaskflowError(
        "perform() runs a handler without a database",
        "Use the taskflow fixture: enqueue the job and drain().",
    )
