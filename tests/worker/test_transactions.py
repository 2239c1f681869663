"""ctx.transaction(): the handler's writes, what it enqueued and its end stand or fall together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from taskflow import Context, Task, Taskflow
from tests.support import factories as f
from tests.support.proxy import Proxy, When
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
EFFECTS = "select coalesce(array_agg(n order by n), '{}') from effect"
INSERT = "insert into effect (n) values (%s)"
KINDS = pytest.mark.parametrize("kind", ["async", "thread"])


@pytest.fixture(autouse=True)
def effects(db: Connection) -> Iterator[None]:
    db.execute("drop table if exists effect; create table effect (n int)")
    yield
    db.execute("drop table effect")


@pytest.fixture
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    async with Proxy(dsn) as started:
        yield started


class Steps:
    """Where a handler waits inside and tells that it has come behind its transaction."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.go_on = threading.Event()
        self.behind = threading.Event()
        self.go_on.set()
        self.follow_ups = 0


def writing(tf: Taskflow, kind: str, steps: Steps, retry: int = 1) -> Task[[int], Any]:
    """A task that writes `n`, enqueues a follow-up and settles itself, in this kind of handler."""

    @tf.task(name="follow_up")
    async def follow_up() -> None:
        steps.follow_ups += 1

    async def write(ctx: Context, n: int) -> str:
        async with ctx.transaction() as connection:
            await connection.execute(INSERT, (n,))
            await follow_up.on(connection).aenqueue()
            steps.inside.set()
            await eventually(steps.go_on.is_set)
        steps.behind.set()
        return "late"

    def write_in_thread(ctx: Context, n: int) -> str:
        with ctx.transaction() as connection:
            connection.execute(INSERT, (n,))
            follow_up.on(connection).enqueue()
            steps.inside.set()
            steps.go_on.wait(10)
        steps.behind.set()
        return "late"

    chosen = write if kind == "async" else write_in_thread
    task: Task[[int], Any] = tf.task(name="write", retry=retry)(chosen)
    return task


@KINDS
async def test_everything_commits_with_the_end_of_the_job(
    tf: Taskflow, db: Connection, kind: str
) -> None:
    steps = Steps()
    write = writing(tf, kind, steps)
    async with serving(tf) as worker:
        handle = await write.aenqueue(1)
        job = await handle.await_end(10)
        assert (job.state, job.claim_no) == ("succeeded", 1)
        assert f.value(db, EFFECTS) == [1]
        await eventually(lambda: steps.follow_ups == 1)
        await eventually(lambda: f.job(db, handle.id).result == "late", what="its late result")
        await eventually(lambda: worker.settler.finished == 2)
        assert worker.settler.stale == 0
        await eventually(lambda: not worker.hand.held)


async def test_a_result_given_to_the_transaction_is_stored_in_it(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task()
    async def write(ctx: Context) -> Any:
        async with ctx.transaction({"n": 1}) as connection:
            await connection.execute(INSERT, (1,))

    async with serving(tf):
        assert await (await write.aenqueue()).aresult(10) == {"n": 1}


@pytest.mark.parametrize("how", ["raise", "timeout"])
async def test_nothing_is_left_of_a_transaction_that_was_not_finished(
    tf: Taskflow, db: Connection, how: str
) -> None:
    @tf.task(retry=1, timeout="300ms")
    async def write(ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await connection.execute(INSERT, (1,))
            if how == "raise":
                raise ValueError("no")
            await asyncio.Event().wait()

    async with serving(tf):
        job = await (await write.aenqueue()).await_end(10)
        assert (job.state, job.attempt) == ("dead", 1)
        assert f.value(db, EFFECTS) == []
        idle = "select count(*) from pg_stat_activity where state like 'idle in transaction%%'"
        await eventually(lambda: f.value(db, idle) == 0)


async def test_what_fails_behind_the_transaction_undoes_nothing(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task()
    async def write(ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await connection.execute(INSERT, (1,))
        raise ValueError("too late to matter")

    async with serving(tf):
        job = await (await write.aenqueue()).await_end(10)
        assert job.state == "succeeded"
        assert f.value(db, EFFECTS) == [1]


async def test_a_job_has_one_transaction(tf: Taskflow, db: Connection) -> None:
    refused: list[str] = []

    @tf.task()
    async def write(ctx: Context) -> None:
        for n in (1, 2):
            try:
                async with ctx.transaction() as connection:
                    await connection.execute(INSERT, (n,))
            except Exception as error:  # noqa: BLE001
                refused.append(str(error))

    async with serving(tf):
        await (await write.aenqueue()).await_end(10)
        await eventually(lambda: refused)
    assert "already settled" in refused[0]
    assert f.value(db, EFFECTS) == [1]


async def test_behind_its_transaction_a_handler_runs_on_though_its_lease_is_gone(
    make_app: MakeApp,
) -> None:
    """The settle ended the lease: renewals say "lost", which must not interrupt it."""
    tf = make_app(lease="300ms")
    ended = asyncio.Event()

    @tf.task()
    async def write(ctx: Context) -> None:
        async with ctx.transaction():
            pass
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.8)
        ended.set()

    async with serving(tf):
        await write.aenqueue()
        await asyncio.wait_for(ended.wait(), 10)


@KINDS
async def test_a_lease_that_was_taken_over_takes_everything_back(
    make_app: MakeApp, db: Connection, kind: str
) -> None:
    tf = make_app(lease="5m")  # so that only the fence can tell
    steps = Steps()
    steps.go_on.clear()
    write = writing(tf, kind, steps)
    async with serving(tf) as worker:
        handle = await write.aenqueue(1)
        await eventually(steps.inside.is_set)
        f.call(db, "pause_queue", queue="default")
        f.settle(db, f.rows(db, "select id, claim_no from taskflow.job")[0], "released")
        steps.go_on.set()
        await eventually(lambda: worker.running == 0)
        assert f.value(db, EFFECTS) == []
        assert not steps.behind.is_set()
        assert f.state(db, handle.id) == "available", "not failed: it belongs to somebody else"
        assert f.value(db, "select count(*) from taskflow.attempt") == 0
        assert f.value(db, "select count(*) from taskflow.job") == 1, "no follow-up"


@KINDS
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_cut_at_commit_counts_once(
    make_app: MakeApp, db: Connection, proxy: Proxy, kind: str, when: When
) -> None:
    """Before it: the attempt failed and the next one counts. After it: the database says so."""
    tf = make_app(proxy.dsn, lease="5m")
    steps = Steps()
    steps.go_on.clear()
    write = writing(tf, kind, steps, retry=3)
    async with serving(tf):
        handle = await write.aenqueue(1)
        await eventually(steps.inside.is_set)
        cut = proxy.cut("COMMIT", when)
        steps.go_on.set()
        job = await handle.await_end(20)
        assert cut.is_set()
        assert job.state == "succeeded"
        assert job.attempt == (2 if when == "before" else 1)
        assert job.lost == 0
        assert f.value(db, EFFECTS) == [1]
        await eventually(lambda: steps.follow_ups == 1)
        await eventually(steps.behind.is_set)


async def test_a_connection_cut_inside_is_a_failed_attempt(
    make_app: MakeApp, db: Connection, proxy: Proxy
) -> None:
    tf = make_app(proxy.dsn, lease="5m")
    steps = Steps()
    write = writing(tf, "async", steps, retry=3)
    cut = proxy.cut("insert into effect", "before")
    async with serving(tf):
        job = await (await write.aenqueue(1)).await_end(20)
    assert cut.is_set()
    assert (job.state, job.attempt) == ("succeeded", 2)
    assert f.value(db, EFFECTS) == [1]
