"""Jobs, workers and failures for the command line to look at."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.support import factories
from tests.support.waiting import until

Connection = psycopg.Connection[Any]
ERROR = {"class": "SMTPError", "message": "550 no such user", "traceback": "Traceback: boom"}


def worker(db: Connection, *queues: str, **options: Any) -> int:
    named = {"host": "box-1", "pid": 77, "version": "0.1.0", **options}
    return factories.join(db, *(queues or ("default",)), **named)


def running(db: Connection, count: int = 1, queue: str = "default", **options: Any) -> list[Any]:
    """Jobs that a worker holds."""
    for _ in range(count):
        factories.enqueue(db, queue=queue, **options)
    held = worker(db, queue)
    return factories.claim(db, held, count, queue)


def finished(db: Connection, count: int = 1, **options: Any) -> list[int]:
    jobs = running(db, count, **options)
    for job in jobs:
        assert factories.settle(db, job, "completed", result=Jsonb({"ok": True})) == "applied"
    return [job.id for job in jobs]


def dead(
    db: Connection, count: int = 1, fingerprint: str = "f" * 32, error: Any = None, **options: Any
) -> list[int]:
    """Jobs in the dead-letter queue, of one kind of failure."""
    jobs = running(db, count, max_attempts=1, **options)
    told = {**(error or ERROR), "fingerprint": fingerprint}
    for job in jobs:
        assert factories.settle(db, job, "failed", error=Jsonb(told)) == "applied"
    return [job.id for job in jobs]


def publish(db: Connection, *names: str) -> None:
    factories.call(db, "publish_tasks", tasks=Jsonb([
        {"name": name, "queue": "default", "priority": "normal", "max_attempts": 3,
         "timeout": "30 seconds", "args_schema": {"type": "object"}} for name in names
    ]))  # fmt: skip


@contextlib.contextmanager
def one_job_ends(dsn: str, outcome: str, **settled: Any) -> Iterator[None]:
    """A worker that waits for one job, and ends it so."""

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True) as db:
            held = worker(db)
            (job,) = until(lambda: factories.claim(db, held), what="a job to end")
            factories.settle(db, job, outcome, **settled)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()
