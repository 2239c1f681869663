"""Builds the Litestar application of a Taskflow: `create_app(tf)`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp

from taskflow.access.rules import RULES
from taskflow.api import (
    batches,
    bulk,
    definitions,
    dlq,
    jobs,
    limits,
    operations,
    problems,
    queues,
    results,
    schedules,
    tasks,
    workers,
    workflows,
)
from taskflow.api.answers import PREFIX, JsonResponse
from taskflow.api.door import Door, Keyring
from taskflow.api.edge import Edge, networks
from taskflow.api.session import Session
from taskflow.app import Taskflow
from taskflow.errors import ConfigurationError

ROOMS = (
    jobs, operations, queues, tasks, workers, schedules, workflows, definitions, batches,
    dlq, limits, bulk, results,
)  # fmt: skip
SENT = [
    "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id",
]  # fmt: skip
EXPOSED = [
    "etag", "idempotency-replayed", "link", "location", "ratelimit", "ratelimit-policy",
    "retry-after", "x-request-id",
]  # fmt: skip


def create_app(taskflow: Taskflow) -> ASGIApp:
    """The ASGI application of an app's database. It opens nothing before the first request."""
    return Edge(create_litestar(taskflow), networks(taskflow.settings.api_proxies))


def create_litestar(taskflow: Taskflow) -> Litestar:
    """What `create_app` wraps: all routes, the door around each of them, the errors' one form."""
    settings = taskflow.settings
    keyring = Keyring(taskflow, secrets.token_bytes(32))
    door = DefineMiddleware(Door, taskflow=taskflow, keyring=keyring)
    app = Litestar(
        route_handlers=[
            Router(PREFIX, route_handlers=[handler for room in ROOMS for handler in room.ROUTES])
        ],
        middleware=[door],
        dependencies={"session": Provide(provide_session, sync_to_thread=False)},
        exception_handlers={Exception: problems.answer},
        response_class=JsonResponse,
        cors_config=_cors(_words(settings.api_cors)),
        allowed_hosts=_words(settings.api_hosts) or None,
        request_max_body_size=settings.api_max_body_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
        lifespan=[_closing(taskflow)],
    )
    check_rules(app)
    return app


def provide_session(request: Request[Any, Any, Any]) -> Session:
    found: Session = request.scope["taskflow_session"]  # type: ignore[typeddict-item]
    return found


def check_rules(app: Litestar) -> None:
    """A route without a rule would be a route that nobody guards."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            methods: set[str] = getattr(handler, "http_methods", set())
            if handler is not None and methods != {"OPTIONS"} and handler.name not in RULES:
                raise ConfigurationError(f"route {route.path} has no rule in access/rules.py")


def _closing(taskflow: Taskflow) -> Any:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await taskflow.aclose()

    return lifespan


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


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
