"""The figures that health checks judge: about the server, the tables, the workers, the queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from taskflow.store import walks
from taskflow.store.call import Call, Row, each, scalar

HOT = ("job", "claim_batch", "worker", "waiter", "watcher")
WAITING_LOOK = 1_000
"""Waiting jobs per queue whose task names are looked at."""


class Server(msgspec.Struct, frozen=True):
    version: str
    version_number: int
    user: str
    database: str
    in_recovery: bool
    read_only: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    autovacuum: bool
    max_connections: int
    reserved_connections: int
    connections: int


class Relation(msgspec.Struct, frozen=True):
    """A table or an index that every job passes through."""

    name: str
    is_index: bool
    bytes: int
    rows: float
    """The planner's estimate, -1 if it was never analysed."""
    dead_rows: int
    autovacuum_off: bool


class Holder(msgspec.Struct, frozen=True):
    """Something that keeps vacuum from removing dead rows."""

    kind: str
    name: str
    since: datetime | None
    xids: int
    """How many transactions have begun since."""


class Slot(msgspec.Struct, frozen=True):
    """A replication slot, and the WAL that the server keeps for its reader."""

    name: str
    active: bool
    wal_status: str | None
    kept_bytes: int


class Wal(msgspec.Struct, frozen=True):
    max_bytes: int
    readable: bool
    """May this user look into the WAL's directory?"""
    archive_failing: datetime | None
    """Since when no segment could be archived."""


class Storage(msgspec.Struct, frozen=True):
    database_bytes: int
    directory: str | None
    """Where the server keeps its data, for those who may know."""
    is_local: bool
    """Does the connection stay on this machine?"""


class Partitions(msgspec.Struct, frozen=True):
    parent: str
    days_ahead: int | None
    """Days after today that have one; None without one for today."""
    default_filled: bool


class Unserved(msgspec.Struct, frozen=True):
    """Jobs that are due in a queue and that no live worker can take."""

    queue: str
    task: str | None
    """None: no worker serves the queue at all."""
    oldest: timedelta


class Dying(msgspec.Struct, frozen=True):
    last_hour: int
    per_hour_before: float


def server() -> Call[Server]:
    return Call(
        "select version(), current_setting('server_version_num')::integer, current_user::text,"
        " current_database()::text, pg_is_in_recovery(),"
        " current_setting('transaction_read_only')::boolean, current_setting('fsync')::boolean,"
        " current_setting('full_page_writes')::boolean, current_setting('synchronous_commit'),"
        " current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean,"
        " current_setting('max_connections')::integer,"
        " current_setting('superuser_reserved_connections')::integer,"
        " (select count(*) from pg_stat_activity where backend_type = 'client backend')",
        {},
        _one(Server),
    )


def unprotected() -> Call[list[str]]:
    """Tables that row-level security would show to every tenant; empty when all is well."""
    return Call(
        "select c.relname::text from pg_class c where c.relnamespace = 'taskflow'::regnamespace"
        " and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'alembic_version'"
        " and not (c.relrowsecurity and exists (select from pg_policies p"
        " where p.schemaname = 'taskflow' and p.tablename = c.relname"
        " and p.policyname = 'own_tenant')) order by 1",
        {},
        each(str),
    )


def is_superuser() -> Call[bool]:
    """Does row-level security pass the session's user by?"""
    return Call(
        "select r.rolsuper or r.rolbypassrls from pg_roles r where r.rolname = session_user",
        {},
        scalar,
    )


class Installed(msgspec.Struct, frozen=True):
    """What the database says that it holds."""

    revision: str | None
    hashes: dict[str, str]
    """Of the text that each function and view was made from."""


def installed() -> Call[Installed]:
    """Which schema is there; works for the API's role, too, which sees no table of it."""
    return Call(
        "select revision, hashes::text from taskflow.installed()",
        {},
        lambda rows: Installed(rows[0][0], msgspec.json.decode(rows[0][1])),
    )


def has_schema() -> Call[bool]:
    return Call("select to_regnamespace('taskflow') is not null", {}, scalar)


def missing_roles() -> Call[list[str]]:
    return Call(
        "select r from unnest(array['taskflow_producer', 'taskflow_worker', 'taskflow_operator'])"
        " r where to_regrole(r) is null",
        {},
        each(str),
    )


def rights() -> Call[list[str]]:
    """What the current user may not call, of what an operator calls."""
    return Call(
        "select p.proname::text from pg_proc p where p.pronamespace = 'taskflow'::regnamespace"
        " and p.proname in ('enqueue', 'cancel', 'retry', 'discard', 'pause_queue')"
        " and not has_function_privilege(p.oid, 'execute')",
        {},
        each(str),
    )


def relations() -> Call[list[Relation]]:
    """The hot tables and their indexes."""
    return Call(
        "select c.relname::text, c.relkind = 'i', pg_relation_size(c.oid), c.reltuples::float8,"
        " coalesce(s.n_dead_tup, 0), coalesce(c.reloptions::text like '%%autovacuum_enabled=f%%'"
        " or c.reloptions::text like '%%autovacuum_enabled=off%%', false)"
        " from pg_class c left join pg_index i on i.indexrelid = c.oid"
        " join pg_class t on t.oid = coalesce(i.indrelid, c.oid)"
        " left join pg_stat_user_tables s on s.relid = c.oid"
        " where t.relnamespace = 'taskflow'::regnamespace and t.relname = any (%(hot)s)"
        " and c.relkind in ('r', 'i') order by c.relname",
        {"hot": list(HOT)},
        each(Relation),
    )


def indexes() -> Call[dict[str, bool]]:
    """Every index of the schema and whether it is valid."""
    return Call(
        "select c.relname::text, i.indisvalid and i.indisready from pg_index i"
        " join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'taskflow'::regnamespace",
        {},
        lambda rows: {row[0]: row[1] for row in rows},
    )


def holders() -> Call[list[Holder]]:
    """Transactions, prepared ones and replication slots that hold an old snapshot, oldest first."""
    return Call(
        "select kind, name, since, xids from ("
        " select 'transaction' as kind, format('pid %%s, %%s, %%s', a.pid, a.usename,"
        " coalesce(nullif(a.application_name, ''), 'no name')) as name, a.xact_start as since,"
        " age(coalesce(a.backend_xmin, a.backend_xid))::bigint as xids"
        " from pg_stat_activity a where coalesce(a.backend_xmin, a.backend_xid) is not null"
        " and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()"
        " union all select 'prepared transaction', p.gid, p.prepared, age(p.transaction)::bigint"
        " from pg_prepared_xacts p"
        " union all select 'replication slot', s.slot_name::text, null,"
        " greatest(age(s.xmin), age(s.catalog_xmin))::bigint from pg_replication_slots s"
        " where s.xmin is not null or s.catalog_xmin is not null) h"
        " order by since nulls last, xids desc limit 20",
        {},
        each(Holder),
    )


def slots() -> Call[list[Slot]]:
    """Replication slots, the one that keeps most first."""
    return Call(
        "select s.slot_name::text, s.active, s.wal_status, greatest(pg_wal_lsn_diff(case"
        " when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,"
        " s.restart_lsn), 0)::bigint from pg_replication_slots s"
        " where s.restart_lsn is not null or s.wal_status = 'lost' order by 4 desc nulls last",
        {},
        each(lambda name, active, status, kept: Slot(name, active, status, kept or 0)),
    )


def wal() -> Call[Wal]:
    return Call(
        "select (select pg_size_bytes(s.setting || s.unit) from pg_settings s"
        " where s.name = 'max_wal_size'), has_function_privilege('pg_ls_waldir()', 'execute'),"
        " (select a.last_failed_time from pg_stat_archiver a"
        " where a.last_failed_time > coalesce(a.last_archived_time, '-infinity')"
        " and current_setting('archive_mode') <> 'off')",
        {},
        _one(Wal),
    )


def wal_bytes() -> Call[int]:
    """What the WAL takes; for those who may ask (see `Wal.readable`)."""
    return Call("select coalesce(sum(w.size), 0)::bigint from pg_ls_waldir() w", {}, scalar)


def storage() -> Call[Storage]:
    return Call(
        "select pg_database_size(current_database()),"
        " (select s.setting from pg_settings s where s.name = 'data_directory'),"
        " coalesce(inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1', true)",
        {},
        _one(Storage),
    )


def partitions() -> Call[list[Partitions]]:
    return Call(
        "select p.parent, (select max(taskflow.partition_day(c.relname)) - d.today"
        " from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = ('taskflow.' || p.parent)::regclass and c.relname ~ '_\\d{8}$'"
        " having bool_or(taskflow.partition_day(c.relname) = d.today)), p.filled"
        " from (values ('attempt', exists (select from taskflow.attempt_default)),"
        " ('job_history', exists (select from taskflow.job_history_default)),"
        " ('job_log', exists (select from taskflow.job_log_default))) p (parent, filled)"
        " cross join (select (taskflow.now() at time zone 'UTC')::date as today) d",
        {},
        each(Partitions),
    )


def unserved() -> Call[list[Unserved]]:
    """Queues with due jobs and no live worker, and tasks that no live worker of a queue knows.

    A job that was claimed and whose time lies ahead may have been given back for just that reason;
    how long it waits is counted from its beginning then.
    """
    due = walks.in_order(
        "j.task, j.run_at, true as is_due", "j.run_at <= c.now and j.state = 'ready'", WAITING_LOOK
    )
    later = walks.in_order("j.task, j.created_at, j.claim_no", "j.run_at > c.now", WAITING_LOOK)
    return Call(
        "with clock as materialized (select taskflow.now() as now)"
        f" select n.name, k.task, c.now - min(w.run_at) from ({walks.QUEUES}) n"
        f" cross join clock c cross join lateral (({due}) union all"
        f" select g.task, g.created_at, false from ({later}) g where g.claim_no > 0) w"
        " cross join lateral ("
        " select case when bool_or(true) is null then null else w.task end as task,"
        " coalesce(bool_or(a.tasks is null or w.task = any (a.tasks)), false) as able"
        " from taskflow.worker a where a.tenant = 'default' and a.lease_until > c.now"
        " and n.name = any (a.queues)) k"
        " where not k.able and (w.is_due or k.task is not null)"
        " and not exists (select from taskflow.queue q where q.name = n.name"
        " and q.paused_at is not null and (q.resume_at is null or q.resume_at > c.now))"
        " group by n.name, k.task, c.now order by 3 desc",
        {},
        each(Unserved),
    )


def dying() -> Call[Dying]:
    """Jobs that became dead in the last hour, and per hour in the day before."""
    return Call(
        "select count(*) filter (where d.finished_at > c.now - interval '1 hour'),"
        " (count(*) filter (where d.finished_at <= c.now - interval '1 hour') / 23.0)::float8"
        " from (select taskflow.now() as now) c"
        " join taskflow.dead_job d on d.finished_at > c.now - interval '1 day'",
        {},
        _one(Dying),
    )


def claims_in_doubt() -> Call[tuple[int, int]]:
    """(claim batches under suspicion, batches overdue by a minute that nobody has looked at)."""
    return Call(
        "select count(*) filter (where b.suspected_at is not null),"
        " count(*) filter (where b.suspected_at is null"
        " and b.check_at < taskflow.now() - interval '1 minute') from taskflow.claim_batch b",
        {},
        lambda rows: (rows[0][0], rows[0][1]),
    )


def tell(payload: str) -> Call[Any]:
    """A notification on the queue's channel; what it says concerns only those who know it."""
    return Call("select pg_notify('taskflow', %(payload)s)", {"payload": payload}, scalar)


def _one(make: Callable[..., Any]) -> Callable[[Sequence[Row]], Any]:
    return lambda rows: make(*rows[0])
