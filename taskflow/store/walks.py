"""SQL for walks through an index that the planner does not find by itself.

Pieces for statements, with named parameters: `filters.py` and `calls/reads.py` build on them.
"""

from __future__ import annotations

from typing import LiteralString

QUEUES: LiteralString = """
  select name from (
    with recursive walk (name) as (
      (select j.queue from taskflow.job j order by j.queue limit 1)
      union all
      select (select j.queue from taskflow.job j where j.queue > w.name order by j.queue limit 1)
        from walk w where w.name is not null)
    select w.name from walk w where w.name is not null) queues"""
"""Queues with live jobs: one probe of job_ready for each, where `distinct` reads all of it."""

LINES: LiteralString = "unnest('{0,1,2,3,10,11,12,13}'::smallint[])"
"""The priorities as job_ready has them: 10 is added to those of jobs that stand aside."""

FUTURE_CAP = 10_000


def future(cap: int) -> LiteralString:
    """Live jobs that are due later; one more than `cap` means that there are too many to name."""
    return f"""
      select j.id
        from ({QUEUES}) q
       cross join {LINES} p
       cross join lateral (
         select j.id from taskflow.job j
          where j.queue = q.name and j.priority = p and j.run_at > (select taskflow.now())
          order by j.run_at, j.id limit {cap + 1}) j
       limit {cap + 1}"""


def edge(table: LiteralString, time: LiteralString, tenant: LiteralString) -> LiteralString:
    """Where in `table` the jobs created at `time` begin, as an id: 0 is before all.

    Ids and creation times rise together, since both are drawn when a job is enqueued, and a job
    that comes back keeps both. So the edge is found by halving: 25 probes of the primary key
    where a filter on created_at, which has no index, would read the whole table. They may be out
    of step by the length of one enqueue; callers take a margin and keep their condition on time.
    """
    return f"""(
      with recursive halves (low, high) as (
        select coalesce(min(t.id), 0), coalesce(max(t.id), 0) + 1
          from taskflow.{table} t where t.tenant = {tenant}
        union all
        select case when m.created_at < {time} then m.id + 1 else h.low end,
               case when m.created_at < {time} then h.high else (h.low + h.high) / 2 end
          from halves h
          left join lateral (
            select t.id, t.created_at from taskflow.{table} t
             where t.tenant = {tenant} and t.id >= (h.low + h.high) / 2 order by t.id limit 1) m
            on true
         where h.low < h.high)
      select max(h.low) from halves h)"""


def in_order(
    columns: LiteralString, condition: LiteralString, limit: int, cap: int | None = None
) -> LiteralString:
    """The first jobs `j` of queue `n.name` that fit, priority by priority, at most `cap` in all."""
    return f"""
      select f.* from {LINES} p
       cross join lateral (
         select {columns} from taskflow.job j
          where j.queue = n.name and j.priority = p and {condition}
          order by j.run_at, j.id limit {limit}) f
       limit {cap or limit}"""


def tail(blocks: int) -> LiteralString:
    """What finished last: the end of today's history, (queue, finished_at).

    History only grows at its end, so its last blocks are its last minutes: a scan of a range of
    places, where an index on finished_at would cost every job that finishes.
    """
    size = """pg_relation_size(coalesce(
             to_regclass(to_char(taskflow.now() at time zone 'UTC',
                                 '"taskflow.job_history_"YYYYMMDD')),
             'taskflow.job_history_default'))"""
    return f"""
      select h.queue, h.finished_at from taskflow.job_history h
       where h.finished_at >= (select date_trunc('day', taskflow.now(), 'UTC'))
         and h.ctid >= (
           select format('(%%s,0)', greatest({size} / current_setting('block_size')::integer
                                             - {blocks}, 0))::tid)"""
