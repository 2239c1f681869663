"""Verbs on queues, and a tenant's own queues at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from taskflow.calls.reads import CREW, GIVEN_BACK
from taskflow.kernel.listing import QueueLine
from taskflow.store.call import Call, Row, nothing, remembered, scalar

OWN_CAP = 100_000
"""Live jobs that are counted one by one: 100 ms."""
_LATEST = 10_000
"""Finished jobs that the rate is taken from."""
_OWN = f"""
with clock as materialized (select taskflow.now() as now),
-- asked first: of more, which reads.queues walks then, 500 ms of counting would be thrown away
total as materialized (
  select count(*) > {OWN_CAP} as is_capped
    from (select from taskflow.job j where j.tenant = %(tenant)s limit {OWN_CAP + 1}) j),
live as materialized (
  -- the states as taskflow.state_of has them: called for each job it would take 20 times as long
  select j.queue, j.state, j.attempt, j.run_at, j.claim_no, j.task, j.state = 'ready' as is_ready,
         j.run_at <= (select c.now from clock c) as is_due, j.priority >= 10 as is_aside
    from taskflow.job j where j.tenant = %(tenant)s and not (select is_capped from total)),
counts as (
  select l.queue,
         count(*) filter (where l.is_ready and l.attempt = 0 and l.is_due and not l.is_aside)
           as available,
         count(*) filter (where l.state = 'running') as running,
         count(*) filter (where l.is_ready and l.attempt = 0 and not l.is_due) as scheduled,
         count(*) filter (where l.is_ready and l.attempt > 0 and not (l.is_due and l.is_aside))
           as retrying,
         count(*) filter (where l.state = 'blocked' or l.is_ready and l.is_due and l.is_aside)
           as blocked,
         min(l.run_at) filter (where l.is_ready and l.is_due) as oldest,
         array_agg(distinct l.task)
           filter (where l.is_ready and l.claim_no > 0 and not l.is_due) as came_back
    from live l group by l.queue),
latest as materialized (
  select h.queue, h.finished_at from taskflow.job_history h
   where h.tenant = %(tenant)s and not (select is_capped from total)
   order by h.id desc limit {_LATEST}),
done as (
  select t.queue, count(*) as finished from latest t cross join clock c
   where t.finished_at > c.now - interval '1 minute' group by t.queue),
-- where the latest are all of this minute, the rate is that of the time they took
covered as (
  select case when count(*) < {_LATEST} then 60
              else greatest(least(60, extract(epoch from c.now - min(t.finished_at))), 1)
         end as seconds
    from clock c left join latest t on true group by c.now),
names as (
  select q.name from taskflow.queue q where q.tenant = %(tenant)s
   union select k.queue from counts k
   union select null from total t where t.is_capped)
select n.name, coalesce(k.available, 0), coalesce(k.running, 0), coalesce(k.scheduled, 0),
       coalesce(k.retrying, 0), coalesce(k.blocked, 0), k.oldest,
       (coalesce(d.finished, 0) / v.seconds)::float8, crew.workers, crew.slots,
       p.paused_at, p.paused_by, p.pause_reason, p.resume_at,
       (select array_agg(t) from unnest(k.came_back) t where t = any (given_back.tasks)),
       (select is_capped from total)
  from names n
 cross join clock c
 cross join covered v
  left join counts k on k.queue = n.name
  left join done d on d.queue = n.name
  left join taskflow.queue p on p.tenant = %(tenant)s and p.name = n.name
        and p.paused_at is not null and (p.resume_at is null or p.resume_at > c.now)
{GIVEN_BACK} {CREW}
 where %(queues)s::text[] is null or n.name = any (%(queues)s::text[]) or n.name is null
 order by n.name
"""


class Tally(msgspec.Struct, frozen=True):
    """Queues with the counts of one tenant."""

    lines: list[QueueLine]
    is_capped: bool
    """There are more live jobs than were counted."""


def own(tenant: str, queues: Sequence[str] | None = None) -> Call[Tally]:
    """The queues of a tenant, or these of them, counted along the tenant's own jobs.

    `reads.queues` walks the lines that all tenants share: whoever has ten jobs behind the hundred
    thousand of another would wait for a walk over those.
    """
    return Call(
        _OWN,
        {"tenant": tenant, "queues": None if queues is None else list(queues)},
        _tally,
        is_planned_anew=True,
    )


@remembered
def pause(
    queue: str,
    reason: str | None = None,
    resume_at: datetime | None = None,
    tenant: str | None = None,
) -> Call[None]:
    """Stops claims from a queue until `resume` or `resume_at`; running jobs go on."""
    return Call(
        "select taskflow.pause_queue(%(queue)s, %(reason)s, %(resume_at)s, %(tenant)s)",
        {"queue": queue, "reason": reason, "resume_at": resume_at, "tenant": tenant},
        nothing,
    )


@remembered
def resume(queue: str, tenant: str | None = None) -> Call[bool]:
    """Ends a pause; answers whether there was one."""
    return Call(
        "select taskflow.resume_queue(%(queue)s, %(tenant)s)",
        {"queue": queue, "tenant": tenant},
        scalar,
    )


def _tally(rows: Sequence[Row]) -> Tally:
    lines = [QueueLine(*row[:-1]) for row in rows if row[0] is not None]
    return Tally(lines, any(row[-1] for row in rows))
