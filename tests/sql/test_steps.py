"""Durable steps through the SQL door: saved once, by the holder, kept as long as needed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.races import running

Connection = psycopg.Connection[Any]
HOUR = 3600


def save(db: Connection, job: Any, name: str | None, result: Any = None) -> str:
    arguments = {"id": job.id, "claim_no": job.claim_no, "name": name, "result": Jsonb(result)}
    return str(f.call(db, "save_step", **arguments))


def steps(db: Connection, job_id: int) -> dict[str, Any]:
    return {row.name: row.result for row in f.call_rows(db, "get_steps", id=job_id)}


def sweep(db: Connection, seconds: float = 2 * HOUR) -> int:
    """What upkeep does about records so many seconds from now; partitions have been made before."""
    f.maintain(db)
    f.advance(db, seconds)
    try:
        f.maintain(db)
        return int(f.maintain(db)["records_swept"])
    finally:
        f.advance(db, -seconds)


def test_f1_a_step_is_saved_once(db: Connection) -> None:
    _, (job,) = running(db)
    assert save(db, job, "charge", {"id": 7}) == "applied"
    assert save(db, job, "charge", {"id": 8}) == "already"
    assert save(db, job, "mail", None) == "applied"
    assert steps(db, job.id) == {"charge": {"id": 7}, "mail": None}


def test_f1_a_wrong_claim_saves_nothing(db: Connection) -> None:
    _, (job,) = running(db)
    for wrong in ({"claim_no": 0}, {"claim_no": 2}, {"id": job.id + 1}, {"tenant": "acme"}):
        given = {"id": job.id, "claim_no": 1, "name": "s", "result": "1"} | wrong
        assert f.call(db, "save_step", **given) == "stale"
    f.settle(db, job, "failed", delay=timedelta(0))
    assert save(db, job, "s") == "stale", "a run that is settled has nothing to save"
    assert f.value(db, "select count(*) from taskflow.job_step") == 0


def test_f1_after_a_loss_the_old_claim_cannot_save_and_the_new_one_sees_what_was(
    db: Connection,
) -> None:
    _, (old,) = running(db)
    save(db, old, "charge", 1)
    f.lose(db, [old])
    assert save(db, old, "mail", "old") == "stale"
    (new,) = f.claim(db, f.join(db))
    assert save(db, old, "mail", "old") == "stale"
    assert steps(db, new.id) == {"charge": 1}
    assert save(db, new, "mail", "new") == "applied"
    assert save(db, old, "charge", 2) == "stale"
    assert steps(db, new.id) == {"charge": 1, "mail": "new"}


def test_f2_a_step_stands_or_falls_with_its_own_writes(db: Connection, connect: Connect) -> None:
    _, (job,) = running(db)
    user = connect(autocommit=False)
    save(user, job, "charge", 1)
    assert steps(db, job.id) == {}
    user.rollback()
    assert steps(db, job.id) == {}
    save(user, job, "charge", 2)
    user.commit()
    assert steps(db, job.id) == {"charge": 2}


def test_no_takeover_fits_between_a_step_and_its_commit_and_renewals_pass(
    db: Connection, connect: Connect
) -> None:
    worker, (job,) = running(db)
    user = connect(autocommit=False)
    save(user, job, "charge", 1)
    before = f.job(db, job.id).lease_until
    f.advance(db, 1)
    assert f.renew(db, worker, [job]) == []
    assert f.job(db, job.id).lease_until > before, "a renewal is not passed over for a step"
    f.advance(db, 31)
    f.call(db, "reap")
    f.advance(db, 16)
    assert f.call(db, "reap") == 0
    user.commit()
    f.advance(db, 31)
    f.call(db, "reap")
    f.advance(db, 16)
    assert f.call(db, "reap") == 1


@pytest.mark.parametrize("name", ["", None, "x" * 201, "a\nb", "a\x1bb", "\t"])
def test_a_bad_name_is_refused(db: Connection, name: str | None) -> None:
    _, (job,) = running(db)
    with pytest.raises(psycopg.Error) as error:
        save(db, job, name)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF110", True)


def test_names_are_texts_of_any_kind(db: Connection) -> None:
    _, (job,) = running(db)
    names = ["x" * 200, "é" * 200, "charge order 17", "'; drop table taskflow.job; --", " "]
    for name in names:
        assert save(db, job, name, name) == "applied"
    assert steps(db, job.id) == {name: name for name in names}


@pytest.mark.parametrize("result", ["x" * 1_048_576, json.loads("[" * 80 + "]" * 80)])
def test_a_result_has_bounds(db: Connection, result: Any) -> None:
    _, (job,) = running(db)
    with pytest.raises(psycopg.Error) as error:
        save(db, job, "s", result)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF114", True)


def test_the_number_of_steps_has_a_bound(db: Connection) -> None:
    db.execute("update taskflow.config set value = '2' where name = 'max_steps'")
    _, (job, other) = running(db, 2)
    assert [save(db, job, name) for name in ("a", "b")] == ["applied"] * 2
    with pytest.raises(psycopg.Error) as error:
        save(db, job, "c")
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF122", True)
    assert save(db, job, "a") == "already"
    assert save(db, other, "a") == "applied"


# --- what upkeep removes --------------------------------------------------------------------------


def test_p1_upkeep_removes_the_records_of_jobs_that_are_over_and_of_no_others(
    db: Connection,
) -> None:
    def recorded(**options: Any) -> Any:
        f.enqueue(db, **options)
        (job,) = f.claim(db, f.join(db), 1, lease=timedelta(minutes=10))
        save(db, job, "charge", 1)
        f.call(db, "progress", id=job.id, claim_no=job.claim_no, done=1)
        return job

    done, dead, cancelled, retrying, held = (recorded() for _ in range(5))
    f.settle(db, done)
    f.settle(db, dead, "discarded")
    f.settle(db, cancelled, "cancelled")
    f.settle(db, retrying, "failed", delay=timedelta(days=1))
    assert sweep(db, 600) == 0, "nothing is looked at before its time"
    assert len(steps(db, done.id)) == 1
    sweep(db)
    kept = {job.id for job in (dead, cancelled, retrying, held)}
    found = f.rows(db, "select job_id as id from taskflow.job_step")
    assert {row.id for row in found} == kept, "a dead or cancelled job may be run again"
    assert {row.id for row in f.rows(db, "select job_id as id from taskflow.job_progress")} == kept
    assert f.state(db, held.id) == "running"


def test_p1_a_job_run_again_from_the_dead_finds_its_steps(db: Connection) -> None:
    _, (job,) = running(db, max_attempts=1)
    save(db, job, "charge", 1)
    f.settle(db, job, "failed")
    sweep(db, 3 * 86400)
    f.call(db, "retry", id=job.id)
    (again,) = f.claim(db, f.join(db))
    assert (again.id, steps(db, again.id)) == (job.id, {"charge": 1})


def test_p1_records_go_with_the_dead_job_that_they_were_kept_for(db: Connection) -> None:
    _, (job,) = running(db, max_attempts=1)
    save(db, job, "charge", 1)
    f.settle(db, job, "failed")
    f.maintain(db)
    for _ in range(3):  # the dead job first, then what nobody needs any more
        f.advance(db, 31 * 86400)
        f.maintain(db)
        f.maintain(db)
    assert f.state(db, job.id) is None
    assert f.value(db, "select count(*) from taskflow.job_step") == 0
    assert f.value(db, "select count(*) from taskflow.job_progress") == 0


def test_upkeep_passes_rows_over_that_somebody_writes(db: Connection, connect: Connect) -> None:
    """It must not wait with other locks in hand, nor hold up those who report."""
    _, (job, other) = running(db, 2)
    for each in (job, other):
        f.call(db, "progress", id=each.id, claim_no=1, done=1)
        f.settle(db, each)
    user = connect(autocommit=False)
    user.execute("select from taskflow.job_progress where job_id = %s for update", (job.id,))
    assert sweep(db) == 0, "of two rows one was removed before, and one is another's"
    assert [row.job_id for row in f.rows(db, "select job_id from taskflow.job_progress")] == [
        job.id
    ]
    user.rollback()
    sweep(db)
    assert f.rows(db, "select job_id from taskflow.job_progress") == []


def test_upkeep_says_that_more_is_left_than_it_removes_at_once(db: Connection) -> None:
    f.maintain(db)
    db.execute(
        "insert into taskflow.job_progress (job_id, claim_no, look_at)"
        " select n, 1, taskflow.now() from generate_series(1, 50001) n"
    )
    first = f.call(db, "maintain")
    assert (first["records_swept"], first["more"]) == (50_000, True)
    second = f.call(db, "maintain")
    assert (second["records_swept"], second["more"]) == (1, False)
