"""A task: a typed definition that knows how to enqueue itself.

`options()` and `on()` give a copy that enqueues with other options or on the caller's connection,
with the handler's own signature kept, so its arguments and ours can never clash.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Self, TypeVar, Unpack

import msgspec

from taskflow.bulk import Bulk
from taskflow.calls import jobs
from taskflow.chains import Part
from taskflow.errors import InvalidOption, SyncCallInLoop
from taskflow.handle import Handle
from taskflow.kernel import codec
from taskflow.kernel.contract import Contract, Upgrade
from taskflow.kernel.durations import as_interval
from taskflow.kernel.job import Enqueued, Options, Placed
from taskflow.kernel.names import check_name
from taskflow.kernel.options import Given, make_options
from taskflow.kernel.retry import Retry
from taskflow.kernel.schedule import JOB_OPTIONS, Declaration, make_plan
from taskflow.kernel.signature import Signature
from taskflow.store import guest

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.context import Context
    from taskflow.store.call import Call

P = ParamSpec("P")
R = TypeVar("R")
RunIn = Literal["async", "thread", "process"]
Place = RunIn | Literal["batch", "batch thread"]
"""Where a handler runs; batch: on the loop or in a thread for many jobs, see taskflow.together."""


class Enqueuer(Generic[P, R]):
    """A task with options and, perhaps, a connection: the thing that enqueues."""

    def __init__(self, task: Task[P, R] | None, options: Options, connection: Any = None) -> None:
        self._task = task
        self._options = options
        self._connection = connection

    @property
    def task(self) -> Task[P, R]:
        assert self._task is not None
        return self._task

    def options(self, **options: Unpack[Given]) -> Enqueuer[P, R]:
        """The same task with other options: queue, priority ("critical", "high", "normal", "low"),
        delay or run_at, max_attempts, timeout, deadline, tags, meta, tenant.

        unique_key, or unique_by with names of arguments, makes it the only one of its kind, within
        unique_scope, and unique_while or unique_for; on_conflict and replace say what a second one
        does. depends_on takes handles or ids of jobs that must succeed first.

        Durations take "5m", seconds or a timedelta. Raises `UnknownOption` with the nearest name.
        """
        return Enqueuer(self.task, make_options(self._options, options), self._connection)

    def on(self, connection: Any) -> Enqueuer[P, R]:
        """The same task, enqueued inside the transaction of `connection`.

        Takes a psycopg connection, a SQLAlchemy Connection or Session, their async forms, or
        Django's connection. The job commits or vanishes with the caller's transaction.
        """
        guest.kind_of(connection)
        return Enqueuer(self.task, self._options, connection)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Enqueues one job. Arguments are checked against the handler before anything is sent."""
        call = self._call(args, kwargs)
        if self._connection is not None:
            return self._handle(guest.run_on(self._connection, call))
        self._refuse_in_loop("enqueue()", "aenqueue(...)")
        return self._handle(self.task.app.run(call))

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """`enqueue` for async code."""
        call = self._call(args, kwargs)
        if self._connection is not None:
            return self._handle(await guest.arun_on(self._connection, call))
        return self._handle(await self.task.app.arun(call))

    def enqueue_many(self, items: Sequence[tuple[Any, ...] | Mapping[str, Any]]) -> Enqueued:
        """Enqueues one job for each item, a tuple of positional or a dict of named arguments.

        All in one transaction, or in the one of `on(connection)`; a statement per 5,000 items.
        Items whose arguments are refused are left out and reported with their position.
        """
        bulk = self._bulk(items)
        if self._connection is None:
            self._refuse_in_loop("enqueue_many()", "aenqueue_many(...)")
            return bulk.joined(self.task.app.run_many(bulk.calls()))
        return bulk.joined([guest.run_on(self._connection, call) for call in bulk.calls()])

    async def aenqueue_many(self, items: Sequence[tuple[Any, ...] | Mapping[str, Any]]) -> Enqueued:
        """`enqueue_many` for async code."""
        bulk = self._bulk(items)
        if self._connection is None:
            return bulk.joined(await self.task.app.arun_many(bulk.calls()))
        return bulk.joined([await guest.arun_on(self._connection, call) for call in bulk.calls()])

    def s(self, *args: Any, **kwargs: Any) -> Part[R]:
        """This call as a part of a chain or a group; what comes before it in a chain gives the
        first argument."""
        return Part(self, args, kwargs)

    def si(self, *args: P.args, **kwargs: P.kwargs) -> Part[R]:
        """`s` for a call that takes nothing from what comes before it."""
        return Part(self, args, kwargs, takes_result=False)

    @property
    def given(self) -> Options:
        """The options so far, the task's defaults among them."""
        return self._options

    def _call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call[Placed]:
        task = self.task
        encoded = task.signature.encode(args, kwargs, task.app.settings.max_args_bytes)
        return jobs.enqueue(task.name, encoded, self._full_options(), task.version)

    def _full_options(self) -> Options:
        """The options with the app's tenant: a caller's own connection knows nothing of it."""
        tenant = self._options.tenant or self.task.app.settings.tenant
        return msgspec.structs.replace(self._options, tenant=tenant)

    def _bulk(self, items: Sequence[tuple[Any, ...] | Mapping[str, Any]]) -> Bulk:
        if self._options.unique_key is not None:
            raise InvalidOption("one unique_key cannot serve many jobs", "Enqueue them one by one.")
        return Bulk(self.task, self._full_options(), items)

    def _handle(self, placed: Placed) -> Handle[R]:
        tenant = self._options.tenant or self.task.app.settings.tenant
        decode = self.task.signature.decode_result
        return Handle(self.task.app, placed.id, tenant, decode, placed.outcome)

    def _refuse_in_loop(self, call: str, instead: str) -> None:
        if self.task.app.is_blocking_loop():
            raise SyncCallInLoop.calling(call, f"await {self.task.fn.__name__}.{instead}")


class Task(Enqueuer[P, R]):
    """A named, registered definition: the handler, its signature and its defaults.

    Calling a task calls its handler, in this process and without the queue.
    """

    def __init__(
        self,
        app: Taskflow,
        fn: Callable[..., Any],
        *,
        name: str,
        options: Options,
        retry: Retry,
        run_in: Place,
        contract: Contract | None = None,
        signature: Signature | None = None,
    ) -> None:
        super().__init__(None, options)
        self.contract = contract or Contract()
        self.app = app
        self.fn = fn
        self.name = check_name(name, "task")
        self.signature = signature or Signature.of(fn)
        self.retry = retry
        self.run_in = run_in
        self.__doc__ = fn.__doc__
        self.__name__ = getattr(fn, "__name__", name)
        self.__wrapped__ = fn

    @property
    def task(self) -> Self:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def handle(self, context: Context) -> Any:
        """Calls the handler as a worker does, with the arguments of the job as they are stored."""
        args, kwargs = self.signature.bind(context.raw_args)
        if self.signature.takes_context:
            return self.fn(context, *args, **kwargs)
        return self.fn(*args, **kwargs)

    @property
    def defaults(self) -> Options:
        return self._options

    @property
    def version(self) -> int:
        """The version of the arguments that the handler takes."""
        return self.contract.version

    def migrate(self, version: int) -> Callable[[Upgrade], Upgrade]:
        """Says how arguments of `version` become those of the next: a dict in, a dict out.

        Jobs that were enqueued before a deploy go through all steps from their version on.
        """
        return self.contract.step(version)


def published(name: str, task: Task[..., Any]) -> dict[str, Any]:
    """The task's contract, as workers publish it for callers from SQL."""
    options = task.defaults
    return {
        "name": name,
        "queue": options.queue,
        "priority": options.priority,
        "max_attempts": options.max_attempts,
        "timeout": as_interval(options.timeout) if options.timeout else None,
        "args_schema": task.signature.schema(),
        "version": task.version,
        "check_args": task.contract.check,
    }


def declared(
    name: str,
    task: Enqueuer[..., Any] | str,
    args: Mapping[str, Any] | tuple[Any, ...],
    planned: Mapping[str, Any],
) -> Declaration:
    """A schedule of a task, or of a name that stands for one elsewhere."""
    plan = make_plan(planned)
    positional, named = ((), args) if isinstance(args, Mapping) else (args, {})
    if isinstance(task, Enqueuer):
        limit = task.task.app.settings.max_args_bytes
        encoded = task.task.signature.encode(positional, named, limit)
        plan = {**make_plan(_job_options(task)), **plan}
        known = task.task.name
    elif positional:
        raise InvalidOption("the arguments have no names", f'Write {{"name": value}} for {task}.')
    else:
        encoded, known = codec.encode(named), check_name(task, "task")
    return Declaration(name, known, msgspec.Raw(encoded), plan)


def _job_options(task: Enqueuer[..., Any]) -> dict[str, Any]:
    """What a schedule's jobs take from `task.options(...)`.

    Of a bare task it is what workers do not publish; the rest is filled in at each tick, so that
    a task's new defaults hold for its schedules too.
    """
    options = task._options
    if isinstance(task, Task):
        return {"tags": options.tags, "meta": options.meta}
    refused = ("run_at", "delay", "unique_key", "deadline")
    for name in refused:
        if getattr(options, name) != getattr(task.task.defaults, name):
            raise InvalidOption(
                f"{name} cannot be an option of scheduled jobs",
                "jitter spreads them; overlap says what holds while an earlier one lives.",
            )
    return {name: getattr(options, name) for name in JOB_OPTIONS}


def default_name(fn: Callable[..., Any]) -> str:
    """module.function; hashed when longer than 200.

    A script goes by its file's name: the worker that imports it must know the task by the same one.
    """
    module = getattr(fn, "__module__", "") or ""
    if module == "__main__":
        module = _name_of_script()
    written = getattr(fn, "__qualname__", type(fn).__name__).replace(".<locals>", "")
    name = f"{module}.{written}" if module else written
    return (
        name
        if len(name) <= 200
        else f"{name[:150]}.{hashlib.sha256(name.encode()).hexdigest()[:40]}"
    )


def _name_of_script() -> str:
    """What `import` would call the running script; "" in a prompt or a notebook."""
    main = sys.modules["__main__"]
    if spec := getattr(main, "__spec__", None):  # python -m
        return str(spec.name).removesuffix(".__main__")
    stem = Path(getattr(main, "__file__", None) or "").stem
    return stem if stem.isidentifier() else ""  # "<stdin>" is none, and no import could name it
