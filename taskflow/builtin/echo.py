"""taskflow.echo: gives back what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskflow.kernel.job import Options
from taskflow.kernel.retry import Retry
from taskflow.task import Task

if TYPE_CHECKING:
    from taskflow.app import Taskflow


def add_to(app: Taskflow) -> None:
    retry = Retry(1)
    app.register(
        Task(app, echo, name="taskflow.echo", options=Options(max_attempts=1), retry=retry,
             run_in="async")
    )  # fmt: skip


async def echo(value: Any = None) -> Any:
    """Answers `value`: to see that jobs run."""
    return value
