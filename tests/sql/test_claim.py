"""Claiming: which rows, in which order, for how long, and what nobody may get twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f

Connection = psycopg.Connection[Any]


def test_c1_a_claim_marks_running_raises_the_fence_and_answers_the_lease(db: Connection) -> None:
    job = f.enqueue(db, args={"a": 1}, tags=["x"], meta={"m": 2})
    worker = f.join(db)
    (claimed,) = f.claim(db, worker, lease=timedelta(seconds=40))
    assert (claimed.id, claimed.claim_no, claimed.attempt) == (job, 1, 1)
    assert (claimed.args, claimed.tags, claimed.meta) == ({"a": 1}, ["x"], {"m": 2})
    seen = f.job(db, job)
    assert (seen.state, seen.worker_id, seen.lease_until) == (
        "running",
        worker,
        claimed.lease_until,
    )
    assert claimed.lease_until - seen.started_at == timedelta(seconds=40)
    assert f.claim(db, worker) == []


def test_c1_only_due_jobs_of_the_queues_asked_for_are_taken(db: Connection) -> None:
    f.enqueue(db, delay=timedelta(hours=1))
    f.enqueue(db, queue="other")
    worker = f.join(db)
    assert f.claim(db, worker, 10) == []
    f.advance(db, 3601)
    assert len(f.claim(db, worker, 10)) == 1


def test_c2_the_claim_number_rises_over_every_way_back(db: Connection) -> None:
    """Retry of a dead job, release, snooze, failure and loss, none resets the fence."""
    job = f.enqueue(db, max_attempts=2)
    worker = f.join(db)
    fences = []
    for outcome in ("released", "snoozed", "failed", "failed"):
        (claimed,) = f.claim(db, worker)
        fences.append(claimed.claim_no)
        f.settle(db, claimed, outcome, delay=timedelta(0))
    assert f.state(db, job) == "dead"
    f.call(db, "retry", id=job)
    (claimed,) = f.claim(db, worker)
    fences.append(claimed.claim_no)
    f.lose(db, [claimed])
    (claimed,) = f.claim(db, worker)
    fences.append(claimed.claim_no)
    f.settle(db, claimed, "cancelled")
    f.call(db, "retry", id=job)
    (claimed,) = f.claim(db, worker)
    assert [*fences, claimed.claim_no] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("slots", [-1, 0, 1, 7, 50])
def test_c3_a_claim_never_answers_more_than_asked(db: Connection, slots: int) -> None:
    f.enqueue_many(db, 20)
    f.enqueue_many(db, 20, queue="other", priority="high")
    claimed = f.claim(db, f.join(db), slots, "default", "other")
    assert len(claimed) == 2 * max(0, min(slots, 20))


def test_c3_slots_count_for_each_queue_and_the_first_for_those_not_named(db: Connection) -> None:
    for queue in ("a", "b", "c"):
        f.enqueue_many(db, 10, queue=queue)
    claimed = f.call_rows(db, "claim", worker_id=f.join(db), queues=["a", "b", "c"], slots=[2, 5])
    assert [sum(job.queue == queue for job in claimed) for queue in "abc"] == [2, 5, 2]


@pytest.mark.parametrize("slots", [[], [None]])
def test_c3_no_slots_are_no_jobs(db: Connection, slots: list[int | None]) -> None:
    f.enqueue(db)
    assert f.call_rows(db, "claim", worker_id=f.join(db), slots=slots) == []


def test_c3_two_sessions_share_a_queue_without_waiting_or_overlap(
    db: Connection, connect: Connect
) -> None:
    ids = f.enqueue_many(db, 10)
    one, two = connect(autocommit=False), connect(autocommit=False)
    worker = f.join(db)
    first, second = f.claim(one, worker, 6), f.claim(two, worker, 6)
    one.commit()
    two.commit()
    assert sorted(job.id for job in first + second) == ids


def test_c4_strange_contents_do_not_stop_a_batch(db: Connection) -> None:
    f.enqueue_many(db, 3)
    odd = [
        f.enqueue(db, args={"k": "\x01\x7f\u2028\uffff\U0010ffff", "'; drop table": "%s $1 {}"}),
        f.enqueue(db, "T:" + "x" * 190, args={"deep": [[[[[[None]]]]]], "": 1e-300}),
        f.enqueue(db, args={"big": "x" * 1_000_000}, tags=["é" * 100] * 50),
    ]
    claimed = f.claim(db, f.join(db), 10)
    assert {job.id for job in claimed} > set(odd)
    for job in claimed:
        assert f.settle(db, job) == "applied"


def test_c5_time_is_the_clock_not_the_start_of_the_transaction(
    db: Connection, connect: Connect
) -> None:
    slow = connect(autocommit=False)
    began = f.value(slow, "select now()")
    f.enqueue(db)  # due after `slow` began
    (claimed,) = f.claim(slow, f.join(db))
    assert claimed.run_at > began
    assert claimed.lease_until > began + timedelta(seconds=30)
    assert f.value(slow, "select taskflow.now() > now()")


def test_c6_a_claim_whose_reply_was_lost_comes_back_by_the_roll_call(db: Connection) -> None:
    """The worker names what it holds; what it never heard of is not renewed and is reaped."""
    f.enqueue_many(db, 2)
    worker = f.join(db)
    known, unheard = f.claim(db, worker), f.claim(db, worker)
    f.advance(db, 20)
    assert f.renew(db, worker, known) == []
    f.advance(db, 11)
    f.call(db, "reap")
    f.advance(db, 16)
    f.renew(db, worker, known)
    assert f.call(db, "reap") == 1
    assert f.state(db, unheard[0].id) == "available"
    assert f.state(db, known[0].id) == "running"


def test_c6_disown_hands_back_at_once_what_the_worker_never_heard_of(db: Connection) -> None:
    f.enqueue_many(db, 3)
    worker = f.join(db)
    known, unheard, unwanted = (f.claim(db, worker)[0] for _ in range(3))
    stranger = f.claim(db, f.join(db))
    f.call(db, "cancel", id=unwanted.id)
    db.execute("select taskflow.disown(%s, %s)", (worker, [known.id]))
    assert f.state(db, known.id) == "running"
    assert (f.state(db, unheard.id), f.job(db, unheard.id).attempt) == ("available", 0)
    assert f.state(db, unwanted.id) == "cancelled"
    assert stranger == []


def test_jobs_are_taken_by_priority_then_time_then_id(db: Connection) -> None:
    low = f.enqueue(db, priority="low", delay=timedelta(hours=-1))
    late = f.enqueue(db)
    early = f.enqueue(db, delay=timedelta(hours=-1))
    critical = f.enqueue(db, priority="critical")
    high = f.enqueue(db, priority="high")
    twins = f.enqueue_many(db, 2)
    worker = f.join(db)
    taken = [f.claim(db, worker)[0].id for _ in range(7)]
    assert taken == [critical, high, early, late, *twins, low]


def test_the_walk_starts_behind_its_position_and_the_sweep_finds_the_rest(db: Connection) -> None:
    ids = f.enqueue_many(db, 4)
    worker = f.join(db)
    first = f.claim(db, worker, 2)
    behind = f.enqueue(db, delay=timedelta(hours=-1))
    at = {"default": {"2": [first[-1].run_at.isoformat(), first[-1].id]}}
    assert [job.id for job in f.claim(db, worker, 10, after=at)] == ids[2:]
    assert [job.id for job in f.claim(db, worker, 10)] == [behind]


def test_a_position_of_one_priority_does_not_hide_another(db: Connection) -> None:
    normal = f.enqueue(db)
    high = f.enqueue(db, priority="high")
    at = {"default": {"2": ["infinity", 0]}, "elsewhere": {"1": ["infinity", 0]}}
    assert [job.id for job in f.claim(db, f.join(db), 10, after=at)] == [high]
    assert f.state(db, normal) == "available"


def test_priorities_can_be_left_out(db: Connection) -> None:
    f.enqueue(db)
    high = f.enqueue(db, priority="high")
    claimed = f.claim(db, f.join(db), 10, priorities=[0, 1])
    assert [job.id for job in claimed] == [high]


def test_a_stranger_may_not_claim(db: Connection) -> None:
    f.enqueue(db)
    with pytest.raises(psycopg.Error) as error:
        f.claim(db, 123456)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF140", True)


def test_workers_serve_all_tenants(db: Connection) -> None:
    ids = [f.enqueue(db, tenant=tenant) for tenant in ("default", "acme", "zeta")]
    worker = f.join(db)
    claimed = f.claim(db, worker, 10)
    assert [(job.id, job.tenant) for job in claimed] == list(
        zip(ids, ("default", "acme", "zeta"), strict=True)
    )
    for job in claimed:
        assert f.settle(db, job, tenant=job.tenant) == "applied"


def test_a_job_past_its_deadline_is_not_started_but_buried(db: Connection) -> None:
    job = f.enqueue(db, deadline=f.value(db, "select taskflow.now() + interval '1 min'"))
    f.advance(db, 61)
    assert f.claim(db, f.join(db)) == []
    assert f.call(db, "reap") == 1
    assert (f.state(db, job), f.job(db, job).reason) == ("dead", "expired")


@pytest.mark.parametrize("outcome", ["failed", "snoozed", "lost"])
def test_a_job_that_started_in_time_may_go_on_past_its_deadline(
    db: Connection, outcome: str
) -> None:
    """The deadline is the latest time to start, and attempts that do not count hid it."""
    job = f.enqueue(db, deadline=f.value(db, "select taskflow.now() + interval '1 min'"))
    (claimed,) = f.claim(db, f.join(db))
    if outcome == "lost":
        f.advance(db, 61)
        f.lose(db, [claimed])
    else:
        f.settle(db, claimed, outcome, delay=timedelta(0))
        f.advance(db, 61)
    assert f.call(db, "reap") == 0
    f.join(db)
    assert f.call_rows(db, "explain", id=job)[0].cause == "should_run"
    (again,) = f.claim(db, f.join(db))
    assert again.id == job


def test_a_job_handed_back_before_it_began_keeps_its_deadline(db: Connection) -> None:
    """A release is no start: a deploy must not let mails of yesterday out."""
    job = f.enqueue(db, deadline=f.value(db, "select taskflow.now() + interval '1 min'"))
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, "released")
    assert f.job(db, job).deadline is not None
    f.advance(db, 61)
    assert f.claim(db, f.join(db)) == []
    assert f.call(db, "reap") == 1
    assert (f.state(db, job), f.job(db, job).reason) == ("dead", "expired")


def starve(db: Connection, share: float) -> Counter[str]:
    """A queue with far more urgent work than its worker can take; which priorities it served."""
    f.call_rows(db, "enqueue_many", task="t", args=Jsonb([{}] * 30), priority="low")
    f.advance(db, 120)
    f.call_rows(db, "enqueue_many", task="t", args=Jsonb([{}] * 400), priority="high")
    db.execute("update taskflow.config set value = %s where name = 'starving_share'", (str(share),))
    worker, served = f.join(db), Counter[str]()
    for _ in range(100):
        served.update(str(job.priority) for job in f.claim(db, worker, 2))
    return served


def test_a_low_priority_gets_its_share_of_a_busy_queue(db: Connection) -> None:
    assert starve(db, 0.1) == {"1": 180, "3": 20}


def test_priorities_are_strict_where_nothing_may_starve(db: Connection) -> None:
    assert starve(db, 0) == {"1": 200}


def test_only_overdue_jobs_overtake(db: Connection) -> None:
    """A quick look at a mixed queue serves strictly by priority."""
    db.execute("update taskflow.config set value = '0.5' where name = 'starving_share'")
    for priority in ("low", "critical", "normal"):
        f.enqueue_many(db, 30, priority=priority)
    worker = f.join(db)
    order = [job.priority for _ in range(90) for job in f.claim(db, worker)]
    assert order == sorted(order)
