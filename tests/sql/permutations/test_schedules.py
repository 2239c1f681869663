"""Firing against itself, against operators and against the end of a job, in every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support import factories as f
from tests.support.clockwork import fire, jobs, put
from tests.support.permutations import (
    Outcome,
    Sessions,
    Step,
    Walk,
    check_whole,
    commit,
    late,
    rollback,
    verb,
)

Connection = psycopg.Connection[Any]


def stage_schedule(db: Connection, **options: Any) -> None:
    """A schedule whose tick is due in the `late` sessions, and in no other."""
    for table in ("schedule", "schedule_tick", "job_history"):
        db.execute(f"delete from taskflow.{table}")
    put(db, every="1 min", **options)


def check_ledger(db: Connection) -> list[Any]:
    """K1, A9: each tick that ran has its own job, each job of the schedule its tick."""
    lines = f.rows(db, "select * from taskflow.schedule_tick order by tick_at")
    made = {job.id: job.meta["tick"] for job in f.rows(db, "select id, meta from taskflow.job_view")
            if job.meta}  # fmt: skip
    assert sorted(line.job_id for line in lines if line.status == "run") == sorted(made)
    assert len(set(made.values())) == len(made)
    check_whole(db, list(made))
    return lines


@pytest.mark.parametrize("end", [commit, rollback])
def test_k1_k4_fire_x_fire(db: Connection, walk: Walk, end: Step) -> None:
    """One job, from whichever session; with a rollback, from one that comes after it."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db)

        def check(outcome: Outcome) -> None:
            assert outcome.blocked == []
            kept = outcome["second"] + (outcome["first"] if end is commit else 0)
            assert kept <= 1
            lines = check_ledger(db)
            assert len(lines) == kept
            f.advance(db, 60)
            assert fire(db) == 1 - kept
            f.advance(db, -60)
            check_ledger(db)

        return {
            "A": verb("first", late(fire), end),
            "B": verb("second", late(fire)),
        }, check

    walk(stage)


def test_k1_fire_x_fire_x_fire(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db)

        def check(outcome: Outcome) -> None:
            assert sorted(outcome[name] for name in ("a", "b", "c")) == [0, 0, 1]
            assert len(check_ledger(db)) == 1

        return {
            "A": verb("a", late(fire)),
            "B": verb("b", late(fire)),
            "C": verb("c", late(fire)),
        }, check

    walk(stage)


def test_pause_x_fire(db: Connection, walk: Walk) -> None:
    """Once the pause has committed nothing is fired; a fire that has begun counts."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db)

        def check(outcome: Outcome) -> None:
            assert outcome.code("pause") is None
            assert len(check_ledger(db)) == outcome["fire"]
            assert len(jobs(db)) == outcome["fire"]
            f.advance(db, 60)
            assert fire(db) == 0
            f.advance(db, -60)

        return {
            "A": verb("pause", lambda c: f.call(c, "pause_schedule", name="s")),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_edit_x_fire(db: Connection, walk: Walk) -> None:
    """The due tick is made once, with the arguments of before or after, and the edit is kept."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db, args={"version": 1})

        def check(outcome: Outcome) -> None:
            assert outcome.code("edit") is None
            assert f.value(db, "select args ->> 'version' from taskflow.schedule") == "2"
            assert len(check_ledger(db)) == 1
            assert len(jobs(db)) == 1

        return {
            "A": verb("edit", late(lambda c: put(c, args={"version": 2}))),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_edit_x_edit_of_a_schedule_that_is_new(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        db.execute("delete from taskflow.schedule")

        def check(outcome: Outcome) -> None:
            assert (outcome.code("one"), outcome.code("two")) == (None, None)
            (row,) = f.rows(db, "select * from taskflow.schedule")
            assert (row.queue, row.max_runs) == ("q", 5)

        return {
            "A": verb("one", lambda c: put(c, every="1 min", queue="q")),
            "B": verb("two", lambda c: put(c, every="1 min", max_runs=5)),
        }, check

    walk(stage)


def test_delete_x_fire(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db)

        def check(outcome: Outcome) -> None:
            assert outcome.code("delete") is None
            assert len(check_ledger(db)) == outcome["fire"]
            assert f.rows(db, "select * from taskflow.schedule") == []

        return {
            "A": verb("delete", lambda c: f.call(c, "delete_schedule", name="s")),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_run_now_x_fire_never_two_alive(db: Connection, walk: Walk) -> None:
    """Under `skip` one of them gives way, and it is told or written down which."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db, overlap="skip")

        def check(outcome: Outcome) -> None:
            lines = check_ledger(db)
            assert len(jobs(db)) == 1
            if outcome["fire"]:
                assert outcome.code("run now") == "TF121"
            else:
                assert outcome.code("run now") is None
                assert [line.status for line in lines] in (["run"], ["run", "skipped"])

        return {
            "A": verb("run now", lambda c: f.call(c, "run_schedule_now", name="s")),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_backfill_x_fire(db: Connection, walk: Walk) -> None:
    """The same tick from both sides is one job."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db)
        tick = f.value(db, "select next_at from taskflow.schedule")

        def backfill(connection: Connection) -> list[Any]:
            return f.call_rows(connection, "backfill_schedule", name="s", since=tick,
                               until=f.value(connection, "select taskflow.now()"))  # fmt: skip

        def check(outcome: Outcome) -> None:
            (line,) = outcome["backfill"]
            assert (line.status == "run") == (outcome["fire"] == 0)
            assert len(check_ledger(db)) == 1

        return {
            "A": verb("backfill", late(backfill)),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_the_end_of_a_job_x_fire_of_the_tick_that_waits_for_it(db: Connection, walk: Walk) -> None:
    """The waiting tick starts after the end has committed, and is never lost."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db, overlap="queue")
        f.call(db, "run_schedule_now", name="s")
        (job,) = f.claim(db, f.join(db))
        f.advance(db, 60)
        fire(db)
        f.advance(db, -60)

        def check(outcome: Outcome) -> None:
            assert outcome.code("settle") is None
            assert outcome["fire"] in (0, 1)
            assert fire(db) == 1 - outcome["fire"]
            lines = check_ledger(db)
            assert [line.status for line in lines] == ["run", "run"]
            assert len(jobs(db)) == 1

        return {
            "A": verb("settle", lambda c: f.settle(c, job)),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_cancel_old_x_settle(db: Connection, walk: Walk) -> None:
    """Whichever comes first, the old job ends once and the new one is made."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db, overlap="cancel_old")
        f.call(db, "run_schedule_now", name="s")
        (job,) = f.claim(db, f.join(db))

        def check(outcome: Outcome) -> None:
            if not outcome["fire"]:  # the settle held the job for longer than it waits
                f.advance(db, 60)
                assert fire(db) == 1
                f.advance(db, -60)
            assert outcome["settle"] == "applied"
            assert f.state(db, job.id) == "succeeded"
            assert len(jobs(db)) == 1
            check_ledger(db)

        return {
            "A": verb("settle", lambda c: f.settle(c, job)),
            "B": verb("fire", late(fire)),
        }, check

    walk(stage)


def test_publish_x_fire(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        stage_schedule(db)
        declared = '[{"name": "s", "task": "t", "every": "1 min", "queue": "q"}]'

        def check(outcome: Outcome) -> None:
            assert outcome.code("publish") is None
            assert f.value(db, "select queue from taskflow.schedule") == "q"
            assert len(check_ledger(db)) == 1

        return {
            "A": verb("publish", late(lambda c: f.call(c, "publish_schedules",
                                                       declarations=declared))),
            "B": verb("fire", late(fire)),
        }, check  # fmt: skip

    walk(stage)
