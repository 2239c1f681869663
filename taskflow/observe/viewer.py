"""One who looks on: the events that wait for them, and what they are told when they are too slow.

No task and no timer of its own: whoever serves the viewer waits in `next`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from taskflow.kernel.live import Event

MOST_WAITING = 256


class Viewer:
    """Made by `Hub.open`. Read by one task only: `async for event in viewer`."""

    __slots__ = ("_close", "_resync", "_waiting", "_woken", "is_closed", "tenant", "topics")

    def __init__(
        self, tenant: str, resync: Callable[[], Event], close: Callable[[Viewer], None]
    ) -> None:
        self.tenant = tenant
        self.topics: set[str] = set()
        self.is_closed = False
        self._waiting: deque[Event] = deque()
        self._woken: asyncio.Future[None] | None = None
        self._resync = resync
        self._close = close

    def put(self, event: Event) -> bool:
        """Hands an event over; False when the viewer is so far behind that it must begin anew:
        what waited is dropped, and `resync` tells so."""
        fits = len(self._waiting) < MOST_WAITING
        if not fits:
            self._waiting.clear()
            event = self._resync()
        self._waiting.append(event)
        self._wake()
        return fits

    def put_all(self, events: Iterable[Event]) -> None:
        self._waiting.extend(events)
        self._wake()

    def take(self) -> list[Event]:
        """All that waits, at once; may be empty."""
        events = list(self._waiting)
        self._waiting.clear()
        return events

    async def next(self) -> Event:
        """The next event. Raises `StopAsyncIteration` when the viewer was closed."""
        while not self._waiting:
            if self.is_closed:
                raise StopAsyncIteration
            self._woken = asyncio.get_running_loop().create_future()
            await self._woken
        return self._waiting.popleft()

    def close(self) -> None:
        """Ends it, and whoever waits for its next event; harmless when it has ended."""
        if not self.is_closed:
            self.is_closed = True
            self._close(self)
            self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await self.next()

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
