"""What must not bring a worker down or make it spin: exits, locks, slow settles, full slots."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import psycopg
import pytest

from taskflow import Taskflow
from taskflow.worker import Worker
from taskflow.worker import worker as worker_room
from tests.conftest import Connect
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_handler_that_exits_ends_its_job_not_the_worker(tf: Taskflow, kind: str) -> None:
    @tf.task(retry=1)
    async def leave() -> None:
        sys.exit(0)

    @tf.task(retry=1)
    def leave_thread() -> None:
        sys.exit(0)

    @tf.task()
    async def stay() -> int:
        return 1

    async with serving(tf):
        handle = await (leave if kind == "async" else leave_thread).aenqueue()
        assert (await handle.await_end(10)).error_class == "SystemExit"
        assert await (await stay.aenqueue()).aresult(10) == 1


async def test_one_locked_row_holds_up_no_other_end(
    tf: Taskflow, db: Connection, connect: Connect
) -> None:
    release = asyncio.Event()

    @tf.task()
    async def work(n: int) -> None:
        await release.wait()

    handles = [await work.aenqueue(n) for n in range(5)]
    operator = connect(autocommit=False)
    async with serving(tf, settled=False):
        await eventually(
            lambda: f.value(db, "select count(*) from taskflow.job where state = 'running'") == 5
        )
        f.call(operator, "cancel", id=handles[2].id)
        release.set()
        await eventually(lambda: f.value(db, "select count(*) from taskflow.job_history") == 4)
        assert (await handles[2].astate()) == "running"
        operator.rollback()
        assert (await handles[2].await_end(10)).state == "succeeded"


async def test_nothing_is_claimed_while_too_many_ends_wait(
    tf: Taskflow, db: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_room, "MOST_UNSETTLED", 50)

    @tf.task()
    async def work(n: int) -> None:
        return None

    await work.aenqueue_many([(n,) for n in range(500)])
    blocker = connect(autocommit=False)
    blocker.execute("lock table taskflow.job_history in exclusive mode")
    async with serving(tf, settled=False) as worker:
        await eventually(lambda: worker.settler.unconfirmed >= 50)
        held = f.value(db, "select count(*) from taskflow.job where state = 'running'")
        assert held < 300, "slots and what was claimed ahead of them, no more"
        blocker.rollback()
        await eventually(lambda: f.value(db, "select count(*) from taskflow.job_history") == 500)


async def test_full_slots_beside_an_empty_queue_cost_no_claims(
    make_app: MakeApp, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tf = make_app(poll_interval="10s")
    release = asyncio.Event()

    @tf.task(queue="reports")
    async def report(n: int) -> None:
        await release.wait()

    await report.aenqueue_many([(n,) for n in range(20)])
    async with serving(tf, {"reports": 2, "default": 5}, settled=False) as worker:
        await eventually(lambda: worker.running == 2)
        looks = _count_looks(worker, monkeypatch)
        await eventually(lambda: worker.wakeups.patience() > 1, what="it sleeps")
        assert looks[0] < 10
        release.set()


def _count_looks(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    looks, note_look = [0], worker.wakeups.note_look

    def counted() -> None:
        looks[0] += 1
        note_look()

    monkeypatch.setattr(worker.wakeups, "note_look", counted)
    return looks
