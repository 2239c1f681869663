"""Steps of runs and jobs of batches that end at the same time, in every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support import flows, permutations
from tests.support.db import NEWEST
from tests.support.flows import Failed
from tests.support.permutations import Outcome, Sessions, Walk, late, rollback, verb
from tests.support.races import reap, suspect

Connection = psycopg.Connection[Any]
Stage = tuple[Sessions, Callable[[Outcome], None]]


def task(*needs: str, name: str = "t", **more: Any) -> dict[str, Any]:
    return {"task": name, **({"needs": list(needs)} if needs else {}), **more}


def begun(db: Connection, nodes: dict[str, Any], count: int) -> tuple[int, list[Any]]:
    """A run and its first jobs, claimed."""
    run = flows.launch(db, nodes)
    return run, f.claim(db, f.join(db), count)


def done(*jobs: Any) -> Callable[[Connection], Any]:
    return lambda c: flows.settle(c, list(jobs))


def fails(*jobs: Any) -> Callable[[Connection], Any]:
    return lambda c: flows.settle(c, list(jobs), lambda _: Failed())


JOIN = {"a": task(), "b": task(), "c": task("a", "b")}


def test_w1_parent_x_parent(db: Connection, walk: Walk) -> None:
    """Neither sees the other's end, and still the child is let go, once."""

    def stage() -> Stage:
        run, (one, other) = begun(db, JOIN, 2)

        def check(outcome: Outcome) -> None:
            assert (outcome["one"], outcome["other"]) == (None, None)
            assert flows.states(db, run)["c"] == "available"
            assert f.value(db, "select count(*) from taskflow.job") == 1
            flows.check_run(db, run)

        return {"A": verb("one", done(one)), "B": verb("other", done(other))}, check

    walk(stage)


def test_w1_parent_x_parent_that_is_taken_back(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run, (one, other) = begun(db, JOIN, 2)

        def check(outcome: Outcome) -> None:
            assert outcome["one"] is None
            assert flows.states(db, run)["c"] == "pending"
            flows.check_run(db, run)

        return {"A": verb("one", done(one)), "B": verb("other", done(other), rollback)}, check

    walk(stage)


def hold(table: str, id: int) -> dict[str, Any]:
    """A session that keeps the others halfway through what they do."""
    statement = f"select from taskflow.{table} where id = %s for update"
    return verb("hold", lambda c: c.execute(statement, (id,)).rowcount)


def held_up(
    db: Connection, connect: Callable[..., Connection], sessions: Sessions, second: str
) -> Outcome:
    """Both others begin while the row is held, `second` after the first, and end when it is not."""
    first = "other" if second == "one" else "one"
    order = ("hold", first, second, "hold ends", f"{first} ends", f"{second} ends")
    connections = {name: connect(autocommit=False) for name in sessions}
    return permutations.run(order, sessions, connections, db)


def test_three_parents(db: Connection, walk: Walk, server_name: str) -> None:
    if server_name != NEWEST:
        pytest.skip("ninety orders, and no server differs here")

    def stage() -> Stage:
        nodes = {"a": task(), "b": task(), "c": task(), "d": task("a", "b", "c")}
        run, jobs = begun(db, nodes, 3)

        def check(outcome: Outcome) -> None:
            assert flows.states(db, run)["d"] == "available"
            flows.check_run(db, run)

        return {
            name: verb(f"end {name}", done(job)) for name, job in zip("ABC", jobs, strict=True)
        }, check

    walk(stage)


@pytest.mark.parametrize("second", ["one", "other"])
def test_two_batches_of_ends_of_the_same_runs(
    db: Connection, connect: Callable[..., Connection], second: str
) -> None:
    """Completed and failed ones, in opposite orders of runs: settled together, no deadlock.

    A third session keeps the first run while both begin.
    """
    nodes = {"a": task(on_failure="continue"), "b": task(on_failure="continue")}
    nodes["c"] = task("a", "b")
    one, two = flows.launch(db, nodes), flows.launch(db, nodes)
    a1, b1, a2, b2 = f.claim(db, f.join(db), 4)

    def mixed(good: Any, bad: Any) -> Callable[[Connection], Any]:
        return lambda c: flows.settle(
            c, [good, bad], lambda job: Failed() if job.id == bad.id else None
        )

    sessions = {
        "A": verb("one", mixed(a2, b1)),
        "B": verb("other", mixed(a1, b2)),
        "C": hold("workflow_run", one),
    }
    outcome = held_up(db, connect, sessions, second)
    assert (outcome["one"], outcome["other"]) == (None, None)
    for id in (one, two):
        assert flows.states(db, id)["c"] == "available"
        flows.check_run(db, id)


def test_failure_x_end_of_another(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run, (one, other) = begun(db, {"a": task(), "b": task(), "c": task("b"), "d": task("b")}, 2)

        def check(outcome: Outcome) -> None:
            assert (outcome["fail"], outcome["end"]) == (None, None)
            assert flows.check_run(db, run) == "failed"
            assert f.value(db, "select count(*) from taskflow.job") == 0

        return {"A": verb("fail", fails(one)), "B": verb("end", done(other))}, check

    walk(stage)


@pytest.mark.parametrize("ends", [done, fails])
def test_cancel_run_x_end(db: Connection, walk: Walk, ends: Any) -> None:
    def stage() -> Stage:
        run, (job,) = begun(db, {"a": task(), "b": task("a"), "c": task("b")}, 1)

        def check(outcome: Outcome) -> None:
            assert outcome["end"] is None
            assert outcome["cancel"] in ("requested", "cancelled", "finished")
            f.call(db, "reap")  # asks again what was locked at the cancel
            state = flows.check_run(db, run)
            assert state == ("failed" if outcome["cancel"] == "finished" else "cancelled")

        return {
            "A": verb("cancel", lambda c: f.call(c, "cancel_run", id=run)),
            "B": verb("end", ends(job)),
        }, check

    walk(stage)


def test_cancel_run_x_cancel_of_its_job(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run = flows.launch(db, JOIN)
        (job, *_) = (step.job_id for step in flows.steps(db, run))

        def check(outcome: Outcome) -> None:
            assert outcome["run"] in ("requested", "cancelled", "finished")
            assert outcome["job"] in ("cancelled", "finished")
            f.call(db, "reap")
            assert flows.check_run(db, run) in ("cancelled", "failed")
            assert f.value(db, "select count(*) from taskflow.job") == 0

        return {
            "A": verb("run", lambda c: f.call(c, "cancel_run", id=run)),
            "B": verb("job", lambda c: f.call(c, "cancel", id=job)),
        }, check

    walk(stage)


def test_cancel_of_an_inner_run_x_its_end(db: Connection, walk: Walk) -> None:
    """Up and down the tree at once: both take the root first."""
    flows.save(db, "inner", {"x": task(), "y": task("x")})

    def stage() -> Stage:
        run = flows.launch(db, {"a": {"workflow": "inner"}, "b": task("a")})
        (job,) = f.claim(db, f.join(db), 1)
        (child,) = (step.child_id for step in flows.steps(db, run) if step.child_id)

        def check(outcome: Outcome) -> None:
            assert outcome["end"] is None
            f.call(db, "reap")
            flows.work(db)
            assert flows.check_run(db, run) == "failed"

        return {
            "A": verb("cancel", lambda c: f.call(c, "cancel_run", id=child)),
            "B": verb("end", done(job)),
        }, check

    walk(stage)


def test_signal_x_its_timeout(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run = flows.launch(
            db, {"s": {"signal": "go", "timeout": "30s", "on_failure": "continue"}, "b": task("s")}
        )

        def check(outcome: Outcome) -> None:
            (step, after) = flows.steps(db, run)
            if outcome.answers["signal"] == "taken":
                assert step.state == "succeeded"
            else:  # kept, or refused once the step had given up
                assert step.state == "failed"
            assert after.state in ("available", "scheduled"), "by whose clock it was let go"
            flows.check_run(db, run)

        return {
            "A": verb("signal", lambda c: f.call(c, "signal", run_id=run, name="go")),
            "B": verb("timeout", late(reap)),
        }, check

    walk(stage)


def test_signal_x_signal(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run = flows.launch(db, {"s": {"signal": "go"}, "t": {"signal": "go", "needs": ["s"]}})

        def check(outcome: Outcome) -> None:
            assert (outcome["one"], outcome["other"]) == ("taken", "taken")
            assert flows.check_run(db, run) == "succeeded"

        return {
            name: verb(name, lambda c: f.call(c, "signal", run_id=run, name="go"))
            for name in ("one", "other")
        }, check

    walk(stage)


def test_signal_x_the_step_that_comes_to_wait_for_it(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run, (job,) = begun(db, {"a": task(), "s": {"signal": "go", "needs": ["a"]}}, 1)

        def check(outcome: Outcome) -> None:
            assert outcome["signal"] in ("taken", "kept")
            assert flows.check_run(db, run) == "succeeded"

        return {
            "A": verb("signal", lambda c: f.call(c, "signal", run_id=run, name="go")),
            "B": verb("end", done(job)),
        }, check

    walk(stage)


def test_start_x_start_with_one_key(db: Connection, walk: Walk) -> None:
    flows.save(db, "w", {"a": task()})

    def stage() -> Stage:
        db.execute("delete from taskflow.workflow_run where key = 'k'")

        def check(outcome: Outcome) -> None:
            assert outcome["one"] == outcome["other"]
            assert f.value(db, "select count(*) from taskflow.job") == 1
            flows.check_run(db, outcome["one"])

        return {
            name: verb(name, lambda c: flows.start(c, "w", key="k")) for name in ("one", "other")
        }, check

    walk(stage)


def test_retry_run_x_retry_of_its_job(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        run, jobs = begun(db, {"a": task(), "b": task("a")}, 1)
        flows.settle(db, jobs, lambda _: Failed())

        def check(outcome: Outcome) -> None:
            assert {outcome.code("run"), outcome.code("job")} <= {None, "TF163"}
            assert flows.check_run(db, run) == "running"
            flows.work(db)
            assert flows.check_run(db, run) == "succeeded"

        return {
            "A": verb("run", lambda c: f.call(c, "retry_run", id=run)),
            "B": verb("job", lambda c: f.call(c, "retry", id=jobs[0].id)),
        }, check

    walk(stage)


def test_reap_x_settle_of_the_same_run(db: Connection, walk: Walk) -> None:
    """The reaper passes a run by that somebody holds, and comes again."""

    def stage() -> Stage:
        nodes = {"a": task(on_failure="continue"), "b": task(), "c": task("a", "b")}
        run, (one, other) = begun(db, nodes, 2)
        db.execute("update taskflow.job set lost = 2 where id = %s", (one.id,))
        suspect(db)

        def check(outcome: Outcome) -> None:
            assert outcome["settle"] is None
            f.advance(db, 60)
            for _ in range(3):
                f.call(db, "reap")
                f.advance(db, 16)
            f.advance(db, -60 - 3 * 16)
            states = flows.states(db, run)
            assert states["a"] == "failed"
            flows.check_run(db, run)

        return {
            "A": verb("reap", late(reap)),
            "B": verb("settle", lambda c: f.settle(c, other) and None),
        }, check

    walk(stage)


# --- batches --------------------------------------------------------------------------------------


def opened(db: Connection, count: int) -> tuple[int, list[Any]]:
    """An open batch with running jobs."""
    id = int(f.call(db, "create_batch", on_finish={"task": "fin"}))
    args = Jsonb([{} for _ in range(count)])
    f.call_rows(db, "add_to_batch", batch_id=id, task="t", args=args)
    return id, f.claim(db, f.join(db), count)


def ended_once(db: Connection, id: int) -> None:
    (found,) = f.rows(db, "select * from taskflow.batch_view where id = %s", id)
    assert found.finished_at is not None, (found.total, found.pending)
    assert f.value(db, "select count(*) from taskflow.job_view where task = 'fin'"
                       " and meta #>> '{batch,id}' = %s", str(id)) == 1  # fmt: skip


def test_last_end_x_last_end_of_a_batch(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        id, (one, other) = opened(db, 2)
        f.call(db, "close_batch", id=id)
        return {
            "A": verb("one", done(one)),
            "B": verb("other", fails(other)),
        }, lambda outcome: ended_once(db, id)

    walk(stage)


def test_last_end_x_close_of_a_batch(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        id, (job,) = opened(db, 1)
        return {
            "A": verb("end", done(job)),
            "B": verb("close", lambda c: f.call(c, "close_batch", id=id)),
        }, lambda outcome: ended_once(db, id)

    walk(stage)


@pytest.mark.parametrize("second", ["one", "other"])
def test_two_batches_settled_in_opposite_orders(
    db: Connection, connect: Callable[..., Connection], second: str
) -> None:
    (one, (a1, b1)), (two, (a2, b2)) = opened(db, 2), opened(db, 2)
    for id in (one, two):
        f.call(db, "close_batch", id=id)
    sessions = {
        "A": verb("one", fails(a2, a1)),
        "B": verb("other", fails(b1, b2)),
        "C": hold("batch", one),
    }
    outcome = held_up(db, connect, sessions, second)
    assert (outcome["one"], outcome["other"]) == (None, None)
    ended_once(db, one)
    ended_once(db, two)


def test_cancel_batch_x_end(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        id, (job,) = opened(db, 1)
        f.call_rows(db, "add_to_batch", batch_id=id, task="t", args=Jsonb([{}, {}]))

        def check(outcome: Outcome) -> None:
            assert outcome["end"] is None
            f.call_rows(db, "cancel_batch", id=id)
            ended_once(db, id)

        return {
            "A": verb("cancel", lambda c: f.call_rows(c, "cancel_batch", id=id)),
            "B": verb("end", done(job)),
        }, check

    walk(stage)


def test_put_in_batch_x_end_of_the_job(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        id = int(f.call(db, "create_batch", on_finish={"task": "fin"}))
        f.enqueue(db)
        (job,) = f.claim(db, f.join(db), 1)

        def check(outcome: Outcome) -> None:
            assert (outcome["put"], outcome["end"]) == (1, None)
            f.call(db, "close_batch", id=id)
            ended_once(db, id)

        return {
            "A": verb("put", lambda c: f.call(c, "put_in_batch", batch_id=id, ids=[job.id])),
            "B": verb("end", done(job)),
        }, check

    walk(stage)


def test_retry_x_close_of_its_batch(db: Connection, walk: Walk) -> None:
    def stage() -> Stage:
        id, jobs = opened(db, 2)
        flows.settle(db, jobs, lambda _: Failed())

        def check(outcome: Outcome) -> None:
            assert outcome["retry"] is None
            flows.work(db)
            ended_once(db, id)

        return {
            "A": verb("retry", lambda c: f.call(c, "retry", id=jobs[0].id) or None),
            "B": verb("close", lambda c: f.call(c, "close_batch", id=id)),
        }, check

    walk(stage)
