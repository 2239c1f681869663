"""What handlers record through a real worker: async, in threads, in processes; and what breaks."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow import Context, Taskflow
from taskflow.calls import leases
from taskflow.store.call import Call, scalar
from tests.support import factories as f
from tests.support import record_tasks as tasks
from tests.support.proxy import Proxy, When
from tests.support.serving import eventually, serving
from tests.worker.conftest import QUICK, MakeApp

Connection = psycopg.Connection[Any]
shop = logging.getLogger("shop.render")


@pytest.fixture(autouse=True)
def info_is_let_through() -> Iterator[None]:
    before = shop.level
    shop.setLevel(logging.INFO)
    yield
    shop.setLevel(before)


def lines(db: Connection, job_id: int) -> list[str]:
    return [row.message for row in f.call_rows(db, "get_logs", id=job_id)]


def progress(db: Connection, job_id: int) -> Any:
    found = f.call_rows(db, "get_progress", id=job_id)
    return tuple(found[0][:3]) if found else None


# --- progress and logs ----------------------------------------------------------------------------


async def test_an_async_handler_is_heard_while_it_runs(tf: Taskflow, db: Connection) -> None:
    go_on = asyncio.Event()

    @tf.task()
    async def render(ctx: Context) -> None:
        ctx.progress(1, 3, "begun")
        ctx.log.info("hello", page=1)
        shop.info("from a library")
        shop.debug("not this")
        await go_on.wait()
        ctx.progress(3, 3)
        shop.warning("bye")

    async with serving(tf) as worker:
        handle = await render.aenqueue()
        await eventually(lambda: progress(db, handle.id) == (1, 3, "begun"))
        assert f.state(db, handle.id) == "running"
        assert str(await handle.aprogress()) == "1 of 3: begun"
        said = (await tf.aclient.explain(handle.id))[0].sentence
        assert said.endswith("1 of 3: begun.")
        assert lines(db, handle.id) == ["hello page=1", "from a library"]
        go_on.set()
        await handle.await_end(10)
        await eventually(lambda: progress(db, handle.id) == (3, 3, None))
        found = await tf.aclient.get_logs(handle.id)
        assert [(line.level, line.logger, line.message) for line in found] == [
            ("info", None, "hello page=1"),
            ("info", "shop.render", "from a library"),
            ("warning", "shop.render", "bye"),
        ]
        assert not worker.backlog.open, "nothing is kept of a job that has ended"


async def test_a_thread_is_heard(tf: Taskflow, db: Connection) -> None:
    go_on = threading.Event()

    @tf.task()
    def render(ctx: Context) -> None:
        ctx.progress(1)
        shop.info("one")
        go_on.wait(10)
        ctx.log.error("two")

    async with serving(tf):
        handle = await render.aenqueue()
        await eventually(lambda: progress(db, handle.id) == (1, None, None))
        go_on.set()
        await handle.await_end(10)
        await eventually(lambda: lines(db, handle.id) == ["one", "two"])


async def test_a_process_is_heard_while_it_runs_and_before_it_is_killed(
    dsn: str, db: Connection, tmp_path: Any
) -> None:
    """Its children write for themselves, so there is no way back that a kill could break."""
    tasks.tf.reconfigure(database_url=dsn, cpu_processes=1, **QUICK)
    try:
        async with serving(tasks.tf):
            handle = await tasks.render.aenqueue(str(tmp_path / "go"))
            await eventually(lambda: progress(db, handle.id) == (1, 2, "begun"), seconds=20)
            assert f.state(db, handle.id) == "running"
            assert lines(db, handle.id) == ["from ctx.log", "from a library"]
            (tmp_path / "go").touch()
            assert await handle.aresult(10) == [7, 7]
            assert lines(db, handle.id)[2:] == ["the end"], "written before the run ends"
            assert f.value(db, "select count(*) from taskflow.job_step") == 1
            other = await tasks.render.aenqueue(str(tmp_path / "never"))
            await eventually(lambda: len(lines(db, other.id)) == 2, seconds=20)
            await other.acancel()
            assert (await other.await_end(20)).state == "cancelled"
            assert progress(db, other.id) == (1, 2, "begun")
    finally:
        await tasks.tf.aclose()


async def test_lines_are_their_own_jobs_in_tasks_and_threads_too(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task()
    async def talk(n: int) -> None:
        shop.info("%d begins", n)

        async def child() -> None:
            await asyncio.sleep(0)
            shop.info("%d in a task", n)

        await asyncio.gather(child(), asyncio.to_thread(shop.info, "%d in a thread", n))
        shop.info("%d ends", n)

    handles = [await talk.aenqueue(n) for n in range(20)]
    async with serving(tf, {"default": 5}, settled=False):
        for handle in handles:
            await handle.await_end(10)
    for n, handle in enumerate(handles):
        said = lines(db, handle.id)
        assert said[0] == f"{n} begins"
        assert said[-1] == f"{n} ends"
        assert sorted(said[1:3]) == [f"{n} in a task", f"{n} in a thread"]


async def test_a_task_that_outlives_its_job_is_not_taken_for_the_next(
    tf: Taskflow, db: Connection
) -> None:
    told, left = asyncio.Event(), []

    @tf.task()
    async def leave() -> None:
        async def stay() -> None:
            await told.wait()
            shop.warning("from before")

        left.append(asyncio.create_task(stay()))

    @tf.task()
    async def innocent() -> None:
        told.set()
        await left[0]

    async with serving(tf, {"default": 1}):
        first = await leave.aenqueue()
        await first.await_end(10)
        second = await innocent.aenqueue()
        await second.await_end(10)
    assert (lines(db, first.id), lines(db, second.id)) == ([], [])


async def test_a_slot_stays_when_its_job_has_only_logged(tf: Taskflow) -> None:
    """A job's context variable marks no slot as used up: starting another costs 20 us."""
    slots: set[int] = set()

    @tf.task()
    async def talk() -> None:
        slots.add(id(asyncio.current_task()))
        shop.info("hello")

    handles = [await talk.aenqueue() for _ in range(50)]
    async with serving(tf, {"default": 1}, settled=False):
        for handle in handles:
            await handle.await_end(10)
    assert len(slots) == 1


@pytest.mark.parametrize("level", ["off", "error"])
async def test_how_much_is_kept_is_a_setting(make_app: MakeApp, db: Connection, level: str) -> None:
    tf = make_app(job_log_level=level)

    @tf.task()
    async def talk(ctx: Context) -> None:
        ctx.log.warning("no")
        shop.warning("no")
        ctx.log.error("yes")
        shop.error("yes")
        ctx.progress(1)

    async with serving(tf):
        handle = await talk.aenqueue()
        await handle.await_end(10)
        await eventually(lambda: progress(db, handle.id) == (1, None, None))
    assert lines(db, handle.id) == ([] if level == "off" else ["yes", "yes"])


async def test_a_job_that_records_nothing_has_no_row_no_thread_and_no_connection(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task()
    async def quiet() -> None: ...

    async with serving(tf) as worker:
        for _ in range(3):
            await (await quiet.aenqueue()).await_end(10)
        assert worker.recorder.writes == 0
        assert not [thread for thread in threading.enumerate() if "record" in thread.name]
    for table in ("job_progress", "job_log", "job_step", "result_chunk"):
        assert f.value(db, f"select count(*) from taskflow.{table}") == 0


async def test_a_connection_that_nobody_needs_is_given_back(
    tf: Taskflow, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskflow.worker.recorder.IDLE_S", 0.1)
    sessions = "select count(*) from pg_stat_activity where application_name ~ 'records'"

    @tf.task()
    async def talk(ctx: Context) -> None:
        ctx.log.info("hello")

    async with serving(tf):
        for number in range(2):
            handle = await talk.aenqueue()
            await eventually(lambda id=handle.id: lines(db, id) == ["hello"])  # type: ignore[misc]
            await eventually(lambda: f.value(db, sessions) == 0, what=f"closed, time {number}")


async def test_reports_of_many_jobs_share_a_write(tf: Taskflow, db: Connection) -> None:
    running, go_on = asyncio.Semaphore(0), asyncio.Event()

    @tf.task()
    async def render(ctx: Context) -> None:
        for n in range(1000):
            ctx.progress(n, 1000)
            ctx.log.debug("not kept")
        running.release()
        await go_on.wait()
        ctx.progress(1000, 1000)

    handles = [await render.aenqueue() for _ in range(8)]
    async with serving(tf, {"default": 8}, settled=False) as worker:
        for _ in handles:
            await running.acquire()
        count = "select count(*) from taskflow.job_progress"
        await eventually(lambda: f.value(db, count) == 8)
        go_on.set()
        for handle in handles:
            await handle.await_end(10)
    assert {progress(db, handle.id) for handle in handles} == {(1000, 1000, None)}
    assert worker.recorder.writes <= 6, "of 8,008 reports"


async def test_a_log_that_is_full_is_cut_and_harms_nobody(tf: Taskflow, db: Connection) -> None:
    db.execute("update taskflow.config set value = '10' where name = 'max_log_lines'")
    cut, go_on = asyncio.Event(), asyncio.Event()

    @tf.task()
    async def chatter(ctx: Context) -> None:
        for n in range(5000):
            ctx.log.info("line %d \0 \ud800", n)
        cut.set()
        await go_on.wait()
        ctx.log.info("more")
        ctx.progress(1)

    async with serving(tf) as worker:
        handle = await chatter.aenqueue()
        await cut.wait()
        await eventually(lambda: len(lines(db, handle.id)) == 11)
        go_on.set()
        await handle.await_end(10)
        await eventually(lambda: progress(db, handle.id) == (1, None, None))
        assert worker.backlog.dropped >= 3000
    said = lines(db, handle.id)
    assert said[0] == "line 0 \\x00 \ufffd"
    assert "ends here" in said[-1]
    assert len(said) == 11


@pytest.mark.parametrize("when", ["before", "after", "during"])
async def test_u4_a_write_whose_reply_is_lost_is_repeated_and_counts_once(
    dsn: str, make_app: MakeApp, db: Connection, when: When
) -> None:
    async with Proxy(dsn) as proxy:
        tf = make_app(proxy.dsn, lease="5m")
        cut = proxy.cut("taskflow.record_many(", when)

        @tf.task()
        async def talk(ctx: Context) -> None:
            ctx.progress(1)
            for n in range(3):
                ctx.log.info("line %d", n)
            await cut.wait()
            ctx.log.info("line 3")

        async with serving(tf):
            handle = await talk.aenqueue()
            await handle.await_end(20)
            await eventually(lambda: len(lines(db, handle.id)) >= 4)
        await tf.aclose()
    assert lines(db, handle.id) == [f"line {n}" for n in range(4)]
    assert progress(db, handle.id) == (1, None, None)


async def test_two_workers_of_a_process_hear_each_their_own(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def talk() -> None:
        shop.info("hello")

    async with serving(tf, {"default": 1}), serving(tf, {"other": 1}):
        handles = [await talk.aenqueue(), await talk.options(queue="other").aenqueue()]
        for handle in handles:
            await handle.await_end(10)
    assert [lines(db, handle.id) for handle in handles] == [["hello"], ["hello"]]
    assert not [h for h in logging.root.handlers if type(h).__name__ == "Capture"]


async def test_upkeep_goes_on_while_records_are_left(
    tf: Taskflow, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [True, True, False]

    def maintain() -> Call[Any]:
        answer = {"records_swept": 1, "more": answers.pop(0)}
        return Call("select %(answer)s::jsonb", {"answer": Jsonb(answer)}, scalar)

    monkeypatch.setattr(leases, "maintain", maintain)
    monkeypatch.setattr("taskflow.worker.upkeep.SWEEP_PAUSE_S", 0.01)
    async with serving(tf):
        await eventually(lambda: not answers)
