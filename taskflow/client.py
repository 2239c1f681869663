"""The verbs on what exists already: jobs, queues, schedules, runs, bound to an app in both colours.

Each line binds one Call builder; its parameters, defaults and result type flow through.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache, wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from taskflow.calls import (
    batches,
    flows,
    jobs,
    limits,
    operations,
    queues,
    records,
    schedules,
    tenants,
)

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.store.call import Call

P = ParamSpec("P")
T = TypeVar("T")


class blocking(Generic[P, T]):  # noqa: N801 - reads as the adjective it is
    """Gives the builder's verb as a blocking method."""

    def __init__(self, builder: Callable[P, Call[T]]) -> None:
        self._builder = builder
        self.__doc__ = builder.__doc__

    def __get__(self, client: Client, _owner: type[Client]) -> Callable[P, T]:
        @wraps(self._builder)
        def verb(*args: P.args, **kwargs: P.kwargs) -> T:
            return client.app.run(tenanted(self._builder, client.app)(*args, **kwargs))

        return verb


class awaitable(Generic[P, T]):  # noqa: N801
    """Gives the builder's verb as an async method."""

    def __init__(self, builder: Callable[P, Call[T]]) -> None:
        self._builder = builder
        self.__doc__ = builder.__doc__

    def __get__(
        self, client: AsyncClient, _owner: type[AsyncClient]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(self._builder)
        async def verb(*args: P.args, **kwargs: P.kwargs) -> T:
            return await client.app.arun(tenanted(self._builder, client.app)(*args, **kwargs))

        return verb


def tenanted(builder: Callable[P, Call[T]], app: Taskflow) -> Callable[P, Call[T]]:
    """The builder with the app's tenant, where the caller names none."""

    def build(*args: P.args, **kwargs: P.kwargs) -> Call[T]:
        if len(args) <= tenant_place(builder):
            kwargs.setdefault("tenant", app.settings.tenant)
        return builder(*args, **kwargs)

    return build


@cache
def tenant_place(builder: Callable[..., Any]) -> int:
    return list(signature(builder).parameters).index("tenant")


class Client:
    """`app.client`: blocking verbs."""

    def __init__(self, app: Taskflow) -> None:
        self.app = app

    get = blocking(jobs.get)
    cancel = blocking(jobs.cancel)
    retry = blocking(jobs.retry)
    discard = blocking(jobs.discard)
    reschedule = blocking(jobs.reschedule)
    requeue = blocking(jobs.requeue)
    explain = blocking(jobs.explain)
    get_progress = blocking(records.get_progress)
    get_logs = blocking(records.get_logs)
    get_steps = blocking(records.get_steps)
    pause_queue = blocking(queues.pause)
    put_limit = blocking(limits.put)
    start_operation = blocking(operations.start)
    cancel_operation = blocking(operations.cancel)
    undo_operation = blocking(operations.undo)
    delete_limit = blocking(limits.delete)
    resume_queue = blocking(queues.resume)
    allow_tenant = blocking(tenants.allow)
    forbid_tenant = blocking(tenants.forbid)
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


class AsyncClient:
    """`app.aclient`: the same verbs for async code."""

    def __init__(self, app: Taskflow) -> None:
        self.app = app

    get = awaitable(jobs.get)
    cancel = awaitable(jobs.cancel)
    retry = awaitable(jobs.retry)
    discard = awaitable(jobs.discard)
    reschedule = awaitable(jobs.reschedule)
    requeue = awaitable(jobs.requeue)
    explain = awaitable(jobs.explain)
    get_progress = awaitable(records.get_progress)
    get_logs = awaitable(records.get_logs)
    get_steps = awaitable(records.get_steps)
    pause_queue = awaitable(queues.pause)
    put_limit = awaitable(limits.put)
    start_operation = awaitable(operations.start)
    cancel_operation = awaitable(operations.cancel)
    undo_operation = awaitable(operations.undo)
    delete_limit = awaitable(limits.delete)
    resume_queue = awaitable(queues.resume)
    allow_tenant = awaitable(tenants.allow)
    forbid_tenant = awaitable(tenants.forbid)
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
