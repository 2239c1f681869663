"""Looking on: server-sent events and sockets, behind a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import websockets

from taskflow import Taskflow
from tests.api.conftest import PREFIX, Client, Connection
from tests.support import factories as f
from tests.support.listening import serving

PATIENCE_S = 10


class Stream:
    """The events of a stream, one after the other."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> dict[str, Any]:
        event: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "data":
                    event["data"] = json.loads(value)
                elif name:
                    event[name] = value
                elif "data" in event:
                    return event
        raise StopAsyncIteration


@asynccontextmanager
async def looking(served: str, key: str, topics: str, **headers: str) -> AsyncIterator[Stream]:
    async with (
        httpx.AsyncClient(headers={"authorization": key, **headers}, timeout=PATIENCE_S) as browser,
        browser.stream(
            "GET", f"http://{served}{PREFIX}/events", params={"topics": topics}
        ) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines())


def key_of(client: Client, role: Any = "admin", **bounds: Any) -> str:
    return str(client(role, **bounds).headers["authorization"])


async def test_a_stream_begins_with_what_is_and_goes_on_with_what_changes(
    served: str, client: Client, db: Connection
) -> None:
    id = f.enqueue(db)
    key = key_of(client)
    async with looking(served, key, f"job:{id}") as stream:
        first = await stream.next()
        assert (first["event"], first["data"]["topic"]) == ("job.changed", f"job:{id}")
        assert (first["data"]["data"]["id"], first["data"]["data"]["state"]) == (
            str(id),
            "available",
        )
        async with httpx.AsyncClient(headers={"authorization": key}) as other:
            url = f"http://{served}{PREFIX}/jobs/{id}/cancel"
            assert (await other.post(url)).status_code == 200
        changed = await stream.next()
        assert changed["data"]["data"]["state"] == "cancelled"


async def test_a_client_that_comes_back_gets_what_it_missed(
    served: str, client: Client, db: Connection
) -> None:
    id = f.enqueue(db)
    key = key_of(client)
    async with (
        looking(served, key, f"job:{id}") as holds,
        looking(served, key, f"job:{id}") as goes,
    ):
        first = await goes.next()
        await holds.next()
        f.call(db, "cancel", id=id)
        assert (await holds.next())["data"]["data"]["state"] == "cancelled"
        await goes.next()
        async with looking(served, key, f"job:{id}", **{"last-event-id": first["id"]}) as back:
            assert (await back.next())["data"]["data"]["state"] == "cancelled"
    async with looking(served, key, f"job:{id}", **{"last-event-id": "other-1"}) as lost:
        assert (await lost.next())["event"] == "resync"


async def test_a_tenant_hears_nothing_of_another(
    served: str, client: Client, db: Connection
) -> None:
    """Attack 1: the id of another tenant's job is a topic without events."""
    theirs = f.enqueue(db, tenant="acme")
    mine = f.enqueue(db)
    async with looking(served, key_of(client), f"job:{theirs},job:{mine}") as stream:
        assert (await stream.next())["data"]["topic"] == f"job:{mine}"
        f.call(db, "cancel", id=theirs, tenant="acme")
        f.call(db, "cancel", id=mine)
        assert (await stream.next())["data"]["topic"] == f"job:{mine}"


@pytest.mark.parametrize(
    ("role", "bounds", "topics", "status"),
    [
        ("viewer", {}, "stats,queues,workers,job:1,run:1", 200),
        ("producer", {}, "job:1", 403),
        ("viewer", {"tenant": "acme"}, "workers", 403),
        ("viewer", {"tenant": "acme"}, "stats", 200),
        ("viewer", {"queues": ["mail"]}, "queue:mail", 200),
        ("viewer", {"queues": ["mail"]}, "queue:bulk", 403),
        ("viewer", {"queues": ["mail"]}, "queues", 403),
        ("viewer", {"queues": ["mail"]}, "stats", 403),
        ("viewer", {"queues": ["mail"]}, "job:1", 404),
        ("viewer", {"scopes": ["events:read"]}, "stats", 403),
        ("viewer", {}, "nonsense", 400),
        ("viewer", {}, "job:x", 400),
        ("viewer", {}, ",".join(f"job:{n}" for n in range(1, 300)), 400),
    ],
)
async def test_topics_take_the_rights_of_what_they_show(
    served: str, client: Client, role: str, bounds: dict[str, Any], topics: str, status: int
) -> None:
    headers = {"authorization": key_of(client, role, **bounds)}
    async with (
        httpx.AsyncClient(headers=headers) as browser,
        browser.stream(
            "GET", f"http://{served}{PREFIX}/events", params={"topics": topics}
        ) as answer,
    ):
        assert answer.status_code == status


async def test_a_browser_opens_a_stream_with_a_ticket(served: str, client: Client) -> None:
    ticket = (await client("viewer").post("/auth/ticket")).json()["ticket"]
    url = f"http://{served}{PREFIX}/events?topics=stats&ticket={ticket}"
    async with httpx.AsyncClient() as browser:
        async with browser.stream("GET", url) as answer:
            assert answer.status_code == 200
        async with browser.stream("GET", url) as again:
            assert again.status_code == 401


async def test_the_socket_takes_and_leaves_topics(
    served: str, client: Client, db: Connection
) -> None:
    id = f.enqueue(db)
    headers = {"authorization": key_of(client)}
    async with websockets.connect(
        f"ws://{served}{PREFIX}/ws", additional_headers=headers
    ) as socket:
        await socket.send(json.dumps({"subscribe": [f"job:{id}"]}))
        async with asyncio.timeout(PATIENCE_S):
            event = json.loads(await socket.recv())
        assert (event["topic"], event["data"]["state"]) == (f"job:{id}", "available")
        for bad in ("x", '{"subscribe": ["nonsense"]}', '{"subscribe": 1}', "[" * 5000):
            await socket.send(bad)
            async with asyncio.timeout(PATIENCE_S):
                told = json.loads(await socket.recv())
            assert (told["type"], told["data"]["status"]) == ("error", 400)
        await socket.send(json.dumps({"unsubscribe": [f"job:{id}"], "subscribe": ["stats"]}))
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await socket.recv())["topic"] == "stats"


async def test_a_socket_without_a_credential_is_refused(served: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(f"ws://{served}{PREFIX}/ws"):
            pass
    assert refused.value.response.status_code == 403


async def test_streams_end_with_the_right_to_them(
    dsn: str, client: Client, db: Connection, monkeypatch: pytest.MonkeyPatch, served: str
) -> None:
    """Attack 17: a key that is revoked ends its streams within half a minute; here at once."""
    monkeypatch.setattr("taskflow.api.live.LOOK_EVERY_S", 0.1)
    key = key_of(client, "viewer")
    async with looking(served, key, "stats") as stream:
        await stream.next()
        db.execute("update taskflow.api_key set revoked_at = taskflow.now()")
        with suppress(StopAsyncIteration):
            while await stream.next():
                pass


async def test_a_server_that_is_told_to_stop_does_not_wait_for_streams(
    dsn: str, client: Client
) -> None:
    async with serving(Taskflow(dsn), patience_s=5) as served:
        stream = looking(served, key_of(client), "stats")
        await (await stream.__aenter__()).next()
    with suppress(httpx.HTTPError):
        await stream.__aexit__(None, None, None)
