"""Opens connections and pools, and runs Calls on them.

Every connection is autocommit: a Call is one statement and so one transaction and one round trip.
"""

from __future__ import annotations

import asyncio
import select
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
import psycopg_pool

from taskflow.errors import DatabaseUnreachable, ReadOnlyDatabase, TaskflowError
from taskflow.store.call import Call, arun, first_line, run, translate

T = TypeVar("T")
APPLICATION = "taskflow"
Settings = dict[str, Any]


def connection_settings(
    *, pooled: bool, connect_timeout: timedelta, name: str = APPLICATION
) -> Settings:
    """psycopg keywords for every connection that taskflow opens itself.

    Behind a transaction pooler a prepared statement belongs to another client a moment later, so
    there it is off. Elsewhere statements are prepared at first use: the same few run for ever.
    """
    return {
        "autocommit": True,
        "prepare_threshold": None if pooled else 0,
        "connect_timeout": max(int(connect_timeout.total_seconds()), 2),
        "application_name": name,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,  # ms; keepalives say nothing while sent data is unanswered
    }


def connect(dsn: str, settings: Settings) -> psycopg.Connection[Any]:
    """One blocking connection; `DatabaseUnreachable` says why there is none."""
    try:
        return psycopg.connect(dsn, **settings)
    except psycopg.OperationalError as error:
        raise translate(error) from error


async def aconnect(dsn: str, settings: Settings) -> psycopg.AsyncConnection[Any]:
    try:
        return await psycopg.AsyncConnection.connect(dsn, **settings)
    except psycopg.OperationalError as error:
        raise translate(error) from error


class Pool:
    """The blocking pool of an app, opened at first use."""

    def __init__(self, dsn: str, settings: Settings, size: int) -> None:
        self._pool = _QuietPool(
            dsn, min_size=0, max_size=size, kwargs=settings, open=False,
            timeout=settings["connect_timeout"], reconnect_timeout=settings["connect_timeout"],
            name=APPLICATION,
        )  # fmt: skip
        self._lock = threading.Lock()
        self._opened = False

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection for the length of a block."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._opened_pool().connection())
            except psycopg_pool.PoolTimeout as error:
                raise _timed_out(self._pool) from error
            yield connection

    def run(self, call: Call[T]) -> T:
        try:
            with self._opened_pool().connection() as connection:
                try:
                    return run(connection, call)
                except ReadOnlyDatabase:
                    connection.close()  # a demoted primary: the next one may be writable
                    raise
        except psycopg_pool.PoolTimeout as error:
            raise _timed_out(self._pool) from error

    def _opened_pool(self) -> psycopg_pool.ConnectionPool[psycopg.Connection[Any]]:
        if not self._opened:
            with self._lock:
                if not self._opened:
                    self._pool.open()
                    self._opened = True
        return self._pool

    def close(self) -> None:
        self._pool.close()


class AsyncPool:
    """The async pool of an app, opened at first use in the running loop."""

    def __init__(self, dsn: str, settings: Settings, size: int) -> None:
        self._pool = _AsyncQuietPool(
            dsn, min_size=0, max_size=size, kwargs=settings, open=False,
            timeout=settings["connect_timeout"], reconnect_timeout=settings["connect_timeout"],
            name=APPLICATION,
        )  # fmt: skip
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        if self._opening is None:
            self._opening = asyncio.create_task(self._pool.open())
        if not self._opening.done():
            await asyncio.shield(self._opening)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection for the length of a block."""
        await self.open()
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._pool.connection())
            except psycopg_pool.PoolTimeout as error:
                raise await asyncio.to_thread(_timed_out, self._pool) from error
            yield connection

    async def run(self, call: Call[T]) -> T:
        await self.open()
        try:
            async with self._pool.connection() as connection:
                try:
                    return await arun(connection, call)
                except ReadOnlyDatabase:
                    await connection.close()
                    raise
        except psycopg_pool.PoolTimeout as error:
            raise await asyncio.to_thread(_timed_out, self._pool) from error

    async def close(self) -> None:
        await self._pool.close()


def _timed_out(pool: Any) -> DatabaseUnreachable:
    """Why the pool had no connection to give: what the server says to one more, or all are lent.

    The pool keeps the server's answers to itself, and counts a connection that it only tries.
    """
    waited = f"no connection within {pool.timeout:g} s"
    try:
        connect(pool.conninfo, pool.kwargs).close()
    except (psycopg.Error, TaskflowError) as error:
        said = error.message if isinstance(error, TaskflowError) else first_line(error)
        return DatabaseUnreachable(f"{waited}: {said}", "Check database_url, and that it is up.")
    lent = pool.get_stats().get("pool_size", 0)
    return DatabaseUnreachable(
        f"{waited}: {lent} of {pool.max_size} connections are in use",
        "Raise pool_size, or look for work that keeps a connection for long.",
    )


class _QuietPool(psycopg_pool.ConnectionPool[psycopg.Connection[Any]]):
    """Lends no connection that the server has closed meanwhile.

    An idle session has nothing to read unless the server said goodbye, so one poll of the socket
    tells, where a test query would cost a round trip on every use. Reading what is there would not
    tell more: the farewell may be there while the end of the stream is still on its way. The pool's
    own `check` pauses longer after each dead one: ten of them, after a restart, are a timeout.
    """

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[Any]:
        while True:
            connection = super().getconn(timeout)
            if not _has_news(connection.pgconn.socket):
                return connection
            connection.pgconn.finish()
            self.putconn(connection)


class _AsyncQuietPool(psycopg_pool.AsyncConnectionPool[psycopg.AsyncConnection[Any]]):
    """The same for async connections."""

    async def getconn(self, timeout: float | None = None) -> psycopg.AsyncConnection[Any]:
        while True:
            connection = await super().getconn(timeout)
            if not _has_news(connection.pgconn.socket):
                return connection
            connection.pgconn.finish()
            await self.putconn(connection)


def _has_news(handle: int) -> bool:
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        return bool(poller.poll(0))
    return bool(select.select([handle], [], [], 0)[0])
