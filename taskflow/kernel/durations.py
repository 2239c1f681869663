"""Durations as people write them, to `timedelta` and back.

"5m30s", "1h", "250ms", "1.5d", ISO 8601 ("PT5M", "P1DT2H"), plain numbers of seconds, and
`timedelta` itself. Months and years are refused, because they have no fixed length.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal

from taskflow.errors import InvalidOption, TimeOutOfRange

Duration = str | int | float | timedelta

MAX_DURATION = timedelta(days=3_653)
"""Ten years; a longer wait is a mistake in units."""

_UNITS = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3_600),
    "d": Decimal(86_400),
    "w": Decimal(604_800),
}
_WORDS = {
    "µs": "us", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m",
    "minute": "m", "minutes": "m", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d",
    "days": "d", "week": "w", "weeks": "w", "msec": "ms", "millisecond": "ms",
    "milliseconds": "ms", "microsecond": "us", "microseconds": "us",
}  # fmt: skip
_PART = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([a-zµ]+)", re.ASCII)
_ISO = re.compile(
    r"P(?:(?P<w>[0-9.]+)W)?(?:(?P<d>[0-9.]+)D)?"
    r"(?:T(?:(?P<h>[0-9.]+)H)?(?:(?P<m>[0-9.]+)M)?(?:(?P<s>[0-9.]+)S)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)
_HINT = 'Write "5m30s", "250ms", "PT5M", a number of seconds, or a timedelta.'


def parse_duration(
    value: Duration, *, what: str = "duration", longest: timedelta = MAX_DURATION
) -> timedelta:
    """`value` as a timedelta between 0 and `longest`; a bare number is in seconds.

    `what` names the option in errors: `InvalidOption` for what cannot be read, `TimeOutOfRange`
    for what lies outside the bounds.
    """
    given: object = value  # annotations do not bind the callers of a public option
    if isinstance(given, timedelta):
        found = given
    elif isinstance(given, str):
        found = _seconds(_parse_text(given, what), value, what, longest)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        if isinstance(given, float) and not math.isfinite(given):
            raise InvalidOption(f"{what}: {value} is not a duration", _HINT)
        found = _seconds(Decimal(given), value, what, longest)
    else:
        raise InvalidOption(f"{what}: expected a duration, got {type(given).__name__}", _HINT)
    if not timedelta(0) <= found <= longest:
        raise _out_of_range(value, what, longest)
    return found


def format_duration(value: timedelta | float, *, parts: int = 2) -> str:
    """For people: the largest unit and the `parts` - 1 below it, as in "1h 5m", "250ms", "0s".

    A bare number is in seconds; what is smaller than the last unit shown is dropped.
    """
    delta = value if isinstance(value, timedelta) else timedelta(seconds=value)
    left = abs(delta) // timedelta(microseconds=1)
    shown: list[str] = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, left = divmod(left, int(_UNITS[unit] * 1_000_000))
        if count or shown:
            shown.append(f"{count}{unit}" if count else "")
        if len(shown) == parts:
            break
    text = " ".join(filter(None, shown)) or "0s"
    return f"-{text}" if delta < timedelta(0) else text


def as_interval(value: timedelta) -> str:
    """As Postgres reads an interval: whole microseconds. A float of seconds below 100 us would be
    written with an exponent, which it refuses."""
    return f"{value // timedelta(microseconds=1)} microseconds"


def _parse_text(text: str, what: str) -> Decimal:
    plain = text.strip()
    if plain.startswith("-"):  # a duration all the same, and as such out of range
        sign, plain = -1, plain[1:]
    else:
        sign = 1
    if _NUMBER.fullmatch(plain):
        return sign * Decimal(plain)
    try:
        total = _parse_iso(plain) if plain[:1] in ("P", "p") else _parse_units(plain.lower())
    except ArithmeticError:  # "1.2.3" passes the pattern of ISO parts
        total = None
    if total is None:
        raise InvalidOption(f"{what}: {text[:40]!a} is not a duration", _HINT)
    return sign * total


def _parse_iso(text: str) -> Decimal | None:
    match = _ISO.fullmatch(text.upper())
    if match is None or text[-1] in "PpTt" or len(text) > 80:
        return None
    found = {unit: number for unit, number in match.groupdict().items() if number}
    return sum((Decimal(number) * _UNITS[unit] for unit, number in found.items()), Decimal(0))


def _parse_units(text: str) -> Decimal | None:
    total, at, seen = Decimal(0), 0, set[str]()
    while at < len(text):
        match = _PART.match(text, at)
        unit = _WORDS.get(match[2], match[2]) if match else ""
        if match is None or unit not in _UNITS or unit in seen:
            return None
        seen.add(unit)
        total += Decimal(match[1]) * _UNITS[unit]
        at = match.end()
    return total if seen else None


def _seconds(seconds: Decimal, value: Duration, what: str, longest: timedelta) -> timedelta:
    if not 0 <= seconds <= 86_400 * (longest.days + 1):
        raise _out_of_range(value, what, longest)
    return timedelta(microseconds=int((seconds * 1_000_000).to_integral_value()))


def _out_of_range(value: Duration, what: str, longest: timedelta) -> TimeOutOfRange:
    shown = ascii(value) if isinstance(value, str) else str(value)
    return TimeOutOfRange(
        f"{what}: {shown[:40]} is out of range", f"Use 0 to {format_duration(longest)}."
    )
