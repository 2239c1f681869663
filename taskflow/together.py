"""Tasks whose handler takes many jobs in one call: one INSERT, one request for a hundred of them.

Each job keeps its own arguments, attempts, timeout and end; only the call is shared. What the
handler answers for a job, a result, an outcome or an error, ends that job and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from taskflow.errors import InvalidOption, TaskflowError
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.kernel.handler import read_batch_handler
from taskflow.kernel.signature import Signature
from taskflow.task import Place, Task

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.context import Context

P = ParamSpec("P")
R = TypeVar("R")
MOST = 10_000
LONGEST_WAIT = timedelta(minutes=1)


class InvalidAnswer(TaskflowError):
    """A handler of many jobs returned something that cannot be told apart by job."""

    code = "TF309"


class BatchTask(Task[P, R]):
    """A task whose handler is called with up to `size` jobs, or with those there are after `wait`
    seconds."""

    def __init__(
        self, app: Taskflow, fn: Callable[..., Any], *, size: int, wait: Duration, **given: Any
    ) -> None:
        if type(size) is not int or not 1 <= size <= MOST:
            raise InvalidOption(f"size is {size!r}, it must be 1 to {MOST}", "Write size=100.")
        signature = Signature(read_batch_handler(fn))
        place: Place = "batch" if signature.is_async else "batch thread"
        super().__init__(app, fn, signature=signature, run_in=place, **given)
        self.size = size
        self.wait = parse_duration(wait, what="wait", longest=LONGEST_WAIT).total_seconds()

    def handle(self, context: Context) -> Any:
        """Calls the handler with this job alone."""
        args, _ = self.signature.bind(context.raw_args)
        answer = self.call([context], list(args))
        if not self.signature.is_async:
            return _value(self.answers(answer, 1)[0])

        async def alone() -> Any:
            return _value(self.answers(await answer, 1)[0])

        return alone()

    def call(self, contexts: list[Context], items: list[Any]) -> Any:
        """Calls the handler with these jobs; to be awaited if it is async."""
        return self.fn(contexts, items) if self.signature.takes_context else self.fn(items)

    def answers(self, answer: Any, count: int) -> list[Any]:
        """What the handler returned, as one value for each of its `count` jobs.

        Raises `InvalidAnswer` where it cannot be told which belongs to which.
        """
        if answer is None:
            return [None] * count
        values = list(answer) if isinstance(answer, list | tuple) else None
        if values is not None and len(values) == count:
            return values
        got = type(answer).__name__ if values is None else f"{len(values)} of them"
        raise InvalidAnswer(
            f"{self.name} took {count} jobs and must return a list of {count} values, got {got}",
            "Return one value for each job in the order given, an exception for one that failed, "
            "or None when all have succeeded.",
        )


def _value(part: Any) -> Any:
    """A job's part of the answer; an exception among them is that job's end."""
    if is_error(part):
        raise part
    return part


def is_error(part: Any) -> bool:
    """Not by isinstance, which asks the value what it is."""
    return issubclass(type(part), BaseException)
