"""/operations: one act on all jobs of a filter, in the background, with a preview and on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody

from taskflow.api.answers import PREFIX, JsonResponse, Page, paged, read_cursor
from taskflow.api.fields import Cursor, Flag, IdPath, Limit, ident, required_time, time
from taskflow.api.jobs import ReasonBody, parent_id
from taskflow.api.problems import InvalidRequest
from taskflow.api.session import Injected, Session
from taskflow.calls import operations
from taskflow.errors import JobStateConflict
from taskflow.kernel.job import State
from taskflow.kernel.listing import JobFilter, JobLine
from taskflow.kernel.names import check_name
from taskflow.kernel.operations import (
    USUAL_STATES,
    Operation,
    OperationItem,
    OperationNotFound,
    OperationVerb,
    filter_as_json,
)
from taskflow.store import filters

SAMPLE = 5


class FilterBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which jobs. What is left out does not restrict; values of one field are alternatives."""

    states: list[State] = []
    """Without one: those that the verb can act on."""
    tasks: list[str] = []
    queues: list[str] = []
    tags: list[str] = []
    ids: list[str] = []
    fingerprints: list[str] = []
    since: datetime | None = None
    """Created at this time or later."""
    until: datetime | None = None
    """Created before this time."""


class ParamsBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the verb needs: run_at for reschedule, queue for move, priority for priority."""

    run_at: datetime | None = None
    queue: str | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None


class StartBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An act on many jobs."""

    verb: Literal["retry", "cancel", "discard", "reschedule", "move", "priority"]
    filter: FilterBody = msgspec.field(default_factory=FilterBody)
    params: ParamsBody = msgspec.field(default_factory=ParamsBody)
    rate: int | None = None
    """Jobs a second, at most."""
    reason: str | None = None
    """Kept with the operation and with the jobs."""
    all: bool = False
    """All jobs: needed where the filter names nothing."""
    dry_run: bool = False
    worker_queue: str | None = None
    """The queue whose workers do it; "default" unless the caller is bound to others."""


class DryRun(msgspec.Struct, frozen=True):
    """What an operation would act on."""

    count: int
    sample: list[JobLine]


@get("/operations", name="operations.list")
async def list_operations(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[Operation]:
    """List operations, the newest first."""
    scope = f"operations {session.tenant} {session.queues}"
    last = read_cursor(session.signer, scope, cursor)
    found = await session.run(
        operations.latest(session.tenant, limit + 1, int(last) if last else None, session.queues)
    )
    return paged(session, found, limit, scope, lambda line: line.id)


@post("/operations", name="operations.start", status_code=202)
async def start(session: Injected, data: JSONBody[StartBody]) -> Response[Operation | DryRun]:
    """Begin an act on all jobs of a filter; or with dry_run, only say what it would be."""
    wanted = wanted_jobs(session, data.filter)
    if data.filter == FilterBody() and not data.all:
        raise InvalidRequest.at("/filter", 'it names nothing; send "all": true to mean all jobs')
    params = checked_params(session, data.verb, data.params)
    if not wanted.states and not wanted.ids:
        wanted = msgspec.structs.replace(wanted, states=USUAL_STATES[data.verb])
    if data.dry_run:
        return await preview(session, wanted)
    return await begin(
        session, data.verb, wanted, params=params, rate=data.rate, reason=data.reason,
        worker_queue=data.worker_queue,
    )  # fmt: skip


@get("/operations/{operation_id:str}", name="operations.get")
async def get_operation(session: Injected, operation_id: IdPath) -> Operation:
    """Show an operation and how far it has come."""
    return await known(session, operation_id)


@get("/operations/{operation_id:str}/items", name="operations.items")
async def items(
    session: Injected,
    operation_id: IdPath,
    refused: Flag = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[OperationItem]:
    """List what became of its jobs; with `refused`, of those alone that it could not serve."""
    operation = await known(session, operation_id)
    scope = f"items {session.tenant} {operation.id} {refused}"
    after = int(read_cursor(session.signer, scope, cursor) or 0)
    found = await session.run(
        operations.items(
            operation.id, session.tenant, refused=refused, limit=limit + 1, after=after
        )
    )
    return paged(session, found, limit, scope, lambda line: line.job_id)


@delete("/operations/{operation_id:str}", name="operations.cancel", status_code=200)
async def cancel(session: Injected, operation_id: IdPath) -> Operation:
    """Stop an operation where it stands; what it has done stays done."""
    operation = await known(session, operation_id)
    if not await session.run(operations.cancel(operation.id, session.tenant)):
        raise JobStateConflict(
            f"operation {operation.id} has ended", "Some can be taken back: POST .../undo."
        )
    return await known(session, operation_id)


@post("/operations/{operation_id:str}/undo", name="operations.undo", status_code=202)
async def undo(
    session: Injected, operation_id: IdPath, data: JSONBody[ReasonBody | None] = None
) -> Response[Operation]:
    """Begin an operation that takes another back, where its jobs still are as it left them."""
    operation = await known(session, operation_id)
    made = await session.run(
        operations.undo(
            operation.id, data.reason if data else None, worker_queue_of(session), session.tenant
        )
    )
    return await accepted(session, made)


async def known(session: Session, operation_id: str) -> Operation:
    """An operation that the caller may see, else `OperationNotFound`."""
    found = await session.run(
        operations.get(ident(operation_id, no_operation), session.tenant, session.queues)
    )
    if found is None:
        raise no_operation(operation_id)
    return found


def no_operation(id: int | str) -> OperationNotFound:
    return OperationNotFound(f"operation {id} does not exist", "Its retention may be over.")


async def preview(session: Session, wanted: JobFilter) -> Response[Any]:
    """How many jobs a filter means, and the newest of them."""
    count, _ = await session.run(filters.count(wanted))
    sample = await session.run(filters.page(wanted, SAMPLE))
    return JsonResponse(DryRun(count, sample), status_code=200)


async def begin(
    session: Session,
    verb: OperationVerb,
    wanted: JobFilter,
    *,
    params: dict[str, Any] | None = None,
    rate: int | None = None,
    reason: str | None = None,
    worker_queue: str | None = None,
) -> Response[Any]:
    """Begins an operation on the jobs that are there now; 202 with its place."""
    count, last = await session.run(filters.count(wanted))
    made = await session.run(
        operations.start(
            verb, filter_as_json(wanted), params=params, rate=rate, reason=reason, up_to=last,
            expected=count, queue=worker_queue_of(session, worker_queue), tenant=session.tenant,
        )
    )  # fmt: skip
    return await accepted(session, made)


async def accepted(session: Session, id: int) -> Response[Any]:
    operation = await session.run(operations.get(id, session.tenant))
    session.target = str(id)
    return JsonResponse(
        operation, status_code=202, headers={"location": f"{PREFIX}/operations/{id}"}
    )


def worker_queue_of(session: Session, asked: str | None = None) -> str:
    """Where the job that does an operation stands: a queue that the caller may enqueue in."""
    if asked is not None:
        session.check_queue(asked)
        return asked
    if not session.queues or "default" in session.queues:
        return "default"
    return session.queues[0]


def within(session: Session, queues: tuple[str, ...]) -> tuple[str, ...]:
    """The queues of a filter, cut down to the caller's; what is left of none names no job."""
    if session.queues is None:
        return queues
    return tuple(q for q in queues or session.queues if q in session.queues) or ("-",)


def wanted_jobs(session: Session, given: FilterBody) -> JobFilter:
    """The filter within the caller's tenant and queues."""
    queues = tuple(check_name(name, "queue") for name in given.queues)
    for queue in queues:
        session.check_queue(queue)
    return JobFilter(
        tenant=session.tenant,
        states=tuple(given.states),
        tasks=tuple(check_name(name, "task") for name in given.tasks),
        queues=within(session, queues),
        tags=tuple(given.tags),
        ids=tuple(parent_id(text, "/filter/ids") for text in given.ids),
        fingerprints=tuple(given.fingerprints),
        since=time(given.since, "/filter/since"),
        until=time(given.until, "/filter/until"),
    )


def checked_params(session: Session, verb: str, given: ParamsBody) -> dict[str, Any]:
    """What the verb needs; what it does not take is a mistake."""
    needed = {"reschedule": "run_at", "move": "queue", "priority": "priority"}.get(verb)
    for name in ParamsBody.__struct_fields__:
        if (name == needed) != (getattr(given, name) is not None):
            said = "needs" if name == needed else "does not take"
            raise InvalidRequest.at(f"/params/{name}", f"{verb} {said} it")
    if given.queue is not None:
        session.check_queue(check_name(given.queue, "queue"))
    if given.run_at is not None:
        return {"run_at": required_time(given.run_at, "/params/run_at")}
    return {needed: getattr(given, needed)} if needed else {}


ROUTES = [list_operations, start, get_operation, items, cancel, undo]
