"""Waiting for the end of a job or a run through the REST API: by looking, ever less often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from taskflow.errors import JobNotFound, ResultTimeout
from taskflow.kernel.flow import Run
from taskflow.kernel.flow_errors import RunNotFound
from taskflow.kernel.job import Job
from taskflow.remote import flows, jobs
from taskflow.remote.script import Pause, Request, Script, at

T = TypeVar("T", Job, Run)
HOLD_S = 30.0
"""How long the API is asked to keep a request for a result."""
GOES_ON = 202
FIRST_LOOK_S = 0.1
LONGEST_LOOK_S = 2.0


def ended(id: int, timeout: timedelta | None) -> Script[Job]:
    """The job once it has finished. Raises `JobNotFound`, and `ResultTimeout`."""
    missing = JobNotFound(
        f"job {id} does not exist", "It was never committed, or its retention is over."
    )
    return _until(lambda: jobs.get_job(id), f"job {id}", missing, timeout)


def run_ended(id: int, timeout: timedelta | None) -> Script[Run]:
    """The run once it has finished. Raises `RunNotFound`, and `ResultTimeout`."""
    missing = RunNotFound(f"run {id} does not exist", "Its retention may be over.")
    return _until(lambda: flows.get_run(id), f"run {id}", missing, timeout)


def result(id: int, timeout: timedelta | None) -> Script[bytes]:
    """What a job returned, as JSON. Raises `JobFailed`, `JobCancelled` and `ResultTimeout`."""
    end = time.monotonic() + timeout.total_seconds() if timeout is not None else float("inf")
    while True:
        left = end - time.monotonic()
        hold = f"{max(min(left, HOLD_S), 0.0):.3f}"
        answer = yield Request("GET", at("jobs", id, "result"), {"wait": hold})
        if answer.status != GOES_ON:
            return bytes(answer.read(jobs.Result).result)
        if left <= HOLD_S:
            raise ResultTimeout.of(
                id, f"job {id} has not finished in time", "It goes on; ask again later."
            )


def _until(
    look: Callable[[], Script[T | None]],
    what: str,
    missing: Exception,
    timeout: timedelta | None,
) -> Script[T]:
    for pause in _pauses(timeout):
        found = yield from look()
        if found is None:
            raise missing
        if found.is_finished:
            return found
        if pause is None:
            break
        yield Pause(pause)
    id = int(what.split()[1])
    raise ResultTimeout.of(id, f"{what} has not finished in time", "It goes on; ask again later.")


def _pauses(timeout: timedelta | None) -> Iterator[float | None]:
    """Seconds until the next look; None after the last."""
    end = time.monotonic() + timeout.total_seconds() if timeout is not None else float("inf")
    pause = FIRST_LOOK_S
    while (left := end - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 1.5, LONGEST_LOOK_S)
    yield None
