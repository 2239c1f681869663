"""Enqueues for as long as it is told, through three doors, and notes what it was answered.

    python -m tests.chaos.load DSN SECONDS SEED

"ok" carries the id; anything else is "unknown": the job may exist, once at most.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from taskflow.errors import TaskflowError
from tests.chaos.evidence import Log
from tests.chaos.tasks import TASKS, tf

RATE = 15.0
"""Enqueues per second and door."""
FAILURES = (psycopg.Error, TaskflowError, OSError)


class Load:
    def __init__(self, dsn: str, seconds: float, seed: int) -> None:
        self.dsn = dsn
        self.until = time.monotonic() + seconds
        self.random = random.Random(seed)
        self.log = Log(Path(os.environ["CHAOS_DIRECTORY"]) / f"load-{os.getpid()}.jsonl")
        self.count = 0

    def next(self, door: str) -> tuple[int, str, int, str | None]:
        """Which task, its key, how long it takes, and now and then a unique key."""
        self.count += 1
        key = f"{door}-{os.getpid()}-{self.count}"
        unique = f"u{self.random.randrange(3)}" if self.random.random() < 0.1 else None
        return self.random.randrange(len(TASKS)), key, self.random.choice((0, 5, 20, 200)), unique

    async def with_async_sdk(self) -> None:
        while time.monotonic() < self.until:
            which, key, ms, unique = self.next("async")
            try:
                task = TASKS[which].options(unique_key=unique)
                handle = await task.aenqueue(key=key, ms=ms)
                self.log.write(said="ok", id=handle.id, key=key)
            except FAILURES as error:
                self.log.write(said="unknown", key=key, error=repr(error)[:200])
            await asyncio.to_thread(threading.Event().wait, 1 / RATE)

    def with_sync_sdk(self) -> None:
        while time.monotonic() < self.until:
            which, key, ms, unique = self.next("sync")
            try:
                handle = TASKS[which].options(unique_key=unique).enqueue(key=key, ms=ms)
                self.log.write(said="ok", id=handle.id, key=key)
            except FAILURES as error:
                self.log.write(said="unknown", key=key, error=repr(error)[:200])
            threading.Event().wait(1 / RATE)

    def with_sql(self) -> None:
        connection: psycopg.Connection | None = None
        while time.monotonic() < self.until:
            which, key, ms, unique = self.next("sql")
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self.dsn, autocommit=True, connect_timeout=3)
                row = connection.execute(
                    "select taskflow.enqueue(%s, %s, unique_key => %s, max_attempts => 25)",
                    (TASKS[which].name, Jsonb({"key": key, "ms": ms}), unique),
                ).fetchone()
                assert row is not None
                self.log.write(said="ok", id=row[0], key=key)
                if self.random.random() < 0.3:
                    self.let_follow(connection, row[0], f"{key}-after", ms)
                if self.random.random() < 0.2:
                    self.start_run(connection, f"{key}-run")
            except FAILURES as error:
                self.log.write(said="unknown", key=key, error=repr(error)[:200])
            threading.Event().wait(1 / RATE)

    def let_follow(self, connection: psycopg.Connection, parent: int, key: str, ms: int) -> None:
        """A job that waits for another, which may have ended already."""
        row = connection.execute(
            "select taskflow.enqueue('outside.after', %s, depends_on => array[%s]::bigint[],"
            " max_attempts => 25)",
            (Jsonb({"key": key, "ms": ms, "parent": parent}), parent),
        ).fetchone()
        assert row is not None
        self.log.write(said="ok", id=row[0], key=key)

    def start_run(self, connection: psycopg.Connection, key: str) -> None:
        row = connection.execute(
            "select id from taskflow.start_workflow('pipeline', %s, key => %s)",
            (Jsonb({"run": key}), key),
        ).fetchone()
        assert row is not None
        self.log.write(said="run", id=row[0], key=key)


def main() -> None:
    dsn, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    tf.reconfigure(database_url=dsn, connect_timeout="2s", pool_size=2)
    load = Load(dsn, seconds, seed)
    threads = [threading.Thread(target=door) for door in (load.with_sync_sdk, load.with_sql)]
    for thread in threads:
        thread.start()
    asyncio.run(load.with_async_sdk())
    for thread in threads:
        thread.join()
    os._exit(0)  # pools may still be busy with a connection that never answers


if __name__ == "__main__":
    main()
