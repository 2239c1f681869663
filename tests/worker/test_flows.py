"""Workflows run by real workers, from Python to the end."""

from __future__ import annotations

from typing import Any

import psycopg

from taskflow import Context, Discard, Taskflow
from tests.support import flows
from tests.support.serving import serving
from tests.support.waiting import until_async
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def test_a_flow_runs_through_a_worker(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def numbers(count: int) -> list[int]:
        return list(range(count))

    @tf.task()
    def square(n: int) -> int:
        return n * n

    @tf.task()
    async def add_up(values: list[int], note: str) -> str:
        return f"{note}: {sum(values)}"

    flow = tf.flow("squares")
    listed = flow.add(numbers, flow.input.count)
    squares = flow.add(square, flow.item).for_each(listed.out, max_parallel=4)
    flow.delay("200ms").after(squares).named("rest")
    total = flow.add(add_up, squares.out, flow.input.note).after(flow.nodes["rest"])
    flow.returns(total.out)
    async with serving(tf):
        run = await flow.astart({"count": 30, "note": "sum"})
        assert await run.aresult(timeout="20s") == "sum: 8555"
    assert flows.check_run(db, run.id) == "succeeded"


async def test_two_workers_share_a_wide_run_and_the_join_comes_once(
    make_app: MakeApp, db: Connection
) -> None:
    apps = [make_app(), make_app()]
    joined: list[int] = []
    for app in apps:

        @app.task(name="part")
        async def part(n: int) -> int:
            return n

        @app.task(name="join")
        async def join(parts: list[int]) -> int:
            joined.append(len(parts))
            return sum(parts)

    tf = apps[0]
    group = tf.group([tf.tasks["part"].s(n) for n in range(300)]).then(tf.tasks["join"].s())
    async with serving(apps[0]), serving(apps[1]):
        run = await group.aenqueue()
        assert await run.aresult(timeout="20s") == sum(range(300))
    assert joined == [300]
    assert flows.check_run(db, run.id) == "succeeded"


async def test_writes_of_a_handler_and_the_next_step_commit_together(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task()
    async def write(ctx: Context) -> None:
        async with ctx.transaction(result={"seen": 1}) as connection:
            await connection.execute("select 1")

    @tf.task()
    async def read(found: dict[str, int]) -> int:
        return found["seen"]

    async with serving(tf):
        run = await (write.s() | read.s()).aenqueue()
        assert await run.aresult(timeout="20s") == 1


async def test_a_cancelled_run_stops_its_running_handler(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def endless(ctx: Context) -> None:
        await until_async(lambda: _never(ctx), seconds=60)

    async def _never(ctx: Context) -> bool:
        ctx.raise_if_cancelled()
        return False

    async with serving(tf):
        run = await (endless.s() | endless.si()).aenqueue()

        async def runs() -> bool:
            return any(step.state == "running" for step in await run.asteps())

        await until_async(runs)
        assert await run.acancel("enough") == "requested"
        assert (await run.await_end(timeout="20s")).state == "cancelled"
    assert flows.states(db, run.id) == {"endless": "cancelled", "endless_2": "cancelled"}


async def test_a_batch_and_its_callback(tf: Taskflow, db: Connection) -> None:
    told: list[Any] = []

    @tf.task()
    async def load(n: int) -> None:
        if n == 3:
            raise Discard("bad row")

    @tf.task()
    async def report(ctx: Context, name: str) -> None:
        told.append((name, ctx.meta["batch"]["dead"]))

    async with serving(tf):
        async with tf.batch(on_failure=report.s("file")) as batch:
            batch.add_many(load, [(n,) for n in range(20)])
        found = await batch.handle.await_end(timeout="20s")
        assert (found.state, found.succeeded, found.dead) == ("failed", 19, 1)

        async def reported() -> bool:
            return told == [("file", 1)]

        await until_async(reported)
