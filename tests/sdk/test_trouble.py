"""A database that is away, read-only, too old or too busy: a clear TaskflowError each time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskflow import Context, DatabaseUnreachable, Taskflow, TaskflowError
from taskflow.errors import ReadOnlyDatabase, SchemaMismatch, SchemaMissing
from taskflow.store import fit
from tests.sdk.conftest import Tasks, code, define
from tests.support.factories import Connection, value
from tests.support.serving import serving
from tests.support.waiting import until, until_async

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def apps() -> Iterator[Any]:
    made: list[Taskflow] = []

    def make(dsn: str, **settings: Any) -> Tasks:
        app = Taskflow(dsn, connect_timeout=timedelta(seconds=2), **settings)
        made.append(app)
        return define(app)

    yield make
    for app in made:
        app.close()


# --- not there ------------------------------------------------------------------------------------


def test_a_server_that_is_not_there(apps: Any) -> None:
    with pytest.raises(DatabaseUnreachable) as refused:
        apps(NOWHERE).add.enqueue(1)
    assert "refused" in str(refused.value)
    assert "Check database_url" in refused.value.hint


async def test_a_server_that_is_not_there_for_async_code(apps: Any) -> None:
    tasks = apps(NOWHERE)
    with pytest.raises(DatabaseUnreachable, match="refused"):
        await tasks.add.aenqueue(1)
    await tasks.add.app.aclose()


def pool_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("taskflow-")]


def test_nothing_is_said_but_the_error_and_nothing_tried_behind_it(
    apps: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = apps(NOWHERE)
    assert not pool_threads()
    with pytest.raises(DatabaseUnreachable):
        tasks.add.enqueue(1)
    until(lambda: not pool_threads(), what="the pool has ended")
    assert not [line for line in caplog.records if line.name == "psycopg.pool"]


async def test_nor_in_async_code(apps: Any, caplog: pytest.LogCaptureFixture) -> None:
    tasks = apps(NOWHERE)
    before = asyncio.all_tasks()  # tests share a loop
    with pytest.raises(DatabaseUnreachable):
        await tasks.add.aenqueue(1)

    async def is_quiet() -> bool:
        new = asyncio.all_tasks() - before
        return not [task for task in new if task.get_name().startswith("taskflow-")]

    await until_async(is_quiet, what="the pool has ended")
    assert not [line for line in caplog.records if line.name == "psycopg.pool"]
    await tasks.add.app.aclose()


def test_a_server_that_comes_back_is_found_again(
    dsn: str, db: Connection, apps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = apps(dsn)
    with monkeypatch.context() as away:

        def refuse(*_: Any, **__: Any) -> Any:
            raise psycopg.OperationalError("connection refused")

        away.setattr(psycopg.Connection, "connect", refuse)
        away.setattr(psycopg, "connect", refuse)
        with pytest.raises(DatabaseUnreachable):
            tasks.add.enqueue(1)
    tasks.add.enqueue(2)
    assert value(db, "select count(*) from taskflow.job") == 1


def test_a_wrong_password_or_database_is_said_as_it_is(dsn: str, apps: Any) -> None:
    with pytest.raises(DatabaseUnreachable, match='database "no_such_one" does not exist'):
        apps(make_conninfo(dsn, dbname="no_such_one")).add.enqueue(1)


@pytest.mark.parametrize(
    "given",
    ["postgres//typo", "notaurl", "mysql://u@h/db", "postgresql+psycopg://u@h/db", "host=a =b"],
)
def test_a_dsn_that_is_none(apps: Any, given: str) -> None:
    started = time.monotonic()
    with pytest.raises(TaskflowError) as refused:
        apps(given).add.enqueue(1)
    assert code(refused) == "TF201"
    assert "database_url" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - started < 1, "what cannot be read needs no patience"


@pytest.mark.parametrize("given", ["mysql://u:hunter2@h/db", "password=hunter2 =x"])
def test_a_dsn_that_is_none_does_not_give_its_password_away(apps: Any, given: str) -> None:
    with pytest.raises(TaskflowError) as refused:
        apps(given).add.enqueue(1)
    assert "hunter2" not in str(refused.value)


# --- read-only ------------------------------------------------------------------------------------


def test_a_standby_says_so_and_the_next_connection_may_be_the_primary(
    dsn: str, db: Connection, apps: Any
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    tasks = apps(dsn)
    db.execute(f'alter database "{name}" set default_transaction_read_only = on')
    try:
        with pytest.raises(ReadOnlyDatabase, match="read-only transaction"):
            tasks.add.enqueue(1)
    finally:
        db.execute("set default_transaction_read_only = off")
        db.execute(f'alter database "{name}" reset default_transaction_read_only')
    tasks.add.enqueue(2)  # on a fresh connection: the one that refused was closed
    assert value(db, "select count(*) from taskflow.job") == 1


# --- the schema -----------------------------------------------------------------------------------


def test_no_schema(empty_dsn: str, apps: Any) -> None:
    with pytest.raises(SchemaMissing, match="Run taskflow db upgrade"):
        apps(empty_dsn).add.enqueue(1)
    with pytest.raises(SchemaMissing, match="Run taskflow db upgrade"):
        fit.require_current(empty_dsn)


def test_an_older_schema(fresh_dsn: str, apps: Any) -> None:
    with psycopg.connect(fresh_dsn) as connection:
        connection.execute("alter function taskflow.enqueue rename to enqueue_of_yesterday")
    with pytest.raises(SchemaMismatch, match=r"does not fit this version.*taskflow db upgrade"):
        apps(fresh_dsn).add.enqueue(1)


@pytest.mark.parametrize(
    ("revision", "said"),
    [("0000", "does not know"), ("9999", "Upgrade the taskflow-pg package")],
)
def test_another_revision(fresh_dsn: str, revision: str, said: str) -> None:
    with psycopg.connect(fresh_dsn) as connection:
        connection.execute("update taskflow.alembic_version set version_num = %s", [revision])
    with pytest.raises(SchemaMismatch, match=said):
        fit.require_current(fresh_dsn)


# --- pools ----------------------------------------------------------------------------------------

OURS = "from pg_stat_activity where application_name = 'taskflow' and datname = current_database()"
CLOSE = f"select count(pg_terminate_backend(pid)) {OURS}"
OPEN = f"select count(*) {OURS}"


def close_pooled(db: Connection) -> int:
    """Ends the app's sessions, and waits until they are gone and have said so."""
    closed = value(db, CLOSE)
    until(lambda: value(db, OPEN) == 0, what="its sessions are gone")
    return int(closed)


def test_pooled_connections_that_the_server_closed_are_replaced(
    db: Connection, tasks: Tasks
) -> None:
    tasks.add.enqueue(1)
    for n in range(3):
        assert close_pooled(db) >= 1
        tasks.add.enqueue(n)
    assert value(db, "select count(*) from taskflow.job") == 4


def test_a_whole_pool_of_closed_connections_costs_no_pause(
    dsn: str, db: Connection, apps: Any
) -> None:
    """As after a restart of the server; the pool's own check would back off further at each."""
    tasks = apps(dsn, pool_size=8)
    with ExitStack() as lent:
        for _ in range(8):
            lent.enter_context(tasks.add.app.database.connection())
    assert close_pooled(db) == 8
    started = time.monotonic()
    tasks.add.enqueue(1)
    assert time.monotonic() - started < 1


async def test_async_pooled_connections_too(db: Connection, tasks: Tasks) -> None:
    await tasks.add.aenqueue(1)
    for n in range(3):
        assert close_pooled(db) >= 1
        await tasks.add.aenqueue(n)
    assert value(db, "select count(*) from taskflow.job") == 4


def test_a_connection_that_breaks_in_the_middle(dsn: str, db: Connection, tasks: Tasks) -> None:
    """It cannot be known whether that job was enqueued, so this is said and not tried again."""
    db.execute("begin")
    db.execute("lock table taskflow.job in access exclusive mode")
    failures: list[BaseException] = []

    def enqueue() -> None:
        try:
            tasks.add.enqueue(1)
        except TaskflowError as error:
            failures.append(error)

    thread = threading.Thread(target=enqueue)
    thread.start()
    with psycopg.connect(dsn, autocommit=True) as other:
        until(lambda: value(other, f"{CLOSE} and wait_event_type = 'Lock'"), what="it waits")
    thread.join(10)
    db.execute("rollback")
    (failure,) = failures
    assert isinstance(failure, DatabaseUnreachable)
    tasks.add.enqueue(2)


def test_an_exhausted_pool_says_how_many_are_in_use(dsn: str, apps: Any) -> None:
    tasks = apps(dsn, pool_size=1)
    with tasks.add.app.database.connection():
        with pytest.raises(DatabaseUnreachable) as refused:
            tasks.add.enqueue(1)
    assert "no connection within 2 s: 1 of 1 connections are in use" in str(refused.value)
    assert "pool_size" in refused.value.hint
    tasks.add.enqueue(1)


async def test_an_exhausted_async_pool_too(dsn: str, apps: Any) -> None:
    tasks = apps(dsn, pool_size=1)
    async with tasks.add.app.database.aconnection():
        with pytest.raises(DatabaseUnreachable, match="1 of 1 connections are in use"):
            await tasks.add.aenqueue(1)
        with pytest.raises(DatabaseUnreachable, match="1 of 1 connections are in use"):
            async with tasks.add.app.database.aconnection():
                pass
    await tasks.add.aenqueue(1)
    await tasks.add.app.aclose()


def test_threads_share_a_small_pool(db: Connection, tasks: Tasks) -> None:
    threads = [
        threading.Thread(target=lambda: [tasks.add.enqueue(n) for n in range(10)])
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert value(db, "select count(*) from taskflow.job") == 100
    assert value(db, OPEN) <= 3


async def test_an_app_can_be_used_again_after_close(db: Connection, tf: Taskflow) -> None:
    tasks = define(tf)
    await tasks.add.aenqueue(1)
    await tf.aclose()
    await tf.aclose()
    await tasks.add.aenqueue(2)
    assert value(db, "select count(*) from taskflow.job") == 2


# --- the handler's transaction --------------------------------------------------------------------


async def test_a_commit_inside_the_jobs_transaction_is_refused(
    db: Connection, tf: Taskflow
) -> None:
    """It would make half of the writes stay when the other half, and the settle, do not."""

    @tf.task(max_attempts=1)
    async def split(ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await connection.execute("create table half (n int)")
            await connection.commit()

    async with serving(tf):
        handle = await split.aenqueue()
        assert (await handle.await_end(timeout=10)).state == "dead"
    assert value(db, "select to_regclass('half')") is None


async def test_a_connection_that_breaks_inside_the_jobs_transaction_fails_the_attempt(
    db: Connection, tf: Taskflow
) -> None:
    runs: list[int] = []

    @tf.task()
    def write(ctx: Context) -> int:
        runs.append(ctx.attempt)
        with ctx.transaction(result=ctx.attempt) as connection:
            if ctx.attempt == 1:
                connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return ctx.attempt

    async with serving(tf):
        handle = await write.options(max_attempts=2).aenqueue()
        job = await until_retrying(handle)
        assert job.state == "retrying"
        await tf.aclient.retry(handle.id)
        assert await handle.aresult(timeout=10) == 2
    assert runs == [1, 2]


async def until_retrying(handle: Any) -> Any:
    async def look() -> Any:
        job = await handle.ajob()
        return job if job.state in ("retrying", "dead", "succeeded") else None

    return await until_async(look, what="its first attempt has failed")
