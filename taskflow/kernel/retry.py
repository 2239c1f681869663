"""When a failed attempt is tried again: pure functions of attempt, error and a random number.

    exponential   base * factor ** (attempt - 1)        1s 2s 4s 8s 16s ... at the defaults
    linear        base * attempt
    constant      base
    callable      backoff(attempt)

then at most `cap`, times a factor drawn evenly from [1 - jitter, 1 + jitter], then at most `cap`
again. `attempt` is the one that just failed, from 1.
"""

from __future__ import annotations

import math
import random as _random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from taskflow.errors import InvalidOption
from taskflow.kernel.durations import MAX_DURATION, Duration, parse_duration

Backoff = Literal["exponential", "linear", "constant"] | Callable[[int], Duration]
Errors = type[BaseException] | Iterable[type[BaseException]]

MAX_ATTEMPTS = 10_000
_LONGEST_ASKED = timedelta(days=1)


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """How often, and after how long, a task is tried again.

    `max_attempts` counts the first run. `base` is the first delay, `cap` the longest; both are
    durations ("1s", "PT1H", seconds, timedelta). `jitter` of 0.1 spreads delays by 10 % either way,
    so that jobs that failed together do not come back together.

    `give_up_on` names exceptions that end the job at once; `retry_on`, where given, the only ones
    that do not. `rules` says more for single classes, and goes first, the nearest class winning:
    `{RateLimited: "5m", TimeoutError: Retry(20, backoff="constant"), ValueError: None}`, where a
    duration is a fixed delay and None means give up.

    An exception with an attribute `retry_after` (seconds or timedelta) sets the delay itself: it is
    never shortened, jitter only adds, and it is honoured up to a day or `cap`, whichever is longer.
    """

    max_attempts: int
    backoff: Backoff
    base: timedelta
    factor: float
    cap: timedelta
    jitter: float
    give_up_on: tuple[type[BaseException], ...]
    retry_on: tuple[type[BaseException], ...] | None
    rules: tuple[tuple[type[BaseException], Retry | timedelta | None], ...]

    def __init__(
        self,
        max_attempts: int = 5,
        *,
        backoff: Backoff = "exponential",
        base: Duration = "1s",
        factor: float = 2,
        cap: Duration = "1h",
        jitter: float = 0.1,
        give_up_on: Errors = (),
        retry_on: Errors | None = None,
        rules: Mapping[type[BaseException], Retry | Duration | None] | None = None,
    ) -> None:
        _check_attempts(max_attempts)
        if not callable(backoff) and backoff not in ("exponential", "linear", "constant"):
            raise InvalidOption(
                f"Retry: backoff {backoff!a} does not exist",
                'Use "exponential", "linear", "constant", or a function of the attempt.',
            )
        _check_between("factor", factor, 1, 100)
        _check_between("jitter", jitter, 0, 1)
        fields = {
            "max_attempts": int(max_attempts),
            "backoff": backoff,
            "base": parse_duration(base, what="Retry base"),
            "factor": float(factor),
            "cap": parse_duration(cap, what="Retry cap"),
            "jitter": float(jitter),
            "give_up_on": _classes("give_up_on", give_up_on),
            "retry_on": None if retry_on is None else _classes("retry_on", retry_on),
            "rules": tuple((kind, _rule(kind, rule)) for kind, rule in (rules or {}).items()),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def delay(
        self,
        attempt: int,
        error: BaseException | None = None,
        random: Callable[[], float] = _random.random,
        *,
        max_attempts: int | None = None,
    ) -> timedelta | None:
        """How long to wait after failed `attempt`, or None if that was the last.

        `max_attempts` is the job's own number where it has one: it then stands for the policy's,
        but not for that of a policy in `rules`. `random` gives numbers in [0, 1); tests pass their
        own.
        """
        rule = self._rule_for(error)
        if isinstance(rule, Retry):
            return rule.delay(attempt, error, random)
        if attempt >= (max_attempts or self.max_attempts) or rule is None:
            return None
        asked = _asked(error)
        if asked is not None:
            return self.not_before(min(asked, max(self.cap, _LONGEST_ASKED)), random)
        spread = 1 + self.jitter * (2 * random() - 1)
        if isinstance(rule, timedelta):
            return min(rule * spread, MAX_DURATION)
        return min(self.plain_delay(attempt) * spread, self.cap)

    def not_before(
        self, asked: timedelta, random: Callable[[], float] = _random.random
    ) -> timedelta:
        """A delay that somebody asked for: jitter only adds to it."""
        return min(asked * (1 + self.jitter * random()), MAX_DURATION)

    def plain_delay(self, attempt: int) -> timedelta:
        """The delay after `attempt` by the formula alone: before jitter, at most `cap`."""
        if callable(self.backoff):
            try:
                return min(parse_duration(self.backoff(attempt), what="Retry backoff"), self.cap)
            except Exception:  # noqa: BLE001
                # A policy function that errs must not cost the job its retry.
                return self.cap
        step = max(attempt, 1)
        try:
            if self.backoff == "exponential":
                return min(self.base * self.factor ** (step - 1), self.cap)
            return min(self.base * step if self.backoff == "linear" else self.base, self.cap)
        except OverflowError:
            return self.cap if self.base else timedelta(0)

    def _rule_for(self, error: BaseException | None) -> Retry | timedelta | Literal[True] | None:
        """The rule for the nearest class of `error`; True for the policy itself, None: give up."""
        if error is None:
            return True
        rules = dict(self.rules)
        for kind in type(error).__mro__:
            if kind in rules:
                return rules[kind]
        if isinstance(error, self.give_up_on):
            return None
        return True if self.retry_on is None or isinstance(error, self.retry_on) else None


def _asked(error: BaseException | None) -> timedelta | None:
    """What the exception itself asks for; anything that is not a sane duration is ignored."""
    try:
        asked: Any = getattr(error, "retry_after", None)
        if isinstance(asked, timedelta):
            return max(asked, timedelta(0))
        if isinstance(asked, int | float) and not isinstance(asked, bool) and not math.isnan(asked):
            return timedelta(seconds=min(max(asked, 0), MAX_DURATION.total_seconds()))
    except Exception:  # noqa: BLE001 - a property of the user's exception may raise anything
        return None
    return None


def _rule(kind: object, rule: Retry | Duration | None) -> Retry | timedelta | None:
    _classes("rules", (kind,))  # type: ignore[arg-type]
    if rule is None or isinstance(rule, Retry):
        return rule
    return parse_duration(rule, what=f"Retry rule for {getattr(kind, '__name__', kind)}")


def _classes(option: str, given: Errors) -> tuple[type[BaseException], ...]:
    classes: tuple[Any, ...] = (given,) if isinstance(given, type) else tuple(given)
    for found in classes:
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            raise InvalidOption(
                f"Retry: {option} takes exception classes, got {ascii(found)[:60]}",
                f"Write {option}=(ValueError, KeyError).",
            )
    return classes


def _check_attempts(count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_ATTEMPTS:
        raise InvalidOption(
            f"Retry: expected max_attempts from 1 to {MAX_ATTEMPTS:,}, got {ascii(count)[:60]}",
            "1 means no retry.",
        )


def _check_between(option: str, value: object, least: float, most: float) -> None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not least <= value <= most:  # type: ignore[operator]
        raise InvalidOption(
            f"Retry: expected {option} from {least} to {most}, got {ascii(value)[:60]}"
        )
