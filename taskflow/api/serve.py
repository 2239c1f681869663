"""Runs the API as a process, or several of them, under uvicorn."""

from __future__ import annotations

import logging
import os
import socket
from datetime import timedelta
from typing import Any

from taskflow.access.tokens import make_token
from taskflow.api.app import create_app
from taskflow.api.edge import Application
from taskflow.app import Taskflow
from taskflow.calls import access, health
from taskflow.errors import ConfigurationError, SchemaMismatch
from taskflow.store.fit import require_current

FACTORY = "taskflow.api.serve:application"
URL = "TASKFLOW_DATABASE_URL"
LINK_LIFETIME = timedelta(hours=24)


def application() -> Application:
    """What a serving process makes for itself, from the settings of its environment."""
    app = Taskflow.from_env()
    level = app.settings.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in ("alembic", "httpx", "uvicorn.error"):  # theirs would drown ours
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    return create_app(app)


def check_port(host: str, port: int) -> None:
    """Raises `ConfigurationError` where somebody listens already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} of {host} is not to be had: {error.strerror}", "Give another --port."
            ) from None


def prepare(app: Taskflow) -> str | None:
    """Checks what the API stands on; answers the token of the first administrator's link, if any.

    Raises `SchemaMissing` and kin, and `ConfigurationError` for a superuser, for whom Postgres asks
    no row-level security, where the settings do not say that this is meant.
    """
    require_current(app.dsn)
    server = app.run(health.server())
    is_meant = app.settings.api_allow_superuser or app.settings.database_url is None
    if app.run(health.is_superuser()) and not is_meant:
        raise ConfigurationError(
            f"the API would connect as {server.user}, a superuser of the database",
            "Give it a role of its own: create role web login in role taskflow_api;"
            " or set api_allow_superuser on a machine of yours.",
        )
    if bare := app.run(health.unprotected()):
        raise SchemaMismatch(
            f"row-level security is missing from {', '.join(bare[:5])}",
            "Run taskflow db upgrade: it makes the policies that are not there.",
        )
    secret = make_token()
    return secret.text if app.run(access.first_admin(secret.hash, LINK_LIFETIME)) else None


def run(app: Taskflow, *, host: str, port: int, workers: int) -> None:
    """Serves until told to stop; requests under way get `grace` to end, streams are ended."""
    import uvicorn

    options: dict[str, Any] = {
        "host": host, "port": port, "factory": True, "log_level": app.settings.log_level,
        "access_log": False, "log_config": None, "server_header": False, "proxy_headers": False,
        "timeout_graceful_shutdown": max(int(app.settings.grace.total_seconds()), 1),
        "ws_max_size": 65_536,
    }  # fmt: skip
    os.environ[URL] = app.dsn  # of an embedded server, too: its children are to find it
    if app.settings.database_url is None:
        os.environ["TASKFLOW_API_ALLOW_SUPERUSER"] = "yes"
    uvicorn.run(FACTORY, workers=workers if workers > 1 else None, **options)
