"""Verbs on limits, and what people see of them."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from taskflow.kernel.limits import KeyLine, LimitLine, LimitRule, Permit
from taskflow.kernel.listing import COUNT_CAP
from taskflow.store.call import Call, each, nothing, scalar

_RULE = (
    "name => %(name)s::text, queue => %(queue)s::text, task => %(task)s::text,"
    " key => %(key)s::text, concurrency => %(concurrency)s::integer,"
    " ordered => %(ordered)s::boolean, rate => %(rate)s::integer, per => %(per)s::interval,"
    " burst => %(burst)s::integer, weight_by => %(weight_by)s::text,"
    " breaker_failures => %(breaker_failures)s::integer,"
    " breaker_window => coalesce(%(breaker_window)s::interval, '1 minute'),"
    " breaker_cooldown => coalesce(%(breaker_cooldown)s::interval, '30 seconds')"
)
_USED = """
  (select coalesce(sum(u.weight), 0) from (
     select s.weight from taskflow.limit_slot s where s.tenant = k.tenant and s.key_id = k.id
      union all
     select p.weight from taskflow.limit_permit p
      where p.key_id = k.id and p.until > taskflow.now()) u)"""
_WAITING = "(select count(*) from taskflow.lane n where n.blocked_on = k.id)"


def put(rule: LimitRule, tenant: str | None = None) -> Call[None]:
    """Makes or changes a limit; jobs that wait already come under it."""
    return Call(
        f"select taskflow.set_limit({_RULE}, tenant => %(tenant)s::text)",
        {**msgspec.structs.asdict(rule), "tenant": tenant},
        nothing,
    )


def delete(name: str, tenant: str | None = None) -> Call[bool]:
    """Removes a limit, and lets go what waited under it; answers whether there was one."""
    return Call(
        "select taskflow.delete_limit(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        scalar,
    )


def take(
    limit: str,
    key: str,
    *,
    weight: int,
    lease: timedelta,
    holder: str,
    tenant: str | None = None,
) -> Call[Permit]:
    """Uses a limit outside of jobs."""
    return Call(
        "select permit_id, retry_after from taskflow.take_permit(%(limit)s, %(key)s, %(weight)s,"
        " %(lease)s::interval, %(holder)s, %(tenant)s)",
        {
            "limit": limit,
            "key": key,
            "weight": weight,
            "lease": lease,
            "holder": holder,
            "tenant": tenant,
        },
        lambda rows: Permit(*rows[0]),
    )


def release(permit_id: int, tenant: str | None = None) -> Call[bool]:
    """Gives a permit back; answers whether it was still held."""
    return Call(
        "select taskflow.release_permit(%(id)s::bigint, %(tenant)s)",
        {"id": permit_id, "tenant": tenant},
        scalar,
    )


def renew(permit_id: int, lease: timedelta, tenant: str | None = None) -> Call[bool]:
    """Keeps a permit; answers False when it had run out."""
    return Call(
        "select taskflow.renew_permit(%(id)s::bigint, %(lease)s::interval, %(tenant)s)",
        {"id": permit_id, "lease": lease, "tenant": tenant},
        scalar,
    )


def lines(
    tenant: str, name: str | None = None, *, limit: int | None = None, after: str | None = None
) -> Call[list[LimitLine]]:
    """The limits by name, after the name `after`; or the one of this name."""
    return Call(
        "select l.name, l.queue, l.task, l.key, l.concurrency, l.is_ordered, l.rate, l.period,"
        " l.burst, l.weight_by, l.breaker_failures, l.breaker_window, l.breaker_cooldown,"
        " c.keys, c.used, c.waiting from taskflow.job_limit l cross join lateral ("
        f" select count(*) as keys, coalesce(sum({_USED}), 0)::bigint as used,"
        f" coalesce(sum({_WAITING}), 0)::bigint as waiting"
        " from (select k.tenant, k.id from taskflow.limit_key k where k.tenant = l.tenant"
        f" and k.limit_name = l.name limit {COUNT_CAP}) k) c"
        " where l.tenant = %(tenant)s and (%(name)s::text is null or l.name = %(name)s)"
        " and (%(after)s::text is null or l.name > %(after)s) order by l.name limit %(limit)s",
        {"tenant": tenant, "name": name, "limit": limit, "after": after},
        each(LimitLine),
    )


def keys(
    tenant: str, name: str, limit: int, after: tuple[int, int, str] | None = None
) -> Call[list[KeyLine]]:
    """The keys of a limit, those with lanes that wait first, then those in use.

    `after` is the (lanes waiting, in use, key) that a page ended with.
    """
    waiting, used, key = after or (None, None, None)
    later = (
        " where (-g.waiting, -g.used, g.key) > (-%(waiting)s::bigint, -%(used)s::bigint, %(key)s)"
        if after
        else ""
    )
    return Call(
        "select f.key, f.used, r.room, r.cause, r.opens_at, array(select s.job_id"
        " from taskflow.limit_slot s where s.tenant = (f.k).tenant and s.key_id = (f.k).id"
        " order by s.taken_at limit 5), f.waiting"
        " from (select g.* from (select k, k.key,"
        f" {_USED}::bigint as used, {_WAITING} as waiting from taskflow.limit_key k"
        " where k.tenant = %(tenant)s and k.limit_name = %(name)s) g"
        f"{later} order by g.waiting desc, g.used desc, g.key limit %(limit)s) f"
        " join taskflow.job_limit l on l.tenant = %(tenant)s and l.name = %(name)s"
        " cross join lateral taskflow.limit_room(f.k, l, taskflow.now()) r"
        " order by f.waiting desc, f.used desc, f.key",
        {
            "tenant": tenant, "name": name, "limit": limit, "waiting": waiting, "used": used,
            "key": key,
        },
        each(KeyLine),
    )  # fmt: skip
