"""Taskflow: the registry of tasks, the settings, and the way to the database.

Opens nothing until something is run. With no database configured it uses the embedded server of
the current directory, starts it on demand and says so.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, TypeVar, Unpack, get_args

from taskflow import settings as settings_room
from taskflow.batch import BatchDraft, BatchHandle, BatchOptions
from taskflow.chains import Chain, Group, Stage
from taskflow.client import AsyncClient, Client
from taskflow.decorators import BatchDecorator, Decorator
from taskflow.errors import (
    DuplicateTask,
    InvalidDefinition,
    SyncCallInLoop,
    TaskflowError,
    UnknownTask,
)
from taskflow.flow import Flow
from taskflow.handle import Handle
from taskflow.kernel.contract import Contract
from taskflow.kernel.durations import Duration
from taskflow.kernel.job import Options
from taskflow.kernel.limits import Breaker, LimitRule, Rate
from taskflow.kernel.names import check_name
from taskflow.kernel.options import Given, make_options
from taskflow.kernel.retry import Retry
from taskflow.kernel.schedule import Declaration, Planned
from taskflow.kernel.stored import ResultStore
from taskflow.limits import Limit
from taskflow.run import RunHandle
from taskflow.store.call import Call
from taskflow.store.database import Database, PooledDatabase
from taskflow.store.listen import Listener
from taskflow.store.pool import connection_settings
from taskflow.task import Enqueuer, RunIn, Task, declared, default_name
from taskflow.together import BatchTask

T = TypeVar("T")


class AppNotFound(TaskflowError):
    """No app has the name that a worker was started with."""

    code = "TF133"


class Taskflow:
    """An application's tasks and its way to Postgres.

    `Taskflow("postgresql://...")`, or `Taskflow.from_env()`. Keywords are settings (see
    taskflow.settings); what is not given comes from TASKFLOW_* variables, then from taskflow.toml
    or pyproject.toml, then from the defaults.
    """

    def __init__(self, database_url: str | None = None, **settings: Any) -> None:
        self.settings, self.origins = settings_room.load({"database_url": database_url, **settings})
        self.tasks: dict[str, Task[..., Any]] = {}
        self.limits: dict[str, Limit] = {}
        self.schedules: dict[str, Declaration] = {}
        self.client = Client(self)
        self.aclient = AsyncClient(self)
        self.database: Database = PooledDatabase(self.settings)
        self.result_store: ResultStore | None = None
        """Takes results over `result_inline_bytes`; None: this database, in pieces."""

    @classmethod
    def from_env(cls) -> Self:
        """An app whose settings all come from the environment and the files."""
        return cls()

    def reconfigure(self, **settings: Any) -> None:
        """Replaces settings, for a command line that lays its options over the app's. Call it
        before anything is opened."""
        given = {name: getattr(self.settings, name) for name in self.settings.__struct_fields__}
        chosen = {name: value for name, value in settings.items() if value is not None}
        self.settings, origins = settings_room.load(given | chosen)
        self.origins = {**self.origins, **{name: origins[name] for name in chosen}}
        self.database = PooledDatabase(self.settings)

    # --- tasks ------------------------------------------------------------------------------------

    def task(
        self,
        *,
        name: str | None = None,
        retry: Retry | int | None = None,
        run_in: RunIn | None = None,
        contract: Contract | None = None,
        **options: Unpack[Given],
    ) -> Decorator:
        """Makes a task of a function, `def` or `async def`.

        `name` is how jobs refer to it (default: module.function). `retry` is a `Retry` or a number
        of attempts. `run_in` is "async" for async handlers, else "thread" or "process"; only a
        process can be killed when its time is up. `contract` gives its arguments a version, says
        how those of callers from SQL are checked, and names that the task had before. `options`
        are the defaults of its jobs: queue, priority, timeout, tags, meta, delay, deadline.
        """
        policy, checked = _policy_and_options(retry, options)

        def decorate(fn: Callable[..., Any]) -> Any:
            is_async = asyncio.iscoroutinefunction(fn)
            chosen = run_in or ("async" if is_async else "thread")
            if is_async != (chosen == "async") or chosen not in get_args(RunIn):
                raise InvalidDefinition(
                    f"{getattr(fn, '__qualname__', fn)} cannot run in {chosen!r}",
                    'async def runs in "async", def in "thread" or "process".',
                )
            task: Task[..., Any] = Task(
                self,
                fn,
                name=name or default_name(fn),
                options=checked,
                retry=policy,
                run_in=chosen,
                contract=contract,
            )
            return self.register(task)

        return decorate

    def batch_handler(
        self,
        *,
        size: int = 100,
        wait: Duration = "20ms",
        name: str | None = None,
        retry: Retry | int | None = None,
        contract: Contract | None = None,
        **options: Unpack[Given],
    ) -> BatchDecorator:
        """Makes a task of a function that takes a list of arguments, for many jobs in one call.

        A call has at most `size` jobs, and no more than the queue has slots; it begins with those
        that are claimed within `wait` (at most 1 min) of the first. The handler answers None when
        all succeeded, else a list in the order given: a result, an outcome such as `Snooze`, or an
        exception for each. What it raises is the end of all. A first parameter of list[Context]
        gets their contexts. The other keywords are those of `task`.
        """
        policy, checked = _policy_and_options(retry, options)

        def decorate(fn: Callable[..., Any]) -> Any:
            task: Task[..., Any] = BatchTask(
                self,
                fn,
                size=size,
                wait=wait,
                name=name or default_name(fn),
                options=checked,
                retry=policy,
                contract=contract,
            )
            return self.register(task)

        return decorate

    def register(self, task: Task[..., Any]) -> Task[..., Any]:
        """Adds a task; two of one name are a mistake that would send jobs to the wrong handler."""
        for name in (task.name, *task.contract.aliases):
            known = self.tasks.setdefault(check_name(name, "task"), task)
            if known is not task:
                raise DuplicateTask(
                    f'task "{name}" is defined twice: {known.fn!r} and {task.fn!r}',
                    'Give one of them another name: @tf.task(name="...").',
                )
        return task

    def find_task(self, name: str) -> Task[..., Any]:
        """The task of this name. Raises `UnknownTask` with near misses."""
        found = self.tasks.get(name)
        if found is None:
            raise UnknownTask.named(name, self.tasks)
        return found

    def schedule(
        self,
        name: str,
        task: Enqueuer[..., Any] | str,
        args: Mapping[str, Any] | tuple[Any, ...] = (),
        **planned: Unpack[Planned],
    ) -> Declaration:
        """Declares a schedule: `tf.schedule("digest", send_digest, cron="0 8 * * 1-5")`.

        One of cron, every, at; tz, jitter, starts_at, ends_at, max_runs, overlap, catch_up,
        catch_up_span, paused; and what its jobs get: queue, priority, max_attempts, timeout, tags,
        meta, here or by `task.options(...)`. Workers apply declarations when they start, and only
        those that have changed in the code: what was edited at run time stays.
        """
        declaration = declared(name, task, args, planned)
        if self.schedules.setdefault(name, declaration) != declaration:
            raise InvalidDefinition(
                f'schedule "{name}" is declared twice', "Give one of them another name."
            )
        return declaration

    def handle(self, id: int, tenant: str | None = None) -> Handle[Any]:
        """A handle for a job that somebody else enqueued."""
        return Handle(self, id, tenant or self.settings.tenant)

    def limit(
        self,
        name: str,
        rate: Rate | None = None,
        *,
        queue: str | None = None,
        task: str | None = None,
        key: str = "",
        concurrency: int | None = None,
        ordered: bool = False,
        weight_by: str | None = None,
        breaker: Breaker | None = None,
    ) -> Limit:
        """A limit on the jobs of a queue, of a task, or of both together.

        `key` is a template over arguments, "tenant:{tenant_id}": the limit then holds for each key
        apart. `rate`, `concurrency`, `ordered` (strictly one after the other) and `breaker` may be
        combined. Published when a worker starts. With a name alone: the limit of that name,
        wherever it was made, to use it outside of jobs with `acquire()`.
        """
        if rate is None and concurrency is None and not ordered and breaker is None:
            return self.limits.get(name) or Limit(self, name)
        rule = LimitRule(
            name=name, queue=queue, task=task, key=key, concurrency=concurrency, ordered=ordered,
            rate=rate.count if rate else None, per=rate.per if rate else None,
            burst=rate.burst if rate else None, weight_by=weight_by,
            breaker_failures=breaker.failures if breaker else None,
            breaker_window=breaker.within if breaker else None,
            breaker_cooldown=breaker.cooldown if breaker else None,
        )  # fmt: skip
        self.limits[name] = Limit(self, name, rule)
        return self.limits[name]

    # --- workflows --------------------------------------------------------------------------------

    def flow(self, name: str) -> Flow:
        """A workflow to be made of nodes: `flow.add(task, ...)`, then `flow.start()`."""
        return Flow(self, name)

    def chain(self, *stages: *tuple[*tuple[Stage[Any], ...], Stage[T]]) -> Chain[T]:
        """Calls one after the other, each with the result of the one before as its first argument:
        `tf.chain(fetch.s("eu"), store.s())`, or `fetch.s("eu") | store.s()`."""
        return Chain(stages)

    def group(self, stages: Iterable[Stage[T]]) -> Group[T]:
        """Calls side by side; `.then(merge.s())` gets the list of their results."""
        return Group(stages)

    def batch(self, name: str | None = None, **given: Unpack[BatchOptions]) -> BatchDraft:
        """A batch to be filled in a `with` or `async with` block; see `taskflow.batch`."""
        return BatchDraft(self, name, **given)

    def run_handle(self, id: int, tenant: str | None = None) -> RunHandle[Any]:
        """A handle for a run of a workflow that somebody else started."""
        return RunHandle(self, id, tenant or self.settings.tenant)

    def batch_handle(self, id: int, tenant: str | None = None) -> BatchHandle:
        """A handle for a batch that somebody else created."""
        return BatchHandle(self, id, tenant or self.settings.tenant)

    # --- the database -----------------------------------------------------------------------------

    @property
    def dsn(self) -> str:
        """Where the database is; starts the embedded server if none is configured."""
        return self.database.dsn

    async def adsn(self) -> str:
        """`dsn` for async code: starting a server must not stop the loop."""
        return await asyncio.to_thread(lambda: self.dsn)

    def connection_settings(self, name: str = "taskflow") -> dict[str, Any]:
        """psycopg keywords for connections of this app."""
        return connection_settings(
            pooled=self.settings.pooled, connect_timeout=self.settings.connect_timeout, name=name
        )

    def run(self, call: Call[T]) -> T:
        """Runs a Call on the app's blocking pool."""
        if self.is_blocking_loop():
            raise SyncCallInLoop.calling("a blocking call", "the async form of the verb")
        return self.database.run(call)

    async def arun(self, call: Call[T]) -> T:
        """Runs a Call on the app's pool of the running loop."""
        return await self.database.arun(call)

    def run_many(self, calls: Iterable[Call[T]]) -> list[T]:
        """Runs Calls in one transaction of the app's blocking pool, all or none."""
        if self.is_blocking_loop():
            raise SyncCallInLoop.calling("a blocking call", "the async form of the verb")
        return self.database.run_many(calls)

    async def arun_many(self, calls: Iterable[Call[T]]) -> list[T]:
        """Runs Calls in one transaction of the running loop's pool."""
        return await self.database.arun_many(calls)

    def listener(self) -> Listener:
        """The running loop's listener; see `Listener.is_listening`."""
        return self.database.listener()

    @contextmanager
    def using(self, database: Database) -> Iterator[None]:
        """Sends all that this app runs to another database until the end of the block.

        For the whole process, not only for this thread: it is how the testing kit puts an app, its
        handlers included, into one transaction.
        """
        before, self.database = self.database, database
        try:
            yield
        finally:
            self.database = before

    def is_blocking_loop(self) -> bool:
        """Would a blocking call here stop an event loop, and is that not allowed?"""
        if self.settings.allow_sync_in_loop:
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def close(self) -> None:
        """Closes the blocking pool, lets go of the embedded server. The app may be used again."""
        self.database.close()

    async def aclose(self) -> None:
        """`close`, and the running loop's pool and listener with it."""
        await self.database.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _policy_and_options(retry: Retry | int | None, given: Given) -> tuple[Retry, Options]:
    """A task's retries and the defaults of its jobs, which say how many attempts there are."""
    policy = retry if isinstance(retry, Retry) else Retry(retry) if retry is not None else Retry()
    given.setdefault("max_attempts", policy.max_attempts)
    return policy, make_options(Options(), given)


def load_app(path: str) -> Taskflow:
    """The app that "module:name" means; the name defaults to `tf`, then `app`."""
    import importlib

    module_name, _, attribute = path.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.split(".")[0] == error.name.split(".")[0]:
            raise AppNotFound(
                f"no module {module_name!r} here",
                "Write MODULE:NAME, such as app:tf, and run it "
                "in the directory that holds the module.",
            ) from None
        raise
    for candidate in [attribute] if attribute else ["tf", "app", "taskflow"]:
        found = getattr(module, candidate, None)
        if isinstance(found, Taskflow):
            return found
    apps = [name for name, value in vars(module).items() if isinstance(value, Taskflow)]
    close = apps[0] if len(apps) == 1 else "NAME"
    raise AppNotFound(
        f"{path!r} names no Taskflow",
        f"Write {module_name}:{close}, the name of your Taskflow(...).",
    )
