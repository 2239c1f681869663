"""L5: handlers that do not end when they are told to lose their job, and in time their slot."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import psycopg

from taskflow import Context
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def test_l5_a_thread_that_ignores_its_timeout_loses_its_job(
    make_app: MakeApp, db: Connection
) -> None:
    """A lease after the timeout it is not renewed any more, and the reaper decides."""
    tf = make_app(lease="500ms")
    let_go = threading.Event()
    claims: list[int] = []

    @tf.task(timeout="100ms", retry=1)
    def hang(ctx: Context) -> None:
        claims.append(ctx.claim_no)
        if ctx.claim_no == 1:
            let_go.wait(30)

    try:
        async with serving(tf, {"default": 2}) as worker:
            job = await (await hang.aenqueue()).await_end(10)
            assert (job.state, job.claim_no) == ("succeeded", 2)
            assert worker.running == 1, "the thread itself cannot be stopped"
            let_go.set()
            await eventually(lambda: worker.running == 0)
            await eventually(lambda: worker.settler.stale == 1, what="its late end is refused")
    finally:
        let_go.set()
    assert claims == [1, 2]
    lost = f.rows(db, "select outcome, reason from taskflow.attempt where claim_no = 1")
    assert [row.outcome for row in lost] == ["lost"]


async def test_l5_a_coroutine_that_swallows_its_interruption_is_interrupted_again(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(lease="500ms")
    stubborn = 3

    @tf.task(timeout="100ms", retry=1)
    async def hang(ctx: Context) -> None:
        interruptions = 0
        while ctx.claim_no == 1 and interruptions < stubborn:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                interruptions += 1

    @tf.task()
    async def other() -> int:
        return 1

    async with serving(tf, {"default": 1}) as worker:
        handle = await hang.aenqueue()
        await eventually(lambda: worker.running == 1)
        assert await (await other.aenqueue()).aresult(10) == 1, "the slot is free again"
        await eventually(lambda: f.state(db, handle.id) in ("succeeded", "dead"))


async def test_l5_who_cleans_up_within_a_lease_is_left_in_peace(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(lease="2s")
    cleaned = asyncio.Event()

    @tf.task(timeout="100ms", retry=1)
    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            begun = time.monotonic()
            await eventually(lambda: time.monotonic() - begun > 1)
            cleaned.set()

    async with serving(tf):
        job = await (await tidy.aenqueue()).await_end(10)
    assert cleaned.is_set()
    assert (job.state, job.lost) == ("dead", 0)
    assert job.error_class == "taskflow.errors.TaskTimeout"


async def test_a_worker_whose_handler_is_deaf_to_the_end_ends_all_the_same(
    make_app: MakeApp, db: Connection
) -> None:
    """The slot takes its cancellation for the job's, and nobody would wake it again."""
    tf = make_app(lease="500ms")
    let_go, begun = threading.Event(), list[int]()

    @tf.task(timeout="100ms")
    def hang(n: int) -> None:
        begun.append(n)
        let_go.wait(20)

    handles = [await hang.aenqueue(n) for n in range(3)]
    try:
        async with serving(tf, {"default": 5}, settled=False):
            await eventually(lambda: len(begun) >= 3)
            await eventually(lambda: f.job(db, handles[0].id).lost == 1)
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 5
    finally:
        let_go.set()
