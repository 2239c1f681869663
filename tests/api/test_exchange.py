"""One request, one transaction: what is written together, and what the planner is told."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from taskflow import Taskflow
from taskflow.api.app import create_app
from taskflow.calls import access
from taskflow.kernel.listing import JobFilter
from taskflow.store import filters
from taskflow.store.call import run
from tests.api.conftest import Client

Connection = psycopg.Connection[Any]


async def test_a_change_whose_line_in_the_audit_trail_fails_does_not_happen(
    client: Client, db: Connection
) -> None:
    """The line and the commit go in one round trip; the commit must not outlive the line."""
    producer = client("producer")
    db.execute("alter table taskflow.audit add constraint closed check (action <> 'jobs.enqueue')")
    try:
        refused = await producer.post("/jobs", json={"task": "shop.pay"})
        assert refused.status_code == 500
        assert db.execute("select count(*) from taskflow.job").fetchone() == (0,)
    finally:
        db.execute("alter table taskflow.audit drop constraint closed")
    taken = await producer.post("/jobs", json={"task": "shop.pay"})
    assert taken.status_code == 201, "its connection is fit for use again"
    assert db.execute("select count(*) from taskflow.job").fetchone() == (1,)


async def test_reads_are_counted_against_the_rate_though_they_fail(
    client: Client, db: Connection
) -> None:
    """A read counts its request and reads on one connection, but not in one transaction."""
    viewer = client("viewer")
    for status, path in ((200, "/jobs"), (404, "/jobs/999"), (400, "/jobs?state=nonsense")):
        assert (await viewer.get(path)).status_code == status
    used = db.execute("select used from taskflow.api_rate where subject like 'key:%'").fetchone()
    assert used == (3,)


async def test_reads_use_one_connection_each(client: Client, tf: Taskflow, db: Connection) -> None:
    """With a pool of one, a read that asked for a second would wait for itself."""
    viewer = client("viewer")
    async with Taskflow(tf.dsn, pool_size=1, connect_timeout=timedelta(seconds=2)) as narrow:
        viewer._transport.app = create_app(narrow)  # type: ignore[attr-defined]
        assert (await viewer.get("/jobs")).status_code == 200


@pytest.mark.parametrize("state", ["scheduled", "available", None])
def test_pages_are_walks_though_nothing_is_known_of_the_table(db: Connection, state: Any) -> None:
    """Row-level security hides from the planner how many rows there are: it would sort them all."""
    db.execute(
        "select taskflow.enqueue_many('shop.pay', (select jsonb_agg('{}'::jsonb)"
        " from generate_series(1, 3000)), delay => '1 hour')"
    )
    call = filters.page(JobFilter(states=(state,) if state else ()), 51)
    with db.transaction(force_rollback=True):
        run(db, access.bind("default", None, "somebody", timedelta(seconds=10)))
        found = db.execute(f"explain {call.statement}".encode(), call.parameters).fetchall()
    plan = "\n".join(itertools.chain.from_iterable(found))
    assert "Bitmap" not in plan, plan
    assert "Index Scan" in plan
