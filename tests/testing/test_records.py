"""Progress, logs and durable steps in the testing kit, and with no job at all."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from taskflow import Context, LeaseLost, Retry, Taskflow, TaskflowError
from taskflow.errors import InvalidDefinition, InvalidJson, InvalidName, SyncCallInLoop
from taskflow.testing import Kit, aperform, perform

tf = Taskflow("postgresql://nobody@127.0.0.1:1/none", connect_timeout=2)
charged: list[int] = []
shop = logging.getLogger("shop.kit")


class Receipt(msgspec.Struct):
    order: int
    number: UUID


async def charge(order: int) -> Receipt:
    charged.append(order)
    return Receipt(order, uuid4())


def count() -> tuple[int, str]:
    charged.append(-1)
    return len(charged), "counted"


@tf.task(retry=Retry(5, base="1s", jitter=0))
async def order(ctx: Context, id: int) -> list[str]:
    ctx.progress(1, 2, "charging")
    ctx.log.info("order", id=id)
    receipt = await ctx.step("charge", charge, id)
    shop.warning("charged %d", receipt.order)
    ctx.progress(2, 2)
    return [type(receipt).__name__, str(receipt.number)]


@tf.task(retry=Retry(5, base="1s", jitter=0))
def in_thread(ctx: Context) -> list[Any]:
    ctx.log.info("in the test's own thread")
    shop.warning("from a library")
    found = ctx.step("count", count)
    return [type(found).__name__, *found]


@tf.task(retry=1)
async def try_out(ctx: Context, what: str) -> object:
    """Whatever the test has put into `attempts`."""
    return await attempts[what](ctx)


@tf.task(retry=1)
def try_out_in_thread(ctx: Context, what: str) -> object:
    return attempts[what](ctx)


attempts: dict[str, Any] = {}


@pytest.fixture(scope="session")
def taskflow_app() -> Taskflow:
    return tf


@pytest.fixture(autouse=True)
def nothing_charged() -> None:
    charged.clear()


def lines(kit: Kit, id: int) -> list[str]:
    return [line.message for line in tf.client.get_logs(id)]


def test_what_a_handler_records_is_there_after_drain(taskflow: Kit) -> None:
    handle = order.enqueue(7)
    (ran,) = taskflow.drain()
    assert ran.result[0] == "Receipt"
    assert str(handle.progress()) == "2 of 2"
    assert lines(taskflow, handle.id) == ["order id=7", "charged 7"]
    (step,) = tf.client.get_steps(handle.id)
    assert step.name == "charge"


def test_def_handlers_too(taskflow: Kit) -> None:
    handle = in_thread.enqueue()
    (ran,) = taskflow.drain()
    assert ran.result == ["tuple", 1, "counted"]
    assert lines(taskflow, handle.id) == ["in the test's own thread", "from a library"]


async def test_and_in_async_tests(taskflow: Kit) -> None:
    handles = [await order.aenqueue(7), await in_thread.aenqueue()]
    assert [ran.outcome for ran in await taskflow.adrain()] == ["completed"] * 2
    found = await tf.aclient.get_logs(handles[1].id)
    assert [line.message for line in found] == ["in the test's own thread", "from a library"]
    assert str(await handles[0].aprogress()) == "2 of 2"


@pytest.mark.parametrize("task", ["order", "in_thread"])
def test_a_worker_that_dies_between_step_and_settle_does_it_once(taskflow: Kit, task: str) -> None:
    handle: Any = order.enqueue(7) if task == "order" else in_thread.enqueue()
    taskflow.crash_before_settle(order if task == "order" else in_thread)
    assert [ran.outcome for ran in taskflow.drain()] == ["crashed"]
    first = bytes(tf.client.get_steps(handle.id)[0].result or b"")
    taskflow.clock.advance("1m")
    (ran,) = taskflow.drain()
    assert (ran.outcome, len(charged)) == ("completed", 1)
    assert ran.result[0] == ("Receipt" if task == "order" else "tuple"), "typed as the first time"
    (step,) = tf.client.get_steps(handle.id)
    assert (bytes(step.result or b""), step.claim_no) == (first, 1)
    assert ran.result[1] in (msgspec.json.decode(first)["number"] if task == "order" else 1, 1)


def test_a_dead_job_that_is_run_again_finds_its_steps(taskflow: Kit) -> None:
    async def fail(ctx: Context) -> None:
        await ctx.step("charge", charge, 1)
        raise ValueError("not yet")

    attempts["go"] = fail
    handle = try_out.enqueue("go")
    taskflow.drain()
    assert handle.state() == "dead"
    tf.client.retry(handle.id)
    (ran,) = taskflow.drain()
    assert (ran.outcome, charged) == ("failed", [1])


def test_a_large_result_in_a_test(taskflow: Kit) -> None:
    async def dump(ctx: Context) -> str:
        return "x" * 100_000

    attempts["go"] = dump
    handle = try_out.enqueue("go")
    (ran,) = taskflow.drain()
    assert ran.result == "x" * 100_000
    assert handle.result() == "x" * 100_000


# --- what a step refuses --------------------------------------------------------------------------


def fails(taskflow: Kit, attempt: Any, *, in_thread: bool = False) -> BaseException:
    attempts["go"] = attempt
    (try_out_in_thread if in_thread else try_out).enqueue("go")
    (ran,) = taskflow.drain()
    assert ran.error is not None, ran
    return ran.error


def test_a_name_twice_in_a_run(taskflow: Kit) -> None:
    async def twice(ctx: Context) -> None:
        for number in (1, 2):
            await ctx.step("charge", charge, number)

    error = fails(taskflow, twice)
    assert isinstance(error, InvalidDefinition)
    assert "a name of its own" in error.hint
    assert charged == [1]


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201])
def test_a_bad_name(taskflow: Kit, name: str) -> None:
    async def step(ctx: Context) -> None:
        await ctx.step(name, charge, 1)

    assert isinstance(fails(taskflow, step), InvalidName)
    assert charged == []


def test_the_wrong_colour(taskflow: Kit) -> None:
    async def plain_in_async(ctx: Context) -> None:
        ctx.step("count", count)

    def async_in_plain(ctx: Context) -> None:
        _ = ctx.step("charge", charge, 1)

    def hidden_in_plain(ctx: Context) -> None:
        _ = ctx.step("charge", lambda: charge(1))

    error = fails(taskflow, plain_in_async)
    assert isinstance(error, SyncCallInLoop)
    assert "await ctx.astep(" in error.hint
    for attempt in (async_in_plain, hidden_in_plain):
        assert isinstance(fails(taskflow, attempt, in_thread=True), InvalidDefinition)
    assert charged == []


def test_a_step_behind_the_jobs_own_transaction(taskflow: Kit) -> None:
    async def late(ctx: Context) -> None:
        async with ctx.transaction():
            pass
        with pytest.raises(LeaseLost, match="is settled"):
            await ctx.step("charge", charge, 1)

    attempts["go"] = late
    try_out.enqueue("go")
    (ran,) = taskflow.drain()
    assert (ran.outcome, charged) == ("completed", [])


def test_a_result_that_cannot_be_stored(taskflow: Kit) -> None:
    async def nul() -> str:
        return "\0"

    async def step(ctx: Context) -> None:
        await ctx.step("nul", nul)

    assert "TF105" in str(fails(taskflow, step))


def test_a_result_of_an_older_version_that_does_not_fit(taskflow: Kit) -> None:
    async def older(ctx: Context) -> None:
        await ctx.astep("number", lambda: "seven")
        raise ValueError

    def seven() -> int:
        return 7

    async def newer(ctx: Context) -> int:
        return await ctx.astep("number", seven)

    attempts["go"] = older
    handle = try_out.enqueue("go")
    taskflow.drain()
    tf.client.retry(handle.id)
    attempts["go"] = newer
    (ran,) = taskflow.drain()
    assert isinstance(ran.error, InvalidJson)
    assert "number" in str(ran.error)
    assert "another name" in ran.error.hint


# --- types, connections, other things a step takes ------------------------------------------------


def test_the_type_is_the_functions_or_the_one_given(taskflow: Kit) -> None:
    async def given(ctx: Context) -> list[str]:
        receipt = await ctx.astep("a", lambda: {"order": 1, "number": str(uuid4())})
        typed = await ctx.astep("b", lambda: receipt, result_type=Receipt)
        nothing = await ctx.astep("c", dict[str, int]().get, "x")
        return [type(receipt).__name__, type(typed).__name__, repr(nothing)]

    attempts["go"] = given
    try_out.enqueue("go")
    (ran,) = taskflow.drain()
    assert ran.result == ["dict", "Receipt", "None"]


def test_a_step_on_a_connection_stands_or_falls_with_it(taskflow: Kit) -> None:
    taskflow.connection.execute("create temp table effects (n int)")

    async def on(ctx: Context) -> list[Any]:
        database = ctx.app.database
        async with database.aconnection() as connection:
            try:
                async with connection.transaction():
                    await ctx.step("lost", effect, connection, 1, on=connection)
                    raise ZeroDivisionError
            except ZeroDivisionError:
                pass
            async with connection.transaction():
                await ctx.step("kept", effect, connection, 2, on=connection)
        return [step.name for step in await ctx.app.aclient.get_steps(ctx.job_id)]

    async def effect(connection: Any, n: int) -> int:
        await connection.execute("insert into effects values (%s)", (n,))
        return n

    attempts["go"] = on
    try_out.enqueue("go")
    (ran,) = taskflow.drain(raises=True)
    assert ran.result == ["kept"]
    assert taskflow.connection.execute("select n from effects").fetchall() == [(2,)]


def test_a_run_that_should_stop_begins_no_step(taskflow: Kit) -> None:
    async def stopped(ctx: Context) -> None:
        ctx.stop("timeout")
        await ctx.step("charge", charge, 1)

    assert type(fails(taskflow, stopped)).__name__ == "TaskTimeout"
    assert charged == []


# --- perform: no job at all -----------------------------------------------------------------------


async def test_perform_does_steps_and_forgets_them() -> None:
    assert (await aperform(order, 7, attempt=2))[0] == "Receipt"
    assert perform(in_thread)[0] == "tuple"
    assert perform(in_thread, attempt=3)[0] == "tuple"
    assert charged == [7, -1, -1]


def test_perform_checks_what_a_job_would() -> None:
    async def twice(ctx: Context) -> None:
        await ctx.step("charge", charge, 1)
        await ctx.step("charge", charge, 1)

    attempts["go"] = twice
    with pytest.raises(InvalidDefinition):
        perform(try_out, "go")
    attempts["go"] = lambda ctx: ctx.progress("half")
    with pytest.raises(TaskflowError, match="not a number"):
        perform(try_out_in_thread, "go")
