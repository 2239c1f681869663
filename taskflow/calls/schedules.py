"""Verbs on schedules: an operator's, and the two by which workers fire them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Unpack

import msgspec

from taskflow.kernel import codec
from taskflow.kernel.job import Cause
from taskflow.kernel.schedule import (
    Backfilled,
    Declaration,
    LedgerLine,
    Planned,
    Schedule,
    Tick,
    make_plan,
)
from taskflow.store.call import Call, Row, each, nothing, scalar

_ARGUMENTS = {
    "cron": "text", "every": "interval", "at": "timestamptz", "time_zone": "text",
    "queue": "text", "priority": "text", "max_attempts": "integer", "timeout": "interval",
    "tags": "text[]", "meta": "jsonb", "jitter": "interval", "starts_at": "timestamptz",
    "ends_at": "timestamptz", "max_runs": "integer", "overlap": "text", "catch_up": "text",
    "catch_up_span": "interval", "paused": "boolean",
}  # fmt: skip
_COLUMNS = (
    "name, state, task, kind, times, time_zone, next_at, queued_at, last_tick_at, last_status,"
    " last_reason, last_late_by, last_job_id, runs, max_runs, overlap, catch_up, catch_up_span,"
    " jitter, starts_at, ends_at, queue, priority, max_attempts, timeout, tags, args::text,"
    " meta::text, paused_at, paused_by, pause_reason, declared, declared_at, is_orphaned,"
    " created_by, created_at, updated_by, updated_at"
)


TAKEN_BACK: Mapping[str, Any] = {
    "time_zone": "UTC", "queue": "", "priority": "", "max_attempts": 0,
    "timeout": timedelta(0), "tags": [], "meta": {}, "jitter": timedelta(0),
    "starts_at": "infinity", "ends_at": "infinity", "max_runs": 0, "overlap": "allow",
    "catch_up": "last", "catch_up_span": timedelta(0),
}  # fmt: skip
"""What makes an option what it is where none is given."""


def put(
    name: str,
    task: str | None = None,
    args: Mapping[str, Any] | None = None,
    *,
    tenant: str | None = None,
    cleared: Iterable[str] = (),
    **planned: Unpack[Planned],
) -> Call[datetime | None]:
    """Makes a schedule, or edits the one of this name; answers its next tick.

    What is not given stays as it is; 0 takes jitter, timeout, max_runs and catch_up_span back, and
    so does `cleared` with any of `TAKEN_BACK`.
    """
    plan = {option: TAKEN_BACK[option] for option in cleared} | make_plan(planned)
    meta = plan.get("meta")
    return Call(
        "select taskflow.put_schedule(%(name)s::text, %(task)s::text, %(args)s::jsonb, "
        + ", ".join(f"{option} => %({option})s::{kind}" for option, kind in _ARGUMENTS.items())
        + ", tenant => %(tenant)s::text)",
        {
            **dict.fromkeys(_ARGUMENTS),
            **plan,
            "name": name,
            "task": task,
            "args": codec.encode(args).decode() if args is not None else None,
            "meta": codec.encode(meta).decode() if meta is not None else None,
            "tenant": tenant,
        },
        scalar,
    )


def publish(declarations: Sequence[Declaration], tenant: str | None = None) -> Call[None]:
    """Applies declarations that have changed since they were applied last."""
    items = [declaration.published() for declaration in declarations]
    return Call(
        "select taskflow.publish_schedules(%(items)s::jsonb, %(tenant)s::text)",
        {"items": msgspec.json.encode(items).decode(), "tenant": tenant},
        nothing,
    )


def pause(name: str, reason: str | None = None, tenant: str | None = None) -> Call[None]:
    """Stops a schedule; ticks that fall into the pause are not made up for."""
    return Call(
        "select taskflow.pause_schedule(%(name)s, %(reason)s, %(tenant)s)",
        {"name": name, "reason": reason, "tenant": tenant},
        nothing,
    )


def resume(name: str, tenant: str | None = None) -> Call[bool]:
    """Ends a pause; answers whether there was one."""
    return Call(
        "select taskflow.resume_schedule(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        scalar,
    )


def run_now(name: str, tenant: str | None = None) -> Call[int]:
    """Makes a job of a schedule now, beside its ticks; answers its id."""
    return Call(
        "select taskflow.run_schedule_now(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        scalar,
    )


def delete(name: str, tenant: str | None = None) -> Call[None]:
    """Removes a schedule; its jobs go on, its ledger is kept for its time."""
    return Call(
        "select taskflow.delete_schedule(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        nothing,
    )


def backfill(
    name: str,
    since: datetime,
    until: datetime,
    *,
    dry_run: bool = False,
    tenant: str | None = None,
) -> Call[list[Backfilled]]:
    """Makes the jobs of past ticks that have none, from `since` to before `until`."""
    return Call(
        "select tick_at, status, job_id from taskflow.backfill_schedule(%(name)s,"
        " %(since)s::timestamptz, %(until)s::timestamptz, %(dry_run)s, %(tenant)s)",
        {"name": name, "since": since, "until": until, "dry_run": dry_run, "tenant": tenant},
        each(Backfilled),
    )


def preview(
    name: str | None = None,
    *,
    cron: str | None = None,
    tz: str | None = None,
    count: int = 5,
    after: datetime | None = None,
    tenant: str | None = None,
) -> Call[list[Tick]]:
    """The next ticks of a schedule, or of a cron expression in a time zone."""
    return Call(
        "select tick_at, local_at from taskflow.preview_schedule(%(name)s::text, %(cron)s::text,"
        " %(tz)s::text, %(count)s::integer, %(after)s::timestamptz, %(tenant)s::text)",
        {"name": name, "cron": cron, "tz": tz, "count": count, "after": after, "tenant": tenant},
        each(Tick),
    )


def explain(name: str, tenant: str | None = None) -> Call[list[Cause]]:
    """Why a schedule is where it is: the first cause is the answer."""
    return Call(
        "select cause, sentence, detail::text from taskflow.explain_schedule(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        each(lambda cause, said, detail: Cause(cause, said, detail and codec.decode(detail))),
    )


def find(
    name: str | None = None,
    tenant: str | None = None,
    *,
    limit: int | None = None,
    after: str | None = None,
) -> Call[list[Schedule]]:
    """The schedules of a tenant by name, after the name `after`; or the one of this name."""
    return Call(
        f"select {_COLUMNS} from taskflow.schedule_view"
        " where tenant = coalesce(%(tenant)s::text, taskflow.current_tenant())"
        " and (%(name)s::text is null or name = %(name)s)"
        " and (%(after)s::text is null or name > %(after)s) order by name limit %(limit)s",
        {"name": name, "tenant": tenant, "after": after, "limit": limit},
        each(_schedule),
    )


def ticks(
    name: str, limit: int = 20, tenant: str | None = None, before: datetime | None = None
) -> Call[list[LedgerLine]]:
    """The ledger of a schedule, the newest tick first, before the tick `before`."""
    return Call(
        "select tick_at, until_at, status, reason, job_id, fired_at, late_by"
        " from taskflow.schedule_tick"
        " where tenant = coalesce(%(tenant)s::text, taskflow.current_tenant())"
        " and schedule = %(name)s"
        " and (%(before)s::timestamptz is null or tick_at < %(before)s)"
        " order by tick_at desc limit %(limit)s",
        {"name": name, "limit": limit, "tenant": tenant, "before": before},
        each(LedgerLine),
    )


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong with a schedule: overdue, broken, missed (ticks without a job), orphaned."""

    name: str
    trouble: str
    count: int
    late_by_s: float


def troubled() -> Call[list[Trouble]]:
    """What a health check wants to know of the schedules of all tenants."""
    return Call(
        "select name, 'overdue', 1, extract(epoch from taskflow.now() - next_at)::float8"
        " from taskflow.schedule where paused_at is null"
        " and next_at < taskflow.now() - interval '1 minute'"
        " union all select name, 'broken', 1, 0 from taskflow.schedule where paused_by = 'taskflow'"
        " union all select schedule, 'missed', count(*), 0 from taskflow.schedule_tick"
        " where fired_at > taskflow.now() - interval '1 day' and status = 'skipped'"
        " and (reason = 'missed' or reason like 'refused%%' or reason like 'more than%%')"
        " group by schedule"
        " union all select s.name, 'orphaned', 1, 0 from taskflow.schedule s"
        " where taskflow.schedule_orphaned(s) order by 1",
        {},
        each(Trouble),
    )


def fire() -> Call[tuple[int, float | None]]:
    """Fires what is due; answers how many jobs that made, and the seconds until the next tick."""
    return Call("select fired, due_in from taskflow.fire_schedules()", {}, _pair)


def reap_and_look(second_look: timedelta) -> Call[tuple[int, float | None]]:
    """`leases.reap`, and in the same statement the seconds until a schedule is due.

    An idle worker may send two statements a second, and they were spoken for.
    """
    return Call(
        "select taskflow.reap(%(second_look)s::interval), taskflow.due_in()",
        {"second_look": second_look},
        _pair,
    )


def _pair(rows: Sequence[Row]) -> tuple[int, float | None]:
    return rows[0][0], rows[0][1]


def _schedule(*columns: Any) -> Schedule:
    values = list(columns)
    for place in (26, 27):  # args, meta
        if values[place] is not None:
            values[place] = msgspec.Raw(values[place].encode())
    return Schedule(*values)
