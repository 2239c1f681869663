"""Endpoints, and what they were told, as short functions for tests."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.support import factories as f

Connection = psycopg.Connection[Any]

URL = "https://hooks.example.com/in"


def put(db: Connection, url: str | None = URL, **options: Any) -> Any:
    """Makes or edits an endpoint: (webhook_id, version, new_secret). Its jobs wait in "hooks"."""
    if "id" not in options:
        options.setdefault("queue", "hooks")
    (saved,) = f.call_rows(db, "put_webhook", **({"url": url} if url else {}), **options)
    return saved


def told(db: Connection, tenant: str = "default") -> list[tuple[str, dict[str, Any]]]:
    """The events that were written, in order."""
    return [
        (row.type, row.data)
        for row in f.rows(
            db, "select * from taskflow.webhook_event where tenant = %s order by id", tenant
        )
    ]


def types(db: Connection, tenant: str = "default") -> list[str]:
    return [kind for kind, _ in told(db, tenant)]


def deliveries(db: Connection, tenant: str = "default") -> list[Any]:
    return f.rows(
        db, "select * from taskflow.webhook_delivery where tenant = %s order by id", tenant
    )


def endpoint(db: Connection, id: int) -> Any:
    (found,) = f.rows(db, "select * from taskflow.webhook_endpoint where id = %s", id)
    return found


def open_delivery(db: Connection, id: int, tenant: str = "default") -> Any:
    """As the delivery's own job does."""
    own = f.rows(db, "select job_id from taskflow.webhook_delivery where id = %s", id)
    found = f.call_rows(
        db, "open_delivery", id=id, job_id=own[0].job_id if own else 0, tenant=tenant
    )
    return found[0] if found else None


def note(db: Connection, id: int, status: int | None = None, **options: Any) -> str:
    return str(f.call(db, "note_delivery", id=id, status=status, **options))


def settle_many(db: Connection, jobs: list[Any], tenant: str = "default") -> None:
    """As a worker does for jobs that completed."""
    db.execute(
        "select taskflow.settle_many(%s::bigint[], %s::bigint[], tenants => %s::text[])",
        ([j.id for j in jobs], [j.claim_no for j in jobs], [tenant] * len(jobs)),
    )


def finish(db: Connection, count: int = 1, outcome: str = "completed", **options: Any) -> list[int]:
    """Enqueues, claims and settles jobs, one by one; answers their ids."""
    queue = options.get("queue", "default")
    ids = f.enqueue_many(db, count, **({"max_attempts": 1} | options))
    for job in f.claim(db, f.join(db, queue), count, queue):
        f.settle(db, job, outcome, tenant=options.get("tenant", "default"),
                 error=SECRET_ERROR if outcome == "failed" else {})  # fmt: skip
    return ids


SECRET_ERROR = {"class": "CardDeclined", "message": "canary 4000", "traceback": "canary line"}
