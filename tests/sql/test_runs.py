"""Runs of workflows: what becomes of steps when the jobs of others end."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support import flows
from tests.support.flows import Failed

Connection = psycopg.Connection[Any]


def task(*needs: Any, name: str = "t", **more: Any) -> dict[str, Any]:
    return {"task": name, **({"needs": list(needs)} if needs else {}), **more}


def path(text: str) -> dict[str, str]:
    return {"$path": text}


def after(node: str, on_failure: str) -> dict[str, str]:
    return {"node": node, "on_failure": on_failure}


# --- the ordinary way -----------------------------------------------------------------------------


def test_a_step_runs_when_all_before_it_have(db: Connection) -> None:
    run = flows.launch(db, {"a": task(), "b": task(), "c": task("a", "b"), "d": task("c")})
    assert flows.states(db, run) == {
        "a": "available", "b": "available", "c": "pending", "d": "pending",
    }  # fmt: skip
    flows.work(db, at_most=1)
    assert flows.states(db, run)["c"] == "pending"
    flows.check_run(db, run)
    flows.work(db, at_most=1)
    assert flows.states(db, run)["c"] == "available"
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_starting_is_part_of_the_callers_transaction(db: Connection) -> None:
    flows.save(db, "w", {"a": task()})
    with db.transaction(force_rollback=True):
        flows.start(db, "w")
        assert f.value(db, "select count(*) from taskflow.job") == 1
    assert f.value(db, "select count(*) from taskflow.workflow_run") == 0
    assert f.value(db, "select count(*) from taskflow.job") == 0


def test_a_key_is_one_run(db: Connection) -> None:
    flows.save(db, "w", {"a": task()})
    flows.save(db, "v", {"a": task()})
    run = flows.start(db, "w", key="k")
    (again,) = f.call_rows(db, "start_workflow", name="w", key="k")
    assert (again.id, again.outcome) == (run, "existing")
    assert flows.start(db, "v", key="k") != run, "keys are of one workflow"
    flows.work(db)
    assert flows.start(db, "w", key="k") == run, "also once it has ended"
    assert f.value(db, "select count(*) from taskflow.workflow_run") == 2
    with pytest.raises(psycopg.Error, match="key has 0 bytes"):
        flows.start(db, "w", key="")


def test_results_and_input_become_arguments(db: Connection) -> None:
    args = {
        "whole": path("$.steps.a.result"), "deep": [{"x": path("$.steps.a.result.list[1]")}],
        "ids": {"$all": "$.steps.a.result.rows[*].id"}, "in": path("$.input.region"),
        "state": path("$.steps.a.state"), "none": path("$.steps.a.result.nothing"),
        "text": {"$value": {"$path": "as it is"}}, "plain": 5,
    }  # fmt: skip
    run = flows.launch(
        db, {"a": task(), "b": task("a", args=args)}, data={"region": "eu"},
        output={"b": path("$.steps.b.result"), "n": 1},
    )  # fmt: skip
    given = {"list": [1, 2], "rows": [{"id": 7}, {"id": 8}], "trick": {"$path": "$.input"}}
    flows.work(db, lambda job: job.args or given)
    got = flows.run(db, run).output["b"]
    assert got == {
        "whole": given, "deep": [{"x": 2}], "ids": [7, 8], "in": "eu", "state": "succeeded",
        "none": None, "text": {"$path": "as it is"}, "plain": 5,
    }  # fmt: skip
    assert flows.run(db, run).output["n"] == 1


def test_only_results_that_something_reads_are_kept(db: Connection) -> None:
    run = flows.launch(
        db, {"a": task(), "b": task("a"), "c": task("b", args={"x": path("$.steps.b.result")})}
    )
    flows.work(db, lambda _: {"large": 1})
    assert flows.results(db, run) == {"a": None, "b": {"large": 1}, "c": None}


def test_a_strict_path_must_find_something(db: Connection) -> None:
    run = flows.launch(db, {"a": task(args={"x": path("strict $.input.there")})}, data={"not": 1})
    assert flows.check_run(db, run) == "failed"
    (step,) = flows.steps(db, run)
    assert step.error.startswith("its arguments cannot be worked out: JSON object does not contain")
    assert flows.run(db, run).reason == f"step a failed: {step.error}"
    assert f.value(db, "select count(*) from taskflow.job") == 0


def test_arguments_that_are_too_large_fail_their_step_alone(db: Connection) -> None:
    """The settle that let it go is not undone: nothing in one run may hurt the others."""
    db.execute("update taskflow.config set value = '300' where name = 'max_args_bytes'")
    run = flows.launch(db, {"a": task(), "b": task("a", args={"x": path("$.steps.a.result")})})
    other = flows.launch(db, {"a": task(), "b": task("a")})
    flows.work(db, lambda _: "y" * 400)
    assert flows.check_run(db, run) == "failed"
    assert "arguments take" in flows.run(db, run).reason
    assert flows.check_run(db, other) == "succeeded"


def test_jobs_of_steps_have_the_options_of_their_node_else_of_their_task(db: Connection) -> None:
    published = {"name": "t", "queue": "of-task", "priority": "low", "max_attempts": 7}
    f.call(db, "publish_tasks", tasks=Jsonb([published]))
    options = {
        "queue": "of-node", "priority": "high", "max_attempts": 2, "timeout": "5s", "delay": 60,
        "tags": ["x"], "meta": {"m": 1},
    }  # fmt: skip
    run = flows.launch(db, {"a": task(), "b": task(options=options)})
    jobs = {flows.name(step): f.job(db, step.job_id) for step in flows.steps(db, run)}
    assert (jobs["a"].queue, jobs["a"].priority, jobs["a"].max_attempts) == ("of-task", "low", 7)
    found = jobs["b"]
    assert (found.queue, found.priority, found.max_attempts) == ("of-node", "high", 2)
    assert (found.state, found.tags, found.meta) == ("scheduled", ["x"], {"m": 1})
    assert found.timeout.total_seconds() == 5
    assert found.created_by == f.value(db, "select session_user")


def test_another_tenant_has_workflows_of_its_own(db: Connection) -> None:
    with pytest.raises(psycopg.Error, match='no workflow "w"'):
        flows.start(db, "w")
    f.call(db, "save_workflow", name="w", definition={"nodes": {"a": task()}}, tenant="acme")
    with pytest.raises(psycopg.Error, match='no workflow "w"'):
        flows.start(db, "w")
    run = flows.start(db, "w", tenant="acme")
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"
    assert f.value(db, "select name from taskflow.queue where tenant = 'acme'") == "default"
    with pytest.raises(psycopg.Error, match="does not exist"):
        f.call(db, "cancel_run", id=run)


# --- W1: fan-in -----------------------------------------------------------------------------------


def test_w1_ten_thousand_parents_release_their_child_once(db: Connection) -> None:
    """Which ended in batches of a thousand, some of them failed."""
    count = 9_998
    names = [f"n{i}" for i in range(count)]
    nodes = {"root": task(), **{name: task("root", name="leaf") for name in names}}
    nodes["end"] = task(*(after(name, "continue") for name in names), name="last")
    run = flows.launch(db, nodes)
    ends = {"leaf": None, "last": None}
    done = flows.work(db, lambda job: Failed() if job.id % 997 == 0 else ends.get(job.task))
    assert done == count + 2
    assert f.value(db, "select count(*) from taskflow.job_view where task = 'last'") == 1
    found = flows.run(db, run)
    assert (found.state, found.succeeded + found.failed) == ("succeeded", count + 2)
    assert found.failed > 0


def test_a_step_that_ends_twice_counts_once(db: Connection) -> None:
    run = flows.launch(db, {"a": task(), "b": task(), "c": task("a", "b")})
    worker = f.join(db)
    (job, _) = f.claim(db, worker, 2)
    assert f.settle(db, job) == "applied"
    assert f.settle(db, job) == "already"
    flows.check_run(db, run)
    assert flows.states(db, run)["c"] == "pending"


# --- conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ("$.input.n > 1", "succeeded"),
        ("$.input.n > 5", "skipped"),
        ("$.input.missing > 5", "skipped"),
        ('$.steps.a.result == "yes"', "succeeded"),
        ('$.steps.a.state == "succeeded" && exists($.input.n)', "succeeded"),
        ("$.input.text > 5", "failed"),  # cannot be compared: neither true nor false
        ("$.input.n / 0 > 1", "failed"),
        ("$.input.n", "failed"),  # a number is no condition
        ("strict $.input.missing > 5", "failed"),
    ],
)
def test_a_condition_is_true_false_or_a_fault(db: Connection, condition: str, state: str) -> None:
    run = flows.launch(
        db, {"a": task(), "b": task("a", when=condition)}, data={"n": 2, "text": "x"}
    )
    flows.work(db, lambda _: "yes")
    (found,) = (step for step in flows.steps(db, run) if step.node == "b")
    assert found.state == state
    assert flows.check_run(db, run) == ("failed" if state == "failed" else "succeeded")
    if state == "failed":
        assert "condition" in found.error


def test_what_comes_after_skipped_steps_only_is_skipped(db: Connection) -> None:
    """A branch that joins another goes on; however long the skipped one is, in one transaction."""
    nodes: dict[str, Any] = {"a": task(), "no0": task("a", when="$.input.no == 1")}
    nodes |= {f"no{i}": task(f"no{i - 1}") for i in range(1, 500)}
    nodes["both"] = task("a", "no499")
    nodes["never"] = task("no499")
    run = flows.launch(db, nodes)
    flows.work(db, at_most=1)
    states = flows.states(db, run)
    assert {states[f"no{i}"] for i in range(500)} == {"skipped"}
    assert (states["both"], states["never"]) == ("available", "skipped")
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_a_skipped_step_gives_null(db: Connection) -> None:
    args = {"got": path("$.steps.b.result"), "was": path("$.steps.b.state")}
    nodes = {"a": task(), "b": task("a", when="$.input.x == 1"), "c": task("a", "b", args=args)}
    run = flows.launch(db, nodes, "$.steps.c.result")
    flows.work(db, lambda job: job.args)
    assert flows.run(db, run).output == {"got": None, "was": "skipped"}


# --- for_each -------------------------------------------------------------------------------------


def test_a_for_each_step_gives_the_results_in_order(db: Connection) -> None:
    args = {"item": path("$.item.v"), "no": path("$.index"), "in": path("$.input.k")}
    run = flows.launch(
        db, {"list": task(),
             "map": task("list", name="m", for_each="$.steps.list.result", args=args),
             "sum": task("map", name="s", args={"all": path("$.steps.map.result")})},
        "$.steps.sum.result", {"k": "v"},
    )  # fmt: skip
    items = [{"v": n * n} for n in range(20)]
    flows.work(db, lambda job: items if job.task == "t" else job.args)
    found = flows.run(db, run)
    assert found.output["all"] == [{"item": n * n, "no": n, "in": "v"} for n in range(20)]
    assert (found.total, found.succeeded) == (23, 23)
    assert flows.check_run(db, run) == "succeeded"


def test_an_item_may_be_looked_up_in_what_came_before(db: Connection) -> None:
    """A path that reads both; what reads neither, and a text that looks like one, stay as given."""
    args = {
        "row": path("$.steps.list.result.rows[*] ? (@.id == $.item)"), "no": path("$.index"),
        "same": path("$.steps.list.result.x"), "text": {"$value": path("$.item")}, "k": [1],
    }  # fmt: skip
    run = flows.launch(
        db, {"list": task(), "m": task("list", name="m", for_each="$.input.ids", args=args)},
        "$.steps.m.result", {"ids": [2, 1]},
    )  # fmt: skip
    rows = [{"id": 1, "v": "one"}, {"id": 2, "v": "two"}]
    trick = {"$path": "$.item"}
    flows.work(db, lambda job: {"rows": rows, "x": trick} if job.task == "t" else job.args)
    assert flows.run(db, run).output == [
        {"row": row, "no": no, "same": trick, "text": path("$.item"), "k": [1]}
        for no, row in enumerate(reversed(rows))
    ]


def test_only_so_many_items_run_at_once(db: Connection) -> None:
    nodes = {"map": task(for_each="$.input.xs", max_parallel=3, args={"x": path("$.item")})}
    run = flows.launch(db, nodes, data={"xs": list(range(10))})
    worker = f.join(db)
    for left in range(10, 0, -1):
        states = list(flows.states(db, run).values())
        assert states.count("available") == min(3, left)
        (job,) = f.claim(db, worker, 1)
        flows.settle(db, [job])
        flows.check_run(db, run)
    assert flows.run(db, run).state == "succeeded"


@pytest.mark.parametrize(
    ("items", "given"),
    [("$.input.none", []), ("$.input.one", [5]), ("$.input.xs[*]", [1, 2]),
     ("$.input.xs ? (@ > 1)", [2]), ("$.input.rows[*].id", [7, 8])],
)  # fmt: skip
def test_what_a_for_each_path_gives(db: Connection, items: str, given: list[int]) -> None:
    data = {"one": 5, "xs": [1, 2], "rows": [{"id": 7}, {"id": 8}], "none": []}
    run = flows.launch(
        db, {"m": task(for_each=items, args={"x": path("$.item")})}, "$.steps.m.result", data
    )
    flows.work(db, lambda job: job.args["x"])
    assert flows.run(db, run).output == given
    assert flows.check_run(db, run) == "succeeded"


@pytest.mark.parametrize("items", ["strict $.input.missing", "strict $.input.n"])
def test_a_for_each_that_finds_no_array_fails(db: Connection, items: str) -> None:
    run = flows.launch(db, {"m": task(for_each=items)}, data={"n": 5})
    assert flows.check_run(db, run) == "failed"
    assert "its for_each cannot be worked out" in flows.run(db, run).reason


def test_too_many_items_fail_the_step(db: Connection) -> None:
    run = flows.launch(db, {"m": task(for_each="$.input.xs")}, data={"xs": [0] * 10_001})
    assert "for_each gives 10001 items" in flows.run(db, run).reason


def test_an_item_that_fails_stops_the_others_unless_told_to_continue(db: Connection) -> None:
    def fail_one(job: Any) -> Any:
        return Failed() if job.args["x"] == 1 else job.args["x"]

    nodes = {"m": task(for_each="$.input.xs", max_parallel=1, args={"x": path("$.item")})}
    run = flows.launch(db, nodes, data={"xs": [0, 1, 2, 3]})
    flows.work(db, fail_one)
    assert flows.states(db, run) == {
        "m": "failed", "m[0]": "succeeded", "m[1]": "failed", "m[2]": "cancelled",
        "m[3]": "cancelled",
    }  # fmt: skip
    assert flows.run(db, run).reason == "step m[1] failed: broken"
    assert flows.check_run(db, run) == "failed"

    nodes["m"]["on_failure"] = "continue"
    nodes["n"] = task("m", args={"x": path("$.steps.m.result")})
    run = flows.launch(db, nodes, "$.steps.n.result", {"xs": [0, 1, 2, 3]})
    flows.work(db, lambda job: job.args["x"] if isinstance(job.args["x"], list) else fail_one(job))
    assert flows.states(db, run)["m"] == "failed"
    assert flows.run(db, run).output == [0, None, 2, 3]
    assert flows.check_run(db, run) == "succeeded"


# --- signals and delays ---------------------------------------------------------------------------


def test_a_signal_after_the_step_waits(db: Connection) -> None:
    run = flows.launch(
        db, {"ok": {"signal": "approve"},
             "b": task("ok", args={"by": path("$.steps.ok.result.by")})},
        "$.steps.b.result",
    )  # fmt: skip
    assert flows.states(db, run) == {"ok": "waiting", "b": "pending"}
    assert f.value(db, "select count(*) from taskflow.job") == 0, "it holds no slot and no job"
    assert f.call(db, "signal", run_id=run, name="approve", payload={"by": "ann"}) == "taken"
    flows.work(db, lambda job: job.args["by"])
    assert flows.run(db, run).output == "ann"
    assert flows.check_run(db, run) == "succeeded"


def test_signals_before_the_steps_wait_are_kept_one_for_each(db: Connection) -> None:
    nodes = {
        "a": task(), "one": {"signal": "go", "needs": ["a"]},
        "two": {"signal": "go", "needs": ["one"]}, "three": {"signal": "go", "needs": ["two"]},
    }  # fmt: skip
    run = flows.launch(
        db, nodes, {"x": path("$.steps.one.result"), "y": path("$.steps.two.result")}
    )
    for payload in (1, 2):
        assert f.call(db, "signal", run_id=run, name="go", payload=Jsonb(payload)) == "kept"
    flows.work(db)
    assert flows.states(db, run) == {
        "a": "succeeded", "one": "succeeded", "two": "succeeded", "three": "waiting",
    }  # fmt: skip
    assert f.call(db, "signal", run_id=run, name="go") == "taken"
    assert flows.run(db, run).output == {"x": 1, "y": 2}
    flows.check_run(db, run)


def test_signals_that_nobody_waits_for_are_refused(db: Connection) -> None:
    run = flows.launch(db, {"ok": {"signal": "approve"}})
    for given, code in (
        ({"run_id": run, "name": "aprove"}, "TF111"),
        ({"run_id": run + 1000, "name": "approve"}, "TF162"),
        ({"run_id": run, "name": "approve", "payload": Jsonb("x" * 1_100_000)}, "TF114"),
    ):
        with pytest.raises(psycopg.Error) as error:
            f.call(db, "signal", **given)
        assert error.value.sqlstate == code
    f.call(db, "cancel_run", id=run)
    with pytest.raises(psycopg.Error, match="has ended: cancelled"):
        f.call(db, "signal", run_id=run, name="approve")


def test_a_signal_that_does_not_come_fails_its_step(db: Connection) -> None:
    run = flows.launch(
        db, {"ok": {"signal": "approve", "timeout": "2 days"}, "b": task(after("ok", "continue"))}
    )
    f.advance(db, 2 * 86_400 - 60)
    f.call(db, "reap")
    assert flows.states(db, run)["ok"] == "waiting"
    f.advance(db, 61)
    f.call(db, "reap")
    (step, _) = flows.steps(db, run)
    assert (step.state, step.error) == ("failed", 'no signal "approve" came in 2 days')
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_a_delay_holds_no_job_and_ends_in_time(db: Connection) -> None:
    run = flows.launch(
        db, {"a": task(), "wait": {"delay": "5m", "needs": ["a"]}, "b": task("wait")}
    )
    flows.work(db)
    assert flows.states(db, run) == {"a": "succeeded", "wait": "waiting", "b": "pending"}
    assert f.value(db, "select count(*) from taskflow.job") == 0
    f.advance(db, 299)
    f.call(db, "reap")
    assert flows.states(db, run)["wait"] == "waiting"
    f.advance(db, 2)
    f.call(db, "reap")
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_a_thousand_timers_run_in_one_look_or_two(db: Connection) -> None:
    flows.save(db, "w", {"wait": {"delay": "1m"}})
    runs = [flows.start(db, "w") for _ in range(600)]
    f.advance(db, 61)
    f.call(db, "reap")
    f.call(db, "reap")
    states = f.rows(
        db, "select distinct state from taskflow.workflow_run where id = any (%s)", runs
    )
    assert [row.state for row in states] == ["succeeded"]


# --- workflows in workflows -----------------------------------------------------------------------


def test_a_workflow_is_a_step_of_another(db: Connection) -> None:
    flows.save(db, "inner", {"x": task(name="x", args={"q": path("$.input.q")}), "y": task("x")},
               "$.steps.x.result")  # fmt: skip
    run = flows.launch(
        db, {"a": {"workflow": "inner", "input": {"q": path("$.input.q")}},
             "b": task("a", args={"got": path("$.steps.a.result")})},
        "$.steps.b.result", {"q": 7},
    )  # fmt: skip
    flows.work(db, lambda job: job.args)
    assert flows.run(db, run).output == {"got": {"q": 7}}
    (child,) = (step.child_id for step in flows.steps(db, run) if step.child_id)
    assert (flows.run(db, child).root_id, flows.run(db, child).parent_id) == (run, run)
    assert flows.check_run(db, run) == "succeeded"


def test_a_workflow_for_each_item(db: Connection) -> None:
    flows.save(db, "inner", {"x": task(args={"q": path("$.input.q")})}, "$.steps.x.result.q")
    run = flows.launch(
        db, {"a": {"workflow": "inner", "for_each": "$.input.qs", "max_parallel": 2,
                   "input": {"q": path("$.item")}}},
        "$.steps.a.result", {"qs": [3, 1, 2]},
    )  # fmt: skip
    flows.work(db, lambda job: job.args)
    assert flows.run(db, run).output == [3, 1, 2]
    assert flows.check_run(db, run) == "succeeded"


def test_the_end_of_an_inner_run_is_the_end_of_its_step(db: Connection) -> None:
    flows.save(db, "inner", {"x": task(name="bad")})
    for policy, state in (("fail", "failed"), ("continue", "succeeded")):
        nodes = {"a": {"workflow": "inner", "on_failure": policy}, "b": task("a")}
        run = flows.launch(db, nodes)
        flows.work(db, {"bad": Failed("ouch")})
        assert flows.check_run(db, run) == state
        (step, _) = flows.steps(db, run)
        assert step.error == f"run {step.child_id} failed: step x failed: ouch"


def test_a_cancelled_inner_run_is_a_cancelled_step(db: Connection) -> None:
    flows.save(db, "inner", {"x": task()})
    run = flows.launch(db, {"a": {"workflow": "inner"}, "b": task("a")})
    (step, _) = flows.steps(db, run)
    assert f.call(db, "cancel_run", id=step.child_id, reason="no") == "cancelled"
    assert flows.states(db, run) == {"a": "cancelled", "b": "cancelled"}
    assert flows.run(db, run).reason == f"step a was cancelled: run {step.child_id} cancelled: no"
    assert flows.check_run(db, run) == "failed"


def test_the_items_that_failed_are_done_again_and_no_more(db: Connection) -> None:
    run = flows.launch(
        db,
        {"each": {"task": "t", "for_each": "$.input.xs", "max_parallel": 2}},
        "$.steps.each.result",
        {"xs": [1, 2, 3, 4]},
    )
    tried: list[int] = []

    def second_fails(job: Any) -> Any:
        tried.append(job.id)
        return flows.Failed() if len(tried) == 2 else 1

    while flows.work(db, second_fails, at_most=1) and flows.run(db, run).state == "running":
        pass
    assert flows.run(db, run).state == "failed"
    done = len(tried) - 1
    f.call(db, "retry_run", id=run)
    assert flows.work(db, lambda job: 1) == 4 - done
    found = flows.run(db, run)
    assert (found.state, found.output) == ("succeeded", [1, 1, 1, 1])
