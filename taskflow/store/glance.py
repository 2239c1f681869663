"""One quick look at a database, for what is nice to have: nothing where there is no answer soon."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from taskflow.errors import TaskflowError
from taskflow.settings import Settings
from taskflow.store.call import Call, DriverError, run
from taskflow.store.pool import connect, connection_settings

T = TypeVar("T")
STATEMENT_LIMIT_MS = 500


def glance(settings: Settings, call: Call[T]) -> T | None:
    """What the call answers within half a second, None otherwise. Starts no embedded server."""
    dsn = settings.database_url or _running_embedded()
    if dsn is None:
        return None
    options = connection_settings(pooled=True, connect_timeout=timedelta(seconds=1))
    try:
        with connect(dsn, options) as connection, connection.transaction():
            connection.execute(f"set local statement_timeout = {STATEMENT_LIMIT_MS}")
            return run(connection, call)
    except (TaskflowError, DriverError):
        return None


def _running_embedded() -> str | None:
    from taskflow.store import embedded

    return embedded.status().dsn
