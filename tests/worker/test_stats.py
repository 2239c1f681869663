"""What a worker counts equals what ended; it is handed in once, and only when there is news."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from taskflow import Cancel, Retry, Snooze, Taskflow
from taskflow.calls import stats
from taskflow.errors import DatabaseUnreachable
from taskflow.kernel.job import Claimed
from taskflow.kernel.stats import bucket
from taskflow.store.call import Call
from taskflow.worker.tally import MOST_KEYS, Tally
from tests.conftest import Connect
from tests.support import factories as f
from tests.support.notices import Listener
from tests.support.serving import eventually, serving

Connection = psycopg.Connection[Any]


def counted(db: Connection, table: str = "stat_1h") -> Counter[tuple[str, str, str]]:
    found = f.rows(
        db,
        "select queue, task, outcome, sum(count)::integer as n"
        f" from taskflow.{table} group by 1, 2, 3",
    )
    return Counter({(row.queue, row.task, row.outcome): row.n for row in found})


async def test_counts_equal_what_ended(tf: Taskflow, db: Connection) -> None:
    @tf.task(name="fine")
    async def fine() -> None: ...

    @tf.task(name="fine.thread", queue="other")
    def fine_thread() -> int:
        return 1

    @tf.task(name="fails", retry=Retry(2, base="1ms"))
    async def fails() -> None:
        raise ValueError("no")

    @tf.task(name="gives.up")
    async def gives_up() -> None:
        raise Cancel("enough")

    @tf.task(name="naps")
    async def naps() -> None:
        if f.value(db, "select count(*) from taskflow.attempt where outcome = 'snoozed'") == 0:
            raise Snooze("1ms")

    async with serving(tf, {"default": 5, "other": 5}):
        for _ in range(7):
            await fine.aenqueue()
        for _ in range(3):
            await fine_thread.aenqueue()
        for _ in range(2):
            await fails.aenqueue()
        await gives_up.aenqueue()
        await naps.aenqueue()
        await eventually(lambda: f.value(db, "select count(*) from taskflow.job") == 0)
    wanted = Counter({
        ("default", "fine", "completed"): 7,
        ("other", "fine.thread", "completed"): 3,
        ("default", "fails", "failed"): 2,
        ("default", "fails", "dead"): 2,
        ("default", "gives.up", "cancelled"): 1,
        ("default", "naps", "snoozed"): 1,
        ("default", "naps", "completed"): 1,
    })  # fmt: skip
    for table in ("stat_10s", "stat_1m", "stat_1h"):
        assert counted(db, table) == wanted, "the last flush is at the worker's end"
    history = f.rows(db, "select queue, task, count(*) as n from taskflow.job_history"
                         " where state = 'succeeded' group by 1, 2")  # fmt: skip
    assert {(row.queue, row.task, "completed"): row.n for row in history} == {
        key: n for key, n in wanted.items() if key[2] == "completed"
    }


async def test_times_are_those_of_the_run_and_of_the_wait(tf: Taskflow, db: Connection) -> None:
    go_on = asyncio.Event()
    begun = asyncio.Event()

    @tf.task(name="slow", queue="q")
    async def slow() -> None:
        begun.set()
        await go_on.wait()

    await slow.aenqueue()
    db.execute("update taskflow.job set run_at = run_at - interval '100 seconds'")
    async with serving(tf, {"q": 1}, settled=False):
        await begun.wait()
        asyncio.get_running_loop().call_later(0.3, go_on.set)
        await eventually(lambda: f.value(db, "select count(*) from taskflow.job") == 0)
    (row,) = f.rows(db, "select * from taskflow.stat_1h")
    assert 100 <= row.wait_seconds < 110
    assert 0.29 <= row.run_seconds < 3
    assert row.wait_buckets[bucket(row.wait_seconds)] == 1 == sum(row.wait_buckets)
    assert row.run_buckets[bucket(row.run_seconds)] == 1 == sum(row.run_buckets)


async def test_a_lost_lease_is_counted_as_lost_and_not_as_completed(
    tf: Taskflow, db: Connection
) -> None:
    go_on = asyncio.Event()

    @tf.task(name="slow", queue="q")
    async def slow() -> None:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue

    await slow.aenqueue()
    async with serving(tf, {"q": 1}, settled=False) as worker:
        await eventually(lambda: worker.running)
        db.execute("update taskflow.job set claim_no = claim_no + 1, lease_until = now() + '1 h'")
        go_on.set()
        await eventually(lambda: worker.settler.stale)
    assert counted(db) == Counter({("q", "slow", "lost"): 1})


async def test_an_idle_worker_sends_nothing(tf: Taskflow, db: Connection, connect: Connect) -> None:
    @tf.task(name="t")
    async def task() -> None: ...

    with Listener(connect()) as listener:
        async with serving(tf) as worker:
            sent: list[Call[bool]] = []

            async def note(call: Call[bool]) -> bool:
                sent.append(call)
                return True

            await worker.tally.flush(note, worker.id)
            assert sent == []
            await task.aenqueue()
            await eventually(lambda: counted(db, "stat_10s"))
        heard = [said for said in listener.heard() if said.startswith("active")]
    assert heard
    assert set(" ".join(heard).split()) <= {"active", "default/default", "*/default"}


# --- the tally by itself --------------------------------------------------------------------------


def claimed(now: Any, **changes: Any) -> Claimed:
    values = {
        "id": 1, "claim_no": 1, "tenant": "default", "queue": "q", "task": "t", "args": "{}",
        "attempt": 1, "max_attempts": 3, "lost": 0, "priority": 2, "run_at": now, "timeout": None,
        "lease_until": now + timedelta(seconds=30), "tags": None, "meta": None, "batch_id": 1,
        "begun_at": 1.0, "taken_at": 1.0, "ended_at": 1.5,
    }  # fmt: skip
    return Claimed(**(values | changes))


async def test_a_flush_whose_fate_is_unknown_is_sent_again_and_added_once(
    tf: Taskflow, db: Connection
) -> None:
    now = f.value(db, "select now()")
    tally = Tally(timedelta(seconds=30))
    tally.completed([claimed(now), claimed(now)])

    def broken_after(work: Callable[[Call[bool]], Awaitable[bool]]) -> Any:
        async def run(call: Call[bool]) -> bool:
            await work(call)
            raise DatabaseUnreachable("the answer was lost")

        return run

    with pytest.raises(DatabaseUnreachable):
        await tally.flush(broken_after(tf.arun), 7)
    tally.completed([claimed(now)])
    await tally.flush(tf.arun, 7)
    assert counted(db, "stat_1m") == Counter({("q", "t", "completed"): 2})
    await tally.flush(tf.arun, 7)
    assert counted(db, "stat_1m") == Counter({("q", "t", "completed"): 3})
    assert not counted(db, "stat_1h"), "its turn comes more seldom"
    await tally.flush_last(tf.arun, 7)
    assert counted(db, "stat_1h") == counted(db, "stat_10s") == counted(db, "stat_1m")


async def test_task_names_without_end_share_a_line(tf: Taskflow, db: Connection) -> None:
    now = f.value(db, "select now()")
    tally = Tally(timedelta(seconds=30))
    for n in range(MOST_KEYS + 50):
        tally.ended(claimed(now, task=f"task{n}"), "released")
    await tally.flush_last(tf.arun, 7)
    found = counted(db)
    assert found["q", "*", "released"] == 50
    assert len(found) == MOST_KEYS + 1


def test_a_line_starts_empty() -> None:
    first, second = stats.Line(), stats.Line()
    first.run_buckets[0] += 1
    assert second.run_buckets == [0] * len(second.run_buckets)
