"""The API as a server of this process, on a loopback port: in this loop, or in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import uvicorn

from taskflow import Taskflow
from taskflow.access.tokens import make_key
from taskflow.api.app import create_app
from taskflow.calls import people
from taskflow.kernel.access import Role
from taskflow.store.call import run
from tests.support.waiting import until, until_async

Wrap = Callable[[Any], Any]


@contextlib.contextmanager
def served(dsn: str, wrap: Wrap = lambda app: app) -> Iterator[str]:
    """The address of the API of a database; `wrap` may stand between it and its callers."""
    with Taskflow(dsn, pool_size=4) as app, listening(wrap(create_app(app))) as url:
        yield url


@contextlib.contextmanager
def listening(asgi: Any, lifespan: str = "on") -> Iterator[str]:
    """The address of an ASGI application."""
    config = uvicorn.Config(
        asgi, host="127.0.0.1", port=0, log_level="warning", lifespan=lifespan,  # type: ignore[arg-type]
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), what="the API to listen")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


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


def key(db: psycopg.Connection[Any], role: Role = "admin", **options: Any) -> str:
    """A key of a role."""
    secret = make_key()
    options.setdefault("tenant", "default")
    options.setdefault("queues", None)
    options.setdefault("scopes", None)
    run(
        db,
        people.create_key(f"{role}-{secret.prefix}", secret.prefix, secret.hash, role, **options),
    )
    return secret.text
