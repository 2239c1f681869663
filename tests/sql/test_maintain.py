"""Upkeep: partitions ahead, what fell into the default one, retention; twice and at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.waiting import until_blocked

Connection = psycopg.Connection[Any]
DAY = 86400
DAILY = {"attempt", "job_history", "job_log", "stat_10s", "stat_1m"}
WEEKLY = {"stat_1h"}


@pytest.fixture(autouse=True)
def bare(db: Connection) -> Iterator[None]:
    """No daily partitions before, and none of odd days after."""
    drop(db)
    yield
    db.execute("reset taskflow.clock_offset")
    drop(db)
    f.maintain(db)


def drop(db: Connection) -> None:
    for name in partitions(db):
        db.execute(f"drop table taskflow.{name}")


def partitions(db: Connection, parent: str = "%") -> list[str]:
    found = f.rows(
        db,
        "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " join pg_class p on p.oid = i.inhparent where p.relnamespace = 'taskflow'::regnamespace"
        " and p.relkind = 'p' and p.relname like %s and c.relname !~ '_default$' order by 1",
        parent,
    )
    return [row.name for row in found]


def finish(db: Connection, outcome: str = "completed", **options: Any) -> int:
    job = f.enqueue(db, **options)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed, outcome)
    return job


def place(db: Connection, job: int) -> str:
    return str(
        f.value(db, "select tableoid::regclass::text from taskflow.job_history where id = %s", job)
    )


def test_partitions_are_made_a_week_ahead_and_once(db: Connection) -> None:
    first = f.maintain(db)
    assert first["partitions_made"] == 8 * len(DAILY) + 2 * len(WEEKLY)
    today = f.value(db, "select to_char(now() at time zone 'UTC', 'YYYYMMDD')")
    assert partitions(db, "job_history")[0] == f"job_history_{today}"
    assert len(partitions(db, "attempt")) == 8
    assert f.maintain(db)["partitions_made"] == 0
    f.advance(db, DAY)
    assert f.maintain(db)["partitions_made"] == len(DAILY)
    job = finish(db)
    assert place(db, job) == f"taskflow.{partitions(db, 'job_history')[1]}"


@pytest.mark.parametrize("style", ["ISO, MDY", "German", "SQL, DMY", "Postgres, MDY"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_days_are_days_of_utc_whatever_the_session(db: Connection, style: str, zone: str) -> None:
    db.execute("select set_config('datestyle', %s, false), set_config('timezone', %s, false)",
               (style, zone))  # fmt: skip
    f.maintain(db)
    bounds = f.value(
        db,
        "select pg_get_expr(relpartbound, oid) from pg_class where relname = %s",
        partitions(db, "job_history")[0],
    )
    db.execute("set datestyle = 'ISO'; set timezone = 'UTC'")
    day = f.value(db, "select to_char(now() at time zone 'UTC', 'YYYYMMDD')")
    job = finish(db)
    assert place(db, job) == f"taskflow.job_history_{day}", bounds


def test_rows_of_the_default_partition_move_into_their_day(db: Connection) -> None:
    jobs = [finish(db, outcome) for outcome in ("completed", "cancelled", "completed")]
    assert {place(db, job) for job in jobs} == {"taskflow.job_history_default"}
    f.maintain(db)
    assert {place(db, job) for job in jobs} == {f"taskflow.{partitions(db, 'job_history')[0]}"}
    assert [f.state(db, job) for job in jobs] == ["succeeded", "cancelled", "succeeded"]
    assert f.value(db, "select count(*) from taskflow.attempt_default") == 0


def test_p1_retention_removes_what_is_past_it_and_nothing_else(db: Connection) -> None:
    db.execute("update taskflow.config set value = '400 days' where name like 'stat_%'")
    f.maintain(db)
    dead, done, waiting = finish(db, "discarded"), finish(db), f.enqueue(db)
    f.enqueue(db, queue="q")
    (held,) = f.claim(db, f.join(db, "q"), 1, "q", lease=timedelta(minutes=10))
    f.advance(db, 13 * DAY)
    assert f.maintain(db)["partitions_dropped"] == 0
    assert f.state(db, done) == "succeeded"
    f.advance(db, 2 * DAY)
    dropped = f.maintain(db)["partitions_dropped"]
    assert dropped == 2  # history and logs: 14 days each
    assert [f.state(db, job) for job in (done, dead)] == [None, "dead"]
    f.advance(db, 16 * DAY)
    answer = f.maintain(db)
    assert answer["dead_jobs_removed"] == 1
    assert [f.state(db, job) for job in (done, dead, waiting, held.id)] == [
        None, None, "available", "running",
    ]  # fmt: skip


def test_p1_retention_reaches_days_that_never_got_a_partition(db: Connection) -> None:
    done = finish(db)
    f.advance(db, 15 * DAY)
    f.maintain(db)
    assert f.state(db, done) is None
    assert f.value(db, "select count(*) from taskflow.job_history_default") == 0


def test_retention_is_a_setting(db: Connection) -> None:
    f.maintain(db)
    done = finish(db)
    db.execute("update taskflow.config set value = '2 days' where name = 'history_retention'")
    f.advance(db, 3 * DAY)
    f.maintain(db)
    assert f.state(db, done) is None


def test_the_gone_are_forgotten(db: Connection) -> None:
    worker = f.join(db)
    f.call(db, "wait_for_work", worker_id=worker, queues=["default"])
    db.execute("select taskflow.watch(%s)", (f.enqueue(db),))
    f.advance(db, 2 * DAY)
    assert f.maintain(db)["workers_forgotten"] == 1
    assert f.value(db, "select count(*) from taskflow.waiter") == 0
    assert f.value(db, "select count(*) from taskflow.watcher") == 0


def test_only_one_works_at_a_time_and_the_others_leave_at_once(
    db: Connection, connect: Connect
) -> None:
    other = connect(autocommit=False)
    assert f.call(other, "maintain") is not None
    assert f.call(db, "maintain") is None
    other.commit()
    f.maintain(db)
    assert f.maintain(db)["partitions_made"] == 0


def test_a_call_locks_one_table_for_its_partitions_and_nothing_else(
    db: Connection, connect: Connect
) -> None:
    """Settles must not wait until the dead jobs are removed."""
    dead = finish(db, "discarded")
    f.advance(db, 31 * DAY)
    keeper = connect(autocommit=False)
    keeper.execute(f"set taskflow.clock_offset = '{31 * DAY} s'")
    strong = (
        "select relation::regclass::text as name from pg_locks where pid = pg_backend_pid()"
        " and mode = 'AccessExclusiveLock' and relation in ("
        "  select c.oid from pg_class c where c.relnamespace = 'taskflow'::regnamespace"
        "   and c.relkind in ('r', 'p') and not c.relispartition)"
    )
    steps = []
    for _ in range(7):
        answer = f.call(keeper, "maintain")
        locked = [row.name for row in f.rows(keeper, strong)]
        steps.append((locked, answer["dead_jobs_removed"], answer["more"]))
        keeper.commit()
    assert steps == [
        (["taskflow.attempt"], 0, True),
        (["taskflow.job_history"], 0, True),
        (["taskflow.job_log"], 0, True),
        (["taskflow.stat_10s"], 0, True),
        (["taskflow.stat_1m"], 0, True),
        (["taskflow.stat_1h"], 0, True),
        ([], 1, False),
    ]
    assert f.state(db, dead) is None


def test_a_busy_table_makes_it_give_up_rather_than_hold_up_everybody(
    db: Connection, connect: Connect
) -> None:
    """And the rest of the upkeep is done all the same."""
    dead = finish(db, "discarded")
    f.advance(db, 31 * DAY)
    reader = connect(autocommit=False)
    reader.execute("select from taskflow.job_history")
    answer = f.maintain(db)
    assert (answer["partitions_made"], answer["dead_jobs_removed"]) == (4 * 8 + 2, 1)
    assert set(answer["busy"]) == {"job_history"}
    assert f.state(db, dead) is None
    reader.rollback()
    assert (f.maintain(db)["partitions_made"], f.maintain(db)["busy"]) == (8, [])


def test_partitions_can_be_made_while_jobs_are_settled(db: Connection, connect: Connect) -> None:
    """A settle into the default partition that has not committed: the move must wait for it."""
    f.enqueue(db)
    (claimed,) = f.claim(db, f.join(db))
    user, keeper = connect(autocommit=False), connect()
    f.settle(user, claimed)
    assert f.call(keeper, "maintain")["partitions_made"] == 8, "those of attempts"
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(f.call(keeper, "maintain")))
    thread.start()
    until_blocked(db, keeper.info.backend_pid)
    user.commit()
    thread.join()
    assert answers[0]["partitions_made"] == 8
    assert place(db, claimed.id) == f"taskflow.{partitions(db, 'job_history')[0]}"


def test_late_records_and_upkeep_take_their_locks_in_one_order(
    db: Connection, connect: Connect
) -> None:
    """record_many reads attempts and history for a job that has ended, then writes its log."""
    f.enqueue(db)
    (claimed,) = f.claim(db, f.join(db))
    f.settle(db, claimed)
    user, keeper = connect(autocommit=False), connect()
    user.execute("set lock_timeout = '1s'")
    user.execute("select from taskflow.attempt")  # as record_many begins
    failures: list[psycopg.Error] = []

    def maintain() -> None:
        try:
            f.maintain(keeper)
        except psycopg.Error as error:
            failures.append(error)

    thread = threading.Thread(target=maintain)
    thread.start()
    until_blocked(db, keeper.info.backend_pid)
    user.execute(f"select taskflow.log({claimed.id}, 1, '[1]')")
    user.commit()
    thread.join()
    assert failures == []


def test_only_daily_partitions_have_a_day(db: Connection) -> None:
    """Asked of every relation there is: the planner may do so, whatever the query says."""
    f.maintain(db)
    days = f.rows(db, "select relname, taskflow.partition_day(relname) as day from pg_class")
    assert {row.relname.rstrip("_0123456789") for row in days if row.day} == DAILY | WEEKLY
