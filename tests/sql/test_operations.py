"""Operations: every job once, what is refused refused alone, stopped, resumed and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.support import factories as f

Connection = psycopg.Connection[Any]


def start(db: Connection, verb: str, params: dict[str, Any] | None = None, **options: Any) -> int:
    id = f.call(db, "start_operation", verb=verb, filter={}, params=params or {}, **options)
    return int(id)


def act(db: Connection, operation: int, ids: list[int], after: int = 0) -> str:
    answer = f.value(
        db, "select taskflow.operate(%s, %s, %s::bigint[])", operation, after, ids
    )  # fmt: skip
    return str(answer)


def seen(db: Connection, operation: int) -> Any:
    (found,) = f.rows(db, "select * from taskflow.operation where id = %s", operation)
    return found


def outcomes(db: Connection, operation: int) -> list[str]:
    found = f.rows(
        db,
        "select outcome from taskflow.operation_item where operation_id = %s order by job_id",
        operation,
    )
    return [row.outcome for row in found]


def test_it_is_done_by_a_job_and_says_who_and_why(db: Connection) -> None:
    operation = start(db, "cancel", reason="wrong list", expected=3)
    found = seen(db, operation)
    job = f.job(db, found.job_id)
    assert (job.task, job.args) == ("taskflow.operate", {"operation_id": operation})
    assert (found.created_by, found.reason, found.expected) == ("postgres", "wrong list", 3)


def test_each_job_is_served_and_what_cannot_be_is_refused_alone(db: Connection) -> None:
    ids = f.enqueue_many(db, 3)
    (job,) = f.claim(db, f.join(db))
    f.settle(db, job)
    operation = start(db, "discard")
    assert act(db, operation, ids) == "running"
    assert outcomes(db, operation) == ["refused", "discarded", "discarded"]
    assert act(db, operation, [], after=ids[-1]) == "done"
    found = seen(db, operation)
    assert (found.done, found.refused, found.state) == (2, 1, "done")


def test_a_run_that_was_overtaken_does_nothing(db: Connection) -> None:
    first, second = f.enqueue_many(db, 2)
    operation = start(db, "cancel")
    act(db, operation, [first])
    assert act(db, operation, [first, second]) == "overtaken"
    assert f.state(db, second) == "available"


def test_a_cancelled_one_stops_where_it_stands(db: Connection) -> None:
    first, second = f.enqueue_many(db, 2)
    operation = start(db, "cancel")
    act(db, operation, [first])
    assert f.call(db, "cancel_operation", id=operation) is True
    assert f.call(db, "cancel_operation", id=operation) is False
    assert act(db, operation, [second], after=first) == "cancelled"
    assert (f.state(db, first), f.state(db, second)) == ("cancelled", "available")


@pytest.mark.parametrize("verb", ["cancel", "reschedule", "move", "priority"])
def test_what_can_be_taken_back_is(db: Connection, verb: str) -> None:
    due = f.value(db, "select taskflow.now() + interval '1 hour'")
    jobs = [f.enqueue(db, run_at=due, queue="a") for _ in range(2)]
    later = (due + timedelta(hours=5)).isoformat()
    params = {"reschedule": {"run_at": later}, "move": {"queue": "b"},
              "priority": {"priority": "low"}}.get(verb)  # fmt: skip
    before = [(f.job(db, id).run_at, f.job(db, id).queue, f.job(db, id).priority) for id in jobs]
    operation = start(db, verb, params)
    act(db, operation, jobs)
    changed = f.job(db, jobs[0])
    assert (changed.state, changed.run_at, changed.queue, changed.priority) != (
        "scheduled",
        *before[0],
    )
    undo = f.call(db, "undo_operation", id=operation)
    assert seen(db, operation).state == "cancelled"  # what was left of it would be done again
    act(db, undo, jobs)
    assert outcomes(db, undo) == ["undone", "undone"]
    after = [(f.job(db, id).run_at, f.job(db, id).queue, f.job(db, id).priority) for id in jobs]
    assert after == before
    assert {f.state(db, id) for id in jobs} == {"scheduled"}


def test_jobs_that_have_gone_on_are_not_taken_back(db: Connection) -> None:
    (id,) = f.enqueue_many(db, 1)
    operation = start(db, "priority", {"priority": "high"})
    act(db, operation, [id])
    (job,) = f.claim(db, f.join(db))
    assert job.priority == 1
    undo = f.call(db, "undo_operation", id=operation)
    act(db, undo, [id])
    assert outcomes(db, undo) == ["refused"]


def test_a_retry_cannot_be_taken_back(db: Connection) -> None:
    operation = start(db, "retry")
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "undo_operation", id=operation)
    assert error.value.sqlstate == "TF121"


@pytest.mark.parametrize(
    ("verb", "params", "options"),
    [
        ("explode", {}, {}),
        ("undo", {}, {}),
        ("move", {}, {}),
        ("reschedule", {"queue": "x"}, {}),
        ("cancel", {}, {"rate": 0}),
    ],
)
def test_bad_operations_are_refused(
    db: Connection, verb: str, params: dict[str, Any], options: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.Error) as error:
        start(db, verb, params, **options)
    assert error.value.sqlstate == "TF111"


def test_they_are_pruned_with_history(db: Connection) -> None:
    (id,) = f.enqueue_many(db, 1)
    operation = start(db, "cancel")
    act(db, operation, [id])
    act(db, operation, [], after=id)
    f.advance(db, 15 * 86_400)
    f.maintain(db)
    assert f.value(db, "select count(*) from taskflow.operation") == 0
    assert f.value(db, "select count(*) from taskflow.operation_item") == 0


def test_moving_keeps_a_unique_key_unique(db: Connection) -> None:
    f.enqueue(db, queue="a", unique_key="k")
    other = f.enqueue(db, queue="b", unique_key="k")
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "move_job", id=other, queue="a")
    assert error.value.sqlstate == "TF123"


def test_a_moved_job_comes_under_the_limits_of_its_new_queue(db: Connection) -> None:
    f.call(db, "set_limit", name="l", queue="b", concurrency=1)
    ids = f.enqueue_many(db, 2, queue="a")
    for id in ids:
        f.call(db, "move_job", id=id, queue="b")
    assert len(f.claim(db, f.join(db, "b"), 5, "b")) == 1
