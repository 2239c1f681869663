"""explain(): every cause for which a job waits, staged, and the one that binds comes first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.support import factories as f

Connection = psycopg.Connection[Any]


def causes(db: Connection, job: int) -> list[str]:
    found = f.call_rows(db, "explain", id=job)
    assert all(row.sentence.endswith(".") for row in found), found
    return [row.cause for row in found]


def sentence(db: Connection, job: int) -> str:
    return str(f.call_rows(db, "explain", id=job)[0].sentence)


def test_unknown(db: Connection) -> None:
    assert causes(db, 2**60) == ["not_found"]


def test_nothing_holds_it(db: Connection) -> None:
    job = f.enqueue(db)
    f.join(db)
    assert causes(db, job) == ["should_run"]


def test_scheduled(db: Connection) -> None:
    job = f.enqueue(db, delay=timedelta(hours=2))
    f.join(db)
    assert causes(db, job) == ["scheduled"]
    assert "due in 01:59:59" in sentence(db, job)


def test_retrying(db: Connection) -> None:
    job = f.enqueue(db)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, "failed", delay=timedelta(minutes=5))
    assert causes(db, job) == ["retrying"]
    assert "Attempt 1 of 5 failed" in sentence(db, job)


def test_running_and_then_an_expired_lease(db: Connection) -> None:
    job = f.enqueue(db)
    worker = f.join(db, lease=timedelta(minutes=10))
    f.advance(db, 60)
    f.claim(db, worker)
    f.advance(db, 10)
    assert causes(db, job) == ["running"]
    assert sentence(db, job).startswith("Running for 00:00:10")
    assert f"w ({worker})" in sentence(db, job)
    f.call(db, "cancel", id=job)
    assert "asked to stop" in sentence(db, job)
    f.advance(db, 40)
    assert causes(db, job) == ["lease_expired"]
    db.execute("select taskflow.leave_worker(%s)", (worker,))
    assert causes(db, job) == ["lease_expired"]


def test_expired(db: Connection) -> None:
    job = f.enqueue(db, deadline=f.value(db, "select taskflow.now() + interval '1 min'"))
    f.join(db, lease=timedelta(minutes=10))
    f.advance(db, 61)
    assert causes(db, job)[0] == "expired"


def test_paused_comes_before_missing_workers(db: Connection) -> None:
    job = f.enqueue(db)
    f.call(db, "pause_queue", queue="default", reason="deploy of the mailer")
    assert causes(db, job)[:2] == ["queue_paused", "no_worker"]
    assert "deploy of the mailer" in sentence(db, job)
    f.call(db, "resume_queue", queue="default")
    assert causes(db, job)[0] == "no_worker"


def test_workers_none_none_for_the_queue_none_with_the_task(db: Connection) -> None:
    job = f.enqueue(db, "send", queue="mails")
    assert causes(db, job)[0] == "no_worker"
    f.join(db, "other")
    assert causes(db, job)[0] == "no_worker_for_queue"
    f.join(db, "mails", tasks=["resize"])
    assert causes(db, job)[0] == "unknown_task"
    f.join(db, "mails", tasks=["resize", "send"])
    assert causes(db, job) == ["should_run"]
    f.advance(db, 31)
    assert causes(db, job)[0] == "no_worker", "workers are alive as long as their leases"


def test_a_draining_worker_takes_nothing_new(db: Connection) -> None:
    job = f.enqueue(db)
    worker = f.join(db)
    f.renew(db, worker, [], report={"state": "draining"})
    assert causes(db, job)[0] == "no_worker"


def test_behind_others(db: Connection) -> None:
    f.enqueue_many(db, 3)
    f.enqueue(db, priority="high")
    job = f.enqueue(db)
    f.enqueue(db)
    f.join(db)
    assert causes(db, job) == ["behind_others"]
    assert sentence(db, job).startswith("4 jobs of queue default come first")


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [("completed", "succeeded"), ("cancelled", "cancelled"), ("discarded", "dead")],
)
def test_finished(db: Connection, outcome: str, cause: str) -> None:
    job = f.enqueue(db)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, outcome, error={"class": "ValueError", "message": "no such user"})
    assert causes(db, job) == [cause]
    if cause == "dead":
        assert "ValueError: no such user" in sentence(db, job)


def test_causes_stand_together(db: Connection) -> None:
    """A scheduled job of a paused queue without workers shows all three."""
    job = f.enqueue(db, delay=timedelta(hours=1))
    f.call(db, "pause_queue", queue="default")
    assert causes(db, job) == ["scheduled", "queue_paused", "no_worker"]


def test_waiting_for_other_jobs(db: Connection) -> None:
    f.join(db)
    parents = f.enqueue_many(db, 2)
    job = f.enqueue(db, depends_on=parents)
    assert causes(db, job) == ["waits_for_jobs"]
    assert sentence(db, job) == (
        f"Waits for 2 jobs: {parents[0]} (available), {parents[1]} (available)."
    )


def test_a_limit_that_is_used_up_and_the_line_in_a_lane(db: Connection) -> None:
    f.call(db, "set_limit", name="tenants", queue="default", key="{k}", concurrency=1)
    first, second, third = (f.enqueue(db, args={"k": "a"}) for _ in range(3))
    worker = f.join(db)
    assert causes(db, first) == ["should_run"]
    assert causes(db, third) == ["behind_in_lane"]
    f.claim(db, worker)
    assert causes(db, second) == ["concurrency"]
    assert sentence(db, second) == f"Limit tenants for 'a' is used up by job {first}."


def test_a_rate_tells_its_next_opening(db: Connection) -> None:
    f.call(db, "set_limit", name="smtp", queue="default", rate=1, per=timedelta(minutes=1))
    f.enqueue(db)
    job = f.enqueue(db)
    f.claim(db, f.join(db))
    assert causes(db, job) == ["rate_limit"]
    assert sentence(db, job).startswith("Limit smtp lets 1 start in 00:01:00; the next at ")


def test_a_held_key_an_open_breaker_and_a_probe(db: Connection) -> None:
    f.call(db, "set_limit", name="api", queue="default", breaker_failures=1)
    jobs = f.enqueue_many(db, 4, max_attempts=1)
    worker = f.join(db, lease=timedelta(minutes=10))
    (job,) = f.claim(db, worker)
    f.settle(db, job, "failed")
    assert causes(db, jobs[3]) == ["breaker_open"]
    f.advance(db, 31)
    (probe,) = f.claim(db, worker)
    assert causes(db, jobs[3]) == ["breaker_probe"]
    f.settle(db, probe, "snoozed", delay=timedelta(hours=1), hold_limit="api")
    assert causes(db, jobs[3]) == ["limit_held"]
