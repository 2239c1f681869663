"""The rest of the kit: asserts, the clock, inline runs, crashes, what the transaction refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from taskflow import Task, TaskflowError, UnknownTask
from taskflow.testing import Kit
from tests.testing import shop

# --- asserts --------------------------------------------------------------------------------------


def test_enqueued_jobs_are_found_by_a_part_of_their_arguments(taskflow: Kit) -> None:
    shop.receipt.enqueue(42, locale="de")
    shop.receipt.options(queue="slow").enqueue(42)
    shop.order.enqueue(Decimal("9.90"))
    assert len(taskflow.assert_enqueued(shop.receipt)) == 2
    taskflow.assert_enqueued(shop.receipt, 42, count=2)
    (job,) = taskflow.assert_enqueued(shop.receipt, order_id=42, locale="de", count=1)
    assert job.queue == "mail"
    taskflow.assert_enqueued(shop.receipt, queue="slow", count=1)
    taskflow.assert_enqueued(shop.order, Decimal("9.90"))
    taskflow.assert_enqueued(shop.receipt.name, order_id=42)
    taskflow.assert_enqueued(shop.receipt, having={"order_id": 42})
    taskflow.assert_not_enqueued(shop.receipt, 43)
    taskflow.assert_not_enqueued(shop.restock)


def test_finished_jobs_are_found_too(taskflow: Kit) -> None:
    shop.receipt.enqueue(1)
    taskflow.drain()
    taskflow.assert_enqueued(shop.receipt, 1)
    assert [job.state for job in taskflow.jobs(shop.receipt)] == ["succeeded"]
    assert taskflow.jobs(state="dead") == []
    assert taskflow.jobs(queue="default") == []


def test_a_miss_says_what_there_was(taskflow: Kit) -> None:
    shop.receipt.enqueue(42)
    shop.wait.options(delay="1h").enqueue("rain")
    with pytest.raises(AssertionError) as missed:
        taskflow.assert_enqueued(shop.receipt, 43, queue="mail")
    said = str(missed.value)
    assert 'expected a job of "tests.testing.shop.receipt" with order_id=43 on queue "mail"' in said
    assert "tests.testing.shop.receipt(order_id=42) available on mail" in said
    assert "tests.testing.shop.wait(for_what='rain') scheduled on default for 20" in said


def test_a_wrong_count_marks_what_was_found(taskflow: Kit) -> None:
    shop.receipt.enqueue_many([(n,) for n in range(25)])
    with pytest.raises(AssertionError) as missed:
        taskflow.assert_enqueued(shop.receipt, 3, count=2)
    said = str(missed.value)
    assert "expected 2 jobs" in said
    assert "found 1" in said
    assert "> #" in said
    assert "... and 5 more" in said


def test_nothing_at_all_is_said_so(taskflow: Kit) -> None:
    with pytest.raises(AssertionError, match="found none; nothing was enqueued"):
        taskflow.assert_enqueued(shop.receipt)


def test_too_much_is_shown(taskflow: Kit) -> None:
    shop.receipt.enqueue(1)
    with pytest.raises(AssertionError, match="expected no job of"):
        taskflow.assert_not_enqueued(shop.receipt, order_id=1)


# --- the clock ------------------------------------------------------------------------------------


def test_the_clock_makes_jobs_due(taskflow: Kit) -> None:
    start = taskflow.clock.now()
    shop.receipt.options(delay="1h").enqueue(1)
    assert taskflow.clock.advance("59m") - start < timedelta(hours=1)
    assert taskflow.drain() == []
    taskflow.clock.advance(60)
    assert len(taskflow.drain()) == 1


def test_the_clock_can_be_set(taskflow: Kit) -> None:
    new_year = datetime(2031, 1, 1, tzinfo=UTC)
    assert timedelta() <= taskflow.clock.set(new_year) - new_year < timedelta(seconds=5)
    job = shop.receipt.enqueue(1).job()
    assert job.created_at.year == 2031
    with pytest.raises(TaskflowError, match="no time zone"):
        taskflow.clock.set(datetime(2031, 1, 1))  # noqa: DTZ001


def test_the_clock_is_back_for_the_next_test(taskflow: Kit) -> None:
    assert abs(taskflow.clock.now() - datetime.now(UTC)) < timedelta(seconds=30)


def test_deadlines_pass(taskflow: Kit) -> None:
    late = datetime.now(UTC) + timedelta(minutes=5)
    handle = shop.receipt.options(deadline=late).enqueue(1)
    taskflow.clock.advance("6m")
    assert taskflow.drain() == []
    assert (handle.state(), handle.job().reason) == ("dead", "expired")


# --- inline ---------------------------------------------------------------------------------------


def test_inline_runs_at_once(taskflow: Kit) -> None:
    with taskflow.inline() as ran:
        assert shop.receipt.enqueue(1).result() == "1 en"
        shop.restock.enqueue(3)
    assert [r.task for r in ran].count(shop.receipt.name) == 4
    shop.receipt.enqueue(2)
    taskflow.assert_enqueued(shop.receipt, 2)
    assert len(taskflow.drain()) == 1


async def test_inline_in_async_code(taskflow: Kit) -> None:
    with taskflow.inline():
        handle = await shop.restock.aenqueue(2)
        assert await handle.aresult() == 2


def test_inline_errors_come_out(taskflow: Kit) -> None:
    with taskflow.inline(), pytest.raises(shop.OutOfStockError):
        shop.receipt.enqueue(-1)
    with taskflow.inline(raises=False) as ran:
        shop.receipt.enqueue(-2)
    assert [r.state for r in ran] == ["retrying"]


# --- crashes --------------------------------------------------------------------------------------


def test_a_crash_after_claim_runs_the_job_again(taskflow: Kit) -> None:
    handle = shop.receipt.enqueue(1)
    taskflow.crash_after_claim(shop.receipt)
    assert [r.outcome for r in taskflow.drain()] == ["crashed"]
    assert (shop.sold, handle.state()) == ([], "running")
    assert taskflow.drain() == []
    taskflow.clock.advance("1m")
    assert [r.outcome for r in taskflow.drain()] == ["completed"]
    assert shop.sold == [(1, 1)]
    assert handle.job().lost == 1


def test_a_crash_before_settle_runs_the_handler_twice(taskflow: Kit) -> None:
    shop.receipt.enqueue(1)
    taskflow.crash_before_settle(shop.receipt)
    taskflow.drain()
    taskflow.clock.advance("1m")
    taskflow.drain()
    assert shop.sold == [(1, 1), (1, 1)]


@pytest.mark.parametrize("task", [shop.order, shop.aorder])
def test_a_crash_before_settle_takes_back_the_handlers_transaction(
    taskflow: Kit, task: Task[[Decimal], Any]
) -> None:
    """Exactly once: what the crashed run wrote, and the job that it enqueued, are gone."""
    taskflow.connection.execute("create temp table orders (price numeric)")
    task.enqueue(Decimal(3))
    taskflow.crash_before_settle(task)
    taskflow.drain()
    taskflow.assert_not_enqueued(shop.receipt)
    assert taskflow.connection.execute("select from orders").fetchall() == []
    taskflow.clock.advance("1m")
    taskflow.drain()
    taskflow.assert_enqueued(shop.receipt, 3, count=1)
    assert taskflow.connection.execute("select from orders").rowcount == 1


def test_a_misspelt_task_is_not_crashed_silently(taskflow: Kit) -> None:
    with pytest.raises(UnknownTask, match="known similar"):
        taskflow.crash_after_claim("tests.testing.shop.reciept")


# --- the transaction ------------------------------------------------------------------------------


def test_the_transaction_cannot_be_ended(taskflow: Kit) -> None:
    for end in (taskflow.connection.commit, taskflow.connection.rollback):
        with pytest.raises(TaskflowError, match="rolled back after the test"):
            end()


async def test_nor_from_async_code(taskflow: Kit) -> None:
    for end in (taskflow.aconnection.commit, taskflow.aconnection.rollback):
        with pytest.raises(TaskflowError, match="rolled back after the test"):
            await end()


def test_a_worker_has_no_place_in_it(taskflow: Kit) -> None:
    with pytest.raises(TaskflowError, match="no other connection sees the jobs"):
        _ = shop.tf.dsn


def test_the_app_is_itself_again_afterwards(taskflow_dsn: str) -> None:
    with psycopg.connect(taskflow_dsn) as connection:
        with Kit(shop.tf, connection) as kit:
            shop.receipt.enqueue(1)
            assert len(kit.jobs()) == 1
        assert connection.execute("select from taskflow.job").fetchall() == []
    with pytest.raises(TaskflowError, match="TF202"):
        shop.receipt.enqueue(1)


def test_a_callers_own_transaction_is_kept(taskflow_dsn: str) -> None:
    """With taskflow_connection overridden, rows made around the kit stay the caller's business."""
    with psycopg.connect(taskflow_dsn) as connection:
        connection.execute("create temp table own as select 1 as n")
        with Kit(shop.tf, connection) as kit:
            kit.connection.execute("insert into own values (2)")
            shop.receipt.on(connection).enqueue(1)
            assert len(kit.drain()) == 1
        assert connection.execute("select n from own").fetchall() == [(1,)]
        connection.rollback()


def test_on_the_connection_of_a_sqlalchemy_session(taskflow_dsn: str) -> None:
    """As the how-to has it: the code under test and the jobs are in one transaction."""
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(taskflow_dsn)
    )
    with Session(engine) as session:
        session.execute(sa.text("create temp table orders (price numeric)"))
        driver: Any = session.connection().connection.dbapi_connection
        with Kit(shop.tf, driver) as kit:
            shop.order.on(session).enqueue(Decimal(3))
            assert [r.state for r in kit.drain()] == ["succeeded"] * 2
            assert session.scalar(sa.text("select price from orders")) == Decimal(3)
        session.rollback()
        assert session.scalar(sa.text("select count(*) from taskflow.job_view")) == 0
    engine.dispose()


# --- schedules ------------------------------------------------------------------------------------


def test_a_drain_fires_what_the_clock_has_made_due(
    taskflow: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.tf, "schedules", {})
    shop.tf.schedule("nightly", shop.receipt, {"order_id": 7}, every="1d", catch_up="all",
                     catch_up_span="1w")  # fmt: skip
    taskflow.clock.advance("3d")
    assert taskflow.drain() == []  # declared is not yet published
    taskflow.publish_schedules()
    assert taskflow.drain() == []
    taskflow.clock.advance("2d")
    ran = taskflow.drain()
    assert [attempt.task for attempt in ran] == [shop.receipt.name] * 2
    taskflow.assert_enqueued(shop.receipt, order_id=7, count=2)
