"""Workflows written in Python: what definition they become, and what comes back."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from taskflow import (
    InvalidWorkflow,
    RunCancelled,
    RunFailed,
    RunHandle,
    RunNotFound,
    RunStateConflict,
    Task,
    Taskflow,
    WorkflowNotFound,
)
from taskflow.errors import InvalidArguments, InvalidOption, ResultTimeout, SyncCallInLoop
from tests.support import factories as f
from tests.support import flows

Connection = psycopg.Connection[Any]


@dataclass
class Order:
    """What a task returns, and another takes."""

    id: int
    total: float


@dataclass
class Tasks:
    fetch: Task[[str], list[Order]]
    merge: Task[..., Order]
    mail: Task[..., str]
    undo: Task[[int], None]


@pytest.fixture
def tasks(tf: Taskflow) -> Tasks:
    @tf.task(name="fetch")
    async def fetch(region: str) -> list[Order]:
        return [Order(1, 2.5)]

    @tf.task(name="merge")
    def merge(parts: list[list[Order]], note: str = "") -> Order:
        return parts[0][0]

    @tf.task(name="mail", queue="mail", tags=["m"])
    async def mail(order: Order, to: str = "me") -> str:
        return "sent"

    @tf.task(name="undo")
    async def undo(n: int) -> None: ...

    return Tasks(fetch, merge, mail, undo)


ENDS = {
    "fetch": [{"id": 1, "total": 2.5}], "merge": {"id": 1, "total": 2.5}, "mail": "sent",
    "undo": None,
}  # fmt: skip


def work(db: Connection, ends: Any = ENDS) -> None:
    worker = f.join(db, "default", "mail")
    while jobs := f.claim(db, worker, 50, "default", "mail"):
        flows.settle(db, jobs, ends)


async def test_a_flow_becomes_a_definition(tf: Taskflow, tasks: Tasks) -> None:
    flow = tf.flow("nightly")
    parts = [flow.add(tasks.fetch, region).compensate(tasks.undo, 1) for region in ("eu", "us")]
    total = flow.add(tasks.merge, [part.out for part in parts], note=flow.input.note)
    gate = flow.signal("approve", timeout="2d").when(f"{total.out.total} > 100")
    mailed = flow.add(tasks.mail.options(delay="1m", priority="high"), total.out).named("tell")
    mailed.after(gate, on_failure="continue").on_failure("compensate")
    each = flow.add(tasks.mail, flow.item, to=parts[0].out[0].id).for_each(parts[1].out, 5)
    flow.delay(timedelta(minutes=5)).after(each)
    flow.workflow("other", {"x": mailed.out}, version=3)
    flow.returns({"mailed": mailed.out, "n": 1})
    assert flow.definition() == {
        "nodes": {
            "fetch": {
                "task": "fetch", "args": {"region": "eu"}, "options": {"max_attempts": 5},
                "compensate": {"task": "undo", "args": {"n": 1}, "options": {"max_attempts": 5}},
            },
            "fetch_2": {
                "task": "fetch", "args": {"region": "us"}, "options": {"max_attempts": 5},
                "compensate": {"task": "undo", "args": {"n": 1}, "options": {"max_attempts": 5}},
            },
            "merge": {
                "task": "merge",
                "args": {
                    "parts": [{"$path": f"$.steps.{name}.result"} for name in ("fetch", "fetch_2")],
                    "note": {"$path": "$.input.note"},
                },
                "options": {"max_attempts": 5}, "needs": ["fetch", "fetch_2"],
            },
            "approve": {
                "signal": "approve", "timeout": 172800.0, "needs": ["merge"],
                "when": "$.steps.merge.result.total > 100",
            },
            "tell": {
                "task": "mail", "args": {"order": {"$path": "$.steps.merge.result"}},
                "options": {"queue": "mail", "priority": "high", "max_attempts": 5, "delay": 60.0,
                            "tags": ["m"]},
                "needs": ["merge", {"node": "approve", "on_failure": "continue"}],
                "on_failure": "compensate",
            },
            "mail": {
                "task": "mail", "for_each": "$.steps.fetch_2.result", "max_parallel": 5,
                "args": {"order": {"$path": "$.item"},
                         "to": {"$path": "$.steps.fetch.result[0].id"}},
                "options": {"queue": "mail", "max_attempts": 5, "tags": ["m"]},
                "needs": ["fetch", "fetch_2"],
            },
            "delay": {"delay": 300.0, "needs": ["mail"]},
            "other": {
                "workflow": "other", "version": 3, "input": {"x": {"$path": "$.steps.tell.result"}},
                "needs": ["tell"],
            },
        },
        "output": {"mailed": {"$path": "$.steps.tell.result"}, "n": 1},
    }  # fmt: skip


async def test_a_run_of_a_flow_from_start_to_result(
    tf: Taskflow, tasks: Tasks, db: Connection
) -> None:
    flow = tf.flow("nightly")
    listed = flow.add(tasks.fetch, flow.input.region)
    total = flow.add(tasks.merge, [listed.out])
    flow.signal("approve").after(total)
    flow.returns({"id": total.out.id})
    run = await flow.astart({"region": "eu"}, key="monday")
    assert (run.outcome, (await flow.astart(key="monday")).outcome) == ("started", "existing")
    work(db)
    assert await run.astate() == "running"
    assert {step.node: step.state for step in await run.asteps()} == {
        "fetch": "succeeded", "merge": "succeeded", "approve": "waiting",
    }  # fmt: skip
    with pytest.raises(ResultTimeout):
        await run.aresult(timeout=0.1)
    assert await run.asignal("approve", {"by": "ann"}) == "taken"
    assert await run.aresult(timeout="5s") == {"id": 1}
    assert (await tf.run_handle(run.id).arun()).workflow == "nightly"
    with pytest.raises(RunStateConflict):
        await run.asignal("approve")


def test_a_blocking_start_in_the_callers_transaction(
    tf: Taskflow, tasks: Tasks, db: Connection
) -> None:
    flow = tf.flow("w")
    flow.add(tasks.fetch, "eu")
    with db.transaction(force_rollback=True):
        gone = flow.start(conn=db)
        assert f.value(db, "select count(*) from taskflow.job") == 1
    with pytest.raises(RunNotFound):
        gone.run()
    run = flow.start(conn=db)
    assert run.state() == "running"
    work(db)
    assert run.wait(timeout="5s").state == "succeeded"
    assert run.result() is None


def test_how_a_run_ends_otherwise(tf: Taskflow, tasks: Tasks, db: Connection) -> None:
    flow = tf.flow("w")
    flow.add(tasks.fetch, "eu")
    run = flow.start()
    assert run.cancel("enough") == "cancelled"
    with pytest.raises(RunCancelled, match="was cancelled: enough"):
        run.result(timeout=1)
    run.retry()
    work(db, {"fetch": flows.Failed("no net")})
    with pytest.raises(RunFailed, match="failed: step fetch failed: no net") as error:
        run.result(timeout=1)
    assert error.value.job_id == run.id


async def test_mistakes_are_told_where_they_are_made(tf: Taskflow, tasks: Tasks) -> None:
    flow = tf.flow("w")
    listed = flow.add(tasks.fetch, "eu")
    with pytest.raises(InvalidArguments, match=r"expected str, got int 5"):
        flow.add(tasks.fetch, 5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArguments, match="missing"):
        flow.add(tasks.fetch)  # type: ignore[call-arg]
    with pytest.raises(InvalidOption, match="cannot have the option unique_key"):
        flow.add(tasks.fetch.options(unique_key="k"), "eu")
    with pytest.raises(InvalidOption, match="cannot be tested"):
        bool(listed.out)
    with pytest.raises(InvalidOption, match=r"for_each\(\.\.\.\) instead of a loop"):
        list(listed.out)
    with pytest.raises(InvalidOption, match="cannot come after"):
        listed.after(listed)
    with pytest.raises(InvalidOption, match="cannot come after"):
        listed.after(tf.flow("other").add(tasks.fetch, "us"))
    with pytest.raises(InvalidOption, match="two nodes are called"):
        flow.add(tasks.fetch, "us").named("fetch")
    with pytest.raises(SyncCallInLoop):
        flow.start()
    looped = tf.flow("loop")
    one = looped.add(tasks.fetch, "eu")
    one.after(looped.add(tasks.fetch, "us").after(one))
    with pytest.raises(InvalidWorkflow, match="fetch -> fetch_2 -> fetch") as error:
        await looped.astart()
    assert error.value.place == "nodes.fetch.needs"
    with pytest.raises(WorkflowNotFound):
        await tf.aclient.start_workflow("none")


async def test_what_a_caller_has_under_our_keys_stays_his(tf: Taskflow, db: Connection) -> None:
    @tf.task(name="echo")
    async def echo(value: Any, more: Any = None) -> Any: ...

    flow = tf.flow("w")
    first = flow.add(echo, {"$path": "$.input", "deep": [{"$value": 1}]})
    second = flow.add(echo, [{"$all": "x"}, first.out], {1: first.out})
    flow.returns(second.out)
    run = await flow.astart()
    work(db, lambda job: job.args)
    assert await run.aresult(timeout=5) == {
        "value": [{"$all": "x"},
                  {"value": {"$path": "$.input", "deep": [{"$value": 1}]}}],
        "more": {"1": {"value": {"$path": "$.input", "deep": [{"$value": 1}]}}},
    }  # fmt: skip
    with pytest.raises(InvalidOption, match="cannot hold results"):
        flow.add(echo, {"$path": first.out}).as_json()


# --- chains and groups ----------------------------------------------------------------------------


async def test_a_chain_passes_results_on(tf: Taskflow, tasks: Tasks, db: Connection) -> None:
    chain = tasks.fetch.s("eu") | tasks.undo.si(3) | tasks.mail.si(Order(1, 1.0)) | tasks.undo.si(1)
    run: RunHandle[None] = await chain.aenqueue()
    work(db)
    await run.aresult(timeout=5)
    assert (await run.astate()) == "succeeded"
    whole = tf.chain(tasks.merge.si([[]]), tasks.mail.s("you"))
    assert whole.definition()["nodes"]["mail"] == {
        "task": "mail", "needs": ["merge"],
        "args": {"order": {"$path": "$.steps.merge.result"}, "to": "you"},
        "options": {"queue": "mail", "max_attempts": 5, "tags": ["m"]},
    }  # fmt: skip


async def test_a_group_gives_a_list_of_typed_results(
    tf: Taskflow, tasks: Tasks, db: Connection
) -> None:
    run = await tf.group([tasks.fetch.s("eu"), tasks.fetch.s("us")]).aenqueue()
    work(db)
    assert await run.aresult(timeout=5) == [[Order(1, 2.5)], [Order(1, 2.5)]]


def test_a_chord_and_groups_within(tf: Taskflow, tasks: Tasks, db: Connection) -> None:
    run = tf.group([tasks.fetch.s("eu"), tasks.fetch.s("us")]).then(tasks.merge.s("n")).enqueue()
    work(db)
    assert run.result(timeout=5) == Order(1, 2.5)
    merge = next(step for step in run.steps() if step.node == "merge")
    assert f.job(db, merge.job_id or 0).args["note"] == "n"
    nested = tf.chain(
        tasks.fetch.s("eu"), tf.group([tasks.undo.si(1), tasks.undo.si(2) | tasks.undo.si(3)])
    ).definition()["nodes"]
    assert [nested[name].get("needs") for name in nested] == [
        None,
        ["fetch"],
        ["fetch"],
        ["undo_2"],
    ]


async def test_chains_refuse_what_cannot_work(tf: Taskflow, tasks: Tasks) -> None:
    with pytest.raises(InvalidArguments, match="takes 2 positional arguments, got 3"):
        await (tasks.fetch.s("eu") | tasks.merge.s("a", "b")).aenqueue()
    with pytest.raises(InvalidOption, match="nothing in it"):
        await tf.group([]).aenqueue()
    with pytest.raises(InvalidOption, match="10,001 calls"):
        await tf.group([tasks.undo.si(1)] * 10_001).aenqueue()


# --- batches --------------------------------------------------------------------------------------


async def test_a_batch_is_sent_as_one_when_its_block_ends(
    tf: Taskflow, tasks: Tasks, db: Connection
) -> None:
    async with tf.batch("import", on_success=tasks.undo.s(7), meta={"file": "x"}) as batch:
        batch.add(tasks.fetch, "eu")
        batch.add(tasks.fetch, "us")
        batch.add_many(
            tasks.mail.options(priority="low"), [(Order(1, 1.0),), {"order": Order(2, 2)}]
        )
        assert f.value(db, "select count(*) from taskflow.batch") == 0
    found = await batch.handle.abatch()
    assert (found.name, found.state, found.total, found.pending) == ("import", "running", 4, 4)
    work(db)
    assert (await batch.handle.await_end(timeout=5)).state == "succeeded"
    (job,) = f.rows(db, "select * from taskflow.job_view where task = 'undo'")
    assert (job.args, job.meta["batch"]["succeeded"]) == ({"n": 7}, 4)


def test_a_batch_whose_block_fails_was_never_there(
    tf: Taskflow, tasks: Tasks, db: Connection
) -> None:
    with contextlib.suppress(ZeroDivisionError), tf.batch() as batch:
        batch.add(tasks.fetch, "eu")
        raise ZeroDivisionError
    with pytest.raises(InvalidArguments), tf.batch() as batch:
        batch.add_many(tasks.fetch, [("eu",), (5,)])
    assert f.value(db, "select count(*) from taskflow.batch") == 0
    assert f.value(db, "select count(*) from taskflow.job") == 0
    with db.transaction(force_rollback=True), tf.batch(conn=db) as batch:
        batch.add(tasks.fetch, "eu")
    with pytest.raises(Exception, match="does not exist"):
        batch.handle.batch()


def test_a_batch_is_cancelled(tf: Taskflow, tasks: Tasks, db: Connection) -> None:
    with tf.batch() as batch:
        batch.add_many(tasks.fetch.options(unique_by="*"), [("eu",), ("us",), ("eu",)])
    assert batch.handle.batch().total == 2, "one of them was there already"
    called = tf.batch_handle(batch.handle.id).cancel("no")
    assert (called.cancelled, called.remaining) == (2, 0)
    assert batch.handle.wait(timeout=5).state == "failed"
