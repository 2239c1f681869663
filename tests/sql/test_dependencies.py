"""Jobs that wait for others: released once, cancelled when what they need will not come."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.waiting import until_blocked

Connection = psycopg.Connection[Any]


def run(db: Connection, worker: int, outcome: str = "completed", slots: int = 100) -> list[int]:
    """Works off what is due now; answers in which order."""
    order = []
    for job in f.claim(db, worker, slots):
        f.settle(db, job, outcome)
        order.append(job.id)
    return order


def test_a_job_waits_for_all_its_parents(db: Connection) -> None:
    first, second = f.enqueue_many(db, 2)
    child = f.enqueue(db, depends_on=[first, second, first])
    worker = f.join(db)
    assert f.state(db, child) == "blocked"
    (job,) = f.claim(db, worker)
    f.settle(db, job)
    assert f.state(db, child) == "blocked"
    assert run(db, worker) == [second]
    assert f.state(db, child) == "available"
    assert run(db, worker) == [child]


def test_parents_that_have_ended_count_at_once(db: Connection) -> None:
    first, second = f.enqueue_many(db, 2)
    worker = f.join(db)
    run(db, worker)
    child = f.enqueue(db, depends_on=[first, second])
    assert f.state(db, child) == "available"


@pytest.mark.parametrize("end", ["failed", "cancelled", "discarded"])
def test_w2_every_end_of_a_parent_resolves_its_children(db: Connection, end: str) -> None:
    parent = f.enqueue(db, max_attempts=1)
    strict = f.enqueue(db, depends_on=[parent])
    loose = f.enqueue(db, depends_on=[parent], on_parent_failure="continue")
    run(db, f.join(db), end)
    assert (f.state(db, strict), f.state(db, loose)) == ("cancelled", "available")
    assert f"job {parent}" in f.job(db, strict).reason
    late = f.enqueue(db, depends_on=[parent])
    assert f.state(db, late) == "cancelled"


def test_w2_lost_and_expired_parents_resolve_their_children(db: Connection) -> None:
    soon = f.value(db, "select taskflow.now() + interval '10 s'")
    lost, expired = f.enqueue(db), f.enqueue(db, deadline=soon, queue="other")
    children = [f.enqueue(db, depends_on=[parent]) for parent in (lost, expired)]
    f.call(db, "cancel", id=lost)
    f.advance(db, 11)
    f.call(db, "reap")
    assert [f.state(db, child) for child in children] == ["cancelled", "cancelled"]


def test_a_long_chain_falls_at_once(db: Connection) -> None:
    """Not by a call for each link, which would nest too deep."""
    parent = first = f.enqueue(db)
    for _ in range(600):
        parent = f.enqueue(db, depends_on=[parent])
    f.call(db, "cancel", id=first)
    assert f.value(db, "select count(*) from taskflow.job") == 0
    assert f.state(db, parent) == "cancelled"


def test_w1_ten_thousand_parents_release_once(db: Connection) -> None:
    ids = f.enqueue_many(db, 10_000)
    child = f.enqueue(db, depends_on=ids)
    worker = f.join(db)
    while found := f.claim(db, worker, 2_000):
        assert [job.id for job in found] != [child]
        pairs = [job.id for job in found], [job.claim_no for job in found]
        db.execute("select taskflow.settle_many(%s, %s)", pairs)
        if len(found) == 2_000 and f.state(db, child) == "available":
            break
    (job,) = f.claim(db, worker)
    assert job.id == child
    assert f.settle(db, job) == "applied"


def test_bulk_jobs_may_wait_for_one(db: Connection) -> None:
    parent = f.enqueue(db)
    items = Jsonb([{"n": n} for n in range(5)])
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=items, depends_on=[parent])
    assert {f.state(db, id) for id in answer.ids} == {"blocked"}
    worker = f.join(db)
    run(db, worker)
    assert run(db, worker) == answer.ids


def test_an_unknown_parent_is_refused_and_nothing_is_left(db: Connection) -> None:
    with pytest.raises(psycopg.Error, match="does not exist") as error:
        f.enqueue(db, depends_on=[2**60])
    assert error.value.sqlstate == "TF120"
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize("options", [{"depends_on": []}, {"on_parent_failure": "explode"}])
def test_bad_dependencies_are_refused(db: Connection, options: dict[str, Any]) -> None:
    given = {"depends_on": [f.enqueue(db)]} | options
    with pytest.raises(psycopg.Error) as error:
        f.enqueue(db, **given)
    assert error.value.sqlstate == "TF111"


def test_a_released_job_is_ahead_of_the_walks(db: Connection) -> None:
    """Behind the position of a busy worker it would wait for the next sweep."""
    parent = f.enqueue(db)
    child = f.enqueue(db, depends_on=[parent])
    worker = f.join(db)
    (job,) = f.claim(db, worker)
    f.advance(db, 5)
    later = f.enqueue(db)
    f.settle(db, job)
    assert f.job(db, child).run_at >= f.job(db, later).run_at


def test_a_settle_of_the_parent_waits_for_who_is_tying_a_child_to_it(
    db: Connection, connect: Connect
) -> None:
    parent = f.enqueue(db)
    (job,) = f.claim(db, f.join(db))
    tying, settling = connect(autocommit=False), connect()
    child = f.enqueue(tying, depends_on=[parent])
    answers: list[str] = []
    settle = threading.Thread(target=lambda: answers.append(f.settle(settling, job)))
    settle.start()
    until_blocked(db, settling.info.backend_pid)
    tying.commit()
    settle.join(10)
    assert answers == ["applied"]
    assert f.state(db, child) == "available"


def test_w1_parents_that_end_together_release_their_child_once(
    db: Connection, connect: Connect
) -> None:
    parents = f.enqueue_many(db, 2)
    child = f.enqueue(db, depends_on=parents)
    jobs = f.claim(db, f.join(db), 2)
    one, other = connect(autocommit=False), connect()
    f.settle(one, jobs[0])
    settle = threading.Thread(target=lambda: f.settle(other, jobs[1]))
    settle.start()
    until_blocked(db, other.info.backend_pid)
    one.commit()
    settle.join(10)
    assert f.state(db, child) == "available"
    assert f.value(db, "select waits_for from taskflow.job where id = %s", child) is None


def test_a_blocked_job_may_be_cancelled_and_its_own_children_with_it(db: Connection) -> None:
    parent = f.enqueue(db)
    child = f.enqueue(db, depends_on=[parent])
    grandchild = f.enqueue(db, depends_on=[child])
    assert f.call(db, "cancel", id=child) == "cancelled"
    assert f.state(db, grandchild) == "cancelled"
    assert run(db, f.join(db)) == [parent]


def test_a_delay_counts_from_enqueueing_and_holds_behind_the_parents(db: Connection) -> None:
    parent = f.enqueue(db)
    child = f.enqueue(db, depends_on=[parent], delay=timedelta(hours=1))
    worker = f.join(db)
    run(db, worker)
    assert f.state(db, child) == "scheduled"
    f.advance(db, 3601)
    assert run(db, worker) == [child]
