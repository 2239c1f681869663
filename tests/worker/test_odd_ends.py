"""Ends that are hard to judge: outcomes of the user's own classes, odd delays and attempts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from taskflow import Cancel, Context, Discard, Retry, RetryLater, Snooze, Taskflow
from taskflow.worker.slots import QueueSlots
from tests.support import factories as f
from tests.support.serving import eventually, serving

Connection = psycopg.Connection[Any]


class Gone(Cancel):
    """As people write exceptions: without a thought for the base class."""

    def __init__(self, order: int) -> None:
        self.order = order


class Hopeless(Discard):
    def __init__(self, order: int) -> None:
        self.order = order


class Someday(Snooze):
    def __init__(self, order: int) -> None:
        self.order = order


class Busy(RetryLater):
    def __init__(self, order: int) -> None:
        self.order = order


class Broken(Cancel):
    @property
    def reason(self) -> str:
        raise ZeroDivisionError("a mistake of the user's")

    @reason.setter
    def reason(self, _value: str) -> None: ...


@pytest.mark.parametrize(
    ("kind", "state", "error_class"),
    [
        (Gone, "cancelled", None),
        (Hopeless, "dead", "Hopeless"),
        (Someday, "dead", "Someday"),  # without a time it says nothing: an error like any
        (Busy, "dead", "Busy"),
        (Broken, "dead", "ZeroDivisionError"),
    ],
)
async def test_an_outcome_class_that_is_half_made_ends_its_job(
    tf: Taskflow, kind: type[Any], state: str, error_class: str | None
) -> None:
    @tf.task(retry=1)
    async def leave() -> None:
        raise kind(3)

    @tf.task()
    async def stay() -> int:
        return 1

    async with serving(tf, {"default": 1}) as worker:
        job = await (await leave.aenqueue()).await_end(5)
        assert (job.state, (job.error_class or "").split(".")[-1] or None) == (state, error_class)
        assert await (await stay.aenqueue()).aresult(5) == 1, "its slot lives on"
        await eventually(lambda: not worker.hand.held)


async def test_what_cannot_be_judged_is_tried_again_like_any_failure(tf: Taskflow) -> None:
    seen: list[int] = []

    @tf.task(retry=Retry(3, base="10ms"))
    async def leave(ctx: Context) -> int:
        seen.append(ctx.attempt)
        if ctx.attempt < 3:
            raise Broken
        return 7

    async with serving(tf):
        assert await (await leave.aenqueue()).aresult(5) == 7
    assert seen == [1, 2, 3]


async def test_a_slot_outlives_whatever_its_job_raises() -> None:
    """Should a mistake of ours come through, what was claimed behind it runs all the same."""
    ran: list[Any] = []

    async def run(job: Any) -> None:
        ran.append(job)
        if len(ran) == 1:
            raise RuntimeError("a mistake of ours")

    slots = QueueSlots("default", 1, run, lambda: None)
    slots.put([SimpleNamespace(id=n) for n in range(3)])  # type: ignore[misc]
    try:
        await eventually(lambda: len(ran) == 3, seconds=2)
        assert slots.running == 0
    finally:
        await slots.close()


async def test_f4_the_jobs_own_number_of_attempts_holds_not_the_policys(tf: Taskflow) -> None:
    seen: list[int] = []

    @tf.task(retry=Retry(2, base="1ms", give_up_on=KeyError))
    async def fail(ctx: Context) -> None:
        seen.append(ctx.attempt)
        raise ValueError if ctx.attempt < 4 else KeyError("final")

    async with serving(tf):
        more = await (await fail.options(max_attempts=3).aenqueue()).await_end(10)
        assert (more.state, more.attempt, more.reason) == ("dead", 3, "failed")
        final = await (await fail.options(max_attempts=9).aenqueue()).await_end(10)
        assert (final.state, final.attempt, final.reason) == ("dead", 4, "failed")
        fewer = await (await fail.options(max_attempts=1).aenqueue()).await_end(10)
        assert (fewer.state, fewer.attempt, fewer.reason) == ("dead", 1, "failed")
    assert seen == [1, 2, 3, 1, 2, 3, 4, 1]


async def test_retry_later_holds_whatever_the_policy_says(tf: Taskflow, db: Connection) -> None:
    strict = Retry(5, retry_on=(ConnectionError,), cap="1s")

    @tf.task(retry=strict)
    async def later() -> None:
        raise RetryLater("2d")

    async with serving(tf):
        handle = await later.aenqueue()
        await eventually(lambda: f.state(db, handle.id) == "retrying")
        last = await (await later.options(max_attempts=1).aenqueue()).await_end(5)
    days = (f.job(db, handle.id).run_at - f.value(db, "select now()")).total_seconds() / 86_400
    assert 1.99 < days < 2.3
    assert (last.state, last.attempt) == ("dead", 1)


async def test_delays_below_a_hundred_microseconds_are_delays(tf: Taskflow, db: Connection) -> None:
    """Written as seconds they would be "5e-05", which is no interval."""

    @tf.task(retry=Retry(3, base="50us", jitter=0))
    async def fail() -> None:
        raise ValueError

    @tf.task()
    async def nap(ctx: Context) -> int | Snooze:
        return ctx.claim_no if ctx.claim_no > 1 else Snooze("50us")

    async with serving(tf):
        failed, napped = await fail.aenqueue(), await nap.aenqueue()
        assert (await failed.await_end(5)).attempt == 3
        assert await napped.aresult(5) == 2
    assert f.value(db, "select max(lost) from taskflow.job_history") == 0


async def test_unknown_tasks_without_end_show_as_the_last_hundred(
    tf: Taskflow, db: Connection
) -> None:
    for n in range(150):
        f.enqueue(db, f"somebody.elses.{n:03}")
    async with serving(tf, {"default": 1}, settled=False) as worker:
        delayed = "select count(*) from taskflow.job where run_at > now() + interval '1 second'"
        await eventually(lambda: f.value(db, delayed) == 150)
        shown = worker.report()["unknown_tasks"]
    assert shown == [f"somebody.elses.{n:03}" for n in range(50, 150)]
