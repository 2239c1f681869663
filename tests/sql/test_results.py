"""Results in pieces through the SQL door: fenced, put together, bounded, and never left behind."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support.races import running

Connection = psycopg.Connection[Any]
RESULT = {"text": "äöü" * 1000, "rows": list(range(1000))}
RAW = json.dumps(RESULT, ensure_ascii=False).encode()


def put(db: Connection, job: Any, raw: bytes = RAW, size: int = 1000) -> set[str]:
    """Cut anywhere, in the middle of a character too."""
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    return {put_one(db, job, place, piece) for place, piece in enumerate(pieces)}


def put_one(db: Connection, job: Any, place: int, piece: bytes) -> str:
    given = {"id": job.id, "claim_no": job.claim_no, "place": place, "bytes": piece}
    return str(f.call(db, "put_result", **given))


def reference(job: Any, raw: bytes = RAW, **other: Any) -> Any:
    stored = {"store": "postgres", "claim_no": job.claim_no, "bytes": len(raw)}
    return Jsonb({"$stored": stored | other})


def get(db: Connection, job_id: int) -> Any:
    return f.value(db, "select taskflow.get_result(%s)", job_id)


def chunks(db: Connection) -> int:
    return int(f.value(db, "select count(*) from taskflow.result_chunk"))


def sweep(db: Connection, seconds: float = 7200) -> None:
    f.maintain(db)
    f.advance(db, seconds)
    f.maintain(db)
    f.maintain(db)
    f.advance(db, -seconds)


def test_pieces_come_back_as_one_result(db: Connection) -> None:
    _, (job,) = running(db)
    assert put(db, job) == {"applied"}
    assert get(db, job.id) is None
    assert f.settle(db, job, result=reference(job)) == "applied"
    assert get(db, job.id) == RESULT


def test_a_result_that_is_not_in_pieces_comes_back_as_it_is(db: Connection) -> None:
    _, jobs = running(db, 3)
    given: list[Any] = [{"a": 1}, None, ["$stored"]]
    for job, result in zip(jobs, given, strict=True):
        f.settle(db, job, result=Jsonb(result))
    assert [get(db, job.id) for job in jobs] == given
    assert get(db, 2**60) is None


def test_f1_a_lost_claim_stores_nothing_and_disturbs_nothing(db: Connection) -> None:
    _, (old,) = running(db)
    f.lose(db, [old])
    (new,) = f.claim(db, f.join(db))
    assert put(db, new) == {"applied"}
    assert put(db, old, b'"late"') == {"stale"}
    f.settle(db, new, result=reference(new))
    assert put(db, new, b'"again"') == {"stale"}, "it has its result"
    assert put(db, old, b'"late"') == {"stale"}
    assert get(db, new.id) == RESULT


def test_u4_pieces_sent_again_count_once(db: Connection) -> None:
    _, (job,) = running(db)
    put(db, job, b'"something longer that was begun before"', 10)
    for place, piece in [(0, RAW[:100]), (0, RAW[:100]), (1, RAW[100:]), (1, RAW[100:])]:
        assert put_one(db, job, place, piece) == "applied"
    f.settle(db, job, result=reference(job))
    assert get(db, job.id) == RESULT


def test_a_handlers_own_transaction_may_have_settled_before_the_result_was_known(
    db: Connection,
) -> None:
    _, (job,) = running(db)
    f.settle(db, job)
    assert put(db, job) == {"applied"}
    result = {"id": job.id, "claim_no": 1, "result": reference(job)}
    f.call(db, "set_result", **result)
    assert get(db, job.id) == RESULT
    assert put(db, job) == {"stale"}


def test_all_pieces_together_have_a_bound(db: Connection) -> None:
    db.execute("update taskflow.config set value = '2500' where name = 'max_result_bytes'")
    _, (job,) = running(db)
    assert put_one(db, job, 0, b"x" * 1000) == "applied"
    assert put_one(db, job, 1, b"x" * 1500) == "applied"
    with pytest.raises(psycopg.Error) as error:
        put_one(db, job, 2, b"x")
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF114", True)


@pytest.mark.parametrize(
    ("other", "said"),
    [({"bytes": len(RAW) + 1}, "not whole"), ({"claim_no": 7}, "not whole"),
     ({"store": "s3"}, "in the store 's3'"), ({"store": None}, "in the store NULL")],
)  # fmt: skip
def test_what_is_not_all_there_is_an_error_and_no_result(
    db: Connection, other: dict[str, Any], said: str
) -> None:
    _, (job,) = running(db)
    put(db, job)
    f.settle(db, job, result=reference(job, **other))
    with pytest.raises(psycopg.Error, match=said) as error:
        get(db, job.id)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF170", True)


def test_a_reference_reads_only_its_own_jobs_pieces(db: Connection) -> None:
    _, (job, thief) = running(db, 2)
    put(db, job)
    f.settle(db, job, result=reference(job))
    f.settle(db, thief, result=reference(thief))
    with pytest.raises(psycopg.Error, match="not whole"):
        get(db, thief.id)


def test_p1_upkeep_removes_pieces_that_no_settle_has_followed_and_no_others(
    db: Connection,
) -> None:
    _, (done, failed, orphan) = running(db, 3)
    f.enqueue(db, queue="slow")
    (held,) = f.claim(db, f.join(db, "slow"), 1, "slow", lease=timedelta(minutes=10))
    for job in (done, failed, orphan, held):
        put(db, job)
    before = chunks(db)
    f.settle(db, done, result=reference(done))
    f.settle(db, failed, "failed")
    f.lose(db, [orphan])
    sweep(db, 1800)
    assert chunks(db) == before, "not before its time"
    sweep(db)
    left = {row.job_id for row in f.rows(db, "select job_id from taskflow.result_chunk")}
    assert left == {done.id, held.id}
    sweep(db)
    assert get(db, done.id) == RESULT


def test_p1_pieces_are_kept_as_long_as_history_is(db: Connection) -> None:
    f.maintain(db)
    _, (job,) = running(db)
    put(db, job)
    f.advance(db, 86400)
    db.execute(
        "update taskflow.job set lease_until = taskflow.now() + interval '1 min' where id = %s",
        (job.id,),
    )
    f.maintain(db)
    f.settle(db, job, result=reference(job))
    f.advance(db, 14 * 86400)
    sweep(db, 0)
    assert get(db, job.id) == RESULT
    f.advance(db, 2 * 86400)
    sweep(db, 0)
    assert (f.state(db, job.id), chunks(db)) == (None, 0)
