"""What a handler returns after its own transaction is later than the end of its job: awaited."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg
import pytest

from taskflow import Context, ResultTimeout, Taskflow, handle
from tests.support import factories as f
from tests.support.serving import eventually, serving

Connection = psycopg.Connection[Any]
MARK = "select reason from taskflow.job_history where id = %s"


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_result_that_follows_the_commit_is_waited_for(
    tf: Taskflow, db: Connection, kind: str
) -> None:
    """The commit says that the job is done; its handler is still on the way to return."""
    go_on = threading.Event()

    async def write(ctx: Context) -> int:
        async with ctx.transaction():
            pass
        await eventually(go_on.is_set)
        return 42

    def write_in_thread(ctx: Context) -> int:
        with ctx.transaction():
            pass
        go_on.wait(10)
        return 42

    task = tf.task(name="write")(write if kind == "async" else write_in_thread)
    async with serving(tf):
        job = await task.aenqueue()
        in_loop = asyncio.create_task(job.aresult(10))
        in_thread = asyncio.create_task(asyncio.to_thread(job.result, 10))
        await eventually(lambda: f.state(db, job.id) == "succeeded")
        assert f.value(db, MARK, job.id) == "result pending"
        done, _ = await asyncio.wait([in_loop, in_thread], timeout=0.3)
        assert not done
        go_on.set()
        assert (await in_loop, await in_thread) == (42, 42)
        assert (await job.ajob()).reason is None


async def test_forty_in_a_row_have_their_results(tf: Taskflow) -> None:
    @tf.task()
    async def write(ctx: Context) -> int:
        async with ctx.transaction():
            pass
        return ctx.job_id

    async with serving(tf):
        for _ in range(40):
            job = await write.aenqueue()
            assert await job.aresult(10) == job.id


@pytest.mark.parametrize("how", ["none", "raise", "unstorable"])
async def test_nobody_waits_for_a_result_that_does_not_follow(
    tf: Taskflow, db: Connection, how: str
) -> None:
    @tf.task()
    async def write(ctx: Context):  # type: ignore[no-untyped-def]
        async with ctx.transaction():
            pass
        if how == "raise":
            raise ValueError("too late to matter")
        return "\0" if how == "unstorable" else None

    async with serving(tf):
        job = await write.aenqueue()
        assert await job.aresult(4) is None
        assert f.value(db, MARK, job.id) is None


async def test_a_handler_without_a_result_leaves_no_mark(tf: Taskflow, db: Connection) -> None:
    """It is annotated with None, or has given the result with the transaction: nothing follows."""
    go_on = asyncio.Event()

    @tf.task()
    async def plain(ctx: Context) -> None:
        async with ctx.transaction():
            pass
        await go_on.wait()

    @tf.task()
    async def given(ctx: Context) -> int:
        async with ctx.transaction(result=42):
            pass
        await go_on.wait()
        return 42

    async with serving(tf):
        first, second = await plain.aenqueue(), await given.aenqueue()
        assert (await first.await_end(10)).result is None
        assert await second.aresult(10) == 42
        assert [f.value(db, MARK, job.id) for job in (first, second)] == [None, None]
        go_on.set()


async def test_a_result_that_died_with_its_worker_is_not_taken_for_none(
    tf: Taskflow, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "RESULT_PATIENCE_S", 0.2)

    @tf.task(name="write")
    async def write() -> int:
        return 1

    job = await write.aenqueue()
    (claimed,) = f.claim(db, f.join(db))
    assert f.settle(db, claimed, reason="result pending") == "applied"
    with pytest.raises(ResultTimeout, match="has succeeded, but its result has not come"):
        await job.aresult(10)
    with pytest.raises(ResultTimeout, match="has succeeded"):
        await asyncio.to_thread(job.result, 10)
    assert (await job.await_end(10)).state == "succeeded"
