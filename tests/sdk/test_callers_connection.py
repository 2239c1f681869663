"""task.on(connection): the job commits or vanishes with the caller's transaction, on each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from taskflow import Taskflow, TaskflowError
from taskflow.errors import DatabaseUnreachable, InvalidOption
from tests.sdk.conftest import Tasks, code
from tests.support.factories import Connection, value


@dataclass
class Caller:
    """A connection of some kind in a transaction, with one way to say each thing."""

    connection: Any
    commit: Callable[[], Awaitable[None]]
    rollback: Callable[[], Awaitable[None]]
    execute: Callable[[str], Awaitable[None]]
    is_async: bool = True


def awaited(verb: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    async def call(*args: Any) -> None:
        verb(*args)

    return call


def blocking(connection: Any, execute: Callable[[str], Any]) -> Caller:
    return Caller(
        connection,
        awaited(connection.commit),
        awaited(connection.rollback),
        awaited(execute),
        is_async=False,
    )


@asynccontextmanager
async def on_psycopg(dsn: str) -> AsyncIterator[Caller]:
    with psycopg.connect(dsn) as connection:
        yield blocking(connection, connection.execute)


@asynccontextmanager
async def on_psycopg_async(dsn: str) -> AsyncIterator[Caller]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        yield Caller(connection, connection.commit, connection.rollback, connection.execute)  # type: ignore[arg-type]


@asynccontextmanager
async def on_connection(dsn: str) -> AsyncIterator[Caller]:
    engine = sa.create_engine(alchemy(dsn))
    with engine.connect() as connection:
        yield blocking(connection, lambda text: connection.execute(sa.text(text)))
    engine.dispose()


@asynccontextmanager
async def on_session(dsn: str) -> AsyncIterator[Caller]:
    engine = sa.create_engine(alchemy(dsn))
    with Session(engine) as session:
        yield blocking(session, lambda text: session.execute(sa.text(text)))
    engine.dispose()


@asynccontextmanager
async def on_async_connection(dsn: str) -> AsyncIterator[Caller]:
    engine = create_async_engine(alchemy(dsn))
    async with engine.connect() as connection:
        yield Caller(
            connection,
            connection.commit,
            connection.rollback,
            lambda text: connection.execute(sa.text(text)),  # type: ignore[arg-type, return-value]
        )
    await engine.dispose()


@asynccontextmanager
async def on_async_session(dsn: str) -> AsyncIterator[Caller]:
    engine = create_async_engine(alchemy(dsn))
    async with AsyncSession(engine) as session:
        yield Caller(
            session,
            session.commit,
            session.rollback,
            lambda text: session.execute(sa.text(text)),  # type: ignore[arg-type, return-value]
        )
    await engine.dispose()


def alchemy(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1) if "://" in dsn else url(dsn)


def url(dsn: str) -> str:
    """A URL for a DSN of keywords."""
    parts = conninfo_to_dict(dsn)
    return sa.URL.create(
        "postgresql+psycopg",
        username=str(parts["user"]) if "user" in parts else None,
        password=str(parts["password"]) if "password" in parts else None,
        database=str(parts["dbname"]),
        query={key: str(parts[key]) for key in ("host", "port") if key in parts},
    ).render_as_string(hide_password=False)


Kind = Callable[[str], AbstractAsyncContextManager[Caller]]
KINDS: dict[str, Kind] = {
    "psycopg": on_psycopg,
    "psycopg async": on_psycopg_async,
    "SQLAlchemy Connection": on_connection,
    "SQLAlchemy Session": on_session,
    "SQLAlchemy AsyncConnection": on_async_connection,
    "SQLAlchemy AsyncSession": on_async_session,
}


@pytest.fixture(params=KINDS)
async def caller(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[Caller]:
    async with KINDS[request.param](dsn) as made:
        yield made


async def test_committed_with_the_caller(
    db: Connection, tf: Taskflow, tasks: Tasks, caller: Caller
) -> None:
    await caller.execute("create temp table mine (n int)")
    bound = tasks.greet.options(priority="high", delay="5m", meta={"a": 1}).on(caller.connection)
    handle = await bound.aenqueue("Ada", greeting="it's 100% {ok} :name")
    assert value(db, "select count(*) from taskflow.job") == 0
    await caller.commit()
    job = await handle.ajob()
    assert (job.state, job.priority, job.queue) == ("scheduled", "high", "mail")
    assert value(db, "select args ->> 'greeting' from taskflow.job") == "it's 100% {ok} :name"


async def test_rolled_back_with_the_caller(db: Connection, tasks: Tasks, caller: Caller) -> None:
    await tasks.add.on(caller.connection).aenqueue(1)
    await caller.rollback()
    assert value(db, "select count(*) from taskflow.job") == 0


async def test_many_with_the_caller(db: Connection, tasks: Tasks, caller: Caller) -> None:
    done = await tasks.add.on(caller.connection).aenqueue_many([(1,), {"a": 2, "b": 3}, ("x",)])
    assert [id is not None for id in done.ids] == [True, True, False]
    assert [(refused.position, refused.code) for refused in done.refused] == [(2, "TF118")]
    await caller.commit()
    assert value(db, "select count(*) from taskflow.job") == 2


async def test_blocking_verbs(db: Connection, tasks: Tasks, caller: Caller) -> None:
    """Also inside a loop, as the caller's own blocking connection would be used there."""
    bound = tasks.add.on(caller.connection)
    if caller.is_async:
        with pytest.raises(InvalidOption, match=r"is async. Use aenqueue\(\)"):
            bound.enqueue(1)
        return
    bound.enqueue(1)
    bound.enqueue_many([(2,), (3,)])
    await caller.commit()
    assert value(db, "select count(*) from taskflow.job") == 3


async def test_refusals_come_out_as_taskflow_errors(tasks: Tasks, caller: Caller) -> None:
    with pytest.raises(TaskflowError) as refused:
        await tasks.add.options(timeout="40d").on(caller.connection).aenqueue(1)
    assert code(refused) == "TF112"
    assert "30 days" in str(refused.value)
    await caller.rollback()


async def test_a_transaction_that_failed_before_is_the_drivers_to_explain(
    tasks: Tasks, caller: Caller
) -> None:
    with pytest.raises(Exception, match="no_such_table"):
        await caller.execute("select from no_such_table")
    with pytest.raises(Exception, match="current transaction is aborted"):
        await tasks.add.on(caller.connection).aenqueue(1)
    await caller.rollback()


@pytest.mark.parametrize("factory", [psycopg.RawCursor, psycopg.ClientCursor])
def test_a_connection_with_cursors_of_its_own_kind(
    dsn: str, db: Connection, tasks: Tasks, factory: Any
) -> None:
    with psycopg.connect(dsn, cursor_factory=factory) as connection:
        tasks.add.on(connection).enqueue(1)
        tasks.add.on(connection).enqueue_many([(2,)])
    assert value(db, "select count(*) from taskflow.job") == 2


@pytest.mark.parametrize("factory", [psycopg.AsyncRawCursor, psycopg.AsyncClientCursor])
async def test_an_async_connection_with_cursors_of_its_own_kind(
    dsn: str, db: Connection, tasks: Tasks, factory: Any
) -> None:
    connection = await psycopg.AsyncConnection.connect(dsn, cursor_factory=factory)
    async with connection:
        await tasks.add.on(connection).aenqueue(1)
        await tasks.add.on(connection).aenqueue_many([(2,)])
    assert value(db, "select count(*) from taskflow.job") == 2
    with pytest.raises(DatabaseUnreachable, match="connection is closed"):
        await tasks.add.on(connection).aenqueue(3)


async def test_a_stranger_is_refused_by_name(tasks: Tasks) -> None:
    with pytest.raises(InvalidOption, match=r"cannot enqueue on a builtins\.object"):
        tasks.add.on(object())


async def test_the_tenant_of_the_app_counts_on_foreign_connections(
    dsn: str, db: Connection
) -> None:
    from tests.sdk.conftest import define

    app = Taskflow(dsn, tenant="acme")
    with psycopg.connect(dsn) as connection:
        handle = define(app).add.on(connection).enqueue(1)
    assert value(db, "select tenant from taskflow.job where id = %s", handle.id) == "acme"
    assert (await handle.ajob()).tenant == "acme"
    await app.aclose()
