"""The poison guard: a job that kills its workers dies alone, however many run beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.support import factories as f

Connection = psycopg.Connection[Any]


def lose_twice(db: Connection, jobs: list[int]) -> None:
    """Their workers die at each of two runs; what is lost together is due again by then."""
    for _ in range(2):
        claimed = f.claim(db, f.join(db), len(jobs))
        assert sorted(job.id for job in claimed) == jobs
        f.lose(db, claimed)
        f.advance(db, 6)


def suspects(db: Connection, count: int, **options: Any) -> list[int]:
    """Jobs that one more loss would make dead; the first is let run at the end."""
    jobs = f.enqueue_many(db, count, **options)
    lose_twice(db, jobs)
    return jobs


def claimed_ids(db: Connection) -> list[int]:
    return [job.id for job in f.claim(db, f.join(db), 100)]


def test_a_job_that_kills_its_worker_takes_no_other_to_the_end(db: Connection) -> None:
    """Thirty in one hand, claimed together again after each crash, all died of one."""
    jobs = f.enqueue_many(db, 30)
    poison = jobs[7]
    for _ in range(100):
        claimed = f.claim(db, f.join(db), 30)
        if poison in [job.id for job in claimed]:
            f.lose(db, claimed)
        else:
            for job in claimed:
                f.settle(db, job)
        f.call(db, "reap")
        f.advance(db, 1)
        if f.value(db, "select count(*) = 0 from taskflow.job"):
            break
    states = {job: f.state(db, job) for job in jobs}
    assert states.pop(poison) == "dead"
    assert f.job(db, poison).reason == "lost"
    assert set(states.values()) == {"succeeded"}


def test_jobs_lost_together_come_back_each_at_its_own_time(db: Connection) -> None:
    jobs = f.enqueue_many(db, 20)
    f.lose(db, f.claim(db, f.join(db), 20))
    now = f.value(db, "select taskflow.now()")
    waits = [(f.job(db, job).run_at - now).total_seconds() for job in jobs]
    assert len(set(waits)) == 20
    assert max(waits) <= 5
    assert max(waits) - min(waits) > 1
    f.advance(db, 5)
    assert sorted(claimed_ids(db)) == jobs


def test_one_that_is_lost_alone_is_due_at_once(db: Connection) -> None:
    job = f.enqueue(db)
    f.lose(db, f.claim(db, f.join(db)))
    assert claimed_ids(db) == [job]


def test_suspects_run_one_at_a_time(db: Connection) -> None:
    first, second, third = suspects(db, 3)
    other = f.enqueue(db)
    (running, plain) = f.claim(db, f.join(db), 10)
    assert [running.id, plain.id] == [first, other]
    f.call(db, "reap")
    assert claimed_ids(db) == [], "one of them runs"
    f.settle(db, running)
    f.call(db, "reap")
    f.call(db, "reap")
    assert [f.state(db, job) for job in (second, third)] == ["available", "blocked"]
    f.settle(db, plain)
    f.lose(db, f.claim(db, f.join(db)))
    assert f.state(db, second) == "dead"
    assert claimed_ids(db) == [third]


def test_each_queue_has_a_suspect_of_its_own(db: Connection) -> None:
    jobs = [f.enqueue(db, queue=queue) for queue in "aabb"]
    for _ in range(2):
        f.lose(db, f.claim(db, f.join(db, "a", "b"), 2, "a", "b"))
        f.advance(db, 6)
    assert [f.state(db, job) for job in jobs] == ["available", "blocked"] * 2


def test_a_suspect_keeps_its_priority_and_the_urgent_go_first(db: Connection) -> None:
    jobs = [f.enqueue(db, priority=name) for name in ("low", "critical", "high")]
    lose_twice(db, jobs)
    assert [f.job(db, job).priority for job in jobs] == ["low", "critical", "high"]
    order = []
    for _ in jobs:
        (job,) = f.claim(db, f.join(db), 3)
        order.append(job.id)
        f.settle(db, job, "failed", delay=timedelta(hours=1))
        f.call(db, "reap")
    assert order == [jobs[1], jobs[2], jobs[0]]
    found = f.rows(db, "select priority, lost from taskflow.job order by id")
    assert found == [(3, 0), (0, 0), (1, 0)], "an end that is no loss clears it"


def test_an_urgent_suspect_takes_the_place_of_one_that_nobody_took(db: Connection) -> None:
    """Else it would wait behind a low one, which waits behind everything."""
    low, critical = f.enqueue(db, priority="low"), f.enqueue(db, priority="critical", delay="1 min")
    for _ in (low, critical):
        for _ in range(2):
            f.lose(db, f.claim(db, f.join(db)))
        f.advance(db, 60)
    assert [f.state(db, job) for job in (low, critical)] == ["blocked", "available"]
    (claimed,) = f.claim(db, f.join(db), 2)
    f.settle(db, claimed)
    f.call(db, "reap")
    assert claimed_ids(db) == [low]


def test_one_that_runs_is_left_alone(db: Connection) -> None:
    low, critical = f.enqueue(db, priority="low"), f.enqueue(db, priority="critical")
    db.execute("update taskflow.job set lost = 2")
    db.execute("update taskflow.job set priority = priority + 10 where id = %s", (critical,))
    f.claim(db, f.join(db))
    f.call(db, "reap")
    assert [f.state(db, job) for job in (low, critical)] == ["running", "blocked"]


def test_a_paused_tenant_holds_up_no_other(db: Connection) -> None:
    paused, other = f.enqueue(db, tenant="acme"), f.enqueue(db)
    lose_twice(db, [paused, other])
    f.call(db, "pause_queue", queue="default", tenant="acme")
    f.call(db, "reap")
    assert claimed_ids(db) == [other]
    f.call(db, "resume_queue", queue="default", tenant="acme")


def test_a_paused_queue_lets_none_in(db: Connection) -> None:
    jobs = suspects(db, 3)
    db.execute("update taskflow.job set priority = 12")
    f.call(db, "pause_queue", queue="default")
    f.call(db, "reap")
    assert {f.state(db, job) for job in jobs} == {"blocked"}
    f.call(db, "resume_queue", queue="default")
    f.call(db, "reap")
    assert claimed_ids(db) == jobs[:1]


def test_a_suspect_handed_back_stands_in_line_again(db: Connection) -> None:
    """A worker that does not know its task gives it back for later: the next may run meanwhile."""
    first, second = suspects(db, 2)
    (job,) = f.claim(db, f.join(db), 2)
    f.settle(db, job, "released", delay=timedelta(minutes=1))
    f.call(db, "reap")
    assert claimed_ids(db) == [second]
    f.advance(db, 61)
    assert (f.state(db, first), f.job(db, first).lost) == ("blocked", 2)


def test_a_suspect_that_failed_before_is_blocked_too(db: Connection) -> None:
    jobs = f.enqueue_many(db, 2)
    for job in f.claim(db, f.join(db), 2):
        f.settle(db, job, "failed", delay=timedelta(0))
    lose_twice(db, jobs)
    assert [f.state(db, job) for job in jobs] == ["retrying", "blocked"]


def test_operators_can_end_a_suspect_that_waits(db: Connection) -> None:
    _, cancelled, discarded, moved = suspects(db, 4)
    f.call(db, "cancel", id=cancelled)
    f.call(db, "discard", id=discarded)
    f.call(db, "reschedule", id=moved, run_at=f.value(db, "select taskflow.now()"))
    states = [f.state(db, job) for job in (cancelled, discarded, moved)]
    assert states == ["cancelled", "cancelled", "blocked"]
    assert f.value(db, "select array_agg(distinct priority) from taskflow.job_history") == [2]


def test_a_raised_limit_clears_those_that_wait(db: Connection) -> None:
    jobs = suspects(db, 5)
    db.execute("update taskflow.config set value = '10' where name = 'max_lost'")
    f.call(db, "reap")
    assert sorted(claimed_ids(db)) == jobs


@pytest.mark.parametrize(("max_lost", "states"), [(1, {"dead"}), (2, {"available", "blocked"})])
def test_short_limits(db: Connection, max_lost: int, states: set[str]) -> None:
    db.execute("update taskflow.config set value = %s where name = 'max_lost'", (str(max_lost),))
    jobs = f.enqueue_many(db, 3)
    f.lose(db, f.claim(db, f.join(db), 3))
    assert {f.state(db, job) for job in jobs} == states


def test_jobs_under_a_limit_are_left_to_it(db: Connection) -> None:
    """Their lane decides when they run; aside stands each of them anyway."""
    jobs = f.enqueue_many(db, 2)
    db.execute("update taskflow.job set lane_id = 1")
    lose_twice(db, jobs)
    assert f.value(db, "select array_agg(distinct priority) from taskflow.job") == [2]


def test_it_says_why_a_suspect_waits(db: Connection) -> None:
    first, second = suspects(db, 2)
    f.join(db)
    assert f.call_rows(db, "explain", id=first)[0].cause == "should_run"
    (answer,) = f.call_rows(db, "explain", id=second)
    assert answer.cause == "suspect"
    assert answer.sentence == (
        "Its worker died 2 times in a row while it ran; it waits to run without other suspects:"
        f" job {first} comes first."
    )
    assert answer.detail == {
        "lost": 2,
        "max_lost": 3,
        "first": first,
        "way_out": f"taskflow jobs cancel {second}",
    }


def test_it_says_that_a_worker_was_lost(db: Connection) -> None:
    job = f.enqueue_many(db, 2)[1]
    f.lose(db, f.claim(db, f.join(db), 2))
    db.execute("update taskflow.job set run_at = taskflow.now() + interval '65 s'")
    assert f.call_rows(db, "explain", id=job)[0].sentence.startswith(
        "Its worker died while it ran, for the 1. time in a row; it starts again in 1m "
    )


def test_a_waiting_suspect_is_woken_for(db: Connection) -> None:
    """Whoever lets the next one run wakes the workers of its queue."""
    suspects(db, 2)
    (job,) = f.claim(db, f.join(db))
    f.settle(db, job)
    db.execute("listen taskflow")
    f.call(db, "wait_for_work", worker_id=f.join(db), queues=["default"])
    f.call(db, "reap")
    heard = [notice.payload for notice in db.notifies(timeout=2, stop_after=1)]
    assert heard == ["queue default"]
