"""The tasks that are measured, and the app that workers and producers load them from."""

from __future__ import annotations

import time

from taskflow.app import Taskflow

tf = Taskflow.from_env()

EMAIL = "somebody.with.a.name@example.org"
NOTE = "about a hundred bytes, as jobs have"


@tf.task(name="bench.noop")
async def noop(order_id: int, email: str, note: str) -> None:
    """Does nothing: what is left is the queue."""


@tf.task(name="bench.mark")
async def mark() -> list[int]:
    """When it ran, and the CPU time its process had used: nanoseconds, one clock per machine."""
    return [time.monotonic_ns(), time.process_time_ns()]
