"""Hears what handlers send through the logging module, and notes it for their jobs.

Whose line it is, the context variable says, which tasks and threads inherit: so it costs nothing
until something is logged. A handler on the root logger sees what the program's own configuration
lets through; it changes no level and silences nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from taskflow.kernel.job import Claimed
from taskflow.kernel.joblog import logger as job_logger
from taskflow.kernel.joblog import record_text
from taskflow.kernel.records import OFF, Recorder, running_job


class Capture(logging.Handler):
    """Hears the lines of those jobs for which `is_ours`: each worker of a process has its own."""

    def __init__(self, recorder: Recorder, is_ours: Callable[[Claimed], bool]) -> None:
        super().__init__(min(recorder.level, logging.WARNING))  # for the last resort, below
        self._recorder = recorder
        self._is_ours = is_ours

    def handle(self, record: logging.LogRecord) -> bool:
        """Without the handler's lock: taking note has its own."""
        if logging.root.handlers[:1] == [self]:
            say_last_resort(record)
        job = running_job.get()
        # ctx.log has noted its own lines; what the worker says of a job is not the job's
        if (
            job is not None
            and record.levelno >= self._recorder.level
            and record.name != job_logger.name
            and not record.name.startswith("taskflow.worker")
            and self._is_ours(job)
        ):
            self._recorder.log(job, record.levelno, record.name, record_text(record))
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Unused: `handle` does it all."""


@contextmanager
def capturing(recorder: Recorder, is_ours: Callable[[Claimed], bool]) -> Iterator[None]:
    """Hears lines inside the block, unless the recorder keeps none."""
    if recorder.level >= OFF:
        yield
        return
    capture = Capture(recorder, is_ours)
    logging.root.addHandler(capture)
    try:
        yield
    finally:
        logging.root.removeHandler(capture)


def say_last_resort(record: logging.LogRecord) -> None:
    """Warnings of a program that has configured no logging go to stderr, as without us: the module
    sees to that only while it finds no handler at all."""
    last = logging.lastResort
    if last is None or record.levelno < last.level:
        return
    if any(not isinstance(handler, Capture) for handler in logging.root.handlers):
        return
    place: logging.Logger | None = logging.getLogger(record.name)
    while place is not None and place is not logging.root:
        if place.handlers:
            return
        place = place.parent
    last.handle(record)
