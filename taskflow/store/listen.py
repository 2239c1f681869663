"""The one LISTEN connection of a process: reconnects, and tells each topic's subscribers.

Notifications are hints, and this file's promise is only this: after a reconnect it listens first
and calls everybody then, so that whoever looks after being called has missed nothing. Whether it
listens now is `is_listening`; while it does not, its users poll.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from taskflow.store.pool import Settings

CHANNEL = "taskflow"
PING_EVERY = 20.0
LONGEST_PAUSE = 5.0
Subscriber = Callable[[str], None]


class Listener:
    """Subscribers are called in the loop with the payload, such as "queue email" or "done 42"."""

    def __init__(self, dsn: str, settings: Settings) -> None:
        self._dsn = dsn
        self._settings = settings
        self._subscribers: dict[str, list[Subscriber]] = {}
        self._task: asyncio.Task[None] | None = None
        self.is_listening = False
        self.last_error: Exception | None = None

    def subscribe(self, topic: str, subscriber: Subscriber) -> Callable[[], None]:
        """Calls `subscriber` for payloads that are `topic` or start with it; answers the undo."""
        self._subscribers.setdefault(topic, []).append(subscriber)

        def unsubscribe() -> None:
            found = self._subscribers.get(topic, [])
            with suppress(ValueError):
                found.remove(subscriber)
            if not found:
                self._subscribers.pop(topic, None)

        return unsubscribe

    def start(self) -> None:
        """Listens in the background from now on; harmless when it already does."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_listening(), name="taskflow-listen")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_listening(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._dsn, **self._settings
                ) as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    self.is_listening, self.last_error, pause = True, None, 0.1
                    self._tell_all()
                    await self._receive(connection)
            except (psycopg.Error, TimeoutError) as error:
                self.last_error = error
            finally:
                self.is_listening = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _receive(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Until the connection breaks; a quiet one is pinged, as a half-open one looks the same."""
        while True:
            async for notification in connection.notifies(timeout=PING_EVERY):
                self._tell(notification.payload)
            async with asyncio.timeout(PING_EVERY):
                await connection.execute("select 1")

    def _tell(self, payload: str) -> None:
        topic = payload.partition(" ")[0]
        for subscriber in [*self._subscribers.get(payload, ()), *self._subscribers.get(topic, ())]:
            subscriber(payload)

    def _tell_all(self) -> None:
        for topic, subscribers in list(self._subscribers.items()):
            for subscriber in list(subscribers):
                subscriber(topic)


def sleep_until_told(
    connection: psycopg.Connection[Any] | None, payload: str, seconds: float
) -> None:
    """Sleeps until this payload comes, or for so long; also on a connection that is broken."""
    try:
        if connection is not None and not connection.closed:
            for notification in connection.notifies(timeout=seconds):
                if notification.payload == payload:
                    return
            return
    except psycopg.OperationalError:
        connection = None  # broken: who waits looks by itself from here on
    time.sleep(seconds)
