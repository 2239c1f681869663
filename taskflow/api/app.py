"""Builds the Litestar application of a Taskflow: `create_app(tf)`."""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.params import QueryParameter
from litestar.types import Scope

from taskflow.access.rules import RULES
from taskflow.api import (
    auth,
    batches,
    bulk,
    definitions,
    description,
    dlq,
    docs,
    events,
    health,
    jobs,
    limits,
    operations,
    pages,
    problems,
    queues,
    results,
    schedules,
    stats,
    tasks,
    tenants,
    users,
    webhooks,
    workers,
    workflows,
)
from taskflow.api.answers import PREFIX, JsonResponse
from taskflow.api.door import Door, Keyring
from taskflow.api.edge import Application, Edge, networks
from taskflow.api.fields import words
from taskflow.api.live import Streams
from taskflow.api.session import Session
from taskflow.app import Taskflow
from taskflow.errors import ConfigurationError, TaskflowError

ROOMS = (
    jobs, bulk, results, operations, queues, tasks, workers, schedules, workflows, definitions,
    batches, dlq, limits, webhooks, stats, events, auth, users, tenants,
)  # fmt: skip
ROUTES: list[Any] = [handler for room in ROOMS for handler in room.ROUTES]
SENT = [
    "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id",
]  # fmt: skip
EXPOSED = [
    "etag", "idempotency-replayed", "link", "location", "ratelimit", "ratelimit-policy",
    "retry-after", "x-request-id",
]  # fmt: skip


def create_app(taskflow: Taskflow) -> Application:
    """The ASGI application of an app's database. It opens nothing before the first request."""
    return Edge(create_litestar(taskflow), networks(taskflow.settings.api_proxies))


def create_litestar(taskflow: Taskflow) -> Litestar:
    """What `create_app` wraps: all routes, the door around each of them, the errors' one form."""
    settings = taskflow.settings
    keyring = Keyring(taskflow, secrets.token_bytes(32))
    streams = Streams(taskflow)
    queries: dict[str, frozenset[str]] = {}
    door = DefineMiddleware(
        Door, taskflow=taskflow, keyring=keyring, nudge=streams.nudge, queries=queries
    )
    app = Litestar(
        route_handlers=[
            Router(PREFIX, route_handlers=[*ROUTES]),
            *health.ROUTES,
            *docs.ROUTES,
            *pages.ROUTES,
        ],
        middleware=[door],
        dependencies=dependencies(streams),
        exception_handlers={Exception: problems.answer},
        response_class=JsonResponse,
        cors_config=_cors(list(words(settings.api_cors))),
        allowed_hosts=list(words(settings.api_hosts)) or None,
        request_max_body_size=settings.api_max_body_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
        lifespan=[_closing(taskflow, streams)],
    )
    check_rules(app)
    queries.update(queries_of(app))
    return app


def dependencies(streams: Streams | None = None) -> dict[str, Provide]:
    """What handlers may ask for."""
    readiness, document = health.Readiness(), docs.Description(create_described)
    return {
        "session": Provide(provide_session, sync_to_thread=False),
        "streams": Provide(lambda: streams, sync_to_thread=False),
        "readiness": Provide(lambda: readiness, sync_to_thread=False),
        "document": Provide(lambda: document, sync_to_thread=False),
    }


def create_described() -> Litestar:
    """The same routes once more, only to be described: what serves has no routes for that."""
    return Litestar(
        route_handlers=[Router(PREFIX, route_handlers=[*ROUTES]), *health.ROUTES],
        dependencies=dependencies(),
        openapi_config=description.config(),
    )


def provide_session(scope: Scope) -> Session:
    found: Session = scope["taskflow_session"]  # type: ignore[typeddict-item]
    return found


def check_rules(app: Litestar) -> None:
    """A route without a rule would be a route that nobody guards."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            methods: set[str] = getattr(handler, "http_methods", set())
            if handler is not None and methods != {"OPTIONS"} and handler.name not in RULES:
                raise ConfigurationError(f"route {route.path} has no rule in access/rules.py")


def queries_of(app: Litestar) -> dict[str, frozenset[str]]:
    """The query parameters that each route knows, by its name."""
    found = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if handler.name is not None:
                kinds = handler.parsed_fn_signature.parameters.items()
                found[handler.name] = frozenset(
                    kind.kwarg_definition.name or name
                    for name, kind in kinds
                    if isinstance(kind.kwarg_definition, QueryParameter)
                )
    return found


def _closing(taskflow: Taskflow, streams: Streams) -> Any:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        stop_early(streams)
        with suppress(TaskflowError):  # without a server: it says so when it is asked for something
            await taskflow.adsn()
            taskflow.listener()
        try:
            yield
        finally:
            await streams.close()
            await taskflow.aclose()

    return lifespan


def stop_early(streams: Streams) -> None:
    """Ends streams at the signal that ends the server: it would wait for them before it tells.

    The server's own handlers are in place by now, and are called after. Outside of the main thread,
    as in tests, there are no signals to hear.
    """
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if callable(before):

            def handle(got: int, frame: Any, before: Callable[[int, Any], Any] = before) -> None:
                loop.call_soon_threadsafe(streams.stop)
                before(got, frame)

            signal.signal(number, handle)


def _cors(origins: list[str]) -> CORSConfig | None:
    if not origins:
        return None
    if any("*" in origin or origin.rstrip("/") != origin for origin in origins):
        raise ConfigurationError(
            "api_cors takes exact origins only", "Write https://app.example.com, without a path."
        )
    return CORSConfig(
        allow_origins=origins,
        allow_headers=SENT,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        expose_headers=EXPOSED,
        max_age=600,
    )
