"""/rate_limits: how many jobs of a kind may run at once, or start within a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, delete, get, put
from litestar.params import JSONBody

from taskflow.api.answers import PREFIX, JsonResponse, Page, paged, read_cursor
from taskflow.api.edits import IfNoneMatch, check_match, check_put, tag_of
from taskflow.api.fields import Cursor, Limit, NamePath
from taskflow.api.session import Injected, Session
from taskflow.calls import limits
from taskflow.kernel.durations import parse_duration
from taskflow.kernel.limits import KeyLine, LimitLine, LimitNotFound, LimitRule

DURATIONS = ("per", "breaker_window", "breaker_cooldown")


class LimitBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole limit. It holds for the jobs of `queue`, of `task`, or of both together."""

    queue: str | None = None
    task: str | None = None
    key: str = ""
    """A limit of its own for each key that this makes of a job's arguments: "tenant:{id}"."""
    concurrency: int | None = None
    """How many may run at once."""
    ordered: bool = False
    """Strictly one after the other."""
    rate: int | None = None
    """How many may start within `per`."""
    per: timedelta | float | None = None
    burst: int | None = None
    weight_by: str | None = None
    breaker_failures: int | None = None
    breaker_window: timedelta | float | None = None
    breaker_cooldown: timedelta | float | None = None

    def rule(self, name: str) -> LimitRule:
        given: dict[str, Any] = msgspec.structs.asdict(self)
        for option in DURATIONS:
            if given[option] is not None:
                given[option] = parse_duration(given[option], what=option)
        return LimitRule(name=name, **given)


@get("/rate_limits", name="limits.list")
async def list_limits(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[LimitLine]:
    """List limits by name: what they let run, how much is in use, how many lanes wait."""
    scope = f"limits {session.tenant}"
    after = read_cursor(session.signer, scope, cursor)
    found = await session.run(limits.lines(session.tenant, limit=limit + 1, after=after))
    return paged(session, found, limit, scope, lambda line: line.name)


@get("/rate_limits/{name:str}", name="limits.get")
async def get_limit(session: Injected, name: NamePath) -> LimitLine:
    """Show a limit."""
    found = await known(session, name)
    session.etag = version(found)
    return found


@put("/rate_limits/{name:str}", name="limits.put", status_code=200)
async def put_limit(
    session: Injected,
    name: NamePath,
    data: JSONBody[LimitBody],
    if_none_match: IfNoneMatch = None,
) -> Response[LimitLine]:
    """Make a limit (201), or replace the one of this name. Waiting jobs come under it, too."""
    await session.lock(f"limit {name}")
    found = await session.run(limits.lines(session.tenant, name))
    check_put(session, version(found[0]) if found else None, if_none_match)
    await session.run(limits.put(data.rule(name), session.tenant))
    return JsonResponse(
        await get_limit.fn(session, name),
        status_code=200 if found else 201,
        headers={"location": f"{PREFIX}/rate_limits/{name}"},
    )


@delete("/rate_limits/{name:str}", name="limits.delete")
async def delete_limit(session: Injected, name: NamePath) -> None:
    """Remove a limit; the jobs that wait under it go on."""
    await session.lock(f"limit {name}")
    found = await known(session, name)
    if session.if_match is not None:
        check_match(session, version(found))
    await session.run(limits.delete(name, session.tenant))


@get("/rate_limits/{name:str}/keys", name="limits.keys")
async def keys(
    session: Injected, name: NamePath, limit: Limit = 50, cursor: Cursor = None
) -> Page[KeyLine]:
    """List the keys of a limit, those first that lanes wait for, and why each has no room."""
    await known(session, name)
    scope = f"keys {session.tenant} {name}"
    last = read_cursor(session.signer, scope, cursor)
    waiting, used, key = (last or "0 0 ").split(" ", 2)
    after = (int(waiting), int(used), key) if last else None
    found = await session.run(limits.keys(session.tenant, name, limit + 1, after))
    return paged(
        session, found, limit, scope, lambda line: f"{line.lanes_waiting} {line.in_use} {line.key}"
    )


async def known(session: Session, name: str) -> LimitLine:
    found = await session.run(limits.lines(session.tenant, name))
    if not found:
        raise LimitNotFound(f'there is no limit "{name}"', "See GET /rate_limits.")
    return found[0]


def version(line: LimitLine) -> str:
    """The rule alone: what is in use changes all the time."""
    return tag_of(*(getattr(line, field) for field in LimitRule.__struct_fields__))


ROUTES = [list_limits, get_limit, put_limit, delete_limit, keys]
