"""Limits as values: how many jobs may run at once, or start within a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self

import msgspec

from taskflow.errors import InvalidOption, TaskflowError, nearest
from taskflow.kernel.durations import Duration, parse_duration


class LimitNotFound(TaskflowError):
    """No limit has this name."""

    code = "TF135"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        close = nearest(name, list(known))
        return cls(
            f'there is no limit "{name}"',
            f'Did you mean "{close[0]}"?' if close else "See taskflow limits list.",
        )


class Rate(msgspec.Struct, frozen=True):
    """At most `count` starts in every window of `per`, wherever it lies.

    With `burst`, a bucket instead: it holds so many, and gains `count` in each `per`.
    """

    count: int
    per: timedelta
    burst: int | None = None

    @classmethod
    def of(cls, count: int, per: Duration, burst: int | None = None) -> Rate:
        """`Rate.of(14, "1s")`."""
        if count < 1:
            raise InvalidOption(f"a rate of {count!r} is none", 'Write Rate.of(14, "1s").')
        return cls(count, parse_duration(per, what="per"), burst)


class Breaker(msgspec.Struct, frozen=True):
    """So many failures within a time hold all jobs for the cooldown; then a single one probes."""

    failures: int
    within: timedelta = timedelta(minutes=1)
    cooldown: timedelta = timedelta(seconds=30)

    @classmethod
    def of(cls, failures: int, within: Duration = "1m", cooldown: Duration = "30s") -> Breaker:
        """`Breaker.of(5, within="1m", cooldown="30s")`."""
        return cls(
            failures,
            parse_duration(within, what="within"),
            parse_duration(cooldown, what="cooldown"),
        )


class LimitRule(msgspec.Struct, frozen=True, kw_only=True):
    """What `taskflow.set_limit` takes, by its names."""

    name: str
    queue: str | None = None
    task: str | None = None
    key: str = ""
    concurrency: int | None = None
    ordered: bool = False
    rate: int | None = None
    per: timedelta | None = None
    burst: int | None = None
    weight_by: str | None = None
    breaker_failures: int | None = None
    breaker_window: timedelta | None = None
    breaker_cooldown: timedelta | None = None


class LimitLine(msgspec.Struct, frozen=True):
    """A limit at a glance. Counts stop at 10,001, which stands for "10,000 and more"."""

    name: str
    queue: str | None
    task: str | None
    key: str
    concurrency: int | None
    ordered: bool
    rate: int | None
    per: timedelta | None
    burst: int | None
    weight_by: str | None
    breaker_failures: int | None
    breaker_window: timedelta | None
    breaker_cooldown: timedelta | None
    keys: int
    in_use: int
    """Running jobs and permits that count under it, by weight."""
    lanes_waiting: int


class KeyLine(msgspec.Struct, frozen=True):
    """One key of a limit as it is now."""

    key: str
    in_use: int
    room: int
    cause: str | None
    """Why there is no room: held, breaker_open, breaker_probe, concurrency or rate."""
    opens_at: datetime | None
    held_by: list[int]
    """The first few jobs that use it."""
    lanes_waiting: int


class Permit(msgspec.Struct, frozen=True):
    """The answer to asking for a limit: an id (0: nothing to give back), or when to ask again."""

    id: int | None
    retry_after: timedelta | None


def shown(rule: LimitRule | LimitLine) -> str:
    """A limit in words, for people."""
    parts: list[Any] = []
    if rule.ordered:
        parts.append("one after the other")
    elif rule.concurrency is not None:
        parts.append(f"{rule.concurrency:,} at once")
    if rule.rate is not None:
        per = rule.per.total_seconds() if rule.per else 0
        parts.append(
            f"{rule.rate:,} per {per:g} s" + (f", burst {rule.burst:,}" if rule.burst else "")
        )
    if rule.breaker_failures is not None:
        parts.append(f"breaker after {rule.breaker_failures:,} failures")
    return "; ".join(parts)
