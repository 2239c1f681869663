"""Batches: jobs that are counted together, and callbacks when the last has ended."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support import flows
from tests.support.flows import Failed

Connection = psycopg.Connection[Any]

CALLS = {
    "on_success": {"task": "ok", "args": {"x": 1}, "options": {"priority": "high"}},
    "on_failure": {"task": "ko"},
    "on_finish": {"task": "fin"},
}


def create(db: Connection, **given: Any) -> int:
    return int(f.call(db, "create_batch", **given))


def fill(db: Connection, batch: int, count: int, task: str = "t", **given: Any) -> list[int]:
    args = Jsonb([{"n": n} for n in range(count)])
    (row,) = f.call_rows(db, "add_to_batch", batch_id=batch, task=task, args=args, **given)
    assert row.refused is None
    return list(row.ids)


def batch(db: Connection, id: int) -> Any:
    (found,) = f.call_rows(db, "get_batch", id=id)
    assert found.pending == found.total - found.succeeded - found.dead - found.cancelled
    return found


def callbacks(db: Connection) -> list[str]:
    """The tasks of callback jobs so far."""
    jobs = f.rows(db, "select task from taskflow.job_view where meta ? 'batch' order by id")
    return [job.task for job in jobs]


def test_a_batch_ends_with_its_last_job(db: Connection) -> None:
    id = create(db, name="import", **CALLS)
    fill(db, id, 5)
    assert batch(db, id).state == "open"
    flows.work(db)
    assert (batch(db, id).state, batch(db, id).pending) == ("open", 0), "more may come"
    fill(db, id, 5, options={"queue": "other", "tags": ["x"]})
    assert f.call(db, "close_batch", id=id) is True
    assert f.call(db, "close_batch", id=id) is False
    assert batch(db, id).state == "running"
    worker = f.join(db, "other")
    for job in f.claim(db, worker, 9, "other"):
        assert callbacks(db) == []
        f.settle(db, job)
    found = batch(db, id)
    assert (found.state, found.total, found.succeeded) == ("succeeded", 10, 10)
    assert callbacks(db) == ["ok", "fin"]
    (ok, _) = f.rows(db, "select * from taskflow.job_view where meta ? 'batch' order by id")
    assert (ok.args, ok.priority) == ({"x": 1}, "high")
    assert ok.meta["batch"] == {
        "id": str(id), "name": "import", "total": 10, "succeeded": 10, "dead": 0, "cancelled": 0,
    }  # fmt: skip


def test_every_end_counts(db: Connection) -> None:
    id = create(db, **CALLS)
    jobs = fill(db, id, 4)
    f.call(db, "close_batch", id=id)
    f.call(db, "cancel", id=jobs[3])
    flows.work(db, lambda job: Failed() if job.args.get("n") == 1 else None, at_most=3)
    found = batch(db, id)
    assert (found.state, found.succeeded, found.dead, found.cancelled) == ("failed", 2, 1, 1)
    assert callbacks(db) == ["ko", "fin"]


def test_a_retried_job_reopens_its_batch_and_no_callback_comes_twice(db: Connection) -> None:
    id = create(db, **CALLS)
    jobs = fill(db, id, 3)
    f.call(db, "close_batch", id=id)
    flows.work(db, lambda job: Failed() if job.args.get("n") == 1 else None)
    assert batch(db, id).state == "failed"
    f.call(db, "retry", id=jobs[1])
    assert (batch(db, id).state, batch(db, id).pending) == ("running", 1)
    flows.work(db, lambda job: Failed() if job.args.get("n") == 1 else None)
    assert (batch(db, id).state, callbacks(db)) == ("failed", ["ko", "fin"])
    f.call(db, "retry", id=jobs[1])
    flows.work(db)
    assert (batch(db, id).state, callbacks(db)) == ("succeeded", ["ko", "fin", "ok"])


def test_an_empty_batch_ends_when_it_is_closed(db: Connection) -> None:
    id = create(db, **CALLS)
    f.call(db, "close_batch", id=id)
    assert (batch(db, id).state, callbacks(db)) == ("succeeded", ["ok", "fin"])


def test_jobs_enqueued_otherwise_may_be_put_in(db: Connection) -> None:
    """Also those that wait for others, run, or have ended."""
    done, running, first = (f.enqueue(db) for _ in range(3))
    worker = f.join(db)
    held = f.claim(db, worker, 2)
    f.settle(db, next(job for job in held if job.id == done))
    after = f.call(db, "enqueue", task="t", depends_on=[first])
    id = create(db)
    assert f.call(db, "put_in_batch", batch_id=id, ids=[done, running, after, first]) == 4
    assert f.call(db, "put_in_batch", batch_id=id, ids=[done, first]) == 0
    f.call(db, "close_batch", id=id)
    assert (batch(db, id).total, batch(db, id).succeeded) == (4, 1)
    f.settle(db, next(job for job in held if job.id == running))
    f.call(db, "cancel", id=first)
    found = batch(db, id)
    assert (found.state, found.succeeded, found.cancelled) == ("failed", 2, 2)
    assert f.state(db, after) == "cancelled", "which counts as well"


def test_what_a_batch_refuses(db: Connection) -> None:
    id, other = create(db), create(db)
    (job,) = fill(db, id, 1)
    f.call(db, "close_batch", id=id)
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("put_in_batch", {"batch_id": other, "ids": [job]}, "TF165"),
        ("put_in_batch", {"batch_id": id, "ids": [job]}, "TF165"),
        ("put_in_batch", {"batch_id": other, "ids": [10**9]}, "TF120"),
        ("put_in_batch", {"batch_id": other, "ids": list(range(10_001))}, "TF111"),
        ("put_in_batch", {"batch_id": 10**9, "ids": [job]}, "TF164"),
        ("close_batch", {"id": 10**9}, "TF164"),
        ("cancel_batch", {"id": 10**9}, "TF164"),
        ("create_batch", {"on_success": {"args": {}}}, "TF110"),
        ("create_batch", {"on_success": {"task": "t", "x": 1}}, "TF111"),
        ("create_batch", {"on_success": Jsonb("t")}, "TF111"),
        ("create_batch", {"on_finish": {"task": "t", "options": {"unique_key": "k"}}}, "TF111"),
        ("create_batch", {"on_finish": {"task": "t", "options": {"queue": "A B"}}}, "TF110"),
        ("create_batch", {"on_finish": {"task": "t", "options": {"max_attempts": "x"}}}, "TF111"),
        ("create_batch", {"on_failure": {"task": "t", "args": [1]}}, "TF113"),
        ("create_batch", {"name": "a\nb"}, "TF110"),
        ("create_batch", {"meta": Jsonb([1])}, "TF111"),
        ("add_to_batch", {"batch_id": other, "task": "t", "args": Jsonb([{}]),
                          "options": {"unique_key": "k"}}, "TF111"),
        ("add_to_batch", {"batch_id": other, "task": "t", "args": Jsonb([{}]),
                          "options": {"run_at": "soon"}}, "TF111"),
        ("add_to_batch", {"batch_id": other, "task": "t", "args": Jsonb({})}, "TF113"),
        ("add_to_batch", {"batch_id": id, "task": "t", "args": Jsonb([{}])}, "TF165"),
    ]  # fmt: skip
    for verb, given, code in cases:
        with pytest.raises(psycopg.Error) as error:
            f.call_rows(db, verb, **given)
        assert error.value.sqlstate == code, (verb, given, error.value)
    assert batch(db, other).total == 0


def test_one_bad_item_is_refused_alone(db: Connection) -> None:
    id = create(db)
    args = Jsonb([{"n": 1}, 5, {"n": 2}])
    (row,) = f.call_rows(db, "add_to_batch", batch_id=id, task="t", args=args)
    assert [item["position"] for item in row.refused] == [1]
    assert batch(db, id).total == 2


def test_cancel_of_a_batch(db: Connection) -> None:
    id = create(db, **CALLS)
    jobs = fill(db, id, 5)
    worker = f.join(db)
    held = f.claim(db, worker, 2)
    (done,) = f.call_rows(db, "cancel_batch", id=id, reason="wrong file")
    assert (done.cancelled, done.requested, done.remaining) == (3, 2, 0)
    assert f.job(db, jobs[4]).reason == "wrong file"
    assert batch(db, id).state == "running", "and closed"
    f.settle(db, held[0], "cancelled")
    f.settle(db, held[1])
    found = batch(db, id)
    assert (found.state, found.cancelled, found.succeeded) == ("failed", 4, 1)
    assert callbacks(db) == ["ko", "fin"]
    (again,) = f.call_rows(db, "cancel_batch", id=id)
    assert tuple(again) == (0, 0, 0)


def test_a_step_of_a_run_may_be_counted_too(db: Connection) -> None:
    run = flows.launch(db, {"a": {"task": "t"}, "b": {"task": "t", "needs": ["a"]}})
    (step, _) = flows.steps(db, run)
    id = create(db)
    f.call(db, "put_in_batch", batch_id=id, ids=[step.job_id])
    f.call(db, "close_batch", id=id)
    flows.work(db)
    assert (batch(db, id).state, flows.check_run(db, run)) == ("succeeded", "succeeded")


def test_a_job_knows_its_batch_and_old_ones_are_removed(db: Connection) -> None:
    id = create(db, name="import")
    (job,) = fill(db, id, 1)
    told = [row.sentence for row in f.call_rows(db, "explain", id=job)]
    assert told[-1] == f"It is in batch {id} (import), of which 1 jobs are left."
    f.call(db, "close_batch", id=id)
    flows.work(db)
    f.advance(db, 31 * 86_400)
    f.maintain(db)
    assert f.call_rows(db, "get_batch", id=id) == []
    assert f.value(db, "select count(*) from taskflow.batch_job") == 0
