"""Runs that must end before they want to: timeouts, cancels, deadlines, lost leases."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from taskflow import Context, Taskflow
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
FOR_EVER = 3600


async def test_a_timeout_interrupts_an_async_handler(tf: Taskflow) -> None:
    reasons: list[str | None] = []

    @tf.task(timeout="200ms", retry=1)
    async def wait(ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            reasons.append(ctx.stop_reason)

    async with serving(tf):
        by_task = await (await wait.aenqueue()).await_end(10)
        by_job = await (await wait.options(timeout="50ms").aenqueue()).await_end(10)
    for job, seconds in ((by_task, 0.2), (by_job, 0.05)):
        assert (job.state, job.error_class) == ("dead", "taskflow.errors.TaskTimeout")
        assert job.timeout == timedelta(seconds=seconds)
        assert job.started_at is not None
        assert job.finished_at is not None
        assert job.finished_at - job.started_at >= timedelta(seconds=seconds)
    assert reasons == ["timeout", "timeout"]


async def test_a_timed_out_thread_is_told_and_keeps_its_slot(tf: Taskflow, db: Connection) -> None:
    let_go = threading.Event()
    told = threading.Event()

    @tf.task(timeout="100ms", retry=1)
    def stubborn(ctx: Context) -> None:
        while not ctx.cancelled:
            let_go.wait(0.01)
        told.set()
        let_go.wait(10)
        ctx.raise_if_cancelled()

    @tf.task()
    async def other() -> int:
        return 1

    async with serving(tf, {"default": 1}) as worker:
        first = await stubborn.aenqueue()
        await eventually(told.is_set)
        second = await other.aenqueue()
        assert worker.running == 1
        assert f.state(db, second.id) == "available"
        let_go.set()
        assert await second.aresult(10) == 1
        job = await first.await_end(10)
    assert (job.state, job.error_class) == ("dead", "taskflow.errors.TaskTimeout")


async def test_a_job_past_its_deadline_never_starts(make_app: MakeApp, db: Connection) -> None:
    tf = make_app()
    ran: list[int] = []

    @tf.task()
    async def run() -> None:
        ran.append(1)

    soon = f.value(db, "select now() + interval '100 milliseconds'")
    handle = await run.options(deadline=soon).aenqueue()
    await eventually(lambda: f.value(db, "select now() > %s", soon))
    async with serving(tf):
        job = await handle.await_end(10)
    assert (job.state, job.reason, job.attempt) == ("dead", "expired", 0)
    assert not ran


async def test_a_waiting_job_is_cancelled_at_once(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def later() -> None: ...

    handle = await later.options(delay="1h").aenqueue()
    assert await handle.acancel("not wanted") == "cancelled"
    job = await handle.ajob()
    assert (job.state, job.reason) == ("cancelled", "not wanted")
    assert await handle.acancel() == "finished"


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_running_job_learns_of_its_cancel_at_once(make_app: MakeApp, kind: str) -> None:
    """By notification: with this lease the regular renewal comes only after 100 s."""
    tf = make_app(lease="5m")
    started = threading.Event()

    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    def loop(ctx: Context) -> None:
        started.set()
        while True:
            ctx.raise_if_cancelled()
            threading.Event().wait(0.01)

    task = tf.task(name="t")(wait if kind == "async" else loop)
    async with serving(tf):
        handle = await task.aenqueue()
        await eventually(started.is_set)
        assert await handle.acancel("no more") == "requested"
        job = await handle.await_end(5)
    assert (job.state, job.reason) == ("cancelled", "no more")


async def test_without_notifications_a_cancel_takes_a_third_of_the_lease(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(lease="900ms", pooled=True)
    started = asyncio.Event()

    @tf.task()
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    async with serving(tf):
        handle = await wait.aenqueue()
        await started.wait()
        f.call(db, "cancel", id=handle.id)
        asked = time.monotonic()
        await eventually(lambda: f.state(db, handle.id) == "cancelled")
        assert time.monotonic() - asked < 0.9


async def test_a_lost_lease_stops_the_handler_and_its_end_is_refused(
    tf: Taskflow, db: Connection
) -> None:
    """Somebody else has it now: whatever this run still says is stale."""
    started, reasons = asyncio.Event(), []
    go_on = threading.Event()

    @tf.task()
    async def wait(ctx: Context) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            reasons.append(ctx.stop_reason)

    @tf.task()
    def deaf(ctx: Context) -> str:
        go_on.wait(10)
        return "too late"

    async with serving(tf) as worker:
        first, second = await wait.aenqueue(), await deaf.aenqueue()
        await started.wait()
        await eventually(lambda: worker.running == 2)
        other = f.join(db)
        for handle in (first, second):
            f.call(db, "pause_queue", queue="default")
            held = f.rows(db, "select id, claim_no from taskflow.job where id = %s", handle.id)[0]
            f.settle(db, held, "released")
        f.call(db, "resume_queue", queue="default")
        taken = f.claim(db, other, 2)
        assert {job.id for job in taken} == {first.id, second.id}
        await eventually(lambda: reasons == ["lease lost"], what="it is told by the next renewal")
        go_on.set()
        await eventually(lambda: worker.running == 0)
        await eventually(lambda: worker.settler.stale == 1, what="the thread's end was refused")
        for job in taken:
            assert f.settle(db, job, "completed") == "applied"
        stale = "select stale from taskflow.worker where id = %s"
        await eventually(lambda: f.value(db, stale, worker.id) == 1)
    assert f.job(db, second.id).result is None


async def test_a_worker_may_claim_again_what_its_own_thread_still_holds_on_to(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(lease="1s")
    go_on = threading.Event()
    claims: list[int] = []

    @tf.task()
    def deaf(ctx: Context) -> int:
        claims.append(ctx.claim_no)
        if ctx.claim_no == 1:
            go_on.wait(20)
        else:
            threading.Event().wait(1.5)  # longer than a lease: it must be renewed
            go_on.set()
        return ctx.claim_no

    async with serving(tf, {"default": 2}) as worker:
        handle = await deaf.aenqueue()
        await eventually(lambda: claims == [1])
        f.settle(db, f.rows(db, "select id, claim_no from taskflow.job")[0], "released")
        assert await handle.aresult(10) == 2
        await eventually(lambda: worker.running == 0)
        await eventually(lambda: worker.settler.stale == 1)
        assert not worker.hand.held
        assert not worker.hand.runs
    assert claims == [1, 2]
    assert f.job(db, handle.id).lost == 0


async def test_a_handler_that_blocks_the_loop_keeps_its_lease(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(lease="600ms")

    @tf.task()
    async def block() -> None:
        threading.Event().wait(2)

    handle = await block.aenqueue()
    async with serving(tf, settled=False):
        job = await handle.await_end(10)
    assert (job.state, job.claim_no, job.lost) == ("succeeded", 1, 0)


async def test_a_job_given_up_by_the_workers_own_clock_is_found_by_the_reaper(
    make_app: MakeApp, db: Connection
) -> None:
    """The worker forgets it while the database still calls it its own: its roll-calls, which go
    on for the other jobs, must not wipe out the batch that leads there."""
    tf = make_app(lease="1s")
    release = asyncio.Event()
    started: list[int] = []

    @tf.task()
    async def wait(ctx: Context) -> None:
        started.append(ctx.claim_no)
        if ctx.claim_no == 1:
            await release.wait()

    async with serving(tf) as worker:
        handles = [await wait.aenqueue() for _ in range(2)]
        await eventually(lambda: len(started) == 2)
        worker._stop_job(worker.hand.held[handles[0].id], "lease lost")
        job = await handles[0].await_end(8)
        assert (job.state, job.claim_no, f.state(db, handles[1].id)) == ("succeeded", 2, "running")
        release.set()
        assert (await handles[1].await_end(8)).lost == 0


async def test_a_worker_that_is_asked_to_drain_ends_in_good_order(
    tf: Taskflow, db: Connection
) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    @tf.task()
    async def slow() -> str:
        begun.set()
        await let_go.wait()
        return "whole"

    async with serving(tf) as worker:
        handle = await slow.aenqueue()
        await begun.wait()
        assert f.call(db, "drain_worker", id=worker.id) is True
        assert f.call(db, "drain_worker", id=worker.id) is True
        await eventually(lambda: worker.is_draining, what="it drains")
        later = await slow.aenqueue()
        let_go.set()
        assert await handle.aresult(10) == "whole"
    assert await later.astate() == "available"
