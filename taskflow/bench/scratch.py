"""A database that exists for the length of a benchmark, on a server of one's own or a given one.

Nothing outlives it: the database, and the embedded server with its directory, go at the end, also
after an error or Ctrl-C.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskflow.bench import measures
from taskflow.bench.tasks import EMAIL, NOTE
from taskflow.store import migrate
from taskflow.store.call import translate

DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "4GB",
}
"""Every commit is on disk before it is answered, as a queue's must be."""
LARGE_BUFFERS_FROM = 4e9
SEED_CHUNK = 10_000
SEED = """
select ids[cardinality(ids)] from taskflow.enqueue_many('bench.noop', (
  select jsonb_agg(jsonb_build_object('order_id', 1000000 + n, 'email', %s::text, 'note', %s::text))
    from generate_series(1, %s) n))"""
CLEAR = """
truncate taskflow.job, taskflow.job_history, taskflow.claim_batch, taskflow.attempt,
         taskflow.dead_job, taskflow.worker, taskflow.waiter, taskflow.watcher"""


class Scratch:
    """The database, a connection to look at it, and a directory for what processes say."""

    def __init__(self, dsn: str, place: Path, connection: psycopg.Connection[Any]) -> None:
        self.dsn = dsn
        self.place = place
        self.connection = connection

    def clear(self) -> None:
        """An empty queue; the write-ahead log before it is none of the next measurement's."""
        self.connection.execute(CLEAR)
        with suppress(psycopg.errors.InsufficientPrivilege):
            self.connection.execute("checkpoint")

    def seed(self, count: int) -> None:
        """Enqueues `count` no-ops."""
        for start in range(0, count, SEED_CHUNK):
            self.connection.execute(SEED, (EMAIL, NOTE, min(SEED_CHUNK, count - start)))

    def mark(self) -> int:
        """Enqueues a job whose result says when it ran; answers its id."""
        return int(self.value("select taskflow.enqueue('bench.mark')"))

    def results(self, ids: list[int]) -> dict[int, Any]:
        """What finished jobs left, by id."""
        return dict(
            self.connection.execute(
                "select id, result from taskflow.job_history where id = any (%s)", [ids]
            ).fetchall()
        )

    def value(self, statement: Any, *parameters: Any) -> Any:
        """The one value of a statement."""
        row = self.connection.execute(statement, parameters).fetchone()
        assert row is not None
        return row[0]

    @contextmanager
    def old_snapshot(self) -> Iterator[None]:
        """Another session keeps a snapshot of now, as a long report or a dump would."""
        with psycopg.connect(self.dsn) as other:
            other.execute("set transaction isolation level repeatable read")
            other.execute("select from taskflow.job limit 1")
            yield
            other.rollback()


@contextmanager
def scratch(server_url: str | None, say: Callable[[str], None]) -> Iterator[Scratch]:
    """A migrated database on the server of `server_url`, or on an embedded one made for it."""
    with ExitStack() as stack:
        stack.enter_context(_ending_on_term())
        place = Path(tempfile.mkdtemp(prefix="taskflow-bench-"))
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        stack.push(_undisturbed)
        if server_url is None:
            server_url = _embedded(stack, place, say)
        name = f"taskflow_bench_{os.getpid()}"
        dsn = make_conninfo(server_url, dbname=name)
        stack.callback(_drop, server_url, name)
        with _admin(server_url) as admin:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        migrate.upgrade(dsn)
        connection = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        stack.push(_undisturbed)
        yield Scratch(dsn, place, connection)


def _embedded(stack: ExitStack, place: Path, say: Callable[[str], None]) -> str:
    from taskflow.store import embedded

    buffers = "1GB" if measures.memory_bytes() >= LARGE_BUFFERS_FROM else "128MB"
    server = embedded.start(
        place / "postgres",
        settings={**DURABLE, "shared_buffers": buffers},
        announce=say,
        grace=timedelta(0),
    )
    return stack.enter_context(server).dsn


@contextmanager
def _admin(url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise translate(error) from error
    with connection:
        yield connection


def _drop(url: str, name: str) -> None:
    with _admin(url) as admin:
        admin.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def _undisturbed(*_: object) -> None:
    """From here on it is tidying up: a second Ctrl-C must not leave half of it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def _ending_on_term() -> Iterator[None]:
    """TERM ends the benchmark as Ctrl-C does; both are as before afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
