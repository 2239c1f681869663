"""What handlers record through a real worker: async, in threads, in processes; and what breaks."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from taskflow import Context, LeaseLost, Retry, Taskflow
from taskflow.calls import leases
from taskflow.kernel.stored import Key, reference_in
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


# --- durable steps --------------------------------------------------------------------------------


async def test_a_step_is_done_once_over_all_attempts(tf: Taskflow, db: Connection) -> None:
    done: list[str] = []

    async def charge(order: int) -> tuple[int, str]:
        done.append("charge")
        return order, "paid"

    def number() -> int:
        done.append("number")
        return len(done)

    @tf.task(retry=Retry(4, base="0s", jitter=0))
    async def order(ctx: Context, id: int) -> list[Any]:
        paid = await ctx.step("charge", charge, id)
        drawn = await ctx.astep("number", number)
        if ctx.attempt < 3:
            raise ConnectionError
        return [paid == (id, "paid"), drawn]

    @tf.task(retry=Retry(4, base="0s", jitter=0))
    def in_thread(ctx: Context) -> int:
        drawn = ctx.step("number", number)
        if ctx.attempt < 3:
            raise ConnectionError
        return drawn

    async with serving(tf):
        handle = await order.aenqueue(17)
        assert await handle.aresult(10) == [True, 2]
        assert await (await in_thread.aenqueue()).aresult(10) == 3
    assert done == ["charge", "number", "number"]
    assert [(step.name, step.claim_no) for step in await tf.aclient.get_steps(handle.id)] == [
        ("charge", 1), ("number", 1),
    ]  # fmt: skip


async def test_a_stale_run_cannot_save_a_step_and_is_told(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(reap_interval="1h")
    begun, go_on = asyncio.Event(), asyncio.Event()
    seen: list[BaseException] = []

    async def charge() -> int:
        begun.set()
        await go_on.wait()
        return 1

    @tf.task()
    async def order(ctx: Context) -> None:
        try:
            await ctx.step("charge", charge)
        except LeaseLost as error:
            seen.append(error)
            raise

    async with serving(tf) as worker:
        handle = await order.aenqueue()
        await begun.wait()
        take_over = "update taskflow.job set claim_no = claim_no + 1 where id = %s"
        db.execute(take_over, (handle.id,))
        go_on.set()
        await eventually(lambda: bool(seen))
        await eventually(lambda: handle.id not in worker.hand.held)
    assert "step" in str(seen[0])
    assert seen[0].code == "TF304"  # type: ignore[attr-defined]
    assert f.value(db, "select count(*) from taskflow.job_step") == 0


# --- large results --------------------------------------------------------------------------------


async def test_a_large_result_is_kept_apart_and_comes_back(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def dump(size: int) -> list[str]:
        return ["ä" * 1000] * size

    @tf.task()
    def in_thread(size: int) -> str:
        return "x" * size

    @tf.task()
    async def odd() -> dict[str, Any]:
        return {"$stored": {"store": "postgres", "claim_no": 1, "bytes": 3}}

    async with serving(tf):
        large, thread = await dump.aenqueue(400), await in_thread.aenqueue(700_000)
        small, strange = await dump.aenqueue(1), await odd.aenqueue()
        assert await large.aresult(10) == ["ä" * 1000] * 400
        assert await asyncio.to_thread(large.result, 10) == ["ä" * 1000] * 400
        assert await thread.aresult(10) == "x" * 700_000
        assert await small.aresult(10) == ["ä" * 1000]
        assert (await strange.aresult(10))["$stored"]["bytes"] == 3
    inline = f.rows(db, "select id, octet_length(result::text) as size from taskflow.job_history")
    assert max(row.size for row in inline) < 65536
    apart = f.rows(db, "select distinct job_id from taskflow.result_chunk")
    assert {row.job_id for row in apart} == {large.id, thread.id, strange.id}
    assert f.value(db, "select taskflow.get_result(%s)", thread.id) == "x" * 700_000
    assert f.value(db, "select length(taskflow.get_result(%s) ->> 0)", large.id) == 1000


async def test_a_large_result_of_a_handlers_own_transaction(tf: Taskflow, db: Connection) -> None:
    @tf.task()
    async def within(ctx: Context) -> str | None:
        async with ctx.transaction(result="x" * 100_000):
            return None

    @tf.task()
    def behind(ctx: Context) -> str:
        with ctx.transaction():
            pass
        return "y" * 100_000

    async with serving(tf):
        first, second = await within.aenqueue(), await behind.aenqueue()
        assert await first.aresult(10) == "x" * 100_000
        stored = "select result from taskflow.job_history where id = %s"
        await second.await_end(10)
        await eventually(lambda: f.value(db, stored, second.id))
        assert await second.aresult(10) == "y" * 100_000
    assert f.value(db, "select count(distinct job_id) from taskflow.result_chunk") == 2


async def test_a_result_beyond_the_databases_bound_fails_that_job_alone(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(max_result_bytes=10_000_000)

    @tf.task(retry=1)
    async def dump(size: int) -> str:
        return "x" * size

    async with serving(tf):
        job = await (await dump.aenqueue(2_000_000)).await_end(10)
        assert await (await dump.aenqueue(200_000)).aresult(10) == "x" * 200_000
    assert (job.state, job.error_class) == ("dead", "taskflow.errors.UnstorableResult")
    assert "TF114" in (job.error_message or "")


class Shelf:
    """A store of one's own."""

    name = "shelf"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, key: Key, raw: bytes) -> None:
        self.kept[key.path] = raw

    def get(self, key: Key) -> bytes:
        return self.kept[key.path]

    def delete(self, key: Key) -> None:
        self.kept.pop(key.path, None)


async def test_results_may_go_to_a_store_of_ones_own(tf: Taskflow, db: Connection) -> None:
    tf.result_store = shelf = Shelf()
    stale = asyncio.Event()

    @tf.task()
    async def dump(ctx: Context, how: str) -> str:
        if how == "transaction":
            async with ctx.transaction(result="x" * 100_000):
                pass
        if how == "stale":
            db.execute("update taskflow.job set claim_no = 9 where id = %s", (ctx.job_id,))
            stale.set()
        return "x" * 100_000

    async with serving(tf) as worker:
        for how in ("plain", "transaction"):
            handle = await dump.aenqueue(how)
            assert await handle.aresult(10) == "x" * 100_000
            reference = reference_in((await handle.ajob()).result)
            assert reference is not None
            assert reference.store == "shelf"
        assert len(shelf.kept) == 2
        await dump.aenqueue("stale")
        await stale.wait()
        await eventually(lambda: worker.settler.stale == 1)
        await eventually(
            lambda: len(shelf.kept) == 2, what="what a refused settle had kept is gone"
        )
    assert f.value(db, "select count(*) from taskflow.result_chunk") == 0


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
    assert [
        leases.left_work(answer)
        for answer in (None, {"records_swept": None}, {"records_swept": 49_999}, {})
    ] == [False] * 4
    assert leases.left_work({"records_swept": leases.MOST_SWEPT})
    answers = [True, True, False]
    monkeypatch.setattr(leases, "left_work", lambda _answer: answers.pop(0))
    monkeypatch.setattr("taskflow.worker.upkeep.SWEEP_PAUSE_S", 0.01)
    async with serving(tf):
        await eventually(lambda: not answers)
