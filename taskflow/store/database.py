"""Where an app's Calls go: pools of both colours, opened at first use, and connections that listen.

`Database` is what an app needs; `PooledDatabase` is the real one. The testing kit puts another in
its place (`rolled_back.py`), so nothing above this file knows how a connection is come by.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, Protocol, TypeVar

import psycopg

from taskflow.settings import Settings
from taskflow.store.call import Call, arun_many, run_many
from taskflow.store.listen import CHANNEL, Listener
from taskflow.store.pool import AsyncPool, Pool, connect, connection_settings

T = TypeVar("T")
Connection = psycopg.Connection[Any]
AsyncConnection = psycopg.AsyncConnection[Any]


class Database(Protocol):
    """What an app asks of its database."""

    @property
    def dsn(self) -> str: ...
    def run(self, call: Call[T]) -> T: ...
    async def arun(self, call: Call[T]) -> T: ...
    def run_many(self, calls: Iterable[Call[T]]) -> list[T]: ...
    async def arun_many(self, calls: Iterable[Call[T]]) -> list[T]: ...
    def connection(self) -> AbstractContextManager[Connection]: ...
    def aconnection(self) -> AbstractAsyncContextManager[AsyncConnection]: ...
    def listening(self) -> AbstractContextManager[Connection | None]: ...
    def listener(self) -> Listener: ...
    def close(self) -> None: ...
    async def aclose(self) -> None: ...


class PooledDatabase:
    """The database that the settings name; without one, the embedded server, started on demand."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._pool: Pool | None = None
        self._async_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncPool] = (
            weakref.WeakKeyDictionary()
        )
        self._listeners: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Listener] = (
            weakref.WeakKeyDictionary()
        )
        self._server: Any = None

    @property
    def dsn(self) -> str:
        """Where the database is; starts the embedded server if none is configured."""
        if self._settings.database_url:
            return self._settings.database_url
        with self._lock:
            if self._server is None:
                # embedded needs file locks, which Windows has not; migrate takes 0.4 s to import
                from taskflow.store import embedded, migrate

                server = embedded.start(announce=say)
                try:
                    if not migrate.status(server.dsn).is_current:
                        migrate.upgrade(server.dsn)
                except BaseException:
                    server.close()
                    raise
                self._server = server
            return str(self._server.dsn)

    def run(self, call: Call[T]) -> T:
        return self._blocking_pool().run(call)

    async def arun(self, call: Call[T]) -> T:
        return await (await self._loop_pool()).run(call)

    def run_many(self, calls: Iterable[Call[T]]) -> list[T]:
        """Calls in one transaction, all or none."""
        with self.connection() as connection:
            return run_many(connection, calls)

    async def arun_many(self, calls: Iterable[Call[T]]) -> list[T]:
        """`run_many` for async code."""
        async with self.aconnection() as connection:
            return await arun_many(connection, calls)

    def connection(self) -> AbstractContextManager[Connection]:
        """A blocking connection from the pool, autocommit."""
        return self._blocking_pool().connection()

    @asynccontextmanager
    async def aconnection(self) -> AsyncIterator[AsyncConnection]:
        """An async connection from the running loop's pool, autocommit."""
        async with (await self._loop_pool()).connection() as connection:
            yield connection

    @contextmanager
    def listening(self) -> Iterator[Connection | None]:
        """A blocking connection that listens, or None where LISTEN cannot work."""
        if self._listen_dsn is None:
            yield None
            return
        with connect(self._listen_dsn, self._connecting("taskflow wait")) as connection:
            connection.execute(f"listen {CHANNEL}")
            yield connection

    def listener(self) -> Listener:
        """The running loop's listener; not listening, and so polled around, behind a pooler."""
        loop = asyncio.get_running_loop()
        if loop not in self._listeners:
            dsn = self._listen_dsn
            listener = Listener(dsn or "", self._connecting("taskflow listen"))
            if dsn is not None:
                listener.start()
            self._listeners[loop] = listener
        return self._listeners[loop]

    def close(self) -> None:
        """Closes the blocking pool and lets go of the embedded server; both come back on demand."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
            if self._server is not None:
                self._server.close()
                self._server = None

    async def aclose(self) -> None:
        """`close`, and the running loop's pool and listener with it."""
        loop = asyncio.get_running_loop()
        if listener := self._listeners.pop(loop, None):
            await listener.stop()
        if pool := self._async_pools.pop(loop, None):
            await pool.close()
        await asyncio.to_thread(self.close)

    @property
    def _listen_dsn(self) -> str | None:
        if self._settings.listen_url:
            return self._settings.listen_url
        return None if self._settings.pooled else self.dsn

    def _connecting(self, name: str = "taskflow") -> dict[str, Any]:
        settings = self._settings
        return connection_settings(
            pooled=settings.pooled, connect_timeout=settings.connect_timeout, name=name
        )

    def _blocking_pool(self) -> Pool:
        if self._pool is None:
            with self._lock:
                if self._pool is None:
                    self._pool = Pool(self.dsn, self._connecting(), self._settings.pool_size)
        return self._pool

    async def _loop_pool(self) -> AsyncPool:
        """The running loop's pool: a pool lives and dies with its loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._async_pools:
            dsn = self._settings.database_url
            if not dsn:  # starting a server must not stop the loop
                dsn = await asyncio.to_thread(lambda: self.dsn)
            self._async_pools.setdefault(
                loop, AsyncPool(dsn, self._connecting(), self._settings.pool_size)
            )
        return self._async_pools[loop]


def say(text: str) -> None:
    """Talk goes to stderr; stdout is for data."""
    sys.stderr.write(f"{text}\n")
