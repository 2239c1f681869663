"""Handlers of many jobs: one call for those that wait, an end of its own for each of them."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from taskflow import Cancel, Context, Snooze, Taskflow
from taskflow.errors import InvalidDefinition, InvalidOption, LeaseLost
from taskflow.worker import Worker
from taskflow.worker.executors.all import make_executors
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
LEFT = "select count(*) from taskflow.job"
ENDS = """
select id, state::text, result, reason from taskflow.job_history
 union all select id, 'dead', null, coalesce(reason, '') || ' ' || coalesce(error_class, '')
  from taskflow.dead_job
 union all select id, state::text, null, null from taskflow.job order by id"""


@dataclass
class Document:
    id: int
    text: str = ""


def ends(db: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row)[1:] for row in f.rows(db, ENDS)]


def column(db: Connection, statement: str) -> list[Any]:
    return [row[0] for row in f.rows(db, statement)]


async def all_gone(db: Connection) -> None:
    await eventually(lambda: f.value(db, LEFT) == 0, what="all jobs have ended")


async def test_a_call_takes_all_that_wait_up_to_its_size(tf: Taskflow, db: Connection) -> None:
    calls: list[list[int]] = []

    @tf.batch_handler(size=4, wait="200ms")
    async def index(documents: list[Document]) -> list[str]:
        calls.append([document.id for document in documents])
        return [f"doc {document.id}" for document in documents]

    handle = await index.aenqueue(Document(0))
    await index.aenqueue_many([(Document(n),) for n in range(1, 10)])
    async with serving(tf, {"default": 10}, settled=False):
        assert await handle.aresult(timeout="10s") == "doc 0"
        await all_gone(db)
    assert sorted(map(len, calls)) == [2, 4, 4]
    assert sorted(n for call in calls for n in call) == list(range(10))
    assert [row[1] for row in ends(db)] == [f"doc {n}" for n in range(10)]


async def test_each_job_has_an_end_of_its_own(tf: Taskflow, db: Connection) -> None:
    @tf.batch_handler(size=5, wait="5s", retry=1)
    async def mixed(items: list[int]) -> list[int | Exception]:
        return [1, Cancel("gone"), Snooze("1h", reason="later"), ValueError("odd"), 5]

    await mixed.aenqueue_many([(n,) for n in range(5)])
    async with serving(tf, {"default": 5}, settled=False):
        await eventually(lambda: f.value(db, LEFT + " where state = 'running'") == 0
                         and len(ends(db)) == 5 and f.value(db, LEFT) == 1)  # fmt: skip
    assert ends(db) == [
        ("succeeded", 1, None),
        ("cancelled", None, "gone"),
        ("ready", None, None),
        ("dead", None, "failed ValueError"),
        ("succeeded", 5, None),
    ]


async def test_what_the_handler_raises_ends_all_of_them(tf: Taskflow, db: Connection) -> None:
    @tf.batch_handler(size=3, wait="5s", retry=1)
    async def broken(items: list[int]) -> None:
        raise ConnectionError("no route")

    await broken.aenqueue_many([(n,) for n in range(3)])
    async with serving(tf, {"default": 5}, settled=False):
        await all_gone(db)
    assert ends(db) == [("dead", None, "failed ConnectionError")] * 3
    traces = [row.traceback for row in f.rows(db, "select traceback from taskflow.dead_job")]
    assert len(set(traces)) == 1, "none shows the frames of another's"


async def test_an_answer_that_fits_no_job_fails_all(tf: Taskflow, db: Connection) -> None:
    @tf.batch_handler(size=2, wait="5s", retry=1)
    async def short(items: list[int]) -> list[int]:
        return items[:1]

    await short.aenqueue_many([(1,), (2,)])
    async with serving(tf, {"default": 5}, settled=False):
        await all_gone(db)
    (message, *_) = column(db, "select error_message from taskflow.dead_job")
    assert "took 2 jobs and must return a list of 2 values, got 1 of them" in message


async def test_arguments_that_do_not_fit_fail_their_job_alone(tf: Taskflow, db: Connection) -> None:
    @tf.batch_handler(size=2, wait="100ms", retry=1, name="index")
    async def index(items: list[Document]) -> None: ...

    f.enqueue(db, "index", args='{"item": {"id": "x"}}', max_attempts=1)
    f.enqueue(db, "index", args='{"item": {"id": 7}}')
    async with serving(tf, {"default": 5}, settled=False):
        await all_gone(db)
    assert [row[0] for row in ends(db)] == ["dead", "succeeded"]


async def test_def_handlers_run_in_a_thread(tf: Taskflow, db: Connection) -> None:
    @tf.batch_handler(size=3, wait="5s")
    def index(contexts: list[Context], items: list[int]) -> list[str]:
        for context, item in zip(contexts, items, strict=True):
            context.log.info("item %d", item)
        return [f"{threading.current_thread().name} {item}" for item in items]

    await index.aenqueue_many([(n,) for n in range(3)])
    async with serving(tf, {"default": 5}, settled=False):
        await all_gone(db)
    results = [str(row[1]) for row in ends(db)]
    assert all(result.startswith("taskflow_") for result in results)
    assert [result[-1] for result in results] == ["0", "1", "2"]
    ids = column(db, "select id from taskflow.job_history order by id")
    await eventually(lambda: len(column(db, "select message from taskflow.job_log")) == 3)
    logged = f.rows(db, "select job_id, message from taskflow.job_log order by job_id")
    assert [(row.job_id, row.message) for row in logged] == [
        (id, f"item {n}") for n, id in enumerate(ids)
    ]


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


class Odd:
    """A lazy object that breaks whoever looks at it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} here")


async def test_odd_values_fail_their_jobs_alone(tf: Taskflow, db: Connection) -> None:
    @tf.batch_handler(size=3, wait="5s", retry=1)
    async def odd(items: list[int]) -> list[Any]:
        return [Odd(), 1, StopIteration()]

    await odd.aenqueue_many([(n,) for n in range(3)])
    async with serving(tf, {"default": 5}, settled=False):
        await all_gone(db)
    assert [row[0] for row in ends(db)] == ["dead", "succeeded", "dead"]


class LooksBroken(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} here")


class NoTrace(Exception):
    @property
    def __traceback__(self) -> Any:
        raise RuntimeError("no traceback here")

    @__traceback__.setter
    def __traceback__(self, _value: Any) -> None: ...


class NoId(LeaseLost):
    @property
    def job_id(self) -> int:  # type: ignore[override]
        raise RuntimeError("no id here")


@pytest.mark.parametrize("is_part", [True, False])
@pytest.mark.parametrize("kind", [LooksBroken, NoTrace, NoId])
async def test_odd_exceptions_end_their_jobs(
    tf: Taskflow, db: Connection, kind: type[Exception], is_part: bool
) -> None:
    @tf.batch_handler(size=2, wait="5s", retry=1)
    async def odd(items: list[int]) -> list[Any]:
        if is_part:
            return [kind("odd"), 1]
        raise kind("odd")

    await odd.aenqueue_many([(n,) for n in range(2)])
    async with serving(tf, {"default": 5}, settled=False) as worker:
        if kind is NoId and is_part:  # that its lease is lost is said: the reaper's, then
            await eventually(lambda: f.value(db, LEFT) == 1)
        else:
            await all_gone(db)
        await eventually(lambda: worker.running == 0)


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


def test_jobs_for_threads_are_held_by_the_size_of_their_calls(make_app: MakeApp) -> None:
    tf = make_app(threads=2)

    @tf.batch_handler(size=10_000)
    async def large(items: list[int]) -> None: ...

    @tf.batch_handler(size=3)
    def small(items: list[int]) -> None: ...

    executors = make_executors(tf, lambda _queue: False)
    assert executors["batch thread"].places.wanted == 2 * 2 * 3
    for executor in executors.values():
        executor.close()


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


async def test_a_call_does_not_wait_for_jobs_that_no_slot_could_take(
    tf: Taskflow, db: Connection
) -> None:
    calls: list[int] = []

    @tf.batch_handler(size=10, wait="1m")
    async def work(items: list[int]) -> None:
        calls.append(len(items))

    await work.aenqueue_many([(n,) for n in range(6)])
    async with serving(tf, {"default": 3}, settled=False):
        await all_gone(db)
    assert calls == [3, 3]


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


async def test_a_transaction_of_its_own_settles_a_job_inside_the_call(
    tf: Taskflow, db: Connection
) -> None:
    @tf.batch_handler(size=2, wait="5s")
    async def store(contexts: list[Context], items: list[int]) -> None:
        async with contexts[0].transaction() as connection:
            await connection.execute("create temporary table t (n int) on commit drop")
        raise ValueError("after the first has committed")

    await store.options(max_attempts=1).aenqueue_many([(1,), (2,)])
    async with serving(tf, {"default": 5}, settled=False):
        await all_gone(db)
    assert sorted(row[0] for row in ends(db)) == ["dead", "succeeded"]


def two(a: list[int], b: list[int]) -> None: ...
def none() -> None: ...
def scalar(a: int) -> None: ...
def context(ctx: Context, items: list[int]) -> None: ...
def by_name(*, items: list[int]) -> None: ...
def text(items: list[int]) -> str:
    return ""


def table(items: list[int]) -> dict[str, int]:
    return {}


@pytest.mark.parametrize("handler", [two, none, scalar, context, by_name, text, table])
def test_other_shapes_are_refused(tf: Taskflow, handler: Any) -> None:
    with pytest.raises(InvalidDefinition, match=r"many jobs|its own|by position"):
        tf.batch_handler()(handler)


@pytest.mark.parametrize("size", [0, 10_001, True, 2.5, "3"])
def test_sizes_are_bounded(tf: Taskflow, size: Any) -> None:
    handler: Any = lambda items: None  # noqa: E731
    with pytest.raises(InvalidOption, match="it must be 1 to 10000"):
        tf.batch_handler(size=size)(handler)
