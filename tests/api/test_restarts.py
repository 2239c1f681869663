"""The API and the server are killed under load: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from taskflow.store import embedded, migrate
from tests.support.listening import key
from tests.support.waiting import until

pytestmark = pytest.mark.slow
WRITERS, JOBS = 8, 40


class Served:
    """`taskflow serve` as a process that can be killed and started again."""

    def __init__(self, dsn: str, log: Path) -> None:
        self.log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | {
            "TASKFLOW_DATABASE_URL": dsn, "TASKFLOW_API_ALLOW_SUPERUSER": "yes",
        }  # fmt: skip
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "taskflow", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self._environment, stderr=log, start_new_session=True
            )
        until(self._answers, seconds=30, what="the API answers")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        return False


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Any]:
    """A server with fsync on, which can be killed."""
    with embedded.start(tmp_path / "pg") as server:
        migrate.upgrade(server.dsn)
        yield server
    embedded.stop(tmp_path / "pg", timeout=timedelta(seconds=20))


async def write(url: str, secret: str, writer: int) -> dict[str, str]:
    """Enqueues jobs one after the other, each until it is acknowledged; answers their ids."""
    acknowledged: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=20) as asker:
        for number in range(JOBS):
            name = f"{writer}-{number}"
            headers = {"authorization": f"Bearer {secret}", "idempotency-key": name}
            body = {"task": "t", "args": {"name": name}}
            async with asyncio.timeout(60):
                while name not in acknowledged:
                    with suppress(httpx.HTTPError):
                        answer = await asker.post("/jobs", json=body, headers=headers)
                        if answer.status_code == 201:
                            acknowledged[name] = answer.json()["id"]
    return acknowledged


@pytest.mark.parametrize("victim", ["api", "postgres"])
async def test_what_was_acknowledged_is_there_once(
    durable: Any, tmp_path: Path, victim: str
) -> None:
    with psycopg.connect(durable.dsn, autocommit=True) as session:
        secret = key(session, "producer", rate=1_000_000)
    served = Served(durable.dsn, tmp_path / "log")
    kill: Callable[[], Any] = durable.kill_postmaster if victim == "postgres" else served.kill
    try:
        writers = [asyncio.create_task(write(served.url, secret, n)) for n in range(WRITERS)]
        for least in (20, 100):
            await asyncio.to_thread(wait_for_jobs, durable.dsn, least)
            await asyncio.to_thread(kill)
            assert not all(writer.done() for writer in writers), "killed under load"
            if victim == "api":
                await asyncio.to_thread(served.start)
            else:
                await asyncio.to_thread(durable.wait_ready)
        acknowledged = {n: i for found in await asyncio.gather(*writers) for n, i in found.items()}
    finally:
        served.kill()
    with psycopg.connect(durable.dsn) as session:
        rows = session.execute("select args ->> 'name', id::text from taskflow.job").fetchall()
    assert len(rows) == len(dict(rows)) == WRITERS * JOBS, "each once"
    assert dict(rows) == acknowledged


def wait_for_jobs(dsn: str, least: int) -> None:
    until(lambda: count(dsn) >= least, seconds=30, what=f"{least} jobs")


def count(dsn: str) -> int:
    with suppress(psycopg.Error), psycopg.connect(dsn) as session:
        row = session.execute("select count(*) from taskflow.job").fetchone()
        return int(row[0]) if row else 0
    return 0


async def test_a_server_that_is_told_to_stop_waits_for_no_viewer(
    fresh_dsn: str, tmp_path: Path
) -> None:
    """Streams and waits for a result end then; a deployment takes a second, not the whole grace."""
    with psycopg.connect(fresh_dsn, autocommit=True) as session:
        secret = key(session, "operator")
        (job,) = session.execute("select taskflow.enqueue('t')").fetchone() or (0,)
    served = await asyncio.to_thread(Served, fresh_dsn, tmp_path / "log")
    headers = {"authorization": f"Bearer {secret}"}
    try:
        async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", headers=headers) as asker:
            waiting = asyncio.create_task(asker.get(f"/jobs/{job}/result?wait=25", timeout=30))
            async with (
                asker.stream("GET", "/events?topics=queues") as hub,
                asker.stream("GET", f"/jobs/{job}/logs/follow") as log,
            ):
                streams = [one.aiter_bytes() for one in (hub, log)]
                await anext(streams[0])
                begun = time.monotonic()
                served.process.send_signal(signal.SIGTERM)
                code = await asyncio.to_thread(served.process.wait, 20)
                took = time.monotonic() - begun
            answer = await waiting
    finally:
        served.kill()
    assert (code, answer.status_code) == (-signal.SIGTERM, 202)
    assert took < 3
    assert "Traceback" not in served.log.read_text()
