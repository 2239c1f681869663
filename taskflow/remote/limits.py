"""Limits on the REST API."""

from __future__ import annotations

import msgspec

from taskflow.calls import limits
from taskflow.kernel.limits import KeyLine, LimitLine, LimitNotFound, LimitRule
from taskflow.remote.script import (
    NO_END,
    Request,
    Script,
    at,
    get,
    listed,
    or_none,
    read,
    stands_for,
)


@stands_for(limits.lines)
def lines(
    tenant: str, name: str | None = None, *, limit: int | None = None, after: str | None = None
) -> Script[list[LimitLine]]:
    if name is not None:
        found = yield from _limit(name)
        return [found] if found else []
    most = NO_END if limit is None or after is not None else limit
    every = yield from listed(LimitLine, "/rate_limits", most)
    return [line for line in every if after is None or line.name > after][:limit]


@stands_for(limits.keys)
def keys(
    tenant: str, name: str, limit: int, after: tuple[int, int, str] | None = None
) -> Script[list[KeyLine]]:
    most = limit if after is None else NO_END
    every = yield from or_none(
        listed(KeyLine, at("rate_limits", name, "keys"), most), LimitNotFound
    )
    return [key for key in every or () if after is None or _rank(key) > _rank_of(*after)][:limit]


@stands_for(limits.put)
def put(rule: LimitRule, tenant: str | None = None) -> Script[None]:
    """The last one wins, as it does in the database: it replaces whatever is there."""
    body = {name: value for name, value in msgspec.structs.asdict(rule).items() if name != "name"}
    before = yield from _limit(rule.name)
    condition = "*" if before is not None else None
    yield Request("PUT", at("rate_limits", rule.name), body=body, if_match=condition)


@stands_for(limits.delete)
def delete(name: str, tenant: str | None = None) -> Script[bool]:
    try:
        yield Request("DELETE", at("rate_limits", name))
    except LimitNotFound:
        return False
    return True


def _limit(name: str) -> Script[LimitLine | None]:
    return or_none(read(LimitLine, get(at("rate_limits", name))), LimitNotFound)


def _rank(key: KeyLine) -> tuple[int, int, str]:
    return _rank_of(key.lanes_waiting, key.in_use, key.key)


def _rank_of(waiting: int, in_use: int, key: str) -> tuple[int, int, str]:
    """The busiest first."""
    return -waiting, -in_use, key
