"""Runs workers, or bare loops, through a backlog, and reads from the database how long it took.

Processes take half a second to start, so nothing is measured from outside: the first and the last
job say when they ran, and history says when each batch was settled.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import psycopg

from taskflow.bench import measures
from taskflow.bench.children import BenchFailed, Child, Nursery
from taskflow.bench.scratch import Scratch

PATIENCE_S = 120.0
SLOWEST = 200.0
"""Jobs per second below which a drain counts as stuck."""
LOOK_EVERY_S = 0.002


class Drained(NamedTuple):
    """One drain of `jobs` by one process, from the first handler to an empty queue."""

    jobs: int
    seconds: float
    wal_bytes: int
    server_cpu_s: float | None
    client_cpu_s: float
    rows_per_claim: float
    rows_per_settle: float

    @property
    def rate(self) -> float:
        return self.jobs / self.seconds


class Course(NamedTuple):
    """How a drain went by the database's clock: when it began and when batches were settled."""

    start_s: float
    batches: list[tuple[float, int]]
    start_skew_s: float
    """Between the first claims of the first and of the last process."""

    @property
    def rate(self) -> float:
        """Jobs per second from the first claim to the last settle."""
        return sum(count for _, count in self.batches) / (self.batches[-1][0] - self.start_s)

    @property
    def rate_of_all(self) -> float | None:
        """Jobs per second from when the last process had started; None if nothing was left."""
        whole_s = self.start_s + self.start_skew_s
        left = sum(count for time_s, count in self.batches if time_s > whole_s)
        return left / (self.batches[-1][0] - whole_s) if left else None

    def tenths(self) -> list[float]:
        return measures.rates_by_tenths(self.start_s, self.batches)


def drain(scratch: Scratch, jobs: int, *, bare: bool, tasks: bool = False) -> Drained:
    """One process, a backlog of `jobs`; the first and the last one are marks. `tasks`: the bare
    loop gives each job a task and a timeout."""
    scratch.clear()
    first = scratch.mark()
    scratch.seed(jobs - 2)
    last = scratch.mark()
    before = measures.Meter.read(scratch.connection)
    with Nursery(scratch.place, scratch.dsn) as nursery:
        child = nursery.player("drain-bare", tasks=tasks) if bare else nursery.worker("--burst")
        done_s = wait_until_finished(scratch, jobs, last, child)
        after = measures.Meter.read(scratch.connection)
        if bare:
            told = child.answer(PATIENCE_S)
            first_s, client_cpu_s = told["first_s"], told["cpu_s"]
        else:
            child.wait(PATIENCE_S)
            marks = scratch.results([first, last])
            first_s = marks[first][0] / 1e9
            client_cpu_s = (marks[last][1] - marks[first][1]) / 1e9
    settles = scratch.value("select count(distinct finished_at) from taskflow.job_history")
    cpu_s = None
    if before.cpu_s is not None and after.cpu_s is not None:
        cpu_s = after.cpu_s - before.cpu_s
    return Drained(
        jobs, done_s - first_s, after.wal_bytes - before.wal_bytes, cpu_s, client_cpu_s,
        jobs / max(after.claims - before.claims, 1), jobs / settles,
    )  # fmt: skip


def wait_until_finished(scratch: Scratch, jobs: int, last: int, *children: Child) -> float:
    """Waits until history holds `jobs`; answers the monotonic time of the look that saw it.

    Sleeps until the last job's end is notified: looking costs the server what is to be measured.
    """
    deadline = time.monotonic() + PATIENCE_S + jobs / SLOWEST
    with psycopg.connect(scratch.dsn, autocommit=True) as ear:
        ear.execute("listen taskflow")
        ear.execute("select taskflow.watch(%s)", [last])
        told = False
        while time.monotonic() < deadline:
            for child in children:
                child.check()
            if not told:
                told = any(
                    notice.payload == f"done {last}"
                    for notice in ear.notifies(timeout=1.0, stop_after=1)
                )
            looked_s = time.monotonic()
            if scratch.value("select count(*) from taskflow.job_history") >= jobs:
                return looked_s
            if told:
                time.sleep(LOOK_EVERY_S)
    raise BenchFailed(f"{jobs} jobs were not done in {PATIENCE_S + jobs / SLOWEST:g} s")


def drain_together(scratch: Scratch, jobs: int, processes: int, *, bare: bool) -> Course:
    """Several processes started at once on one backlog."""
    scratch.clear()
    scratch.seed(jobs)
    with Nursery(scratch.place, scratch.dsn) as nursery:
        children = [
            nursery.player("drain-bare") if bare else nursery.worker("--burst")
            for _ in range(processes)
        ]
        for child in children:
            child.wait(PATIENCE_S + jobs / SLOWEST)
    return course(scratch)


def drain_some(scratch: Scratch, jobs: int) -> Course:
    """One worker takes `jobs` of whatever waits."""
    scratch.connection.execute("truncate taskflow.job_history")
    with Nursery(scratch.place, scratch.dsn) as nursery:
        nursery.worker("--burst", "--max-jobs", str(jobs)).wait(PATIENCE_S + jobs / SLOWEST)
    return course(scratch)


def course(scratch: Scratch) -> Course:
    """What history tells of the drain that is over."""
    rows: list[Any] = scratch.connection.execute(
        "select extract(epoch from finished_at)::float8, count(*) from taskflow.job_history"
        " group by 1 order by 1"
    ).fetchall()
    starts = scratch.connection.execute(
        "select extract(epoch from min(started_at))::float8 from taskflow.job_history"
        " group by worker_id order by 1"
    ).fetchall()
    if not rows:
        raise BenchFailed("no job was done")
    return Course(starts[0][0], rows, starts[-1][0] - starts[0][0])
