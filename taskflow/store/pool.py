"""Opens connections and pools, and runs Calls on them.

Every connection is autocommit: a Call is one statement and so one transaction and one round trip.
A pool that found no server for as long as callers wait is given up, and the next call makes a new
one: psycopg's goes on trying behind the error. What it logs meanwhile is in that error, too.
"""

from __future__ import annotations

import asyncio
import logging
import select
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import psycopg
import psycopg_pool
from psycopg.conninfo import conninfo_to_dict

from taskflow.errors import (
    ConfigurationError,
    DatabaseUnreachable,
    ReadOnlyDatabase,
    TaskflowError,
)
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
        return psycopg.connect(readable(dsn), **settings)
    except psycopg.OperationalError as error:
        raise translate(error) from error


async def aconnect(dsn: str, settings: Settings) -> psycopg.AsyncConnection[Any]:
    try:
        return await psycopg.AsyncConnection.connect(readable(dsn), **settings)
    except psycopg.OperationalError as error:
        raise translate(error) from error


def readable(dsn: str) -> str:
    """The address itself, if it can be read as one; a pool would try a broken one for seconds."""
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        # the driver shows the part that it stumbled over, which may be the password
        said = "invalid" if "@" in dsn or "password" in dsn else f"invalid: {first_line(error)}"
        raise ConfigurationError(
            f"database_url is {said}", "Write postgresql://user@host/database."
        ) from None
    return dsn


class Pool:
    """The blocking pool of an app, opened at first use."""

    def __init__(self, dsn: str, settings: Settings, size: int) -> None:
        self._make: Callable[[], _QuietPool] = partial(
            _QuietPool, readable(dsn), **_pool_options(settings, size)
        )
        self._pool: _QuietPool | None = None
        self._lock = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection for the length of a block."""
        pool = self._opened_pool()
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(pool.connection())
            except (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
                raise self._give_up(pool) from error
            yield connection

    def run(self, call: Call[T]) -> T:
        pool = self._opened_pool()
        try:
            with pool.connection() as connection:
                try:
                    return run(connection, call)
                except ReadOnlyDatabase:
                    connection.close()  # a demoted primary: the next one may be writable
                    raise
        except (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
            raise self._give_up(pool) from error

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _opened_pool(self) -> _QuietPool:
        pool = self._pool
        if pool is None:
            with self._lock:
                if self._pool is None:
                    self._pool = self._make()
                    self._pool.open()
                pool = self._pool
        return pool

    def _give_up(self, pool: _QuietPool) -> DatabaseUnreachable:
        error, is_away = _why_none(pool)
        if is_away:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            pool.close(timeout=0)
        return error


class AsyncPool:
    """The async pool of an app, opened at first use in the running loop."""

    def __init__(self, dsn: str, settings: Settings, size: int) -> None:
        self._make: Callable[[], _AsyncQuietPool] = partial(
            _AsyncQuietPool, readable(dsn), **_pool_options(settings, size)
        )
        self._pool: _AsyncQuietPool | None = None
        self._opening: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection for the length of a block."""
        pool = await self._opened_pool()
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(pool.connection())
            except (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
                raise await self._give_up(pool) from error
            yield connection

    async def run(self, call: Call[T]) -> T:
        pool = await self._opened_pool()
        try:
            async with pool.connection() as connection:
                try:
                    return await arun(connection, call)
                except ReadOnlyDatabase:
                    await connection.close()
                    raise
        except (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
            raise await self._give_up(pool) from error

    async def close(self) -> None:
        pool, self._pool, self._opening = self._pool, None, None
        if pool is not None:
            await pool.close()

    async def _opened_pool(self) -> _AsyncQuietPool:
        if self._pool is None or self._opening is None:
            self._pool = self._make()
            self._opening = asyncio.create_task(self._pool.open())
        pool, opening = self._pool, self._opening
        if not opening.done():
            await asyncio.shield(opening)
        return pool

    async def _give_up(self, pool: _AsyncQuietPool) -> DatabaseUnreachable:
        error, is_away = await asyncio.to_thread(_why_none, pool)
        if is_away:
            if self._pool is pool:
                self._pool = self._opening = None
            await pool.close(timeout=0)
        return error


def _pool_options(settings: Settings, size: int) -> dict[str, Any]:
    patience = settings["connect_timeout"]
    return {
        "min_size": 0, "max_size": size, "kwargs": settings, "open": False, "name": APPLICATION,
        "timeout": patience, "reconnect_timeout": patience,
    }  # fmt: skip


def _why_none(pool: Any) -> tuple[DatabaseUnreachable, bool]:
    """Why the pool had no connection to give, and whether that is because there is no server.

    The pool keeps the server's answers to itself, and counts a connection that it only tries: so
    one more is asked for.
    """
    waited = f"no connection within {pool.timeout:g} s"
    try:
        connect(pool.conninfo, pool.kwargs).close()
    except (psycopg.Error, TaskflowError) as error:
        said = error.message if isinstance(error, TaskflowError) else first_line(error)
        hint = "Check database_url, and that it is up."
        return DatabaseUnreachable(f"{waited}: {said}", hint), True
    lent = pool.get_stats().get("pool_size", 0)
    if lent < pool.max_size:
        said = f"{waited}, although the server answers by now"
        return DatabaseUnreachable(said, "Try again."), False
    said = f"{waited}: {lent} of {pool.max_size} connections are in use"
    hint = "Raise pool_size, or look for work that keeps a connection for long."
    return DatabaseUnreachable(said, hint), False


def _is_not_of_our_pool(record: logging.LogRecord) -> bool:
    """Drops what psycopg warns of while our pools try to connect: it ends in an error of ours."""
    first = record.args[0] if isinstance(record.args, tuple) and record.args else ""
    is_ours = isinstance(first, str) and first.startswith(APPLICATION)  # the pool, or its thread
    return record.levelno < logging.WARNING or not is_ours


logging.getLogger("psycopg.pool").addFilter(_is_not_of_our_pool)


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
