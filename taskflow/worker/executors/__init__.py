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

    A run waits here until a thread or a child is free for it, and `begin` is called when its
    handler begins: only from there on it is running, for its timeout and at a shutdown.
    """

    places: Places

    async def run(self, task: Task[..., Any], context: Context, run: Run, /) -> Any: ...

    def close(self) -> None: ...
