"""An idle worker is woken, a busy one looks by itself, and a lost wake-up costs a poll interval."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from taskflow import Taskflow
from taskflow.worker import waiting
from taskflow.worker.renewer import HURRY_EVERY_S
from taskflow.worker.waiting import FLOOD_PER_S, VAIN_S, Wakeups
from tests.conftest import Connect
from tests.support import factories as f
from tests.support import flows
from tests.support.notices import Listener
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
WAITERS = "select count(*) from taskflow.waiter"
LISTENERS = (
    "select pid from pg_stat_activity"
    " where application_name = 'taskflow listen' and datname = current_database()"
)


async def test_an_idle_worker_is_on_the_list_and_woken_at_once(
    make_app: MakeApp, db: Connection, connect: Connect
) -> None:
    tf = make_app(poll_interval="1m", lease="5m")

    @tf.task()
    async def work() -> None: ...

    async with serving(tf) as worker:
        await eventually(lambda: f.value(db, WAITERS) == 1)
        with Listener(connect()) as listener:
            begun = time.monotonic()
            await (await work.aenqueue()).await_end(10)
            assert time.monotonic() - begun < 5
            assert "queue default" in listener.heard()
        assert worker.wakeups.is_listening
    assert f.value(db, WAITERS) == 0


async def test_a_busy_worker_takes_its_name_off_the_list(
    make_app: MakeApp, db: Connection, connect: Connect
) -> None:
    tf = make_app(poll_interval="1m")
    release = asyncio.Event()

    @tf.task()
    async def wait() -> None:
        await release.wait()

    async with serving(tf, {"default": 2}) as worker:
        await eventually(lambda: f.value(db, WAITERS) == 1)
        await wait.aenqueue_many([()] * 10)
        await eventually(lambda: worker.running == 2)
        await eventually(lambda: f.value(db, WAITERS) == 0)
        with Listener(connect()) as listener:
            await wait.aenqueue()
            assert listener.heard() == [], "nobody waits, nobody is told"
        release.set()
        await eventually(lambda: f.value(db, "select count(*) from taskflow.job_history") == 11)
        await eventually(lambda: f.value(db, WAITERS) == 1)


async def test_nothing_is_missed_while_the_listen_connection_is_remade(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(poll_interval="1m")

    @tf.task()
    async def work() -> None: ...

    async with serving(tf) as worker:
        (pid,) = f.rows(db, LISTENERS)[0]
        assert f.value(db, "select pg_terminate_backend(%s, 5000)", pid)
        handle = await work.aenqueue()  # its notification may have nobody to hear it
        assert (await handle.await_end(10)).state == "succeeded"
        await eventually(lambda: worker.wakeups.is_listening)
        (again,) = f.rows(db, LISTENERS)[0]
        assert again != pid
        begun = time.monotonic()
        await (await work.aenqueue()).await_end(10)
        assert time.monotonic() - begun < 5


async def test_behind_a_pooler_it_polls(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(pooled=True, poll_interval="200ms")

    @tf.task()
    async def work() -> int:
        return 1

    async with serving(tf) as worker:
        assert not worker.wakeups.is_listening
        assert await (await work.aenqueue()).aresult(5) == 1
        assert f.value(db, WAITERS) == 0
        assert f.rows(db, LISTENERS) == []


async def test_a_scheduled_job_starts_when_it_is_due(make_app: MakeApp) -> None:
    tf = make_app(poll_interval="1m")

    @tf.task()
    async def work() -> None: ...

    handle = await work.options(delay="700ms").aenqueue()
    async with serving(tf, settled=False):
        job = await handle.await_end(10)
    assert job.started_at is not None
    late = (job.started_at - job.run_at).total_seconds()
    assert 0 <= late < 0.5


async def test_a_flood_of_wake_ups_ends_in_looking_by_itself(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(poll_interval="1m")
    done = 0

    @tf.task()
    async def work() -> None:
        nonlocal done
        done += 1

    async with serving(tf, {"default": 100}) as worker:
        for _ in range(400):
            db.execute("select taskflow.enqueue(%s)", (work.name,))
            await asyncio.sleep(0)
        await eventually(lambda: done == 400)
        await eventually(lambda: f.value(db, WAITERS) == 1, what="it is idle again")
        assert not worker.wakeups._is_flow


async def test_in_a_flow_the_next_step_is_looked_for_behind_an_end(
    make_app: MakeApp, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock alone a run of twenty steps would take as many of these looks."""
    monkeypatch.setattr(waiting, "FLOW_S", 1.0)
    monkeypatch.setattr(waiting, "FLOW_ENDS_S", 60.0)
    tf = make_app(poll_interval="1m")

    @tf.task(name="step")
    async def step() -> None: ...

    nodes = {f"n{n}": {"task": "step", "needs": [f"n{n - 1}"] if n else []} for n in range(20)}
    async with serving(tf) as worker:
        worker.wakeups._last_find = time.monotonic()
        worker.wakeups._is_flow, worker.wakeups._looks_behind = True, waiting.LOOKS_BEHIND
        run = flows.launch(db, nodes)
        await eventually(lambda: flows.run(db, run).state == "succeeded", seconds=10)
        assert worker.wakeups._is_flow


async def test_looks_behind_ends_stop_when_they_find_nothing(
    tf: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "BEHIND_S", 0.0)
    link: Any = None  # in a flow nothing is asked of the database
    wakeups = Wakeups(tf, link, 1, ["default"], lambda: None)
    wakeups._is_flow = True
    await wakeups.note(1, saturated=False)  # the first find for long: all looks are to be had
    looks = 0
    for _ in range(10):
        wakeups.note_end()
        if wakeups.is_due():
            looks += 1
            wakeups.note_look()
            await wakeups.note(0, saturated=False)
    wakeups.close()
    assert looks == waiting.LOOKS_BEHIND


@pytest.mark.parametrize("payload", ["queue default", "queue"])
async def test_forged_wake_ups_make_a_worker_look_only_so_often(
    make_app: MakeApp, connect: Connect, payload: str
) -> None:
    """Any role may send them, as fast as it can."""
    tf = make_app(poll_interval="1m")
    with calling(connect(), payload) as calls:
        async with serving(tf, settled=False) as worker:
            looks = count(worker.wakeups, "note_look")
            begun = time.monotonic()
            await eventually(lambda: time.monotonic() - begun > 2)
    assert calls[0] > 1000
    assert looks[0] < 2 * (FLOOD_PER_S + 1 / VAIN_S) + 30


async def test_forged_cancels_make_a_worker_renew_only_so_often(
    make_app: MakeApp, connect: Connect
) -> None:
    tf = make_app(lease="30s")
    async with serving(tf) as worker:
        renewals = count(worker.renewer, "_renew")
        with calling(connect(), f"cancel {worker.id}") as calls:
            begun = time.monotonic()
            await eventually(lambda: time.monotonic() - begun > 2)
    assert calls[0] > 1000
    assert 5 <= renewals[0] <= 2 / HURRY_EVERY_S + 3


async def test_a_job_is_found_at_once_though_wake_ups_were_forged(
    make_app: MakeApp, connect: Connect
) -> None:
    tf = make_app(poll_interval="1m")

    @tf.task()
    async def work() -> int:
        return 1

    async with serving(tf):
        with calling(connect(), "queue default"):
            for _ in range(5):
                begun = time.monotonic()
                assert await (await work.aenqueue()).aresult(5) == 1
                assert time.monotonic() - begun < 1
        begun = time.monotonic()
        assert await (await work.aenqueue()).aresult(5) == 1
        assert time.monotonic() - begun < 1


@contextmanager
def calling(session: Connection, payload: str) -> Iterator[list[int]]:
    """Notifies in a loop, from a thread, until the block ends; counts how often."""
    calls, ended = [0], threading.Event()

    def call() -> None:
        while not ended.is_set():
            session.execute("select pg_notify('taskflow', %s)", (payload,))
            calls[0] += 1

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield calls
    finally:
        ended.set()
        thread.join()


def count(part: Any, verb: str) -> list[int]:
    """Counts the calls of a method from now on."""
    calls, method = [0], getattr(part, verb)

    def counted(*args: Any) -> Any:
        calls[0] += 1
        return method(*args)

    setattr(part, verb, counted)
    return calls


async def test_an_idle_worker_sends_at_most_two_statements_a_second(
    dsn: str, tf: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the default times; counted where every statement of this process passes."""
    sent: list[str] = []
    for cursor in (psycopg.Cursor, psycopg.AsyncCursor):
        monkeypatch.setattr(cursor, "execute", counted(cursor.execute, sent))
    tf = Taskflow(dsn)
    async with serving(tf):
        await eventually(lambda: len(sent) > 3 and sent[-1] != sent[-2])
        sent.clear()
        begun = time.monotonic()
        await eventually(lambda: time.monotonic() - begun > 5)
        assert 5 <= len(sent) <= 2.0 * 5 + 1, sent
    await tf.aclose()


def counted(execute: Any, sent: list[str]) -> Any:
    def count(self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        sent.append(query)
        return execute(self, query, *args, **kwargs)

    return count
