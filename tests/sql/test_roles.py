"""Roles: what producers, workers, operators and strangers may do, through real logins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f
from tests.support import flows

Connection = psycopg.Connection[Any]
Login = Callable[[str], Connection]

GROUPS = ("taskflow_producer", "taskflow_worker", "taskflow_operator")


@pytest.fixture
def login(db: Connection, dsn: str, connect: Connect) -> Iterator[Login]:
    """A session of a fresh role that is a member of one group, or of none with ""."""
    made: list[tuple[str, Connection]] = []

    def log_in(group: str) -> Connection:
        name = f"taskflow_test_{len(made)}_{f.value(db, 'select current_database()')}"[:63]
        db.execute(f"create role {name} login password 'secret' {group and 'in role ' + group}")
        session = connect(make_conninfo(dsn, user=name, password="secret"))
        made.append((name, session))
        return session

    yield log_in
    for name, session in made:
        session.close()
        db.execute(f"drop owned by {name} cascade")
        db.execute(f"drop role {name}")


def denied(session: Connection, statement: str, *parameters: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(statement, parameters)


def functions(db: Connection) -> list[Any]:
    return f.rows(
        db,
        "select p.oid, p.oid::regprocedure::text as signature, p.proname as name, p.prosecdef,"
        " p.proconfig, p.proacl from pg_proc p where p.pronamespace = 'taskflow'::regnamespace",
    )


# --- the catalog ----------------------------------------------------------------------------------


def test_every_definer_function_pins_its_search_path(db: Connection) -> None:
    """Attack 9: the caller's path would decide which now() and which = it uses."""
    pinned = "search_path=taskflow, pg_temp"
    loose = [
        row.signature
        for row in functions(db)
        if row.prosecdef and pinned not in (row.proconfig or [])
    ]
    assert loose == []


def test_a_stranger_may_execute_nothing(db: Connection, login: Login) -> None:
    """Attack 10: Postgres grants EXECUTE to everybody unless it is taken away."""
    session = login("")
    for row in functions(db):
        allowed = f.value(session, "select has_function_privilege(%s::oid, 'execute')", row.oid)
        assert not allowed, row.signature
        assert "=X/" not in f"{row.proacl}".replace(",", " ").split(" ")
    denied(session, "select taskflow.enqueue('t')")
    denied(session, "select * from taskflow.job")


def test_no_role_may_call_what_is_internal(db: Connection) -> None:
    """A definer function that is called by any other of ours, or writes, is not for roles."""
    internal = {
        "add_partitions", "announce", "archive", "bury", "change_job", "check_args", "check_clock",
        "check_lease", "check_name", "check_unique", "drop_partitions", "enqueue_each", "expire",
        "find_live", "follow", "job_template", "meet_holder", "note_queue", "place_job", "put_back",
        "record_attempt", "release_dependants", "result_ok", "settle_each", "settled_before",
        "tell_followers", "wake",
        "advance_runs", "batch_callback", "begin_wait", "bring_back", "can_tell", "cancel_jobs",
        "check_edges", "check_nesting", "check_options", "check_reads", "check_workflow",
        "compensate_next", "count_batches", "end_batch", "end_items", "end_runs", "end_steps",
        "evaluate_step", "expand_step", "explain_ties", "fill_template", "find_batch", "find_run",
        "follow_again", "is_accepted", "lock_ends", "lock_runs", "note_compensated", "paths_in",
        "place_step_jobs", "prefill_template", "prune_runs", "read_path", "read_pause",
        "read_workflow",
        "refuse_workflow", "release_followers", "release_items", "release_steps", "reopen_run",
        "resume_run", "run_timers", "sort_nodes", "start_children", "start_definition",
        "start_run", "step_context", "stop_failed", "stop_run", "store_workflow",
    }  # fmt: skip
    names = {row.name for row in functions(db)}
    assert internal <= names
    for group in GROUPS:
        callable_ = {
            row.name
            for row in functions(db)
            if f.value(db, "select has_function_privilege(%s, %s::oid, 'execute')", group, row.oid)
        }
        assert callable_.isdisjoint(internal), group


def test_what_roles_may_call_and_writes_is_a_definer_function(db: Connection) -> None:
    """So that nobody needs rights on tables."""
    for row in functions(db):
        volatile = f.value(db, "select provolatile = 'v' from pg_proc where oid = %s", row.oid)
        granted = f.value(db, "select has_function_privilege('taskflow_operator', %s::oid,"
                              " 'execute')", row.oid)  # fmt: skip
        if granted and volatile and row.name not in ("now", "backoff"):
            assert row.prosecdef, row.signature


def test_no_role_may_write_a_table(db: Connection) -> None:
    tables = f.rows(
        db,
        "select c.oid, c.relname from pg_class c where c.relnamespace = 'taskflow'::regnamespace"
        " and c.relkind in ('r', 'p', 'v')",
    )
    for group in GROUPS:
        for table in tables:
            for right in ("insert", "update", "delete", "truncate", "trigger", "references"):
                allowed = f.value(
                    db, "select has_table_privilege(%s, %s::oid, %s)", group, table.oid, right
                )
                expected = (group, table.relname, right) == (
                    "taskflow_operator", "config", "update",
                )  # fmt: skip
                assert allowed == expected, (group, table.relname, right)


# --- each role at its work ------------------------------------------------------------------------


def test_a_producer_enqueues_and_sees_its_own(db: Connection, login: Login) -> None:
    one, other = login("taskflow_producer"), login("taskflow_producer")
    job = f.enqueue(one, args={"a": 1})
    f.enqueue_many(one, 2)
    f.enqueue(one, unique_key="k", tenant="acme", queue="q", tags=["x"])
    assert f.call_rows(one, "get_job", id=job)[0].args == {"a": 1}
    assert f.call_rows(other, "get_job", id=job) == []
    assert f.job(db, job).created_by == f.value(one, "select session_user")
    one.execute("select taskflow.watch(%s)", (job,))
    for table in ("job", "job_history", "dead_job", "job_view", "config", "worker", "task"):
        denied(one, f"select * from taskflow.{table}")
    denied(one, "insert into taskflow.job (queue) values ('q')")
    denied(one, "select taskflow.cancel(%s)", job)
    denied(one, "select * from taskflow.claim(1)")
    denied(one, "select taskflow.settle(%s, 1)", job)
    denied(one, "select taskflow.maintain()")
    denied(one, "select * from taskflow.explain(%s)", job)


def test_a_producer_runs_workflows_and_batches_and_sees_its_own(
    db: Connection, login: Login
) -> None:
    one, other = login("taskflow_producer"), login("taskflow_producer")
    flows.save(one, "w", {"a": {"task": "t"}, "s": {"signal": "go"}})
    run = flows.start(other, "w")
    assert [row.id for row in f.call_rows(other, "get_run", id=run)] == [run]
    assert len(f.call_rows(other, "get_steps", run_id=run)) == 2
    assert f.call(other, "signal", run_id=run, name="go") == "taken"
    assert f.call_rows(one, "get_run", id=run) == f.call_rows(one, "get_steps", run_id=run) == []
    with pytest.raises(psycopg.Error, match="does not exist"):
        f.call(one, "signal", run_id=run, name="go")
    (job,) = f.rows(db, "select created_by from taskflow.job")
    assert job.created_by == f.value(other, "select session_user")
    batch = f.call(one, "create_batch", on_finish={"task": "fin"})
    f.call_rows(one, "add_to_batch", batch_id=batch, task="t", args=Jsonb([{}]))
    f.call(one, "close_batch", id=batch)
    assert f.call_rows(one, "get_batch", id=batch)[0].pending == 1
    assert f.call_rows(other, "get_batch", id=batch) == []
    for statement in ("cancel_run(%s)", "retry_run(%s)", "cancel_batch(%s)", "explain_run(%s)"):
        denied(one, f"select taskflow.{statement}", run)
    for table in ("workflow", "workflow_run", "workflow_step", "run_view", "batch_job"):
        denied(one, f"select * from taskflow.{table}")
    # a worker with no more than its own rights moves the run on, and enqueues the callback
    worker = login("taskflow_worker")
    flows.work(worker)
    assert flows.run(db, run).state == "succeeded"
    operator = login("taskflow_operator")
    assert f.call(operator, "cancel_run", id=run) == "finished"


def test_a_producer_cannot_read_by_pretending(db: Connection, login: Login) -> None:
    job = f.enqueue(db)
    session = login("taskflow_producer")
    denied(session, "set role taskflow_operator")
    with pytest.raises(psycopg.Error):
        session.execute("set session authorization postgres")
    session.execute("set taskflow.tenant = 'default'")
    assert f.call_rows(session, "get_job", id=job) == []


def test_a_worker_does_a_workers_day(db: Connection, login: Login) -> None:
    f.enqueue_many(db, 5)
    session = login("taskflow_worker")
    worker = f.join(session)
    session.execute('select taskflow.publish_tasks(\'[{"name": "t"}]\')')
    f.call(session, "wait_for_work", worker_id=worker, queues=["default"])
    session.execute("select taskflow.stop_waiting(%s)", (worker,))
    jobs = f.claim(session, worker, 5)
    assert f.renew(session, worker, jobs, up_to_batch=jobs[0].batch_id) == []
    assert f.settle(session, jobs[0], result={"x": 1}) == "applied"
    assert f.settle(session, jobs[1], "failed", error={"class": "E"}) == "applied"
    assert f.call(session, "release", ids=[jobs[2].id], claim_nos=[1]) == 1
    done = f.call_rows(session, "settle_many", ids=[jobs[3].id], claim_nos=[1])
    assert done == []
    session.execute("select taskflow.disown(%s, '{}')", (worker,))
    assert f.call(session, "reap") == 0
    assert f.call(session, "maintain") is not None
    assert f.call_rows(session, "explain", id=jobs[1].id)[0].cause == "retrying"
    assert f.rows(session, "select state from taskflow.job_view")
    session.execute("select taskflow.leave_worker(%s)", (worker,))
    denied(session, "select taskflow.cancel(%s)", jobs[1].id)
    denied(session, "select taskflow.retry(%s)", jobs[1].id)
    denied(session, "select taskflow.pause_queue('default')")


def test_an_operator_does_an_operators_day(db: Connection, login: Login) -> None:
    session = login("taskflow_operator")
    job, other = f.enqueue(session), f.enqueue(db)
    f.call(session, "pause_queue", queue="default")
    f.call(session, "resume_queue", queue="default")
    f.call(session, "reschedule", id=job, run_at="now")
    assert f.call(session, "cancel", id=job) == "cancelled"
    f.call(session, "retry", id=job)
    f.call(session, "discard", id=other)
    assert f.call_rows(session, "requeue")[0].requeued == 0
    assert f.call_rows(session, "get_job", id=other)[0].reason.startswith("discarded by")
    session.execute("update taskflow.config set value = '20 days' where name = 'dead_retention'")
    denied(session, "delete from taskflow.job")


# --- attacks --------------------------------------------------------------------------------------


def test_an_attackers_schema_cannot_hijack_a_definer_function(db: Connection, login: Login) -> None:
    """Attack 9: own now(), own operators and own tables in front of everything."""
    session = login("taskflow_producer")
    user = f.value(session, "select session_user")
    db.execute(f"create schema evil authorization {user}")
    try:
        session.execute("create table evil.loot (who text)")
        session.execute("grant all on schema evil to public")
        session.execute("grant all on evil.loot to public")
        for signature in ("clock_timestamp() returns timestamptz", "now() returns timestamptz"):
            session.execute(
                f"create function evil.{signature} language plpgsql as $$ begin"
                " insert into evil.loot values (current_user);"
                " return pg_catalog.clock_timestamp(); end $$"
            )
        session.execute(
            "create function evil.same(text, text) returns boolean language plpgsql as $$ begin"
            " insert into evil.loot values (current_user); return true; end $$"
        )
        session.execute(
            "create operator evil.= (leftarg = text, rightarg = text, function = evil.same)"
        )
        session.execute(
            "create function evil.coalesce_(text) returns text language sql as 'select 1'"
        )
        session.execute("set search_path = evil, pg_temp, taskflow, pg_catalog")
        job = f.enqueue(session, unique_key="k", tenant="acme", args={"x": "y" * 300})
        assert f.enqueue(session, unique_key="k", tenant="acme") == job
        f.call_rows(session, "get_job", id=job, tenant="acme")
        session.execute("select taskflow.watch(%s)", (job,))
        looted = f.rows(db, "select who from evil.loot")
        assert [row.who for row in looted if row.who != user] == []
    finally:
        db.execute("drop schema evil cascade")


def test_temporary_objects_cannot_shadow_ours(db: Connection, login: Login) -> None:
    session = login("taskflow_producer")
    for table in ("job", "config", "queue", "task", "waiter"):
        session.execute(f"create temp table {table} (tenant text, name text, value text)")
    session.execute("insert into pg_temp.config values ('default', 'max_args_bytes', '1')")
    session.execute("set search_path = pg_temp, taskflow")
    job = f.enqueue(session, args={"x": "y" * 300})
    assert f.value(session, "select count(*) from pg_temp.job") == 0
    assert f.job(db, job).args == {"x": "y" * 300}


def test_functions_work_with_any_callers_settings(db: Connection, connect: Connect) -> None:
    """On the user's own connection, whatever its path, styles and isolation are."""
    session = connect()
    session.execute("set search_path = ''")
    session.execute("set datestyle = 'ISO, DMY'; set intervalstyle = 'postgres'")
    session.execute(
        "set timezone = 'Asia/Kathmandu'; set default_transaction_isolation = 'serializable'"
    )
    session.execute("set standard_conforming_strings = on; set extra_float_digits = 0")
    job = f.enqueue(session, unique_key="k", delay="1 00:00:00", timeout="0:00:05")
    session.execute("set taskflow.clock_offset = '2 00:00:00'")
    worker = f.join(session)
    (claimed,) = f.claim(session, worker)
    assert f.renew(session, worker, [claimed]) == []
    assert f.settle(session, claimed, "failed") == "applied"
    assert f.state(session, job) == "retrying"
    assert f.call_rows(session, "explain", id=job)[0].cause == "retrying"
    f.call(session, "maintain")


def test_names_with_sql_in_them_stay_names(db: Connection) -> None:
    """Attack 11."""
    nasty = "x'); drop table taskflow.job; --"
    job = f.enqueue(db, unique_key=nasty, tags=[nasty], args={nasty: nasty}, meta={nasty: 1})
    f.call(db, "cancel", id=job, reason=nasty)
    assert f.job(db, job).reason == nasty
    f.call_rows(db, "requeue", fingerprint=nasty, task=nasty, queue=nasty)
    assert f.state(db, job) == "cancelled"


def test_the_same_key_in_two_tenants_tells_neither_of_the_other(db: Connection) -> None:
    """Attack 8: uniqueness is no side channel between tenants."""
    ids = {f.enqueue(db, unique_key="k", tenant=tenant) for tenant in ("a", "b", "c")}
    assert len(ids) == 3


def test_only_the_owner_may_move_the_clock_of_upkeep(login: Login) -> None:
    """A worker's role could expire every lease and drop all history with it."""
    worker = login("taskflow_worker")
    worker.execute("set taskflow.clock_offset = '100 years'")
    denied(worker, "select taskflow.maintain()")
    denied(worker, "select taskflow.reap()")
    worker.execute("reset taskflow.clock_offset")
    worker.execute("select taskflow.reap()")
