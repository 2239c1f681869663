"""Rows and tables that somebody else holds: nobody but the job in question waits for them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psycopg
import pytest

from taskflow import Context, Task, Taskflow
from tests.conftest import Connect
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
LOCK = "select from taskflow.job where id = %s for update"
RUNNING = "select count(*) from taskflow.job where state = 'running'"
HISTORY = "select count(*) from taskflow.job_history"


def waiting(tf: Taskflow) -> tuple[Task[..., Any], asyncio.Event]:
    release = asyncio.Event()

    @tf.task(name="wait")
    async def wait(n: int = 0) -> int:
        await release.wait()
        return n

    return wait, release


async def test_l2_a_run_whose_row_is_locked_stops_before_its_lease_is_over(
    make_app: MakeApp, connect: Connect
) -> None:
    """A renewal passes over the row. Who holds it may let go at any time, for a reaper to take."""
    tf = make_app(lease="1s")
    started, reasons = asyncio.Event(), list[tuple[float, str | None]]()

    @tf.task()
    async def wait(ctx: Context) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            reasons.append((time.monotonic(), ctx.stop_reason))

    operator = connect(autocommit=False)
    async with serving(tf):
        handle = await wait.aenqueue()
        await started.wait()
        operator.execute(LOCK, (handle.id,))
        locked_at = time.monotonic()
        await eventually(lambda: reasons, seconds=5)
        (at, reason) = reasons[0]
        assert reason == "lease lost"
        assert at - locked_at < 1
        operator.rollback()


async def test_a_row_that_was_locked_for_a_moment_costs_nothing(
    make_app: MakeApp, db: Connection, connect: Connect
) -> None:
    tf = make_app(lease="1s")
    wait, release = waiting(tf)
    operator = connect(autocommit=False)
    async with serving(tf) as worker:
        handle = await wait.aenqueue(7)
        await eventually(lambda: f.value(db, RUNNING) == 1)
        operator.execute(LOCK, (handle.id,))
        before = worker.renewer.last_renewal
        await eventually(lambda: worker.renewer.last_renewal > before)
        operator.rollback()
        since = worker.hand.held[handle.id].held_since
        await eventually(lambda: worker.hand.held[handle.id].held_since > since)
        release.set()
        assert await handle.aresult(5) == 7
    assert f.value(db, "select claim_no from taskflow.job_history") == 1


@pytest.mark.parametrize("lease", ["1s", "30s"])
async def test_the_end_of_a_locked_job_delays_no_other(
    make_app: MakeApp, db: Connection, connect: Connect, lease: str
) -> None:
    tf = make_app(lease=lease)
    wait, release = waiting(tf)

    @tf.task()
    async def quick() -> int:
        return 1

    operator = connect(autocommit=False)
    async with serving(tf) as worker:
        first = await wait.aenqueue(5)
        await eventually(lambda: f.value(db, RUNNING) == 1)
        operator.execute(LOCK, (first.id,))
        release.set()
        await eventually(lambda: worker.settler.unconfirmed)
        begun = time.monotonic()
        for _ in range(20):
            assert await (await quick.aenqueue()).aresult(5) == 1
        assert time.monotonic() - begun < 1.5
        await eventually(lambda: worker.settler.unconfirmed == 1, what="all but the locked one")
        operator.rollback()
        job = await first.await_end(5)
        await eventually(lambda: not worker.settler.unconfirmed)
    assert (job.state, job.claim_no) == ("succeeded", 1)


async def test_a_locked_job_is_found_among_many(
    make_app: MakeApp, db: Connection, connect: Connect
) -> None:
    """All end in one batch; it is halved until the locked ones stand alone."""
    tf = make_app(slots=300)
    wait, release = waiting(tf)
    ids = [id for id in (await wait.aenqueue_many([(n,) for n in range(300)])).ids if id]
    operator = connect(autocommit=False)
    async with serving(tf, settled=False) as worker:
        await eventually(lambda: worker.running == 300)
        for id in (ids[17], ids[230]):
            operator.execute(LOCK, (id,))
        release.set()
        await eventually(lambda: f.value(db, HISTORY) == 298)
        await eventually(lambda: worker.settler.unconfirmed == 2)
        assert {f.state(db, ids[17]), f.state(db, ids[230])} == {"running"}
        operator.rollback()
        await eventually(lambda: f.value(db, HISTORY) == 300)
    results = f.rows(db, "select id, result from taskflow.job_history order by id")
    assert [row.result for row in results] == list(range(300))


@pytest.mark.parametrize("table", ["job", "job_history", "claim_batch"])
async def test_a_lock_timeout_of_the_role_ends_no_worker(
    make_app: MakeApp, dsn: str, db: Connection, connect: Connect, table: str
) -> None:
    """The functions of a worker then fail where they would wait, each in its own way."""
    tf = make_app(f"{dsn} options='-c lock_timeout=100ms'", poll_interval="50ms")

    @tf.task()
    async def write(ctx: Context) -> int:
        async with ctx.transaction():
            pass
        await eventually(locked.is_set)
        return 1

    @tf.task()
    async def quick() -> int:
        return 2

    locked = asyncio.Event()
    operator = connect(autocommit=False)
    async with serving(tf) as worker:
        first, second = await write.aenqueue(), await quick.options(delay="1s").aenqueue()
        await eventually(lambda: f.value(db, HISTORY) == 1)
        operator.execute(f"lock table taskflow.{table} in access exclusive mode")
        locked.set()
        now = time.monotonic()
        await eventually(lambda: time.monotonic() - now > 1.5)
        assert not worker.is_draining
        operator.rollback()
        assert await first.aresult(20) == 1
        assert await second.aresult(20) == 2
        await eventually(lambda: not worker.settler.unconfirmed)
