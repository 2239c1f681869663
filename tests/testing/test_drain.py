"""drain() runs what is due with the real claim, runner and settle, and nothing else."""

from __future__ import annotations

import threading
from decimal import Decimal

import psycopg
import pytest

from taskflow import JobCancelled, TaskflowError
from taskflow.errors import SyncCallInLoop
from taskflow.testing import Kit
from tests.testing import shop


def prices(kit: Kit) -> list[Decimal]:
    return [price for (price,) in kit.connection.execute("select price from orders")]


def test_runs_what_is_due_and_answers_what_became_of_it(taskflow: Kit) -> None:
    handle = shop.receipt.enqueue(42, locale="de")
    later = shop.receipt.options(delay="1h").enqueue(43)
    (ran,) = taskflow.drain()
    assert (ran.job_id, ran.task, ran.attempt) == (handle.id, shop.receipt.name, 1)
    assert (ran.outcome, ran.state, ran.result) == ("completed", "succeeded", "42 de")
    assert handle.result() == "42 de"
    assert later.state() == "scheduled"


def test_each_test_starts_with_nothing(taskflow: Kit) -> None:
    """Whatever the tests before this one did, and whatever order they ran in."""
    assert taskflow.jobs() == []
    assert taskflow.drain() == []


async def test_async_code_and_async_drain(taskflow: Kit) -> None:
    handle = await shop.receipt.aenqueue(1)
    assert [ran.state for ran in await taskflow.adrain()] == ["succeeded"]
    assert await handle.aresult() == "1 en"


def test_the_handlers_transaction_is_a_savepoint(taskflow: Kit) -> None:
    handle = shop.order.enqueue(Decimal(5))
    ran = taskflow.drain()
    assert [r.task for r in ran] == [shop.order.name, shop.receipt.name]
    assert prices(taskflow) == [Decimal(5)]
    assert handle.result() == Decimal(10)


async def test_the_async_handlers_transaction_is_one_too(taskflow: Kit) -> None:
    await shop.aorder.aenqueue(Decimal(7))
    await shop.order.aenqueue(Decimal(8))
    assert {r.state for r in await taskflow.adrain()} == {"succeeded"}
    assert sorted(prices(taskflow)) == [Decimal(7), Decimal(8)]


def test_a_refused_statement_spoils_only_its_own_transaction(taskflow: Kit) -> None:
    shop.spoil.enqueue()
    shop.receipt.enqueue(1)
    spoilt, fine = sorted(taskflow.drain(), key=lambda ran: ran.job_id)
    assert spoilt.outcome == "failed"
    assert isinstance(spoilt.error, psycopg.errors.DivisionByZero)
    assert fine.state == "succeeded"
    found = taskflow.connection.execute("select to_regclass('spoilt')").fetchone()
    assert found == (None,)


def test_a_refused_call_spoils_nothing(taskflow: Kit) -> None:
    first = shop.receipt.enqueue(1)
    with pytest.raises(TaskflowError) as refused:
        shop.receipt.options(timeout="40d").enqueue(2)
    assert refused.value.code == "TF112"
    assert first.state() == "available"


def test_failures_go_their_way_as_the_clock_allows(taskflow: Kit) -> None:
    handle = shop.receipt.enqueue(-1)
    (failed,) = taskflow.drain()
    assert (failed.outcome, failed.state) == ("failed", "retrying")
    assert isinstance(failed.error, shop.OutOfStockError)
    assert taskflow.drain() == []
    taskflow.clock.advance("1h")
    (second,) = taskflow.drain()
    assert (second.attempt, second.state) == (2, "succeeded")
    assert handle.result() == "-1 en"


def test_failures_come_out_when_asked(taskflow: Kit) -> None:
    shop.receipt.enqueue(-1)
    with pytest.raises(shop.OutOfStockError):
        taskflow.drain(raises=True)


def test_outcomes_are_outcomes(taskflow: Kit) -> None:
    shop.wait.enqueue("delivery")
    called_off = shop.wait.enqueue("pallets")
    assert [(r.outcome, r.state) for r in taskflow.drain()] == [
        ("snoozed", "scheduled"),
        ("cancelled", "cancelled"),
    ]
    with pytest.raises(JobCancelled, match="no pallets"):
        called_off.result()


def test_a_limit_ends_a_drain(taskflow: Kit) -> None:
    shop.restock.enqueue(5)
    assert len(taskflow.drain(limit=3)) == 3
    assert len(taskflow.drain()) == 3


def test_an_endless_drain_is_ended(taskflow: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskflow.testing.drain.MOST", 3)
    shop.restock.enqueue(5)
    with pytest.raises(TaskflowError, match="ran 4 jobs, and more are due"):
        taskflow.drain()


def test_def_handlers_run_where_the_test_runs(taskflow: Kit) -> None:
    shop.order.enqueue(Decimal(1))
    taskflow.drain()
    assert shop.sold[0] is threading.current_thread()


async def test_a_blocking_drain_in_a_loop_says_what_to_call(taskflow: Kit) -> None:
    with pytest.raises(SyncCallInLoop, match=r"await taskflow\.adrain\(\)"):
        taskflow.drain()


def test_a_paused_queue_is_left_alone(taskflow: Kit) -> None:
    shop.tf.client.pause_queue("mail")
    shop.receipt.enqueue(1)
    assert taskflow.drain() == []
    shop.tf.client.resume_queue("mail")
    assert len(taskflow.drain()) == 1


def test_a_job_of_an_unknown_task_is_handed_back(taskflow: Kit) -> None:
    taskflow.connection.execute("select taskflow.enqueue('elsewhere.defined')")
    (ran,) = taskflow.drain()
    assert (ran.outcome, ran.state) == ("released", "scheduled")


def test_waiting_for_a_job_that_nobody_runs_is_an_error(taskflow: Kit) -> None:
    handle = shop.receipt.enqueue(1)
    with pytest.raises(TaskflowError, match=r"drain\(\)"):
        handle.result()


async def test_and_in_async_code(taskflow: Kit) -> None:
    handle = await shop.receipt.aenqueue(1)
    with pytest.raises(TaskflowError, match=r"drain\(\)"):
        await handle.aresult()


def test_handlers_of_many_jobs_are_called_with_one(taskflow: Kit) -> None:
    """At once, however long they would wait for more."""
    shop.labels.enqueue_many([("a",), ("",)])
    stamp = shop.stamps.enqueue("b")
    assert [(ran.result, ran.outcome) for ran in taskflow.drain()] == [
        ("A", "completed"), (None, "failed"), ("b 1", "completed"),
    ]  # fmt: skip
    assert shop.sold[-1] is threading.current_thread()
    assert stamp.result() == "b 1"


async def test_handlers_of_many_jobs_in_an_async_drain(taskflow: Kit) -> None:
    await shop.labels.aenqueue("a")
    await shop.stamps.aenqueue("b")
    assert [ran.result for ran in await taskflow.adrain()] == ["A", "b 1"]
