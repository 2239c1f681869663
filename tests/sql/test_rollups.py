"""Statistics in three resolutions: what flushes add, who may add it, and how long it is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow.kernel import stats
from tests.conftest import Connect
from tests.support import factories as f
from tests.support.notices import Listener
from tests.support.waiting import until_blocked

Connection = psycopg.Connection[Any]
TABLES = ("stat_10s", "stat_1m", "stat_1h")
DAY = 86_400


def line(task: str = "t", count: int = 1, **changes: Any) -> dict[str, Any]:
    buckets = [0] * stats.BUCKETS
    buckets[3] = count
    return {
        "tenant": "default", "queue": "q", "task": task, "outcome": "completed", "count": count,
        "run_seconds": 0.5 * count, "wait_seconds": 2.0 * count,
        "run_buckets": buckets, "wait_buckets": buckets,
    } | changes  # fmt: skip


def flush(db: Connection, *lines: dict[str, Any], **options: Any) -> Any:
    return f.call(db, "flush_stats", worker_id=1, lines=Jsonb(list(lines)), **options)


def stored(db: Connection, table: str) -> list[Any]:
    return f.rows(db, f"select * from taskflow.{table} order by at, task, outcome")


def partitions(db: Connection, table: str) -> list[str]:
    found = f.rows(
        db,
        "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = %s::regclass and c.relname !~ '_default$' order by 1",
        f"taskflow.{table}",
    )
    return [row.name for row in found]


@pytest.fixture
def clock(db: Connection) -> Iterator[None]:
    yield
    db.execute("reset taskflow.clock_offset")
    for table in TABLES:
        for name in partitions(db, table):
            db.execute(f"drop table taskflow.{name}")
    f.maintain(db)


def test_bounds_are_the_same_here_and_there(db: Connection) -> None:
    assert tuple(f.call(db, "stat_bounds")) == stats.BOUNDS_S


def test_a_flush_adds_to_all_three(db: Connection) -> None:
    f.maintain(db)
    assert flush(db, line("a", 2), line("b", 1)) is True
    assert flush(db, line("a", 3)) is True
    for table in TABLES:
        found = stored(db, table)
        if table == "stat_10s" and len(found) == 3:
            continue  # ten seconds went by in between
        a, b = found
        assert (a.task, a.count, a.run_seconds, a.wait_seconds) == ("a", 5, 2.5, 10.0)
        assert (b.task, b.count) == ("b", 1)
        assert a.run_buckets[3] == sum(a.run_buckets) == sum(a.wait_buckets) == 5
        assert f.value(
            db, f"select distinct tableoid::regclass::text ~ '_[0-9]{{8}}$' from taskflow.{table}"
        )


def test_sums_agree_between_resolutions(db: Connection, clock: None) -> None:
    for n in range(200):
        f.advance(db, 7)
        flush(db, line(count=n % 5 + 1))
    figures = "sum(count) as c, sum(run_seconds) as r, count(*) as n"
    sums = [f.rows(db, f"select {figures} from taskflow.{table}")[0] for table in TABLES]
    assert len({(found.c, found.r) for found in sums}) == 1
    assert sums[0].n > sums[1].n > sums[2].n


def test_the_hour_may_be_handed_in_apart(db: Connection) -> None:
    flush(db, line(), hours=Jsonb([]))
    flush(db, line(), hours=Jsonb([line(count=2)]))
    flush(db, hours=Jsonb([line(count=4)]))
    counts = [sum(row.count for row in stored(db, table)) for table in TABLES]
    assert counts == [2, 2, 6]
    with pytest.raises(psycopg.Error, match="well-formed"):
        flush(db, hours=Jsonb([line(count=-1)]))


def test_a_flush_that_is_repeated_adds_nothing(db: Connection) -> None:
    assert flush(db, line(), flush_no=1) is True
    assert flush(db, line(), flush_no=1) is False
    assert flush(db, line(), flush_no=2) is True
    assert [row.count for row in stored(db, "stat_1h")] == [2]
    assert f.call(db, "flush_stats", worker_id=2, lines=Jsonb([line()]), flush_no=1) is True


@pytest.mark.parametrize(
    "lines",
    [
        None, {"a": 1}, [line(), line()], [line(queue="")], [line(tenant="Ä")], [line(count=-1)],
        [line(run_buckets=[1])], [line(wait_buckets=None)], [line(task="")],
        [line(task="x" * 201)],        [line(run_buckets=[-1] * stats.BUCKETS)],
    ],
)  # fmt: skip
def test_malformed_lines_are_refused_whole(db: Connection, lines: Any) -> None:
    with pytest.raises(psycopg.Error) as caught:
        f.call(db, "flush_stats", worker_id=1, lines=Jsonb(lines))
    assert caught.value.sqlstate == "TF111"
    assert stored(db, "stat_1h") == []


def test_one_notification_names_what_was_busy(db: Connection, connect: Connect) -> None:
    with Listener(connect()) as listener:
        flush(db, line("a"), line("b"), topics=["default/q", "acme/mail"])
        flush(db, topics=["*/q"])
        flush(db, line(), topics=[])
        flush(db, topics=[f"t{n}/q" for n in range(61)])
        flush(db, topics=["evil payload; " * 100])
        assert listener.heard() == [
            "active default/q acme/mail", "active */q", "active *", "active *",
        ]  # fmt: skip


def test_flushes_of_the_same_keys_in_opposite_orders_do_not_deadlock(
    db: Connection, connect: Connect
) -> None:
    """The first holds all its rows; the second, whose lines come the other way round, waits for the
    first of them and not for one in the middle."""
    lines = [line(f"task{n:02}") for n in range(20)]
    first, second = connect(autocommit=False), connect(autocommit=False)
    flush(first, *lines)
    pid = f.value(second, "select pg_backend_pid()")
    second.execute("alter function taskflow.flush_stats set lock_timeout = '10s'")
    second.rollback()
    done: list[Any] = []
    thread = threading.Thread(
        target=lambda: done.append(_flush_patiently(second, list(reversed(lines))))
    )
    thread.start()
    until_blocked(db, pid)
    flush(first, *lines)  # once more, all of them: would close a circle if the second had one
    first.commit()
    thread.join(10)
    second.commit()
    assert done == [True]
    counts = f.rows(db, "select task, sum(count) as n from taskflow.stat_1h group by task")
    assert [row.n for row in counts] == [3] * 20


def _flush_patiently(db: Connection, lines: list[dict[str, Any]]) -> Any:
    while True:
        try:
            return flush(db, *lines)
        except psycopg.errors.LockNotAvailable:
            db.rollback()


def test_many_at_once_lose_nothing(db: Connection, connect: Connect) -> None:
    lines = [line(f"task{n:02}") for n in range(10)]

    def work(connection: Connection, own: list[dict[str, Any]]) -> None:
        for _ in range(20):
            flush(connection, *own)

    threads = [
        threading.Thread(target=work, args=(connect(), lines[n:] + lines[:n])) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    counts = f.rows(db, "select task, sum(count) as n from taskflow.stat_10s group by task")
    assert {row.n for row in counts} == {80}


def test_partitions_are_made_and_dropped_by_retention(db: Connection, clock: None) -> None:
    f.maintain(db)
    assert [len(partitions(db, table)) for table in TABLES] == [8, 8, 2]
    flush(db, line())
    f.advance(db, 3 * DAY)
    f.maintain(db)
    assert [len(stored(db, table)) for table in TABLES] == [0, 1, 1]
    f.advance(db, 9 * DAY)
    f.maintain(db)
    assert [len(stored(db, table)) for table in TABLES] == [0, 0, 1]
    f.advance(db, 415 * DAY)
    f.maintain(db)
    assert stored(db, "stat_1h") == []
    assert all(partitions(db, table) for table in TABLES)


def test_rows_without_a_partition_are_pruned_too(db: Connection, clock: None) -> None:
    for table in TABLES:
        for name in partitions(db, table):
            db.execute(f"drop table taskflow.{name}")
    flush(db, line(), flush_no=1)
    f.advance(db, 420 * DAY)
    f.maintain(db)
    assert [stored(db, table) for table in TABLES] == [[], [], []]
    assert f.rows(db, "select * from taskflow.stat_flush") == []


def test_only_workers_may_add(db: Connection) -> None:
    db.execute("set session authorization taskflow_producer")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        flush(db, line())
    db.execute("reset session authorization; set session authorization taskflow_worker")
    assert flush(db, line()) is True
    assert f.value(db, "select count from taskflow.stats_1h") == 1


@pytest.mark.parametrize("q", [0.01, 0.5, 0.95, 0.99, 1.0])
def test_percentiles_are_the_same_here_and_there(db: Connection, q: float) -> None:
    for buckets in ([0] * 24, [0, 3, 0, 9, 1, *[0] * 19], [*[0] * 23, 5], [7] * 24):
        theirs = f.value(db, "select taskflow.stat_percentile(%s::bigint[], %s)", buckets, q)
        assert theirs == pytest.approx(stats.percentile(buckets, q))
