"""When a cron expression fires, found by walking the minutes: the oracle of test_cron_oracle.py.

Written from the rule in words and from the zoneinfo of Python, and shares nothing with
taskflow.cron_next: no masks, no search, no AT TIME ZONE. Slow, and easy to believe.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MONTHS = ["", *(name.lower() for name in calendar.month_abbr[1:])]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
MINUTE = timedelta(minutes=1)


class Minute(NamedTuple):
    """A minute that passed: when, what the clocks showed, whether they showed it before, and what
    they leapt over to get there."""

    at: datetime
    shown: datetime
    again: bool
    leapt_over: tuple[datetime, ...]


class Expression:
    """Five fields, read the way crontab(5) describes them."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.lower().split()
        self.minutes = set(numbers(minute, 0, 59))
        self.hours = set(numbers(hour, 0, 23))
        self.months = set(numbers(month, 1, 12, MONTHS))
        self.day, self.weekday = day, weekday
        self.follows_elapsed_time = minute.startswith("*") or hour.startswith("*")
        self.days_must_both_match = day.startswith("*") or weekday.startswith("*")
        self._days: dict[date, bool] = {}

    def fires(self, shown: datetime) -> bool:
        return (
            shown.minute in self.minutes
            and shown.hour in self.hours
            and self.fires_on(shown.date())
        )

    def fires_on(self, day: date) -> bool:
        if day not in self._days:
            by_date = any(is_day(item, day) for item in self.day.split(","))
            by_weekday = any(is_weekday(item, day) for item in self.weekday.split(","))
            both = by_date and by_weekday
            either = both if self.days_must_both_match else by_date or by_weekday
            self._days[day] = day.month in self.months and either
        return self._days[day]


def is_day(item: str, day: date) -> bool:
    if item == "l":
        return (day + timedelta(days=1)).month != day.month
    return day.day in set(numbers(item, 1, 31))


def is_weekday(item: str, day: date) -> bool:
    if "#" in item:
        name, _, nth = item.partition("#")
        return is_weekday(name, day) and (day.day - 1) // 7 + 1 == int(nth)
    if item.endswith("l"):
        return is_weekday(item[:-1], day) and (day + timedelta(days=7)).month != day.month
    return day.isoweekday() % 7 in {number % 7 for number in numbers(item, 0, 7, DAYS)}


def numbers(field: str, low: int, high: int, names: list[str] | None = None) -> Iterator[int]:
    def number(text: str) -> int:
        return names.index(text) if names and text in names else int(text)

    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            yield from range(low, high + (high != 7), int(step or 1))
        elif last:
            end = number(last) or (7 if names is DAYS else 0)
            yield from range(number(first), end + 1, int(step or 1))
        else:
            yield from range(number(first), (high if step else number(first)) + 1, int(step or 1))


def walk(zone: ZoneInfo, start: datetime, end: datetime, step: timedelta) -> Iterator[Minute]:
    """Every minute (or quarter of an hour) from start to before end."""
    at = start
    before = (start - step).astimezone(zone).replace(tzinfo=None)
    while at < end:
        local = at.astimezone(zone)
        shown = local.replace(tzinfo=None, fold=0)
        jump = shown - before
        leapt = tuple(before + step * n for n in range(1, jump // step)) if jump > step else ()
        yield Minute(at, shown, bool(local.fold), leapt)
        before, at = shown, at + step


class Walked:
    """Minutes that are asked for again and again: by the time of day that they show."""

    def __init__(self, minutes: Iterable[Minute]) -> None:
        self._by_time: dict[tuple[int, int], list[Minute]] = defaultdict(list)
        self._after_gaps: list[Minute] = []
        for minute in minutes:
            self._by_time[minute.shown.hour, minute.shown.minute].append(minute)
            if minute.leapt_over:
                self._after_gaps.append(minute)

    def fires(self, expression: Expression) -> list[datetime]:
        """The instants at which an expression fires, in their order."""
        found: set[datetime] = set()
        for hour in expression.hours:
            for at in expression.minutes:
                for minute in self._by_time.get((hour, at), ()):
                    if minute.again and not expression.follows_elapsed_time:
                        continue
                    if expression.fires_on(minute.shown.date()):
                        found.add(minute.at)
        if not expression.follows_elapsed_time:
            for minute in self._after_gaps:
                if any(expression.fires(shown) for shown in minute.leapt_over):
                    found.add(minute.at)
        return sorted(found)


@cache
def changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The hours after which a zone has another offset than before."""
    found, at, offset = [], start, start.astimezone(zone).utcoffset()
    while at < end:
        at += timedelta(hours=1)
        if (now := at.astimezone(zone).utcoffset()) != offset:
            found.append(at)
            offset = now
    return found


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
