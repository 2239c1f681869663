"""The API as a server of this process, on a loopback port, in a thread with a loop of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import uvicorn

from taskflow import Taskflow
from taskflow.access.tokens import make_key
from taskflow.api.app import create_app
from taskflow.calls import people
from taskflow.kernel.access import Role
from taskflow.store.call import run
from tests.support.waiting import until

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
