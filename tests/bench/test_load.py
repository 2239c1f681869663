"""The client that loads an HTTP server, and what the benchmark fills a database with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import psycopg
import pytest

from taskflow.bench import fill, load
from taskflow.bench.children import BenchFailed

Connection = psycopg.Connection[Any]


class Server(ThreadingHTTPServer):
    """Answers everything, 503 to every third request, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((load.HOST, 0), Handler)
        self.asked: list[tuple[str, str | None, bytes]] = []
        self.connections = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((self.path, self.headers.get("authorization"), body))
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("Content-Length", "70000")
        self.end_headers()
        self.wfile.write(b"x" * 70_000)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def loaded(server: Server, method: str = "GET", **more: Any) -> load.Told:
    given: dict[str, Any] = {"paths": ["/a", "/b"], "connections": 3, "seconds": 20, "count": 4}
    return load.load(port=server.server_port, method=method, **given | more)


def test_each_connection_stays_open_and_sends_its_count(server: Server) -> None:
    told = loaded(server)
    assert len(told.times_ms) == len(server.asked) == 12
    assert server.connections == 3
    assert {path for path, _, _ in server.asked} == {"/a", "/b"}
    assert told.wrong == 0
    assert all(time_ms > 0 for time_ms in told.times_ms)


def test_a_load_ends_with_its_time(server: Server) -> None:
    told = loaded(server, seconds=0.3, count=None)
    assert 0.3 <= told.seconds < 5
    assert len(told.times_ms) == len(server.asked)


def test_bodies_and_keys_are_sent_as_the_api_takes_them(server: Server) -> None:
    loaded(server, "POST", key="tf_x", items=1, connections=1, count=1)
    loaded(server, "POST", items=3, connections=1, count=1)
    (_, key, one), (_, no_key, many) = server.asked
    assert key == "Bearer tf_x"
    assert no_key is None
    assert msgspec.json.decode(one)["args"]["order_id"] == 1_000_000
    assert len(msgspec.json.decode(many)["items"]) == 3


def test_answers_that_are_no_success_are_told(server: Server) -> None:
    told = loaded(server, paths=["/broken"], connections=1)
    assert told.wrong == 4
    assert told.said.startswith("HTTP/1.1 503")


@pytest.fixture
def scratch(db: Connection) -> Iterator[Connection]:
    """Rolled back, since a fill makes partitions, too."""
    with db.transaction(force_rollback=True):
        yield db


def test_a_filled_database_has_what_was_asked_for(scratch: Connection) -> None:
    said: list[str] = []
    fill.fill_tables(scratch, fill.Sizes(finished=20_020, live=1_500), said.append)

    def one(statement: str) -> Any:
        row = scratch.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]

    history, dead = (
        one("select count(*) from taskflow.job_history"),
        one("select count(*) from taskflow.dead_job"),
    )
    assert history + dead == 20_020
    assert dead == 20_020 // fill.DEAD_EVERY
    assert one("select count(*) from taskflow.job") == 1_500
    assert one("select count(*) from taskflow.job_history_default") == 0
    assert one(
        "select count(distinct finished_at::date) from taskflow.job_history"
    ) in (fill.DAYS, fill.DAYS + 1)  # fmt: skip
    assert one("select count(distinct queue) from taskflow.job") > 5
    assert one("select count(distinct state) from taskflow.job") == 3
    assert one(f"select count(*) from taskflow.job_history where tenant = '{fill.SMALL_TENANT}'")
    held = one("select sum(cardinality(job_ids)) from taskflow.claim_batch")
    assert held == one("select count(*) from taskflow.job where state = 'running'")
    assert one("select taskflow.enqueue('x')") > one(
        "select max(id) from taskflow.job where task <> 'x'"
    )
    assert any("20,020 of 20,020" in line for line in said)


def test_ids_and_creation_rise_together(scratch: Connection) -> None:
    """Lists find a time by halving ids."""
    fill.fill_tables(scratch, fill.Sizes(finished=2_000, live=200), lambda _: None)
    out_of_step = scratch.execute(
        "select count(*) from (select created_at < lag(created_at) over (order by id) as is_back"
        " from (select id, created_at from taskflow.job_history union all"
        " select id, created_at from taskflow.dead_job) j) k where is_back"
    ).fetchone()
    assert out_of_step == (0,)


def test_a_fill_that_does_not_fit_is_refused_first(db: Connection) -> None:
    with pytest.raises(BenchFailed, match=r"GB are free"):
        fill.check_disk(db, fill.Sizes(finished=10**12, live=0))
