"""Schedules as values: the options to make one with, and the lines that show them and their ticks.

When a cron expression fires is the database's to say; nothing here computes a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict

import msgspec

from taskflow.errors import InvalidOption, TaskflowError, UnknownOption, nearest
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.kernel.names import Priority
from taskflow.kernel.options import CHECKS

Overlap = Literal["allow", "skip", "queue", "cancel_old"]
CatchUp = Literal["none", "last", "all"]
ScheduleState = Literal["active", "paused", "ended", "overdue"]


class ScheduleNotFound(TaskflowError):
    """No schedule has this name."""

    code = "TF150"


class InvalidCron(TaskflowError):
    """A cron expression cannot be read, or it never fires."""

    code = "TF151"


OVERLAPS: tuple[Overlap, ...] = ("allow", "skip", "queue", "cancel_old")
CATCH_UPS: tuple[CatchUp, ...] = ("none", "last", "all")


class Planned(TypedDict, total=False):
    """The options of a schedule as a caller may write them."""

    cron: str | None
    """ "0 8 * * 1-5"; six fields begin with the seconds; also "@daily" and "@every 5m"."""
    every: Duration | None
    at: datetime | None
    tz: str | None
    jitter: Duration | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_runs: int | None
    overlap: Overlap | None
    catch_up: CatchUp | None
    catch_up_span: Duration | None
    paused: bool | None
    queue: str | None
    priority: Priority | int | None
    max_attempts: int | None
    timeout: Duration | None
    tags: Iterable[str] | None
    meta: Mapping[str, Any] | None


JOB_OPTIONS = ("queue", "priority", "max_attempts", "timeout", "tags", "meta")


class Declaration(msgspec.Struct, frozen=True):
    """A schedule as code declares it; `options` are those that were given, checked."""

    name: str
    task: str
    args: msgspec.Raw
    options: dict[str, Any]

    def published(self) -> dict[str, Any]:
        """As taskflow.publish_schedules takes it: the same text for the same declaration."""
        spelled = {name: _spelled(value) for name, value in sorted(self.options.items())}
        return {"name": self.name, "task": self.task, "args": self.args, **spelled}


class Schedule(msgspec.Struct, frozen=True):
    """One schedule. `times` says when in words: its cron expression, "every 00:05:00", "at ..."."""

    name: str
    state: ScheduleState
    task: str
    kind: str
    times: str
    time_zone: str
    next_at: datetime | None
    queued_at: datetime | None
    """A tick that waits for the end of `last_job_id`."""
    last_tick_at: datetime | None
    last_status: str | None
    last_reason: str | None
    last_late_by: timedelta | None
    last_job_id: int | None
    runs: int
    max_runs: int | None
    overlap: Overlap
    catch_up: CatchUp
    catch_up_span: timedelta | None
    jitter: timedelta | None
    starts_at: datetime | None
    ends_at: datetime | None
    queue: str | None
    priority: str | None
    max_attempts: int | None
    timeout: timedelta | None
    tags: list[str] | None
    args: msgspec.Raw
    meta: msgspec.Raw | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    declared: bool
    """Made by `tf.schedule(...)` in code."""
    declared_at: datetime | None
    is_orphaned: bool
    """Declared by code that no live worker runs any more."""
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime


class LedgerLine(msgspec.Struct, frozen=True):
    """What became of one tick; with `until_at`, of all ticks from `tick_at` to before it."""

    tick_at: datetime
    until_at: datetime | None
    status: str
    """run, skipped, or queued: it waits for the job of the tick before."""
    reason: str | None
    job_id: int | None
    fired_at: datetime
    late_by: timedelta


class Tick(msgspec.Struct, frozen=True):
    """A tick to come, and what the clocks of the schedule's zone will show."""

    tick_at: datetime
    local_at: datetime


class Backfilled(msgspec.Struct, frozen=True):
    """A past tick and what a backfill did: run, would run, run already, queued."""

    tick_at: datetime
    status: str
    job_id: int | None


def make_plan(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, checked, by the names that the database has for them.

    Raises `UnknownOption` with the nearest name, `InvalidOption` and kin for values.
    """
    known = Planned.__annotations__
    for name in given:
        if name not in known:
            raise UnknownOption.named(name, known)
    return {
        "time_zone" if name == "tz" else name: _CHECKS[name](name, value)
        for name, value in given.items()
        if value is not None
    }


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidOption(f"{name}: expected a text, got {type(value).__name__}")
    return value


def _word(words: tuple[str, ...]) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value in words:
            return str(value)
        close = nearest(str(value), words)
        hint = f'Did you mean "{close[0]}"?' if close else f"Use {', '.join(words)}."
        raise InvalidOption(f"{name}: {str(value)[:40]!a} is not known", hint)

    return check


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise InvalidOption(f"{name}: expected a number from 1 on, got {str(value)[:40]!a}")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidOption(f"{name}: expected True or False, got {type(value).__name__}")
    return value


def _duration(name: str, value: Any) -> timedelta:
    return parse_duration(value, what=name)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "cron": _text,
    "every": _duration,
    "at": CHECKS["run_at"],
    "tz": _text,
    "jitter": _duration,
    "starts_at": CHECKS["run_at"],
    "ends_at": CHECKS["run_at"],
    "max_runs": _count,
    "overlap": _word(OVERLAPS),
    "catch_up": _word(CATCH_UPS),
    "catch_up_span": _duration,
    "paused": _flag,
    **{name: CHECKS[name] for name in JOB_OPTIONS},
    # a set has another order in each process, and a declaration must be told from a changed one
    "tags": lambda name, value: sorted(CHECKS["tags"](name, value)),
}


def _spelled(value: Any) -> Any:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f} seconds"
    return value.isoformat() if isinstance(value, datetime) else value
