"""Finds the jobs that a test expects among those enqueued, and says what there was instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskflow.kernel import codec
from taskflow.kernel.job import Job
from taskflow.task import Task

SHOWN = 20


class Expected:
    """A description of jobs: a task, some of its arguments, a queue."""

    def __init__(
        self,
        task: Task[..., Any] | str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        queue: str | None,
    ) -> None:
        self.task = task if isinstance(task, str) else task.name
        self.queue = queue
        given = dict(kwargs)
        if args:
            given |= zip(_names(task), args, strict=False)
        # Compared as they are stored, so that 42 is found as 42 and a UUID as its text.
        self.args: dict[str, Any] = codec.decode(codec.encode(given))

    def find(self, jobs: Sequence[Job]) -> list[Job]:
        return [job for job in jobs if self._fits(job)]

    def __str__(self) -> str:
        said = f'"{self.task}"'
        if self.args:
            said += f" with {_listed(self.args)}"
        return said + (f' on queue "{self.queue}"' if self.queue else "")

    def _fits(self, job: Job) -> bool:
        if job.task != self.task or self.queue not in (None, job.queue):
            return False
        found = codec.decode(job.args)
        return all(name in found and found[name] == value for name, value in self.args.items())


def complaint(expected: Expected, wanted: str, found: Sequence[Job], jobs: Sequence[Job]) -> str:
    """What was wanted, what was found, and everything that the test enqueued."""
    lines = [f"expected {wanted} of {expected}, found {len(found) or 'none'}"]
    if not jobs:
        return f"{lines[0]}; nothing was enqueued"
    matching = {job.id for job in found}
    lines.append("enqueued:")
    lines += [f"  {'>' if job.id in matching else ' '} {shown(job)}" for job in jobs[:SHOWN]]
    if len(jobs) > SHOWN:
        lines.append(f"    ... and {len(jobs) - SHOWN} more")
    return "\n".join(lines)


def shown(job: Job) -> str:
    """A job in one line."""
    said = f"#{job.id} {job.task}({_listed(codec.decode(job.args))}) {job.state}"
    said += f" on {job.queue}"
    if job.state == "scheduled":
        said += f" for {job.run_at:%Y-%m-%d %H:%M:%S%z}"
    return said


def _listed(args: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in args.items())
    return text if len(text) <= 200 else f"{text[:200]}..."


def _names(task: Task[..., Any] | str) -> list[str]:
    if isinstance(task, str):
        raise TypeError("give the arguments of a task that is named by text by their names")
    return [parameter.name for parameter in task.signature.shape.parameters]
