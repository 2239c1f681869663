"""Handles in both colours: state, result, cancel; waits that are woken or look by themselves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow import JobCancelled, JobFailed, JobNotFound, ResultTimeout, Taskflow
from taskflow.handle import Handle
from tests.sdk.conftest import Tasks, define
from tests.support import factories
from tests.support.factories import Connection, value
from tests.support.serving import eventually, serving
from tests.support.waiting import until, until_async


def settle(db: Connection, outcome: str = "completed", **how: Any) -> None:
    """Does a worker's work on the one job there is, by hand."""
    (job,) = factories.claim(db, factories.join(db), 1, "default", "mail")
    assert factories.settle(db, job, outcome, **how) == "applied"


def watched(db: Connection) -> Any:
    return value(db, "select count(*) from taskflow.watcher")


async def is_running(handle: Handle[Any]) -> bool:
    return await handle.astate() == "running"


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    return thread, answers


async def test_results_have_their_types(tf: Taskflow, tasks: Tasks) -> None:
    async with serving(tf, {"default": 5, "mail": 5}):
        total, greeting = await tasks.add.aenqueue(2, 3), await tasks.greet.aenqueue("Ada")
        assert await total.aresult(timeout=10) == 5
        assert await greeting.aresult(timeout="10s") == "Hello Ada"
        assert await total.astate() == "succeeded"
        assert (await total.ajob()).attempt == 1


def test_blocking_state_and_result(db: Connection, tasks: Tasks) -> None:
    handle = tasks.add.enqueue(1)
    assert handle.state() == "available"
    settle(db, result=Jsonb(41))
    assert handle.state() == "succeeded"
    assert handle.result() == 41
    assert handle.wait().is_finished


def test_a_job_known_only_by_its_id(db: Connection, tf: Taskflow, tasks: Tasks) -> None:
    id = tasks.greet.enqueue("Ada").id
    settle(db, result=Jsonb({"any": [1]}))
    assert tf.handle(id).result() == {"any": [1]}


def test_no_result_is_none(db: Connection, tasks: Tasks) -> None:
    handle = tasks.add.enqueue(1)
    settle(db)
    assert handle.result() is None


async def test_a_dead_job_says_what_it_died_of(tf: Taskflow, tasks: Tasks) -> None:
    async with serving(tf):
        handle = await tasks.fail.aenqueue("no such order")
        with pytest.raises(JobFailed, match=r"dead after 1 attempt: .*ValueError: no such") as died:
            await handle.aresult(timeout=10)
        assert died.value.job_id == handle.id


def test_a_cancelled_job(db: Connection, tasks: Tasks) -> None:
    handle = tasks.add.enqueue(1)
    assert handle.cancel("changed my mind") == "cancelled"
    assert handle.cancel() == "finished"
    with pytest.raises(JobCancelled, match="changed my mind"):
        handle.result()


async def test_a_running_job_is_asked_to_stop(tf: Taskflow, tasks: Tasks) -> None:
    async with serving(tf):
        handle = await tasks.sleep.aenqueue()
        await until_async(lambda: is_running(handle))
        assert await handle.acancel("enough") == "requested"
        with pytest.raises(JobCancelled, match="enough"):
            await handle.aresult(timeout=10)


def test_a_job_that_was_never_committed(dsn: str, tf: Taskflow, tasks: Tasks) -> None:
    with psycopg.connect(dsn) as connection:
        handle = tasks.add.on(connection).enqueue(1)
        with pytest.raises(JobNotFound, match="not committed"):
            handle.state()
        connection.rollback()
    with pytest.raises(JobNotFound):
        handle.result()


def test_a_timeout_leaves_the_job_alone(tasks: Tasks) -> None:
    handle = tasks.add.enqueue(1)
    with pytest.raises(ResultTimeout, match="It goes on"):
        handle.result(timeout="50ms")
    assert handle.state() == "available"


async def test_an_async_timeout(tasks: Tasks) -> None:
    handle = await tasks.add.aenqueue(1)
    with pytest.raises(ResultTimeout):
        await handle.aresult(timeout=0.05)


# --- being woken ----------------------------------------------------------------------------------


@pytest.fixture
def only_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks by itself so seldom that only a notification can end a wait in time."""
    monkeypatch.setattr("taskflow.waits.FIRST_LOOK", 60.0)
    monkeypatch.setattr("taskflow.waits.LONGEST_LOOK", 60.0)


def test_a_blocking_wait_is_woken(only_woken: None, db: Connection, tasks: Tasks) -> None:
    handle = tasks.add.enqueue(1)
    thread, answers = in_thread(lambda: handle.result(timeout=60))
    until(lambda: watched(db), what="it waits")
    started = time.monotonic()
    settle(db, result=Jsonb(7))
    thread.join(10)
    assert answers == [7]
    assert time.monotonic() - started < 5


async def test_an_async_wait_is_woken(
    only_woken: None, db: Connection, tf: Taskflow, tasks: Tasks
) -> None:
    handle = await tasks.add.aenqueue(1)
    listener = tf.listener()
    await eventually(lambda: listener.is_listening)
    waiting = asyncio.create_task(handle.aresult(timeout=60))
    await eventually(lambda: watched(db), what="it waits")
    settle(db, result=Jsonb(7))
    assert await asyncio.wait_for(waiting, 10) == 7


async def test_many_wait_for_one_job(db: Connection, tf: Taskflow, tasks: Tasks) -> None:
    handle = await tasks.add.aenqueue(1)
    waiting = [asyncio.create_task(handle.aresult(timeout=20)) for _ in range(20)]
    await eventually(lambda: watched(db), what="it waits")
    settle(db, result=Jsonb(7))
    assert await asyncio.gather(*waiting) == [7] * 20


# --- looking --------------------------------------------------------------------------------------


@pytest.fixture
def pooled(dsn: str) -> Taskflow:
    """An app that believes there is a transaction pooler in its way."""
    return Taskflow(dsn, pooled=True, pool_size=3)


def test_without_listen_a_blocking_wait_looks(db: Connection, pooled: Taskflow) -> None:
    handle = define(pooled).add.enqueue(1)
    thread, answers = in_thread(lambda: handle.result(timeout=20))
    until(lambda: watched(db), what="it waits")
    settle(db, result=Jsonb(7))
    thread.join(10)
    assert answers == [7]
    pooled.close()


async def test_without_listen_an_async_wait_looks(db: Connection, pooled: Taskflow) -> None:
    handle: Handle[int] = await define(pooled).add.aenqueue(1)
    waiting = asyncio.create_task(handle.aresult(timeout=20))
    await asyncio.sleep(0)
    settle(db, result=Jsonb(7))
    assert await waiting == 7
    assert not pooled.listener().is_listening
    await pooled.aclose()


def test_a_wait_outlives_its_listening_connection(db: Connection, tasks: Tasks) -> None:
    handle = tasks.add.enqueue(1)
    thread, answers = in_thread(lambda: handle.result(timeout=20))
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen taskflow'"
    until(lambda: value(db, ended), what="its LISTEN connection is ended")
    settle(db, result=Jsonb(7))
    thread.join(10)
    assert answers == [7]
