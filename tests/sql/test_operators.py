"""What people do to jobs: cancel, retry, discard, requeue, reschedule, pause and resume."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.notices import Listener

Connection = psycopg.Connection[Any]


def running(db: Connection, **options: Any) -> Any:
    f.enqueue(db, **options)
    (claimed,) = f.claim(db, f.join(db))
    return claimed


def dead(db: Connection, **options: Any) -> int:
    error = options.pop("error", {"class": "E", "fingerprint": "fp"})
    claimed = running(db, **options, max_attempts=1)
    f.settle(db, claimed, "failed", error=error)
    return int(claimed.id)


def refused(db: Connection, verb: str, code: str, **options: Any) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call(db, verb, **options)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == (code, True)


# --- cancel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 3600])
def test_x1_a_waiting_job_is_cancelled_at_once(db: Connection, delay: int) -> None:
    job = f.enqueue(db, delay=timedelta(seconds=delay), unique_key="k")
    assert f.call(db, "cancel", id=job, reason="no more") == "cancelled"
    assert (f.state(db, job), f.job(db, job).reason) == ("cancelled", "no more")
    assert f.call(db, "cancel", id=job) == "finished"
    assert f.enqueue(db, unique_key="k") != job


def test_x2_a_running_job_is_asked_and_its_worker_told(db: Connection, connect: Connect) -> None:
    job = running(db)
    worker = f.job(db, job.id).worker_id
    with Listener(connect()) as listener:
        assert f.call(db, "cancel", id=job.id) == "requested"
        assert listener.heard() == [f"cancel {worker}"]
    assert (f.state(db, job.id), f.job(db, job.id).cancel_requested) == ("running", True)
    assert [row.verdict for row in f.renew(db, worker, [job])] == ["cancel"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("completed", "succeeded"), ("cancelled", "cancelled"), ("failed", "cancelled"),
     ("snoozed", "cancelled"), ("released", "cancelled"), ("discarded", "dead")],
)  # fmt: skip
def test_x2_whatever_the_worker_answers_is_the_end(
    db: Connection, outcome: str, state: str
) -> None:
    job = running(db)
    f.call(db, "cancel", id=job.id, reason="enough")
    assert f.settle(db, job, outcome) == "applied"
    assert f.state(db, job.id) == state
    assert f.value(db, "select count(*) from taskflow.job") == 0


def test_cancel_speaks_for_its_tenant_only(db: Connection) -> None:
    job = f.enqueue(db, tenant="acme")
    refused(db, "cancel", "TF120", id=job)
    db.execute("set taskflow.tenant = 'acme'")
    assert f.call(db, "cancel", id=job) == "cancelled"


# --- retry, discard, requeue ----------------------------------------------------------------------


def test_retry_gives_a_dead_job_all_its_attempts_and_keeps_its_identity(db: Connection) -> None:
    job = dead(db, args={"a": 1}, priority="high", tags=["t"], unique_key="k")
    before = f.job(db, job)
    f.call(db, "retry", id=job)
    after = f.job(db, job)
    kept = ("id", "created_at", "claim_no", "args", "priority", "tags", "unique_key", "created_by")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert (after.state, after.attempt, after.lost) == ("available", 0, 0)


def test_retry_of_a_waiting_job_is_now(db: Connection) -> None:
    job = running(db)
    f.settle(db, job, "failed", delay=timedelta(hours=1))
    f.call(db, "retry", id=job.id)
    assert f.claim(db, f.join(db))[0].attempt == 2


def test_retry_of_a_cancelled_job_leaves_one_row(db: Connection) -> None:
    job = f.enqueue(db)
    for _ in range(3):
        f.call(db, "cancel", id=job)
        f.call(db, "retry", id=job)
    assert f.state(db, job) == "available"


def test_retry_refuses_what_runs_has_succeeded_or_would_double_a_key(db: Connection) -> None:
    job = running(db)
    refused(db, "retry", "TF121", id=job.id)
    f.settle(db, job)
    refused(db, "retry", "TF121", id=job.id)


def test_f6_retry_against_a_live_key_is_a_named_conflict_and_loses_nothing(db: Connection) -> None:
    job = dead(db, unique_key="k")
    holder = f.enqueue(db, unique_key="k")
    refused(db, "retry", "TF123", id=job)
    assert (f.state(db, job), f.state(db, holder)) == ("dead", "available")
    f.call(db, "cancel", id=holder)
    f.call(db, "retry", id=job)
    assert f.state(db, job) == "available"


def test_discard_moves_the_dead_to_history_and_cancels_the_waiting(db: Connection) -> None:
    job, waiting = dead(db), f.enqueue(db)
    for number in (job, waiting):
        db.execute("select taskflow.discard(%s, 'rubbish')", (number,))
        assert (f.state(db, number), f.job(db, number).reason) == ("cancelled", "rubbish")
        refused(db, "discard", "TF121", id=number)
    refused(db, "discard", "TF121", id=running(db).id)


def test_requeue_takes_what_matches_oldest_first(db: Connection) -> None:
    kinds = [("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"), ("a", "x")]
    jobs = [dead(db, task=task, error={"fingerprint": fingerprint}) for task, fingerprint in kinds]
    (answer,) = f.call_rows(db, "requeue", task="a", fingerprint="x", max_jobs=2)
    assert (answer.requeued, answer.conflicts) == (2, 0)
    assert [f.state(db, job) for job in jobs] == ["available", "dead", "dead", "available", "dead"]
    (answer,) = f.call_rows(db, "requeue")
    assert answer.requeued == 3


def test_f6_requeue_passes_over_conflicts(db: Connection) -> None:
    jobs = [dead(db, unique_key="k") for _ in range(3)]
    (answer,) = f.call_rows(db, "requeue")
    assert (answer.requeued, answer.conflicts) == (1, 2)
    assert [f.state(db, job) for job in jobs] == ["available", "dead", "dead"]


def test_requeue_stays_within_the_tenant(db: Connection) -> None:
    f.enqueue(db, tenant="acme", max_attempts=1)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, "failed", tenant="acme")
    assert f.call_rows(db, "requeue")[0].requeued == 0
    assert f.call_rows(db, "requeue", tenant="acme")[0].requeued == 1


def test_a_job_moved_into_the_past_is_due_now_and_not_since_then(db: Connection) -> None:
    job = f.enqueue(db, delay=timedelta(hours=1))
    before = f.value(db, "select taskflow.now()")
    f.call(db, "reschedule", id=job, run_at=before - timedelta(days=400))
    assert before <= f.job(db, job).run_at <= f.value(db, "select taskflow.now()")
    assert f.state(db, job) == "available"


def test_reschedule_moves_a_waiting_job_only(db: Connection, connect: Connect) -> None:
    job = f.enqueue(db, delay=timedelta(hours=1))
    f.call(db, "wait_for_work", worker_id=f.join(db), queues=["default"])
    with Listener(connect()) as listener:
        f.call(db, "reschedule", id=job, run_at=f.value(db, "select now()"))
        assert listener.heard() == ["queue default"]
    (claimed,) = f.claim(db, f.join(db))
    refused(db, "reschedule", "TF121", id=job, run_at="now")
    f.settle(db, claimed)
    refused(db, "reschedule", "TF121", id=job, run_at="now")


# --- pause and resume -----------------------------------------------------------------------------


def test_a_paused_queue_gives_nothing_and_running_jobs_go_on(db: Connection) -> None:
    job = running(db)
    f.enqueue(db)
    f.call(db, "pause_queue", queue="default", reason="deploy")
    worker = f.join(db)
    assert f.claim(db, worker, 10) == []
    assert f.settle(db, job) == "applied"
    assert f.call(db, "resume_queue", queue="default") is True
    assert f.call(db, "resume_queue", queue="default") is False
    assert f.call(db, "resume_queue", queue="never-seen") is False
    assert len(f.claim(db, worker, 10)) == 1


def test_a_pause_may_end_by_itself(db: Connection, connect: Connect) -> None:
    f.enqueue(db)
    until = f.value(db, "select taskflow.now() + interval '10 min'")
    f.call(db, "pause_queue", queue="default", resume_at=until)
    worker = f.join(db)
    assert f.claim(db, worker) == []
    f.advance(db, 601)
    assert len(f.claim(db, worker)) == 1
    f.maintain(db)
    assert f.value(db, "select paused_at from taskflow.queue where name = 'default'") is None


@pytest.mark.parametrize("paused", ["default", "acme"])
def test_a_pause_binds_one_tenant(db: Connection, paused: str) -> None:
    jobs = {tenant: f.enqueue(db, tenant=tenant) for tenant in ("default", "acme", "zeta")}
    f.call(db, "pause_queue", queue="default", tenant=paused)
    taken = {job.tenant for job in f.claim(db, f.join(db), 10)}
    assert taken == set(jobs) - {paused}


def test_a_pause_of_one_queue_leaves_the_others(db: Connection) -> None:
    for queue in ("a", "b"):
        f.enqueue(db, queue=queue)
    f.call(db, "pause_queue", queue="a")
    assert [job.queue for job in f.claim(db, f.join(db), 5, "a", "b")] == ["b"]


def test_a_tenant_whose_queue_row_was_lost_is_served_again_after_upkeep(
    db: Connection, connect: Connect
) -> None:
    """Two first enqueues at once: the one that makes the row rolls back, the other relied on it."""
    first = connect(autocommit=False)
    f.enqueue(first, tenant="acme")
    f.enqueue(db, tenant="acme")
    first.rollback()
    f.call(db, "pause_queue", queue="default")
    f.maintain(db)
    assert [job.tenant for job in f.claim(db, f.join(db), 5)] == ["acme"]


def test_resume_wakes_the_sleepers(db: Connection, connect: Connect) -> None:
    f.call(db, "pause_queue", queue="default")
    f.call(db, "wait_for_work", worker_id=f.join(db), queues=["default"])
    with Listener(connect()) as listener:
        f.call(db, "resume_queue", queue="default")
        assert listener.heard() == ["queue default"]


# --- tasks and waiting ----------------------------------------------------------------------------


def test_publishing_again_writes_only_what_changed(db: Connection) -> None:
    def publish(timeout: str) -> list[Any]:
        tasks = [{"name": "a", "timeout": timeout}, {"name": "b", "args_schema": {"x": 1}}]
        db.execute("select taskflow.publish_tasks(%s)", (Jsonb(tasks),))
        return f.rows(db, "select name, published_at from taskflow.task order by name")

    first, same, changed = publish("1 s"), publish("1 s"), publish("2 s")
    assert first == same
    assert (changed[0] != first[0], changed[1] == first[1]) == (True, True)


def test_wait_for_work_tells_when_the_next_job_falls_due(db: Connection) -> None:
    worker = f.join(db, "a", "b")
    assert f.call(db, "wait_for_work", worker_id=worker, queues=["a", "b"]) is None
    f.enqueue(db, queue="b", delay=timedelta(minutes=5), priority="low")
    f.enqueue(db, queue="a", delay=timedelta(minutes=9))
    f.enqueue(db, queue="c", delay=timedelta(minutes=1))
    wait = f.call(db, "wait_for_work", worker_id=worker, queues=["a", "b"])
    assert 298 < wait <= 300
