"""Workers as processes: signals, fleets, the health port, memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from tests.support import factories as f
from tests.support import worker_process
from tests.support.signal_tasks import deaf, quick, take
from tests.support.waiting import until
from tests.worker.conftest import QUICK

Connection = psycopg.Connection[Any]
Start = Callable[..., subprocess.Popen[bytes]]
APP = "tests.support.signal_tasks:tf"


@pytest.fixture
def start(dsn: str, db: Connection, tmp_path: Path) -> Iterator[Start]:
    db.execute("drop table if exists started")
    db.execute("create table started (job_id bigint, pid int)")
    running: list[subprocess.Popen[bytes]] = []

    def begin(*before: str, settings: dict[str, Any] | None = None, **given: Any) -> Any:
        chosen = {"database_url": dsn, **QUICK, **(settings or {})}
        log = str(tmp_path / "worker.log")
        running.append(worker_process.start(*before, app=APP, settings=chosen, log=log, **given))
        until(lambda: f.value(db, "select count(*) from taskflow.worker"), seconds=20)
        return running[-1]

    yield begin
    for process in running:  # in good order where it can be: then coverage is written, too
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    print((tmp_path / "worker.log").read_text())  # noqa: T201 - shown when the test fails
    db.execute("drop table started")


def started(db: Connection) -> int:
    return int(f.value(db, "select count(*) from started"))


def test_term_hands_back_the_unstarted_and_waits_for_the_rest(start: Start, db: Connection) -> None:
    done = [f.enqueue(db, take.name, args={"seconds": 0.7}) for _ in range(2)]
    waiting = [f.enqueue(db, take.name, args={"seconds": 0.7}) for _ in range(4)]
    worker = start(queues={"default": 2})
    until(lambda: started(db) == 2)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert [f.state(db, id) for id in done] == ["succeeded"] * 2
    left = [f.job(db, id) for id in waiting]
    assert {(job.state, job.attempt, job.lost) for job in left} == {("available", 0, 0)}
    assert f.value(db, "select count(*) from taskflow.worker") == 0
    assert started(db) == 2


def test_after_the_grace_time_the_rest_is_handed_back(start: Start, db: Connection) -> None:
    id = f.enqueue(db, take.name, args={"seconds": 60})
    worker = start(settings={"grace": "1s"})
    until(lambda: started(db) == 1)
    begun = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert 1 <= time.monotonic() - begun < 1 + 1
    job = f.job(db, id)
    assert (job.state, job.attempt, job.lost) == ("available", 0, 0)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_same_signal_twice_means_now(
    start: Start, db: Connection, tmp_path: Path, sign: signal.Signals
) -> None:
    id = f.enqueue(db, take.name, args={"seconds": 60})
    worker = start(settings={"grace": "1m"})
    until(lambda: started(db) == 1)
    worker.send_signal(sign)
    # the kernel makes one of two that nobody has looked at yet
    until(lambda: "stops" in (tmp_path / "worker.log").read_text())
    begun = time.monotonic()
    worker.send_signal(sign)
    assert worker.wait(10) == 0
    assert time.monotonic() - begun < 1.5
    assert f.state(db, id) == "available"


def test_a_thread_whose_job_was_given_up_holds_up_no_exit(start: Start, db: Connection) -> None:
    """It ignored its timeout: the job is no longer this worker's, the thread still is."""
    id = f.enqueue(db, deaf.name, timeout="100 ms")
    worker = start(settings={"lease": "500ms", "threads": 1})
    until(lambda: f.job(db, id).lost)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0


def test_a_thread_that_does_not_listen_holds_up_no_exit(start: Start, db: Connection) -> None:
    id = f.enqueue(db, deaf.name)
    worker = start(settings={"grace": "300ms"})
    until(lambda: started(db) == 1)
    begun = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert time.monotonic() - begun < 0.3 + 1 + 1
    job = f.job(db, id)
    assert (job.state, job.attempt, job.lost) == ("available", 0, 0)


def test_without_a_database_it_still_ends(start: Start, db: Connection, dsn: str) -> None:
    worker = start()
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(dsn, autocommit=True, dbname="postgres") as admin:
        admin.execute(f'alter database "{name}" allow_connections false')
        try:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = %s and application_name like 'taskflow%%'", (name,)
            )  # fmt: skip
            begun = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0
            assert time.monotonic() - begun < 10
        finally:
            admin.execute(f'alter database "{name}" allow_connections true')


@pytest.mark.skipif(os.geteuid() != 0, reason="a pid namespace needs root")
def test_as_pid_1_it_listens_to_term(start: Start, db: Connection) -> None:
    """The kernel's default for process 1 is to ignore signals that it has no handler for."""
    id = f.enqueue(db, take.name, args={"seconds": 60})
    parent = start("unshare", "-p", "-f", "--kill-child", settings={"grace": "500ms"})
    until(lambda: started(db) == 1)
    assert f.value(db, "select pid from started") == 1
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    assert parent.wait(10) == 0
    assert f.state(db, id) == "available"


def test_a_fleet_shares_the_work_replaces_the_dead_and_ends_as_one(
    start: Start, db: Connection
) -> None:
    workers = "select array_agg(pid) from taskflow.worker where lease_until > now()"
    fleet = start(processes=2, queues={"default": 1}, settings={"lease": "1s"})
    pids = until(lambda: both(f.value(db, workers)), seconds=20)
    for _ in range(2):
        f.enqueue(db, take.name, args={"seconds": 0.5})
    until(lambda: f.value(db, "select count(distinct pid) from started") == 2)
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: both(f.value(db, workers)) not in ([], pids), seconds=20)
    now = until(lambda: both(f.value(db, workers)), seconds=20)
    fleet.send_signal(signal.SIGTERM)
    assert fleet.wait(20) == 0
    for pid in now:
        assert not Path(f"/proc/{pid}").exists()
    assert f.value(db, "select count(*) from taskflow.job where state = 'running'") == 0


def both(pids: list[int] | None) -> list[int]:
    alive = [pid for pid in pids or () if Path(f"/proc/{pid}").exists()]
    return sorted(alive) if len(alive) == 2 else []


def test_a_fleet_replaces_a_child_that_has_done_its_jobs(start: Start, db: Connection) -> None:
    fleet = start(processes=1, limits={"max_jobs": 3})
    for _ in range(7):
        f.enqueue(db, quick.name)
    until(lambda: started(db) == 7, seconds=30)
    assert f.value(db, "select count(distinct pid) from started") == 3
    fleet.send_signal(signal.SIGTERM)
    assert fleet.wait(20) == 0


def test_the_health_port_answers_and_outlives_bad_requests(start: Start, db: Connection) -> None:
    port = free_port()
    worker = start(health_port=port)
    status, body = until(lambda: ask(port, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"))
    assert status == b"200"
    told = msgspec.json.decode(body)
    assert told["status"] == "ok"
    assert told["listening"] in (True, False)
    assert ask(port, b"GET /health/ready?x=1 HTTP/1.1\r\n\r\n")[0] == b"200"
    assert ask(port, b"HEAD /health HTTP/1.1\r\n\r\n") == (b"200", b"")
    assert ask(port, b"POST /health HTTP/1.1\r\n\r\n")[0] == b"405"
    assert ask(port, b"GET /../etc/passwd HTTP/1.1\r\n\r\n")[0] == b"404"
    for nonsense in (b"\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"x" * 20_000, b"GET", b""):
        assert ask(port, nonsense)[0] != b"200"
    assert ask(port, b"GET /health HTTP/1.1\r\n\r\n")[0] == b"200"
    assert worker.poll() is None


@pytest.mark.skipif("coverage" in sys.modules, reason="coverage itself takes 30 MB")
def test_an_idle_worker_is_small(start: Start, db: Connection) -> None:
    start(settings={"lease": "300ms"})
    memory = "select memory_bytes from taskflow.worker"
    megabytes = until(lambda: f.value(db, memory)) / 1e6
    assert megabytes < 60, f"{megabytes:.0f} MB resident"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Status and body; empty where the connection was closed without a word."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                answer += chunk
    except OSError:
        pass
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b" ")[2].partition(b" ")[0], body
