"""What the `taskflow` fixture gives to a test: an app in one transaction, and the tools for it.

Nothing is imitated: jobs are rows, claims and settles are the database's own functions. Only the
worker is replaced, by `drain`, and the end of the transaction, by a rollback.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Self, TypeVar

from taskflow.app import Taskflow
from taskflow.calls import schedules, workers
from taskflow.calls.jobs import JOB_COLUMNS, decode_job
from taskflow.errors import SyncCallInLoop, UnknownTask
from taskflow.kernel.job import Job, State
from taskflow.store.call import Call, each
from taskflow.store.database import AsyncConnection, Connection
from taskflow.store.pool import connect
from taskflow.store.rolled_back import RolledBack
from taskflow.task import Task, published
from taskflow.testing.alone import aperform, perform
from taskflow.testing.asserts import Expected, complaint
from taskflow.testing.caller import CallerThread, OneByOne
from taskflow.testing.clock import Clock
from taskflow.testing.drain import CrashPoint, Drain, Ran
from taskflow.worker.executors import Executor
from taskflow.worker.executors.thread import ThreadExecutor

T = TypeVar("T")
ALL_JOBS = Call(
    f"select {JOB_COLUMNS} from taskflow.job_view order by id",  # noqa: S608
    {},
    each(decode_job),
)


class Kit:
    """An app whose calls, blocking and async, all go through one transaction of `connection`.

    Use it as a context manager; leaving it takes back all that was done inside. The app's own
    connections are not touched meanwhile, in the whole process.
    """

    def __init__(self, app: Taskflow, connection: Connection) -> None:
        self.app = app
        self.database = RolledBack(connection)
        self.clock = Clock(self.database)
        self.crashes: dict[str, CrashPoint] = {}
        self.worker_id = 0
        self._stack = ExitStack()
        self.inlined: Callable[[list[Ran]], None] | None = None
        """Inside `inline()`, who is told what ran."""

    def __enter__(self) -> Self:
        run = self.database.run
        self._stack.enter_context(self.connection.transaction(force_rollback=True))
        run(workers.publish_tasks([published(*named) for named in self.app.tasks.items()]))
        self.worker_id = run(
            workers.join(
                "taskflow.testing",
                queues=[],
                slots=[],
                tasks=sorted(self.app.tasks),
                lease=self.app.settings.lease,
                host="test",
                pid=os.getpid(),
                version="test",
            )
        )
        self._stack.enter_context(self.app.using(Inlining(self)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- the transaction --------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The test's connection, for blocking code: rows of your own, `task.on(...)`."""
        return self.database.blocking

    @property
    def aconnection(self) -> AsyncConnection:
        """The same session for async code."""
        return self.database.awaited

    # --- running ----------------------------------------------------------------------------------

    def drain(self, limit: int | None = None, *, raises: bool = False) -> list[Ran]:
        """Runs every job that is due, in the queue's order, until none is left.

        Retries and snoozes run only as far as the clock allows: move it and drain again. `def`
        handlers run in this thread. With `raises`, what a handler raised comes out here.
        """
        self._refuse_in_loop("drain()", "await taskflow.adrain()")
        here = CallerThread()
        drain = Drain(self, _all_in(here))
        return _raised(here.serve(lambda: drain.run(limit)), raises=raises)

    async def adrain(self, limit: int | None = None, *, raises: bool = False) -> list[Ran]:
        """`drain` for async tests: async handlers run in this loop, `def` handlers in a thread."""
        threads = ThreadExecutor(1)
        try:
            ran = await Drain(self, _all_in(threads)).run(limit)
        finally:
            threads.close()
        return _raised(ran, raises=raises)

    @contextmanager
    def inline(self, *, raises: bool = True) -> Iterator[list[Ran]]:
        """Inside the block every enqueue through the app runs what is due at once.

        Gives the list of what ran. What a handler raises comes out of the enqueue, unless `raises`
        is False.
        """
        ran: list[Ran] = []

        def note(found: list[Ran]) -> None:
            ran.extend(found)
            _raised(found, raises=raises)

        before, self.inlined = self.inlined, note
        try:
            yield ran
        finally:
            self.inlined = before

    def crash_after_claim(self, task: Task[..., Any] | str) -> None:
        """The next run of the task ends before its handler starts, as a dead worker's would.

        The job stays leased: `clock.advance("1m")` lets the lease run out, `drain()` runs it again.
        """
        self.crashes[self._name(task)] = "after claim"

    def crash_before_settle(self, task: Task[..., Any] | str) -> None:
        """The next run of the task ends after its handler: what it did stays, its end is not told.

        A handler that uses `ctx.transaction()` loses what it did in it, as it should.
        """
        self.crashes[self._name(task)] = "before settle"

    def perform(self, task: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs one handler with no job; see `taskflow.testing.perform`."""
        return perform(task, *args, **kwargs)

    async def aperform(self, task: Task[..., Any], *args: Any, **kwargs: Any) -> Any:
        """`perform` for async tests."""
        return await aperform(task, *args, **kwargs)

    def publish_schedules(self) -> None:
        """Makes the schedules that the app declares, as a worker does when it starts.

        From then on a drain fires what the test's clock has made due.
        """
        self.database.run(
            schedules.publish(list(self.app.schedules.values()), self.app.settings.tenant)
        )

    # --- looking ----------------------------------------------------------------------------------

    def jobs(
        self,
        task: Task[..., Any] | str | None = None,
        *,
        queue: str | None = None,
        state: State | None = None,
    ) -> list[Job]:
        """The jobs of this test in the order they were enqueued, finished ones too."""
        name = None if task is None else self._name(task)
        return [
            job
            for job in self.database.run(ALL_JOBS)
            if name in (None, job.task)
            and queue in (None, job.queue)
            and state in (None, job.state)
        ]

    def assert_enqueued(
        self,
        task: Task[..., Any] | str,
        *args: Any,
        queue: str | None = None,
        count: int | None = None,
        having: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> list[Job]:
        """Asserts that jobs of the task were enqueued, at least one, or exactly `count`.

        Arguments that are given must be those of the job; others may be anything. `having` takes
        arguments whose names are `queue` or `count`. Answers the jobs, finished ones too.
        """
        __tracebackhide__ = True
        expected = Expected(task, args, {**kwargs, **(having or {})}, queue)
        all_jobs = self.jobs()
        found = expected.find(all_jobs)
        if not found if count is None else len(found) != count:
            wanted = "a job" if count is None else f"{count} job{'' if count == 1 else 's'}"
            raise AssertionError(complaint(expected, wanted, found, all_jobs))
        return found

    def assert_not_enqueued(
        self,
        task: Task[..., Any] | str,
        *args: Any,
        queue: str | None = None,
        having: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Asserts that no such job was enqueued."""
        __tracebackhide__ = True
        expected = Expected(task, args, {**kwargs, **(having or {})}, queue)
        all_jobs = self.jobs()
        if found := expected.find(all_jobs):
            raise AssertionError(complaint(expected, "no job", found, all_jobs))

    # --- inside -----------------------------------------------------------------------------------

    def _name(self, task: Task[..., Any] | str) -> str:
        if not isinstance(task, str):
            return task.name
        if task not in self.app.tasks:
            raise UnknownTask.named(task, self.app.tasks)
        return task

    def _refuse_in_loop(self, verb: str, instead: str) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise SyncCallInLoop.calling(verb, instead)


class Inlining:
    """A kit's database which, inside `inline()`, runs what an enqueue has made due."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kit.database, name)

    def run(self, call: Call[T]) -> T:
        answer = self._kit.database.run(call)
        if self._kit.inlined is not None and is_enqueue(call):
            self._kit.inlined(self._kit.drain())
        return answer

    async def arun(self, call: Call[T]) -> T:
        answer = self._kit.database.run(call)
        if self._kit.inlined is not None and is_enqueue(call):
            self._kit.inlined(await self._kit.adrain())
        return answer

    def run_many(self, calls: Iterable[Call[T]]) -> list[T]:
        return [self.run(call) for call in calls]

    async def arun_many(self, calls: Iterable[Call[T]]) -> list[T]:
        return [await self.arun(call) for call in calls]


def is_enqueue(call: Call[Any]) -> bool:
    return "taskflow.enqueue" in call.statement


@contextmanager
def open_connection(dsn: str) -> Iterator[Connection]:
    """A connection in a transaction that is rolled back in the end."""
    settings = {"application_name": "taskflow testing", "prepare_threshold": None}
    with closing(connect(dsn, settings)) as connection:
        yield connection


def _raised(ran: list[Ran], *, raises: bool) -> list[Ran]:
    """What ran, unless an attempt failed and that should be known."""
    if raises:
        for attempt in ran:
            if attempt.outcome in ("failed", "discarded") and attempt.error is not None:
                raise attempt.error
    return ran


def _all_in(threads: Executor) -> dict[str, Executor]:
    """Whatever a task says, its `def` handler runs in these threads."""
    one = OneByOne(threads)
    return {"thread": threads, "process": threads, "batch": one, "batch thread": one}
