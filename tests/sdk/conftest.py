"""An app on the test's database with a few tasks of different shapes.

tf      the app; every pool of it is closed after the test
tasks   its tasks: tasks.add, tasks.greet, ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from taskflow import Context, Retry, Task, Taskflow


@dataclass
class Tasks:
    add: Task[..., int]
    greet: Task[..., str]
    fail: Task[..., None]
    sleep: Task[..., None]


def define(tf: Taskflow) -> Tasks:
    @tf.task(name="add")
    async def add(a: int, b: int = 0) -> int:
        return a + b

    @tf.task(name="greet", queue="mail", tags=["hello"])
    def greet(ctx: Context, name: str, *, greeting: str = "Hello") -> str:
        return f"{greeting} {name}"

    @tf.task(name="fail", retry=Retry(1))
    async def fail(message: str) -> None:
        raise ValueError(message)

    @tf.task(name="sleep")
    async def sleep(ctx: Context) -> None:
        await asyncio.Event().wait()

    return Tasks(add, greet, fail, sleep)


@pytest.fixture
async def tf(dsn: str) -> AsyncIterator[Taskflow]:
    app = Taskflow(dsn, pool_size=3, connect_timeout=2, poll_interval="200ms")
    yield app
    await app.aclose()


@pytest.fixture
def tasks(tf: Taskflow) -> Tasks:
    return define(tf)


def code(error: Any) -> str:
    """The code of what pytest.raises caught."""
    return str(error.value.code)
