"""Fills a scratch database as a busy installation would look after two weeks.

Set-based SQL, a day at a time, into the tables as shipped. What a job is like follows from its
number by remainders of primes, so that queues, tasks, states, tags and tenants mix as if at random,
and two fills of one size are alike.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg

from taskflow.bench.children import BenchFailed

Connection = psycopg.Connection[Any]
DAYS = 14
SMALL_TENANT = "small"
SMALL_EVERY = 10_007
"""One job of so many is the small tenant's."""
DEAD_EVERY = 211
BYTES_PER_JOB = 700
WAL_BYTES = 4_500_000_000
BUSY_QUEUE, BUSY_TASK = "email", "task.1"
COMMON_TAG, RARE_TAG = "vip", "audit"
RARE_EVERY = 99_991

SHAPE: LiteralString = f"""
  select n, at, run_at, 2::smallint as priority,
         case when n %% {SMALL_EVERY} = 0 then '{SMALL_TENANT}' else 'default' end as tenant,
         ('{{default,default,default,email,email,reports,imports,webhooks,sync,slow}}'::text[])
           [1 + n * 7919 %% 10] as queue,
         'task.' || n * 104729 %% 23 as task,
         case when n %% {RARE_EVERY} = 7 then array['{RARE_TAG}', '{COMMON_TAG}']
              when n * 7907 %% 20 = 3 then array['{COMMON_TAG}'] end as tags,
         jsonb_build_object('order_id', n, 'email', 'somebody.with.a.name@example.org',
                            'note', 'about a hundred bytes, as jobs have') as args"""
OF_A_DAY: LiteralString = f"""
with named as (
  select n, %(since)s::timestamptz + (n - %(first)s) * %(apart)s::interval as at
    from generate_series(%(first)s::bigint, %(last)s::bigint) n),
shaped as (select x.* from (select n, at, at as run_at from named) t
  cross join lateral ({SHAPE}) x)"""
HISTORY: LiteralString = f"""{OF_A_DAY}
insert into taskflow.job_history (id, run_at, created_at, claim_no, started_at, finished_at,
  worker_id, state, attempt, lost, max_attempts, priority, tenant, queue, task, created_by, reason,
  tags, args)
select n, at, at, 1, at + interval '40 ms', at + interval '90 ms', 1,
       case when n * 6007 %% 37 = 1 then 'cancelled' else 'succeeded' end::taskflow.job_state,
       1, 0, 5, priority, tenant, queue, task, 'bench', null, tags, args
  from shaped where n %% {DEAD_EVERY} <> 0"""
DEAD: LiteralString = f"""{OF_A_DAY}
insert into taskflow.dead_job (id, run_at, created_at, claim_no, started_at, finished_at, worker_id,
  attempt, lost, max_attempts, priority, tenant, queue, task, created_by, reason, tags, args,
  error_class, error_message, traceback, fingerprint)
select n, at, at, 5, at + interval '40 ms', at + interval '90 ms', 1, 5, 0, 5, priority, tenant,
       queue, task, 'bench', 'out of attempts', tags, args, 'ValueError',
       'the order ' || n || ' has no lines', repeat('  File "shop.py", line 42' || e'\\n', 12),
       'ValueError-' || n / {DEAD_EVERY} * 31 %% 97
  from shaped where n %% {DEAD_EVERY} = 0"""
LIVE: LiteralString = f"""
with named as (
  select n, taskflow.now() - interval '1 hour'
            + (n - %(first)s) * interval '1 hour' / (%(last)s - %(first)s + 1) as at
    from generate_series(%(first)s::bigint, %(last)s::bigint) n),
shaped as (select x.* from (
    select n, at, case when n %% 5 = 4 then at + n %% 89 * interval '1 hour' + interval '1 hour'
                       else at end as run_at from named) t
  cross join lateral ({SHAPE}) x)
insert into taskflow.job (id, run_at, created_at, claim_no, lease_until, started_at, worker_id,
  state, attempt, max_attempts, priority, tenant, queue, task, created_by, tags, args, waits_for)
select n, run_at, at, case when is_tried then 1 else 0 end,
       case when is_running then taskflow.now() + interval '1 day' end,
       case when is_tried then at end, case when is_tried then 1 end,
       case when is_running then 'running' when is_blocked then 'blocked'
            else 'ready' end::taskflow.job_state,
       case when is_tried then 1 else 0 end, 5, case when is_blocked then 12 else priority end,
       tenant, queue, task, 'bench', tags, args, case when is_blocked then 1 end
  from (select s.*, n %% 499 = 1 as is_running, n %% 499 in (1, 2, 3, 4) as is_tried,
               n %% 499 in (5, 6) as is_blocked from shaped s) s"""
RUNNING: LiteralString = """
insert into taskflow.claim_batch (tenant, worker_id, check_at, job_ids)
select tenant, 1, taskflow.now() + interval '1 day', array_agg(id)
  from (select tenant, id, row_number() over (order by id) / 100 as batch
          from taskflow.job where state = 'running') r group by tenant, batch"""
AROUND: LiteralString = """
select taskflow.join_worker('bench', '{default,email,reports,imports,webhooks,sync,slow}',
                            '{10,10,10,10,10,10,10}', lease => '10 minutes');
insert into taskflow.task (name, queue)
select 'task.' || n, 'default' from generate_series(0, 22) n;
insert into taskflow.tenant (tenant, created_at, created_by)
values ('small', taskflow.now(), 'bench');
insert into taskflow.workflow (created_at, name, version, created_by, hash, definition)
select taskflow.now(), 'flow.' || n, 1, 'bench', 'hash ' || n, '{}' from generate_series(1, 9) n"""
RUNS: LiteralString = """
insert into taskflow.workflow_run (id, root_id, workflow_id, created_at, finished_at, total,
  succeeded, depth, state, name, created_by, input)
select id, id, 1 + n %% 9, taskflow.now() - (%(count)s - n) * interval '14 days' / %(count)s,
       case when n %% 50 > 0 then taskflow.now() end, 5, case when n %% 50 > 0 then 5 else 2 end, 0,
       case when n %% 50 > 0 then 'succeeded' else 'running' end, 'flow.' || 1 + n %% 9, 'bench',
       '{}'
  from (select nextval('taskflow.job_id_seq') as id, n from generate_series(1, %(count)s) n) s"""
AUDIT: LiteralString = """
insert into taskflow.audit (at, actor, actor_kind, actor_id, address, action, method, path, status,
  target)
select taskflow.now() - (%(count)s - n) * interval '14 days' / %(count)s, 'key:' || n %% 7, 'key',
       n %% 7, '127.0.0.1', 'jobs.enqueue', 'POST', '/api/v1/jobs', 201, n::text
  from generate_series(1, %(count)s) n"""
STATISTICS: LiteralString = """
insert into taskflow.{table} (at, count, run_seconds, wait_seconds, tenant, queue, task, outcome,
  run_buckets, wait_buckets)
select date_bin(%(step)s, %(now)s, '2001-01-01 00:00Z') - n * %(step)s::interval, 60, 3, 1,
       'default', queue, 'task.' || t, outcome, b.buckets, b.buckets
  from generate_series(0, %(count)s) n
 cross join unnest('{default,email,reports,imports,webhooks,sync,slow}'::text[]) queue
 cross join generate_series(0, 3) t
 cross join unnest('{completed,failed}'::text[]) outcome
 cross join (select array_agg(10 + i %% 7) as buckets from generate_series(0, 23) i) b"""
HOUR = timedelta(hours=1)
ROLLUPS: tuple[tuple[LiteralString, timedelta, int], ...] = (
    ("stat_10s", timedelta(seconds=10), 8_640),
    ("stat_1m", timedelta(minutes=1), 10_080),
    ("stat_1h", HOUR, 9_600),
)
"""A table of statistics, its step, and how many of them it keeps."""


class Sizes(NamedTuple):
    """How much there is to look at."""

    finished: int = 10_000_000
    live: int = 1_000_000


def fill(connection: Connection, sizes: Sizes, say: Callable[[str], None]) -> None:
    """Fills an empty database, and analyses it as autovacuum would have."""
    start = time.monotonic()
    check_disk(connection, sizes)
    connection.execute("set synchronous_commit = off")
    fill_tables(connection, sizes, say)
    say("vacuum analyze ...")
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")
    connection.execute("reset synchronous_commit")
    say(f"filled in {time.monotonic() - start:.0f} s")


def fill_tables(connection: Connection, sizes: Sizes, say: Callable[[str], None]) -> None:
    start = time.monotonic()
    make_partitions(connection)
    apart = timedelta(days=DAYS) / sizes.finished
    now = connection.execute("select taskflow.now()").fetchone()
    assert now is not None
    for day in range(DAYS):
        before, last = (sizes.finished * at // DAYS for at in (day, day + 1))
        since = now[0] - timedelta(days=DAYS) + apart * before
        given = {"first": before + 1, "last": last, "since": since, "apart": apart}
        for statement in (HISTORY, DEAD):
            connection.execute(statement, given)
        say(f"filled {last:,} of {sizes.finished:,} finished jobs,"
            f" {time.monotonic() - start:.0f} s ...")  # fmt: skip
    whole = {"first": sizes.finished + 1, "last": sizes.finished + sizes.live}
    connection.execute(LIVE, whole)
    connection.execute("select setval('taskflow.job_id_seq', %(last)s)", whole)
    connection.execute(RUNNING)
    connection.execute(AROUND)
    connection.execute(RUNS, {"count": max(sizes.finished // 200, 100)})
    connection.execute(AUDIT, {"count": max(sizes.finished // 50, 100)})
    for table, step, most in ROLLUPS:
        count = min(most, sizes.finished // 200)
        statement = STATISTICS.replace("{table}", table)
        connection.execute(statement, {"step": step, "count": count, "now": now[0]})
    say(f"filled {sizes.live:,} live jobs, {time.monotonic() - start:.0f} s")


def make_partitions(connection: Connection) -> None:
    """Those of the days gone by, as the upkeep made them then: by its function, at that time."""
    kept = [("job_history", timedelta(days=DAYS), 1)]
    kept += [(table, step * most, 7 if step == HOUR else 1) for table, step, most in ROLLUPS]
    for table, span, days in kept:
        connection.execute(f"set taskflow.clock_offset = '-{span.days} days'".encode())
        connection.execute(
            "select taskflow.keep_partitions(%s, %s, '-infinity', %s)", [table, span.days, days]
        )
    connection.execute("reset taskflow.clock_offset")


def check_disk(connection: Connection, sizes: Sizes) -> None:
    """Refuses where it would not fit, as far as the server's disk can be seen from here."""
    row = connection.execute("select pg_catalog.current_setting('data_directory', true)").fetchone()
    place = Path(row[0]) if row and row[0] else None
    if place is None or not place.is_dir():
        return
    needed = (sizes.finished + sizes.live) * BYTES_PER_JOB
    needed += min(needed, WAL_BYTES)
    if (free := shutil.disk_usage(place).free) < needed:
        raise BenchFailed(
            f"it needs {needed / 1e9:.1f} GB in {place}, where {free / 1e9:.1f} GB are free",
            "Give smaller numbers with --finished and --live.",
        )
