"""perform() runs one handler as a worker would call it, with no database anywhere."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from taskflow import (
    Cancel,
    Context,
    InvalidArguments,
    Snooze,
    Task,
    Taskflow,
    TaskflowError,
    TaskTimeout,
)
from taskflow.errors import SyncCallInLoop, UnstorableResult
from taskflow.testing import Kit, aperform, perform
from tests.testing import shop

tf = Taskflow("postgresql://nobody@127.0.0.1:1/none", connect_timeout=2)


@tf.task(max_attempts=7)
def told(ctx: Context, price: Decimal, attempt: str = "own") -> list[object]:
    return [ctx.attempt, ctx.max_attempts, ctx.tags, ctx.meta, str(price), attempt]


@tf.task()
def loop(ctx: Context) -> None:
    ctx.raise_if_cancelled()


@tf.task()
def unstorable() -> object:
    return object()


@tf.task()
def enqueues() -> None:
    told.enqueue(Decimal(1))


@tf.task()
def writes(ctx: Context) -> None:
    with ctx.transaction():
        pass


def test_result_and_context() -> None:
    assert perform(shop.receipt, 42, locale="de", attempt=3) == "42 de"
    assert shop.sold == [(42, 3)]
    assert perform(shop.receipt.task, order_id=1) == "1 en"


def test_what_the_context_shows_unless_the_handler_takes_it() -> None:
    given = {"tags": ["vip"], "meta": {"by": 1}}
    assert perform(told, Decimal("1.5"), "its", **given) == [1, 7, ["vip"], {"by": 1}, "1.5", "its"]
    assert perform(told, Decimal(1), attempt="by name")[-1] == "by name"


def test_arguments_are_checked_as_at_enqueue() -> None:
    with pytest.raises(InvalidArguments, match='"order_id": expected int'):
        perform(shop.receipt, "x")


def test_outcomes_are_answered() -> None:
    assert perform(shop.wait, "delivery") == Snooze(timedelta(hours=1))
    assert perform(shop.wait, "rain") == Cancel("no rain")


def test_errors_come_out() -> None:
    with pytest.raises(shop.OutOfStockError):
        perform(shop.receipt, -1)
    with pytest.raises(UnstorableResult):
        perform(unstorable)


def test_a_run_can_be_told_to_stop() -> None:
    assert isinstance(perform(loop, stop="cancelled"), Cancel)
    with pytest.raises(TaskTimeout):
        perform(loop, stop="timeout")


@pytest.mark.parametrize("task", [enqueues, writes])
def test_there_is_no_database(task: Task[..., Any]) -> None:
    with pytest.raises(TaskflowError, match="without a database"):
        perform(task)


async def test_async() -> None:
    assert await aperform(shop.receipt, 5) == "5 en"
    assert await aperform(told, Decimal(2))
    with pytest.raises(SyncCallInLoop, match="await aperform"):
        perform(shop.receipt, 5)


def test_in_a_kit_the_jobs_it_enqueues_are_the_tests(taskflow: Kit) -> None:
    assert taskflow.perform(shop.restock, 2) == 2
    taskflow.assert_enqueued(shop.receipt, count=2)


def test_a_handler_of_many_jobs_is_given_one() -> None:
    assert perform(shop.labels, "a") == "A"
    assert perform(shop.stamps, "b", attempt=2) == "b 2"
    with pytest.raises(ValueError, match="no word"):
        perform(shop.labels, "")
