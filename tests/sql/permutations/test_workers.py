"""Workers against workers, reapers, operators and upkeep, in every order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.support import factories as f
from tests.support.db import NEWEST
from tests.support.permutations import (
    Outcome,
    Sessions,
    Walk,
    check_whole,
    commit,
    late,
    rollback,
    verb,
)
from tests.support.races import reap, running, suspect

Connection = psycopg.Connection[Any]


def test_claim_x_claim(db: Connection, walk: Walk) -> None:
    """L1, C3: nobody waits, nobody gets the other's, none is left out for good."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        jobs = f.enqueue_many(db, 3)
        workers = [f.join(db), f.join(db)]

        def check(outcome: Outcome) -> None:
            first, second = outcome["claim A"], outcome["claim B"]
            assert outcome.blocked == []
            assert {job.id for job in first}.isdisjoint(job.id for job in second)
            rest = f.claim(db, workers[0], 3)
            assert sorted(job.id for job in (*first, *second, *rest)) == jobs
            check_whole(db, jobs)

        return {
            "A": verb("claim A", lambda c: f.claim(c, workers[0], 2)),
            "B": verb("claim B", lambda c: f.claim(c, workers[1], 2)),
        }, check

    walk(stage)


def test_claim_that_rolls_back_x_claim(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        jobs = f.enqueue_many(db, 2)
        workers = [f.join(db), f.join(db)]

        def check(outcome: Outcome) -> None:
            rest = f.claim(db, workers[0], 3)
            assert sorted(job.id for job in (*outcome["claim B"], *rest)) == jobs
            assert {job.claim_no for job in check_whole(db, jobs).values()} == {1}

        return {
            "A": verb("claim A", lambda c: f.claim(c, workers[0], 2), rollback),
            "B": verb("claim B", lambda c: f.claim(c, workers[1], 1)),
        }, check

    walk(stage)


def test_claim_x_cancel(db: Connection, walk: Walk) -> None:
    """X1, X2: cancelled before it is taken, or taken and asked to stop; never both."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job, worker = f.enqueue(db), f.join(db)

        def check(outcome: Outcome) -> None:
            found = check_whole(db, [job])[job]
            taken = bool(outcome["claim"])
            assert outcome["cancel"] == ("requested" if taken else "cancelled")
            assert (found.state, found.cancel_requested) == (
                ("running", True) if taken else ("cancelled", False)
            )

        return {
            "A": verb("claim", lambda c: f.claim(c, worker)),
            "B": verb("cancel", lambda c: f.call(c, "cancel", id=job)),
        }, check

    walk(stage)


def test_claim_x_reschedule(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job, worker = f.enqueue(db), f.join(db)
        later = f.value(db, "select taskflow.now() + interval '1 h'")

        def check(outcome: Outcome) -> None:
            taken = bool(outcome["claim"])
            assert outcome.code("reschedule") == ("TF121" if taken else None)
            assert check_whole(db, [job])[job].state == ("running" if taken else "scheduled")

        return {
            "A": verb("claim", lambda c: f.claim(c, worker)),
            "B": verb("reschedule", lambda c: f.call(c, "reschedule", id=job, run_at=later)),
        }, check

    walk(stage)


@pytest.mark.parametrize("outcome_name", ["completed", "failed", "released"])
def test_settle_x_reap(db: Connection, walk: Walk, outcome_name: str) -> None:
    """F1, R1: the holder's end or the loss, whichever commits first; the other sees it."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)
        suspect(db)

        def check(outcome: Outcome) -> None:
            found = check_whole(db, [job.id])[job.id]
            applied = outcome["settle"] == "applied"
            assert outcome["reap"] == (0 if applied else 1)
            assert outcome["settle"] in ("applied", "stale")
            kept = {"completed": "succeeded", "failed": "retrying", "released": "available"}
            assert found.state == (kept[outcome_name] if applied else "available")
            assert found.lost == (0 if applied else 1)

        return {
            "A": verb("settle", lambda c: f.settle(c, job, outcome_name)),
            "B": verb("reap", late(reap)),
        }, check

    walk(stage)


@pytest.mark.parametrize("outcome_name", ["completed", "failed", "snoozed"])
def test_settle_x_cancel(db: Connection, walk: Walk, outcome_name: str) -> None:
    """X2: whichever commits first wins, and the job ends once."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            found = check_whole(db, [job.id])[job.id]
            assert outcome["settle"] == "applied"
            if outcome_name == "completed":
                assert found.state == "succeeded"
                assert outcome["cancel"] in ("requested", "finished")
            else:
                assert found.state == "cancelled"
                assert outcome["cancel"] in ("requested", "cancelled")

        return {
            "A": verb("settle", lambda c: f.settle(c, job, outcome_name, delay=timedelta(hours=1))),
            "B": verb("cancel", lambda c: f.call(c, "cancel", id=job.id)),
        }, check

    walk(stage)


@pytest.mark.parametrize("outcome_names", [("completed", "completed"), ("completed", "failed")])
def test_settle_x_settle(db: Connection, walk: Walk, outcome_names: tuple[str, str]) -> None:
    """F7, U4: a repeat that overtakes the first try, as after a lost connection."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert sorted((outcome["first"], outcome["second"])) == ["already", "applied"]
            check_whole(db, [job.id])

        return {
            "A": verb("first", lambda c: f.settle(c, job, outcome_names[0])),
            "B": verb("second", lambda c: f.settle(c, job, outcome_names[1])),
        }, check

    walk(stage)


def test_settle_that_rolls_back_x_settle(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert outcome["second"] == "applied"
            assert check_whole(db, [job.id])[job.id].state == "succeeded"

        def second(connection: Connection) -> str:
            return f.settle(connection, job)

        return {
            "A": verb("first", lambda c: f.settle(c, job), rollback),
            "B": verb("second", second),
        }, check

    walk(stage)


def settle_many(connection: Connection, jobs: list[Any]) -> list[str]:
    ids, fences = [job.id for job in jobs], [job.claim_no for job in jobs]
    answer = f.call_rows(connection, "settle_many", ids=ids, claim_nos=fences)
    return [row.status for row in answer]


def test_batches_that_share_jobs_in_opposite_orders(
    db: Connection, walk: Walk, server_name: str
) -> None:
    """A renewal, a settle and a repeat of it name the same jobs in different orders."""
    if server_name != NEWEST:
        pytest.skip("ninety orders, and no server differs here")

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        worker, jobs = running(db, 3)

        def check(outcome: Outcome) -> None:
            assert sorted(outcome["settle"] + outcome["one"]) in (["already"], [])
            found = check_whole(db, [job.id for job in jobs])
            assert {job.state for job in found.values()} == {"succeeded"}

        def one(connection: Connection) -> list[str]:
            status = f.settle(connection, jobs[2])
            return [] if status == "applied" else [status]

        return {
            "A": verb("settle", lambda c: settle_many(c, jobs)),
            "B": verb("renew", lambda c: f.renew(c, worker, jobs[::-1])),
            "C": {"one": one, "one ends": commit},
        }, check

    walk(stage)


def test_renew_x_reap(db: Connection, walk: Walk) -> None:
    """R1, R5: a renewal that commits before the second look saves the job; after it, it is lost."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        worker, (job,) = running(db)
        suspect(db)

        def check(outcome: Outcome) -> None:
            found = check_whole(db, [job.id])[job.id]
            assert found.state == ("available" if outcome["reap"] else "running")
            verdicts = [row.verdict for row in f.renew(db, worker, [job])]
            assert verdicts == (["lost"] if outcome["reap"] else [])
            if outcome["renew"]:
                assert outcome["reap"] == 1

        return {
            "A": verb("renew", late(lambda c: f.renew(c, worker, [job]))),
            "B": verb("reap", late(reap)),
        }, check

    walk(stage)


def test_roll_call_x_reap(db: Connection, walk: Walk) -> None:
    """The same with a renewal that replaces the batches: no job may lose its lead."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        worker, (job,) = running(db)
        suspect(db)

        def check(outcome: Outcome) -> None:
            found = check_whole(db, [job.id])[job.id]
            assert found.state == ("available" if outcome["reap"] else "running")

        return {
            "A": verb("renew", late(lambda c: f.renew(c, worker, [job], up_to_batch=job.batch_id))),
            "B": verb("reap", late(reap)),
        }, check

    walk(stage)


def test_renew_x_cancel(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        worker, (job,) = running(db)

        def check(outcome: Outcome) -> None:
            assert outcome["cancel"] == "requested"
            assert "renew" not in outcome.blocked
            check_whole(db, [job.id])
            assert [row.verdict for row in f.renew(db, worker, [job])] == ["cancel"]

        return {
            "A": verb("renew", lambda c: f.renew(c, worker, [job])),
            "B": verb("cancel", lambda c: f.call(c, "cancel", id=job.id)),
        }, check

    walk(stage)


def test_reap_x_reap(db: Connection, walk: Walk) -> None:
    """R2: any number of reapers take each lost job once, and none waits."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        f.enqueue_many(db, 4)
        worker = f.join(db)
        jobs = [*f.claim(db, worker, 2), *f.claim(db, worker, 2)]
        suspect(db)

        def check(outcome: Outcome) -> None:
            assert outcome.blocked == []
            assert outcome["reap A"] + outcome["reap B"] == 4
            found = check_whole(db, [job.id for job in jobs])
            assert {(job.state, job.lost) for job in found.values()} == {("available", 1)}

        return {"A": verb("reap A", late(reap)), "B": verb("reap B", late(reap))}, check

    walk(stage)


def test_reap_x_claim_x_old_settle(db: Connection, walk: Walk) -> None:
    """L1: a takeover with the old holder's settle anywhere in it."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db)
        other = f.join(db)
        suspect(db)

        def check(outcome: Outcome) -> None:
            found = check_whole(db, [job.id])[job.id]
            applied = outcome["settle"] == "applied"
            assert outcome["reap"] == (0 if applied else 1)
            if applied:
                assert (found.state, outcome["claim"]) == ("succeeded", [])
            elif outcome["claim"]:
                assert (found.state, found.claim_no) == ("running", 2)
            else:
                assert found.state == "available"

        return {
            "A": {"settle": lambda c: f.settle(c, job), "settle ends": commit},
            "B": {"reap": late(reap), "reap ends": commit, "claim": late(
                lambda c: f.claim(c, other)), "claim ends": commit},
        }, check  # fmt: skip

    walk(stage)


def test_upkeep_x_settle(db: Connection, walk: Walk) -> None:
    """Partitions made for a day whose rows are arriving: no row is lost, no settle fails."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        for row in f.rows(
            db,
            "select relname from pg_class where relnamespace = "
            "'taskflow'::regnamespace and relname ~ '_\\d{8}$' and relkind = 'r'",
        ):
            db.execute(f"drop table taskflow.{row.relname}")  # fmt: skip
        _, jobs = running(db, 2)

        def check(outcome: Outcome) -> None:
            assert (outcome["settle"], outcome["upkeep"]["partitions_made"]) == ("applied", 24)
            assert outcome.code("fail") is None
            found = check_whole(db, [job.id for job in jobs])
            assert [found[job.id].state for job in jobs] == ["succeeded", "retrying"]

        return {
            "A": {
                "fail": lambda c: f.settle(c, jobs[1], "failed"),
                "settle": lambda c: f.settle(c, jobs[0]),
                "settle ends": commit,
            },
            "B": verb("upkeep", lambda c: f.call(c, "maintain")),
        }, check

    walk(stage)
