"""Upkeep against everybody: the locks of new and old partitions, in every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support.permutations import Outcome, Sessions, Step, Walk, check_whole, commit, verb
from tests.support.races import dead, running

Connection = psycopg.Connection[Any]


def settle_many(connection: Connection, *jobs: Any, others: Any = None) -> list[str]:
    ids, fences = [job.id for job in jobs], [job.claim_no for job in jobs]
    answer = f.call_rows(connection, "settle_many", ids=ids, claim_nos=fences, others=others)
    return [row.status for row in answer]


def fail(connection: Connection, job: Any) -> list[str]:
    return settle_many(
        connection,
        others=Jsonb([{"id": job.id, "claim_no": job.claim_no, "outcome": "failed"}]),
    )


def stale(connection: Connection, job: Any) -> str:
    return str(f.call(connection, "settle", id=job.id, claim_no=job.claim_no + 1))


def upkeep(connection: Connection) -> Any:
    return f.call(connection, "maintain")


def days_of_2020(db: Connection) -> None:
    """A partition to drop in each of the two tables, and none to make."""
    f.maintain(db)
    for parent in ("attempt", "job_history"):
        db.execute(
            f"create table taskflow.{parent}_20200101 partition of taskflow.{parent}"
            " for values from ('2020-01-01Z') to ('2020-01-02Z')"
        )


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
            assert (outcome["settle"], outcome.code("fail")) == ("applied", None)
            assert outcome["upkeep"]["partitions_made"] + f.maintain(db)["partitions_made"] == 42
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


WRITES: dict[str, tuple[Callable[..., Any], Any]] = {
    "complete": (settle_many, []),
    "fail": (fail, []),
    "stale": (stale, "stale"),
}
"""What touches the two tables: history alone, attempts alone, attempts and then history."""


@pytest.mark.parametrize(
    "names",
    [("complete", "fail"), ("fail", "complete"), ("complete", "stale"), ("stale", "fail")],
    ids="-".join,
)
def test_old_partitions_x_settles_of_one_transaction(
    db: Connection, walk: Walk, names: tuple[str, str]
) -> None:
    """Upkeep dropped attempts, then history; a batch that completes and then fails waits
    for it the other way round."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        days_of_2020(db)
        _, jobs = running(db, 2)

        def step(name: str, job: Any) -> Step:
            return lambda c: WRITES[name][0](c, job)

        def check(outcome: Outcome) -> None:
            for name in names:
                assert outcome[name] == WRITES[name][1]
            dropped = outcome["upkeep"]["partitions_dropped"]
            assert dropped <= 1
            assert dropped + f.maintain(db)["partitions_dropped"] == 2
            check_whole(db, [job.id for job in jobs])

        settles = {name: step(name, job) for name, job in zip(names, jobs, strict=True)}
        return {"A": {**settles, "A ends": commit}, "B": verb("upkeep", upkeep)}, check

    walk(stage)


@pytest.mark.parametrize("due", ["partitions", "rows"])
def test_upkeep_x_retry_of_what_it_removes(db: Connection, walk: Walk, due: str) -> None:
    """Retry reads history and then takes the dead job's row; upkeep that held the row and
    waited for history would wait for ever."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        f.maintain(db)
        if due == "partitions":
            days_of_2020(db)
        job = dead(db)
        db.execute("update taskflow.dead_job set finished_at = finished_at - interval '40 days'")

        def check(outcome: Outcome) -> None:
            f.maintain(db)
            assert outcome.code("retry") in (None, "TF120")
            assert f.state(db, job) in ("available", None)
            if due == "partitions":
                assert (outcome.code("retry"), f.state(db, job)) == (None, "available")

        return {
            "A": {
                "read": lambda c: f.job(c, job),
                "retry": lambda c: f.call(c, "retry", id=job),
                "A ends": commit,
            },
            "B": verb("upkeep", upkeep),
        }, check

    walk(stage)


def test_upkeep_waits_for_no_row(db: Connection, walk: Walk) -> None:
    """Nor does anybody wait long for the rows that it removes."""

    def stage() -> tuple[Sessions, Callable[[Outcome], None]]:
        f.maintain(db)
        worker = f.join(db)
        f.call(db, "wait_for_work", worker_id=worker, queues=["default"])
        f.call(db, "pause_queue", queue="q", resume_at=f.value(db, "select taskflow.now()"))
        job = f.enqueue(db)
        f.call(db, "watch", id=job)
        for table, column in (("waiter", "until"), ("watcher", "until"), ("worker", "lease_until")):
            db.execute(f"update taskflow.{table} set {column} = {column} - interval '2 days'")

        def check(outcome: Outcome) -> None:
            assert "upkeep" not in outcome.blocked
            check_whole(db, [job])

        def touch(connection: Connection) -> None:
            f.call(connection, "watch", id=job)
            f.call(connection, "wait_for_work", worker_id=worker, queues=["default"])
            f.call(connection, "resume_queue", queue="q")

        return {"A": verb("touch", touch), "B": verb("upkeep", upkeep)}, check

    walk(stage)
