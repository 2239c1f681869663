"""Enqueueing: what an acknowledged, a refused and a rolled-back enqueue leave behind."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.notices import Listener
from tests.support.waiting import until_blocked

Connection = psycopg.Connection[Any]


def test_e1_an_acknowledged_job_is_there_and_a_rolled_back_one_never_was(
    db: Connection, connect: Connect
) -> None:
    kept = f.enqueue(db)
    other = connect(autocommit=False)
    gone = f.enqueue(other)
    assert f.state(db, gone) is None
    other.rollback()
    assert f.state(db, kept) == "available"
    assert f.state(db, gone) is None


def test_e1_a_rolled_back_enqueue_wakes_nobody(db: Connection, connect: Connect) -> None:
    f.call(db, "wait_for_work", worker_id=f.join(db), queues=["default"])
    other = connect(autocommit=False)
    with Listener(connect()) as listener:
        f.enqueue(other)
        other.rollback()
        assert listener.heard() == []
        f.enqueue(other)
        other.commit()
        assert listener.heard() == ["queue default"]


def test_e2_one_unique_key_is_one_job_for_every_caller(dsn: str, db: Connection) -> None:
    ids: list[int] = []
    start = threading.Barrier(8)

    def race() -> None:
        with psycopg.connect(dsn, autocommit=True) as own:
            start.wait(10)
            ids.extend(f.enqueue(own, unique_key=f"key {n}") for n in range(25))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 200
    assert len(set(ids)) == f.value(db, "select count(*) from taskflow.job") == 25


def test_e2_a_key_is_free_again_after_its_job_and_belongs_to_queue_and_tenant(
    db: Connection,
) -> None:
    first = f.enqueue(db, unique_key="k")
    assert f.enqueue(db, unique_key="k") == first
    assert f.enqueue(db, unique_key="k", queue="other") != first
    assert f.enqueue(db, unique_key="k", tenant="acme") != first
    (claimed,) = f.claim(db, f.join(db))
    assert f.enqueue(db, unique_key="k") == first, "a running job holds its key"
    f.settle(db, claimed)
    assert f.enqueue(db, unique_key="k") != first


def test_e2_keys_in_opposite_orders_do_not_deadlock(db: Connection, connect: Connect) -> None:
    one, two = connect(autocommit=False), connect()
    keys = ["a", "b"]
    f.enqueue(one, unique_key="a")
    answers: list[Any] = []
    thread = threading.Thread(
        target=lambda: answers.extend(
            f.call_rows(two, "enqueue_many", task="t", args=Jsonb([{}, {}]), unique_keys=keys[::-1])
        )
    )
    thread.start()
    until_blocked(db, two.info.backend_pid)
    f.enqueue(one, unique_key="b")
    one.commit()
    thread.join()
    live = f.rows(db, "select id, unique_key from taskflow.job order by unique_key")
    assert answers[0].ids == [row.id for row in live][::-1]


def test_e3_a_batch_notifies_once_and_only_when_somebody_waits(
    db: Connection, connect: Connect
) -> None:
    with Listener(connect()) as listener:
        f.enqueue_many(db, 5)
        assert listener.heard() == []
        worker = f.join(db, "default", "other")
        f.call(db, "wait_for_work", worker_id=worker, queues=["default"])
        f.enqueue_many(db, 5)
        f.enqueue(db, queue="other")
        f.enqueue(db, delay=timedelta(minutes=1))
        assert listener.heard() == ["queue default"]
        db.execute("select taskflow.stop_waiting(%s)", (worker,))
        f.enqueue(db)
        assert listener.heard() == []


def test_e3_a_payload_never_carries_data(db: Connection, connect: Connect) -> None:
    """A queue name of full length fits; arguments of a megabyte do not travel with it."""
    name = "q" * 63
    f.call(db, "wait_for_work", worker_id=f.join(db, name), queues=[name])
    with Listener(connect()) as listener:
        f.enqueue(db, queue=name, args={"text": "é" * 400_000})
        assert listener.heard() == [f"queue {name}"]


def test_e4_published_defaults_hold_for_sql_callers(db: Connection) -> None:
    published = [
        {"name": "mail", "queue": "mails", "priority": "high", "max_attempts": 7, "timeout": "90 s"}
    ]
    db.execute("select taskflow.publish_tasks(%s)", (Jsonb(published),))
    found = f.job(db, f.enqueue(db, "mail"))
    assert (found.queue, found.priority, found.max_attempts) == ("mails", "high", 7)
    assert found.timeout == timedelta(seconds=90)
    found = f.job(db, f.enqueue(db, "mail", queue="q", priority="low", max_attempts=1))
    assert (found.queue, found.priority, found.max_attempts) == ("q", "low", 1)


def test_e4_one_and_many_store_the_same(db: Connection) -> None:
    options: dict[str, Any] = {
        "queue": "q", "priority": "low", "max_attempts": 3, "timeout": timedelta(seconds=5),
        "tags": ["a", "b"], "meta": {"m": 1}, "tenant": "acme", "delay": timedelta(hours=1),
    }  # fmt: skip
    single = f.enqueue(db, args={"n": 0}, **options)
    plain, careful = (
        f.call_rows(db, "enqueue_many", task="t", args=Jsonb([{"n": 0}]), **options, **extra)[0]
        for extra in ({}, {"unique_keys": ["k"]})
    )
    ignored = ("id", "run_at", "created_at", "unique_key")
    jobs = [f.job(db, number)._asdict() for number in (single, *plain.ids, *careful.ids)]
    first, *others = [{k: v for k, v in job.items() if k not in ignored} for job in jobs]
    assert others == [first, first]


def test_e5_every_id_column_is_bigint(db: Connection) -> None:
    """Ids are ours; a webhook that came in has its sender's, which is text."""
    narrow = f.rows(
        db,
        "select c.table_name, c.column_name, c.data_type from information_schema.columns c"
        " where c.table_schema = 'taskflow' and c.data_type <> 'bigint'"
        " and (c.column_name = 'id' or c.column_name like %s) and c.column_name <> 'pid'"
        " and c.table_name <> 'webhook_received'",
        "%\\_id",
    )
    assert narrow == []


def test_e5_ids_beyond_two_to_the_53_work(db: Connection) -> None:
    sequence = f.value(db, "select pg_get_serial_sequence('taskflow.job', 'id')")
    before = f.value(db, "select nextval(%s::regclass)", sequence)
    try:
        db.execute("select setval(%s::regclass, 9007199254740992)", (sequence,))
        job = f.enqueue(db)
        assert job == 2**53 + 1
        (claimed,) = f.claim(db, f.join(db))
        assert f.settle(db, claimed) == "applied"
        assert f.state(db, job) == "succeeded"
    finally:
        db.execute("select setval(%s::regclass, %s)", (sequence, before))


def test_the_refused_of_a_batch_cost_only_themselves(db: Connection) -> None:
    args = Jsonb([{"n": 0}, [1], {"n": 2}, {"big": 10**301}, {"n": 4}])
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=args)
    assert [number is None for number in answer.ids] == [False, True, False, True, False]
    assert [(r["position"], r["code"]) for r in answer.refused] == [(1, "TF113"), (3, "TF116")]
    stored = f.rows(db, "select args from taskflow.job order by id")
    assert [row.args["n"] for row in stored] == [0, 2, 4]


def test_a_batch_answers_ids_in_the_order_of_its_items(db: Connection) -> None:
    ids = f.enqueue_many(db, 500)
    rows = f.rows(db, "select id, (args ->> 'n')::int as n from taskflow.job order by n")
    assert ids == [row.id for row in rows]
    args = Jsonb([{"n": n} for n in range(4)])
    keys = ["b", "a", "b", None]
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=args, unique_keys=keys)
    assert answer.ids[0] == answer.ids[2]
    stored = {row.id: row.n for row in f.rows(
        db, "select id, (args ->> 'n')::int as n from taskflow.job where id = any(%s)", answer.ids
    )}  # fmt: skip
    assert [stored[number] for number in answer.ids] == [0, 1, 0, 3]


def test_an_empty_batch_is_no_error(db: Connection) -> None:
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=Jsonb([]))
    assert not answer.ids


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_strict_transaction_gets_an_answer_or_a_serialization_failure(
    db: Connection, connect: Connect, isolation: str
) -> None:
    """It must not search for ever for a holder that its snapshot does not show."""
    strict = connect(autocommit=False)
    strict.execute(f"set transaction isolation level {isolation}")
    strict.execute("select 1 from taskflow.job")
    f.enqueue(db, unique_key="k")
    strict.execute("set local statement_timeout = '5s'")
    with pytest.raises(psycopg.errors.SerializationFailure):
        f.enqueue(strict, unique_key="k")
