"""The REST API for programs that cannot reach the database: `Rest` and `AsyncRest`.

Each line binds one builder of Calls, as `app.client` does; what stands for it on the API is in
`taskflow.remote`, and is the same that `taskflow --api` uses. The tenant is the one of the key.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, Unpack

from taskflow.calls import (
    batches,
    flows,
    jobs,
    limits,
    operations,
    queues,
    reads,
    records,
    schedules,
)
from taskflow.errors import ConfigurationError, InvalidOption
from taskflow.kernel import codec
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.kernel.job import Enqueued, Job, Options, Placed
from taskflow.kernel.listing import JobFilter, JobLine, QueueLine, TaskLine, WorkerLine
from taskflow.kernel.operations import Operation
from taskflow.kernel.options import Given, make_options
from taskflow.remote import Address, AsyncTransport, Transport, find_key, script_of
from taskflow.remote.address import URL
from taskflow.remote.waiting import ended, result
from taskflow.store import filters

if TYPE_CHECKING:
    import httpx

    from taskflow.store.call import Call

P = ParamSpec("P")
T = TypeVar("T")
TENANT = ""
"""Given to builders that ask for one: the API takes the key's."""


class blocking(Generic[P, T]):  # noqa: N801 - reads as the adjective it is
    """Gives the builder's verb as a blocking method."""

    def __init__(self, builder: Callable[P, Call[T]]) -> None:
        self._builder = builder
        self.__doc__ = builder.__doc__

    def __get__(self, rest: Rest, _owner: type[Rest]) -> Callable[P, T]:
        @wraps(self._builder)
        def verb(*args: P.args, **kwargs: P.kwargs) -> T:
            return rest.run(_of_the_key(self._builder(*args, **kwargs)))

        return verb


class awaitable(Generic[P, T]):  # noqa: N801
    """Gives the builder's verb as an async method."""

    def __init__(self, builder: Callable[P, Call[T]]) -> None:
        self._builder = builder
        self.__doc__ = builder.__doc__

    def __get__(
        self, rest: AsyncRest, _owner: type[AsyncRest]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(self._builder)
        async def verb(*args: P.args, **kwargs: P.kwargs) -> T:
            return await rest.run(_of_the_key(self._builder(*args, **kwargs)))

        return verb


class Rest:
    """Blocking verbs on an API.

        with Rest("https://jobs.example.com") as rest:
            placed = rest.enqueue("email.receipt", {"order_id": 42}, delay="5m")
            print(rest.result(placed.id, timeout="1m"))

    The key is that of TASKFLOW_API_KEY, or of the key file, unless it is given. What the API is not
    ready for (429, 503) is asked again a few times; a POST is never done twice.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        plain_http: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = Transport(_address(url, key, plain_http=plain_http), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def run(self, call: Call[T]) -> T:
        """What stands for any Call. Raises `NeedsDatabase` for one that the API cannot do."""
        return self._transport.run(script_of(call))

    def enqueue(
        self, task: str, args: Mapping[str, Any] | None = None, /, **options: Unpack[Given]
    ) -> Placed:
        """Enqueues a job of a task, by its name."""
        return self.run(_enqueue(task, args, options))

    def enqueue_many(
        self, task: str, items: Iterable[Mapping[str, Any]], /, **options: Unpack[Given]
    ) -> Enqueued:
        """A job for each of the arguments; says which of them were refused."""
        return self.run(_enqueue_many(task, items, options))

    def result(self, id: int, timeout: Duration | None = None) -> Any:
        """What a job returned, waiting for it. Raises `JobFailed`, `JobCancelled`,
        `ResultTimeout`."""
        return codec.decode(self._transport.run(result(id, _patience(timeout))))

    def wait(self, id: int, timeout: Duration | None = None) -> Job:
        """The job once it has ended, however. Raises `ResultTimeout`."""
        return self._transport.run(ended(id, _patience(timeout)))

    def list_jobs(self, wanted: JobFilter | None = None, *, page: int = 200) -> Iterator[JobLine]:
        """The jobs of a filter, the newest first, page after page as they are asked for."""
        before: int | None = None
        while lines := self.run(filters.page(wanted or JobFilter(), page, before)):
            yield from lines
            before = lines[-1].id

    def list_queues(self) -> list[QueueLine]:
        return self.run(reads.queues(TENANT))

    def list_tasks(self) -> list[TaskLine]:
        """The published tasks."""
        return self.run(reads.tasks())

    def list_workers(self) -> list[WorkerLine]:
        return self.run(reads.workers())

    def get_operation(self, id: int) -> Operation | None:
        return self.run(operations.get(id, TENANT))

    get = blocking(jobs.get)
    cancel = blocking(jobs.cancel)
    retry = blocking(jobs.retry)
    discard = blocking(jobs.discard)
    reschedule = blocking(jobs.reschedule)
    explain = blocking(jobs.explain)
    get_progress = blocking(records.get_progress)
    get_logs = blocking(records.get_logs)
    get_steps = blocking(records.get_steps)
    pause_queue = blocking(queues.pause)
    resume_queue = blocking(queues.resume)
    put_limit = blocking(limits.put)
    delete_limit = blocking(limits.delete)
    start_operation = blocking(operations.start)
    cancel_operation = blocking(operations.cancel)
    undo_operation = blocking(operations.undo)
    list_schedules = blocking(schedules.find)
    put_schedule = blocking(schedules.put)
    pause_schedule = blocking(schedules.pause)
    resume_schedule = blocking(schedules.resume)
    run_schedule_now = blocking(schedules.run_now)
    delete_schedule = blocking(schedules.delete)
    backfill_schedule = blocking(schedules.backfill)
    preview_schedule = blocking(schedules.preview)
    explain_schedule = blocking(schedules.explain)
    schedule_ticks = blocking(schedules.ticks)
    save_workflow = blocking(flows.save_workflow)
    start_workflow = blocking(flows.start_workflow)
    run_definition = blocking(flows.run_definition)
    get_workflow = blocking(flows.get_workflow)
    get_run = blocking(flows.get_run)
    cancel_run = blocking(flows.cancel_run)
    retry_run = blocking(flows.retry_run)
    signal = blocking(flows.signal)
    explain_run = blocking(flows.explain_run)
    get_batch = blocking(batches.get_batch)
    cancel_batch = blocking(batches.cancel_batch)


class AsyncRest:
    """`Rest` for async code."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        plain_http: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        address = _address(url, key, plain_http=plain_http)
        self._transport = AsyncTransport(address, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def run(self, call: Call[T]) -> T:
        """What stands for any Call. Raises `NeedsDatabase` for one that the API cannot do."""
        return await self._transport.run(script_of(call))

    async def enqueue(
        self, task: str, args: Mapping[str, Any] | None = None, /, **options: Unpack[Given]
    ) -> Placed:
        """Enqueues a job of a task, by its name."""
        return await self.run(_enqueue(task, args, options))

    async def enqueue_many(
        self, task: str, items: Iterable[Mapping[str, Any]], /, **options: Unpack[Given]
    ) -> Enqueued:
        """A job for each of the arguments; says which of them were refused."""
        return await self.run(_enqueue_many(task, items, options))

    async def result(self, id: int, timeout: Duration | None = None) -> Any:
        """What a job returned, waiting for it. Raises `JobFailed`, `JobCancelled`,
        `ResultTimeout`."""
        return codec.decode(await self._transport.run(result(id, _patience(timeout))))

    async def wait(self, id: int, timeout: Duration | None = None) -> Job:
        """The job once it has ended, however. Raises `ResultTimeout`."""
        return await self._transport.run(ended(id, _patience(timeout)))

    async def list_jobs(
        self, wanted: JobFilter | None = None, *, page: int = 200
    ) -> AsyncIterator[JobLine]:
        """The jobs of a filter, the newest first, page after page as they are asked for."""
        before: int | None = None
        while lines := await self.run(filters.page(wanted or JobFilter(), page, before)):
            for line in lines:
                yield line
            before = lines[-1].id

    async def list_queues(self) -> list[QueueLine]:
        return await self.run(reads.queues(TENANT))

    async def list_tasks(self) -> list[TaskLine]:
        """The published tasks."""
        return await self.run(reads.tasks())

    async def list_workers(self) -> list[WorkerLine]:
        return await self.run(reads.workers())

    async def get_operation(self, id: int) -> Operation | None:
        return await self.run(operations.get(id, TENANT))

    get = awaitable(jobs.get)
    cancel = awaitable(jobs.cancel)
    retry = awaitable(jobs.retry)
    discard = awaitable(jobs.discard)
    reschedule = awaitable(jobs.reschedule)
    explain = awaitable(jobs.explain)
    get_progress = awaitable(records.get_progress)
    get_logs = awaitable(records.get_logs)
    get_steps = awaitable(records.get_steps)
    pause_queue = awaitable(queues.pause)
    resume_queue = awaitable(queues.resume)
    put_limit = awaitable(limits.put)
    delete_limit = awaitable(limits.delete)
    start_operation = awaitable(operations.start)
    cancel_operation = awaitable(operations.cancel)
    undo_operation = awaitable(operations.undo)
    list_schedules = awaitable(schedules.find)
    put_schedule = awaitable(schedules.put)
    pause_schedule = awaitable(schedules.pause)
    resume_schedule = awaitable(schedules.resume)
    run_schedule_now = awaitable(schedules.run_now)
    delete_schedule = awaitable(schedules.delete)
    backfill_schedule = awaitable(schedules.backfill)
    preview_schedule = awaitable(schedules.preview)
    explain_schedule = awaitable(schedules.explain)
    schedule_ticks = awaitable(schedules.ticks)
    save_workflow = awaitable(flows.save_workflow)
    start_workflow = awaitable(flows.start_workflow)
    run_definition = awaitable(flows.run_definition)
    get_workflow = awaitable(flows.get_workflow)
    get_run = awaitable(flows.get_run)
    cancel_run = awaitable(flows.cancel_run)
    retry_run = awaitable(flows.retry_run)
    signal = awaitable(flows.signal)
    explain_run = awaitable(flows.explain_run)
    get_batch = awaitable(batches.get_batch)
    cancel_batch = awaitable(batches.cancel_batch)


def _address(url: str | None, key: str | None, *, plain_http: bool) -> Address:
    found = url or os.environ.get(URL)
    if not found:
        raise ConfigurationError("no address of a REST API was given", f"Rest(URL), or set {URL}.")
    return Address(found, key or find_key(), plain_http=plain_http)


def _of_the_key(call: Call[T]) -> Call[T]:
    """The Call, unless it names a tenant: nothing may seem to be done in another than the key's."""
    if call.parameters.get("tenant") is not None:
        raise InvalidOption("a tenant was named", "Leave it out: the key belongs to one.")
    return call


def _enqueue(task: str, args: Mapping[str, Any] | None, options: Given) -> Call[Placed]:
    call = jobs.enqueue(task, codec.encode(args or {}), make_options(Options(), options))
    return _of_the_key(call)


def _enqueue_many(task: str, items: Iterable[Mapping[str, Any]], options: Given) -> Call[Enqueued]:
    encoded = b"[" + b",".join(map(codec.encode, items)) + b"]"
    return _of_the_key(jobs.enqueue_many(task, encoded, make_options(Options(), options)))


def _patience(timeout: Duration | None) -> timedelta | None:
    return None if timeout is None else parse_duration(timeout, what="timeout")
