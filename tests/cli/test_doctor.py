"""`taskflow doctor`: every check, staged so that it has something to find."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from taskflow import Taskflow
from taskflow.calls import health, leases
from taskflow.observe import checks
from taskflow.observe.checks import GROUPS, connection, fleet, settings, storage, tables
from taskflow.observe.checks.verdict import Sight, Verdict
from taskflow.store.call import Call
from tests.cli.conftest import Run, run
from tests.cli.stage import dead, running, worker
from tests.support import factories
from tests.support.db import TestServer


def verdicts(dsn: str) -> dict[str, Verdict]:
    with Taskflow(dsn) as app:
        return {verdict.name: verdict for verdict in checks.run(app)}


@contextlib.contextmanager
def looking(dsn: str, **settings: Any) -> Iterator[Sight]:
    with Taskflow(dsn, **settings) as app:
        with contextlib.closing(Sight(app)) as sight:
            yield sight


def test_a_sound_queue_has_nothing_to_mend(cli: Run, db: Any, dsn: str) -> None:
    factories.maintain(db)
    worker(db)
    db.execute("update taskflow.worker set listening = true")
    found = verdicts(dsn)
    # the test's server is one whose data nobody will miss
    bad = {name for name, line in found.items() if line.status != "pass"} - {"durability"}
    assert not bad, {name: found[name] for name in bad}
    assert len(found) == sum(len(group) for group in GROUPS.values())


def test_the_report_groups_reasons_and_fixes(cli: Run, db: Any) -> None:
    factories.enqueue(db, queue="lonely")
    done = cli("doctor")
    assert done.code == 8
    for word in ("Database", "Work", "FAIL", "lonely", "taskflow worker APP -q lonely"):
        assert word in done.out
    told = cli("doctor", "--json").json
    assert told["ok"] is False
    assert told["fail"] == sum(line["status"] == "fail" for line in told["checks"])
    assert all(line["fix"] for line in told["checks"] if line["status"] != "pass")


def test_no_server_is_the_only_finding() -> None:
    told, found = run("doctor", "--json", dsn="postgresql://u@127.0.0.1:1/x").json["checks"]
    assert (told["name"], told["status"]) == ("environment", "pass")
    assert (found["name"], found["status"]) == ("connection", "fail")


def test_a_variable_that_is_no_setting_is_told_before_all_else(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which database is looked at may hang on it."""
    monkeypatch.setenv("TASKFLOW_DATABASE_UR", dsn)
    with looking("postgresql://u@127.0.0.1:1/x") as sight:
        found = settings.environment(sight)
    assert found.status == "warn"
    assert "TASKFLOW_DATABASE_UR is no setting" in found.said
    assert "TASKFLOW_DATABASE_URL?" in found.fix


def test_no_schema_ends_the_report(empty_dsn: str) -> None:
    found = list(verdicts(empty_dsn).values())
    assert (found[-1].name, found[-1].status, found[-1].fix) == (
        "schema", "fail", "taskflow db upgrade",
    )  # fmt: skip


def test_functions_older_or_changed(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn, autocommit=True) as db:
        db.execute("update taskflow.sql_object set source_hash = 'old' where name = 'claim'")
        db.execute("update taskflow.sql_object set server_hash = 'other' where name = 'wake'")
    found = verdicts(fresh_dsn)
    assert found["schema"].status == "fail"
    assert found["functions"].status == "warn"
    assert "wake" in found["functions"].said


def test_a_standby_or_read_only_session(dsn: str) -> None:
    reads = psycopg.conninfo.make_conninfo(dsn, options="-c default_transaction_read_only=on")
    with looking(reads) as sight:
        assert connection.writable(sight).status == "fail"


def test_a_user_without_rights(db: Any, dsn: str) -> None:
    db.execute("create role doctor_patient login password 'x'")
    db.execute("grant usage on schema taskflow to doctor_patient")
    try:
        theirs = psycopg.conninfo.make_conninfo(dsn, user="doctor_patient", password="x")
        with looking(theirs) as sight:
            assert connection.roles(sight).status == "warn"
    finally:
        db.execute("drop owned by doctor_patient")
        db.execute("drop role doctor_patient")


def test_what_may_not_be_looked_at_is_a_warning_and_no_silence(db: Any, dsn: str) -> None:
    db.execute("create role doctor_stranger login password 'x'")
    try:
        theirs = psycopg.conninfo.make_conninfo(dsn, user="doctor_stranger", password="x")
        found = run("doctor", "--json", dsn=theirs).json["checks"]
        assert any(
            line["status"] == "warn" and "could not be checked" in line["reason"] for line in found
        )
    finally:
        db.execute("drop role doctor_stranger")


def test_listen_behind_a_pooler(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with looking(dsn, pooled=True) as sight:
        assert connection.wake_ups(sight).status == "warn"
    # a pooler takes LISTEN and lets it go with the connection: nothing ever arrives
    monkeypatch.setattr(connection, "CHANNEL", "elsewhere")
    monkeypatch.setattr(connection, "NOTIFY_SECONDS", 0.05)
    with looking(dsn) as sight:
        found = connection.wake_ups(sight)
    assert found.status == "fail"
    assert "pooler" in found.said


def test_a_clock_that_is_wrong(dsn: str) -> None:
    with looking(dsn) as sight:
        sight.connection.execute("set taskflow.clock_offset = '5 seconds'")
        assert connection.clock(sight).status == "warn"


def test_a_pool_too_small_for_the_slots(dsn: str) -> None:
    with looking(dsn, pool_size=2, slots=100) as sight:
        assert connection.connections(sight).status == "warn"


def test_durability(dsn: str) -> None:
    with looking(dsn) as sight:
        sight.connection.execute("set synchronous_commit = off")
        assert connection.durability(sight).status in ("warn", "fail")


def test_autovacuum_off_for_a_hot_table(fresh_dsn: str) -> None:
    with looking(fresh_dsn) as sight:
        assert tables.autovacuum(sight).status == "pass"
        sight.connection.execute("alter table taskflow.job set (autovacuum_enabled = off)")
        found = tables.autovacuum(sight)
    assert (found.status, "taskflow.job" in found.fix) == ("fail", True)


def test_dead_rows_and_bloat(db: Any, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "DEAD_ROWS", -1)
    monkeypatch.setattr(tables, "SMALL", 0)
    monkeypatch.setattr(tables, "BYTES_PER_ROW", {False: 0, True: 0})
    factories.enqueue_many(db, 10)
    db.execute("analyze taskflow.job")
    with looking(dsn) as sight:
        monkeypatch.setattr(health, "HOT", ("job",))
        assert tables.bloat(sight).status == "warn"
        assert "reindex index concurrently" in tables.bloat(sight).fix


def test_an_old_transaction_is_named(connect: Any, dsn: str, monkeypatch: Any) -> None:
    old = connect(autocommit=False)
    old.execute("set application_name = 'forgotten'")
    old.execute("set transaction isolation level repeatable read")
    old.execute("select 1 from taskflow.job")
    monkeypatch.setattr(tables, "SNAPSHOT_SECONDS", -1)
    with looking(dsn) as sight:
        found = tables.old_snapshots(sight)
    assert found.status == "warn"
    assert f"pid {old.info.backend_pid}" in found.said
    assert "forgotten" in found.said


def test_a_slot_that_nobody_reads_keeps_wal(
    db: Any, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looking(dsn) as sight:
        assert storage.slots(sight).status == "pass"
    db.execute("select pg_create_physical_replication_slot('left_behind', true)")
    try:
        with looking(dsn) as sight:
            found = storage.slots(sight)
            assert (found.status, "1 slot, which" in found.said) == ("pass", True)
            monkeypatch.setattr(storage, "SLOT_BYTES", -1)
            found = storage.slots(sight)
        assert found.status == "warn"
        assert "slot left_behind keeps" in found.said
        assert "nobody reads it" in found.said
        assert "pg_drop_replication_slot('left_behind')" in found.fix
    finally:
        db.execute("select pg_drop_replication_slot('left_behind')")


def test_the_size_of_the_wal(db: Any, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with looking(dsn) as sight:
        found = storage.wal(sight)
        assert (found.status, "it takes" in found.said) == ("pass", True)
        monkeypatch.setattr(storage, "WAL_TIMES", 0)
        assert storage.wal(sight).status == "warn"
    db.execute("create role doctor_reader login password 'x'")
    try:
        theirs = psycopg.conninfo.make_conninfo(dsn, user="doctor_reader", password="x")
        with looking(theirs) as sight:
            found = storage.wal(sight)
            assert (found.status, "pg_monitor" in found.said) == ("pass", True)
            found = storage.disk(sight)
            assert (found.status, "cannot be seen" in found.said) == ("pass", True)
    finally:
        db.execute("drop role doctor_reader")


def test_archiving_that_fails(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    since = datetime(2026, 11, 23, 8, tzinfo=UTC)
    answer = Call("select 1, true, %(since)s", {"since": since}, lambda rows: health.Wal(*rows[0]))
    monkeypatch.setattr(health, "wal", lambda: answer)
    with looking(dsn) as sight:
        found = storage.wal(sight)
    assert (found.status, "since 2026-11-23 08:00Z" in found.said) == ("fail", True)


def test_a_disk_that_fills_up(
    dsn: str, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not server.is_embedded:
        pytest.skip("the server's disk may be another machine's")
    with looking(dsn) as sight:
        found = storage.disk(sight)
        assert (found.status, "are free" in found.said) == ("pass", True)
        monkeypatch.setattr(storage, "FREE_BYTES", 1 << 62)
        assert storage.disk(sight).status == "warn"


def test_missing_and_invalid_indexes(fresh_dsn: str) -> None:
    with looking(fresh_dsn) as sight:
        sight.connection.execute("drop index taskflow.job_deadline")
        found = tables.indexes(sight)
        assert found.status == "fail"
        for statement in found.fix.split(";")[:-1]:
            sight.connection.execute(statement)
        assert tables.indexes(sight).status == "pass"
        sight.connection.execute(
            "update pg_index set indisvalid = false"
            " where indexrelid = 'taskflow.job_ready'::regclass"
        )
        assert "job_ready" in tables.indexes(sight).said


def test_every_fix_for_an_index_makes_that_index(fresh_dsn: str) -> None:
    with looking(fresh_dsn) as sight:
        for name, statement in tables.HOT_INDEXES.items():
            before = sight.connection.execute(
                "select indexdef from pg_indexes where indexname = %s", (name,)
            ).fetchone()
            assert before is not None, name
            if name.endswith("_pkey"):
                table = name.removesuffix("_pkey")
                sight.connection.execute(f"alter table taskflow.{table} drop constraint {name}")
            else:
                sight.connection.execute(f"drop index taskflow.{name}")
            sight.connection.execute(statement)
            after = sight.connection.execute(
                "select indexdef from pg_indexes where indexname = %s", (name,)
            ).fetchone()
            assert after == before


def test_partitions(fresh_dsn: str) -> None:
    with looking(fresh_dsn) as sight:
        sight.run(leases.maintain())
        assert tables.partitions(sight).status == "pass"
        sight.connection.execute(
            "insert into taskflow.attempt_default (job_id, claim_no, attempt, outcome, finished_at)"
            " values (1, 1, 1, 'failed', '2001-01-01')"
        )
        assert tables.partitions(sight).status == "fail"
        sight.connection.execute("delete from taskflow.attempt_default")
        sight.connection.execute("set taskflow.clock_offset = '6 days'")
        assert tables.partitions(sight).status == "warn"
        sight.connection.execute("set taskflow.clock_offset = '60 days'")
        assert "none for today" in tables.partitions(sight).said


def test_workers_lost_of_two_versions_and_polling(db: Any, dsn: str) -> None:
    with looking(dsn) as sight:
        assert "none is alive" in fleet.workers(sight).said
        first, _ = worker(db, version="0.1.0"), worker(db, version="0.0.9")
        assert "0.0.9, 0.1.0" in fleet.versions(sight).said
        assert "2 of 2 workers poll" in fleet.polling(sight).said
        db.execute("update taskflow.worker set listening = true")
        assert fleet.polling(sight).status == "pass"
        assert fleet.polling(sight).said == "2 workers listen"
        db.execute("update taskflow.worker set lease_until = '2001-01-01' where id = %s", (first,))
        assert f"{first} (box-1, pid 77)" in fleet.workers(sight).said
        assert "0.0.9" in fleet.versions(sight).said
        assert fleet.polling(sight).said == "1 worker listens"
        db.execute("update taskflow.worker set listening = false")
        assert fleet.polling(sight).said == "1 of 1 worker polls instead of being woken"


def test_queues_and_tasks_that_nobody_serves(db: Any, dsn: str) -> None:
    with looking(dsn) as sight:
        factories.enqueue(db, "mail.send", queue="post")
        factories.enqueue(db, delay="1 hour", queue="later")
        found = fleet.served(sight)
        assert (found.status, "post" in found.said) == ("fail", True)
        assert "later" not in found.said
        worker(db, "post", tasks=["other"])
        found = fleet.served(sight)
        assert (found.status, "mail.send in post" in found.said) == ("fail", True)
        factories.call(db, "pause_queue", queue="post")
        assert fleet.served(sight).status == "pass"
        factories.call(db, "resume_queue", queue="post")
        worker(db, "post", tasks=["mail.send"])
        assert fleet.served(sight).status == "pass"


def test_a_task_that_nobody_knows_is_found_while_its_jobs_are_put_back(db: Any, dsn: str) -> None:
    """Their run time lies ahead then; beside a queue that nobody serves both are told."""
    id = factories.enqueue(db, "mail.send", queue="post")
    (job,) = factories.claim(db, worker(db, "post", tasks=["other"]), 1, "post")
    factories.settle(db, job, "released", delay="30 seconds")
    factories.enqueue(db, "mail.later", queue="post", delay="1 hour")
    assert factories.state(db, id) == "scheduled"
    with looking(dsn) as sight:
        found = fleet.served(sight)
        assert (found.status, "knows mail.send in post" in found.said) == ("fail", True)
        assert "mail.later" not in found.said
        factories.enqueue(db, queue="lonely")
        found = fleet.served(sight)
        assert "serves lonely" in found.said
        assert "knows mail.send in post" in found.said
        assert "-q lonely" in found.fix
        assert "deploy the code" in found.fix


def test_a_job_that_waits_long(db: Any, dsn: str) -> None:
    with looking(dsn) as sight:
        assert fleet.oldest(sight).status == "pass"
        factories.enqueue(db)
        assert fleet.oldest(sight).status == "pass"
        sight.connection.execute("set taskflow.clock_offset = '10 minutes'")
        found = fleet.oldest(sight)
    assert (found.status, "10m" in found.said) == ("warn", True)


def test_claims_that_ran_out(db: Any, dsn: str) -> None:
    running(db)
    with looking(dsn) as sight:
        assert fleet.claims(sight).status == "pass"
        sight.connection.execute("set taskflow.clock_offset = '2 minutes'")
        assert fleet.claims(sight).status == "fail"
        factories.advance(db, 120)
        factories.call(db, "reap")
        assert fleet.claims(sight).status == "warn"


def test_jobs_that_die_in_numbers(db: Any, dsn: str) -> None:
    with looking(dsn) as sight:
        dead(db, 3)
        assert fleet.dead(sight).status == "pass"
        dead(db, 12)
        found = fleet.dead(sight)
    assert (found.status, "15 jobs died" in found.said) == ("warn", True)
