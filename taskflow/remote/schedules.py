"""Schedules on the REST API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Unpack

import msgspec

from taskflow.calls import schedules
from taskflow.errors import InvalidOption
from taskflow.kernel.job import Cause, Placed
from taskflow.kernel.schedule import (
    Backfilled,
    LedgerLine,
    Planned,
    Schedule,
    ScheduleNotFound,
    Tick,
    make_plan,
)
from taskflow.remote.script import (
    NO_END,
    Request,
    Script,
    at,
    get,
    listed,
    or_none,
    post,
    read,
    stands_for,
    whole,
)

UNDER_ZERO = ("jitter", "timeout", "max_runs", "catch_up_span")
"""What the verb takes back with 0, and the API with null."""


@stands_for(schedules.find)
def find(
    name: str | None = None,
    tenant: str | None = None,
    *,
    limit: int | None = None,
    after: str | None = None,
) -> Script[list[Schedule]]:
    if name is not None:
        found = yield from _schedule(name)
        return [found] if found else []
    most = NO_END if limit is None or after is not None else limit
    lines = yield from listed(Schedule, "/schedules", most)
    return [line for line in lines if after is None or line.name > after][:limit]


@stands_for(schedules.put)
def put(
    name: str,
    task: str | None = None,
    args: Mapping[str, Any] | None = None,
    *,
    tenant: str | None = None,
    cleared: Iterable[str] = (),
    **planned: Unpack[Planned],
) -> Script[datetime | None]:
    """A new one is PUT whole. One that is there is edited: what is not given stays as it is."""
    plan = dict.fromkeys(cleared) | make_plan(planned)
    plan |= {option: None for option in UNDER_ZERO if option in plan and not plan[option]}
    body = plan if task is None else {"task": task, **plan}
    before = yield from _schedule(name)
    if before is not None:
        # a merge patch would keep the arguments and meta that are not named again
        for option, given in (("args", args), ("meta", plan.get("meta"))):
            if given is not None:
                body[option] = {**_nulls(getattr(before, option)), **given}
        made = yield from read(
            Schedule, Request("PATCH", at("schedules", name), body=body, if_match="*")
        )
        return made.next_at
    if task is None:
        raise InvalidOption(
            f'there is no schedule "{name}", and a new one needs a task', "Name the task."
        )
    body = {option: value for option, value in body.items() if value is not None}
    made = yield from read(
        Schedule, Request("PUT", at("schedules", name), body={**body, "args": args or {}})
    )
    return made.next_at


@stands_for(schedules.pause)
def pause(name: str, reason: str | None = None, tenant: str | None = None) -> Script[None]:
    yield post(at("schedules", name, "pause"), reason=reason)


@stands_for(schedules.resume)
def resume(name: str, tenant: str | None = None) -> Script[bool]:
    """The API says only how it is afterwards, so a look comes first."""
    before = yield from read(Schedule, get(at("schedules", name)))
    if before.paused_at is None:
        return False
    yield post(at("schedules", name, "resume"))
    return True


@stands_for(schedules.run_now)
def run_now(name: str, tenant: str | None = None) -> Script[int]:
    return (yield from read(Placed, post(at("schedules", name, "run")))).id


@stands_for(schedules.delete)
def delete(name: str, tenant: str | None = None) -> Script[None]:
    yield Request("DELETE", at("schedules", name))


@stands_for(schedules.backfill)
def backfill(
    name: str,
    since: datetime,
    until: datetime,
    *,
    dry_run: bool = False,
    tenant: str | None = None,
) -> Script[list[Backfilled]]:
    class Ticks(msgspec.Struct):
        data: list[Backfilled]

    asked = post(at("schedules", name, "backfill"), since=since, until=until, dry_run=dry_run)
    return (yield from read(Ticks, asked)).data


@stands_for(schedules.preview)
def preview(
    name: str | None = None,
    *,
    cron: str | None = None,
    tz: str | None = None,
    count: int = 5,
    after: datetime | None = None,
    tenant: str | None = None,
) -> Script[list[Tick]]:
    return whole(Tick, "/schedules/preview", name=name, cron=cron, tz=tz, count=count, after=after)


@stands_for(schedules.explain)
def explain(name: str, tenant: str | None = None) -> Script[list[Cause]]:
    return whole(Cause, at("schedules", name, "why"))


@stands_for(schedules.ticks)
def ticks(
    name: str, limit: int = 20, tenant: str | None = None, before: datetime | None = None
) -> Script[list[LedgerLine]]:
    most = limit if before is None else NO_END
    lines = yield from or_none(
        listed(LedgerLine, at("schedules", name, "runs"), most), ScheduleNotFound
    )
    return [line for line in lines or () if before is None or line.tick_at < before][:limit]


def _schedule(name: str) -> Script[Schedule | None]:
    return or_none(read(Schedule, get(at("schedules", name))), ScheduleNotFound)


def _nulls(stored: msgspec.Raw | None) -> dict[str, None]:
    """What takes each name of an object back."""
    found = msgspec.json.decode(stored) if stored is not None else None
    return dict.fromkeys(found) if isinstance(found, dict) else {}
