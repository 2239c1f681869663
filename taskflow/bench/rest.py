"""The REST API under load, beside the framework that it is written in and its one statement."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from taskflow.access.tokens import make_key
from taskflow.bench import measures
from taskflow.bench.children import BenchFailed, Child
from taskflow.bench.load import BULK, HOST, Told
from taskflow.bench.room import PATIENCE_S, Figure, Room
from taskflow.calls import people
from taskflow.store.call import run

API, FRAMEWORK, STATEMENT = "/api/v1", "/framework", "/statement"
CONNECTIONS = 16
WARM_UP = 20
"""Requests of each connection before the clock starts: pools are filled, statements prepared."""
LOOKED_AT = 2_000
UNLIMITED = 1_000_000_000
LOOK_EVERY_S = 0.05


class Route(NamedTuple):
    """One route under load; `items` is for its body."""

    what: str
    method: str
    path: str
    statement: str
    items: int = 0
    connections: int = CONNECTIONS


ROUTES = (
    Route("GET /jobs/{id}", "GET", "/jobs/{id}", "SELECT"),
    Route("GET /jobs?limit=50", "GET", "/jobs?limit=50", "SELECT"),
    Route("POST /jobs", "POST", "/jobs", "INSERT", items=1),
    Route(
        f"POST /jobs:enqueue_many, {BULK:,} each",
        "POST",
        "/jobs:enqueue_many",
        "INSERT",
        items=BULK,
        connections=4,
    ),
)


def rest(room: Room) -> Iterator[Figure]:
    room.scratch.clear()
    room.scratch.seed(LOOKED_AT)
    room.scratch.connection.execute("analyze taskflow.job")
    found = room.scratch.connection.execute("select id from taskflow.job order by id")
    ids = [int(id) for (id,) in found]
    secret = make_key()
    run(
        room.scratch.connection,
        people.create_key("bench", secret.prefix, secret.hash, "operator", rate=UNLIMITED),
    )
    with room.nursery() as nursery:
        port, bare_port = free_port(), free_port()
        for child, at in ((nursery.api(port), port), (nursery.bare_api(bare_port), bare_port)):
            until_listening(child, at)
        for route in ROUTES:
            paths = [route.path.format(id=id) for id in ids] if "{" in route.path else [route.path]

            def loaded(prefix: str, route: Route = route, paths: list[str] = paths) -> Told:
                given: dict[str, Any] = {
                    "port": port if prefix == API else bare_port, "method": route.method,
                    "paths": [prefix + path for path in paths], "items": route.items,
                    "connections": route.connections, "key": secret.text,
                }  # fmt: skip
                with room.nursery() as clients:
                    clients.player("load", **given, seconds=PATIENCE_S, count=WARM_UP).answer(
                        PATIENCE_S
                    )
                    answer = clients.player("load", **given, seconds=room.seconds).answer(
                        PATIENCE_S + room.seconds
                    )
                told = msgspec.convert(answer, Told)
                if told.wrong or not told.times_ms:
                    raise BenchFailed(f"{route.what}: {told.wrong} answers failed:\n{told.said}")
                return told

            sides = [API, FRAMEWORK, STATEMENT]
            by_prefix = {
                prefix: loaded(prefix) for prefix in (sides[::-1] if room.is_odd else sides)
            }
            yield from figures(route, *(by_prefix[prefix] for prefix in sides))


def figures(route: Route, ours: Told, framework: Told, statement: Told) -> Iterator[Figure]:
    with_statement = f"framework + {route.statement}"
    yield Figure(route.what, "1/s", rate(ours), with_statement, rate(statement))
    yield Figure(f"  {route.what}", "1/s", rate(ours), "bare framework", rate(framework))
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        yield Figure(
            f"  {route.what}, {name}", "ms", measures.percentile(ours.times_ms, share),
            with_statement, measures.percentile(statement.times_ms, share),
        )  # fmt: skip
    yield Figure(
        f"  {route.what}, the client's CPU", "%", ours.cpu_share * 100,
        "bare framework", framework.cpu_share * 100,
    )  # fmt: skip


def rate(told: Told) -> float:
    return len(told.times_ms) / told.seconds


def free_port() -> int:
    with socket.create_server((HOST, 0)) as found:
        return int(found.getsockname()[1])


def until_listening(child: Child, port: int) -> None:
    """Waits for a server that was just started."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        child.check()
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise BenchFailed(f"{child.what} did not listen in {PATIENCE_S:g} s") from None
            time.sleep(LOOK_EVERY_S)
        else:
            return
