"""Handlers of many jobs: what stops one of them, some, or all."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from taskflow import Cancel, Context, Taskflow
from taskflow.worker import Worker
from tests.support import factories as f
from tests.support.ends import LEFT, all_gone, column, ends
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def test_a_job_that_is_to_stop_stays_and_what_is_said_of_it_counts(
    tf: Taskflow, db: Connection
) -> None:
    go_on = asyncio.Event()
    seen: list[Context] = []

    @tf.batch_handler(size=3, wait="5s", retry=2)
    async def slow(contexts: list[Context], items: list[int]) -> list[int | Exception]:
        seen.extend(contexts)
        await go_on.wait()
        return [Cancel() if c.cancelled else n for c, n in zip(contexts, items, strict=True)]

    first = await slow.options(timeout="200ms").aenqueue(1)
    second, third = await slow.aenqueue(2), await slow.aenqueue(3)
    async with serving(tf, {"default": 5}, settled=False) as worker:
        await eventually(lambda: len(seen) == 3)
        await second.acancel()
        await eventually(lambda: [c.stop_reason for c in seen] == ["timeout", "cancelled", None])
        assert worker.running == 3
        go_on.set()
        assert await third.aresult(timeout="10s") == 3
        assert (await second.await_end("10s")).state == "cancelled"
        assert (await first.await_end("10s")).state == "cancelled"
    assert len(seen) == 3, "nothing of it ran beside the call"


async def test_a_handler_that_does_not_stop_is_not_called_beside_itself(
    make_app: MakeApp, db: Connection
) -> None:
    """As with one job: its slot is held for a lease, however often it should have stopped."""
    tf = make_app(lease="1s")
    at_once, let_go = list[int](), asyncio.Event()

    @tf.batch_handler(size=1, timeout="50ms", retry=5)
    async def deaf(items: list[int]) -> None:
        at_once.append(1)
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()

    await deaf.aenqueue(1)
    async with serving(tf, {"default": 2}, settled=False) as worker:
        await eventually(lambda: any(r.is_given_up for r in worker.hand.runs.values()))
        assert (len(at_once), worker.running) == (1, 1)
        let_go.set()
        await all_gone(db)


@pytest.mark.parametrize("kind", ["raise_if_cancelled", "lease lost"])
async def test_what_stops_one_job_sends_the_others_back_unharmed(
    tf: Taskflow, db: Connection, kind: str
) -> None:
    begun, go_on, calls = threading.Event(), threading.Event(), list[int]()

    @tf.batch_handler(size=3, wait="300ms", retry=1)
    def work(contexts: list[Context], items: list[int]) -> list[int]:
        calls.append(len(items))
        begun.set()
        go_on.wait(20)
        if kind == "lease lost" and len(items) == 3:
            with contexts[1].transaction():
                pass
        for context in contexts:
            context.raise_if_cancelled()
        return items

    first, second, third = [await work.aenqueue(n) for n in range(3)]
    async with serving(tf, {"default": 5}, settled=False) as worker:
        await eventually(begun.is_set)
        if kind == "lease lost":
            db.execute("update taskflow.job set claim_no = claim_no + 1 where id = %s", [second.id])
        else:
            await second.acancel()
            await eventually(lambda: any(r.stopped_at for r in worker.hand.runs.values()))
        go_on.set()
        for handle, n in ((first, 0), (third, 2)):
            assert await handle.aresult(timeout="10s") == n
            job = await handle.ajob()
            assert (job.attempt, job.lost) == (1, 0)
        if kind == "raise_if_cancelled":
            assert (await second.await_end("10s")).state == "cancelled"
    assert calls[:2] == [3, 2]


async def test_a_job_that_settled_itself_does_not_keep_the_call_from_stopping(
    tf: Taskflow, db: Connection
) -> None:
    interrupted = asyncio.Event()

    @tf.batch_handler(size=2, wait="5s", timeout="300ms", retry=1)
    async def work(contexts: list[Context], items: list[int]) -> None:
        async with contexts[0].transaction():
            pass
        try:
            await asyncio.Event().wait()
        finally:
            interrupted.set()

    await work.aenqueue_many([(1,), (2,)])
    async with serving(tf, {"default": 5}, settled=False):
        await asyncio.wait_for(interrupted.wait(), 10)
        await all_gone(db)
    assert [row[0] for row in ends(db)] == ["succeeded", "dead"]


async def test_a_stopped_job_is_kept_for_as_long_as_its_call_goes_on(
    make_app: MakeApp, db: Connection
) -> None:
    """Given up after a lease, it would run beside its own call."""
    tf = make_app(lease="1s")
    go_on, calls = asyncio.Event(), list[int]()

    @tf.batch_handler(size=2, wait="5s", retry=5)
    async def work(items: list[int]) -> None:
        calls.append(len(items))
        await go_on.wait()

    await work.options(timeout="100ms").aenqueue(1)
    await work.aenqueue(2)
    async with serving(tf, {"default": 5}, settled=False) as worker:
        await eventually(lambda: any(r.stopped_at for r in worker.hand.runs.values()))
        begun = time.monotonic()
        await eventually(lambda: time.monotonic() - begun > 2.5)  # two leases and a half
        assert f.rows(db, "select state::text, lost from taskflow.job") == [("running", 0)] * 2
        go_on.set()
        await all_gone(db)
    assert calls == [2]


async def test_a_worker_that_is_cancelled_calls_nothing_any_more(
    tf: Taskflow, db: Connection
) -> None:
    called: list[int] = []

    @tf.batch_handler(size=5, wait="500ms")
    async def work(items: list[int]) -> None:
        called.extend(items)

    await work.aenqueue(1)
    worker = Worker(tf, {"default": 5})
    running = asyncio.create_task(worker.run())
    await eventually(lambda: len(worker.hand.runs) == 1)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    batches: Any = worker.executors["batch"]
    assert (batches._open, called) == ({}, [])


async def test_a_call_that_waits_for_a_thread_lets_its_jobs_go(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(threads=1, grace="20s")
    let_go, called = threading.Event(), list[int]()

    @tf.task(name="block")
    def block() -> None:
        let_go.wait(20)

    @tf.batch_handler(size=2, wait="5s")
    def work(items: list[int]) -> None:
        called.extend(items)

    await block.aenqueue()
    worker = Worker(tf, {"default": 10})
    running = asyncio.create_task(worker.run())
    await eventually(lambda: worker.running == 1)
    first, second = await work.aenqueue(1), await work.aenqueue(2)
    await eventually(lambda: len(worker.hand.runs) == 3)
    assert await first.acancel() == "requested"
    assert (await first.await_end("10s")).state == "cancelled"
    worker.stop()
    await eventually(lambda: f.state(db, second.id) == "available")
    let_go.set()
    await asyncio.wait_for(running, 10)
    assert called == []


async def test_a_call_ends_when_nobody_wants_it_any_more(tf: Taskflow, db: Connection) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    @tf.batch_handler(size=2, wait="5s")
    async def endless(items: list[int]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    ids = (await endless.aenqueue_many([(1,), (2,)])).ids
    async with serving(tf, {"default": 5}, settled=False):
        await asyncio.wait_for(begun.wait(), 10)
        for id in ids:
            assert await tf.handle(id or 0).acancel() == "requested"
        await asyncio.wait_for(stopped.wait(), 10)
        await all_gone(db)
    assert [row[0] for row in ends(db)] == ["cancelled", "cancelled"]


async def test_what_still_waits_for_others_goes_back_at_a_stop(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(grace="20s")
    called: list[int] = []

    @tf.batch_handler(size=10, wait="1m")
    async def index(items: list[int]) -> None:
        called.extend(items)

    await index.aenqueue_many([(1,), (2,)])
    worker = Worker(tf, {"default": 5})
    running = asyncio.create_task(worker.run())
    await eventually(lambda: len(worker.hand.runs) == 2)
    worker.stop()
    await asyncio.wait_for(running, 10)
    assert not called
    assert column(db, "select attempt from taskflow.job where state = 'ready'") == [0, 0]


async def test_a_cancelled_job_leaves_a_call_that_has_not_begun(
    tf: Taskflow, db: Connection
) -> None:
    called: list[int] = []

    @tf.batch_handler(size=2, wait="1m")
    async def index(items: list[int]) -> None:
        called.extend(items)

    first = await index.aenqueue(1)
    async with serving(tf, {"default": 5}, settled=False) as worker:
        await eventually(lambda: len(worker.hand.runs) == 1)
        await first.acancel()
        await eventually(lambda: f.value(db, LEFT) == 0)
        await index.aenqueue_many([(2,), (3,)])
        await all_gone(db)
    assert called == [2, 3]
