"""def handlers: what waits for a thread has not begun, and does not pile up in one worker."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg

from taskflow import Task, Taskflow
from taskflow.worker import Worker
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
HISTORY = "select count(*) from taskflow.job_history"
RUNNING = "select count(*) from taskflow.job where state = 'running'"


def blocking(tf: Taskflow, **options: Any) -> tuple[Task[..., Any], threading.Event, list[int]]:
    """A task whose handlers hold their threads until the event is set, and the list of its runs."""
    let_go, begun = threading.Event(), list[int]()

    @tf.task(name="block", **options)
    def block(n: int = 0) -> None:
        begun.append(n)
        let_go.wait(20)

    return block, let_go, begun


async def test_waiting_for_a_thread_is_not_running(make_app: MakeApp, db: Connection) -> None:
    """By the fourth round, jobs have waited longer than their timeout."""
    tf = make_app(threads=2)
    pause = threading.Event()

    @tf.task(timeout="500ms", retry=1)
    def work() -> None:
        pause.wait(0.2)

    await work.aenqueue_many([()] * 8)
    async with serving(tf, {"default": 10}, settled=False):
        await eventually(lambda: not f.value(db, "select count(*) from taskflow.job"))
    assert f.value(db, HISTORY) == 8
    assert f.value(db, "select count(*) from taskflow.dead_job") == 0


async def test_at_a_stop_what_waits_for_a_thread_goes_back(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(threads=2, grace="20s")
    block, let_go, begun = blocking(tf)
    ids = (await block.aenqueue_many([(n,) for n in range(4)])).ids
    worker = Worker(tf, {"default": 10})
    running = asyncio.create_task(worker.run())
    await eventually(lambda: f.value(db, RUNNING) == 4, what="two run, two are ready for a thread")
    await eventually(lambda: worker.running == 2)
    worker.stop()
    await eventually(lambda: f.value(db, RUNNING) == 2, what="long before the grace time is over")
    let_go.set()
    await asyncio.wait_for(running, 10)
    assert begun == [0, 1]
    jobs = [f.job(db, id) for id in ids if id]
    assert [(job.state, job.attempt, job.lost) for job in jobs] == [
        ("succeeded", 1, 0), ("succeeded", 1, 0), ("available", 0, 0), ("available", 0, 0),
    ]  # fmt: skip


async def test_a_job_can_be_cancelled_while_it_waits_for_a_thread(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(threads=1)
    block, let_go, begun = blocking(tf)
    handles = [await block.aenqueue(n) for n in range(2)]
    async with serving(tf, {"default": 10}, settled=False):
        await eventually(lambda: f.value(db, RUNNING) == 2)
        assert await handles[1].acancel("not wanted") == "requested"
        assert (await handles[1].await_end(5)).state == "cancelled"
        let_go.set()
        assert (await handles[0].await_end(5)).state == "succeeded"
    assert begun == [0]


async def test_jobs_for_threads_are_not_hoarded(make_app: MakeApp, db: Connection) -> None:
    """One worker has two threads and room for a hundred jobs; the other one is idle."""
    tf, other_tf = make_app(threads=2), make_app(threads=2)
    block, let_go, _ = blocking(tf)
    _, others_let_go, others_begun = blocking(other_tf)
    await block.aenqueue_many([(n,) for n in range(20)])
    try:
        async with serving(tf, {"default": 100}, settled=False) as worker:
            await eventually(lambda: worker.running == 2)
            await eventually(lambda: f.value(db, RUNNING) == 4, what="one runs, one is ready, each")
            async with serving(other_tf, {"default": 100}, settled=False):
                await eventually(lambda: len(others_begun) == 2)
                let_go.set()
                others_let_go.set()
                await eventually(lambda: f.value(db, HISTORY) == 20)
    finally:
        let_go.set()
        others_let_go.set()
    assert f.value(db, "select max(attempt) from taskflow.job_history") == 1
    assert f.value(db, "select max(lost) from taskflow.job_history") == 0


async def test_what_waits_for_threads_keeps_no_other_kind_waiting(
    make_app: MakeApp, db: Connection
) -> None:
    """They stand at the front of the same queue; the worker looks past them."""
    tf = make_app(threads=1)
    block, let_go, begun = blocking(tf)

    @tf.task()
    async def quick() -> int:
        return 1

    await block.aenqueue_many([(n,) for n in range(30)])
    try:
        async with serving(tf, {"default": 10}, settled=False):
            await eventually(lambda: begun)
            for _ in range(3):
                assert await (await quick.aenqueue()).aresult(5) == 1
            assert len(begun) == 1
            let_go.set()
            await eventually(lambda: f.value(db, HISTORY) == 33, seconds=20)
    finally:
        let_go.set()
    assert sorted(begun) == list(range(30))


async def test_looking_past_what_waits_for_threads_is_rationed(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(threads=1, poll_interval="50ms")
    block, let_go, begun = blocking(tf)
    await block.aenqueue_many([(n,) for n in range(2000)])
    claims = "select coalesce(sum(claim_no), 0) from taskflow.job"
    try:
        async with serving(tf, {"default": 50}, settled=False) as worker:
            await eventually(lambda: begun)
            now = asyncio.get_running_loop().time
            begin = now()
            await eventually(lambda: now() - begin > 1.5)
            assert f.value(db, claims) < 500
            assert worker.claiming.claimed == 2
    finally:
        let_go.set()


async def test_two_queues_share_the_threads(make_app: MakeApp, db: Connection) -> None:
    """Both have more jobs than this worker can run: each gets its turns."""
    tf = make_app(threads=2)
    order: list[str] = []
    pause = threading.Event()

    @tf.task()
    def work(queue: str) -> None:
        order.append(queue)
        pause.wait(0.01)

    for queue in ("a", "b"):
        await work.options(queue=queue).aenqueue_many([(queue,)] * 200)
    async with serving(tf, {"a": 10, "b": 10}, settled=False):
        await eventually(lambda: len(order) >= 200, seconds=20)
        pause.set()
    assert 40 < order[:200].count("b") < 160


async def test_jobs_go_back_when_no_thread_comes_back(make_app: MakeApp, db: Connection) -> None:
    """Handlers that hang hold all threads: what waits for one would wait for ever."""
    tf, other_tf = make_app(threads=1, lease="600ms"), make_app(threads=1)
    block, let_go, begun = blocking(tf, timeout="100ms", retry=1)
    _, others_let_go, others_begun = blocking(other_tf)
    others_let_go.set()
    handles = [await block.aenqueue(n) for n in range(2)]
    try:
        async with serving(tf, {"default": 10}, settled=False):
            await eventually(lambda: f.value(db, RUNNING) == 2)
            async with serving(other_tf, {"default": 10}, settled=False):
                assert (await handles[1].await_end(10)).state == "succeeded"
    finally:
        let_go.set()
    assert begun == [0]
    assert others_begun[0] == 1


async def test_a_stop_iteration_ends_its_job(tf: Taskflow, db: Connection) -> None:
    """No future takes one: the job was held, and its lease renewed, for ever."""

    @tf.task(retry=1)
    def first(rows: list[int]) -> int:
        return next(iter(rows))

    handle = await first.aenqueue([])
    async with serving(tf, settled=False):
        job = await handle.await_end("10s")
    assert (job.state, job.error_class) == ("dead", "RuntimeError")
    assert "StopIteration" in (job.traceback or "")
