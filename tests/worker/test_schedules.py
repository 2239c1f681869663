"""Workers fire schedules: at their time, once however many there are, also when one is killed."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg

from taskflow import Context, Taskflow
from tests.support import factories as f
from tests.support import worker_process
from tests.support.clockwork import put, row
from tests.support.serving import eventually, serving
from tests.support.waiting import until
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
LEDGER = "select * from taskflow.schedule_tick where schedule = 's' order by tick_at"


def check_beat(db: Connection, at_least: int) -> None:
    """Each second of the ledger has run once, none is missing, none came late."""
    lines = f.rows(db, LEDGER)
    assert len(lines) >= at_least
    beats = {after.tick_at - before.tick_at for before, after in pairwise(lines)}
    assert beats == {timedelta(seconds=1)}
    assert {line.status for line in lines} == {"run"}
    assert len({line.job_id for line in lines}) == len(lines)


async def test_a_tick_is_met_at_its_time_and_told_to_the_handler(tf: Taskflow, db: Any) -> None:
    seen: list[tuple[str | None, datetime | None, datetime]] = []

    @tf.task(name="t")
    async def work(ctx: Context) -> None:
        seen.append((ctx.schedule, ctx.tick, ctx.run_at))

    tf.schedule("s", work, every="1s")
    async with serving(tf):
        await eventually(lambda: len(seen) >= 3)
    check_beat(db, 3)
    lines = {line.tick_at: line for line in f.rows(db, LEDGER)}
    assert {name for name, _, _ in seen} == {"s"}
    assert {tick for _, tick, _ in seen} <= set(lines)
    # the first may be heard of only at the next look; from then on the time is known beforehand
    lates = sorted(lines[tick].late_by for _, tick, _ in seen[1:] if tick)
    assert lates[0] < timedelta(milliseconds=500)


async def test_a_job_that_no_schedule_made_has_no_tick(tf: Taskflow, db: Any) -> None:
    seen: list[Any] = []

    @tf.task()
    async def work(ctx: Context) -> None:
        seen.append((ctx.schedule, ctx.tick))

    async with serving(tf):
        await (await work.options(meta={"tick": "none of ours"}).aenqueue()).await_end(10)
    assert seen == [(None, None)]


async def test_k1_many_workers_make_one_job_per_tick(make_app: MakeApp, db: Any) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(4):
            tf = make_app()

            @tf.task(name="t")
            async def work() -> None: ...

            tf.schedule("s", work, every="1s")
            await stack.enter_async_context(serving(tf))
        await eventually(lambda: row(db) is not None and row(db).runs >= 4)
    check_beat(db, 4)
    made = f.value(db, "select count(*) from taskflow.job_view where meta ->> 'schedule' = 's'")
    assert made == row(db).runs


async def test_a_schedule_made_at_run_time_is_heard_of_by_an_idle_worker(
    tf: Taskflow, db: Any
) -> None:
    @tf.task(name="t")
    async def work() -> None: ...

    async with serving(tf) as worker:
        put(db, every="1 s")
        await eventually(lambda: worker.upkeep.fired >= 2)
        f.call(db, "pause_schedule", name="s")
        at_rest = row(db).runs
        put(db, "other", every="1 s")
        await eventually(lambda: row(db, "other").runs >= 2)
    assert row(db).runs == at_rest


async def test_the_last_tick_that_waited_for_a_job_runs_at_its_end(tf: Taskflow, db: Any) -> None:
    """Each look of the reaper, five a second here, put it off by another second, for ever."""
    release, ticks = asyncio.Event(), list[datetime | None]()

    @tf.task(name="t")
    async def work(ctx: Context) -> None:
        ticks.append(ctx.tick)
        await release.wait()

    put(db, every=timedelta(seconds=1), overlap="queue")
    async with serving(tf):
        await eventually(lambda: row(db).queued_at is not None)
        db.execute("update taskflow.schedule set next_at = null")
        release.set()
        await eventually(lambda: len(ticks) == 2)
    assert row(db).queued_at is None


async def test_what_breaks_in_firing_is_told_and_tried_again(tf: Taskflow, db: Any) -> None:
    put(db, every="1 s")
    db.execute("alter function taskflow.fire_schedules() rename to fire_schedules_away")
    try:
        async with serving(tf) as worker:
            await eventually(lambda: worker.upkeep.last_error is not None)
            db.execute("alter function taskflow.fire_schedules_away() rename to fire_schedules")
            await eventually(lambda: worker.upkeep.fired > 0)
    finally:
        if f.value(db, "select to_regproc('taskflow.fire_schedules_away')::text"):
            db.execute("alter function taskflow.fire_schedules_away() rename to fire_schedules")


def test_k1_a_killed_worker_s_ticks_are_fired_by_another(dsn: str, db: Any) -> None:
    put(db, every="1 s")
    settings = {"database_url": dsn, "reap_interval": "200ms"}
    given = {"app": "tests.support.signal_tasks:tf", "settings": settings}
    processes = [worker_process.start(**given) for _ in range(2)]
    try:
        until(lambda: f.value(db, "select count(*) from taskflow.worker") == 2)
        until(lambda: row(db).runs >= 2)
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        seen = row(db).runs
        until(lambda: row(db).runs >= seen + 3)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    check_beat(db, 5)
