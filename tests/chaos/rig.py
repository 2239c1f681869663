"""The machine of a chaos run: a server, a proxy before it, workers, load, and a seeded schedule.

Everything that happens is written to `chaos.jsonl` in the run's directory with the seed, so that a
failure can be run again. Every process is ended by its id, whatever happens.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from taskflow.store import embedded, migrate
from tests.chaos import evidence
from tests.support import worker_process
from tests.support.proxy import Proxy, When
from tests.support.serving import eventually

LEASE_S = 2.0
WORKERS = 3
SETTINGS: dict[str, Any] = {
    "lease": LEASE_S,
    "reap_interval": 0.2,
    "poll_interval": 0.3,
    "connect_timeout": 2.0,
    "grace": 2.0,
    "slots": 8,
    "pool_size": 4,
}


@dataclass
class Rig:
    directory: Path
    seed: int
    seconds: float
    server: embedded.Server
    proxy: Proxy
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.log = evidence.Log(self.directory / "chaos.jsonl")
        self.log.write(seed=self.seed, seconds=self.seconds)

    async def run(self) -> None:
        """Load and faults for the time given, then quiet until all work is done."""
        migrate.upgrade(self.server.dsn)
        evidence.prepare(self.server.dsn)
        with psycopg.connect(self.server.dsn, autocommit=True) as db:
            evidence.set_limits(db)
            evidence.save_workflow(db)
            evidence.set_schedules(db, self.seconds)
        os.environ["CHAOS_DIRECTORY"] = str(self.directory)
        try:
            for _ in range(WORKERS):
                self.start_worker()
            self.start_load()
            await self.make_trouble()
            await self.settle_down()
        finally:
            for process in [*self.workers, *self.others]:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
            self.log.close()

    def start_worker(self) -> None:
        self.workers.append(
            worker_process.start(
                app="tests.chaos.tasks:tf",
                settings={**SETTINGS, "database_url": self.proxy.dsn},
                log=str(self.directory / "worker.log"),
            )
        )

    def replace_dead(self) -> None:
        """As a supervisor would: a worker that finds no database at its start ends."""
        for worker in list(self.workers):
            if worker.poll() is not None:
                self.workers.remove(worker)
                self.start_worker()

    def start_load(self) -> None:
        with (self.directory / "load.log").open("ab") as log:
            command = [sys.executable, "-m", "tests.chaos.load", self.proxy.dsn]
            command += [str(self.seconds), str(self.seed)]
            self.others.append(
                subprocess.Popen(command, cwd=worker_process.ROOT, stdout=log, stderr=log)
            )

    async def make_trouble(self) -> None:
        faults = [
            (self.kill_worker, 4),
            (self.freeze_worker, 3),
            (self.end_sessions, 3),
            (self.kill_server, 1),
            (self.cut_commit, 6),
            (self.cut_statement, 6),
            (self.cut_all, 2),
            (self.slow_down, 2),
            (self.swallow, 2),
        ]
        plan = [fault for fault, weight in faults for _ in range(weight)]
        end = time.monotonic() + self.seconds
        pending: set[asyncio.Task[None]] = set()
        first = [fault for fault, _ in faults]  # each kind at least once, then at random
        while (left := end - time.monotonic()) > 0:
            fault = first.pop() if first else self.random.choice(plan)
            self.faults[fault.__name__] = self.faults.get(fault.__name__, 0) + 1
            self.log.write(fault=fault.__name__, at=time.time())
            pending.add(asyncio.create_task(fault()))
            self.replace_dead()
            await let_pass(min(self.random.uniform(0.3, 1.6), left))
        await asyncio.gather(*pending)

    async def settle_down(self) -> None:
        """No more faults: within the bounds all work ends, and every process at its TERM."""
        self.proxy.flow()
        for process in self.others:
            await asyncio.to_thread(process.wait, 30)
        self.replace_dead()
        with psycopg.connect(self.server.dsn, autocommit=True) as db:

            def is_done() -> bool:
                row = db.execute(
                    "select (select count(*) from taskflow.job),"
                    " (select count(*) from taskflow.schedule_view where state <> 'ended')"
                ).fetchone()
                return row == (0, 0)

            try:
                await eventually(is_done, seconds=40, what="all jobs and schedules end")
            except AssertionError as error:
                raise AssertionError(f"{error}\n" + "\n".join(what_is_left(db))) from None
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            code = await asyncio.to_thread(worker.wait, 20)
            assert code in (0, -signal.SIGTERM), f"a worker ended with {code}"  # one at its start
        (self.directory / "server.log").write_bytes((self.server.directory / "log").read_bytes())

    # --- faults -----------------------------------------------------------------------------------

    async def kill_worker(self) -> None:
        worker = self.random.choice(self.workers)
        self.workers.remove(worker)
        worker.kill()
        await asyncio.to_thread(worker.wait)
        self.start_worker()

    async def freeze_worker(self) -> None:
        """Long enough to lose its leases, short enough to come back and claim to hold them."""
        worker = self.random.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)
        await let_pass(self.random.choice((0.5, 1.2, 2.0)) * LEASE_S)
        with suppress(ProcessLookupError):
            worker.send_signal(signal.SIGCONT)

    async def end_sessions(self) -> None:
        statement = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name like 'taskflow%%'"
            " order by random() limit %s"
        )
        await asyncio.to_thread(self._on_server, statement, self.random.randint(1, 8))

    async def kill_server(self) -> None:
        with suppress(ProcessLookupError):
            pid = self.server.kill_postmaster()
            await asyncio.to_thread(self.server.wait_ready, other_than=pid)

    async def cut_commit(self) -> None:
        await self._cut("COMMIT", self.random.choice(("before", "after")))

    async def cut_statement(self) -> None:
        await self._cut("_pg3_", self.random.choice(("before", "after", "during")))

    async def cut_all(self) -> None:
        self.proxy.cut_all()

    async def slow_down(self) -> None:
        self.proxy.delay_s = self.random.choice((0.02, 0.2))
        await let_pass(1.0)
        self.proxy.delay_s = 0.0

    async def swallow(self) -> None:
        self.proxy.swallow()
        await let_pass(self.random.choice((0.5, 2.5)))
        self.proxy.flow()

    async def _cut(self, needle: str, when: When) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.proxy.cut(needle, when).wait(), 3)

    def _on_server(self, statement: Any, *parameters: Any) -> None:
        with suppress(psycopg.Error):
            with psycopg.connect(self.server.dsn, autocommit=True, connect_timeout=2) as db:
                db.execute(statement, parameters)


def what_is_left(db: psycopg.Connection[Any]) -> Iterator[str]:
    """The jobs and schedules that should have ended, and why the first of them have not."""
    for name, state in db.execute("select name, state from taskflow.schedule_view"):
        yield f"schedule {name} is {state}"
    jobs = "select id, task, state from taskflow.job_view where finished_at is null limit 20"
    for id, task, state in db.execute(jobs).fetchall():
        why = db.execute("select sentence from taskflow.explain(%s)", (id,)).fetchall()
        yield f"job {id} of {task} is {state}: {' '.join(row[0] for row in why)}"


async def let_pass(seconds: float) -> None:
    """Time is the schedule here, not a way to wait for something."""
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
