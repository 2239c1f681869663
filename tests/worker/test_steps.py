"""Durable steps in a real worker: done once over all attempts, and refused to a run that lost."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from taskflow import Context, LeaseLost, Retry, Taskflow
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def test_a_step_is_done_once_over_all_attempts(tf: Taskflow, db: Connection) -> None:
    done: list[str] = []

    async def charge(order: int) -> tuple[int, str]:
        done.append("charge")
        return order, "paid"

    def number() -> int:
        done.append("number")
        return len(done)

    @tf.task(retry=Retry(4, base="0s", jitter=0))
    async def order(ctx: Context, id: int) -> list[Any]:
        paid = await ctx.step("charge", charge, id)
        drawn = await ctx.astep("number", number)
        if ctx.attempt < 3:
            raise ConnectionError
        return [paid == (id, "paid"), drawn]

    @tf.task(retry=Retry(4, base="0s", jitter=0))
    def in_thread(ctx: Context) -> int:
        drawn = ctx.step("number", number)
        if ctx.attempt < 3:
            raise ConnectionError
        return drawn

    async with serving(tf):
        handle = await order.aenqueue(17)
        assert await handle.aresult(10) == [True, 2]
        assert await (await in_thread.aenqueue()).aresult(10) == 3
    assert done == ["charge", "number", "number"]
    assert [(step.name, step.claim_no) for step in await tf.aclient.get_steps(handle.id)] == [
        ("charge", 1), ("number", 1),
    ]  # fmt: skip


async def test_a_stale_run_cannot_save_a_step_and_is_told(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(reap_interval="1h")
    begun, go_on = asyncio.Event(), asyncio.Event()
    seen: list[BaseException] = []

    async def charge() -> int:
        begun.set()
        await go_on.wait()
        return 1

    @tf.task()
    async def order(ctx: Context) -> None:
        try:
            await ctx.step("charge", charge)
        except LeaseLost as error:
            seen.append(error)
            raise

    async with serving(tf) as worker:
        handle = await order.aenqueue()
        await begun.wait()
        take_over = "update taskflow.job set claim_no = claim_no + 1 where id = %s"
        db.execute(take_over, (handle.id,))
        go_on.set()
        await eventually(lambda: bool(seen))
        await eventually(lambda: handle.id not in worker.hand.held)
    assert "step" in str(seen[0])
    assert seen[0].code == "TF304"  # type: ignore[attr-defined]
    assert f.value(db, "select count(*) from taskflow.job_step") == 0
