"""Schedules for tests: the queue's clock at a time of one's choice, ticks as short texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.support import factories as f

Connection = psycopg.Connection[Any]
MONDAY = "2026-11-23T12:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def set_clock(db: Connection, text: str) -> None:
    """Moves the queue's clock of this session to a time in UTC; it runs on from there."""
    db.execute(
        "select set_config('taskflow.clock_offset', (%s - clock_timestamp())::text, false)",
        (at(text),),
    )


def put(db: Connection, name: str = "s", **options: Any) -> Any:
    return f.call(db, "put_schedule", **{"name": name, "task": "t", **options})


def fire(db: Connection) -> int:
    return int(f.value(db, "select fired from taskflow.fire_schedules()"))


def row(db: Connection, name: str = "s") -> Any:
    found = f.rows(db, "select * from taskflow.schedule where name = %s", name)
    return found[0] if found else None


def ledger(db: Connection, name: str = "s") -> list[tuple[str, str, str | None]]:
    """(tick, status, reason), the oldest first."""
    return [
        (short(line.tick_at), line.status, line.reason)
        for line in f.rows(
            db, "select * from taskflow.schedule_tick where schedule = %s order by tick_at", name
        )
    ]


def ran(db: Connection, name: str = "s") -> list[str]:
    """The ticks that made a job."""
    return [tick for tick, status, _ in ledger(db, name) if status == "run"]


def jobs(db: Connection) -> list[Any]:
    """All live jobs, the oldest first."""
    return f.rows(db, "select * from taskflow.job order by id")


def end(db: Connection, job_id: int, outcome: str = "completed") -> None:
    """A worker takes this job and ends it."""
    worker = f.join(db)
    for job in f.claim(db, worker, 1000):
        f.settle(db, job, outcome if job.id == job_id else "released")


def short(moment: datetime | None) -> str:
    """ "12:05" on the Monday of these tests, with day and seconds where they differ."""
    if moment is None:
        return "-"
    utc = moment.astimezone(UTC)
    day = "" if utc.date() == at(MONDAY).date() else f"{utc:%m-%d} "
    return day + (f"{utc:%H:%M}" if not utc.second else f"{utc:%H:%M:%S}")
