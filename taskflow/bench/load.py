"""Load on an HTTP server: connections that stay open, each with one request under way at a time.

Bytes on sockets and no more than is needed to find the end of an answer, so that the client is not
what is measured; what it took of a core is among the figures.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import msgspec

from taskflow.bench.producers import rows
from taskflow.worker.serve import run_in_loop

HOST = "127.0.0.1"
BULK = 1_000
FIELDS = ("order_id", "email", "note")
ROOM = 65_536
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONNECTING_S = 10.0


class Told(msgspec.Struct):
    """What one run of a load saw."""

    seconds: float
    times_ms: list[float]
    """Of each answered request, in the order of the answers."""
    wrong: int
    """Answers of a status that is no success."""
    said: str
    """The first of those."""
    cpu_share: float
    """Of one core, for the client itself."""


class Line(asyncio.BufferedProtocol):
    """One connection, which sends its next request as soon as an answer is complete."""

    def __init__(self, requests: Iterator[bytes], load: Load) -> None:
        self._requests = requests
        self._load = load
        self._room = bytearray(ROOM)
        self._got = b""
        self._needed = 0
        self._sent_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self) -> None:
        request = next(self._requests, None)
        if request is None or time.perf_counter() > self._load.until:
            self._transport.close()
            return
        self._got, self._needed = b"", 0
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        self._got += self._room[:nbytes]
        if not self._needed:
            head = self._got.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(self._got, 0, head)
            self._needed = head + 4 + (int(length[1]) if length else 0)
        if len(self._got) >= self._needed:
            self._load.note(self._sent_at, self._got)
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._load.ended(error)


class Load:
    """All connections of one run."""

    def __init__(self, seconds: float, connections: int) -> None:
        self._seconds = seconds
        self._open = connections
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.until = 0.0
        self.told = Told(0, [], 0, "", 0)

    def note(self, sent_at: float, answer: bytes) -> None:
        self.told.times_ms.append((time.perf_counter() - sent_at) * 1e3)
        if not answer.startswith(b"HTTP/1.1 2"):
            self.told.wrong += 1
            self.told.said = self.told.said or answer[:2_000].decode("latin-1")

    def ended(self, error: Exception | None) -> None:
        self._open -= 1
        if self._open == 0 and not self._done.done():
            self._done.set_result(None)
        if error is not None:
            self.told.wrong += 1
            self.told.said = self.told.said or str(error)

    async def run(self, port: int, shares: Sequence[Iterator[bytes]]) -> Told:
        loop = asyncio.get_running_loop()
        lines = []
        for requests in shares:
            opening = loop.create_connection(lambda r=requests: Line(r, self), HOST, port)  # type: ignore[misc]
            _, line = await asyncio.wait_for(opening, _CONNECTING_S)
            lines.append(line)
        start, cpu_s = time.perf_counter(), time.process_time()
        self.until = start + self._seconds
        for line in lines:
            line.send()
        await self._done
        self.told.seconds = time.perf_counter() - start
        self.told.cpu_share = (time.process_time() - cpu_s) / self.told.seconds
        return self.told


def load(
    *, port: int, method: str, paths: list[str], connections: int, seconds: float,
    key: str = "", items: int = 0, count: int | None = None,
) -> Told:  # fmt: skip
    """Sends requests for so long, at most `count` on each connection.

    `items` is for the body: 0 none, 1 a job to enqueue, more of them a bulk.
    """
    requests = [request(method, path, key, body(items)) for path in paths]

    async def main() -> Told:
        apart = max(len(requests) // connections, 1)
        starts = [number * apart % len(requests) for number in range(connections)]
        shares = [islice(cycle(requests[at:] + requests[:at]), count) for at in starts]
        return await Load(seconds, connections).run(port, shares)

    return run_in_loop(main())


def request(method: str, path: str, key: str, content: bytes) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Accept: application/json"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def body(items: int) -> bytes:
    """What `POST /jobs` and `POST /jobs:enqueue_many` take."""
    given = [dict(zip(FIELDS, row, strict=True)) for row in rows(items)]
    if items > 1:
        return msgspec.json.encode({"items": [{"task": "bench.noop", "args": a} for a in given]})
    return msgspec.json.encode({"task": "bench.noop", "args": given[0]}) if given else b""
