"""Handlers of every kind run, and how they end is what the database says."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from taskflow import Cancel, Context, Discard, JobFailed, Retry, RetryLater, Snooze, Taskflow
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def test_async_and_thread_handlers_run_and_their_results_are_kept(tf: Taskflow) -> None:
    @tf.task()
    async def add(a: int, b: int = 2) -> int:
        return a + b

    @tf.task()
    def where(ctx: Context) -> dict[str, Any]:
        return {"thread": threading.current_thread().name, "job": ctx.job_id}

    @tf.task()
    async def nothing() -> int | None:
        return None

    async with serving(tf):
        assert await (await add.aenqueue(40)).aresult(10) == 42
        handle = await where.aenqueue()
        found = await handle.aresult(10)
        assert found["thread"].startswith("taskflow")
        assert found["job"] == handle.id
        empty = await nothing.aenqueue()
        assert await empty.aresult(10) is None
        assert (await empty.ajob()).result is None


async def test_an_unstorable_result_fails_that_job_alone(tf: Taskflow, db: Connection) -> None:
    @tf.task(retry=1)
    async def answer(n: int) -> str:
        return "\0" if n == 3 else str(n)

    handles = [await answer.aenqueue(n) for n in range(6)]
    async with serving(tf, settled=False):
        jobs = [await handle.await_end(10) for handle in handles]
    assert [job.state for job in jobs] == ["succeeded"] * 3 + ["dead"] + ["succeeded"] * 2
    assert jobs[3].error_class == "taskflow.errors.UnstorableResult"
    assert "TF105" in (jobs[3].error_message or "")


async def test_a_batch_that_the_database_refuses_is_settled_one_by_one(
    tf: Taskflow, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should our own check ever let something through, it costs that one job."""
    monkeypatch.setattr("taskflow.kernel.codec.is_suspicious", lambda _out: False)
    monkeypatch.setattr("taskflow.kernel.codec.survey", lambda *_: None)

    @tf.task(retry=1)
    async def answer(n: int) -> str:
        return "a\0" if n == 3 else str(n)

    handles = [await answer.aenqueue(n) for n in range(6)]
    async with serving(tf, settled=False):
        jobs = [await handle.await_end(10) for handle in handles]
    assert [job.state for job in jobs] == ["succeeded"] * 3 + ["dead"] + ["succeeded"] * 2
    assert jobs[3].error_class == "taskflow.errors.UnstorableResult"


async def test_a_reason_that_the_database_refuses_costs_that_job_alone(tf: Taskflow) -> None:
    @tf.task(retry=1)
    async def leave(n: int) -> None:
        if n == 1:
            raise Cancel("bad \0 reason")

    handles = [await leave.aenqueue(n) for n in range(3)]
    async with serving(tf, settled=False):
        jobs = [await handle.await_end(10) for handle in handles]
    assert [job.state for job in jobs] == ["succeeded", "cancelled", "succeeded"]
    assert jobs[1].reason == r"bad \x00 reason"


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_a_handler_may_say_how_its_run_ends(
    tf: Taskflow, db: Connection, kind: str, raised: bool
) -> None:
    outcomes = {
        "snooze": Snooze("1h", reason="too early"),
        "until": Snooze(until=datetime.now(UTC) + timedelta(hours=1)),
        "cancel": Cancel("order is gone"),
        "discard": Discard("never will"),
        "later": RetryLater("1h", "busy"),
    }

    def act(which: str) -> Any:
        if raised:
            raise outcomes[which]
        return outcomes[which]

    async def act_async(which: str) -> Any:
        return act(which)

    task = tf.task(name="act")(act_async if kind == "async" else act)
    ids = {which: (await task.aenqueue(which)).id for which in outcomes}
    async with serving(tf, settled=False):
        await eventually(lambda: f.value(db, "select count(*) from taskflow.attempt") == 5)
    jobs = {which: f.job(db, id) for which, id in ids.items()}
    in_an_hour = timedelta(minutes=59), timedelta(minutes=70)  # retry_after has some jitter on top
    for which, attempt in (("snooze", 0), ("until", 0), ("later", 1)):
        wait = jobs[which].run_at - f.value(db, "select now()")
        assert in_an_hour[0] < wait < in_an_hour[1], which
        assert jobs[which].attempt == attempt
    assert (jobs["cancel"].state, jobs["cancel"].reason) == ("cancelled", "order is gone")
    assert (jobs["discard"].state, jobs["discard"].reason) == ("dead", "never will")
    recorded = f.rows(db, "select job_id, outcome, reason from taskflow.attempt")
    assert {(row.job_id, row.outcome) for row in recorded} == {
        (ids["snooze"], "snoozed"),
        (ids["until"], "snoozed"),
        (ids["cancel"], "cancelled"),
        (ids["discard"], "discarded"),
        (ids["later"], "failed"),
    }


class RateLimited(Exception):
    retry_after = 120


async def test_failures_are_recorded_and_retried_by_their_type(
    tf: Taskflow, db: Connection
) -> None:
    policy = Retry(3, base="0s", jitter=0, give_up_on=(KeyError,), rules={TimeoutError: "30m"})

    @tf.task(retry=policy)
    async def fail(how: str) -> None:
        raise {
            "plain": ValueError("order 17 is odd"),
            "final": KeyError("gone"),
            "slow": TimeoutError(),
            "limited": RateLimited(),
        }[how]

    async with serving(tf) as worker:
        plain = await (await fail.aenqueue("plain")).await_end(10)
        final = await (await fail.aenqueue("final")).await_end(10)
        slow, limited = await fail.aenqueue("slow"), await fail.aenqueue("limited")
        await eventually(lambda: f.state(db, slow.id) == "retrying")
        await eventually(lambda: f.state(db, limited.id) == "retrying")
    assert (plain.state, plain.attempt, plain.reason) == ("dead", 3, "failed")
    assert (plain.error_class, plain.error_message) == ("ValueError", "order 17 is odd")
    assert "in fail" in (plain.traceback or "")
    assert len(plain.fingerprint or "") == 16
    attempts = f.rows(db, "select * from taskflow.attempt where job_id = %s order by 3", plain.id)
    assert [row.attempt for row in attempts] == [1, 2, 3]
    assert {row.worker_id for row in attempts} == {worker.id}
    assert {row.fingerprint for row in attempts} == {plain.fingerprint}
    assert all("ValueError: order 17 is odd" in row.traceback for row in attempts)
    assert (final.state, final.attempt) == ("dead", 1)
    now = f.value(db, "select now()")
    assert 29 * 60 < (f.job(db, slow.id).run_at - now).total_seconds() < 31 * 60
    assert 110 < (f.job(db, limited.id).run_at - now).total_seconds() < 150
    with pytest.raises(JobFailed, match="order 17"):
        await tf.handle(plain.id).aresult(1)


async def test_a_failed_job_that_may_run_at_once_runs_again_in_the_same_worker(
    tf: Taskflow, db: Connection
) -> None:
    """Its second claim may arrive before the answer to its first settle."""
    seen: list[int] = []

    @tf.task(retry=Retry(50, base="0s", jitter=0))
    async def flaky(ctx: Context) -> None:
        seen.append(ctx.attempt)
        if ctx.attempt < 20:
            raise ValueError

    handles = [await flaky.aenqueue() for _ in range(20)]
    async with serving(tf, settled=False):
        for handle in handles:
            assert (await handle.await_end(20)).state == "succeeded"
    assert len(seen) == 400
    assert f.value(db, "select max(lost) from taskflow.job_history") == 0


async def test_context_variables_of_one_job_are_not_seen_by_the_next(tf: Taskflow) -> None:
    user = contextvars.ContextVar("user", default="nobody")
    seen: list[str] = []

    @tf.task()
    async def remember(name: str) -> None:
        seen.append(user.get())
        user.set(name)

    @tf.task()
    def remember_in_thread(name: str) -> None:
        seen.append(user.get())
        user.set(name)

    handles = [await remember.aenqueue(str(n)) for n in range(10)]
    handles += [await remember_in_thread.aenqueue(str(n)) for n in range(10)]
    async with serving(tf, {"default": 1}, settled=False):
        for handle in handles:
            await handle.await_end(10)
    assert seen == ["nobody"] * 20


def is_scheduled(db: Connection, id: int) -> bool:
    return f.state(db, id) == "scheduled"


async def test_unknown_tasks_go_back_with_a_delay_and_show(
    make_app: MakeApp, db: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    tf = make_app(unknown_task_delay="1h", lease="300ms")
    ids = f.enqueue_many(db, 3, "somebody.elses")
    async with serving(tf, settled=False) as worker:
        for id in ids:
            await eventually(partial(is_scheduled, db, id))
        said = "select unknown_tasks from taskflow.worker where id = %s"
        await eventually(lambda: f.value(db, said, worker.id) == ["somebody.elses"])
    job = f.job(db, ids[0])
    assert (job.attempt, job.lost, job.worker_id) == (0, 0, None)
    told = [line.message for line in caplog.records if "somebody.elses" in line.message]
    assert told == ["task somebody.elses is not known here; its jobs go back for 1h"], (
        "once per name, not per job"
    )


async def test_arguments_that_do_not_fit_fail_the_job_with_their_name(
    tf: Taskflow, db: Connection
) -> None:
    @tf.task(name="greet", retry=1)
    async def greet(name: str) -> None: ...

    id = f.enqueue(db, "greet", args={"name": 17}, max_attempts=1)
    async with serving(tf, settled=False):
        job = await tf.handle(id).await_end(10)
    assert job.state == "dead"
    assert "name" in (job.error_message or "")


async def test_a_handler_that_cancels_itself_has_failed(tf: Taskflow) -> None:
    @tf.task(retry=1)
    async def give_up() -> None:
        raise asyncio.CancelledError

    @tf.task()
    async def fine() -> int:
        return 1

    async with serving(tf, {"default": 1}):
        job = await (await give_up.aenqueue()).await_end(10)
        assert (job.state, job.error_class) == ("dead", "asyncio.exceptions.CancelledError")
        assert await (await fine.aenqueue()).aresult(10) == 1
