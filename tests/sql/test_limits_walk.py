"""Random walks under limits: no cap and no window is ever exceeded, and nothing is left stuck.

After each walk everything is worked off: a lane that nobody looks at again would stay behind.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f

Connection = psycopg.Connection[Any]

WALKS = int(os.environ.get("TASKFLOW_TEST_WALKS", "6"))
STEPS = 120
CAP_ALL, CAP_KEY, RATE, PERIOD = 6, 2, 5, timedelta(seconds=20)
KEYS = "abcde"
RUNNING = """
select j.id, j.task, j.args ->> 'k' as key from taskflow.job j where j.state = 'running'"""
USED = """
select count(*) from taskflow.limit_slot s join taskflow.limit_key k on k.id = s.key_id
 where k.limit_name = 'all'"""


class Walk:
    """Three limits at once: of the queue, of each key, and a rate of one task."""

    def __init__(self, db: Connection, seed: int) -> None:
        self.db = db
        self.dice = random.Random(seed)
        self.workers = [f.join(db) for _ in range(3)]
        self.held: dict[int, list[Any]] = defaultdict(list)
        self.starts: list[tuple[datetime, str]] = []
        f.call(db, "set_limit", name="all", queue="default", concurrency=CAP_ALL)
        f.call(db, "set_limit", name="key", queue="default", key="{k}", concurrency=CAP_KEY)
        f.call(db, "set_limit", name="rate", task="slow", rate=RATE, per=PERIOD)
        f.call(db, "set_limit", name="order", task="ordered", key="{k}", ordered=True)

    def step(self) -> None:
        getattr(self, self.dice.choice(
            ["enqueue", "enqueue", "claim", "claim", "claim", "settle", "settle", "settle",
             "advance", "lose", "cancel", "retry"]
        ))()  # fmt: skip

    def enqueue(self) -> None:
        task = self.dice.choice(["fast", "slow", "ordered"])
        items = [{"k": self.dice.choice(KEYS)} for _ in range(self.dice.randint(1, 6))]
        delay = timedelta(seconds=self.dice.choice([0, 0, 5]))
        f.call_rows(self.db, "enqueue_many", task=task, args=Jsonb(items), delay=delay,
                    priority=self.dice.choice(["high", "normal"]), max_attempts=2)  # fmt: skip

    def claim(self) -> None:
        worker = self.dice.choice(self.workers)
        found = f.claim(self.db, worker, self.dice.randint(1, 5))
        self.held[worker] += found
        for job in found:
            self.starts.append((f.job(self.db, job.id).started_at, job.task))
        self.check()

    def settle(self) -> None:
        worker = self.dice.choice(self.workers)
        self.dice.shuffle(self.held[worker])
        for _ in range(min(len(self.held[worker]), self.dice.randint(1, 3))):
            outcome = self.dice.choice(
                ["completed", "completed", "failed", "snoozed", "released", "cancelled"]
            )
            delay = timedelta(seconds=self.dice.choice([0, 3]))
            f.settle(self.db, self.held[worker].pop(), outcome, delay=delay)
        self.check()

    def advance(self) -> None:
        f.advance(self.db, self.dice.choice([0.5, 2, 7]))

    def lose(self) -> None:
        """The worker dies; its jobs come back, its slots with them."""
        worker = self.dice.choice(self.workers)
        kept = [job for other in self.workers if other != worker for job in self.held[other]]
        f.advance(self.db, 31)
        for other in self.workers:
            if other != worker:
                f.renew(self.db, other, self.held[other])
        f.call(self.db, "reap")
        f.advance(self.db, 16)
        for other in self.workers:
            if other != worker:
                f.renew(self.db, other, self.held[other])
        f.call(self.db, "reap")
        self.held[worker] = []
        assert len(kept) <= CAP_ALL
        self.check()

    def cancel(self) -> None:
        if waiting := f.rows(self.db, "select id from taskflow.job where state <> 'running'"):
            f.call(self.db, "cancel", id=self.dice.choice(waiting).id)

    def retry(self) -> None:
        if dead := f.rows(self.db, "select id from taskflow.dead_job"):
            f.call(self.db, "retry", id=self.dice.choice(dead).id)

    def check(self) -> None:
        running = f.rows(self.db, RUNNING)
        assert len(running) <= CAP_ALL
        assert max(Counter(job.key for job in running).values(), default=0) <= CAP_KEY
        ordered = Counter(job.key for job in running if job.task == "ordered")
        assert max(ordered.values(), default=0) <= 1
        used = f.value(self.db, USED)
        assert used == len(running)
        slow = sorted(at for at, task in self.starts if task == "slow")
        for first, late in zip(slow, slow[RATE:], strict=False):
            assert late - first >= PERIOD

    def work_off(self) -> None:
        """With everything answered and time enough, all jobs end."""
        for jobs in self.held.values():
            for job in jobs:
                f.settle(self.db, job)
        worker = self.workers[0]
        for _ in range(600):
            found = f.claim(self.db, worker, 10)
            for job in found:
                self.starts.append((f.job(self.db, job.id).started_at, job.task))
                f.settle(self.db, job)
            if not f.value(self.db, "select count(*) from taskflow.job"):
                self.check()
                return
            if not found:
                f.advance(self.db, 1)
        stuck = f.rows(self.db, "select id, lane_id, task, args, state, run_at from taskflow.job")
        pytest.fail(f"left behind: {stuck}")


@pytest.mark.parametrize("seed", range(WALKS))
def test_o3_limits_hold_through_a_random_walk_and_nothing_is_left(
    db: Connection, seed: int
) -> None:
    walk = Walk(db, seed)
    for _ in range(STEPS):
        walk.step()
    walk.work_off()
