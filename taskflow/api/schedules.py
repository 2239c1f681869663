"""/schedules: make, edit, pause, run, backfill; when they fire, and what became of their ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from taskflow.api.answers import (
    PREFIX,
    JsonResponse,
    Page,
    blotted,
    check_unblotted,
    paged,
    read_cursor,
)
from taskflow.api.edits import IfNoneMatch, check_match, check_put, tag_of
from taskflow.api.fields import Cursor, Limit, NamePath, Text, Time, required_time, time
from taskflow.api.jobs import ReasonBody
from taskflow.api.problems import InvalidRequest
from taskflow.api.session import Injected, Session
from taskflow.calls import reads, schedules
from taskflow.kernel import codec
from taskflow.kernel.access import NameTaken
from taskflow.kernel.job import Cause, Placed
from taskflow.kernel.schedule import Backfilled, LedgerLine, Schedule, ScheduleNotFound, Tick

Seconds = timedelta | float
"""ISO 8601, "PT5M", or seconds."""
Word = Literal["critical", "high", "normal", "low"]
Overlap = Literal["allow", "skip", "queue", "cancel_old"]
CatchUp = Literal["none", "last", "all"]
TIMES = ("cron", "every", "at")
Count = Annotated[int, QueryParameter(ge=1, le=1000)]


class ScheduleBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole schedule: what is left out is as where it was never given. One of cron, every, at."""

    task: str
    args: dict[str, Any] = {}
    cron: str | None = None
    every: Seconds | None = None
    at: datetime | None = None
    time_zone: str | None = None
    queue: str | None = None
    priority: Word | None = None
    max_attempts: int | None = None
    timeout: Seconds | None = None
    tags: list[str] | None = None
    meta: dict[str, Any] | None = None
    jitter: Seconds | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs: int | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    catch_up_span: Seconds | None = None
    paused: bool | None = None
    """None leaves a pause as it is."""


class NewScheduleBody(ScheduleBody, forbid_unknown_fields=True, kw_only=True):
    name: str


class SchedulePatch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A merge patch (RFC 7396): what is left out stays, null takes an option back."""

    task: str | UnsetType = UNSET
    args: dict[str, Any] | UnsetType | None = UNSET
    cron: str | UnsetType | None = UNSET
    every: Seconds | UnsetType | None = UNSET
    at: datetime | UnsetType | None = UNSET
    time_zone: str | UnsetType | None = UNSET
    queue: str | UnsetType | None = UNSET
    priority: Word | UnsetType | None = UNSET
    max_attempts: int | UnsetType | None = UNSET
    timeout: Seconds | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET
    meta: dict[str, Any] | UnsetType | None = UNSET
    jitter: Seconds | UnsetType | None = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    ends_at: datetime | UnsetType | None = UNSET
    max_runs: int | UnsetType | None = UNSET
    overlap: Overlap | UnsetType | None = UNSET
    catch_up: CatchUp | UnsetType | None = UNSET
    catch_up_span: Seconds | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET


class BackfillBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    since: datetime
    until: datetime | None = None
    """Up to before then; now unless given."""
    dry_run: bool = False


@get("/schedules", name="schedules.list")
async def list_schedules(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[Schedule]:
    """List schedules by name: when they fire next, and what became of their last tick."""
    scope = f"schedules {session.tenant}"
    after = read_cursor(session.signer, scope, cursor)
    found = await session.run(schedules.find(None, session.tenant, limit=limit + 1, after=after))
    shown = [visible(session, line) for line in found]
    return paged(session, shown, limit, scope, lambda line: line.name)


@post("/schedules", name="schedules.create", status_code=201)
async def create(session: Injected, data: JSONBody[NewScheduleBody]) -> Response[Schedule]:
    """Make a schedule under a name that is free."""
    await session.lock(f"schedule {data.name}")
    if await session.run(schedules.find(data.name, session.tenant)):
        raise NameTaken(f'there is a schedule "{data.name}" already', "PUT replaces it.")
    return await created(session, data.name, data)


@get("/schedules/preview", name="schedules.preview")
async def preview(
    session: Injected,
    cron: Text = None,
    tz: Text = None,
    name: Text = None,
    count: Count = 5,
    after: Time = None,
) -> Page[Tick]:
    """Say when a cron expression in a time zone, or a schedule, fires next."""
    return Page(
        await session.run(
            schedules.preview(
                name, cron=cron, tz=tz, count=count, after=time(after, "after"),
                tenant=session.tenant,
            )
        )
    )  # fmt: skip


@get("/schedules/{name:str}", name="schedules.get")
async def get_schedule(session: Injected, name: NamePath) -> Schedule:
    """Show a schedule."""
    found = await known(session, name)
    session.etag = version(found)
    return visible(session, found)


@put("/schedules/{name:str}", name="schedules.put", status_code=200)
async def put_schedule(
    session: Injected,
    name: NamePath,
    data: JSONBody[ScheduleBody],
    if_none_match: IfNoneMatch = None,
) -> Response[Schedule]:
    """Make a schedule (201), or replace the one of this name. The ledger and a pause are kept."""
    await session.lock(f"schedule {name}")
    found = await session.run(schedules.find(name, session.tenant))
    check_put(session, version(found[0]) if found else None, if_none_match)
    if not found:
        return await created(session, name, data)
    await session.run(store(session, name, data))
    return JsonResponse(await get_schedule.fn(session, name), status_code=200)


@patch("/schedules/{name:str}", name="schedules.edit")
async def edit(session: Injected, name: NamePath, data: JSONBody[SchedulePatch]) -> Schedule:
    """Change what is given of a schedule. Takes If-Match."""
    await session.lock(f"schedule {name}")
    found = await known(session, name)
    check_match(session, version(found))
    given = {n: getattr(data, n) for n in data.__struct_fields__ if getattr(data, n) is not UNSET}
    times = [option for option in TIMES if option in given]
    if times and all(given[option] is None for option in times):
        raise InvalidRequest.at(f"/{times[0]}", "a schedule has one of cron, every and at")
    cleared = [option for option in schedules.TAKEN_BACK if given.get(option, UNSET) is None]
    check_unblotted(given.get("args"), "/args")
    args = merged(found.args, given.pop("args")) if "args" in given else None
    if given.get("meta") is not None:
        given["meta"] = merged(found.meta, given["meta"])
    task = given.pop("task", None)
    plan: Any = planned(given)
    await session.run(
        schedules.put(name, task, args, tenant=session.tenant, cleared=cleared, **plan)
    )
    return await get_schedule.fn(session, name)  # type: ignore[no-any-return]


@delete("/schedules/{name:str}", name="schedules.delete")
async def delete_schedule(session: Injected, name: NamePath) -> None:
    """Remove a schedule. Its jobs go on, and its ledger is kept for its time."""
    await session.lock(f"schedule {name}")
    found = await known(session, name)
    if session.if_match is not None:
        check_match(session, version(found))
    await session.run(schedules.delete(name, session.tenant))


@post("/schedules/{name:str}/pause", name="schedules.pause", status_code=200)
async def pause(
    session: Injected, name: NamePath, data: JSONBody[ReasonBody | None] = None
) -> Schedule:
    """Stop a schedule until it is resumed; ticks in between are not made up for."""
    await known(session, name)
    await session.run(schedules.pause(name, data.reason if data else None, session.tenant))
    return await get_schedule.fn(session, name)  # type: ignore[no-any-return]


@post("/schedules/{name:str}/resume", name="schedules.resume", status_code=200)
async def resume(session: Injected, name: NamePath) -> Schedule:
    """End a pause, from the next tick on; nothing changes where there is none."""
    await known(session, name)
    await session.run(schedules.resume(name, session.tenant))
    return await get_schedule.fn(session, name)  # type: ignore[no-any-return]


@post("/schedules/{name:str}/run", name="schedules.run", status_code=201)
async def run(session: Injected, name: NamePath) -> Placed:
    """Make a job of a schedule now, beside its ticks."""
    await known(session, name)
    return Placed(await session.run(schedules.run_now(name, session.tenant)))


@post("/schedules/{name:str}/backfill", name="schedules.backfill", status_code=200)
async def backfill(
    session: Injected, name: NamePath, data: JSONBody[BackfillBody]
) -> Page[Backfilled]:
    """Make the jobs of past ticks that have none; or with dry_run, only say which."""
    await known(session, name)
    since = required_time(data.since, "/since")
    until = time(data.until, "/until")
    end = until if until is not None else await session.run(reads.clock())
    return Page(
        await session.run(
            schedules.backfill(name, since, end, dry_run=data.dry_run, tenant=session.tenant)
        )
    )


@get("/schedules/{name:str}/runs", name="schedules.runs")
async def runs(
    session: Injected, name: NamePath, limit: Limit = 50, cursor: Cursor = None
) -> Page[LedgerLine]:
    """List what became of a schedule's ticks, the newest first; of a deleted one, too."""
    scope = f"runs {session.tenant} {name}"
    last = read_cursor(session.signer, scope, cursor)
    before = datetime.fromisoformat(last) if last else None
    found = await session.run(schedules.ticks(name, limit + 1, session.tenant, before))
    if not found:
        await known(session, name)
    return paged(
        session, found, limit, scope, lambda line: line.tick_at.astimezone(UTC).isoformat()
    )


@get("/schedules/{name:str}/why", name="schedules.why")
async def why(session: Injected, name: NamePath) -> Page[Cause]:
    """Say why a schedule is where it is: the first cause is the answer."""
    await known(session, name)
    return Page(await session.run(schedules.explain(name, session.tenant)))


async def known(session: Session, name: str) -> Schedule:
    found = await session.run(schedules.find(name, session.tenant))
    if not found:
        raise ScheduleNotFound(f'there is no schedule "{name}"', "See GET /schedules.")
    return found[0]


async def created(session: Session, name: str, data: ScheduleBody) -> Response[Schedule]:
    await session.run(store(session, name, data))
    session.target = name
    return JsonResponse(
        await get_schedule.fn(session, name),
        status_code=201,
        headers={"location": f"{PREFIX}/schedules/{name}"},
    )


def store(session: Session, name: str, data: ScheduleBody) -> Any:
    """The Call that makes a schedule what the body says, whatever it was."""
    given = {option: getattr(data, option) for option in ScheduleBody.__struct_fields__}
    task, args = given.pop("task"), given.pop("args")
    check_unblotted(args, "/args")
    plan: Any = planned(given)
    cleared = [option for option in schedules.TAKEN_BACK if given[option] is None]
    return schedules.put(name, task, args, tenant=session.tenant, cleared=cleared, **plan)


def planned(given: dict[str, Any]) -> dict[str, Any]:
    """The options as `make_plan` takes them."""
    check_unblotted(given.get("meta"), "/meta")
    plan = {option: value for option, value in given.items() if value is not None}
    if "time_zone" in plan:
        plan["tz"] = plan.pop("time_zone")
    for option in ("at", "starts_at", "ends_at"):
        if option in plan:
            plan[option] = required_time(plan[option], f"/{option}")
    return plan


def merged(old: msgspec.Raw | None, change: dict[str, Any] | None) -> dict[str, Any]:
    """An object after a merge patch."""
    whole: dict[str, Any] = codec.decode(bytes(old)) if old is not None else {}
    return _merged(whole, change) if change is not None else {}


def version(schedule: Schedule) -> str:
    return tag_of(
        schedule.name, schedule.updated_at, schedule.paused_at, schedule.pause_reason,
        schedule.created_at,
    )  # fmt: skip


def visible(session: Session, schedule: Schedule) -> Schedule:
    """As the caller may see it: what stands under a sensitive name is blotted out."""
    if session.sees_secrets:
        return schedule
    return msgspec.structs.replace(
        schedule, args=blotted(schedule.args), meta=schedule.meta and blotted(schedule.meta)
    )


def _merged(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for name, value in change.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            below = found.get(name)
            found[name] = _merged(below if isinstance(below, dict) else {}, value)
        else:
            found[name] = value
    return found


ROUTES = [
    list_schedules, create, preview, get_schedule, put_schedule, edit, delete_schedule, pause,
    resume, run, backfill, runs, why,
]  # fmt: skip
