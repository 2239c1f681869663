"""The verbs of the queue as short functions for tests: SQL goes in, named tuples come out.

They call the SQL functions as a stranger would, so a test that uses them tests the SQL door.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]


def value(db: Connection, statement: str, *parameters: Any) -> Any:
    """The first column of the first row, None without a row."""
    row = db.execute(statement, parameters).fetchone()
    return row[0] if row else None


def rows(db: Connection, statement: str, *parameters: Any) -> list[Any]:
    """All rows, as named tuples."""
    with db.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def call(db: Connection, function: str, **arguments: Any) -> Any:
    """`select taskflow.function(name => value, ...)`; a dict becomes jsonb."""
    return value(db, _select("select", function, arguments), *_adapted(arguments))


def call_rows(db: Connection, function: str, **arguments: Any) -> list[Any]:
    """The same for a function that answers rows."""
    return rows(db, _select("select * from", function, arguments), *_adapted(arguments))


def enqueue(db: Connection, task: str = "t", **options: Any) -> int:
    return int(call(db, "enqueue", task=task, **options))


def enqueue_many(db: Connection, count: int, task: str = "t", **options: Any) -> list[int]:
    args = [{"n": n} for n in range(count)]
    (answer,) = call_rows(db, "enqueue_many", task=task, args=Jsonb(args), **options)
    assert answer.refused is None
    return list(answer.ids)


def join(db: Connection, *queues: str, **options: Any) -> int:
    """Registers a worker of these queues (default: "default")."""
    return int(call(db, "join_worker", name="w", queues=list(queues or ("default",)), **options))


def claim(db: Connection, worker: int, slots: int = 1, *queues: str, **options: Any) -> list[Any]:
    names = list(queues or ("default",))
    arguments = {"worker_id": worker, "queues": names, "slots": [slots] * len(names)}
    return call_rows(db, "claim", **arguments, **options)


def settle(db: Connection, job: Any, outcome: str = "completed", **options: Any) -> str:
    """Settles a row that `claim` answered."""
    return str(call(db, "settle", id=job.id, claim_no=job.claim_no, outcome=outcome, **options))


def renew(db: Connection, worker: int, jobs: Iterable[Any], **options: Any) -> list[Any]:
    held = list(jobs)
    ids, claims = [job.id for job in held], [job.claim_no for job in held]
    return call_rows(db, "renew", worker_id=worker, ids=ids, claim_nos=claims, **options)


def job(db: Connection, job_id: int) -> Any:
    """The job as taskflow.job_view shows it, live or finished; None when unknown."""
    found = rows(db, "select * from taskflow.job_view where id = %s", job_id)
    assert len(found) <= 1, f"job {job_id} is in {len(found)} places"
    return found[0] if found else None


def state(db: Connection, job_id: int) -> str | None:
    found = job(db, job_id)
    return str(found.state) if found else None


def advance(db: Connection, seconds: float) -> None:
    """Moves the queue's clock of this session forward (or back), on top of earlier moves."""
    db.execute(
        "select set_config('taskflow.clock_offset', (coalesce(nullif("
        "current_setting('taskflow.clock_offset', true), '')::interval, '0')"
        " + make_interval(secs => %s))::text, false)",
        (seconds,),
    )


def lose(db: Connection, jobs: Sequence[Any] = (), *, lease: float = 30) -> int:
    """Lets the leases run out and reaps twice, as if the workers had died."""
    advance(db, lease + 1)
    call(db, "reap")
    advance(db, 16)
    taken = int(call(db, "reap"))
    assert taken >= len(jobs)
    return taken


ARRAYS = {
    "slots": "integer[]",
    "priorities": "smallint[]",
    "ids": "bigint[]",
    "claim_nos": "bigint[]",
    "depends_on": "bigint[]",
}


def _select(verb: str, function: str, arguments: dict[str, Any]) -> str:
    named = ", ".join(f"{name} => {_cast(name, given)}" for name, given in arguments.items())
    return f"{verb} taskflow.{function}({named})"


def _cast(name: str, given: Any) -> str:
    return f"%s::{ARRAYS.get(name, 'text[]')}" if isinstance(given, list) else "%s"


def _adapted(arguments: dict[str, Any]) -> list[Any]:
    return [Jsonb(given) if isinstance(given, dict) else given for given in arguments.values()]
