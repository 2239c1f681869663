"""The API behind a real server in this loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from taskflow import Taskflow
from taskflow.api.app import create_app
from tests.support.waiting import until_async


@asynccontextmanager
async def serving(app: Taskflow, *, patience_s: float = 10) -> AsyncIterator[str]:
    """Its host and port. At the end it is told to stop, and has `patience_s` for it."""
    options: dict[str, Any] = {"port": 0, "log_level": "error", "timeout_graceful_shutdown": 2}
    server = uvicorn.Server(uvicorn.Config(create_app(app), **options))
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started or task.done()

    await until_async(has_started, what="the server has started")
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        async with asyncio.timeout(patience_s):
            await task
