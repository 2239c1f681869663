"""Fixtures that every test may ask for; see tests/support/db.py for where the server comes from.

    dsn         the shared database, emptied before the test
    db          an autocommit connection to it, put back to its settings after the test
    connect     makes further connections: connect(), connect(autocommit=False), connect(other_dsn)
    aconn       an async autocommit connection to it
    fresh_dsn   a migrated database of the test's own, for DDL and for destruction
    empty_dsn   a database without the schema

Everything in tests/sql runs a second time on the oldest supported server where one is at hand.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.db import NEWEST, OLDEST_NAME, Servers, TestServer, clean, reset, why_no_oldest

Connect = Callable[..., psycopg.Connection[Any]]
SQL_TESTS = Path(__file__).parent / "sql"


def pytest_configure() -> None:
    """A shell's background job ignores SIGINT, and so would every process that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    everywhere = SQL_TESTS in Path(metafunc.definition.path).parents
    if everywhere and "server_name" in metafunc.fixturenames and not why_no_oldest():
        metafunc.parametrize("server_name", [NEWEST, OLDEST_NAME], indirect=True, scope="session")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    started = Servers()
    yield started
    started.close()


@pytest.fixture(scope="session")
def server_name(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", NEWEST))


@pytest.fixture(scope="session")
def server(servers: Servers, server_name: str) -> TestServer:
    return servers.get(server_name)


@pytest.fixture
def dsn(servers: Servers, server_name: str) -> str:
    clean(servers.session(server_name))
    return servers.database(server_name)


@pytest.fixture
def connect(dsn: str) -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:

        def open_(to: str = dsn, *, autocommit: bool = True) -> psycopg.Connection[Any]:
            connection = psycopg.connect(to, autocommit=autocommit)
            # Closed, not left as a context: that would commit what a failed test began.
            stack.callback(connection.close)
            return connection

        yield open_


@pytest.fixture
def db(servers: Servers, server_name: str, dsn: str) -> Iterator[psycopg.Connection[Any]]:
    session = servers.session(server_name)
    yield session
    if not session.closed:
        reset(session)


@pytest.fixture
async def aconn(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def fresh_dsn(server: TestServer) -> Iterator[str]:
    dsn = server.create()
    yield dsn
    server.drop(dsn)


@pytest.fixture
def empty_dsn(server: TestServer) -> Iterator[str]:
    dsn = server.create(migrated=False)
    yield dsn
    server.drop(dsn)
