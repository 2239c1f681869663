from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskflow.errors import InvalidOption, TaskflowError, TimeOutOfRange
from taskflow.kernel import format_duration, parse_duration
from taskflow.kernel.durations import MAX_DURATION, as_interval

WITHIN = st.timedeltas(timedelta(0), MAX_DURATION)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5m30s", 330),
        ("1h", 3_600),
        ("250ms", 0.25),
        ("1.5d", 129_600),
        ("2 weeks", 1_209_600),
        (" 1h 5 min ", 3_900),
        ("10us", 0.00001),
        ("3H", 10_800),
        ("90", 90),
        ("0", 0),
        ("PT5M", 300),
        ("P1DT2H", 93_600),
        ("pt0.5s", 0.5),
        ("P2W", 1_209_600),
        (5, 5),
        (0.25, 0.25),
        (timedelta(minutes=3), 180),
    ],
)
def test_forms_that_people_write(value: Any, seconds: float) -> None:
    assert parse_duration(value) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "h",
            "5x",
            "5m5m",
            "five",
            "1h-5m",
            "1e3s",
            "P",
            "PT",
            "P1M",
            "P1Y",
            "P1.2.3D",
            "-",
            "--5m",
            "-x",
        ),
        *("1.2.3s", "\u0663s", "\0", None, True, [], math.nan, math.inf, b"5s"),
    ],
)
def test_what_is_not_a_duration(value: Any) -> None:
    with pytest.raises(InvalidOption):
        parse_duration(value)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.1,
        timedelta(-1),
        "523w",
        "9" * 15 + "w",
        1e300,
        10**400,
        timedelta.max,
        "-5m",
        "-PT5M",
        "-1",
    ],
)
def test_out_of_bounds(value: Any) -> None:
    with pytest.raises(TimeOutOfRange):
        parse_duration(value)


def test_errors_name_the_option_and_the_bound() -> None:
    with pytest.raises(TimeOutOfRange, match=r"lease: '2h' is out of range\. Use 0 to 1h"):
        parse_duration("2h", what="lease", longest=timedelta(hours=1))


@given(st.text(max_size=20) | st.floats() | st.integers() | st.timedeltas())
def test_anything_gives_a_duration_in_bounds_or_a_taskflow_error(value: Any) -> None:
    try:
        found = parse_duration(value)
    except TaskflowError:
        return
    assert timedelta(0) <= found <= MAX_DURATION


@given(WITHIN)
def test_full_formatting_is_parsed_back_exactly(value: timedelta) -> None:
    microseconds = value // timedelta(microseconds=1)
    assert parse_duration(f"{microseconds}us") == value
    assert parse_duration(format_duration(value)) <= value


@given(WITHIN)
def test_what_postgres_reads_has_no_exponent(value: timedelta) -> None:
    number, unit = as_interval(value).split()
    assert (int(number), unit) == (value // timedelta(microseconds=1), "microseconds")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(hours=1, minutes=5, seconds=9), "1h 5m"),
        (timedelta(days=2), "2d"),
        (0.25, "250ms"),
        (1.5, "1s 500ms"),
        (timedelta(0), "0s"),
        (-90, "-1m 30s"),
        (timedelta(days=3, seconds=5), "3d"),
        (timedelta(hours=1, seconds=5), "1h"),
        (0.0000004, "0s"),
    ],
)
def test_formatting_shows_the_two_largest_units(value: Any, text: str) -> None:
    assert format_duration(value) == text
