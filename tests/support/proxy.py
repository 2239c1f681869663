"""A TCP proxy between client and server that can break connections where it hurts.

It looks at what passes only as far as it must: `cut("COMMIT", "before")` waits for a client's bytes
that hold this text, then closes both sides without passing them on; "after" passes them on, waits
for the server's answer and closes without handing it over; "during" passes them on and closes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

When = Literal["before", "after", "during"]
CHUNK = 65_536


@dataclass(eq=False)
class Pair:
    """One client's connection and ours to the server for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    closes_at_answer: bool = False

    def close(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(eq=False)
class Cut:
    """A wish to break the connection whose client sends `needle`."""

    needle: bytes
    when: When
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """Listens on a port of its own; `dsn` is the way to the server through it."""

    def __init__(self, dsn: str) -> None:
        self._target = conninfo_to_dict(dsn)
        self._server: asyncio.Server | None = None
        self._cuts: list[Cut] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.delay_s = 0.0
        self.pairs: set[Pair] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def dsn(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        plain = {"sslmode": "disable", "gssencmode": "disable"}
        return make_conninfo("", **{**self._target, **plain, "host": "127.0.0.1", "port": port})

    def cut(self, needle: str, when: When) -> asyncio.Event:
        """Breaks the next connection that sends `needle`, once; the event says that it did."""
        wish = Cut(needle.encode(), when)
        self._cuts.append(wish)
        return wish.done

    def cut_all(self) -> None:
        """Breaks every connection now."""
        for pair in list(self.pairs):
            pair.close()

    def swallow(self) -> None:
        """From now on nothing passes and nothing closes, as when a firewall forgets connections."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(
                str(self._target["host"]), int(str(self._target["port"]))
            )
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(writer, server_writer)
        self.pairs.add(pair)
        for pump in (self._to_server(pair, reader), self._to_client(pair, server_reader)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _to_server(self, pair: Pair, reader: asyncio.StreamReader) -> None:
        async def pass_on(chunk: bytes) -> bool:
            wish = next((wish for wish in self._cuts if wish.needle in chunk), None)
            if wish is not None:
                self._cuts.remove(wish)
                pair.closes_at_answer = wish.when == "after"
                if wish.when != "before":
                    pair.server.write(chunk)
                    await pair.server.drain()
                wish.done.set()
                return wish.when == "after"
            pair.server.write(chunk)
            await pair.server.drain()
            return True

        await self._pump(pair, reader, pass_on)

    async def _to_client(self, pair: Pair, reader: asyncio.StreamReader) -> None:
        async def pass_on(chunk: bytes) -> bool:
            if pair.closes_at_answer:
                return False
            pair.client.write(chunk)
            await pair.client.drain()
            return True

        await self._pump(pair, reader, pass_on)

    async def _pump(self, pair: Pair, reader: asyncio.StreamReader, pass_on: object) -> None:
        assert callable(pass_on)
        try:
            while chunk := await reader.read(CHUNK):
                await self._flows.wait()
                if self.delay_s:
                    await wait(self.delay_s)
                if not await pass_on(chunk):
                    break
        except OSError:
            pass
        finally:
            pair.close()
            self.pairs.discard(pair)


async def wait(seconds: float) -> None:
    """The delay of a slow network."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()
