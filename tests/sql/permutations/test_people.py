"""Producers and operators against each other and against workers, in every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support.permutations import (
    Outcome,
    Sessions,
    Step,
    Walk,
    check_whole,
    commit,
    rollback,
    verb,
)
from tests.support.races import dead, running

Connection = psycopg.Connection[Any]


def test_unique_enqueue_x_settle(db: Connection, walk: Walk) -> None:
    """E2: the holder's id while it lives, a new job after it; never two alive, never an error."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        _, (job,) = running(db, unique_key="k")

        def check(outcome: Outcome) -> None:
            got = outcome["enqueue"]
            found = check_whole(db, [job.id, got])
            assert found[job.id].state == "succeeded"
            assert got == job.id or found[got].state == "available"

        return {
            "A": verb("settle", lambda c: f.settle(c, job)),
            "B": verb("enqueue", lambda c: f.enqueue(c, unique_key="k")),
        }, check

    walk(stage)


@pytest.mark.parametrize("end", [commit, rollback])
def test_unique_enqueue_x_unique_enqueue(db: Connection, walk: Walk, end: Step) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        def check(outcome: Outcome) -> None:
            if end is commit:
                assert outcome["first"] == outcome["second"]
            check_whole(db, [outcome["second"]])
            assert f.value(db, "select count(*) from taskflow.job") == 1

        return {
            "A": verb("first", lambda c: f.enqueue(c, unique_key="k"), end),
            "B": verb("second", lambda c: f.enqueue(c, unique_key="k")),
        }, check

    walk(stage)


def test_unique_batches_in_opposite_orders(db: Connection, walk: Walk) -> None:
    def many(keys: list[str]) -> Step:
        args = Jsonb([{}] * len(keys))
        return lambda c: (
            f.call_rows(c, "enqueue_many", task="t", args=args, unique_keys=keys)[0].ids
        )

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        def check(outcome: Outcome) -> None:
            assert outcome["first"] == outcome["second"][::-1]
            check_whole(db, outcome["first"])

        return {
            "A": verb("first", many(["a", "b", "c"])),
            "B": verb("second", many(["c", "b", "a"])),
        }, check

    walk(stage)


def test_retry_x_retry(db: Connection, walk: Walk) -> None:
    """C2: twice put back is put back once."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job = dead(db)

        def check(outcome: Outcome) -> None:
            assert (outcome.code("first"), outcome.code("second")) == (None, None)
            found = check_whole(db, [job])[job]
            assert (found.state, found.claim_no) == ("available", 1)

        return {
            "A": verb("first", lambda c: f.call(c, "retry", id=job)),
            "B": verb("second", lambda c: f.call(c, "retry", id=job)),
        }, check

    walk(stage)


def test_requeue_x_retry(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        jobs = [dead(db), dead(db)]

        def check(outcome: Outcome) -> None:
            assert outcome.code("retry") is None
            assert outcome["requeue"].conflicts == 0
            found = check_whole(db, jobs)
            assert {job.state for job in found.values()} == {"available"}

        return {
            "A": verb("requeue", lambda c: f.call_rows(c, "requeue")[0]),
            "B": verb("retry", lambda c: f.call(c, "retry", id=jobs[1])),
        }, check

    walk(stage)


def test_retry_x_unique_enqueue(db: Connection, walk: Walk) -> None:
    """F6: the dead job comes back or a new one takes its key; the loser knows which."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job = dead(db, unique_key="k")

        def check(outcome: Outcome) -> None:
            got = outcome["enqueue"]
            found = check_whole(db, [job, got])
            if got == job:
                assert outcome.code("retry") is None
            else:
                assert (outcome.code("retry"), found[job].state) == ("TF123", "dead")

        return {
            "A": verb("retry", lambda c: f.call(c, "retry", id=job)),
            "B": verb("enqueue", lambda c: f.enqueue(c, unique_key="k")),
        }, check

    walk(stage)


def test_retry_x_cancel(db: Connection, walk: Walk) -> None:
    """A job on its way back is never said not to exist."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job = dead(db)

        def check(outcome: Outcome) -> None:
            assert outcome["cancel"] in ("cancelled", "finished")
            found = check_whole(db, [job])[job]
            assert found.state == ("cancelled" if outcome["cancel"] == "cancelled" else "available")

        return {
            "A": verb("retry", lambda c: f.call(c, "retry", id=job)),
            "B": verb("cancel", lambda c: f.call(c, "cancel", id=job)),
        }, check

    walk(stage)


def test_discard_x_retry(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job = dead(db)

        def check(outcome: Outcome) -> None:
            assert (outcome.code("discard"), outcome.code("retry")) == (None, None)
            assert check_whole(db, [job])[job].state in ("cancelled", "available")

        return {
            "A": verb("discard", lambda c: f.call(c, "discard", id=job)),
            "B": verb("retry", lambda c: f.call(c, "retry", id=job)),
        }, check

    walk(stage)


def test_pause_x_claim(db: Connection, walk: Walk) -> None:
    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        jobs = f.enqueue_many(db, 2)
        worker = f.join(db)

        def check(outcome: Outcome) -> None:
            assert outcome.blocked == []
            check_whole(db, jobs)
            assert f.claim(db, worker) == []
            f.call(db, "resume_queue", queue="default")
            assert len(f.claim(db, worker, 9)) == 2 - len(outcome["claim"])

        return {
            "A": verb("pause", lambda c: f.call(c, "pause_queue", queue="default")),
            "B": verb("claim", lambda c: f.claim(c, worker)),
        }, check

    walk(stage)


def test_retry_that_commits_between_the_looks_of_cancel(db: Connection, walk: Walk) -> None:
    """The lock holds cancel up after it found no live row and before it asks for a dead one."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        job = dead(db)

        def check(outcome: Outcome) -> None:
            assert outcome["cancel"] in ("cancelled", "finished")

        return {
            "A": {
                "retry": lambda c: f.call(c, "retry", id=job),
                "lock": lambda c: c.execute("lock table taskflow.dead_job"),
                "retry ends": commit,
            },
            "B": verb("cancel", lambda c: f.call(c, "cancel", id=job)),
        }, check

    walk(stage)
