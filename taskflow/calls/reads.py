"""What people look at: queues, workers, tasks, groups of dead jobs, attempts.

Every statement here costs about the same however many jobs there are: it walks an index as far as
a cap, or reads the end of a table. `store/filters.py` builds the reads whose shape varies.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec

from taskflow.calls.jobs import JOB_COLUMNS, decode_job
from taskflow.calls.leases import numbers
from taskflow.kernel.job import Job
from taskflow.kernel.listing import (
    COUNT_CAP,
    AttemptLine,
    DeadGroup,
    QueueLine,
    TaskLine,
    VersionLine,
    WorkerLine,
)
from taskflow.store import walks
from taskflow.store.call import Call, each, first, remembered, scalar

TAIL_BLOCKS = 1_000
_WAITING = "j.state, j.attempt, j.state = 'ready' and j.priority >= 10 as is_aside"
NAMES = 200
"""Most names that a shell is offered."""

GIVEN_BACK: LiteralString = """ cross join lateral (
   select array_agg(u.task) as tasks
     from taskflow.worker k cross join unnest(k.unknown_tasks) u (task)
    where k.tenant = 'default' and k.lease_until > c.now and n.name = any (k.queues)
      and not exists (
        select from taskflow.worker o
         where o.tenant = 'default' and o.lease_until > c.now and n.name = any (o.queues)
           and (o.tasks is null or u.task = any (o.tasks)))) given_back
"""
"""Tasks of jobs that the live workers of queue `n.name` gave back, and none of them knows."""
CREW: LiteralString = """ cross join lateral (
   select count(*) as workers, coalesce(sum(k.slots[array_position(k.queues, n.name)]), 0) as slots
     from taskflow.worker k
    where k.tenant = 'default' and k.lease_until > c.now and n.name = any (k.queues)) crew
"""
"""The live workers of queue `n.name`, and their slots."""

_QUEUES = f"""
with clock as materialized (select taskflow.now() as now),
names as (select q.name from taskflow.queue q union {walks.QUEUES}),
held as (
  select j.queue, count(distinct j.id) as running
    from taskflow.claim_batch b cross join unnest(b.job_ids) u (id)
    join taskflow.job j on j.tenant = b.tenant and j.id = u.id
   where j.state = 'running' group by j.queue),
tail as materialized ({walks.tail(TAIL_BLOCKS)}),
done as (
  select t.queue, count(*) filter (where t.finished_at > c.now - interval '1 minute') as finished
    from tail t cross join clock c group by t.queue),
-- the tail may hold less than a minute: then the rate is that of the time it holds
covered as (
  select greatest(least(60, extract(epoch from c.now - coalesce(
           (select min(t.finished_at) from tail t), c.now - interval '1 minute'))), 1) as seconds
    from clock c)
select n.name, due.available, coalesce(h.running, 0), later.scheduled,
       due.retrying + later.retrying, due.blocked, oldest.run_at,
       (coalesce(d.finished, 0) / v.seconds)::float8, crew.workers, crew.slots,
       p.paused_at, p.paused_by, p.pause_reason, p.resume_at, later.unknown_tasks
  from names n
 cross join clock c
 cross join covered v
  left join held h on h.queue = n.name
  left join done d on d.queue = n.name
  left join taskflow.queue p on p.tenant = %(tenant)s and p.name = n.name
        and p.paused_at is not null and (p.resume_at is null or p.resume_at > c.now)
 cross join lateral (
   select case when count(*) < {COUNT_CAP}
               then count(*) filter (where w.state = 'ready' and w.attempt = 0 and not w.is_aside)
               else {COUNT_CAP} end as available,
          count(*) filter (where w.state = 'ready' and w.attempt > 0 and not w.is_aside)
            as retrying,
          count(*) filter (where w.state = 'blocked' or w.is_aside) as blocked
     from ({walks.in_order(_WAITING, "j.run_at <= c.now", COUNT_CAP)}) w) due
 -- what live workers of the queue gave back, and none of them knows
{GIVEN_BACK} cross join lateral (
   select count(*) filter (where w.attempt = 0) as scheduled,
          count(*) filter (where w.attempt > 0) as retrying,
          array_agg(distinct w.task)
            filter (where w.claim_no > 0 and w.task = any (given_back.tasks)) as unknown_tasks
     from ({walks.in_order("j.attempt, j.claim_no, j.task", "j.run_at > c.now", COUNT_CAP)}) w
   ) later
 cross join lateral (
   select min(w.run_at) as run_at
     from ({walks.in_order("j.run_at", "j.run_at <= c.now and j.state = 'ready'", 1, 8)}) w) oldest
{CREW} order by n.name
"""

_WORKERS = (
    "select w.id, w.name, case when w.lease_until <= taskflow.now() then 'lost'"
    " when w.state = 'draining' then 'draining' else 'alive' end, w.host, w.pid, w.version,"
    " w.queues, w.slots, w.running, w.finished, w.failed, w.stale, w.memory_bytes,"
    " w.listening, w.started_at, w.lease_until, w.unknown_tasks"
    " from taskflow.worker w where w.tenant = 'default'"
)


@remembered
def queue_names(prefix: str) -> Call[list[str]]:
    """Queues whose name begins so, of those that have a row or live jobs."""
    return Call(
        f"select n.name from (select q.name from taskflow.queue q union {walks.QUEUES}) n"
        f" where starts_with(n.name, %(prefix)s) order by n.name limit {NAMES}",
        {"prefix": prefix},
        each(str),
    )


@remembered
def task_names(prefix: str) -> Call[list[str]]:
    """Published tasks whose name begins so."""
    return Call(
        "select t.name from taskflow.task t where t.tenant = 'default'"
        f" and starts_with(t.name, %(prefix)s) order by t.name limit {NAMES}",
        {"prefix": prefix},
        each(str),
    )


@remembered
def is_queue_known(queue: str) -> Call[bool]:
    """Has a job, a worker or a pause ever named this queue?"""
    return Call(
        "select exists (select from taskflow.queue q where q.name = %(queue)s)"
        " or exists (select from taskflow.job j where j.queue = %(queue)s)"
        " or exists (select from taskflow.worker w where %(queue)s = any (w.queues))",
        {"queue": queue},
        scalar,
    )


@remembered
def unserved_queue(id: int, tenant: str) -> Call[str | None]:
    """The queue of a live job, if no live worker serves it."""
    return Call(
        "select j.queue from taskflow.job j where j.tenant = %(tenant)s and j.id = %(id)s"
        " and not exists (select from taskflow.worker w where w.tenant = 'default'"
        " and w.lease_until > taskflow.now() and j.queue = any (w.queues))",
        {"id": id, "tenant": tenant},
        first(str),
    )


@remembered
def clock() -> Call[datetime]:
    """The database's time."""
    return Call("select taskflow.now()", {}, scalar)


@remembered
def queues(tenant: str) -> Call[list[QueueLine]]:
    """Every queue: counts over all tenants, the pause of this one."""
    return Call(_QUEUES, {"tenant": tenant}, each(QueueLine), is_planned_anew=True)


@remembered
def workers(limit: int | None = None, after: int = 0) -> Call[list[WorkerLine]]:
    """Worker processes, the lost ones too until their rows are removed after a day."""
    return Call(
        f"{_WORKERS} and w.id > %(after)s order by w.id limit %(limit)s",
        {"after": after, "limit": limit},
        each(WorkerLine),
    )


def worker(id: int) -> Call[WorkerLine | None]:
    return Call(f"{_WORKERS} and w.id = %(id)s", {"id": id}, first(WorkerLine))


@remembered
def workers_knowing(task: str) -> Call[list[WorkerLine]]:
    """The live workers that can run a task."""
    return Call(
        f"{_WORKERS} and w.lease_until > taskflow.now()"
        " and (w.tasks is null or %(task)s = any (w.tasks)) order by w.id",
        {"task": task},
        each(WorkerLine),
    )


@remembered
def tasks(
    name: str | None = None, limit: int | None = None, after: str | None = None
) -> Call[list[TaskLine]]:
    """Published tasks by name, after the name `after`; or the one of this name."""
    return Call(
        "select t.name, t.queue, taskflow.priority_name(t.priority), t.max_attempts, t.timeout,"
        " t.args_schema::text, t.published_at,"
        " (select count(*) from taskflow.worker w where w.tenant = 'default'"
        " and w.lease_until > taskflow.now() and (w.tasks is null or t.name = any (w.tasks))),"
        " t.version, t.check_args"
        " from taskflow.task t"
        " where t.tenant = 'default' and (%(name)s::text is null or t.name = %(name)s)"
        " and (%(after)s::text is null or t.name > %(after)s) order by t.name limit %(limit)s",
        {"name": name, "limit": limit, "after": after},
        each(_task),
    )


@remembered
def versions(task: str, tenant: str | None = None) -> Call[list[VersionLine]]:
    """The jobs of a task that may still run, by the version of their arguments; of all tenants
    unless one is named."""
    return Call(
        "select x.version, count(*) filter (where x.state <> 'running' and x.state <> 'dead'),"
        " count(*) filter (where x.state = 'running'), count(*) filter (where x.state = 'dead')"
        " from (select j.args_version as version, j.state::text from taskflow.job j"
        " where j.task = %(task)s and (%(tenant)s::text is null or j.tenant = %(tenant)s) union all"
        " select d.args_version, 'dead' from taskflow.dead_job d where d.task = %(task)s"
        " and (%(tenant)s::text is null or d.tenant = %(tenant)s)) x"
        " group by 1 order by 1 nulls first",
        {"task": task, "tenant": tenant},
        each(VersionLine),
    )


@remembered
def dead_groups(
    tenant: str,
    limit: int,
    tasks: Sequence[str] = (),
    queues: Sequence[str] = (),
    prefix: str | None = None,
    *,
    fingerprint: str | None = None,
    after: tuple[int, str] | None = None,
) -> Call[list[DeadGroup]]:
    """Dead jobs by the kind of their failure, the largest group first.

    `prefix` is how their fingerprint begins; `after` the (count, fingerprint) that a page ended
    with.
    """
    whole = " and d.fingerprint = %(fingerprint)s" if fingerprint is not None else ""
    later = (
        " having count(*) < %(after_count)s"
        " or (count(*) = %(after_count)s and d.fingerprint > %(after_fingerprint)s)"
        if after
        else ""
    )
    return Call(
        "select g.*, s.id, s.reason, s.error_class, left(s.error_message, 2000) from ("
        " select d.fingerprint, count(*) as count, min(d.finished_at), max(d.finished_at),"
        " array_agg(distinct d.task), array_agg(distinct d.queue) from taskflow.dead_job d"
        f" where d.tenant = %(tenant)s{whole}"
        " and (%(tasks)s::text[] is null or d.task = any (%(tasks)s::text[]))"
        " and (%(queues)s::text[] is null or d.queue = any (%(queues)s::text[]))"
        " and (%(prefix)s::text is null or starts_with(d.fingerprint, %(prefix)s))"
        f" group by d.fingerprint{later} order by count(*) desc, 1 limit %(limit)s) g"
        " cross join lateral (select d.* from taskflow.dead_job d where d.tenant = %(tenant)s"
        " and d.fingerprint = g.fingerprint order by d.id desc limit 1) s"
        " order by g.count desc, g.fingerprint",
        {
            "tenant": tenant,
            "limit": limit,
            "tasks": list(tasks) or None,
            "queues": list(queues) or None,
            "prefix": prefix,
            "fingerprint": fingerprint,
            "after_count": after and after[0],
            "after_fingerprint": after and after[1],
        },
        each(DeadGroup),
    )


@remembered
def attempts(id: int, tenant: str) -> Call[list[AttemptLine]]:
    """The attempts of a job that did not simply succeed, the newest first."""
    return Call(
        "select attempt, claim_no, outcome, worker_id, started_at, finished_at, reason,"
        " error_class, error_message, traceback, fingerprint from taskflow.attempt"
        " where tenant = %(tenant)s and job_id = %(id)s order by claim_no desc",
        {"tenant": tenant, "id": id},
        each(AttemptLine),
    )


@remembered
def lineage(id: int, tenant: str) -> Call[tuple[list[int], list[int]]]:
    """(the jobs that it depends on, the jobs that depend on it), up to 1,000 of each."""
    parents = "select parent_id from taskflow.dependency where child_id = %(id)s"
    children = "select child_id from taskflow.dependency where parent_id = %(id)s"
    return Call(
        f"select array({parents} and tenant = %(tenant)s order by 1 limit 1000),"
        f" array({children} and tenant = %(tenant)s order by 1 limit 1000)",
        {"id": id, "tenant": tenant},
        lambda rows: (rows[0][0], rows[0][1]),
    )


@remembered
def whole(ids: Sequence[int], tenant: str) -> Call[list[Job]]:
    """These jobs with everything known about them, newest first."""
    return Call(
        f"select {JOB_COLUMNS} from taskflow.job_view"
        " where tenant = %(tenant)s and id = any (%(ids)s::bigint[]) order by id desc",
        {"tenant": tenant, "ids": numbers(ids)},
        each(decode_job),
    )


def _task(*columns: Any) -> TaskLine:
    name, queue, priority, max_attempts, timeout, schema, *others = columns
    contract = msgspec.Raw(schema.encode()) if schema is not None else None
    return TaskLine(name, queue, priority, max_attempts, timeout, contract, *others)
