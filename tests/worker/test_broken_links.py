"""Connections that break or fall silent: nothing is lost, nothing runs twice without reason."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from taskflow import Context, Taskflow
from taskflow.calls import leases
from taskflow.worker import Worker
from tests.conftest import Connect
from tests.support import factories as f
from tests.support.proxy import Proxy, When
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
HISTORY = "select count(*) from taskflow.job_history"
WHENS = pytest.mark.parametrize("when", ["before", "after", "during"])


@pytest.fixture
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    async with Proxy(dsn) as started:
        yield started


def counting(tf: Taskflow) -> tuple[Any, list[int]]:
    runs: list[int] = []

    @tf.task()
    async def work(n: int) -> None:
        runs.append(n)

    return work, runs


@WHENS
async def test_a_settle_whose_answer_is_lost_is_repeated(
    make_app: MakeApp, db: Connection, proxy: Proxy, when: When
) -> None:
    tf = make_app(proxy.dsn, lease="5m")
    work, runs = counting(tf)
    async with serving(tf) as worker:
        cut = proxy.cut("taskflow.settle_many(", when)
        await work.aenqueue(1)
        await asyncio.wait_for(cut.wait(), 10)
        await eventually(lambda: f.value(db, HISTORY) == 1)
        await eventually(lambda: not worker.hand.held)
        assert worker.settler.stale == 0
    assert runs == [1]
    assert f.rows(db, "select claim_no, lost from taskflow.job_history") == [(1, 0)]


@WHENS
async def test_a_claim_whose_answer_is_lost_goes_back_at_once(
    make_app: MakeApp, db: Connection, proxy: Proxy, when: When
) -> None:
    """With this lease the reaper would need minutes."""
    tf = make_app(proxy.dsn, lease="5m")
    work, runs = counting(tf)
    f.enqueue(db, work.name, args={"n": 1})
    cut = proxy.cut("from taskflow.claim(", when)
    async with serving(tf, settled=False) as worker:
        await asyncio.wait_for(cut.wait(), 10)
        await eventually(lambda: f.value(db, HISTORY) == 1)
        await eventually(lambda: not worker.hand.held)
    assert runs == [1]
    assert f.value(db, "select attempt from taskflow.job_history") == 1


async def test_a_claim_that_commits_after_it_was_given_up_is_found_by_the_reaper(
    make_app: MakeApp, db: Connection, connect: Connect, proxy: Proxy
) -> None:
    """Its server process was still at it when the worker, on a new connection, handed back what
    it did not know: from there only the batch's row leads to the job."""
    tf = make_app(proxy.dsn, lease="1s")
    work, runs = counting(tf)
    lock = connect(autocommit=False)
    async with serving(tf, {"default": 1}) as worker:
        lock.execute("lock table taskflow.claim_batch in share mode")
        cut = proxy.cut("_pg3_", "during")  # the next prepared statement of any connection ...
        f.enqueue(db, work.name, args={"n": 1})
        await asyncio.wait_for(cut.wait(), 10)
        proxy.cut_all()
        blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        await eventually(lambda: f.value(db, blocked) >= 1)
        lock.rollback()
        await eventually(lambda: f.value(db, HISTORY) == 1, seconds=15)
        await eventually(lambda: not worker.hand.held)
    assert runs == [1]


async def test_a_claim_whose_answer_cannot_be_read_goes_back(
    make_app: MakeApp, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is committed, and no connection broke: only Python could not make sense of it."""
    tf = make_app(lease="5m")
    work, runs = counting(tf)
    for n in range(5):
        f.enqueue(db, work.name, args={"n": n})
    read, failures = leases._CLAIMED, list[int]()

    def read_at_second_try(rows: Any) -> Any:
        if rows and not failures:
            failures.append(len(rows))
            raise psycopg.DataError("timestamp too small (before year 1)")
        return read(rows)

    monkeypatch.setattr(leases, "_CLAIMED", read_at_second_try)
    async with serving(tf, settled=False) as worker:
        await eventually(lambda: f.value(db, HISTORY) == 5)
        assert not worker.is_draining
    assert failures == [5]
    assert sorted(runs) == list(range(5))
    assert f.value(db, "select max(attempt) from taskflow.job_history") == 1


async def test_a_job_from_before_the_year_1_is_a_job_like_any(
    make_app: MakeApp, db: Connection
) -> None:
    """Python has no such time. One row must not make the others of its claim unreadable."""
    tf = make_app(lease="5m")
    work, runs = counting(tf)
    for n in range(3):
        f.enqueue(db, work.name, args={"n": n})
    last = f.value(db, "select max(id) from taskflow.job")
    db.execute("update taskflow.job set run_at = '4000-01-01 BC' where id = %s", (last,))
    async with serving(tf, settled=False) as worker:
        await eventually(lambda: f.value(db, HISTORY) == 3)
        assert not worker.is_draining
    assert runs == [2, 0, 1]


async def test_a_network_that_swallows_everything_stops_the_handlers_in_time(
    make_app: MakeApp, db: Connection, proxy: Proxy
) -> None:
    """Nobody says a word, nothing closes: the worker's own clock must tell it to stop."""
    tf = make_app(proxy.dsn, lease="1s")
    stopped: list[float] = []
    started = asyncio.Event()

    @tf.task()
    async def wait(ctx: Context) -> None:
        if ctx.claim_no > 1:
            return
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(time.monotonic())
            assert ctx.stop_reason == "lease lost"

    async with serving(tf) as worker:
        handle = await wait.aenqueue()
        await asyncio.wait_for(started.wait(), 10)
        begun = time.monotonic()
        proxy.swallow()
        await eventually(lambda: stopped, seconds=15)
        assert stopped[0] - begun < 1.5
        proxy.flow()
        await eventually(lambda: f.state(db, handle.id) == "succeeded", seconds=30)
        assert worker.running == 0
        silent = worker.health()["seconds_since_renewal"]
        await eventually(lambda: worker.health()["seconds_since_renewal"] <= silent)
    assert f.value(db, "select claim_no from taskflow.job_history") == 2


async def test_every_session_of_a_worker_may_be_killed(tf: Taskflow, db: Connection) -> None:
    work, runs = counting(tf)
    kill = (
        "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
        " and application_name like 'taskflow%%'"
    )
    async with serving(tf) as worker:
        for _ in range(3):
            f.enqueue_many(db, 50, work.name)
            assert f.value(db, kill) >= 1
            await eventually(
                lambda: not f.value(db, "select count(*) from taskflow.job"), seconds=20
            )
        await eventually(lambda: worker.wakeups.is_listening)
        assert worker.health()["status"] == "ok"
    assert len(runs) == 150
    assert f.value(db, "select max(lost) from taskflow.job_history") == 0


async def test_results_behind_a_transaction_survive_a_broken_link(
    make_app: MakeApp, db: Connection, proxy: Proxy
) -> None:
    tf = make_app(proxy.dsn)

    @tf.task()
    async def write(ctx: Context) -> str:
        async with ctx.transaction():
            pass
        return "late"

    async with serving(tf):
        cut = proxy.cut("taskflow.set_result(", "before")
        handle = await write.aenqueue()
        await asyncio.wait_for(cut.wait(), 10)
        await eventually(lambda: f.job(db, handle.id).result == "late")


async def test_a_worker_that_nobody_knows_any_more_stops(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(lease="300ms")
    async with serving(tf) as worker:
        db.execute("delete from taskflow.worker")
        await eventually(lambda: worker.is_draining)


async def test_a_worker_whose_chores_fail_ends_with_the_error(
    tf: Taskflow, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, _ = counting(tf)
    worker = Worker(tf)

    def fail(*_: Any) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(worker.settler, "_confirm", fail)
    await work.aenqueue(1)
    with pytest.raises(RuntimeError, match="of ours"):
        await asyncio.wait_for(worker.run(), 20)
    assert f.value(db, HISTORY) == 1


async def test_the_renewers_thread_outlives_whatever_goes_wrong_in_it(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    tf = make_app(lease="600ms")
    fail = threading.Event()
    failed = threading.Event()

    async with serving(tf) as worker:
        report = worker.report

        def report_or_fail() -> dict[str, Any]:
            if fail.is_set():
                failed.set()
                raise RuntimeError("a mistake of ours")
            return report()

        worker.renewer._report = report_or_fail
        fail.set()
        await eventually(failed.is_set)
        fail.clear()
        since = time.monotonic()
        await eventually(lambda: worker.renewer.last_renewal > since)
