"""run_in="process": handlers in children that can really be killed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from taskflow import Taskflow
from taskflow.errors import InvalidDefinition
from tests.support import factories as f
from tests.support import process_tasks as tasks
from tests.support.serving import eventually, serving
from tests.worker.conftest import QUICK

Connection = psycopg.Connection[Any]


@pytest.fixture
async def tf(dsn: str) -> AsyncIterator[Taskflow]:
    """The app of tests/support/process_tasks.py on this test's database."""
    tasks.tf.reconfigure(database_url=dsn, cpu_processes=1, **QUICK)
    yield tasks.tf
    await tasks.tf.aclose()


async def test_children_run_handlers_and_hand_back_how_they_ended(
    tf: Taskflow, db: Connection
) -> None:
    async with serving(tf):
        pid = await (await tasks.pid_of_child.aenqueue()).aresult(20)
        assert pid != os.getpid()
        handle = await tasks.own_module.aenqueue()
        name = "tests.support.process_tasks"
        assert await handle.aresult(10) == [f"{name}.own_module", f"taskflow-{handle.id}", name]
        cancelled = await (await tasks.outcome.aenqueue()).await_end(10)
        assert (cancelled.state, cancelled.reason) == ("cancelled", "said by a child")
        failed = await (await tasks.fail.aenqueue("from below")).await_end(10)
        assert (failed.error_class, failed.error_message) == ("ValueError", "from below")
        assert "in fail" in (failed.traceback or "")
        stopped = await (await tasks.stop_iteration.aenqueue()).await_end(10)
        assert (stopped.state, stopped.error_class) == ("dead", "RuntimeError")
        refused = await (await tasks.unstorable.aenqueue()).await_end(10)
        assert refused.error_class == "taskflow.errors.UnstorableResult"
        assert pid == await (await tasks.pid_of_child.aenqueue()).aresult(10), "one child for all"


async def test_a_child_that_dies_costs_one_attempt_and_is_replaced(tf: Taskflow) -> None:
    async with serving(tf):
        job = await (await tasks.crash.aenqueue()).await_end(20)
        assert job.state == "dead"
        assert job.lost == 0
        assert (job.error_class or "").endswith("WorkerProcessDied")
        assert await (await tasks.pid_of_child.aenqueue()).aresult(20)


async def test_a_timeout_kills_the_child(tf: Taskflow, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    async with serving(tf):
        await (await tasks.pid_of_child.aenqueue()).aresult(20)  # the child is up: time counts now
        hopeless = tasks.compute_for_ever.options(timeout="1s")
        job = await (await hopeless.aenqueue(str(pid_file))).await_end(20)
        assert (job.state, job.error_class) == ("dead", "taskflow.errors.TaskTimeout")
        pid = int(pid_file.read_text())
        await eventually(lambda: not is_alive(pid), what="the child is gone")
        assert await (await tasks.pid_of_child.aenqueue()).aresult(20) != pid


async def test_the_start_of_a_child_does_not_count_as_running(tf: Taskflow) -> None:
    """A new interpreter imports the app first; with a short timeout no job would ever get there."""
    async with serving(tf):
        quick = tasks.pid_of_child.options(timeout="150ms", max_attempts=1)
        job = await (await quick.aenqueue()).await_end(20)
        assert job.state == "succeeded"


async def test_waiting_for_a_child_is_not_running(tf: Taskflow, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    async with serving(tf) as worker:
        first = await tasks.compute_for_ever.aenqueue(str(pid_file))
        await eventually(lambda: pid_file.exists() and pid_file.read_text(), seconds=20)
        quick = tasks.pid_of_child.options(timeout="200ms", max_attempts=1)
        second = await quick.aenqueue()
        await eventually(lambda: second.id in worker.hand.held)
        begun = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.get_running_loop().time() - begun > 0.5)
        assert worker.running == 1
        assert await first.acancel() == "requested"
        assert (await second.await_end(20)).state == "succeeded"


async def test_a_cancel_kills_the_child(tf: Taskflow, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    async with serving(tf):
        handle = await tasks.compute_for_ever.aenqueue(str(pid_file))
        await eventually(lambda: pid_file.exists() and pid_file.read_text(), seconds=20)
        assert await handle.acancel("enough") == "requested"
        job = await handle.await_end(20)
        assert (job.state, job.reason) == ("cancelled", "enough")
        await eventually(lambda: not is_alive(int(pid_file.read_text())))


async def test_a_stopping_worker_leaves_no_child_behind(
    tf: Taskflow, tmp_path: Path, db: Connection
) -> None:
    pid_file = tmp_path / "pid"
    async with serving(tf):
        handle = await tasks.compute_for_ever.aenqueue(str(pid_file))
        await eventually(lambda: pid_file.exists() and pid_file.read_text(), seconds=20)
    assert not is_alive(int(pid_file.read_text()))
    job = f.job(db, handle.id)
    assert (job.state, job.attempt, job.lost) == ("available", 0, 0)


async def test_a_childs_own_transaction_settles_its_job(tf: Taskflow, db: Connection) -> None:
    db.execute("drop table if exists effect; create table effect (n int)")
    async with serving(tf):
        done = await (await tasks.write_in_transaction.aenqueue(5)).await_end(20)
        failed = await (await tasks.write_and_fail.aenqueue(6)).await_end(20)
        assert (done.state, failed.state) == ("succeeded", "dead")
        assert f.value(db, "select array_agg(n) from effect") == [5]
        result = "select result from taskflow.job_history where id = %s"
        await eventually(lambda: f.value(db, result, done.id) == "written")
        follow_up = "select count(*) from taskflow.job_history where task like '%%pid_of_child'"
        await eventually(lambda: f.value(db, follow_up) == 1)
    db.execute("drop table effect")


async def test_a_task_that_a_child_cannot_import_fails_with_the_way_out(tf: Taskflow) -> None:
    @tf.task(run_in="process", retry=1, name="hidden")
    def hidden() -> None: ...

    try:
        async with serving(tf):
            job = await (await hidden.aenqueue()).await_end(20)
    finally:
        del tf.tasks["hidden"]
    assert (job.error_class or "").endswith(InvalidDefinition.__name__)
    assert "module level" in (job.error_message or "")


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_an_error_that_cannot_travel_breaks_nothing(tf: Taskflow) -> None:
    async with serving(tf):
        failed = await (await tasks.unportable.aenqueue()).await_end(20)
        assert "TwoWords: never arrives" in (failed.error_message or "")
        assert await (await tasks.pid_of_child.aenqueue()).aresult(20), "the pool goes on"
