"""Limits and contracts at work: what workers do with jobs from lanes and with older arguments."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from taskflow import Context, Contract, Rate, RateLimited, Taskflow
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
DONE = "select count(*) from taskflow.job_history"


async def test_workers_together_keep_a_concurrency_over_its_keys(
    tf: Taskflow, db: Connection
) -> None:
    running: dict[str, int] = {}
    most: dict[str, int] = {}

    @tf.task(name="work", queue="limited")
    async def work(key: str) -> None:
        running[key] = running.get(key, 0) + 1
        most[key] = max(most.get(key, 0), running[key])
        await asyncio.sleep(0)
        running[key] -= 1

    tf.limit("each", queue="limited", key="{key}", concurrency=2)
    async with serving(tf, {"limited": 10}), serving(tf, {"limited": 10}):
        await work.aenqueue_many([(key,) for key in "abcde" * 20])
        await eventually(lambda: f.value(db, DONE) == 100, seconds=30)
    assert set(most) == set("abcde")
    assert max(most.values()) <= 2


async def test_a_rate_is_used_to_the_full_without_polling_for_it(
    make_app: MakeApp, db: Connection
) -> None:
    """The poll interval is a minute: only the time that the database names brings it back."""
    tf = make_app(poll_interval="1m")

    @tf.task(name="call", queue="api")
    async def call() -> None: ...

    tf.limit("api", Rate.of(2, "300ms"), queue="api")
    async with serving(tf, {"api": 10}):
        await call.aenqueue_many([()] * 8)
        await eventually(lambda: f.value(db, DONE) == 8, seconds=15)
    took = f.value(
        db, "select extract(epoch from max(started_at) - min(started_at))::float8 from"
        " taskflow.job_history",
    )  # fmt: skip
    assert 0.9 <= took < 5


async def test_a_rate_limited_handler_holds_its_key(tf: Taskflow, db: Connection) -> None:
    attempts: list[tuple[int, int]] = []

    @tf.task(name="call", queue="api")
    async def call(ctx: Context, n: int) -> None:
        attempts.append((n, ctx.attempt))
        if len(attempts) == 1:
            raise RateLimited("700ms", reason="429")

    tf.limit("api", queue="api", concurrency=1)
    async with serving(tf, {"api": 5}):
        await call.aenqueue_many([(n,) for n in range(3)])
        await eventually(lambda: f.value(db, DONE) == 3, seconds=15)
    assert attempts[0] == (0, 1)
    assert sorted(attempts[1:]) == [(0, 1), (1, 1), (2, 1)]
    held = f.value(
        db, "select min(h.started_at) - min(a.finished_at) from taskflow.job_history h,"
        " taskflow.attempt a where a.outcome = 'snoozed'",
    )  # fmt: skip
    assert held.total_seconds() >= 0.65


async def test_lanes_do_not_move_the_walk_past_plain_jobs(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(poll_interval="1m")

    @tf.task(name="limited")
    async def limited() -> None: ...

    @tf.task(name="plain")
    async def plain() -> None: ...

    tf.limit("one", task="limited", concurrency=1)
    async with serving(tf, {"default": 2}):
        for _ in range(10):
            await plain.aenqueue_many([()] * 20)
            await limited.aenqueue_many([()] * 5)
        await eventually(lambda: f.value(db, DONE) == 250, seconds=20)


async def test_older_arguments_are_migrated_step_by_step(tf: Taskflow, db: Connection) -> None:
    got: list[str] = []

    @tf.task(name="greet", contract=Contract(3, aliases=["hello"]))
    async def greet(first_name: str, last_name: str) -> None:
        got.append(f"{first_name} {last_name}")

    @greet.migrate(1)
    def split(args: dict[str, Any]) -> dict[str, Any]:
        first, _, last = args["name"].partition(" ")
        return {"first": first, "last": last}

    @greet.migrate(2)
    def rename(args: dict[str, Any]) -> dict[str, Any]:
        return {"first_name": args["first"], "last_name": args["last"]}

    f.enqueue(db, "hello", args={"name": "Ada Lovelace"}, args_version=1)
    f.enqueue(db, "greet", args={"first": "Alan", "last": "Turing"}, args_version=2)
    async with serving(tf, {"default": 2}, settled=False):
        await greet.aenqueue("Grace", "Hopper")
        await eventually(lambda: f.value(db, DONE) == 3)
    assert sorted(got) == ["Ada Lovelace", "Alan Turing", "Grace Hopper"]


async def test_arguments_of_a_later_version_wait_for_a_worker_that_knows_it(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task(name="greet", contract=Contract(2))
    async def greet() -> None: ...

    newer = f.enqueue(db, "greet", args_version=3)
    async with serving(tf, {"default": 2}, settled=False) as worker:
        await eventually(lambda: "greet@3" in worker.runner.unknown_tasks)
        await greet.aenqueue()
        await eventually(lambda: f.value(db, DONE) == 1)
        assert f.job(db, newer).attempt == 0


async def test_what_a_worker_has_met_and_does_not_know_is_passed_by(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(unknown_task_delay="10ms")

    @tf.task(name="known")
    async def known() -> None: ...

    strange = f.enqueue(db, "strange")
    async with serving(tf, {"default": 2}, settled=False) as worker:
        await eventually(lambda: "strange" in worker.runner.unknown_tasks)
        await eventually(lambda: f.job(db, strange).state != "running")
        claims = f.job(db, strange).claim_no
        for _ in range(20):
            await (await known.aenqueue()).aresult(timeout="10s")
        assert f.job(db, strange).claim_no <= claims + 1


async def test_contracts_are_published_for_callers_from_sql(tf: Taskflow, db: Connection) -> None:
    @tf.task(name="pay", contract=Contract(2, check="warn"))
    async def pay(order_id: int, note: str = "none") -> None: ...

    async with serving(tf, {"default": 1}):
        found = f.rows(db, "select name, version, check_args from taskflow.task where name = 'pay'")
        assert found == [("pay", 2, "warn")]
        items = Jsonb([{"order_id": 1}, {"order_id": "x"}])
        (answer,) = f.call_rows(db, "enqueue_many", task="pay", args=items)
        assert answer.refused is None
        args = f.value(db, "select args from taskflow.job_view where id = %s", answer.ids[0])
        assert args == {"order_id": 1, "note": "none"}
