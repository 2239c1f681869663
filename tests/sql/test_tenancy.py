"""Tenants are kept apart twice: by the calls that name them, and by the database.

Here is the second: what somebody could do who had the API's role and a bound transaction, and named
another tenant all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.conftest import Connect
from tests.support import factories as f

Connection = psycopg.Connection[Any]

SHARED = {"worker", "task", "config", "claim_batch", "waiter", "job_limit"}
"""Tables of which every tenant sees the rows of the installation."""
BEFORE_LOGIN = {
    "find_login", "find_user", "note_login", "set_password", "issue_token", "note_audit",
}  # fmt: skip
"""What the API calls for whom it does not know yet, each by a secret or a name that was given."""
FLOW = '{"nodes": {"only": {"task": "t"}}}'


@contextmanager
def bound(session: Connection, tenant: str, queues: str = "") -> Iterator[None]:
    """A transaction as the API's, rolled back at its end."""
    with session.transaction(force_rollback=True):
        session.execute(
            "select set_config('role', 'taskflow_api', true),"
            " set_config('taskflow.tenant', %s, true), set_config('taskflow.queues', %s, true)",
            [tenant, queues],
        )
        yield


@pytest.fixture
def other(db: Connection) -> dict[str, Any]:
    """One of everything that belongs to the tenant other, and the ids of it."""

    def value(statement: str) -> Any:
        return f.value(db, statement)

    job = value("select taskflow.enqueue('t', queue => 'mail', tenant => 'other')")
    value("select taskflow.put_schedule('s', 't', every => '1 hour', tenant => 'other')")
    value("select taskflow.set_limit('l', queue => 'mail', concurrency => 1, tenant => 'other')")
    value(f"select version from taskflow.save_workflow('w', '{FLOW}', 'other')")
    run = value("select id from taskflow.start_workflow('w', tenant => 'other')")
    batch = value("select taskflow.create_batch('b', tenant => 'other')")
    operation = value("select taskflow.start_operation('cancel', '{}', tenant => 'other')")
    value("select taskflow.pause_queue('mail', tenant => 'other')")
    value("select taskflow.put_source('in', 't', tenant => 'other')")
    endpoint = value(
        "select webhook_id from taskflow.put_webhook('https://a.com/', tenant => 'other')"
    )
    user = value("select taskflow.put_user('ann', 'admin', tenant => 'other')")
    key = value("select taskflow.create_key('k', 'p', 'h', 'admin', tenant => 'other')")
    value(
        "select taskflow.note_audit('a', 'user', 1, '', '', 'x', 'GET', '/', 200,"
        " tenant => 'other')"
    )
    return {
        "id": job, "run_id": run, "batch_id": batch, "operation": operation, "user": user,
        "api_key": key, "endpoint": endpoint, "name": "s", "queue": "mail",
    }  # fmt: skip


def test_every_table_is_under_row_level_security(db: Connection) -> None:
    """Attack 6: a table that was forgotten would show everybody's rows."""
    tables = f.rows(
        db,
        "select c.relname as name, c.relrowsecurity as on,"
        " exists (select from pg_policies p where p.schemaname = 'taskflow'"
        " and p.tablename = c.relname and p.permissive = 'RESTRICTIVE'"
        " and 'taskflow_api' = any (p.roles)) as held"
        " from pg_class c where c.relnamespace = 'taskflow'::regnamespace"
        " and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'alembic_version'",
    )
    assert len(tables) > 30
    assert [table.name for table in tables if not (table.on and table.held)] == []


def test_every_view_asks_as_its_caller(db: Connection) -> None:
    """Attack 7: a view that asked as its owner would pass row-level security by."""
    views = f.rows(
        db,
        "select relname as name, reloptions from pg_class"
        " where relnamespace = 'taskflow'::regnamespace and relkind in ('v', 'm')",
    )
    assert views
    assert [v.name for v in views if "security_invoker=true" not in (v.reloptions or [])] == []


def test_partitions_cannot_be_read_by_themselves(db: Connection) -> None:
    """Attack 7: row-level security of a parent does not hold for what is asked of a partition."""
    granted = f.rows(
        db,
        "select c.relname from pg_class c where c.relnamespace = 'taskflow'::regnamespace"
        " and c.relispartition and has_table_privilege('taskflow_api', c.oid, 'select')",
    )
    assert granted == []


def tables_to_read(db: Connection) -> list[str]:
    return [
        row.name
        for row in f.rows(
            db,
            "select c.relname as name from pg_class c where c.relkind in ('r', 'p', 'v')"
            " and c.relnamespace = 'taskflow'::regnamespace and not c.relispartition"
            " and case when c.relname <> 'alembic_version'"
            " then has_column_privilege('taskflow_api', c.oid, 'tenant', 'select') end order by 1",
        )
    ]


def test_a_tenant_sees_its_own_rows_only(db: Connection, other: dict[str, Any]) -> None:
    seen = {}
    for table in tables_to_read(db):
        with bound(db, "acme"):
            rows = db.execute(f"select distinct tenant from taskflow.{table}").fetchall()
        seen[table] = {tenant for (tenant,) in rows}
    assert {t: s for t, s in seen.items() if s - ({"default"} if t in SHARED else set())} == {}
    with bound(db, "other"):
        assert f.value(db, "select count(*) from taskflow.job_view") >= 2
        assert f.value(db, "select count(*) from taskflow.schedule_view") == 1


def test_without_a_tenant_there_are_no_rows(db: Connection, other: dict[str, Any]) -> None:
    """Attack 5: what was forgotten to be bound shows nothing, and changes nothing."""
    with bound(db, ""):
        assert f.value(db, "select count(*) from taskflow.job") == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("select taskflow.cancel(%s)", [other["id"]])


def test_the_binding_ends_with_its_transaction(
    db: Connection, connect: Connect, other: dict[str, Any]
) -> None:
    """Attack 5: the next transaction on the same connection is nobody's."""
    session = connect()
    with bound(session, "other"):
        assert f.value(session, "select count(*) from taskflow.job") >= 1
    assert f.value(session, "select current_setting('taskflow.tenant', true)") == ""
    session.execute("set role taskflow_api")
    assert f.value(session, "select count(*) from taskflow.job") == 0


def callable_by_the_api(db: Connection) -> list[Any]:
    return f.rows(
        db,
        "select p.proname as name, p.proargnames[:p.pronargs] as arguments,"
        " array(select format_type(t, null) from unnest(p.proargtypes) t) as types from pg_proc p"
        " where p.pronamespace = 'taskflow'::regnamespace and p.prosecdef"
        " and has_function_privilege('taskflow_api', p.oid, 'execute') order by 1",
    )


OBJECT = {
    "cancel_run": "run_id", "get_run": "run_id", "retry_run": "run_id", "explain_run": "run_id",
    "signal": "run_id", "get_run_steps": "run_id", "cancel_batch": "batch_id",
    "get_batch": "batch_id", "close_batch": "batch_id", "cancel_operation": "operation",
    "undo_operation": "operation", "put_user": "user", "delete_user": "user",
    "rotate_key": "api_key", "revoke_key": "api_key", "put_webhook": "endpoint",
    "delete_webhook": "endpoint", "rotate_webhook_secret": "endpoint",
    "disable_webhook": "endpoint", "enable_webhook": "endpoint", "test_webhook": "endpoint",
    "resend_failed": "endpoint", "webhook_stats": "endpoint",
}  # fmt: skip
VALUES = {
    "task": "t", "args": "{}", "definition": FLOW, "input": "{}", "run_at": "2030-01-01",
    "priority": "high", "verb": "cancel", "filter": "{}", "hash": "h",
    "prefix": "p", "role": "viewer", "reason": "r", "since": "2026-01-01", "until": "2026-01-02",
    "actor": "a", "route": "r", "request_hash": "h", "status": 200, "headers": "{}", "body": "b",
    "key": "k", "ids": "{1}", "lifetime": "1 hour", "source": "in", "webhook_id": "w",
    "url": "https://example.com/",
}  # fmt: skip


def test_every_function_holds_the_api_to_its_tenant(db: Connection, other: dict[str, Any]) -> None:
    """Attacks 1 and 7: each is called for another tenant, with ids that exist there."""
    loose = {}
    tried = 0
    for function in callable_by_the_api(db):
        arguments = function.arguments or []
        if "tenant" not in arguments or function.name in BEFORE_LOGIN:
            continue
        given = {**VALUES, **other, "tenant": "other", "id": other[OBJECT.get(function.name, "id")]}
        if function.name in ("put_user", "create_key"):
            given["name"] = "new"
        names = [n for n in arguments if n in given]
        if function.name == "delete_limit":
            given["name"] = "l"
        types = dict(zip(arguments, function.types, strict=True))
        call = ", ".join(f"{n} => %({n})s::{types[n]}" for n in names)
        statement: Any = f"select * from taskflow.{function.name}({call})"
        try:
            with bound(db, "acme"):
                rows = db.execute(statement, given).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            tried += 1
            continue
        except psycopg.Error as error:
            loose[function.name] = f"{error.sqlstate} {error}".partition("\n")[0]
            continue
        if rows and any(v is not None for v in rows[0]) and "not_found" not in str(rows[0]):
            loose[function.name] = str(rows[0])
    assert loose == {}
    assert tried > 40


def test_two_tenants_may_use_the_same_names(db: Connection, other: dict[str, Any]) -> None:
    """Attack 8: an error of a unique key would tell one tenant of another's rows."""
    with bound(db, "acme"):
        db.execute("select taskflow.put_schedule('s', 't', every => '1 hour')")
        db.execute("select taskflow.put_user('ann', 'admin')")
        db.execute("select taskflow.set_limit('l', queue => 'mail', concurrency => 1)")
        db.execute("select * from taskflow.save_workflow('w', %s)", [FLOW])
        first = f.value(db, "select taskflow.enqueue('t', unique_key => 'k')")
        again = f.value(db, "select taskflow.enqueue('t', unique_key => 'k')")
        assert first == again


def test_queues_hold_as_tenants_do(db: Connection) -> None:
    for queue in ("mail", "bulk"):
        f.value(db, f"select taskflow.enqueue('t', queue => '{queue}')")
    with bound(db, "default", "{mail}"):
        assert f.value(db, "select array_agg(queue) from taskflow.job") == ["mail"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("select taskflow.enqueue('t', queue => 'bulk')")


def test_a_row_says_for_whom_the_api_made_it(db: Connection) -> None:
    with bound(db, "default"):
        db.execute("select set_config('taskflow.actor', 'user:ann', true)")
        id = f.value(db, "select taskflow.enqueue('t')")
        assert f.value(db, f"select created_by from taskflow.job where id = {id}") == "user:ann"
    db.execute("select set_config('taskflow.actor', 'user:ann', false)")
    id = f.value(db, "select taskflow.enqueue('t')")
    maker = f.value(db, f"select created_by from taskflow.job where id = {id}")
    assert maker == f.value(db, "select session_user::text"), "nobody else can say who it is"


# --- quotas ---------------------------------------------------------------------------------------


def test_a_tenant_has_no_more_live_jobs_than_its_quota(db: Connection) -> None:
    db.execute("select taskflow.put_tenant('acme', max_live_jobs => 2)")
    for _ in range(2):
        db.execute("select taskflow.enqueue('t', tenant => 'acme')")
        db.execute("update taskflow.tenant set counted_at = null")
    with pytest.raises(psycopg.Error) as refused:
        db.execute("select taskflow.enqueue('t', tenant => 'acme')")
    assert refused.value.sqlstate == "TF196"
    with pytest.raises(psycopg.Error) as refused:
        db.execute("select * from taskflow.enqueue_many('t', '[{}]', tenant => 'acme')")
    assert refused.value.sqlstate == "TF196"
    db.execute("select taskflow.enqueue('t', tenant => 'free')")


def test_storage_is_estimated_and_held_to_its_quota(db: Connection) -> None:
    db.execute("select taskflow.put_tenant('acme', max_storage_bytes => 10000)")
    args = '{"text": "' + "x" * 200 + '"}'
    for _ in range(60):
        db.execute("select taskflow.enqueue('t', %s, tenant => 'acme')", [args])
    db.execute("select taskflow.measure_tenants(taskflow.now())")
    stored = f.value(db, "select storage_bytes from taskflow.tenant where tenant = 'acme'")
    assert 60 * 200 < stored < 60 * 1000
    with pytest.raises(psycopg.Error) as refused:
        db.execute("select taskflow.enqueue('t', tenant => 'acme')")
    assert refused.value.sqlstate == "TF196"


def test_only_the_installation_makes_tenants(db: Connection) -> None:
    with bound(db, "acme"), pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select taskflow.put_tenant('acme', max_live_jobs => 1000000)")
    with bound(db, "acme"), pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select taskflow.invite('h', '1 hour', for_tenant => 'default')")
    with bound(db, "default"):
        assert f.value(db, "select taskflow.put_tenant('acme', max_live_jobs => 10)") is True


@pytest.mark.parametrize(
    "name", ["claim", "renew", "settle", "settle_many", "join_worker", "set_result", "allow_tenant"]
)
def test_the_api_is_no_worker(db: Connection, name: str) -> None:
    """Attack 4: nobody finishes a job through the API, or lets roles in."""
    allowed = f.value(
        db,
        "select bool_or(has_function_privilege('taskflow_api', p.oid, 'execute')) from pg_proc p"
        " where p.pronamespace = 'taskflow'::regnamespace and p.proname = %s",
        name,
    )
    assert allowed is False
