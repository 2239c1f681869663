"""Unique jobs: where a key holds, how long, and what a second job with it does."""

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
HOUR = timedelta(hours=1)


def put(db: Connection, task: str = "t", **options: Any) -> tuple[int, str]:
    (answer,) = f.call_rows(db, "enqueue_job", task=task, **options)
    return answer.id, answer.outcome


def test_a_key_of_arguments_is_the_named_ones_alone(db: Connection) -> None:
    first = put(db, args={"order": 7, "note": "a"}, unique_by=["order"])
    assert first[1] == "enqueued"
    assert put(db, args={"order": 7, "note": "b"}, unique_by=["order"]) == (first[0], "existing")
    assert put(db, args={"order": 8}, unique_by=["order"])[1] == "enqueued"
    assert put(db, args={"order": 7, "note": "b"}, unique_by=["*"])[1] == "enqueued"
    assert put(db, "other", args={"order": 7}, unique_by=["order"])[1] == "enqueued"


@pytest.mark.parametrize(
    ("scope", "same_task", "same_queue", "elsewhere"),
    [(None, 2, 1, 3), ("queue", 2, 1, 3), ("task", 1, 2, 3), ("tenant", 1, 1, 1)],
)
def test_a_key_holds_in_its_scope(
    db: Connection, scope: str | None, same_task: int, same_queue: int, elsewhere: int
) -> None:
    """The number says which of the jobs so far it is."""
    ids: list[int] = []

    def which(**options: Any) -> int:
        found, _ = put(db, unique_key="k", unique_scope=scope, **options)
        if found not in ids:
            ids.append(found)
        return ids.index(found) + 1

    assert which(task="t", queue="q") == 1
    assert which(task="t", queue="r") == same_task
    assert which(task="u", queue="q") == same_queue
    assert which(task="u", queue="s") == (elsewhere if scope != "task" else 2)


def test_while_waiting_a_running_job_no_longer_holds_it(db: Connection) -> None:
    first, _ = put(db, unique_key="k", unique_while="waiting")
    assert put(db, unique_key="k", unique_while="waiting") == (first, "existing")
    (job,) = f.claim(db, f.join(db))
    second, outcome = put(db, unique_key="k", unique_while="waiting")
    assert outcome == "enqueued"
    assert put(db, unique_key="k", unique_while="waiting") == (second, "existing")
    f.settle(db, job, "failed", delay=timedelta(0))
    assert put(db, unique_key="k", unique_while="waiting") == (second, "existing")


def test_for_a_time_it_outlives_its_job(db: Connection) -> None:
    first, _ = put(db, unique_key="k", unique_for=HOUR)
    (job,) = f.claim(db, f.join(db))
    f.settle(db, job)
    assert put(db, unique_key="k", unique_for=HOUR) == (first, "existing")
    f.advance(db, 3601)
    second, outcome = put(db, unique_key="k", unique_for=HOUR)
    assert outcome == "enqueued"
    assert second != first
    f.maintain(db)
    assert f.value(db, "select count(*) from taskflow.unique_window") == 1
    f.advance(db, 3601)
    f.maintain(db)
    assert f.value(db, "select count(*) from taskflow.unique_window") == 0


def test_raise_names_the_holder(db: Connection) -> None:
    first, _ = put(db, unique_key="k")
    with pytest.raises(psycopg.Error, match=f"job {first} holds the unique key 'k'") as error:
        put(db, unique_key="k", on_conflict="raise")
    assert error.value.sqlstate == "TF123"


def test_debounce_replaces_all_and_starts_the_time_anew(db: Connection) -> None:
    first, _ = put(db, args={"v": 1}, unique_key="k", delay=timedelta(minutes=1))
    due = f.job(db, first).run_at
    f.advance(db, 30)
    again = put(db, args={"v": 2}, unique_key="k", on_conflict="replace", priority="high",
                delay=timedelta(minutes=1), max_attempts=9, tags=["x"])  # fmt: skip
    assert again == (first, "replaced")
    job = f.job(db, first)
    assert (job.args, job.priority, job.max_attempts, job.tags) == ({"v": 2}, "high", 9, ["x"])
    assert job.run_at - due > timedelta(seconds=29)


def test_throttle_replaces_all_but_the_time(db: Connection) -> None:
    first, _ = put(db, args={"v": 1}, unique_key="k", delay=timedelta(minutes=1))
    due = f.job(db, first).run_at
    f.advance(db, 30)
    again = put(db, args={"v": 2}, unique_key="k", on_conflict="replace", replace=["args"],
                delay=timedelta(minutes=1), priority="high")  # fmt: skip
    assert again == (first, "replaced")
    job = f.job(db, first)
    assert (job.args, job.run_at, job.priority) == ({"v": 2}, due, "normal")


def test_merge_joins_arrays(db: Connection) -> None:
    first, _ = put(db, args={"ids": [1, 2], "who": "a"}, unique_key="k", delay=HOUR)
    again = put(db, args={"ids": [3], "who": "b", "n": 1}, unique_key="k", on_conflict="merge")
    assert again == (first, "merged")
    assert f.job(db, first).args == {"ids": [1, 2, 3], "who": "b", "n": 1}


def test_merged_arguments_keep_the_limit_of_size(db: Connection) -> None:
    text = "x" * 600_000
    put(db, args={"parts": [text]}, unique_key="k")
    with pytest.raises(psycopg.Error) as error:
        put(db, args={"parts": [text]}, unique_key="k", on_conflict="merge")
    assert error.value.sqlstate == "TF114"


@pytest.mark.parametrize("policy", ["replace", "merge"])
def test_a_running_holder_gives_up_its_key_to_the_new_version(db: Connection, policy: str) -> None:
    """What it works with cannot be changed any more, and the new version must not be lost."""
    first, _ = put(db, args={"v": 1}, unique_key="k")
    f.claim(db, f.join(db))
    second, outcome = put(db, args={"v": 2}, unique_key="k", on_conflict=policy)
    assert (outcome, second != first) == ("enqueued", True)


def test_a_replaced_retry_begins_its_attempts_anew(db: Connection) -> None:
    first, _ = put(db, args={"v": 1}, unique_key="k")
    (job,) = f.claim(db, f.join(db))
    f.settle(db, job, "failed", delay=HOUR)
    put(db, args={"v": 2}, unique_key="k", on_conflict="replace")
    seen = f.job(db, first)
    assert (seen.attempt, seen.state) == (0, "available")


def test_in_bulk_each_item_is_told_what_became_of_it(db: Connection) -> None:
    first, _ = put(db, unique_key="taken", unique_scope="task")
    items = Jsonb([{"n": 1}, {"n": 2}, [3], {"n": 4}, {"n": 4}])
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=items, unique_scope="task",
                            unique_keys=["taken", "new", "bad", None, "new"])  # fmt: skip
    assert answer.outcomes == ["existing", "enqueued", "refused", "enqueued", "existing"]
    assert answer.ids[0] == first
    assert answer.ids[1] == answer.ids[4]
    assert [item["position"] for item in answer.refused] == [2]


def test_in_bulk_one_conflict_fails_that_item_alone(db: Connection) -> None:
    items = Jsonb([{"n": 1}, {"n": 1}, {"n": 2}])
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=items, unique_by=["n"],
                            on_conflict="raise")  # fmt: skip
    assert answer.outcomes == ["enqueued", "refused", "enqueued"]
    assert [item["code"] for item in answer.refused] == ["TF123"]


@pytest.mark.parametrize("options", [{}, {"unique_for": HOUR}, {"unique_while": "waiting"}])
def test_e2_every_caller_of_a_race_gets_the_winners_id(
    db: Connection, connect: Connect, options: dict[str, Any]
) -> None:
    one, other = connect(autocommit=False), connect()
    first = put(one, unique_key="k", **options)
    answers: list[tuple[int, str]] = []
    racing = threading.Thread(target=lambda: answers.append(put(other, unique_key="k", **options)))
    racing.start()
    until_blocked(db, other.info.backend_pid)
    one.commit()
    racing.join(10)
    assert answers == [(first[0], "existing")]


def test_a_claim_passes_by_a_job_that_a_producer_still_counts_on(
    db: Connection, connect: Connect
) -> None:
    """Else it could read the data from before the producer's change, and nobody would run again."""
    first, _ = put(db, unique_key="k", unique_while="waiting")
    producer = connect(autocommit=False)
    assert put(producer, unique_key="k", unique_while="waiting") == (first, "existing")
    worker = f.join(db)
    assert f.claim(db, worker) == []
    producer.commit()
    assert [job.id for job in f.claim(db, worker)] == [first]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"unique_scope": "task"}, "TF111"),
        ({"unique_key": "k", "unique_by": ["a"]}, "TF111"),
        ({"unique_key": "k", "unique_scope": "world"}, "TF111"),
        ({"unique_key": "k", "unique_while": "asleep"}, "TF111"),
        ({"unique_key": "k", "unique_for": timedelta(0)}, "TF112"),
        ({"unique_key": "k", "unique_for": HOUR, "unique_while": "live"}, "TF111"),
        ({"unique_key": "k", "on_conflict": "ignore"}, "TF111"),
        ({"unique_key": "k", "replace": ["args"]}, "TF111"),
        ({"unique_key": "k", "on_conflict": "replace", "replace": ["id"]}, "TF111"),
        ({"unique_key": ""}, "TF111"),
        ({"unique_key": "x" * 501}, "TF111"),
    ],
)
def test_bad_rules_are_refused(db: Connection, options: dict[str, Any], code: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        put(db, **options)
    assert error.value.sqlstate == code
    assert error.value.diag.message_hint
