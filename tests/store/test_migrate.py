"""Migrations: forth and back, many at once, against locks, and what verify finds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskflow.errors import SchemaMismatch, SchemaMissing, ServerTooOld
from taskflow.store import fit, load, migrate
from tests.conftest import Connect
from tests.support import factories as f
from tests.support.db import TestServer
from tests.support.waiting import until

Connection = psycopg.Connection[Any]
ROOT = Path(__file__).parents[2]


def works(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        job = f.enqueue(db)
        (claimed,) = f.claim(db, f.join(db))
        assert f.settle(db, claimed) == "applied"
        assert f.state(db, job) == "succeeded"


def test_upgrade_from_nothing_and_again(empty_dsn: str) -> None:
    before = migrate.status(empty_dsn)
    assert (before.revision, before.is_current) == (None, False)
    assert migrate.verify(empty_dsn) == ["The schema is not installed."]
    after = migrate.upgrade(empty_dsn)
    assert (after.revision, after.changed, after.is_current) == (migrate.head(), (), True)
    assert migrate.verify(empty_dsn) == []
    fit.require_current(empty_dsn)
    assert migrate.upgrade(empty_dsn) == after
    works(empty_dsn)


def test_down_to_nothing_and_up_again(fresh_dsn: str, connect: Connect) -> None:
    works(fresh_dsn)
    assert migrate.downgrade(fresh_dsn, "base").revision is None
    assert f.value(connect(fresh_dsn), "select to_regnamespace('taskflow')::text") is None
    with pytest.raises(SchemaMissing):
        fit.require_current(fresh_dsn)
    assert migrate.upgrade(fresh_dsn).is_current
    assert migrate.verify(fresh_dsn) == []
    works(fresh_dsn)


def test_partitions_are_there_from_the_first_moment(empty_dsn: str, connect: Connect) -> None:
    migrate.upgrade(empty_dsn)
    works(empty_dsn)
    table = f.value(connect(empty_dsn), "select tableoid::regclass::text from taskflow.job_history")
    assert table != "taskflow.job_history_default"


@pytest.mark.slow
def test_ten_processes_at_once(empty_dsn: str, connect: Connect) -> None:
    program = "import sys; from taskflow.store import migrate; migrate.upgrade(sys.argv[1])"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_dsn], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(10)
    ]
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 10, errors
    assert migrate.verify(empty_dsn) == []
    works(empty_dsn)


def test_two_upgrades_race_and_both_succeed(empty_dsn: str) -> None:
    answers: list[migrate.SchemaStatus] = []
    threads = [
        threading.Thread(target=lambda: answers.append(migrate.upgrade(empty_dsn)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.is_current for answer in answers] == [True] * 3


def test_functions_change_under_running_claims(fresh_dsn: str, connect: Connect) -> None:
    """migrate x claim: an upgrade waits for no open transaction that only uses the functions."""
    user = connect(fresh_dsn, autocommit=False)
    f.enqueue_many(user, 2)
    worker = f.join(user)
    user.commit()
    (first,) = f.claim(user, worker)
    outdate(connect(fresh_dsn), "claim", "settle", "enqueue")
    assert migrate.status(fresh_dsn).changed == ("claim", "enqueue", "settle")
    assert migrate.upgrade(fresh_dsn).is_current
    (second,) = f.claim(user, worker)
    assert [f.settle(user, job) for job in (first, second)] == ["applied", "applied"]
    user.commit()
    assert migrate.verify(fresh_dsn) == []


def outdate(db: Connection, *names: str) -> None:
    """As if an older version had made these functions."""
    for name in names:
        signature = f.value(db, "select oid::regprocedure::text from pg_proc where proname = %s"
                                " and pronamespace = 'taskflow'::regnamespace", name)  # fmt: skip
        db.execute(f"alter function {signature} cost 7")
    db.execute(
        "update taskflow.sql_object set source_hash = 'old' where name = any(%s)", ([*names],)
    )


def test_a_changed_function_is_applied_again(fresh_dsn: str, connect: Connect) -> None:
    db = connect(fresh_dsn)
    outdate(db, "backoff")
    assert migrate.status(fresh_dsn).changed == ("backoff",)
    with pytest.raises(SchemaMismatch, match="1 function in the database older"):
        fit.require_current(fresh_dsn)
    assert "backoff is older in the database than here." in migrate.verify(fresh_dsn)
    migrate.upgrade(fresh_dsn)
    assert f.value(db, "select procost from pg_proc where proname = 'backoff'") != 7
    assert migrate.verify(fresh_dsn) == []


def test_an_old_signature_gives_way_to_the_new_one(fresh_dsn: str, connect: Connect) -> None:
    db = connect(fresh_dsn)
    db.execute("drop function taskflow.backoff(integer)")
    db.execute("create function taskflow.backoff(attempt bigint) returns text language sql"
               " as 'select ''old'''")  # fmt: skip
    db.execute("update taskflow.sql_object set source_hash = 'old' where name = 'backoff'")
    migrate.upgrade(fresh_dsn)
    assert f.value(db, "select array_agg(oid::regprocedure::text) from pg_proc"
                       " where proname = 'backoff'") == ["taskflow.backoff(integer)"]  # fmt: skip
    assert migrate.verify(fresh_dsn) == []
    assert not f.value(db, "select has_function_privilege('public', 'taskflow.backoff(integer)',"
                           " 'execute')")  # fmt: skip


OLD_FORMS = {
    "another signature": "(level integer, extra text default '') returns text",
    "another result": "(priority smallint) returns varchar",
    "a default that is gone": "(priority smallint default 2) returns text",
}


@pytest.mark.parametrize("form", OLD_FORMS.values(), ids=list(OLD_FORMS))
@pytest.mark.parametrize("is_view_changed", [True, False], ids=["new view", "same view"])
def test_a_function_that_a_view_calls_may_change_its_form(
    fresh_dsn: str, connect: Connect, form: str, is_view_changed: bool
) -> None:
    """The view goes on calling the old one until it is made anew, so that one is dropped last."""
    db = connect(fresh_dsn)
    view = f.value(db, "select pg_get_viewdef('taskflow.job_view'::regclass)")
    db.execute("drop view taskflow.job_view cascade")
    db.execute("drop function taskflow.priority_name(smallint) cascade")
    db.execute(f"create function taskflow.priority_name{form} language sql as $$ select 'old' $$")
    view = view.replace("priority_name(j.priority)", "priority_name(j.priority)::text")
    db.execute(f"create view taskflow.job_view as {view}")
    db.execute("create view looked_at as select id, priority from taskflow.job_view")
    db.execute(
        "update taskflow.sql_object set source_hash = 'old'"
        " where name in ('priority_name', 'get_job', 'schedule_view')"
        " or (name = 'job_view' and %s)",
        (is_view_changed,),
    )
    assert migrate.upgrade(fresh_dsn).is_current
    assert migrate.verify(fresh_dsn) == []
    job = f.enqueue(db, priority="high")
    assert f.value(db, "select priority from looked_at where id = %s", job) == "high"
    assert f.value(db, "select count(*) from pg_proc where proname ~ 'priority_name'") == 1


def test_a_view_may_lose_a_column(fresh_dsn: str, connect: Connect) -> None:
    """And with the view go our own functions that answer its rows; they are made anew."""
    db = connect(fresh_dsn)
    db.execute("drop view taskflow.job_view cascade")
    db.execute("create view taskflow.job_view as select 1 as gone")
    db.execute("create function taskflow.get_job(id bigint, tenant text default null)"
               " returns setof taskflow.job_view language sql as 'select 1'")  # fmt: skip
    db.execute("update taskflow.sql_object set source_hash = 'old' where name = 'job_view'")
    migrate.upgrade(fresh_dsn)
    assert migrate.verify(fresh_dsn) == []
    works(fresh_dsn)


def test_what_somebody_else_still_uses_is_named_and_nothing_changed(
    fresh_dsn: str, connect: Connect
) -> None:
    db = connect(fresh_dsn)
    db.execute("drop function taskflow.backoff(integer)")
    db.execute("create function taskflow.backoff(attempt bigint) returns text language sql"
               " as $$ select 'old' $$")  # fmt: skip
    db.execute("create view theirs as select taskflow.backoff(1::bigint)")
    db.execute("update taskflow.sql_object set source_hash = 'old' where name = 'backoff'")
    with pytest.raises(migrate.SchemaInUse, match="view theirs depends on function") as refused:
        migrate.upgrade(fresh_dsn)
    assert "Drop what depends on it" in refused.value.hint
    assert migrate.status(fresh_dsn).changed == ("backoff",)
    assert f.value(db, "select taskflow.backoff(1::bigint)") == "old"


def test_an_edit_by_hand_is_found(fresh_dsn: str, connect: Connect) -> None:
    db = connect(fresh_dsn)
    db.execute("alter function taskflow.reap(interval) set work_mem = '64MB'")
    assert migrate.verify(fresh_dsn) == ["reap was changed in the database by hand."]
    db.execute("alter function taskflow.reap(interval) reset work_mem")
    assert migrate.verify(fresh_dsn) == []
    db.execute("drop function taskflow.reap(interval)")
    assert migrate.verify(fresh_dsn) == ["reap is missing in the database."]


def test_an_invalid_index_is_found(fresh_dsn: str, connect: Connect) -> None:
    connect(fresh_dsn).execute(
        "update pg_index set indisvalid = false where indexrelid = 'taskflow.job_ready'::regclass"
    )
    (problem,) = migrate.verify(fresh_dsn)
    assert problem.startswith("Index job_ready is invalid")


def test_a_locked_table_gives_a_clear_error_and_changes_nothing(
    fresh_dsn: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "ATTEMPTS_AT_LOCKS", 1)
    outdate(connect(fresh_dsn), "reap")
    holder = connect(fresh_dsn, autocommit=False)
    holder.execute("lock table taskflow.sql_object")
    with pytest.raises(migrate.SchemaLocked, match="kept a table locked") as error:
        migrate.upgrade(fresh_dsn)
    assert "pg_stat_activity" in error.value.hint
    holder.rollback()
    assert migrate.status(fresh_dsn).changed == ("reap",)
    assert migrate.upgrade(fresh_dsn).is_current


def test_a_lock_that_is_given_up_in_time_costs_only_the_wait(
    fresh_dsn: str, connect: Connect
) -> None:
    outdate(connect(fresh_dsn), "reap")
    holder, watcher = connect(fresh_dsn, autocommit=False), connect(fresh_dsn)
    holder.execute("lock table taskflow.sql_object")
    answers: list[migrate.SchemaStatus] = []
    thread = threading.Thread(target=lambda: answers.append(migrate.upgrade(fresh_dsn)))
    thread.start()
    until(
        lambda: f.value(
            watcher,
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and %s = any (pg_blocking_pids(pid))",
            holder.info.backend_pid,
        ),
        what="the upgrade waits",
    )
    holder.rollback()
    thread.join()
    assert answers[0].is_current


def test_a_schema_from_the_future_is_told_from_an_old_one(fresh_dsn: str, connect: Connect) -> None:
    connect(fresh_dsn).execute("update taskflow.alembic_version set version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="does not know"):
        fit.require_current(fresh_dsn)


def test_a_server_too_old_is_refused(fresh_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "OLDEST_SERVER", 990000)
    with pytest.raises(ServerTooOld, match="needs 15 or newer"):
        migrate.status(fresh_dsn)


def test_the_script_does_what_upgrade_does(
    empty_dsn: str, fresh_dsn: str, connect: Connect
) -> None:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("no psql on this machine")
    done = subprocess.run(
        [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", empty_dsn],
        input=migrate.sql(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert migrate.verify(empty_dsn) == []
    assert migrate.status(empty_dsn).is_current
    assert objects(connect(empty_dsn)) == objects(connect(fresh_dsn))
    works(empty_dsn)


def objects(db: Connection) -> list[Any]:
    """Everything in the schema, with its rights."""
    return f.rows(
        db,
        "select relname::text as name, relkind::text, relacl::text from pg_class"
        " where relnamespace = 'taskflow'::regnamespace"
        " union all select oid::regprocedure::text, 'f', proacl::text from pg_proc"
        " where pronamespace = 'taskflow'::regnamespace order by 1, 2",
    )


def test_the_script_runs_where_there_is_no_psql(empty_dsn: str, connect: Connect) -> None:
    connect(empty_dsn).execute(migrate.sql().encode())
    assert migrate.verify(empty_dsn) == []


def test_a_database_owner_who_is_no_superuser_can_install(
    empty_dsn: str, connect: Connect, server: TestServer
) -> None:
    admin = connect(empty_dsn)
    name = f.value(admin, "select current_database()")
    owner = sql.Identifier(f"{name}_owner")
    admin.execute(sql.SQL("create role {} login password 'secret'").format(owner))
    admin.execute(sql.SQL("alter database {} owner to {}").format(sql.Identifier(name), owner))
    try:
        dsn = make_conninfo(empty_dsn, user=f"{name}_owner", password="secret")
        assert migrate.upgrade(dsn).is_current
        assert migrate.verify(dsn) == []
        works(dsn)
    finally:
        admin.execute(sql.SQL("reassign owned by {} to current_user").format(owner))
        admin.execute(sql.SQL("drop owned by {}").format(owner))
        admin.execute(sql.SQL("drop role {}").format(owner))


def test_every_object_has_a_file_of_its_name() -> None:
    for item in (*load.functions(), *load.views()):
        assert f" taskflow.{item.name}" in item.text, item.name
