"""How many jobs at once, which first, how many ahead, and when a worker has had enough."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from taskflow import Context, Taskflow
from taskflow.errors import TaskflowError
from taskflow.worker import Limits, Weight, Worker, parse_queues
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
RUNNING = "select count(*) from taskflow.job where state = 'running'"


async def test_one_slow_job_idles_no_other_slot(tf: Taskflow) -> None:
    release, done = asyncio.Event(), Counter[str]()

    @tf.task()
    async def work(kind: str) -> None:
        if kind == "slow":
            await release.wait()
        done[kind] += 1

    async with serving(tf, {"default": 3}):
        await work.aenqueue("slow")
        for _ in range(5):
            await work.aenqueue_many([("quick",)] * 20)
        await eventually(lambda: done["quick"] == 100)
        assert done["slow"] == 0
        release.set()
        await eventually(lambda: done["slow"] == 1)


class Held:
    """A task whose jobs hold their slots, by queue, until they are let go one by one."""

    def __init__(self, tf: Taskflow) -> None:
        self.now: Counter[str] = Counter()
        self.gates: dict[str, list[asyncio.Event]] = {}
        self.order: dict[int, tuple[str, asyncio.Event]] = {}
        """Those that run, the oldest first."""
        self.ended: list[str] = []

        @tf.task(name="held")
        async def held(ctx: Context) -> None:
            gate = asyncio.Event()
            self.gates.setdefault(ctx.queue, []).append(gate)
            self.now[ctx.queue] += 1
            self.order[ctx.job_id] = ctx.queue, gate
            await gate.wait()

        self.task = held

    async def enqueue(self, queue: str, count: int) -> None:
        await self.task.options(queue=queue).aenqueue_many([()] * count)

    def let_go(self, job: int) -> None:
        queue, gate = self.order.pop(job)
        gate.set()
        self.now[queue] -= 1
        self.ended.append(queue)

    def let_one_go(self, queue: str) -> None:
        self.gates[queue].pop().set()
        self.now[queue] -= 1


async def test_queues_share_slots_by_weight(make_app: MakeApp, db: Connection) -> None:
    """All of them for whoever has jobs alone; by weight as soon as others have some, too."""
    tf = make_app(slots=8, prefetch=0, poll_interval="1m")
    held = Held(tf)
    served: dict[str, int | Weight] = {"billing": Weight(3), "reports": Weight(1), "mail": 2}
    async with serving(tf, served) as worker:
        await held.enqueue("reports", 30)
        await eventually(lambda: held.now == {"reports": 8})
        await held.enqueue("billing", 30)
        await held.enqueue("mail", 3)
        await eventually(lambda: held.now["mail"] == 2)
        for _ in range(7):  # one more than its share was claimed to see that it has jobs
            held.let_one_go("reports")
            await eventually(lambda: held.now["billing"] + held.now["reports"] == 8)
        assert held.now == Counter(billing=6, reports=2, mail=2)
        held.let_one_go("billing")
        await eventually(lambda: held.now == Counter(billing=6, reports=2, mail=2))
        (row,) = f.rows(db, "select queues, slots from taskflow.worker")
        assert (row.queues, row.slots) == (["billing", "reports", "mail"], [6, 2, 2])
        assert worker.running == 10


async def test_a_queue_uses_what_an_idle_one_does_not_need(make_app: MakeApp) -> None:
    """Also one that has jobs now and then, and none between two looks."""
    tf = make_app(slots=8, prefetch=0, poll_interval="1m")
    held = Held(tf)
    async with serving(tf, {"a": Weight(1), "b": Weight(1)}):
        for count in range(1, 9):
            await held.enqueue("a", 1)
            await eventually(lambda n=count: held.now["a"] == n)  # type: ignore[misc]


@pytest.mark.parametrize("queue", ["a", "b", "c"])
async def test_no_shared_queue_is_left_out(tf: Taskflow, db: Connection, queue: str) -> None:
    """With fewer slots than queues; a burst ends when all of them are empty."""
    held = Held(tf)
    await held.enqueue(queue, 3)
    tf.reconfigure(slots=1)
    worker = Worker(tf, {n: Weight(1) for n in "abc"}, limits=Limits(burst=True))
    running = asyncio.create_task(worker.run())
    for count in range(1, 4):
        await eventually(lambda n=count: len(held.gates.get(queue, [])) == n)  # type: ignore[misc]
        held.gates[queue][-1].set()
    await asyncio.wait_for(running, 20)
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize("burst", [True, False])
@pytest.mark.parametrize("served", ["a:1,b:1", "a=10,b:1", "b:1,a=10"])
async def test_the_last_jobs_of_a_worker_come_from_any_queue(
    tf: Taskflow, db: Connection, served: str, burst: bool
) -> None:
    held = Held(tf)
    await held.enqueue("b", 5)
    worker = Worker(tf, parse_queues(served, 10), limits=Limits(burst=burst, max_jobs=3))
    running = asyncio.create_task(worker.run())
    await eventually(lambda: held.now["b"] == 3)
    for gate in held.gates["b"]:
        gate.set()
    await asyncio.wait_for(running, 20)
    assert worker.reached_limit
    assert f.value(db, "select count(*) from taskflow.job") == 2


@pytest.mark.parametrize(
    ("slots", "weights", "expected"),
    [(1, {"a": 1, "b": 1}, {"a": 20, "b": 20}), (1, {"a": 1, "b": 3}, {"a": 10, "b": 30}),
     (2, {"a": 1, "b": 1, "c": 2}, {"a": 10, "b": 10, "c": 20}),
     (3, {"a": 1, "b": 4}, {"a": 8, "b": 32})],
)  # fmt: skip
async def test_with_few_slots_weights_hold_over_time(
    make_app: MakeApp, slots: int, weights: dict[str, int], expected: dict[str, int]
) -> None:
    tf = make_app(slots=slots, prefetch=0)
    held = Held(tf)
    for queue in weights:
        await held.enqueue(queue, 60)
    served = {name: Weight(weight) for name, weight in weights.items()}
    async with serving(tf, served, settled=False):
        for _ in range(40):
            await eventually(lambda: sum(held.now.values()) == slots)
            held.let_go(next(iter(held.order)))
        ran = Counter(held.ended)
    assert {name: abs(ran[name] - count) <= 2 for name, count in expected.items()} == dict.fromkeys(
        expected, True
    ), ran


@pytest.mark.parametrize("served", ["a:1,b:1", "a=10,b:1"])
@pytest.mark.parametrize("scarce", ["threads", "limit"])
async def test_what_pools_share_goes_to_each_in_turn(
    make_app: MakeApp, served: str, scarce: str
) -> None:
    tf = make_app(threads=1)
    order: list[str] = []

    def note(ctx: Context) -> None:
        order.append(ctx.queue)

    async def anote(ctx: Context) -> None:
        order.append(ctx.queue)

    if scarce == "limit":
        task: Any = tf.task(name="work")(anote)
        tf.limit("one", task="work", concurrency=1)
        await tf.limits["one"].aput()
    else:
        task = tf.task(name="work")(note)
    for queue in "ab":
        await task.options(queue=queue).aenqueue_many([()] * 60)
    async with serving(tf, parse_queues(served, 10), settled=False):
        await eventually(lambda: len(order) >= 60, seconds=20)
    assert 15 <= order[:60].count("b") <= 45, order[:60]


async def test_shared_slots_take_no_more_jobs_than_they_are(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(slots=2, prefetch=0, poll_interval="200ms")
    held = Held(tf)
    async with serving(tf, {n: Weight(1) for n in "abcd"}) as worker:
        for queue in "abcd":
            await held.enqueue(queue, 5)
        await eventually(lambda: worker.running == 2)
        for _ in range(6):
            queue = next(name for name, count in held.now.items() if count)
            held.let_one_go(queue)
            await eventually(lambda: sum(held.now.values()) == 2)
            assert f.value(db, RUNNING) <= 3, "two run, and the end of one may be on its way"
            assert len(worker.hand.held) <= 3


async def test_a_jammed_queue_leaves_its_share_to_others(make_app: MakeApp) -> None:
    tf = make_app(slots=20, threads=1, prefetch=0)
    held, let_go = Held(tf), threading.Event()

    @tf.task(name="block")
    def block() -> None:
        let_go.wait(20)

    await block.options(queue="a").aenqueue_many([()] * 20)
    await held.enqueue("b", 50)
    try:
        async with serving(tf, {"a": Weight(1), "b": Weight(1)}, settled=False):
            await eventually(lambda: held.now["b"] == 18)
            let_go.set()
    finally:
        let_go.set()


async def test_each_queue_has_its_own_slots_and_pace(make_app: MakeApp, db: Connection) -> None:
    """A queue that is empty, or whose slots are full, slows no other down to the poll interval."""
    tf = make_app(poll_interval="1m")
    release = asyncio.Event()
    now, most = Counter[str](), Counter[str]()

    @tf.task()
    async def work(queue: str) -> None:
        now[queue] += 1
        most[queue] = max(most[queue], now[queue])
        await release.wait()
        now[queue] -= 1

    for queue in ("mail", "default", "elsewhere"):
        await work.options(queue=queue).aenqueue_many([(queue,)] * 30)
    async with serving(tf, {"mail": 2, "default": 5}, settled=False):
        await eventually(lambda: now == Counter(mail=2, default=5))
        release.set()
        await eventually(lambda: f.value(db, "select count(*) from taskflow.job_history") == 60)
    assert most == Counter(mail=2, default=5)
    assert f.value(db, "select count(*) from taskflow.job where queue = 'elsewhere'") == 30


async def test_priorities_go_first_and_a_worker_may_serve_some_only(
    tf: Taskflow, db: Connection
) -> None:
    order: list[str] = []

    @tf.task()
    async def note(priority: str) -> None:
        order.append(priority)

    for priority in ("low", "normal", "critical", "high"):
        await note.options(priority=priority).aenqueue(priority)
    async with serving(tf, {"default": 1}, priorities=(0, 2), settled=False):
        await eventually(lambda: len(order) == 2)
        await eventually(lambda: f.value(db, RUNNING) == 0)
    assert order == ["critical", "normal"]
    async with serving(tf, {"default": 1}, settled=False):
        await eventually(lambda: len(order) == 4)
    assert order[2:] == ["high", "low"]


async def test_slow_jobs_are_not_hoarded(tf: Taskflow) -> None:
    """Whatever is claimed beyond the slots waits here while another worker could run it."""
    begun, most = 0, 0

    @tf.task()
    async def slow() -> None:
        nonlocal begun
        begun += 1
        with suppress(TimeoutError):  # a job of 0.3 s
            await asyncio.wait_for(asyncio.Event().wait(), 0.3)

    await slow.aenqueue_many([()] * 60)
    async with serving(tf, {"default": 10}, settled=False) as worker:

        def look() -> bool:
            nonlocal most
            most = max(most, worker.queues["default"].in_hand)
            return begun >= 40

        await eventually(look)
    assert most <= 10 + 5


async def test_quick_jobs_are_claimed_ahead_of_the_slots(tf: Taskflow) -> None:
    @tf.task()
    async def quick() -> None: ...

    await quick.aenqueue_many([()] * 5000)
    async with serving(tf, {"default": 10}, settled=False) as worker:
        largest = 0

        def look() -> bool:
            nonlocal largest
            largest = max(largest, len(worker.hand.held))
            return worker.settler.finished == 5000

        await eventually(look, seconds=30)
    assert largest > 50


async def test_full_slots_cost_no_processor_time(tf: Taskflow) -> None:
    """With nothing to do but wait for its jobs a worker sleeps, past its poll interval too."""
    release = asyncio.Event()

    @tf.task()
    async def wait() -> None:
        await release.wait()

    await wait.aenqueue_many([()] * 10)
    async with serving(tf, {"default": 3}, settled=False) as worker:
        await eventually(lambda: worker.running == 3)
        turns = 0
        room = worker._room

        def count() -> int:
            nonlocal turns
            turns += 1
            return room()

        worker._room = count  # type: ignore[method-assign]
        begun = time.monotonic()
        await eventually(lambda: time.monotonic() - begun > 1.2)
        assert turns < 10
        release.set()


async def test_burst_ends_when_nothing_due_is_left(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def work() -> None: ...

    await work.aenqueue_many([()] * 25)
    await work.options(delay="1h").aenqueue()
    await asyncio.wait_for(Worker(tf, limits=Limits(burst=True)).run(), 10)
    assert f.value(db, "select count(*) from taskflow.job_history") == 25
    assert f.value(db, "select count(*) from taskflow.job") == 1
    assert f.value(db, "select count(*) from taskflow.worker") == 0


async def test_burst_runs_what_its_jobs_enqueue_too(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def again(n: int) -> None:
        if n:
            await again.aenqueue(n - 1)

    await again.aenqueue(5)
    await asyncio.wait_for(Worker(tf, limits=Limits(burst=True)).run(), 10)
    assert f.value(db, "select count(*) from taskflow.job_history") == 6


async def test_burst_runs_what_commits_with_the_end_of_its_last_job(
    tf: Taskflow, db: Connection
) -> None:
    """The look that finds nothing more may lie before that commit."""

    @tf.task()
    async def follow() -> None: ...

    @tf.task()
    async def lead(ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await connection.execute("select pg_sleep(0.2)")
            await follow.on(connection).aenqueue()

    await lead.aenqueue()
    await asyncio.wait_for(Worker(tf, limits=Limits(burst=True)).run(), 10)
    assert f.value(db, "select count(*) from taskflow.job_history") == 2


async def test_max_jobs_is_kept_over_all_queues(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def work() -> None: ...

    for queue in ("a", "b", "c"):
        await work.options(queue=queue).aenqueue_many([()] * 10)
    worker = Worker(tf, {"a": 5, "b": 5, "c": 5}, limits=Limits(max_jobs=13))
    await asyncio.wait_for(worker.run(), 10)
    assert worker.reached_limit
    assert f.value(db, "select count(*) from taskflow.job_history") == 13
    assert f.value(db, RUNNING) == 0


async def test_max_memory_ends_a_worker_after_its_jobs(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def work() -> None: ...

    await work.aenqueue()
    worker = Worker(tf, limits=Limits(max_memory_bytes=1))
    await asyncio.wait_for(worker.run(), 10)
    assert worker.reached_limit
    assert f.value(db, "select count(*) from taskflow.job") == 1


async def test_a_worker_serves_the_queues_of_its_settings(make_app: MakeApp) -> None:
    tf = make_app(queues="mail=3, default", slots=7)
    assert Worker(tf).slots_by_queue == {"mail": 3, "default": 7}


@pytest.mark.parametrize("text", ["a=0", "a=x", "a=10001", "a b", "=3"])
def test_bad_queues_are_refused(text: str) -> None:
    with pytest.raises(TaskflowError):
        parse_queues(text, 10)
