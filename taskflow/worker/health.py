"""A few lines of HTTP for probes: GET /health answers 200 or 503 and what the worker reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

LONGEST_REQUEST = 8_192
PATIENCE_S = 5.0


async def serve_health(
    port: int,
    health: Callable[[], dict[str, Any]],
    host: str = "0.0.0.0",  # noqa: S104 - probes come from outside the container
) -> asyncio.Server:
    """Listens on `port` until the server is closed; `health()["status"]` is "ok" for a 200."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_respond(head, health))
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=LONGEST_REQUEST)


def _respond(head: bytes, health: Callable[[], dict[str, Any]]) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", b"{}")
    if path not in (b"/health", b"/health/live", b"/health/ready"):
        return _response("404 Not Found", b"{}")
    found = health()
    status = "200 OK" if found["status"] == "ok" else "503 Service Unavailable"
    response = _response(status, msgspec.json.encode(found))
    return response if method == b"GET" else response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _response(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
