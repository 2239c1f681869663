"""What the live hub asks about the jobs and runs that somebody looks at, many in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from taskflow.calls.leases import numbers
from taskflow.kernel.live import JobState, RunState
from taskflow.store.call import Call, each

# By primary key, one place after the other: most jobs that are looked at are alive, and those whose
# end is known need not be looked up in each day of history again.
_JOBS = """
with asked as materialized (select u.id from unnest(%(ids)s::bigint[]) u (id)),
live as materialized (
  select j.id, taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now()) as state,
         j.queue, j.task, j.attempt, j.max_attempts, j.worker_id, j.run_at, j.started_at,
         null::timestamptz as finished_at, p.done, p.total, p.note
    from asked a
   cross join lateral (
     select * from taskflow.job j where j.tenant = %(tenant)s and j.id = a.id offset 0) j
    left join lateral (
     select * from taskflow.job_progress p where p.tenant = %(tenant)s and p.job_id = a.id
        and p.claim_no = j.claim_no offset 0) p on true),
dead as materialized (
  select d.id, 'dead', d.queue, d.task, d.attempt, d.max_attempts, d.worker_id, d.run_at,
         d.started_at, d.finished_at, null::float8, null::float8, null::text
    from asked a
   cross join lateral (
     select * from taskflow.dead_job d where d.tenant = %(tenant)s and d.id = a.id offset 0) d
   where not exists (select from live l where l.id = a.id)),
over as (
  select h.id, h.state::text, h.queue, h.task, h.attempt, h.max_attempts, h.worker_id, h.run_at,
         h.started_at, h.finished_at, null::float8, null::float8, null::text
    from asked a
   cross join lateral (
     select * from taskflow.job_history h where h.tenant = %(tenant)s and h.id = a.id offset 0) h
   where a.id <> all (%(finished)s::bigint[])
     and not exists (select from live l where l.id = a.id)
     and not exists (select from dead d where d.id = a.id))
select * from live union all select * from dead union all select * from over
"""


def jobs(tenant: str, ids: Sequence[int], finished: Sequence[int] = ()) -> Call[list[JobState]]:
    """The jobs of these that there are, but for those known to be `finished` and still so."""
    return Call(
        _JOBS,
        {"tenant": tenant, "ids": numbers(ids), "finished": numbers(finished)},
        each(JobState),
    )


def runs(tenant: str, ids: Sequence[int]) -> Call[list[RunState]]:
    return Call(
        "select r.id, r.workflow, r.state, r.ending, r.reason, r.total, r.succeeded, r.skipped,"
        " r.failed, r.cancelled, r.compensated, r.finished_at from taskflow.run_view r"
        " where r.tenant = %(tenant)s and r.id = any (%(ids)s::bigint[])",
        {"tenant": tenant, "ids": numbers(ids)},
        each(RunState),
    )
