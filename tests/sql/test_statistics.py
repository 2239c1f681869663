"""What people read: queues and the overview of a tenant, series over time, exact percentiles."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow.calls import stats
from taskflow.errors import InvalidOption
from taskflow.kernel.stats import (
    BOUNDS_S,
    BUCKETS,
    MOST_POINTS,
    Series,
    bucket,
    choose_step,
    percentile,
)
from taskflow.store.call import run
from tests.support import factories as f
from tests.support.sources import ROOT

Connection = psycopg.Connection[Any]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def add(
    db: Connection, runs: Sequence[float] = (0.01,), outcome: str = "completed", **key: str
) -> None:
    buckets = [0] * BUCKETS
    for seconds in runs:
        buckets[bucket(seconds)] += 1
    line = {
        "tenant": "default", "queue": "q", "task": "t", "outcome": outcome, "count": len(runs),
        "run_seconds": sum(runs), "wait_seconds": sum(runs), "run_buckets": buckets,
        "wait_buckets": buckets,
    } | key  # fmt: skip
    f.call(db, "flush_stats", worker_id=1, lines=Jsonb([line]))


def put(db: Connection, table: str, at: datetime, count: int = 1, **key: str) -> None:
    """A row of long ago."""
    buckets = [0] * BUCKETS
    buckets[4] = count
    row = {"tenant": "default", "queue": "q", "task": "t", "outcome": "completed"} | key
    db.execute(
        f"insert into taskflow.{table} values (%s, %s, 1, 1, %s, %s, %s, %s, %s, %s)",
        (at, count, *row.values(), buckets, buckets),
    )


def read(
    db: Connection, metric: Any, by: Any = "none", ago: timedelta = HOUR, **how: Any
) -> Series:
    now = f.value(db, "select taskflow.now()")
    how = {"since": now - ago, "until": now + timedelta(seconds=1)} | how
    return run(db, stats.series("default", metric, by, **how))


# --- percentiles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_a_percentile_is_within_the_bucket_of_the_exact_one(seed: int, q: float) -> None:
    chosen = random.Random(seed)
    values = [chosen.lognormvariate(-2, 2) for _ in range(chosen.randint(1, 3000))]
    buckets = [0] * BUCKETS
    for seconds in values:
        buckets[bucket(seconds)] += 1
    # of n values, that below which q of them lie: the place of rank q * n, from 1
    exact = sorted(values)[max(-int(-q * len(values) // 1), 1) - 1]
    found = percentile(buckets, q)
    assert found is not None
    place = bucket(exact)
    assert (BOUNDS_S[place - 1] if place else 0) <= found <= BOUNDS_S[min(place, len(BOUNDS_S) - 1)]


def test_percentiles_are_exact_where_values_lie_evenly() -> None:
    buckets = [0] * BUCKETS
    buckets[bucket(0.3)] = 100  # from 256 to 512 ms
    assert percentile(buckets, 0.5) == pytest.approx(0.384)
    assert percentile(buckets, 1.0) == pytest.approx(0.512)
    assert percentile([0] * BUCKETS, 0.5) is None


def test_a_bound_belongs_to_the_bucket_above_it() -> None:
    assert [bucket(seconds) for seconds in (0, 0.00099, 0.001, 0.0019, 0.002, 3600, 1e9)] == [
        0, 0, 1, 1, 2, 22, 23,
    ]  # fmt: skip


# --- series ---------------------------------------------------------------------------------------


def test_a_series_has_the_tail_of_now(db: Connection) -> None:
    add(db, [0.01] * 30)
    add(db, [0.01] * 10, "failed")
    add(db, [0.01], "released")
    (line,) = read(db, "throughput").lines
    assert line.group == ""
    assert 40 / 20 <= sum(point.value or 0 for point in line.points) <= 40, "at least one second"
    (failed,) = read(db, "failures").lines
    assert 0 < (failed.points[-1].value or 0) < (line.points[-1].value or 0)
    assert [line.group for line in read(db, "throughput", "outcome").lines] == [
        "completed", "failed",
    ]  # fmt: skip


def test_each_percentile_is_that_of_the_span(db: Connection) -> None:
    runs = [0.0015] * 60 + [0.1] * 35 + [3.0] * 5
    add(db, runs)
    add(db, [1e5], tenant="acme")
    found = {
        metric: read(db, metric, step=HOUR, ago=MINUTE).lines[0].points[-1].value
        for metric in ("run_p50", "run_p95", "run_p99", "wait_p50")
    }
    assert found["run_p50"] == found["wait_p50"]
    assert 0.001 <= (found["run_p50"] or 0) <= 0.002
    assert 0.064 <= (found["run_p95"] or 0) <= 0.128
    assert 2.048 <= (found["run_p99"] or 0) <= 4.096


def test_the_largest_groups_stand_alone_and_the_rest_together(db: Connection) -> None:
    now = f.value(db, "select taskflow.now()")
    at = now.replace(minute=0, second=0, microsecond=0) - HOUR
    for n in range(30):
        put(db, "stat_1h", at, count=n + 1, task=f"task{n:02}")
    lines = read(db, "throughput", "task", 3 * HOUR, step=HOUR).lines
    assert len(lines) == 21
    assert [line.group for line in lines] == [*(f"task{n:02}" for n in range(10, 30)), "other"]
    assert lines[-1].points[0].value == pytest.approx(sum(range(1, 11)) / 3600)


def test_another_tenants_rows_do_not_count(db: Connection) -> None:
    add(db, tenant="acme")
    assert read(db, "throughput").lines == []


@pytest.mark.parametrize(
    ("ago", "length", "step", "chosen"),
    [
        (HOUR, HOUR, None, (timedelta(seconds=10), "stat_10s")),
        (DAY, DAY, None, (MINUTE, "stat_1m")),
        (3 * DAY, HOUR, None, (MINUTE, "stat_1m")),
        (7 * DAY, 7 * DAY, None, (15 * MINUTE, "stat_1m")),
        (8 * DAY, HOUR, None, (HOUR, "stat_1h")),
        (30 * DAY, 30 * DAY, None, (HOUR, "stat_1h")),
        (400 * DAY, 400 * DAY, None, (DAY, "stat_1h")),
        (HOUR, HOUR, HOUR, (HOUR, "stat_1h")),
        (DAY, DAY, timedelta(seconds=10), (MINUTE, "stat_1m")),
        (5000 * DAY, 20000 * DAY, None, (7 * DAY, "stat_1h")),
    ],
)  # fmt: skip
def test_the_step_fits_the_range(
    ago: timedelta, length: timedelta, step: timedelta | None, chosen: tuple[timedelta, str]
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert choose_step(now - ago, now - ago + length, now, step) == chosen
    assert length > 10000 * DAY or length / chosen[0] <= MOST_POINTS


def test_groups_have_fewer_points_each(db: Connection) -> None:
    assert read(db, "run_p95", ago=4 * HOUR).step == timedelta(seconds=10)
    assert read(db, "run_p95", "task", ago=4 * HOUR).step == MINUTE


def test_what_is_not_known_is_refused(db: Connection) -> None:
    with pytest.raises(InvalidOption):
        read(db, "p42")
    with pytest.raises(InvalidOption):
        read(db, "throughput", "tenant")
    with pytest.raises(InvalidOption):
        read(db, "throughput", ago=timedelta(seconds=-60))


@pytest.mark.parametrize("table", ["stat_10s", "stat_1m", "stat_1h"])
def test_a_series_reads_its_range_and_no_more(db: Connection, table: str) -> None:
    """By the key of few partitions, with rows of many other times and tenants beside."""
    f.maintain(db)
    db.execute(
        f"insert into taskflow.{table} select taskflow.now() + n * interval '10 seconds', 1, 1, 1,"
        " t, 'q', 't', 'completed', array_fill(1, array[24]), array_fill(1, array[24])"
        " from generate_series(1, 4000) n cross join unnest(array['default', 'acme']) t"
    )
    db.execute(f"analyze taskflow.{table}")
    now = f.value(db, "select taskflow.now()")
    call = stats.series(
        "default", "run_p95", "task", since=now, until=now + timedelta(minutes=20),
        step={"stat_10s": timedelta(seconds=10), "stat_1m": MINUTE, "stat_1h": HOUR}[table],
    )  # fmt: skip
    plan = db.execute(
        "explain (analyze, format json) " + call.statement, call.parameters
    ).fetchone()
    assert plan is not None
    found = sum(
        node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
        for node in nodes(plan[0][0]["Plan"])
        if node.get("Relation Name", "").startswith("stat_")
    )
    assert 110 <= found <= 130


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


# --- now ------------------------------------------------------------------------------------------


def test_the_overview_counts_what_there_is(db: Connection) -> None:
    worker = f.join(db, "a", "b", slots=[3, 4])
    f.enqueue_many(db, 4, queue="a")
    f.enqueue(db, queue="a", delay=timedelta(hours=1))
    (failed, *_) = f.claim(db, worker, 2, "a")
    f.settle(db, failed, "failed", delay=timedelta(0))
    f.enqueue(db, queue="b", tenant="acme")
    f.join(db, "d", slots=[1])
    f.call(db, "pause_queue", queue="b", reason="why")
    add(db, [0.01] * 90)
    add(db, [0.01] * 10, "dead")
    found = run(db, stats.overview("default"))
    assert (found.available, found.running, found.scheduled, found.retrying) == (2, 1, 1, 1)
    assert (found.queues, found.paused_queues, found.is_capped) == (3, 1, False)
    assert (found.workers, found.slots, found.failure_rate) == (2, 8, 0.1)
    assert found.throughput == pytest.approx(100 / 295, rel=0.05)
    assert found.oldest_due_at == f.value(
        db, "select min(run_at) from taskflow.job where queue = 'a' and state = 'ready'"
    )
    assert found.run == found.wait
    assert 0.008 <= (found.run.p99 or 0) <= 0.016
    queues = {queue.name: queue for queue in run(db, stats.queues("default"))}
    assert (queues["a"].available, queues["a"].slots, queues["b"].pause_reason) == (2, 3, "why")
    assert queues["b"].available == 0


def test_an_empty_tenant_has_an_overview(db: Connection) -> None:
    found = run(db, stats.overview("nobody"))
    assert (found.queues, found.available, found.dead, found.throughput) == (0, 0, 0, 0)
    assert (found.failure_rate, found.run.p50, found.oldest_due_at) == (None, None, None)


def test_a_tenant_sees_its_own_queues_and_counts(db: Connection) -> None:
    f.enqueue_many(db, 3, queue="shared")
    f.enqueue_many(db, 2, queue="shared", tenant="acme")
    f.enqueue(db, queue="ours")
    f.enqueue(db, queue="theirs", tenant="acme")
    seen = {
        tenant: {queue.name: queue.available for queue in run(db, stats.queues(tenant))}
        for tenant in ("default", "acme")
    }
    assert seen == {
        "default": {"shared": 3, "ours": 1}, "acme": {"shared": 2, "theirs": 1},
    }  # fmt: skip


def test_counts_stop_at_a_cap_and_say_so(db: Connection) -> None:
    f.enqueue_many(db, stats.WALK_CAP + 5, queue="long")
    (queue,) = run(db, stats.queues("default"))
    assert (queue.available, queue.is_capped) == (stats.WALK_CAP, True)


def test_the_documented_percentile_of_a_sum_is_ours(db: Connection) -> None:
    page = (ROOT / "docs/explanation/statistics.md").read_text(encoding="utf-8")
    statement = page.split("```sql\n")[1].split("```")[0]
    add(db, [0.01] * 60, task="a")
    add(db, [0.7] * 40, task="b")
    (row,) = db.execute(statement.encode()).fetchall()
    (line,) = read(db, "run_p95", step=HOUR).lines
    assert row[2] == pytest.approx(line.points[-1].value)
    assert 0.512 <= row[2] <= 1.024
