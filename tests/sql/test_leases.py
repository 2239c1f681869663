"""Leases: renewing, losing, reaping in two looks, and the clock that all of it hangs on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import Connect
from tests.support import factories as f

Connection = psycopg.Connection[Any]


def started(db: Connection, count: int = 1, **options: Any) -> tuple[int, list[Any]]:
    f.enqueue_many(db, count)
    worker = f.join(db)
    return worker, f.claim(db, worker, count, **options)


def test_l1_intervals_of_different_claims_never_overlap(db: Connection) -> None:
    """A job is free only after its lease, whoever looks for it and however often."""
    _, (job,) = started(db)
    other = f.join(db)
    for _ in range(3):
        f.call(db, "reap")
        assert f.claim(db, other) == []
        f.advance(db, 9)
    f.advance(db, 4)  # 31 s
    f.call(db, "reap")
    assert f.claim(db, other) == [], "one look is not enough"
    f.advance(db, 16)
    f.call(db, "reap")
    (again,) = f.claim(db, other)
    assert f.job(db, job.id).started_at > job.lease_until
    assert again.claim_no == job.claim_no + 1


def test_l3_renew_sets_the_lease_from_now_and_touches_only_its_own(db: Connection) -> None:
    worker, jobs = started(db, 3)
    f.advance(db, 20)
    assert f.renew(db, worker, jobs[:2]) == []
    leases = [f.job(db, job.id).lease_until - jobs[0].lease_until for job in jobs]
    assert [round(lease.total_seconds()) for lease in leases] == [20, 20, 0]
    assert f.job(db, jobs[0].id).claim_no == 1


def test_l3_renew_follows_a_clock_that_leapt_back(db: Connection) -> None:
    worker, jobs = started(db)
    f.advance(db, -3600)
    assert f.renew(db, worker, jobs) == []
    assert f.job(db, jobs[0].id).lease_until < jobs[0].lease_until - timedelta(minutes=59)


def test_l3_renew_tells_the_lost_and_the_cancelled(db: Connection) -> None:
    worker, jobs = started(db, 4)
    kept, done, stolen, unwanted = jobs
    f.settle(db, done)
    f.settle(db, stolen, "released")
    (again,) = f.claim(db, f.join(db))
    assert again.id == stolen.id
    assert f.call(db, "cancel", id=unwanted.id) == "requested"
    told = {row.id: row.verdict for row in f.renew(db, worker, jobs)}
    assert told == {done.id: "lost", stolen.id: "lost", unwanted.id: "cancel"}
    assert f.job(db, stolen.id).lease_until == again.lease_until
    assert f.state(db, kept.id) == "running"


def test_l4_a_row_locked_by_somebody_else_holds_up_no_other_lease(
    db: Connection, connect: Connect
) -> None:
    """A long transaction that ends with settle, or an operator who left one open after cancel."""
    worker, jobs = started(db, 3)
    user, operator = connect(autocommit=False), connect(autocommit=False)
    f.settle(user, jobs[0])
    f.call(operator, "cancel", id=jobs[1].id)
    db.execute("set lock_timeout = '1s'")
    f.advance(db, 20)
    told = {row.id: row.verdict for row in f.renew(db, worker, jobs)}
    assert told == {jobs[0].id: "locked", jobs[1].id: "locked"}, "nothing is lost or cancelled yet"
    leases = [f.job(db, job.id).lease_until > job.lease_until for job in jobs]
    assert leases == [False, False, True]
    user.commit()
    operator.commit()
    told = {row.id: row.verdict for row in f.renew(db, worker, jobs)}
    assert told == {jobs[0].id: "lost", jobs[1].id: "cancel"}


def test_l2_a_lease_that_was_not_extended_is_told_as_such(db: Connection, connect: Connect) -> None:
    """Who believed it extended could run on after a reaper has taken the job."""
    worker, (job,) = started(db)
    f.call(db, "cancel", id=job.id)
    with connect(autocommit=False) as holder:
        holder.execute("select from taskflow.job where id = %s for update", (job.id,))
        f.advance(db, 20)
        told = f.renew(db, worker, [job])
        assert sorted(row.verdict for row in told) == ["cancel", "locked"], "both are true"
        assert {(row.id, row.claim_no) for row in told} == {(job.id, job.claim_no)}
        assert f.job(db, job.id).lease_until == job.lease_until
    assert [row.verdict for row in f.renew(db, worker, [job])] == ["cancel"]
    assert f.job(db, job.id).lease_until > job.lease_until


def test_l6_each_lease_stands_in_its_row(db: Connection) -> None:
    """Two releases with different leases may run side by side."""
    f.enqueue_many(db, 2)
    (short,) = f.claim(db, f.join(db), lease=timedelta(seconds=5))
    (long,) = f.claim(db, f.join(db), lease=timedelta(minutes=5))
    f.advance(db, 6)
    f.call(db, "reap")
    f.advance(db, 16)
    assert f.call(db, "reap") == 1
    assert (f.state(db, short.id), f.state(db, long.id)) == ("available", "running")


def test_u3_renew_can_be_repeated(db: Connection) -> None:
    worker, jobs = started(db, 2)
    for batch in (None, jobs[0].batch_id, jobs[0].batch_id):
        assert f.renew(db, worker, jobs, up_to_batch=batch) == []
    assert f.value(db, "select count(*) from taskflow.claim_batch") == 1


def test_the_roll_call_makes_one_batch_of_many_and_forgets_the_settled(db: Connection) -> None:
    f.enqueue_many(db, 6)
    worker = f.join(db)
    jobs = [f.claim(db, worker)[0] for _ in range(6)]
    for job in jobs[:3]:
        f.settle(db, job)
    f.renew(db, worker, jobs[3:5], up_to_batch=jobs[4].batch_id)
    batches = f.rows(db, "select id, job_ids from taskflow.claim_batch order by id")
    assert [sorted(batch.job_ids) for batch in batches] == [
        [jobs[3].id, jobs[4].id],
        [jobs[5].id],
    ]
    assert f.lose(db) == 3


def test_renew_keeps_the_workers_own_row(db: Connection) -> None:
    worker, jobs = started(db)
    report: dict[str, Any] = {
        "running": 3,
        "finished": 10,
        "failed": 1,
        "stale": 2,
        "memory_bytes": 5_000_000_000,
        "listening": True,
        "state": "draining",
        "unknown_tasks": ["a"],
    }
    f.renew(db, worker, jobs, report=report)
    (row,) = f.rows(db, "select * from taskflow.worker where id = %s", worker)
    assert {key: getattr(row, key) for key in report} == report
    f.renew(db, worker, jobs)
    assert f.rows(db, "select * from taskflow.worker")[0].finished == 10
    db.execute("select taskflow.leave_worker(%s)", (worker,))
    with pytest.raises(psycopg.Error) as error:
        f.renew(db, worker, jobs)
    assert error.value.sqlstate == "TF140"


@pytest.mark.parametrize("lease", ["1 ms", "1 hour", "-30 s", None, "0"])
@pytest.mark.parametrize("verb", ["claim", "renew", "join_worker"])
def test_a_lease_out_of_range_is_refused(db: Connection, verb: str, lease: str | None) -> None:
    worker, jobs = started(db)
    f.enqueue(db)
    given: dict[str, dict[str, Any]] = {
        "claim": {"worker_id": worker},
        "renew": {"worker_id": worker, "ids": [jobs[0].id], "claim_nos": [1]},
        "join_worker": {"name": "w"},
    }
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, verb, lease=lease, **given[verb])
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF112", True)
    assert f.job(db, jobs[0].id).lease_until == jobs[0].lease_until


# --- reaping --------------------------------------------------------------------------------------


def test_r1_what_was_renewed_between_the_looks_is_not_taken(db: Connection) -> None:
    worker, jobs = started(db, 2)
    f.advance(db, 31)
    f.call(db, "reap")
    f.renew(db, worker, jobs[:1])
    f.advance(db, 16)
    f.call(db, "reap")
    f.advance(db, 16)
    f.call(db, "reap")
    assert f.job(db, jobs[0].id).claim_no == 1
    assert [f.state(db, job.id) for job in jobs] == ["running", "available"]


def test_r1_a_reaped_job_keeps_its_claim_number(db: Connection) -> None:
    _, (job,) = started(db)
    f.lose(db, [job])
    found = f.job(db, job.id)
    assert (found.claim_no, found.state, found.lost, found.attempt) == (1, "available", 1, 0)
    assert f.rows(db, "select outcome, claim_no from taskflow.attempt") == [("lost", 1)]


def test_r2_a_reaper_passes_over_what_another_holds(db: Connection, connect: Connect) -> None:
    _, jobs = started(db, 2)
    f.advance(db, 31)
    f.call(db, "reap")
    f.advance(db, 16)
    holder = connect(autocommit=False)
    holder.execute("select from taskflow.job where id = %s for update", (jobs[0].id,))
    db.execute("set lock_timeout = '1s'")
    assert f.call(db, "reap") == 1
    holder.rollback()
    f.call(db, "reap")
    f.advance(db, 16)
    assert f.call(db, "reap") == 1, "it is found by later looks"


def test_r2_many_lost_batches_do_not_queue_behind_each_other(db: Connection) -> None:
    """A hundred batches that wait for their second look must not hide the other hundreds."""
    f.enqueue_many(db, 350)
    worker = f.join(db)
    for _ in range(350):
        f.claim(db, worker)
    f.advance(db, 31)
    for _ in range(4):
        f.call(db, "reap")
    f.advance(db, 16)
    assert [f.call(db, "reap") for _ in range(4)] == [100, 100, 100, 50]


def test_r3_r4_reaping_needs_no_worker_and_no_task(db: Connection) -> None:
    _, jobs = started(db)
    db.execute("delete from taskflow.worker")
    f.lose(db, jobs)
    assert f.state(db, jobs[0].id) == "available"


def test_r5_after_an_outage_live_workers_get_time_to_renew(db: Connection) -> None:
    """Every lease is expired when the database comes back; the first look takes nothing."""
    worker, jobs = started(db, 5)
    f.advance(db, 3600)
    assert f.call(db, "reap") == 0
    assert f.call(db, "reap") == 0
    assert f.renew(db, worker, jobs) == []
    f.advance(db, 16)
    assert f.call(db, "reap") == 0
    assert all(f.settle(db, job) == "applied" for job in jobs)


def test_r6_a_lease_from_a_clock_ahead_counts_as_expired(db: Connection) -> None:
    """Claimed while the clock was an hour fast; the worker died; the clock was put right."""
    f.enqueue(db)
    worker = f.join(db)
    f.advance(db, 3600)
    (job,) = f.claim(db, worker)
    f.advance(db, -3600)
    f.call(db, "reap")
    f.advance(db, 16)
    assert f.call(db, "reap") == 1
    assert f.state(db, job.id) == "available"


def test_r6_a_live_worker_survives_a_clock_that_leapt_back(db: Connection) -> None:
    worker, jobs = started(db)
    f.advance(db, -3600)
    f.call(db, "reap")
    f.renew(db, worker, jobs)
    f.advance(db, 16)
    assert f.call(db, "reap") == 0


def test_a_lost_job_that_was_asked_to_stop_is_cancelled(db: Connection) -> None:
    _, jobs = started(db)
    f.call(db, "cancel", id=jobs[0].id, reason="enough")
    f.lose(db, jobs)
    assert (f.state(db, jobs[0].id), f.job(db, jobs[0].id).reason) == ("cancelled", "enough")


def test_maintain_finds_running_jobs_that_no_batch_leads_to(db: Connection) -> None:
    _, jobs = started(db)
    db.execute("delete from taskflow.claim_batch")
    f.advance(db, 31 + 600)
    f.maintain(db)
    assert f.call(db, "reap") == 0, "a live worker has the time to renew"
    f.advance(db, 16)
    assert f.call(db, "reap") == 1
    assert f.state(db, jobs[0].id) == "available"


def test_an_orphan_of_a_live_worker_is_taken_back_in_spite_of_its_roll_calls(
    db: Connection,
) -> None:
    """The batch that upkeep made for it was wiped by the worker, which knows nothing of it."""
    worker, (orphan, known) = started(db, 2)
    db.execute("delete from taskflow.claim_batch")
    f.advance(db, 700)
    f.renew(db, worker, [known])
    f.maintain(db)
    for _ in range(3):
        f.enqueue(db)
        (latest,) = f.claim(db, worker)
        f.settle(db, latest)
        f.renew(db, worker, [known], up_to_batch=latest.batch_id)
        f.call(db, "reap")
        f.advance(db, 16)
    assert f.job(db, orphan.id).lost == 1
    assert f.state(db, known.id) == "running"


def test_a_roll_call_keeps_a_suspected_batch_that_has_its_own_number(db: Connection) -> None:
    """The latest batch is late once: the reaper marks it, and the worker goes on."""
    worker, jobs = started(db, 2)
    f.advance(db, 31)
    f.call(db, "reap")
    f.enqueue(db)
    (more,) = f.claim(db, worker)
    for _ in range(3):
        assert f.renew(db, worker, [*jobs, more], up_to_batch=more.batch_id) == []
        f.advance(db, 16)
        assert f.call(db, "reap") == 0
    assert f.value(db, "select count(*) from taskflow.claim_batch") == 1
    f.lose(db, [*jobs, more])


def test_a_roll_call_of_several_tenants_keeps_each_led_to(db: Connection) -> None:
    for tenant in ("default", "acme"):
        f.enqueue_many(db, 2, tenant=tenant)
    worker = f.join(db)
    jobs = [job for _ in range(2) for job in f.claim(db, worker, 2)]
    assert len({job.tenant for job in jobs}) == 2
    tenants = [job.tenant for job in jobs]
    assert f.renew(db, worker, jobs, tenants=tenants, up_to_batch=jobs[-1].batch_id) == []
    led = f.rows(db, "select tenant, unnest(job_ids) as id from taskflow.claim_batch order by 2")
    assert led == [(job.tenant, job.id) for job in jobs]
    assert f.lose(db) == 4


def test_the_clock_moves_with_its_setting_and_only_in_that_session(
    db: Connection, connect: Connect
) -> None:
    other = connect()
    db.execute("set taskflow.clock_offset = '1 day'")
    difference = f.value(db, "select taskflow.now() - clock_timestamp()")
    assert round(difference.total_seconds()) == 86400
    assert abs(f.value(other, "select taskflow.now() - clock_timestamp()").total_seconds()) < 1
    db.execute("set taskflow.clock_offset = ''")
    assert abs(f.value(db, "select taskflow.now() - clock_timestamp()").total_seconds()) < 1
