"""Ends of runs: failure by policy, compensation, cancelling, retrying, every way a job can end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support import factories as f
from tests.support import flows
from tests.support.flows import Failed

Connection = psycopg.Connection[Any]


def task(*needs: Any, name: str = "t", **more: Any) -> dict[str, Any]:
    return {"task": name, **({"needs": list(needs)} if needs else {}), **more}


def path(text: str) -> dict[str, str]:
    return {"$path": text}


def undo(node: str) -> dict[str, Any]:
    return {"task": "undo", "args": {"of": path(f"$.steps.{node}.result")}}


def bad(job: Any) -> Any:
    return Failed("ouch") if job.task == "bad" else f"{job.task} {job.args}"


# --- policies -------------------------------------------------------------------------------------


def test_a_failure_fails_the_run_and_stops_the_rest(db: Connection) -> None:
    nodes = {
        "a": task(), "b": task("a", name="bad"), "waits": task("a", name="slow"),
        "runs": task("a", name="slow"), "c": task("b"), "gate": {"signal": "go", "needs": ["a"]},
        "later": {"delay": "1h", "needs": ["a"]},
    }  # fmt: skip
    run = flows.launch(db, nodes)
    worker = f.join(db)
    flows.settle(db, f.claim(db, worker, 1))
    held = {job.task: job for job in f.claim(db, worker, 2)}
    flows.settle(db, [held["bad"]], bad)
    found = flows.run(db, run)
    assert (found.state, found.ending) == ("running", "failed"), "a job of it still runs"
    assert found.reason == "step b failed: ouch"
    states = flows.states(db, run)
    assert sorted(states.values()).count("cancelled") == 4
    assert states["b"] == "failed"
    (verdict,) = f.renew(db, worker, [held["slow"]])
    assert verdict.verdict == "cancel", "what runs is asked to stop"
    flows.check_run(db, run)
    flows.settle(db, [held["slow"]], lambda _: "done all the same")
    assert flows.check_run(db, run) == "failed"
    assert "succeeded" in flows.states(db, run).values()


def test_on_failure_of_a_node_and_of_an_edge(db: Connection) -> None:
    """An edge's own policy goes before its node's; of several the hardest counts."""
    cont, fail = {"node": "b", "on_failure": "continue"}, {"node": "b", "on_failure": "fail"}
    for nodes, state in (
        ({"b": task(name="bad")}, "failed"),
        ({"b": task(name="bad", on_failure="continue")}, "succeeded"),
        ({"b": task(name="bad"), "c": task(cont)}, "succeeded"),
        ({"b": task(name="bad", on_failure="continue"), "c": task("b")}, "succeeded"),
        ({"b": task(name="bad", on_failure="continue"), "c": task(fail)}, "failed"),
        ({"b": task(name="bad"), "c": task(cont), "d": task("b")}, "failed"),
    ):
        run = flows.launch(db, nodes)
        flows.work(db, bad)
        assert flows.check_run(db, run) == state, nodes


def test_who_continues_sees_the_error(db: Connection) -> None:
    nodes = {"b": task(name="bad", on_failure="continue"), "c": task("b", args={
        "error": path("$.steps.b.error"), "state": path("$.steps.b.state"),
        "result": path("$.steps.b.result")})}  # fmt: skip
    run = flows.launch(db, nodes, "$.steps.c.result")
    flows.work(db, lambda job: Failed("ouch") if job.task == "bad" else job.args)
    assert flows.run(db, run).output == {"error": "ouch", "state": "failed", "result": None}


def test_compensations_run_backwards_one_at_a_time(db: Connection) -> None:
    nodes = {
        "a": task(name="A", compensate=undo("a")), "b": task("a", name="B", compensate=undo("b")),
        "m": task("b", name="M", for_each="$.input.xs", max_parallel=1,
                  compensate={"task": "undo", "args": {"item": path("$.item")}}),
        "none": task("m", name="N"),
        "c": task("none", name="bad", on_failure="compensate", compensate=undo("c")),
    }  # fmt: skip
    run = flows.launch(db, nodes, data={"xs": [1, 2]})
    worker, done = f.join(db), []
    while jobs := f.claim(db, worker, 10):
        (job,) = jobs
        done.append((job.task, job.args))
        flows.settle(db, jobs, bad)
        flows.check_run(db, run)
        if job.task == "bad":
            assert flows.run(db, run).state == "compensating"
    assert done[6:] == [
        ("undo", {"item": 2}), ("undo", {"item": 1}), ("undo", {"of": "B {}"}),
        ("undo", {"of": "A {}"}),
    ]  # fmt: skip
    found = flows.run(db, run)
    assert (found.state, found.compensated, found.reason) == ("failed", 4, "step c failed: ouch")
    assert flows.states(db, run) == {
        "~a": "succeeded", "a": "compensated", "~b": "succeeded", "b": "compensated",
        "~m[1]": "succeeded", "~m[0]": "succeeded", "m": "succeeded", "m[0]": "compensated",
        "m[1]": "compensated", "none": "succeeded", "c": "failed",
    }  # fmt: skip


def test_a_compensation_that_fails_leaves_the_others_to_be_done(db: Connection) -> None:
    nodes = {
        "a": task(name="A", compensate=undo("a")),
        "b": task("a", name="B", compensate={"task": "bad"}),
        "c": task("b", name="C", compensate={"task": "u", "args": {"x": path("strict $.input.n")}}),
        "d": task("c", name="bad", on_failure="compensate"),
    }  # fmt: skip
    run = flows.launch(db, nodes)
    flows.work(db, bad)
    states = flows.states(db, run)
    assert (states["a"], states["b"], states["c"]) == ("compensated", "succeeded", "succeeded")
    assert (states["~b"], states["~c"]) == ("failed", "failed")
    assert flows.check_run(db, run) == "failed"
    # once its cause is gone, the dead compensation is retried as any job
    (step,) = (step for step in flows.steps(db, run) if flows.name(step) == "~b")
    f.call(db, "retry", id=step.job_id)
    assert flows.check_run(db, run) == "compensating"
    flows.work(db)
    assert flows.states(db, run)["b"] == "compensated"
    assert flows.check_run(db, run) == "failed"


def test_running_jobs_end_before_compensation_begins(db: Connection) -> None:
    nodes = {
        "a": task(name="A", compensate=undo("a")),
        "b": task("a", name="bad", on_failure="compensate"),
        "slow": task("a", name="slow", compensate=undo("slow")),
    }  # fmt: skip
    run = flows.launch(db, nodes)
    worker = f.join(db)
    flows.settle(db, f.claim(db, worker, 1))
    held = {job.task: job for job in f.claim(db, worker, 2)}
    flows.settle(db, [held["bad"]], bad)
    assert f.claim(db, worker, 9) == []
    flows.settle(db, [held["slow"]])
    assert flows.run(db, run).state == "compensating"
    flows.work(db)
    states = flows.states(db, run)
    assert (states["a"], states["slow"]) == ("compensated", "compensated")


def test_an_output_that_cannot_be_worked_out_fails_the_run(db: Connection) -> None:
    run = flows.launch(db, {"a": task()}, path("strict $.steps.a.result.x"))
    flows.work(db, lambda _: {"y": 1})
    found = flows.run(db, run)
    assert found.state == "failed"
    assert found.reason.startswith("its output cannot be worked out: JSON object does not contain")


# --- W2: every end of a job -----------------------------------------------------------------------


def _lost(db: Connection, job: Any) -> None:
    for _ in range(3):
        f.lose(db)
        f.claim(db, f.join(db), 1)


def _expired(db: Connection, job: Any) -> None:
    db.execute("update taskflow.job set deadline = taskflow.now() + interval '1 s', attempt = 0")
    f.settle(db, job, "released")
    db.execute("update taskflow.job set attempt = 0")
    f.advance(db, 5)
    f.call(db, "reap")


ENDS: dict[str, tuple[Callable[[Connection, Any], Any], str, str]] = {
    "failed": (lambda db, job: f.settle(db, job, "discarded", error={"class": "E", "message": "m"}),
               "failed", "E: m"),
    "cancelled by its handler": (lambda db, job: f.settle(db, job, "cancelled", reason="no"),
                                 "cancelled", "no"),
    "discarded": (lambda db, job: (f.settle(db, job, "released"),
                                   f.call(db, "discard", id=job.id, reason="why")),
                  "cancelled", "why"),
    "cancelled while it waits": (lambda db, job: (f.settle(db, job, "released"),
                                                  f.call(db, "cancel", id=job.id, reason="off")),
                                 "cancelled", "off"),
    "lost three times": (_lost, "failed", "lost"),
    "expired": (_expired, "failed", "expired"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_w2_every_end_of_a_job_is_seen_by_what_comes_after(db: Connection, end: str) -> None:
    act, state, error = ENDS[end]
    nodes = {"a": task(on_failure="continue"), "b": task("a", args={"e": path("$.steps.a.error")})}
    run = flows.launch(db, nodes)
    (job,) = f.claim(db, f.join(db), 1)
    act(db, job)
    first, second = flows.steps(db, run)
    assert (first.state, first.error) == (state, error)
    assert f.job(db, second.job_id).args == {"e": error}
    flows.check_run(db, run)


def test_w2_a_job_that_fails_at_first_is_no_end(db: Connection) -> None:
    run = flows.launch(db, {"a": task(), "b": task("a")})
    worker = f.join(db)
    (job,) = f.claim(db, worker)
    f.settle(db, job, "failed", delay="1 hour")
    assert flows.states(db, run) == {"a": "retrying", "b": "pending"}
    f.advance(db, 3601)
    (job,) = f.claim(db, worker)
    f.settle(db, job, "snoozed", delay="1 second")
    flows.check_run(db, run)
    f.advance(db, 2)
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


# --- cancelling -----------------------------------------------------------------------------------


def test_cancel_takes_what_waits_and_asks_what_runs(db: Connection) -> None:
    flows.save(db, "inner", {"x": task(name="inner")})
    nodes = {
        "a": task(), "b": task(), "c": task("a"), "s": {"signal": "x"}, "d": {"delay": "1h"},
        "w": {"workflow": "inner"},
    }  # fmt: skip
    run = flows.launch(db, nodes)
    (job,) = f.claim(db, f.join(db), 1)
    assert f.call(db, "cancel_run", id=run, reason="enough") == "requested"
    assert f.call(db, "cancel_run", id=run) == "requested"
    assert f.job(db, job.id).cancel_requested
    assert f.value(db, "select count(*) from taskflow.job") == 1
    flows.check_run(db, run)
    f.settle(db, job, "failed")
    found = flows.run(db, run)
    assert (found.state, found.reason, found.cancelled) == ("cancelled", "enough", 6)
    flows.check_run(db, run)
    assert f.call(db, "cancel_run", id=run) == "finished"


def test_a_job_that_finishes_after_a_cancel_lets_nothing_go(db: Connection) -> None:
    run = flows.launch(db, {"a": task(), "b": task("a")})
    (job,) = f.claim(db, f.join(db), 1)
    f.call(db, "cancel_run", id=run)
    assert f.settle(db, job) == "applied"
    assert flows.states(db, run) == {"a": "succeeded", "b": "cancelled"}
    assert flows.check_run(db, run) == "cancelled"


def test_a_job_that_was_locked_at_the_cancel_is_asked_again(
    db: Connection, connect: Callable[..., Connection]
) -> None:
    """The row may be locked by a settle that waits for the run: to wait for it would deadlock."""
    run = flows.launch(db, {"a": task(), "b": task()})
    other = connect(autocommit=False)
    held = f.value(other, "select id from taskflow.job order by id limit 1 for update")
    assert f.call(db, "cancel_run", id=run) == "requested"
    other.rollback()
    assert f.state(db, held) == "available"
    f.call(db, "reap")
    assert f.state(db, held) == "cancelled"
    assert flows.check_run(db, run) == "cancelled"


# --- retrying -------------------------------------------------------------------------------------


def test_retry_goes_on_from_the_failed_step_with_the_same_job(db: Connection) -> None:
    nodes = {"a": task(name="A"), "b": task("a", name="bad"), "c": task("b"), "d": task("c", "a")}
    run = flows.launch(db, nodes)
    flows.work(db, bad)
    before = {step.node: step.job_id for step in flows.steps(db, run)}
    f.call(db, "retry_run", id=run)
    assert flows.states(db, run) == {
        "a": "succeeded", "b": "available", "c": "pending", "d": "pending",
    }  # fmt: skip
    assert flows.check_run(db, run) == "running"
    assert {step.node: step.job_id for step in flows.steps(db, run)} == before
    assert flows.work(db) == 3, "what succeeded does not run again"
    assert flows.check_run(db, run) == "succeeded"
    for verb in ("retry_run", "cancel_run"):
        if verb == "retry_run":
            with pytest.raises(psycopg.Error, match="has succeeded"):
                f.call(db, verb, id=run)
        else:
            assert f.call(db, verb, id=run) == "finished"


def test_retry_of_a_cancelled_run_takes_all_up_again(db: Connection) -> None:
    flows.save(db, "inner", {"x": task(name="inner"), "y": task("x")})
    nodes = {
        "a": task(), "b": task("a"), "s": {"signal": "x", "timeout": "1h"},
        "w": {"workflow": "inner"}, "m": task(for_each="$.input.xs", max_parallel=2),
        "z": task("a", "b", "s", "w", "m"),
    }  # fmt: skip
    run = flows.launch(db, nodes, data={"xs": [1, 2, 3]})
    flows.work(db, at_most=2)
    f.call(db, "cancel_run", id=run)
    assert flows.check_run(db, run) == "cancelled"
    f.call(db, "retry_run", id=run)
    assert flows.check_run(db, run) == "running"
    f.call(db, "signal", run_id=run, name="x")
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"
    assert set(flows.states(db, run).values()) == {"succeeded"}


def test_retry_of_a_for_each_step_runs_only_what_failed(db: Connection) -> None:
    nodes = {"m": task(for_each="$.input.xs", args={"x": path("$.item")})}
    run = flows.launch(db, nodes, "$.steps.m.result", {"xs": [0, 1, 2]})
    worker = f.join(db)
    flows.settle(db, f.claim(db, worker, 3), lambda job: Failed() if job.args["x"] == 1 else 5)
    assert flows.check_run(db, run) == "failed"
    f.call(db, "retry_run", id=run)
    assert flows.check_run(db, run) == "running"
    assert flows.work(db, lambda _: 6) == 1
    assert flows.run(db, run).output == [5, 6, 5]


def test_retry_of_a_compensated_run_does_it_again(db: Connection) -> None:
    nodes = {
        "a": task(name="A", compensate=undo("a")), "b": task("a", name="B"),
        "c": task("b", name="bad", on_failure="compensate"),
    }  # fmt: skip
    run = flows.launch(db, nodes)
    flows.work(db, bad)
    assert flows.states(db, run)["a"] == "compensated"
    f.call(db, "retry_run", id=run)
    assert flows.states(db, run) == {"a": "available", "b": "succeeded", "c": "available"}
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_retry_works_out_anew_what_could_not_be(db: Connection) -> None:
    """A step without a job, an output: whatever failed is tried again."""
    db.execute("update taskflow.config set value = '100' where name = 'max_args_bytes'")
    nodes = {"a": task(), "b": task("a", args={"x": path("$.steps.a.result")})}
    run = flows.launch(db, nodes, "$.steps.a.result")
    flows.work(db, lambda _: "y" * 150)
    assert flows.check_run(db, run) == "failed"
    db.execute("update taskflow.config set value = '1000' where name = 'max_args_bytes'")
    f.call(db, "retry_run", id=run)
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_retry_starts_anew_what_is_no_longer_kept(db: Connection) -> None:
    run = flows.launch(db, {"a": task(name="bad"), "b": task("a")})
    flows.work(db, bad)
    (before, _) = flows.steps(db, run)
    db.execute("delete from taskflow.dead_job")
    f.call(db, "retry_run", id=run)
    (step, _) = flows.steps(db, run)
    assert (step.state, step.job_id != before.job_id, step.attempt) == ("available", True, 2)
    flows.work(db)
    assert flows.run(db, run).state == "succeeded"


def test_retry_of_the_job_of_a_failed_step_takes_up_its_run(db: Connection) -> None:
    """Also of one in a workflow within, and through the dead-letter queue."""
    flows.save(db, "inner", {"x": task(name="bad"), "y": task("x")})
    run = flows.launch(db, {"a": {"workflow": "inner"}, "b": task("a")})
    flows.work(db, bad)
    assert flows.check_run(db, run) == "failed"
    (dead,) = f.rows(db, "select id from taskflow.dead_job")
    (done,) = f.call_rows(db, "requeue", task="bad")
    assert (done.requeued, done.conflicts) == (1, 0)
    assert f.state(db, dead.id) == "available"
    assert flows.check_run(db, run) == "running"
    flows.work(db)
    assert flows.check_run(db, run) == "succeeded"


def test_a_job_whose_failure_was_lived_with_runs_for_itself(db: Connection) -> None:
    nodes = {"a": task(name="bad", on_failure="continue"), "s": task(), "b": task("a", "s")}
    run = flows.launch(db, nodes)
    flows.work(db, bad, at_most=1)
    (dead,) = f.rows(db, "select id from taskflow.dead_job")
    f.call(db, "retry", id=dead.id)
    worker = f.join(db)
    again = next(job for job in f.claim(db, worker, 2) if job.id == dead.id)
    f.settle(db, again)
    assert flows.states(db, run) == {"a": "failed", "s": "running", "b": "pending"}, (
        "it does not count twice"
    )


def test_a_run_that_is_stopping_cannot_be_retried_yet(db: Connection) -> None:
    run = flows.launch(db, {"a": task(name="bad"), "b": task()})
    held = f.claim(db, f.join(db), 2)
    flows.settle(db, [job for job in held if job.task == "bad"], bad)
    (dead,) = f.rows(db, "select id from taskflow.dead_job")
    for verb, id in (("retry_run", run), ("retry", dead.id)):
        with pytest.raises(psycopg.Error) as error:
            f.call(db, verb, id=id)
        assert error.value.sqlstate == "TF163"
    (done,) = f.call_rows(db, "requeue")
    assert (done.requeued, done.conflicts) == (0, 1)
    assert f.state(db, dead.id) == "dead"


# --- who asks, and what is left -------------------------------------------------------------------


def test_explain_says_what_a_run_and_its_steps_wait_for(db: Connection) -> None:
    flows.save(db, "w", {
        "a": task(), "ok": {"signal": "approve", "timeout": "1h"}, "d": {"delay": "5m"},
        "z": task("a", "ok"), "end": task("z"),
    })  # fmt: skip
    run = flows.start(db, "w")
    causes = {row.cause: row.sentence for row in f.call_rows(db, "explain", id=run)}
    assert causes["running"] == f"Run {run} of w goes on: 0 of 5 steps have ended."
    assert causes["waiting_for_signal"].startswith('Step ok waits for the signal "approve", for')
    assert causes["waiting_for_delay"].startswith("Step d is due in 00:0")
    assert causes["waiting_for_steps"] == "2 more steps wait for those before them."
    (step,) = f.call_rows(db, "explain_run", id=run, node="z")
    assert step.sentence == "Step z waits for a (available), ok (waiting)."
    (job,) = (step.job_id for step in flows.steps(db, run) if step.job_id)
    told = [row.sentence for row in f.call_rows(db, "explain", id=job)]
    assert told[-1] == f"It is step a of run {run} of w, which is running."
    (none,) = f.call_rows(db, "explain_run", id=run, node="zz")
    assert (none.cause, none.sentence) == ("not_found", f'Run {run} has no step "zz".')
    f.call(db, "cancel_run", id=run, reason="why not")
    first, *_ = f.call_rows(db, "explain", id=run)
    assert first.sentence.endswith(": why not.")


def test_ended_runs_are_kept_for_their_retention_and_then_wholly_removed(db: Connection) -> None:
    flows.save(db, "inner", {"x": task()})
    old = flows.launch(db, {"a": {"workflow": "inner"}, "s": {"signal": "go"}})
    f.call(db, "signal", run_id=old, name="go")
    flows.work(db)
    f.advance(db, 29 * 86_400)
    new = flows.launch(db, {"a": task()})
    waiting = flows.launch(db, {"s": {"signal": "go"}})
    flows.work(db)
    f.maintain(db)
    assert flows.run(db, old).state == "succeeded"
    f.advance(db, 2 * 86_400)
    f.maintain(db)
    left = {row.id for row in f.rows(db, "select id from taskflow.workflow_run")}
    assert left == {new, waiting}
    assert f.value(db, "select count(*) from taskflow.workflow_signal") == 0
    kept = f.rows(db, "select run_id from taskflow.workflow_step group by 1")
    assert {row.run_id for row in kept} == left
    names = f.rows(db, "select name from taskflow.workflow order by name")
    assert [row.name for row in names] == ["inner", None, None]
    orphans = (
        "select count(*) from taskflow.workflow_node n where not exists ("
        "select from taskflow.workflow w where w.id = n.workflow_id)"
    )
    assert f.value(db, orphans) == 0


def test_a_watcher_is_told_of_the_end(db: Connection, connect: Callable[..., Connection]) -> None:
    run = flows.launch(db, {"a": task()})
    listener = connect()
    listener.execute("listen taskflow")
    f.call(db, "watch", id=run)
    flows.work(db)
    told = {note.payload for note in listener.notifies(timeout=5, stop_after=1)}
    assert f"done {run}" in told


def test_jobs_that_depend_on_a_step_are_told_too(db: Connection) -> None:
    run = flows.launch(db, {"a": task(), "b": task(name="bad")})
    jobs = {step.node: step.job_id for step in flows.steps(db, run)}
    after = f.call(db, "enqueue", task="after", depends_on=[jobs["a"]])
    never = f.call(db, "enqueue", task="never", depends_on=[jobs["b"]])
    worker = f.join(db)
    flows.settle(db, f.claim(db, worker, 2), bad)
    assert (f.state(db, after), f.state(db, never)) == ("available", "cancelled")
    flows.check_run(db, run)


def test_a_stopped_run_tells_who_depends_on_its_jobs(db: Connection) -> None:
    run = flows.launch(db, {"a": task()})
    (step,) = flows.steps(db, run)
    after = f.call(
        db, "enqueue", task="after", depends_on=[step.job_id], on_parent_failure="continue"
    )
    f.call(db, "cancel_run", id=run)
    assert f.state(db, after) == "available"
