"""An attempt under way: since when it waits or runs, and how it can be stopped.

The job's timeout counts from the moment its handler begins. Waiting for a thread is not running:
counted as such, it would burn the attempts of jobs that never ran.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from taskflow.context import Context, StopReason

SHORTEST_LOOK_S = 0.05


class Run:
    """The handle by which the worker stops an attempt.

    What is not set is as for a coroutine, which begins at once and can be interrupted.
    """

    is_interruptible = True
    """Can it be cancelled where it waits? A thread cannot."""
    withdraw: Callable[[], bool] | None = None
    """Takes it out of the queue of a pool of threads; False when a thread is at it already."""
    interrupt_with: Callable[[], None] | None = None
    """How to interrupt a handler that does not run in the slot."""
    is_kept: Callable[[], bool] | None = None
    """Does it go on with others that are not to stop? Then its lease is kept, too."""
    waits_since: float | None = None
    """Since when it waits for a thread or a child; None once it has one, or needs none."""
    begun_at: float | None = None
    stopped_at: float | None = None
    """When it was first told to stop."""
    is_given_up = False
    """It was told to stop long ago and goes on: its job's lease is not renewed any more."""
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, context: Context) -> None:
        self.context = context
        self.slot: asyncio.Task[Any] | None = asyncio.current_task()

    def begin(self) -> None:
        """The handler begins. Called from any thread: telling the loop each time would be dear."""
        self.begun_at = self.context.claimed.begun_at = time.monotonic()
        self.waits_since = None

    def watch_time(self, timeout: float) -> None:
        """Stops the handler when it has run for `timeout` seconds. Until it begins, this looks
        again after as many."""
        left = timeout
        if self.begun_at is not None:
            left = self.begun_at + timeout - time.monotonic()
        elif self._timer is not None:
            left = max(timeout, SHORTEST_LOOK_S)
        if left > 0:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(left, self.watch_time, timeout)
        else:
            self.stop("timeout")

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
            if self.withdraw is None or not self.withdraw():
                self.interrupt()

    def hand_back(self) -> None:
        """Ends it if it still waits for its thread or child, as if it had never been claimed."""
        if self.withdraw is None:
            self.stop("shutdown")
        elif self.withdraw():
            self.context.stop("shutdown")

    def interrupt(self) -> None:
        """Cancels it where it waits; once more, if it went on after the first time."""
        if self.interrupt_with is not None:
            self.interrupt_with()
        elif self.is_interruptible and self.slot is not None:
            self.slot.cancel()
