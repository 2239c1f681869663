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


def way_out(db: Connection, job: int) -> str | None:
    """What the first cause says would change it: a command, and what it does."""
    detail = f.call_rows(db, "explain", id=job)[0].detail
    return (detail or {}).get("way_out")


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
    assert "due in 1h 59m, at 20" in sentence(db, job)
    assert way_out(db, job) == f"taskflow jobs retry {job}  # run it now"


def test_retrying(db: Connection) -> None:
    job = f.enqueue(db)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, "failed", delay=timedelta(minutes=5))
    assert causes(db, job) == ["retrying"]
    assert sentence(db, job).startswith("Attempt 1 of 5 failed; the next one starts in 4m 5")
    assert way_out(db, job) == f"taskflow jobs retry {job}  # run it now"


def test_running_and_then_an_expired_lease(db: Connection) -> None:
    job = f.enqueue(db)
    worker = f.join(db, lease=timedelta(minutes=10))
    f.advance(db, 60)
    f.claim(db, worker)
    f.advance(db, 10)
    assert causes(db, job) == ["running"]
    assert sentence(db, job).startswith("Running for 10s")
    assert f"w ({worker}), whose last heartbeat was 10s ago." in sentence(db, job)
    assert way_out(db, job) == f"taskflow jobs cancel {job}  # ask it to stop"
    f.renew(db, worker, [])
    f.advance(db, 3)
    assert "whose last heartbeat was 3s ago." in sentence(db, job)
    f.call(db, "cancel", id=job)
    assert "asked to stop" in sentence(db, job)
    assert "workers list" in str(way_out(db, job))
    f.advance(db, 40)
    assert causes(db, job) == ["lease_expired"]
    assert "its lease ran out 23s ago" in sentence(db, job)
    assert "workers list" in str(way_out(db, job))
    db.execute("select taskflow.leave_worker(%s)", (worker,))
    assert causes(db, job) == ["lease_expired"]


def test_expired(db: Connection) -> None:
    job = f.enqueue(db, deadline=f.value(db, "select taskflow.now() + interval '1 min'"))
    f.join(db, lease=timedelta(minutes=10))
    f.advance(db, 61)
    assert causes(db, job)[0] == "expired"
    assert str(way_out(db, job)).startswith(f"taskflow jobs retry {job}")


def test_paused_comes_before_missing_workers(db: Connection) -> None:
    job = f.enqueue(db)
    f.call(db, "pause_queue", queue="default", reason="deploy of the mailer")
    assert causes(db, job)[:2] == ["queue_paused", "no_worker"]
    assert "s ago: deploy of the mailer." in sentence(db, job)
    assert way_out(db, job) == "taskflow queues resume default"
    f.call(db, "resume_queue", queue="default")
    assert causes(db, job)[0] == "no_worker"


def test_workers_none_none_for_the_queue_none_with_the_task(db: Connection) -> None:
    job = f.enqueue(db, "send", queue="mails")
    assert causes(db, job)[0] == "no_worker"
    assert way_out(db, job) == "taskflow worker APP -q mails"
    f.join(db, "other")
    assert causes(db, job)[0] == "no_worker_for_queue"
    assert way_out(db, job) == "taskflow worker APP -q mails"
    f.join(db, "mails", tasks=["resize"])
    assert causes(db, job)[0] == "unknown_task"
    assert way_out(db, job) == "taskflow worker APP -q mails  # of an app that has send"
    f.join(db, "mails", tasks=["resize", "send"])
    assert causes(db, job) == ["should_run"]
    f.advance(db, 31)
    assert causes(db, job)[0] == "no_worker", "workers are alive as long as their leases"


def test_a_job_that_its_worker_did_not_know_is_not_just_scheduled(db: Connection) -> None:
    """It was given back with a delay, so that its run time lies ahead: that is not the reason."""
    job = f.enqueue(db, "send")
    worker = f.join(db, tasks=["resize"])
    (claimed,) = f.claim(db, worker)
    f.settle(db, claimed, "released", delay=timedelta(seconds=30))
    assert causes(db, job) == ["unknown_task", "scheduled"]
    assert sentence(db, job).startswith("No live worker of queue default knows task send")
    ways = [row.detail["way_out"] for row in f.call_rows(db, "explain", id=job)]
    assert ways == ["taskflow worker APP -q default  # of an app that has send", None]
    f.join(db, tasks=["resize", "send"])
    assert causes(db, job) == ["scheduled"]
    assert sentence(db, job).startswith(
        "A worker that does not know task send gave it back; it is offered again in 2"
    )


def test_a_snoozed_job_is_scheduled_whoever_knows_its_task(db: Connection) -> None:
    job = f.enqueue(db, "send")
    worker = f.join(db, tasks=["send"])
    (claimed,) = f.claim(db, worker)
    f.settle(db, claimed, "snoozed", delay=timedelta(seconds=30))
    db.execute("update taskflow.worker set tasks = '{resize}'")
    assert causes(db, job) == ["scheduled", "unknown_task"]


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
    assert str(way_out(db, job)).startswith("taskflow worker APP -q default")


def test_one_job_comes_first(db: Connection) -> None:
    f.enqueue(db)
    assert sentence(db, f.enqueue(db)) == "No worker is alive. Start one: taskflow worker APP."
    job = f.enqueue(db, queue="q")
    f.join(db, "default", "q")
    f.enqueue(db, queue="q", priority="high")
    assert sentence(db, job) == "1 job of queue q comes first."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m"), (299, "4m 59s"), (3600, "1h"),
     (7199, "1h 59m"), (86_400, "1d"), (100_000, "1d 3h"), (86_400 * 400, "400d")],
)  # fmt: skip
def test_spans_are_told_in_their_largest_units(db: Connection, seconds: float, text: str) -> None:
    span = timedelta(seconds=seconds)
    assert f.value(db, "select taskflow.span_text(%s)", span) == text


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [("completed", "succeeded"), ("cancelled", "cancelled"), ("discarded", "dead")],
)
def test_finished(db: Connection, outcome: str, cause: str) -> None:
    job = f.enqueue(db)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, outcome, error={"class": "ValueError", "message": "no such user."})
    assert causes(db, job) == [cause]
    if cause == "dead":
        assert sentence(db, job).endswith("ValueError: no such user.")
    assert bool(way_out(db, job)) == (cause != "succeeded")


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
