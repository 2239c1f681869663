"""What races start from: running jobs, dead jobs, leases that a reaper already suspects."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.support import factories as f

Connection = psycopg.Connection[Any]


def running(db: Connection, count: int = 1, **options: Any) -> tuple[int, list[Any]]:
    """A worker and the jobs that it has just claimed."""
    for _ in range(count):
        f.enqueue(db, **options)
    worker = f.join(db)
    return worker, f.claim(db, worker, count)


def dead(db: Connection, **options: Any) -> int:
    _, (job,) = running(db, max_attempts=1, **options)
    f.settle(db, job, "failed")
    return int(job.id)


def suspect(db: Connection) -> None:
    """The first look at leases that have run out."""
    f.advance(db, 31)
    f.call(db, "reap")
    f.advance(db, -31)


def reap(connection: Connection) -> int:
    return int(f.call(connection, "reap"))
