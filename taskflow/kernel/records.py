"""What a run may say while it runs: how far it is, and lines for its log.

A handler's `ctx.progress` and `ctx.log`, and what it sends through the logging module, all end in a
`Recorder`, which only takes note. Who writes it, and when, is the worker's business.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

import msgspec

from taskflow.errors import ConfigurationError, InvalidName, InvalidOption
from taskflow.kernel.fingerprint import clean
from taskflow.kernel.job import Claimed

MAX_LINE_BYTES = 8_192
MAX_NOTE_BYTES = 500
MAX_STEP_NAME = 200
OFF = 1_000
"""A level that no line reaches."""
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": OFF,
}

running_job: ContextVar[Claimed | None] = ContextVar("taskflow_job", default=None)
"""Whose code this is; copied, as all context variables, into the tasks and threads it starts. It
stays set when the job has ended, so ask the recorder's side whether the job still runs."""


class Recorder(Protocol):
    """Takes note for a job, from any thread, at once and without an error."""

    level: int
    """The lowest level of lines that are kept."""

    @property
    def open(self) -> Mapping[Any, Any]:
        """True while any job has recorded something and has not ended: all that the plain path of
        a worker looks at."""
        ...

    def progress(
        self, job: Claimed, done: float, total: float | None, note: str | None
    ) -> None: ...

    def log(self, job: Claimed, level: int, logger: str, message: str) -> None: ...

    def end(self, job: Claimed) -> None:
        """The attempt is over: what it has recorded is due now."""


class Nowhere:
    """Keeps nothing: where a handler runs without a job."""

    level = OFF
    open: Mapping[Any, Any] = {}

    def progress(self, job: Claimed, done: float, total: float | None, note: str | None) -> None:
        pass

    def log(self, job: Claimed, level: int, logger: str, message: str) -> None:
        pass

    def end(self, job: Claimed) -> None:
        pass


NOWHERE: Recorder = Nowhere()


class Progress(msgspec.Struct, frozen=True):
    """How far a job is, as its last report said."""

    done: float
    total: float | None
    note: str | None
    claim_no: int
    """Of the run that reported it; an earlier one's stays until the next one reports."""
    updated_at: datetime

    def __str__(self) -> str:
        said = shown_number(self.done)
        if self.total is not None:
            said += f" of {shown_number(self.total)}"
        return f"{said}: {self.note}" if self.note else said


class LogLine(msgspec.Struct, frozen=True):
    """One line of a job's log."""

    seq: int
    """Grows from line to line: ask for what comes after it."""
    attempt: int
    claim_no: int
    logged_at: datetime
    level: str
    """debug, info, warning, error, critical; or "cut", where lines were left out."""
    logger: str | None
    message: str


class StepLine(msgspec.Struct, frozen=True):
    """A durable step that is saved."""

    name: str
    claim_no: int
    result: msgspec.Raw | None
    saved_at: datetime


def check_progress(
    done: object, total: object, note: object
) -> tuple[float, float | None, str | None]:
    """The three as they can be stored; raises `InvalidOption`."""
    return (
        _number(done, "done"),
        None if total is None else _number(total, "total"),
        None if note is None else " ".join(clean(str(note), MAX_NOTE_BYTES).split()),
    )


def check_step_name(name: object) -> str:
    """`name` itself if a durable step may have it; else raises `InvalidName`."""
    if isinstance(name, str) and 1 <= len(name) <= MAX_STEP_NAME and name.isprintable():
        return name
    raise InvalidName(
        f"a step cannot be named {name!a:.80}",
        f"A step's name is a text of 1 to {MAX_STEP_NAME} characters, none of them unprintable.",
    )


def level_number(word: str) -> int:
    """The number of a level as settings spell it. Raises `ConfigurationError`."""
    found = LEVELS.get(word.lower())
    if found is None:
        raise ConfigurationError(f"job_log_level is {word!r}", f"Use one of {', '.join(LEVELS)}.")
    return found


def level_word(level: int) -> str:
    """The word that is stored for a level of the logging module, odd ones rounded down."""
    for word in ("critical", "error", "warning", "info"):
        if level >= getattr(logging, word.upper()):
            return word
    return "debug"


def shown_number(number: float) -> str:
    return f"{number:,.0f}" if number.is_integer() else f"{number:,g}"


def _number(value: object, name: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if abs(number) <= 1e300:
            return number
    raise InvalidOption(
        f"progress: {name} is {value!r:.80}, not a number", "Write ctx.progress(40, total=100)."
    )
