"""Limits: how many at once, how many in a time, in which order, and what opens them again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f

Connection = psycopg.Connection[Any]
SLOTS = "select count(*) from taskflow.limit_slot"


def limit(db: Connection, name: str = "l", **options: Any) -> None:
    f.call(db, "set_limit", name=name, **options)


def work(db: Connection, worker: int, slots: int = 10, *queues: str) -> list[Any]:
    return f.claim(db, worker, slots, *queues)


def args(jobs: list[Any], name: str = "k") -> list[Any]:
    return [job.args[name] for job in jobs]


def enqueue_keys(db: Connection, keys: str, task: str = "t", **options: Any) -> list[int]:
    """A job for each character."""
    items = Jsonb([{"k": key} for key in keys])
    (answer,) = f.call_rows(db, "enqueue_many", task=task, args=items, **options)
    assert answer.refused is None
    return list(answer.ids)


# --- concurrency ----------------------------------------------------------------------------------


def test_a_queue_runs_no_more_jobs_at_once_than_its_limit(db: Connection) -> None:
    limit(db, queue="default", concurrency=3)
    ids = f.enqueue_many(db, 10)
    worker = f.join(db)
    first = work(db, worker)
    assert [job.id for job in first] == ids[:3]
    assert work(db, worker) == []
    f.settle(db, first[1])
    f.settle(db, first[2], "failed", delay=timedelta(hours=1))
    assert [job.id for job in work(db, worker)] == ids[3:5]
    assert f.value(db, SLOTS) == 3


def test_a_limit_holds_for_each_key_apart(db: Connection) -> None:
    limit(db, task="t", key="tenant:{k}", concurrency=2)
    enqueue_keys(db, "aaaab")
    f.enqueue(db, "u", args={"k": "a"})
    assert sorted(args(work(db, f.join(db)))) == ["a", "a", "a", "b"]


def test_nested_and_missing_arguments_make_keys(db: Connection) -> None:
    limit(db, task="t", key="{user.id}/{zone}", concurrency=1)
    for arguments in ({"user": {"id": 7}}, {"user": {"id": 7}, "zone": "x"}, {}, {"user": 1}):
        f.enqueue(db, args=arguments)
    keys = [row.key for row in f.rows(db, "select key from taskflow.limit_key order by id")]
    assert keys == ["7/", "7/x", "/"]


def test_several_limits_hold_together(db: Connection) -> None:
    limit(db, "all", queue="default", concurrency=3)
    limit(db, "each", queue="default", key="{k}", concurrency=2)
    enqueue_keys(db, "aaaabbbb")
    worker = f.join(db)
    first = work(db, worker)
    assert len(first) == 3
    assert max(args(first).count(key) for key in "ab") == 2
    for job in first:
        f.settle(db, job)
    assert len(work(db, worker)) == 3


def test_keys_are_served_in_turn(db: Connection) -> None:
    """One key with a long line does not keep the others waiting behind it."""
    limit(db, queue="default", key="{k}", concurrency=100)
    enqueue_keys(db, "a" * 50 + "bc")
    worker = f.join(db)
    taken = [args(work(db, worker, 3)) for _ in range(2)]
    assert sorted(taken[0]) == ["a", "b", "c"]
    assert taken[1] == ["a"] * 3


def test_lanes_and_plain_jobs_of_a_queue_take_turns(db: Connection) -> None:
    limit(db, task="t", concurrency=100)
    f.enqueue_many(db, 20, "t")
    f.enqueue_many(db, 20, "plain")
    worker = f.join(db)
    first = {job.task for _ in range(2) for job in work(db, worker, 5)}
    assert first == {"t", "plain"}


def test_a_shared_key_passes_its_room_on(db: Connection) -> None:
    """Room that one lane leaves goes to the next, however many wait for the same key."""
    limit(db, "all", queue="default", concurrency=5)
    limit(db, "each", queue="default", key="{k}", concurrency=1)
    enqueue_keys(db, "abcdefghijklmnopqrstuvwxyz" * 2)
    worker, done = f.join(db), 0
    while running := work(db, worker, 50):
        assert len(running) <= 5
        assert len(set(args(running))) == len(running)
        for job in running:
            f.settle(db, job)
        done += len(running)
    assert done == 52


def test_weights_count_and_a_heavy_job_is_not_passed_by(db: Connection) -> None:
    limit(db, queue="default", concurrency=5, weight_by="w")
    for weight in (2, 4, 1, 1):
        f.enqueue(db, args={"w": weight})
    worker = f.join(db)
    (first,) = work(db, worker)
    assert first.args == {"w": 2}
    f.settle(db, first)
    f.advance(db, 0.2)
    assert args(work(db, worker), "w") == [4, 1]


def test_a_job_heavier_than_the_limit_runs_alone(db: Connection) -> None:
    limit(db, queue="default", concurrency=3, weight_by="w")
    f.enqueue(db, args={"w": 100})
    f.enqueue(db, args={"w": 1})
    worker = f.join(db)
    (heavy,) = work(db, worker)
    f.settle(db, heavy)
    assert args(work(db, worker), "w") == [1]


@pytest.mark.parametrize("end", ["lost", "released", "snoozed", "failed", "cancelled"])
def test_f3_no_end_of_a_run_leaks_a_slot(db: Connection, end: str) -> None:
    """Slots in use are rows that come and go with the state of the job."""
    limit(db, queue="default", concurrency=1)
    first, second = f.enqueue_many(db, 2)
    worker = f.join(db)
    (job,) = work(db, worker)
    if end == "lost":
        f.lose(db, [job])
        assert f.value(db, SLOTS) == 0
        f.call(db, "cancel", id=first)
    else:
        f.settle(db, job, end, delay=timedelta(hours=1))
    assert [job.id for job in work(db, worker)] == [second]
    assert f.value(db, SLOTS) == 1


# --- order ----------------------------------------------------------------------------------------


def test_o1_an_ordered_key_runs_one_job_after_the_other_over_retries(db: Connection) -> None:
    limit(db, queue="default", key="{k}", ordered=True)
    first, second, other = enqueue_keys(db, "aab", max_attempts=2)
    worker = f.join(db)
    taken = work(db, worker)
    assert [job.id for job in taken] == [first, other]
    f.settle(db, taken[0], "failed", delay=timedelta(seconds=5))
    f.settle(db, taken[1])
    assert work(db, worker) == []
    f.advance(db, 6)
    (again,) = work(db, worker)
    assert again.id == first
    assert again.attempt == 2
    f.settle(db, again, "failed")
    assert f.state(db, first) == "dead"
    assert [job.id for job in work(db, worker)] == [second]


def test_o1_a_cancelled_retry_lets_the_next_one_go(db: Connection) -> None:
    limit(db, queue="default", ordered=True)
    first, second = f.enqueue_many(db, 2)
    worker = f.join(db)
    (job,) = work(db, worker)
    f.settle(db, job, "failed", delay=timedelta(hours=1))
    assert f.call(db, "cancel", id=first) == "cancelled"
    assert [job.id for job in work(db, worker)] == [second]


# --- rates ----------------------------------------------------------------------------------------


def test_o2_no_window_holds_more_starts_than_the_rate(db: Connection) -> None:
    limit(db, queue="default", rate=3, per=timedelta(seconds=10))
    f.enqueue_many(db, 12)
    worker, starts = f.join(db), []
    for _ in range(60):
        for job in work(db, worker):
            starts.append(f.job(db, job.id).started_at)
            f.settle(db, job)
        f.advance(db, 0.7)
    assert len(starts) == 12
    for at in starts:
        inside = [s for s in starts if at <= s < at + timedelta(seconds=10)]
        assert len(inside) <= 3
    # and it is used to the full: the last one starts after three whole windows
    assert starts[-1] - starts[0] < timedelta(seconds=34)


def test_o2_a_bucket_gives_its_burst_and_then_the_rate(db: Connection) -> None:
    limit(db, queue="default", rate=2, per=timedelta(seconds=1), burst=5)
    f.enqueue_many(db, 20)
    worker = f.join(db)
    assert len(work(db, worker, 20)) == 5
    f.advance(db, 1.05)
    assert len(work(db, worker, 20)) == 2
    f.advance(db, 100)
    assert len(work(db, worker, 20)) == 5


def test_the_next_opening_is_told_to_who_waits(db: Connection) -> None:
    limit(db, queue="default", rate=1, per=timedelta(seconds=30))
    f.enqueue_many(db, 2)
    worker = f.join(db)
    assert len(work(db, worker)) == 1
    assert work(db, worker) == []
    wait = f.call(db, "wait_for_work", worker_id=worker, queues=["default"])
    assert 29 < wait <= 30.1


def test_a_handler_may_hold_its_key(db: Connection) -> None:
    """The peer said "too many requests": nobody else asks it before that time."""
    limit(db, queue="default", key="{k}", concurrency=10)
    enqueue_keys(db, "aab")
    worker = f.join(db)
    (first,) = [job for job in work(db, worker, 1) if job.args["k"] == "a"]
    f.settle(db, first, "snoozed", delay=timedelta(seconds=60), hold_limit="*")
    assert args(work(db, worker)) == ["b"]
    f.advance(db, 61)
    back = work(db, worker)
    assert args(back) == ["a", "a"]
    assert {job.attempt for job in back} == {1}


def test_a_hold_names_its_limit(db: Connection) -> None:
    limit(db, "one", queue="default", key="{k}", concurrency=10)
    limit(db, "all", queue="default", concurrency=10)
    enqueue_keys(db, "ab")
    worker = f.join(db)
    (first,) = work(db, worker, 1)
    f.settle(db, first, "snoozed", delay=timedelta(seconds=60), hold_limit="one")
    assert args(work(db, worker)) == ["b"]


# --- breaker --------------------------------------------------------------------------------------


def test_a_breaker_opens_probes_and_closes(db: Connection) -> None:
    limit(db, task="t", breaker_failures=3, breaker_cooldown=timedelta(seconds=20))
    f.enqueue_many(db, 10, max_attempts=1)
    worker = f.join(db)
    for job in work(db, worker, 3):
        f.settle(db, job, "failed")
    assert work(db, worker) == []
    f.advance(db, 21)
    (probe,) = work(db, worker)
    assert work(db, worker) == []
    f.settle(db, probe, "failed")
    assert work(db, worker) == []
    f.advance(db, 21)
    (probe,) = work(db, worker)
    f.settle(db, probe)
    assert len(work(db, worker)) == 5


def test_a_breaker_forgets_failures_outside_its_window(db: Connection) -> None:
    limit(db, task="t", breaker_failures=2, breaker_window=timedelta(seconds=10))
    f.enqueue_many(db, 4, max_attempts=1)
    worker = f.join(db)
    for _ in range(3):
        (job,) = work(db, worker, 1)
        f.settle(db, job, "failed")
        f.advance(db, 11)
    assert len(work(db, worker, 1)) == 1


# --- changing limits ------------------------------------------------------------------------------


def test_a_new_limit_holds_for_jobs_that_wait_already(db: Connection) -> None:
    f.enqueue_many(db, 5)
    limit(db, queue="default", concurrency=2)
    worker = f.join(db)
    assert len(work(db, worker)) == 2
    limit(db, queue="default", concurrency=4)
    assert len(work(db, worker)) == 2


def test_a_limit_taken_away_lets_its_jobs_go(db: Connection) -> None:
    limit(db, queue="default", concurrency=1)
    ids = f.enqueue_many(db, 5)
    worker = f.join(db)
    (running,) = work(db, worker)
    assert f.call(db, "delete_limit", name="l") is True
    assert f.call(db, "delete_limit", name="l") is False
    assert [job.id for job in work(db, worker)] == ids[1:]
    assert f.settle(db, running) == "applied"
    assert f.value(db, "select count(*) from taskflow.job where lane_id is not null") == 0


def test_a_job_changed_by_its_unique_key_goes_to_the_lane_of_its_new_key(db: Connection) -> None:
    limit(db, queue="default", key="{k}", concurrency=1)
    f.enqueue(db, args={"k": "a"})
    job = f.enqueue(db, args={"k": "a"}, unique_key="u")
    again = f.enqueue(db, args={"k": "b"}, unique_key="u", on_conflict="replace")
    assert again == job
    assert sorted(args(work(db, f.join(db)))) == ["a", "b"]


def test_dependants_under_a_limit_wait_for_both(db: Connection) -> None:
    limit(db, queue="default", concurrency=1)
    parent = f.enqueue(db)
    f.enqueue(db)
    child = f.enqueue(db, depends_on=[parent])
    worker, order = f.join(db), []
    while found := work(db, worker):
        (job,) = found
        order.append(job.id)
        f.settle(db, job)
    assert len(order) == 3
    assert order.index(child) > order.index(parent)


def test_retried_and_rescheduled_jobs_come_back_to_their_lane(db: Connection) -> None:
    limit(db, queue="default", concurrency=1)
    first, second = f.enqueue_many(db, 2, max_attempts=1)
    worker = f.join(db)
    (job,) = work(db, worker)
    f.settle(db, job, "failed")
    f.call(db, "retry", id=first)
    later = f.value(db, "select taskflow.now() + interval '1 hour'")
    f.call(db, "reschedule", id=second, run_at=later)
    (again,) = work(db, worker)
    assert again.id == first
    f.settle(db, again)
    assert work(db, worker) == []
    f.call(db, "retry", id=second)
    assert [job.id for job in work(db, worker)] == [second]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"queue": "q"}, "TF111"),
        ({"queue": "q", "concurrency": 0}, "TF111"),
        ({"queue": "Q!", "concurrency": 1}, "TF110"),
        ({"queue": "q", "rate": 5}, "TF111"),
        ({"queue": "q", "rate": 5, "per": timedelta(0)}, "TF112"),
        ({"queue": "q", "rate": 5, "per": timedelta(1), "burst": 0}, "TF111"),
        ({"queue": "q", "concurrency": 2, "ordered": True}, "TF111"),
        ({"queue": "q", "concurrency": 2, "key": "{"}, "TF111"),
        ({"queue": "q", "concurrency": 2, "key": "x" * 201}, "TF111"),
        ({"queue": "q", "breaker_failures": 0}, "TF111"),
    ],
)
def test_bad_limits_are_refused_with_a_way_out(
    db: Connection, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(psycopg.Error) as error:
        limit(db, **options)
    assert error.value.sqlstate == code
    assert error.value.diag.message_hint


# --- outside jobs ---------------------------------------------------------------------------------


def permit(db: Connection, **options: Any) -> Any:
    return f.call_rows(db, "take_permit", limit_name="l", **options)[0]


def test_permits_and_jobs_share_a_limit(db: Connection) -> None:
    limit(db, task="t", key="{k}", concurrency=2)
    enqueue_keys(db, "aa")
    held = permit(db, key="a")
    worker = f.join(db)
    (job,) = work(db, worker)
    assert permit(db, key="a").permit_id is None
    assert f.call(db, "release_permit", permit_id=held.permit_id) is True
    (other,) = work(db, worker)
    f.settle(db, job)
    assert permit(db, key="a").permit_id
    f.settle(db, other)


def test_a_permit_that_nobody_renews_ends(db: Connection) -> None:
    limit(db, concurrency=1)
    first = permit(db, lease=timedelta(seconds=10))
    assert timedelta(seconds=9) < permit(db).retry_after <= timedelta(seconds=10)
    f.advance(db, 6)
    assert f.call(db, "renew_permit", permit_id=first.permit_id, lease=timedelta(seconds=10))
    f.advance(db, 6)
    assert permit(db).permit_id is None
    f.advance(db, 5)
    assert permit(db).permit_id
    assert f.call(db, "renew_permit", permit_id=first.permit_id) is False


def test_o2_permits_keep_a_rate(db: Connection) -> None:
    limit(db, rate=2, per=timedelta(seconds=10))
    assert [permit(db).permit_id for _ in range(3)] == [0, 0, None]
    f.advance(db, 10.1)
    assert permit(db).permit_id == 0


# --- races ----------------------------------------------------------------------------------------


def test_o3_two_claims_at_once_take_no_more_than_one_would(
    db: Connection, connect: Connect
) -> None:
    """The second one does not wait for the first; it comes back for what that one leaves."""
    limit(db, queue="default", concurrency=3)
    f.enqueue_many(db, 10)
    one, other = connect(autocommit=False), connect(autocommit=False)
    first = work(one, f.join(db), 2)
    second = work(other, f.join(db), 10)
    assert (len(first), len(second)) == (2, 0)
    other.commit()
    one.commit()
    assert len(work(other, f.join(db), 10)) == 1
    other.commit()


def test_room_that_opens_while_a_claim_counts_is_not_lost(db: Connection, connect: Connect) -> None:
    """A settle waits for the claim that finds the key full, and then sees the lane that waits."""
    limit(db, queue="default", concurrency=1)
    f.enqueue_many(db, 2)
    worker = f.join(db)
    (job,) = work(db, worker)
    counting = connect(autocommit=False)
    f.enqueue(db)  # news for the lane
    assert work(counting, worker) == []
    settling = connect()
    settling.execute("set lock_timeout = '100ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        f.settle(settling, job)
    counting.commit()
    assert f.settle(settling, job) == "applied"
    assert len(work(db, worker)) == 1
