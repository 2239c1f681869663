"""F5 and C4: no result and no malformed end of one job can hold up the others of its batch."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f

Connection = psycopg.Connection[Any]
HUGE = "x" * 1_100_000


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "bad",
    [HUGE, deep(70), 10**4000, -(10**301), {"a": [10**400]}],
    ids=["too large", "too deep", "1e4000", "-1e301", "1e400 inside"],
)
def test_f5_a_result_that_cannot_be_stored_fails_its_job_alone(db: Connection, bad: Any) -> None:
    ids = f.enqueue_many(db, 3, max_attempts=1)
    jobs = f.claim(db, f.join(db), 3)
    refused = f.call_rows(
        db,
        "settle_many",
        ids=[job.id for job in jobs],
        claim_nos=[job.claim_no for job in jobs],
        results=Jsonb([1, bad, {"a": 2}]),
    )
    assert refused == []
    states = [f.state(db, id) for id in ids]
    assert states == ["succeeded", "dead", "succeeded"]
    assert f.value(db, "select reason from taskflow.dead_job") == "unstorable"
    assert f.rows(db, "select result from taskflow.job_history order by id") == [(1,), ({"a": 2},)]


def test_the_end_of_a_batch_that_is_stale_is_told_whatever_its_result(db: Connection) -> None:
    """Only those with a storable result were looked at again."""
    f.enqueue_many(db, 4, max_attempts=1)
    lost, unstorable, good, repeated = f.claim(db, f.join(db), 4)
    f.settle(db, lost, "released")
    f.claim(db, f.join(db))
    f.settle(db, repeated, "failed")
    jobs = [lost, unstorable, good, repeated]
    answer = f.call_rows(
        db, "settle_many", ids=[job.id for job in jobs],
        claim_nos=[job.claim_no for job in jobs], results=Jsonb([deep(70), deep(70), 1, deep(70)]),
    )  # fmt: skip
    assert {row.id: row.status for row in answer} == {lost.id: "stale", repeated.id: "already"}
    assert [f.state(db, job.id) for job in jobs] == ["running", "dead", "succeeded", "dead"]


def test_one_that_is_stale_does_not_make_an_unstorable_one_already(db: Connection) -> None:
    f.enqueue_many(db, 2, max_attempts=1)
    unstorable, lost = f.claim(db, f.join(db), 2)
    f.settle(db, lost, "released")
    f.claim(db, f.join(db))
    answer = f.call_rows(
        db, "settle_many", ids=[unstorable.id, lost.id], claim_nos=[1, 1],
        results=Jsonb([deep(70), 1]),
    )  # fmt: skip
    assert [(row.id, row.status) for row in answer] == [(lost.id, "stale")]


def test_a_large_number_is_no_result_for_settle_either(db: Connection) -> None:
    """`1e5000` is 5,001 digits, which most readers take for infinity."""
    f.enqueue_many(db, 2)
    bad, good = f.claim(db, f.join(db), 2)
    with pytest.raises(psycopg.Error) as refusal:
        f.settle(db, bad, result="1e5000")
    assert refusal.value.sqlstate == "TF114"
    f.settle(db, good, result=Jsonb([10**300, "9" * 1000]))
    assert f.job(db, good.id).result == [10**300, "9" * 1000]
    (again,) = f.claim(db, f.join(db)) or [bad]
    f.settle(db, again)
    f.call(db, "set_result", id=bad.id, claim_no=1, result="1e5000")
    assert f.job(db, bad.id).result is None


def test_settle_refuses_such_a_result_and_the_job_goes_on(db: Connection) -> None:
    f.enqueue(db)
    (job,) = f.claim(db, f.join(db))
    with pytest.raises(psycopg.Error) as refusal:
        f.call(db, "settle", id=job.id, claim_no=job.claim_no, result=Jsonb(HUGE))
    assert refusal.value.sqlstate == "TF114"
    assert f.state(db, job.id) == "running"
    assert f.settle(db, job, "completed") == "applied"


@pytest.mark.parametrize(
    "malformed",
    [
        {"outcome": "finished"},
        {"outcome": "failed", "delay": "soon"},
        {"outcome": "completed", "result": HUGE},
        {"outcome": None},
    ],
    ids=["outcome", "delay", "result", "no outcome"],
)
def test_c4_a_malformed_end_is_refused_and_the_others_are_applied(
    db: Connection, malformed: dict[str, Any]
) -> None:
    ids = f.enqueue_many(db, 3)
    jobs = f.claim(db, f.join(db), 3)
    others = [{"id": job.id, "claim_no": job.claim_no, "outcome": "cancelled"} for job in jobs]
    others[1] |= malformed
    answer = f.call_rows(db, "settle_many", ids=[], claim_nos=[], others=Jsonb(others))
    assert [(row.id, row.status) for row in answer] == [(ids[1], "refused")]
    assert [f.state(db, id) for id in ids] == ["cancelled", "running", "cancelled"]


def test_an_end_without_an_id_is_refused(db: Connection) -> None:
    (answer,) = f.call_rows(
        db, "settle_many", ids=[], claim_nos=[], others=Jsonb([{"id": "one", "outcome": "failed"}])
    )
    assert answer.status == "refused"


def test_published_tasks_survive_repeats_and_numbers_out_of_range(db: Connection) -> None:
    tasks = [
        {"name": "a", "queue": "mails", "max_attempts": 100_000},
        {"name": "a", "queue": "mails", "max_attempts": 3},
        {"name": "not a name"},
    ]
    f.call(db, "publish_tasks", tasks=Jsonb(tasks))
    assert f.value(db, "select count(*) from taskflow.task") == 1
    f.enqueue(db, "a")
