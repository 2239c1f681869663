"""Checks of the tables that every job passes through: vacuum, size, indexes, partitions."""

from __future__ import annotations

from taskflow.calls import health, reads
from taskflow.kernel.durations import format_duration
from taskflow.kernel.phrases import plural
from taskflow.observe.checks.verdict import Sight, Verdict, fail, ok, shown_bytes, warn

DEAD_ROWS = 100_000
SMALL = 64 * 1024 * 1024
BYTES_PER_ROW = {False: 20_000, True: 500}
"""Table, index: far above what rows and entries take when vacuum keeps up."""

SNAPSHOT_SECONDS = 15 * 60
SLOT_XIDS = 10_000_000
DAYS_AHEAD = 2

HOT_INDEXES = {
    "job_pkey": "alter table taskflow.job add primary key (tenant, id)",
    "job_ready": "create index concurrently job_ready on taskflow.job"
    " (queue, priority, run_at, id)",
    "job_unique": "create unique index concurrently job_unique on taskflow.job"
    " (tenant, (coalesce(unique_scope, queue)), unique_key) where unique_key is not null",
    "job_lane": "create index concurrently job_lane on taskflow.job (lane_id, priority, run_at, id)"
    " where lane_id is not null",
    "job_deadline": "create index concurrently job_deadline on taskflow.job (deadline)"
    " where deadline is not null",
    "job_suspect": "create index concurrently job_suspect on taskflow.job (queue, priority, id)"
    " where lost > 0",
    "claim_batch_pkey": "alter table taskflow.claim_batch add primary key (tenant, id)",
    "claim_batch_worker": "create index concurrently claim_batch_worker on taskflow.claim_batch"
    " (worker_id, id)",
    "job_history_id": "create index job_history_id on taskflow.job_history (tenant, id)",
    "dead_job_pkey": "alter table taskflow.dead_job add primary key (tenant, id)",
    "dead_job_fingerprint": "create index concurrently dead_job_fingerprint on taskflow.dead_job"
    " (fingerprint, tenant, id)",
    "dead_job_finished": "create index concurrently dead_job_finished on taskflow.dead_job"
    " (finished_at)",
    "attempt_job": "create index attempt_job on taskflow.attempt (tenant, job_id)",
}


def autovacuum(sight: Sight) -> Verdict:
    if not sight.run(health.server()).autovacuum:
        return fail(
            "autovacuum", "it is off: dead rows pile up until claims crawl",
            "alter system set autovacuum = on;  (and track_counts), then select pg_reload_conf();",
        )  # fmt: skip
    off = [line.name for line in sight.run(health.relations()) if line.autovacuum_off]
    if off:
        fix = " ".join(f"alter table taskflow.{name} reset (autovacuum_enabled);" for name in off)
        return fail("autovacuum", f"it is off for {', '.join(off)}", fix)
    return ok("autovacuum", "on")


def dead_rows(sight: Sight) -> Verdict:
    tables = [line for line in sight.run(health.relations()) if not line.is_index]
    bad = [line for line in tables if line.dead_rows > max(DEAD_ROWS, 2 * line.rows)]
    if bad:
        said = ", ".join(f"{line.name} has {line.dead_rows:,}" for line in bad)
        fix = " ".join(f"vacuum (analyze) taskflow.{line.name};" for line in bad)
        return warn("dead rows", said, f"{fix} See also: old snapshots.")
    most = max(tables, key=lambda line: line.dead_rows)
    return ok("dead rows", f"at most {most.dead_rows:,}, in {most.name}")


def bloat(sight: Sight) -> Verdict:
    found = sight.run(health.relations())
    bad = [
        line
        for line in found
        if line.bytes > SMALL and line.bytes / max(line.rows, 1) > BYTES_PER_ROW[line.is_index]
    ]
    if bad:
        said = ", ".join(f"{line.name} takes {shown_bytes(line.bytes)}" for line in bad)
        fix = " ".join(
            f"reindex index concurrently taskflow.{line.name};" if line.is_index
            else f"vacuum full taskflow.{line.name};  (locks the table: in a quiet hour)"
            for line in bad
        )  # fmt: skip
        return warn("size", f"{said}, for few rows", fix)
    total = shown_bytes(sum(line.bytes for line in found))
    return ok("size", f"hot tables and indexes take {total}")


def old_snapshots(sight: Sight) -> Verdict:
    now = sight.run(reads.clock())
    bad = []
    for line in sight.run(health.holders()):
        seconds = (now - line.since).total_seconds() if line.since else 0.0
        if seconds > SNAPSHOT_SECONDS or (line.since is None and line.xids > SLOT_XIDS):
            since = format_duration(int(seconds)) if line.since else f"{line.xids:,} transactions"
            bad.append(f"{line.kind} {line.name} for {since}")
    if bad:
        return warn(
            "old snapshots", f"vacuum is held back by {'; '.join(bad)}",
            "End it: select pg_terminate_backend(PID);  rollback prepared 'NAME';  "
            "select pg_drop_replication_slot('NAME');",
        )  # fmt: skip
    return ok("old snapshots", "nothing holds vacuum back")


def indexes(sight: Sight) -> Verdict:
    found = sight.run(health.indexes())
    missing = [name for name in HOT_INDEXES if name not in found]
    if missing:
        fix = " ".join(f"{HOT_INDEXES[name]};" for name in missing)
        return fail("indexes", f"missing: {', '.join(missing)}", fix)
    invalid = [name for name, valid in found.items() if not valid]
    if invalid:
        fix = " ".join(f"reindex index concurrently taskflow.{name};" for name in invalid)
        return fail("indexes", f"invalid: {', '.join(invalid)}", fix)
    return ok("indexes", f"{len(found)}, all valid")


def partitions(sight: Sight) -> Verdict:
    found = sight.run(health.partitions())
    filled = [line.parent for line in found if line.default_filled]
    least = min((-1 if line.days_ahead is None else line.days_ahead) for line in found)
    if filled:
        said = f"rows fell into the default partition of {', '.join(filled)}"
        return fail("partitions", said, "taskflow db maintain, and keep a worker running")
    if least < 0:
        return warn("partitions", "there is none for today", "taskflow db maintain, or a worker")
    if least < DAYS_AHEAD:
        said = f"made for {plural(least, 'day')} ahead only: has no worker run upkeep for days?"
        return warn("partitions", said, "taskflow db maintain")
    return ok("partitions", f"made for {plural(least, 'day')} ahead")
