"""A connection of the worker's own that is made anew when it breaks.

Claims and settles each have one, so that neither waits for the other, and neither handlers nor the
pool can starve them. Both in one pipeline, one round trip and one commit for the two, was measured
too: the server then works on one thing at a time, and drains ran at 0.8 to 1.0 of this.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from taskflow.errors import UnstorableValue
from taskflow.store.call import Call, arun
from taskflow.store.cut import cut
from taskflow.store.pool import Settings, aconnect

T = TypeVar("T")
logger = logging.getLogger("taskflow.worker")
SHORTEST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
UNSTORABLE = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, UnstorableValue)
"""Errors that one job's own values can cause: repeating the statement would not help."""

BUSY = psycopg.errors.LockNotAvailable
"""Somebody holds a row for longer than the function waits: others need not wait for it too."""

APART = (*UNSTORABLE, BUSY)
"""Errors after which a batch is settled in parts."""


class LinkDown(Exception):
    """The statement's fate is unknown; the link has paused and may be tried again."""


class Link:
    """Runs Calls; `on_connect` runs first on every new connection."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        on_connect: Callable[[psycopg.AsyncConnection[Any]], Awaitable[None]] | None = None,
        *,
        patience_s: float = 30.0,
    ) -> None:
        self._dsn = dsn
        self._settings = settings
        self._on_connect = on_connect
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._pause_s = SHORTEST_PAUSE_S
        self.is_up = False
        self.patience_s = patience_s
        """Longest wait for an answer: a network that swallows packets never says that it does."""

    async def run(
        self, call: Call[T], *, binary: bool = False, raises: tuple[type[Exception], ...] = ()
    ) -> T:
        """Raises `LinkDown` when the statement may or may not have been carried out, or was not
        for a reason that may pass; errors named in `raises` come out as they are."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        try:
            connection = await self._connected()
            timer = loop.call_later(self.patience_s, cut, connection)
            found = await arun(connection, call, binary=binary)
        except raises:
            raise
        except Exception as error:  # an answer that cannot be read is as good as lost
            await self._lose(error)
            raise LinkDown from error
        finally:
            if timer is not None:
                timer.cancel()
        self._pause_s = SHORTEST_PAUSE_S
        return found

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
            self._connection = None
        self.is_up = False

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        connection = await aconnect(self._dsn, self._settings)
        timer = asyncio.get_running_loop().call_later(self.patience_s, cut, connection)
        try:
            if self._on_connect is not None:
                await self._on_connect(connection)
        except BaseException:
            await connection.close()
            raise
        finally:
            timer.cancel()
        self._connection = connection
        self.is_up = True
        return connection

    async def _lose(self, error: Exception) -> None:
        """Drops the connection and pauses, longer each time, before the next try."""
        if self.is_up or self._pause_s >= LONGEST_PAUSE_S:
            logger.warning("a statement failed and is repeated on a new connection: %s", error)
        await self.close()
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.5))
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
