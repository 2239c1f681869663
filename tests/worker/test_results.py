"""Large results of a real worker: kept apart in the database or in a store of the app's own."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from taskflow import Context, Taskflow
from taskflow.kernel.stored import Key, reference_in
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def test_a_large_result_is_kept_apart_and_comes_back(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def dump(size: int) -> list[str]:
        return ["ä" * 1000] * size

    @tf.task()
    def in_thread(size: int) -> str:
        return "x" * size

    @tf.task()
    async def odd() -> dict[str, Any]:
        return {"$stored": {"store": "postgres", "claim_no": 1, "bytes": 3}}

    async with serving(tf):
        large, thread = await dump.aenqueue(400), await in_thread.aenqueue(700_000)
        small, strange = await dump.aenqueue(1), await odd.aenqueue()
        assert await large.aresult(10) == ["ä" * 1000] * 400
        assert await asyncio.to_thread(large.result, 10) == ["ä" * 1000] * 400
        assert await thread.aresult(10) == "x" * 700_000
        assert await small.aresult(10) == ["ä" * 1000]
        assert (await strange.aresult(10))["$stored"]["bytes"] == 3
    inline = f.rows(db, "select id, octet_length(result::text) as size from taskflow.job_history")
    assert max(row.size for row in inline) < 65536
    apart = f.rows(db, "select distinct job_id from taskflow.result_chunk")
    assert {row.job_id for row in apart} == {large.id, thread.id, strange.id}
    assert f.value(db, "select taskflow.get_result(%s)", thread.id) == "x" * 700_000
    assert f.value(db, "select length(taskflow.get_result(%s) ->> 0)", large.id) == 1000


async def test_a_large_result_of_a_handlers_own_transaction(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def within(ctx: Context) -> str | None:
        async with ctx.transaction(result="x" * 100_000):
            return None

    @tf.task()
    def behind(ctx: Context) -> str:
        with ctx.transaction():
            pass
        return "y" * 100_000

    async with serving(tf):
        first, second = await within.aenqueue(), await behind.aenqueue()
        assert await first.aresult(10) == "x" * 100_000
        stored = "select result from taskflow.job_history where id = %s"
        await second.await_end(10)
        await eventually(lambda: f.value(db, stored, second.id))
        assert await second.aresult(10) == "y" * 100_000
    assert f.value(db, "select count(distinct job_id) from taskflow.result_chunk") == 2


async def test_a_result_beyond_the_databases_bound_fails_that_job_alone(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(max_result_bytes=10_000_000)

    @tf.task(retry=1)
    async def dump(size: int) -> str:
        return "x" * size

    async with serving(tf):
        job = await (await dump.aenqueue(2_000_000)).await_end(10)
        assert await (await dump.aenqueue(200_000)).aresult(10) == "x" * 200_000
    assert (job.state, job.error_class) == ("dead", "taskflow.errors.UnstorableResult")
    assert "TF114" in (job.error_message or "")


class Shelf:
    """A store of one's own."""

    name = "shelf"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, key: Key, raw: bytes) -> None:
        self.kept[key.path] = raw

    def get(self, key: Key) -> bytes:
        return self.kept[key.path]

    def delete(self, key: Key) -> None:
        self.kept.pop(key.path, None)


async def test_results_may_go_to_a_store_of_ones_own(tf: Taskflow, db: Connection) -> None:
    tf.result_store = shelf = Shelf()
    stale = asyncio.Event()

    @tf.task()
    async def dump(ctx: Context, how: str) -> str:
        if how == "transaction":
            async with ctx.transaction(result="x" * 100_000):
                pass
        if how == "stale":
            db.execute("update taskflow.job set claim_no = 9 where id = %s", (ctx.job_id,))
            stale.set()
        return "x" * 100_000

    async with serving(tf) as worker:
        for how in ("plain", "transaction"):
            handle = await dump.aenqueue(how)
            assert await handle.aresult(10) == "x" * 100_000
            reference = reference_in((await handle.ajob()).result)
            assert reference is not None
            assert reference.store == "shelf"
        assert len(shelf.kept) == 2
        await dump.aenqueue("stale")
        await stale.wait()
        await eventually(lambda: worker.settler.stale == 1)
        await eventually(
            lambda: len(shelf.kept) == 2, what="what a refused settle had kept is gone"
        )
    assert f.value(db, "select count(*) from taskflow.result_chunk") == 0
