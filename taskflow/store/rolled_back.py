"""A database for one test: every call of both colours goes through one transaction, then vanishes.

The trick: a blocking and an async psycopg connection are put on the same session. The async one
does not really wait, it blocks, so no two statements can meet on the wire; a lock keeps threads
apart. Each call, and each `ctx.transaction()`, is a savepoint, so a refused one spoils nothing.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg.pq.abc import PGconn

from taskflow.errors import TaskflowError
from taskflow.store.call import Call, run
from taskflow.store.database import AsyncConnection, Connection
from taskflow.store.listen import Listener

T = TypeVar("T")


class RolledBack:
    """A `Database` on `connection`, whose transaction the caller rolls back in the end."""

    def __init__(self, connection: Connection) -> None:
        self._turn = threading.RLock()
        self.blocking: Connection = _Blocking(connection.pgconn, self._turn)
        self.awaited: AsyncConnection = _Awaited(connection.pgconn, self._turn)
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self.blocking.execute("select")  # not autocommit, so this begins

    def run(self, call: Call[T]) -> T:
        with self._turn, self.blocking.transaction():
            return run(self.blocking, call)

    async def arun(self, call: Call[T]) -> T:
        return self.run(call)

    def run_many(self, calls: Iterable[Call[T]]) -> list[T]:
        with self._turn, self.blocking.transaction():
            return [run(self.blocking, call) for call in calls]

    async def arun_many(self, calls: Iterable[Call[T]]) -> list[T]:
        return self.run_many(calls)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        yield self.blocking

    @asynccontextmanager
    async def aconnection(self) -> AsyncIterator[AsyncConnection]:
        yield self.awaited

    @property
    def dsn(self) -> str:
        _nobody_else()

    def listening(self) -> AbstractContextManager[Connection | None]:
        _nobody_runs()

    def listener(self) -> Listener:
        _nobody_runs()

    def close(self) -> None:
        """The connection belongs to the test."""

    async def aclose(self) -> None:
        """The connection belongs to the test."""


class _Blocking(psycopg.Connection[Any]):
    """A session's blocking connection, one statement at a time, never committed."""

    def __init__(self, pgconn: PGconn, turn: threading.RLock) -> None:
        super().__init__(pgconn)
        self.lock = turn  # type: ignore[assignment]  # locks alike, and again in one thread
        # Both wrappers would give their prepared statements the same names.
        self.prepare_threshold = None

    def commit(self) -> NoReturn:
        _stays_open("commit()")

    def rollback(self) -> NoReturn:
        _stays_open("rollback()")


class _Awaited(psycopg.AsyncConnection[Any]):
    """The same session for async code."""

    def __init__(self, pgconn: PGconn, turn: threading.RLock) -> None:
        super().__init__(pgconn)
        self._turn = turn
        self.prepare_threshold = None

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        with self._turn:
            return psycopg.waiting.wait(gen, self.pgconn.socket, interval, timeout=timeout)

    async def commit(self) -> NoReturn:
        _stays_open("commit()")

    async def rollback(self) -> NoReturn:
        _stays_open("rollback()")


def _stays_open(verb: str) -> NoReturn:
    raise TaskflowError(
        f"{verb} would end the test's transaction, which is rolled back after the test",
        "Use `with connection.transaction():`, which nests.",
    )


def _nobody_else() -> NoReturn:
    raise TaskflowError(
        "in a rolled-back test no other connection sees the jobs, so there is none to open",
        "Use taskflow.drain(); for a Worker, make a Taskflow(taskflow_dsn) of the test's own.",
    )


def _nobody_runs() -> NoReturn:
    raise TaskflowError(
        "the test waits for a job that nothing will run",
        "Call taskflow.drain() before, or enqueue it `with taskflow.inline():`.",
    )
