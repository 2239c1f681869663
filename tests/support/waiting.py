"""The one place where tests wait by looking again: every other wait is for an event.

A sleep anywhere else in tests/ fails tests/meta/test_house.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")

POLL_SECONDS = 0.01


def until(condition: Callable[[], T], *, seconds: float = 10, what: str = "") -> T:
    """Return the first true answer of `condition`; fail the test after `seconds` without one."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(POLL_SECONDS)
    return answer


async def until_async(
    condition: Callable[[], Awaitable[T]], *, seconds: float = 10, what: str = ""
) -> T:
    """The same for a condition that is awaited."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        await asyncio.sleep(POLL_SECONDS)
    return answer


def until_blocked(watcher: psycopg.Connection[Any], pid: int, *, seconds: float = 10) -> list[int]:
    """Wait until session `pid` waits for a lock; return the pids of those that block it."""
    return until(lambda: blockers(watcher, pid), seconds=seconds, what=f"{pid} is blocked")


def blockers(watcher: psycopg.Connection[Any], pid: int) -> list[int]:
    """The pids that session `pid` waits for now; empty when it waits for nobody.

    pg_blocking_pids alone: wait_event may say Lock for the blink between two locks.
    """
    row = watcher.execute("select pg_blocking_pids(%s)", (pid,)).fetchone()
    return list(row[0]) if row else []
