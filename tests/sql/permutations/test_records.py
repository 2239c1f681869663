"""What runs record, against reapers, other claims, upkeep and operators, in every order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg

from tests.support import factories as f
from tests.support.permutations import Outcome, Sessions, Walk, check_whole, late, verb
from tests.support.races import dead, reap, running, suspect

Connection = psycopg.Connection[Any]


def save(connection: Connection, job: Any, name: str, result: int) -> Any:
    given = {"id": job.id, "claim_no": job.claim_no, "name": name, "result": str(result)}
    return f.call(connection, "save_step", **given)


def report(connection: Connection, job: Any, done: int) -> Any:
    return f.call(connection, "progress", id=job.id, claim_no=job.claim_no, done=done)


def steps(db: Connection, job_id: int) -> dict[str, Any]:
    return {row.name: row.result for row in f.call_rows(db, "get_steps", id=job_id)}


def test_save_step_x_reap(db: Connection, walk: Walk) -> None:
    """F1, L1: the step is saved and the lease stands, or the job is taken and nothing is saved."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)
        suspect(db)

        def check(outcome: Outcome) -> None:
            check_whole(db, [job.id])
            taken, saved = outcome["reap"], outcome["save"]
            assert (taken, saved) in ((1, "stale"), (0, "applied"), (1, "applied"))
            assert len(steps(db, job.id)) == (saved == "applied")
            if (taken, saved) == (1, "applied"):
                assert outcome.blocked == [], "saved and committed before the reaper came"

        return {
            "A": verb("save", lambda c: save(c, job, "charge", 1)),
            "B": verb("reap", late(reap)),
        }, check

    walk(stage)


def test_save_step_x_save_step_of_the_next_claim(db: Connection, walk: Walk) -> None:
    """Only the holder's is saved, whoever comes first."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (old,) = running(db)
        f.settle(db, old, "failed", delay=timedelta(0))
        (new,) = f.claim(db, f.join(db))

        def check(outcome: Outcome) -> None:
            assert (outcome["old"], outcome["new"]) == ("stale", "applied")
            assert steps(db, new.id) == {"charge": 2}

        return {
            "A": verb("old", lambda c: save(c, old, "charge", 1)),
            "B": verb("new", lambda c: save(c, new, "charge", 2)),
        }, check

    walk(stage)


def test_save_step_x_the_same_save_step(db: Connection, walk: Walk) -> None:
    """U4: the worker repeats what may still be under way on the connection that broke."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert {outcome["once"], outcome["again"]} == {"applied", "already"}
            assert steps(db, job.id) == {"charge": 1}

        return {
            "A": verb("once", lambda c: save(c, job, "charge", 1)),
            "B": verb("again", lambda c: save(c, job, "charge", 1)),
        }, check

    walk(stage)


def test_save_step_x_renew(db: Connection, walk: Walk) -> None:
    """A step that is being saved keeps no renewal from the lease."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        worker, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert (outcome["save"], outcome["renew"]) == ("applied", [])
            assert outcome.blocked == []

        return {
            "A": verb("save", lambda c: save(c, job, "charge", 1)),
            "B": verb("renew", lambda c: f.renew(c, worker, [job])),
        }, check

    walk(stage)


def test_save_step_x_renew_x_cancel(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        worker, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert (outcome["save"], outcome["cancel"]) == ("applied", "requested")
            # locked: by the cancel, which has not committed
            assert {row.verdict for row in outcome["renew"]} <= {"cancel", "locked"}
            assert "renew" not in outcome.blocked
            check_whole(db, [job.id])

        return {
            "A": verb("save", lambda c: save(c, job, "charge", 1)),
            "B": verb("renew", lambda c: f.renew(c, worker, [job])),
            "C": verb("cancel", lambda c: f.call(c, "cancel", id=job.id)),
        }, check

    walk(stage)


def test_progress_x_settle_x_progress_of_the_next_claim(db: Connection, walk: Walk) -> None:
    """Reports hold up no settle, and the newest claim's stands in the end."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (old, other) = running(db, 2)
        f.settle(db, old, "failed", delay=timedelta(0))
        (new,) = f.claim(db, f.join(db))

        def check(outcome: Outcome) -> None:
            assert (outcome["old"], outcome["new"]) == ("applied", "applied")
            assert not {"settle", "settle ends"} & set(outcome.blocked)
            (found,) = f.call_rows(db, "get_progress", id=new.id)
            assert (found.done, found.claim_no) == (2, 2)

        return {
            "A": verb("old", lambda c: report(c, old, 1)),
            "B": verb("new", lambda c: report(c, new, 2)),
            "C": {"settle": lambda c: f.settle(c, other)},
        }, check

    walk(stage)


def test_progress_x_settle(db: Connection, walk: Walk) -> None:
    """Neither waits for the other, and whatever the order both count."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert outcome.blocked == []
            assert (outcome["report"], outcome["settle"]) == ("applied", "applied")
            assert f.state(db, job.id) == "succeeded"
            assert len(f.call_rows(db, "get_progress", id=job.id)) == 1

        return {
            "A": verb("report", lambda c: report(c, job, 1)),
            "B": verb("settle", lambda c: f.settle(c, job)),
        }, check

    walk(stage)


def test_upkeep_x_retry(db: Connection, walk: Walk) -> None:
    """P1: a dead job that is run again just now keeps its steps."""
    f.maintain(db)

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db, max_attempts=1)
        save(db, job, "charge", 1)
        f.settle(db, job, "failed")

        def check(outcome: Outcome) -> None:
            assert steps(db, job.id) == {"charge": 1}
            assert f.state(db, job.id) == "available"

        def sweep(connection: Connection) -> Any:
            connection.execute("set taskflow.clock_offset = '2 hours'")
            return f.maintain(connection)

        return {
            "A": verb("retry", lambda c: f.call(c, "retry", id=job.id)),
            "B": verb("upkeep", sweep),
        }, check

    walk(stage)


def test_upkeep_x_progress(db: Connection, walk: Walk) -> None:
    """Upkeep looks at the row of a running job: the report waits for it at most, and stands."""
    f.maintain(db)

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        db.execute("delete from taskflow.dead_job; delete from taskflow.job_progress")
        job_id = dead(db)
        f.call(db, "retry", id=job_id)
        (job,) = f.claim(db, f.join(db))
        report(db, job, 1)

        def check(outcome: Outcome) -> None:
            assert outcome["report"] == "applied"
            assert f.call_rows(db, "get_progress", id=job.id)[0].done == 2

        def sweep(connection: Connection) -> Any:
            connection.execute("set taskflow.clock_offset = '2 hours'")
            return f.maintain(connection)

        return {
            "A": verb("report", lambda c: report(c, job, 2)),
            "B": verb("upkeep", sweep),
        }, check

    walk(stage)
