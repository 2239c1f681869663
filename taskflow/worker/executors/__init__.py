"""Where handlers that are not coroutines run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from taskflow.context import Context
    from taskflow.task import Task
    from taskflow.worker.places import Places
    from taskflow.worker.run import Run


class Executor(Protocol):
    """Runs the handler of a task somewhere and answers what it returned, or raises what it did.

    The caller has taken one of `places`; `run` calls `begin` of the run when the handler begins.
    """

    places: Places

    async def run(self, task: Task[..., Any], context: Context, run: Run, /) -> Any: ...

    def close(self) -> None: ...
