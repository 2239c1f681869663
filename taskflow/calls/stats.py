"""What workers add to the statistics, and what people read of them.

Every read costs about the same however many jobs there are: queues are walked as far as a cap, and
rollups are read by their key, no further than the range asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import add
from typing import Any, LiteralString, get_args

import msgspec

from taskflow.errors import InvalidOption
from taskflow.kernel import stats
from taskflow.kernel.stats import BUCKETS, By, Metric, Overview, Queue, Series
from taskflow.store import walks
from taskflow.store.call import Call, Row, each, scalar

WALK_CAP = 1_000
DEAD_CAP = 10_001
ORIGIN: LiteralString = "timestamptz '2001-01-01 00:00Z'"
"""A Monday: where days and weeks of series begin."""


class Line(msgspec.Struct, gc=False):
    """What a worker adds to one key: tenant, queue, task, outcome."""

    count: int = 0
    run_seconds: float = 0.0
    wait_seconds: float = 0.0
    run_buckets: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)
    wait_buckets: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)

    def grow(self, count: int, run_seconds: float, wait_seconds: float) -> None:
        self.count += count
        self.run_seconds += run_seconds
        self.wait_seconds += wait_seconds

    def add(self, other: Line) -> None:
        self.grow(other.count, other.run_seconds, other.wait_seconds)
        self.run_buckets = list(map(add, self.run_buckets, other.run_buckets))
        self.wait_buckets = list(map(add, self.wait_buckets, other.wait_buckets))


Lines = Mapping[tuple[str, str, str, str], Line]


def flush(
    worker_id: int, number: int, lines: Lines, topics: Sequence[str], hours: Lines
) -> Call[bool]:
    """Adds lines, and those of the hour, once for each `number`. Does not wait for the disk: a
    server that crashes may forget the last statistics, and a commit of its own each second would
    slow settles down."""
    return Call(
        "select taskflow.flush_stats(%(worker_id)s::bigint, %(lines)s::jsonb, %(topics)s::text[],"
        " %(number)s::bigint, %(hours)s::jsonb) from set_config('synchronous_commit', 'off', true)",
        {
            "worker_id": worker_id,
            "lines": _plain(lines),
            "topics": list(topics),
            "number": number,
            "hours": _plain(hours),
        },
        scalar,
    )


def _plain(lines: Lines) -> str:
    said = [
        {
            "tenant": tenant,
            "queue": queue,
            "task": task,
            "outcome": outcome,
            "count": line.count,
            "run_seconds": max(line.run_seconds, 0.0),
            "wait_seconds": max(line.wait_seconds, 0.0),
            "run_buckets": line.run_buckets,
            "wait_buckets": line.wait_buckets,
        }
        for (tenant, queue, task, outcome), line in lines.items()
    ]
    return msgspec.json.encode(said).decode()


# --- the state of things --------------------------------------------------------------------------

_WALKED = "j.tenant, j.state, j.attempt, j.run_at, j.priority"
_DUE = walks.in_order(_WALKED, "j.run_at <= c.now", WALK_CAP, 8 * WALK_CAP)
_LATER = walks.in_order(_WALKED, "j.run_at > c.now", WALK_CAP, 8 * WALK_CAP)
_QUEUES = f"""
with clock as materialized (select taskflow.now() as now),
-- the default tenant's queues have no row before somebody pauses or serves them
names as (
  select q.name, true as is_own from taskflow.queue q where q.tenant = %(tenant)s
  union all
  select w.name, false from ({walks.QUEUES}) w
   where %(tenant)s = 'default'
     and not exists (select from taskflow.queue q where q.tenant = 'default' and q.name = w.name)),
held as (
  select j.queue, count(distinct j.id) as running
    from taskflow.claim_batch b cross join unnest(b.job_ids) u (id)
    join taskflow.job j on j.tenant = b.tenant and j.id = u.id
   where b.tenant = %(tenant)s and j.state = 'running' group by j.queue),
lines as (
  select n.name, w.is_due, w.priority, count(*) >= {WALK_CAP} as is_full,
         count(*) filter (where w.is_mine and w.is_plain and w.is_due and w.attempt = 0)
           as available,
         count(*) filter (where w.is_mine and w.is_plain and not w.is_due and w.attempt = 0)
           as scheduled,
         count(*) filter (where w.is_mine and w.is_plain and w.attempt > 0) as retrying,
         count(*) filter (where w.is_mine and w.is_aside) as blocked,
         min(w.run_at) filter (where w.is_mine and w.is_plain and w.is_due) as oldest_due_at
    from names n cross join clock c
   cross join lateral (
     select d.*, d.run_at <= c.now as is_due, d.tenant = %(tenant)s as is_mine,
            d.state = 'ready' and d.priority < 10 as is_plain,
            d.state = 'blocked' or (d.priority >= 10 and d.state = 'ready') as is_aside
       from (({_DUE}) union all ({_LATER})) d) w
   group by n.name, w.is_due, w.priority),
sums as (
  select l.name, sum(l.available)::bigint as available, sum(l.scheduled)::bigint as scheduled,
         sum(l.retrying)::bigint as retrying, sum(l.blocked)::bigint as blocked,
         min(l.oldest_due_at) as oldest_due_at, bool_or(l.is_full) as is_capped
    from lines l group by l.name)
select n.name, coalesce(s.available, 0) as available, coalesce(h.running, 0) as running,
       coalesce(s.scheduled, 0) as scheduled, coalesce(s.retrying, 0) as retrying,
       coalesce(s.blocked, 0) as blocked, s.oldest_due_at, p.paused_at, p.paused_by,
       p.pause_reason, p.resume_at, crew.workers, crew.slots,
       coalesce(s.is_capped, false) as is_capped
  from names n cross join clock c
  left join sums s on s.name = n.name
  left join held h on h.queue = n.name
  left join taskflow.queue p on p.tenant = %(tenant)s and p.name = n.name
        and p.paused_at is not null and (p.resume_at is null or p.resume_at > c.now)
 cross join lateral (
   select count(*) as workers, coalesce(sum(k.slots[array_position(k.queues, n.name)]), 0) as slots
     from taskflow.worker k
    where k.tenant = 'default' and k.lease_until > c.now and n.name = any (k.queues)) crew
 where n.is_own or h.running > 0
    or s.available + s.scheduled + s.retrying + s.blocked > 0
"""


def _sums(column: LiteralString) -> LiteralString:
    """The sum of many histograms: 24 plain sums, an order faster than an aggregate in SQL."""
    return f"array[{', '.join(f'sum({column}[{n}])' for n in range(1, BUCKETS + 1))}]::bigint[]"


_OVERVIEW = f"""
with clock as materialized (select taskflow.now() as now),
span as materialized (
  select date_bin('10 seconds', c.now - interval '290 seconds', {ORIGIN}) as since, c.now
    from clock c),
queues as materialized ({_QUEUES}),
recent as (
  select coalesce(sum(s.count), 0) as ended,
         coalesce(sum(s.count) filter (where s.outcome = any (%(failures)s)), 0) as failed,
         {_sums("s.run_buckets")} as run_buckets, {_sums("s.wait_buckets")} as wait_buckets
    from taskflow.stat_10s s
   where s.tenant = %(tenant)s and s.at >= (select since from span)
     and s.outcome = any (%(ends)s))
select count(q.name), count(q.paused_at), coalesce(sum(q.available), 0)::bigint,
       coalesce(sum(q.running), 0)::bigint, coalesce(sum(q.scheduled), 0)::bigint,
       coalesce(sum(q.retrying), 0)::bigint, coalesce(sum(q.blocked), 0)::bigint,
       coalesce(bool_or(q.is_capped), false), min(q.oldest_due_at),
       (select (r.ended / extract(epoch from p.now - p.since))::float8 from recent r, span p),
       (select (r.failed / nullif(r.ended, 0))::float8 from recent r),
       (select r.run_buckets from recent r), (select r.wait_buckets from recent r),
       (select count(*) from taskflow.worker w
         where w.tenant = 'default' and w.lease_until > (select now from clock)),
       (select coalesce(sum(u), 0)::bigint from taskflow.worker w cross join unnest(w.slots) u
         where w.tenant = 'default' and w.lease_until > (select now from clock)),
       (select count(*) from (
          select from taskflow.dead_job d where d.tenant = %(tenant)s limit {DEAD_CAP}) d)
  from queues q
"""


def queues(tenant: str) -> Call[list[Queue]]:
    """A tenant's queues now."""
    return Call(f"{_QUEUES} order by n.name", {"tenant": tenant}, each(Queue), is_planned_anew=True)


def overview(tenant: str) -> Call[Overview]:
    """A tenant's jobs at a glance, with the rates and percentiles of the last five minutes."""
    return Call(
        _OVERVIEW,
        {"tenant": tenant, "failures": list(stats.FAILURES), "ends": list(stats.ENDS)},
        _overview,
        is_planned_anew=True,
    )


def _overview(rows: Sequence[Row]) -> Overview:
    values = list(rows[0])
    values[9] = round(values[9], 3)  # throughput: the span it is over is some 295 s
    values[10] = None if values[10] is None else round(values[10], 4)
    for place in (11, 12):  # run, wait
        values[place] = stats.percentiles([n or 0 for n in values[place]])
    return Overview(*values)


# --- over time ------------------------------------------------------------------------------------

_KEYS: dict[str, LiteralString] = {
    "none": "''::text",
    "queue": "s.queue",
    "task": "s.task",
    "outcome": "s.outcome",
}


def series(
    tenant: str,
    metric: Metric,
    by: By = "none",
    *,
    since: datetime,
    until: datetime,
    step: timedelta | None = None,
) -> Call[Series]:
    """A metric over time, by group: rates per second, or percentiles in seconds.

    `step` is lengthened where it would make more than 1,500 points, 300 for each of many groups, or
    where what is kept so long is coarser. The largest 20 groups have lines of their own, the rest
    one together.
    """
    _check("metric", metric, get_args(Metric))
    _check("by", by, get_args(By))
    most = stats.MOST_POINTS if by == "none" else stats.MOST_GROUPED_POINTS
    chosen, table = stats.choose_step(since, until, datetime.now(UTC), step, most)
    q = None if metric in ("throughput", "failures") else int(metric[-2:]) / 100
    buckets = _sums(f"s.{metric.partition('_')[0]}_buckets") if q else "null"
    value = _sums("f.buckets") if q else "sum(f.count)::bigint"
    statement = f"""
      with clock as materialized (select taskflow.now() as now),
      found as materialized (
        select date_bin(%(step)s, s.at, {ORIGIN}) as at, {_KEYS[by]} as key,
               sum(s.count)::bigint as count, {buckets} as buckets
          from taskflow.{table} s
         where s.tenant = %(tenant)s and s.at >= date_bin(%(step)s, %(since)s, {ORIGIN})
           and s.at < %(until)s and s.outcome = any (%(outcomes)s)
         group by 1, 2),
      top as (
        select f.key from found f group by f.key order by sum(f.count) desc, f.key
         limit {stats.MOST_GROUPS})
      select case when f.key in (select t.key from top t) then f.key end as name, f.at, {value},
             greatest(least(extract(epoch from %(step)s::interval),
                            extract(epoch from (select c.now from clock c) - f.at)), 1)::float8
        from found f group by 1, 2 order by 1 nulls last, 2"""

    def decode(rows: Sequence[Row]) -> Series:
        lines: dict[str, list[stats.Point]] = {}
        for name, at, found, seconds in rows:
            told = stats.percentile([n or 0 for n in found], q) if q else found / seconds
            lines.setdefault(stats.OTHER if name is None else name, []).append(
                stats.Point(at, told)
            )
        found_lines = [stats.Line(name, points) for name, points in lines.items()]
        return Series(metric, by, since, until, chosen, found_lines)

    outcomes = stats.FAILURES if metric == "failures" else stats.ENDS
    parameters: dict[str, Any] = {
        "tenant": tenant,
        "since": since,
        "until": until,
        "step": chosen,
        "outcomes": list(outcomes),
    }
    return Call(statement, parameters, decode)


def _check(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InvalidOption(f"{name} {value!r} is not known", f"Use {', '.join(known)}.")
