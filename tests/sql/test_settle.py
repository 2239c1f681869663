"""Settling: each outcome, the fence, repeats, batches, and settling inside a user's transaction."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.notices import Listener

Connection = psycopg.Connection[Any]

OUTCOMES = {
    "completed": "succeeded",
    "failed": "retrying",
    "snoozed": "scheduled",
    "cancelled": "cancelled",
    "released": "scheduled",
    "discarded": "dead",
}
"""The state that each outcome leads to, with a delay given."""


def claimed_one(db: Connection, **options: Any) -> Any:
    f.enqueue(db, **options)
    (claimed,) = f.claim(db, f.join(db))
    return claimed


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_f1_each_outcome_changes_exactly_one_row(db: Connection, outcome: str) -> None:
    other = f.enqueue(db)
    job = claimed_one(db, priority="high")
    assert f.settle(db, job, outcome, delay=timedelta(minutes=1)) == "applied"
    assert f.state(db, job.id) == OUTCOMES[outcome]
    assert f.state(db, other) == "available"
    assert f.value(db, "select count(*) from taskflow.job_view") == 2


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_f1_a_wrong_claim_number_is_stale_and_changes_nothing(db: Connection, outcome: str) -> None:
    job = claimed_one(db)
    for wrong in (job.claim_no - 1, job.claim_no + 1, -1):
        answer = f.call(db, "settle", id=job.id, claim_no=wrong, outcome=outcome)
        assert answer == "stale"
    assert f.call(db, "settle", id=job.id + 1000, claim_no=1, outcome=outcome) == "stale"
    assert f.call(db, "settle", id=job.id, claim_no=1, outcome=outcome, tenant="acme") == "stale"
    assert f.state(db, job.id) == "running"
    assert f.value(db, "select count(*) from taskflow.attempt") == 0


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_f7_u4_a_repeat_answers_already_and_changes_nothing(db: Connection, outcome: str) -> None:
    """The reply to the first settle was lost; the worker asks again on a new connection."""
    job = claimed_one(db)
    options = {"delay": timedelta(minutes=1), "reason": "r"}
    assert f.settle(db, job, outcome, **options) == "applied"
    before = (
        f.rows(db, "select * from taskflow.job_view"),
        f.rows(db, "select * from taskflow.attempt"),
    )
    assert f.settle(db, job, outcome, **options) == "already"
    assert f.settle(db, job, "completed") == "already"
    after = (
        f.rows(db, "select * from taskflow.job_view"),
        f.rows(db, "select * from taskflow.attempt"),
    )
    assert [row._replace(state="") for row in after[0]] == [
        row._replace(state="") for row in before[0]
    ]
    assert after[1] == before[1]


def test_f7_already_holds_through_later_claims(db: Connection) -> None:
    job = claimed_one(db)
    f.settle(db, job, "failed", delay=timedelta(0))
    (again,) = f.claim(db, f.join(db))
    assert f.settle(db, job, "failed") == "already"
    f.settle(db, again, "completed")
    assert f.settle(db, job, "failed") == "already"
    assert f.settle(db, again, "completed") == "already"


def test_f1_f7_after_a_loss_the_old_claim_is_stale_for_ever(db: Connection) -> None:
    job = claimed_one(db)
    f.lose(db, [job])
    assert f.settle(db, job) == "stale"
    (again,) = f.claim(db, f.join(db))
    assert f.settle(db, job) == "stale"
    assert f.settle(db, again) == "applied"
    assert f.settle(db, job) == "stale"
    assert f.value(db, "select count(*) from taskflow.job_history") == 1


def test_f2_result_history_key_and_wake_up_are_one_transaction(
    db: Connection, connect: Connect
) -> None:
    job = claimed_one(db, unique_key="k")
    f.call(db, "watch", id=job.id)
    other = connect(autocommit=False)
    with Listener(connect()) as listener:
        f.settle(other, job, result={"answer": 42})
        assert (listener.heard(), f.state(db, job.id)) == ([], "running")
        other.rollback()
        assert (listener.heard(), f.state(db, job.id)) == ([], "running")
        f.settle(other, job, result={"answer": 42})
        other.commit()
        assert listener.heard() == [f"done {job.id}"]
    found = f.job(db, job.id)
    assert (found.state, found.result, found.unique_key) == ("succeeded", {"answer": 42}, "k")
    assert f.enqueue(db, unique_key="k") != job.id


def test_f4_attempts_never_exceed_the_maximum(db: Connection) -> None:
    job = f.enqueue(db, max_attempts=3)
    worker = f.join(db)
    seen = []
    while claimed := f.claim(db, worker):
        seen.append(claimed[0].attempt)
        f.settle(db, claimed[0], "failed", delay=timedelta(0), error={"class": "E", "message": "m"})
    assert seen == [1, 2, 3]
    found = f.job(db, job)
    assert (found.state, found.reason, found.error_class, found.attempt) == (
        "dead",
        "failed",
        "E",
        3,
    )
    assert f.value(db, "select array_agg(attempt order by attempt) from taskflow.attempt") == seen


def test_f4_losses_count_apart_and_three_in_a_row_are_the_end(db: Connection) -> None:
    job = f.enqueue(db, max_attempts=1)
    for count in (1, 2, 3):
        (claimed,) = f.claim(db, f.join(db))
        assert (claimed.attempt, claimed.lost) == (1, count - 1)
        f.lose(db, [claimed])
    found = f.job(db, job)
    assert (found.state, found.reason, found.lost) == ("dead", "lost", 2)


@pytest.mark.parametrize("between", ["snoozed", "failed"])
def test_f4_losses_must_be_in_a_row(db: Connection, between: str) -> None:
    job = f.enqueue(db, max_attempts=10)
    for _ in range(3):
        for _ in range(2):
            f.lose(db, f.claim(db, f.join(db)))
        (claimed,) = f.claim(db, f.join(db))
        assert claimed.lost == 2
        f.settle(db, claimed, between, delay=timedelta(0))
    assert f.job(db, job).lost == 0


def test_f4_snoozes_and_releases_are_no_attempts(db: Connection) -> None:
    f.enqueue(db, max_attempts=1)
    worker = f.join(db)
    for outcome in ("snoozed", "released") * 3:
        (claimed,) = f.claim(db, worker)
        assert claimed.attempt == 1
        f.settle(db, claimed, outcome)


NASTY_ERRORS = [
    {"class": "x" * 100_000, "message": "m" * 1_000_000, "traceback": "t" * 1_000_000},
    {"fingerprint": "f" * 10_000},
    {"message": {"not": "a text"}, "class": None},
    {"other": 1},
    ["a list"],
    "a text",
    7,
    None,
]


@pytest.mark.parametrize("error", NASTY_ERRORS, ids=range(len(NASTY_ERRORS)))
@pytest.mark.parametrize("outcome", ["failed", "discarded", "cancelled", "snoozed"])
def test_f5_no_error_or_reason_makes_settling_fail(
    db: Connection, outcome: str, error: object
) -> None:
    """An incompressible reason of 300 kB is longer than any index entry may be."""
    job = claimed_one(db, max_attempts=1)
    noise = f.value(db, "select string_agg(md5(n::text), '') from generate_series(1, 10000) n")
    assert f.settle(db, job, outcome, error=Jsonb(error), reason=noise) == "applied"
    kept = f.rows(db, "select length(reason) as size from taskflow.attempt")
    assert [row.size for row in kept] == [1000]


def test_f5_delays_out_of_range_are_bounded(db: Connection) -> None:
    for delay, expected in [("-5 days", "now"), ("10000 years", "10 years"), ("0", "now")]:
        job = claimed_one(db)
        f.settle(db, job, "failed", delay=delay)
        wait = f.job(db, job.id).run_at - f.value(db, "select taskflow.now()")
        low, high = {"now": (-60, 0), "10 years": (3650 * 86400, 3653 * 86400)}[expected]
        assert low <= wait.total_seconds() <= high
        f.call(db, "cancel", id=job.id)


def test_f6_a_retrying_job_keeps_its_key(db: Connection) -> None:
    job = claimed_one(db, unique_key="k")
    f.settle(db, job, "failed", delay=timedelta(hours=1))
    assert f.enqueue(db, unique_key="k") == job.id


@pytest.mark.parametrize("outcome", ["nonsense", "", None, "COMPLETED"])
def test_an_unknown_outcome_is_refused(db: Connection, outcome: str | None) -> None:
    job = claimed_one(db)
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "settle", id=job.id, claim_no=1, outcome=outcome)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF111", True)
    assert f.state(db, job.id) == "running"


def test_backoff_doubles_is_bounded_and_jitters(db: Connection) -> None:
    for attempt, seconds in [(-5, 1), (1, 1), (2, 2), (5, 16), (12, 2048), (13, 3600), (999, 3600)]:
        wait = f.value(db, "select taskflow.backoff(%s)", attempt).total_seconds()
        assert seconds <= wait <= 1.1 * seconds
    assert (
        f.value(db, "select count(distinct taskflow.backoff(3)) from generate_series(1, 50)") > 40
    )


# --- batches --------------------------------------------------------------------------------------


def settle_many(db: Connection, jobs: list[Any], **options: Any) -> list[Any]:
    ids, fences = [job.id for job in jobs], [job.claim_no for job in jobs]
    return f.call_rows(db, "settle_many", ids=ids, claim_nos=fences, **options)


def test_a_batch_settles_each_with_its_own_result(db: Connection) -> None:
    f.enqueue_many(db, 4)
    jobs = f.claim(db, f.join(db), 4)
    results = Jsonb([{"n": 0}, None, 2])
    assert settle_many(db, jobs, results=results) == []
    found = [f.job(db, job.id) for job in jobs]
    assert [(job.state, job.result) for job in found] == [
        ("succeeded", {"n": 0}), ("succeeded", None), ("succeeded", 2), ("succeeded", None),
    ]  # fmt: skip


def test_c4_a_batch_tells_the_stale_and_the_repeated_apart(db: Connection) -> None:
    f.enqueue_many(db, 3)
    lost, repeated, good = f.claim(db, f.join(db), 3)
    f.settle(db, repeated)
    db.execute("update taskflow.job set lease_until = lease_until + interval '9 min' where id = %s",
               (good.id,))  # fmt: skip
    f.lose(db, [lost])
    answer = {row.id: row.status for row in settle_many(db, [lost, repeated, good])}
    assert answer == {lost.id: "stale", repeated.id: "already"}
    assert f.state(db, good.id) == "succeeded"


def test_f1_a_batch_with_an_old_and_a_new_claim_of_one_job(db: Connection) -> None:
    """A worker that lost a job may have claimed it again itself."""
    old = claimed_one(db)
    f.lose(db, [old])
    (new,) = f.claim(db, f.join(db))
    answer = settle_many(db, [old, new])
    assert [(row.claim_no, row.status) for row in answer] == [(old.claim_no, "stale")]


def test_f7_a_claim_named_twice_in_a_batch_counts_once(db: Connection) -> None:
    job = claimed_one(db)
    assert [row.status for row in settle_many(db, [job, job])] in ([], ["already"])
    assert f.value(db, "select count(*) from taskflow.job_history") == 1


def test_a_batch_carries_other_outcomes(db: Connection) -> None:
    f.enqueue_many(db, 4)
    jobs = f.claim(db, f.join(db), 4)
    others = [
        {"id": job.id, "claim_no": job.claim_no + stale, "outcome": outcome, "delay": "1 min"}
        for job, outcome, stale in zip(
            jobs[1:], ["failed", "snoozed", "failed"], [0, 0, 9], strict=True
        )
    ]
    answer = settle_many(db, jobs[:1], others=Jsonb(others))
    assert [(row.id, row.status) for row in answer] == [(jobs[3].id, "stale")]
    assert [f.state(db, job.id) for job in jobs] == [
        "succeeded", "retrying", "scheduled", "running",
    ]  # fmt: skip


def test_an_empty_batch_is_no_error(db: Connection) -> None:
    assert settle_many(db, []) == []


def test_a_batch_of_several_tenants(db: Connection) -> None:
    for tenant in ("default", "acme"):
        f.enqueue(db, tenant=tenant)
    jobs = f.claim(db, f.join(db), 2)
    assert len(settle_many(db, jobs)) == 1, "without tenants they are all 'default'"
    assert settle_many(db, jobs[1:], tenants=["acme"]) == []


def test_release_gives_back_what_is_still_held(db: Connection) -> None:
    f.enqueue_many(db, 3)
    jobs = f.claim(db, f.join(db), 3)
    f.settle(db, jobs[0])
    answer = f.call(
        db, "release", ids=[job.id for job in jobs], claim_nos=[job.claim_no for job in jobs]
    )
    assert answer == 2
    assert [f.state(db, job.id) for job in jobs] == ["succeeded", "available", "available"]


# --- inside the user's own transaction ------------------------------------------------------------


@pytest.fixture
def ledger(db: Connection) -> Any:
    db.execute("create table public.ledger (job bigint, claim_no bigint)")
    yield lambda: f.rows(db, "select job, claim_no from public.ledger")
    db.execute("drop table public.ledger")


def write(connection: Connection, job: Any) -> None:
    connection.execute("insert into public.ledger values (%s, %s)", (job.id, job.claim_no))


def test_v1_user_writes_and_settle_commit_together(
    db: Connection, connect: Connect, ledger: Any
) -> None:
    job = claimed_one(db)
    user = connect(autocommit=False)
    write(user, job)
    assert f.settle(user, job) == "applied"
    assert (ledger(), f.state(db, job.id)) == ([], "running")
    user.commit()
    assert (ledger(), f.state(db, job.id)) == ([(job.id, 1)], "succeeded")
    assert f.settle(db, job) == "already", "which proves the user's writes too"


def test_v1_a_result_may_follow_the_settle(db: Connection) -> None:
    """The job says so in its reason until then, whatever follows, once only."""
    db.execute("update taskflow.config set value = '100' where name = 'max_result_bytes'")

    def settled() -> Any:
        job = claimed_one(db)
        assert f.settle(db, job, reason="result pending") == "applied"
        assert found(job) == ("result pending", None)
        return job

    def found(job: Any) -> tuple[str | None, Any]:
        row = f.job(db, job.id)
        return row.reason, row.result

    def follow(job: Any, result: Any, claim_no: int = 1) -> tuple[str | None, Any]:
        f.call(db, "set_result", id=job.id, claim_no=claim_no, result=result)
        return found(job)

    job = settled()
    assert follow(job, Jsonb(8), claim_no=2) == ("result pending", None), "not this claim's"
    assert follow(job, Jsonb(7)) == (None, 7)
    assert follow(job, Jsonb(10)) == (None, 7), "a repeat changes nothing"
    assert follow(settled(), None) == (None, None)
    assert follow(settled(), Jsonb("x" * 200)) == (None, None), "too large"


def test_f6_a_locked_row_holds_a_batch_up_for_a_moment_only(
    db: Connection, connect: Connect
) -> None:
    """Well below the shortest useful lease: the caller then settles in parts."""
    jobs = [claimed_one(db) for _ in range(2)]
    with connect(autocommit=False) as holder:
        holder.execute("select from taskflow.job where id = %s for update", (jobs[1].id,))
        begun = time.monotonic()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            f.call_rows(db, "settle_many", ids=[job.id for job in jobs], claim_nos=[1, 1])
        assert time.monotonic() - begun < 1
    assert {f.state(db, job.id) for job in jobs} == {"running"}


def test_v1_after_a_takeover_the_old_holder_learns_it_and_rolls_back(
    db: Connection, connect: Connect, ledger: Any
) -> None:
    job = claimed_one(db)
    user = connect(autocommit=False)
    write(user, job)
    f.lose(db, [job])
    (again,) = f.claim(db, f.join(db))
    assert f.settle(user, job) == "stale"
    user.rollback()
    write(user, again)
    assert f.settle(user, again) == "applied"
    user.commit()
    assert ledger() == [(job.id, again.claim_no)]


def test_v1_no_takeover_fits_between_settle_and_commit(
    db: Connection, connect: Connect, ledger: Any
) -> None:
    job = claimed_one(db)
    user = connect(autocommit=False)
    write(user, job)
    assert f.settle(user, job) == "applied"
    f.advance(db, 31)
    f.call(db, "reap")
    f.advance(db, 16)
    assert f.call(db, "reap") == 0
    user.commit()
    assert (len(ledger()), f.state(db, job.id)) == (1, "succeeded")
