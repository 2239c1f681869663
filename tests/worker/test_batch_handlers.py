"""Handlers of many jobs: one call for those that wait, an end of its own for each of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from taskflow import Cancel, Context, Snooze, Taskflow
from taskflow.errors import InvalidDefinition, InvalidOption, LeaseLost
from taskflow.worker.executors.all import make_executors
from tests.support import factories as f
from tests.support.ends import LEFT, all_gone, column, ends
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


@dataclass
class Document:
    id: int
    text: str = ""


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
