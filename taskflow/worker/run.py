"""An attempt under way: since when it waits or runs, and how it can be stopped.

The job's timeout counts from the moment its handler begins. Waiting for a thread is not running:
counted as such, it would burn the attempts of jobs that never ran.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from taskflow.context import Context, StopReason


class Run:
    """The handle by which the worker stops an attempt. Its defaults are those of a fast one."""

    is_interruptible = True
    """Can it be cancelled where it waits? Not once a thread is at it."""
    waits_since: float | None = None
    """Since when it waits for a thread or a child; None once it has one, or needs none."""
    stopped_at: float | None = None
    """When it was first told to stop."""
    is_given_up = False
    """It was told to stop long ago and goes on: its job's lease is not renewed any more."""
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, context: Context) -> None:
        self.context = context
        self.slot: asyncio.Task[Any] | None = asyncio.current_task()

    def begin(self) -> None:
        """The handler begins: so does the time of the job's timeout, if it has one."""
        timeout = self.context.claimed.timeout
        if timeout is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(timeout, self.stop, "timeout")

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        slot = self.slot
        while slot is not None and slot.cancelling():
            slot.uncancel()  # the interruption was the job's, not the slot's

    def stop(self, reason: str) -> None:
        """Asks the handler to stop, and interrupts it where it waits."""
        if self.context.is_settled:
            return  # its own transaction is committed: there is no lease any more, and no need
        first = self.context.stop_reason is None
        stop_reason: StopReason = reason  # type: ignore[assignment]
        self.context.stop(stop_reason)
        if first:
            self.stopped_at = time.monotonic()
            self.interrupt()

    def interrupt(self) -> None:
        """Cancels it where it waits; once more, if it went on after the first time."""
        if self.is_interruptible and self.slot is not None:
            self.slot.cancel()
