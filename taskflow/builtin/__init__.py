"""Tasks that come with taskflow: every worker delivers webhooks, the others are asked for by name.

Each module is imported only if its task is wanted, and libraries only when it runs: an idle worker
should stay small.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from taskflow.errors import ConfigurationError, nearest
from taskflow.webhooks import tasks as webhooks

if TYPE_CHECKING:
    from taskflow.app import Taskflow

NAMES = ("echo", "http_request", "compute", "email", "sql")
PREFIX = "taskflow."


def add_to(app: Taskflow) -> None:
    """Adds the tasks that the setting `builtin_tasks` names, and the one that delivers webhooks."""
    webhooks.add_to(app)
    for name in chosen(app.settings.builtin_tasks):
        if PREFIX + name not in app.tasks:
            add: Callable[[Taskflow], None]
            add = importlib.import_module(f"taskflow.builtin.{name}").add_to
            add(app)


def chosen(wanted: str) -> list[str]:
    """The names in a setting such as "echo, sql"; "all" stands for every one."""
    names = [part.strip().removeprefix(PREFIX) for part in wanted.split(",") if part.strip()]
    if names == ["all"]:
        return list(NAMES)
    for name in names:
        if name not in NAMES:
            close = nearest(name, NAMES)
            raise ConfigurationError(
                f"builtin_tasks names {name!r}, which does not exist",
                f"Did you mean {close[0]}?" if close else f"Use {', '.join(NAMES)}, or all.",
            )
    return names
