"""taskflow.cron_next by example: what expressions mean, what clocks do to them, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import factories as f

Connection = psycopg.Connection[Any]
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def after(db: Connection, expression: str, start: str, zone: str = "UTC", count: int = 1) -> Any:
    """The next ticks after a time in UTC, as short texts in UTC."""
    found, tick = [], at(start)
    for _ in range(count):
        tick = f.value(db, "select taskflow.cron_next(%s, %s, %s)", expression, tick, zone)
        found.append(tick and f"{tick.astimezone(UTC):%m-%d %H:%M:%S}".removesuffix(":00"))
    return found if count > 1 else found[0]


# --- what an expression means ---------------------------------------------------------------------

SUNDAY = "2026-11-22T10:20:30"


@pytest.mark.parametrize(
    ("expression", "ticks"),
    [
        ("* * * * *", ["11-22 10:21", "11-22 10:22"]),
        ("*/15 * * * *", ["11-22 10:30", "11-22 10:45"]),
        ("5/20 * * * *", ["11-22 10:25", "11-22 10:45", "11-22 11:05"]),
        ("10-20/5,59 * * * *", ["11-22 10:59", "11-22 11:10", "11-22 11:15"]),
        ("0 8 * * 1-5", ["11-23 08:00", "11-24 08:00"]),
        ("0 8 * * MON-Fri", ["11-23 08:00", "11-24 08:00"]),
        ("0 8 * * fri-sun", ["11-27 08:00", "11-28 08:00", "11-29 08:00"]),
        ("0 8 * * 0", ["11-29 08:00", "12-06 08:00"]),
        ("0 8 * * 7", ["11-29 08:00", "12-06 08:00"]),
        ("0 8 * jan,mar *", ["01-01 08:00", "01-02 08:00"]),
        ("0 0 L * *", ["11-30 00:00", "12-31 00:00", "01-31 00:00", "02-28 00:00"]),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00"]),
        ("0 0 * * mon#1", ["12-07 00:00", "01-04 00:00"]),
        ("0 0 * * 5L", ["11-27 00:00", "12-25 00:00"]),
        ("0 0 * * mon#5", ["11-30 00:00", "03-29 00:00"]),
        ("@hourly", ["11-22 11:00", "11-22 12:00"]),
        ("@daily", ["11-23 00:00", "11-24 00:00"]),
        ("@midnight", ["11-23 00:00"]),
        ("@weekly", ["11-29 00:00"]),
        ("@monthly", ["12-01 00:00"]),
        ("@yearly", ["01-01 00:00"]),
        ("@annually", ["01-01 00:00"]),
        ("  0   8\t* * *  ", ["11-23 08:00"]),
    ],
)
def test_an_expression_fires(db: Connection, expression: str, ticks: list[str]) -> None:
    found = after(db, expression, SUNDAY, count=len(ticks))
    assert (found if len(ticks) > 1 else [found]) == ticks


@pytest.mark.parametrize(
    ("expression", "ticks"),
    [
        ("*/20 * * * * *", ["11-22 10:20:40", "11-22 10:21"]),
        ("30 20 10 * * *", ["11-23 10:20:30", "11-24 10:20:30"]),
        ("31 20 10 * * *", ["11-22 10:20:31"]),
        ("0 8 * * mon *", []),
    ],
)
def test_with_six_fields_the_seconds_come_first(
    db: Connection, expression: str, ticks: list[str]
) -> None:
    if not ticks:  # as croniter writes it, the seconds last: a day of the month called "mon"
        with pytest.raises(psycopg.Error) as error:
            after(db, expression, SUNDAY)
        assert error.value.sqlstate == "TF151"
        return
    found = after(db, expression, SUNDAY, count=len(ticks))
    assert (found if len(ticks) > 1 else [found]) == ticks


def test_two_restricted_days_are_alternatives_and_a_star_is_none(db: Connection) -> None:
    either = after(db, "0 0 1 * mon", SUNDAY, count=3)
    assert either == ["11-23 00:00", "11-30 00:00", "12-01 00:00"]
    both = after(db, "0 0 */2 * mon", SUNDAY, count=2)
    assert both == ["11-23 00:00", "12-07 00:00"]


def test_strictly_after_also_at_the_tick_and_between_seconds(db: Connection) -> None:
    assert after(db, "0 8 * * *", "2026-11-22T08:00:00") == "11-23 08:00"
    assert after(db, "0 8 * * *", "2026-11-22T07:59:59.999999") == "11-22 08:00"
    assert after(db, "0 8 * * *", "2026-11-22T08:00:00.000001") == "11-23 08:00"


def test_29_february_is_found_over_a_century_without_one(db: Connection) -> None:
    found = f.value(db, "select taskflow.cron_next('0 0 29 2 *', '2096-03-01Z')")
    assert found == at("2104-02-29")


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"])
def test_a_day_that_never_comes_is_no_tick(db: Connection, expression: str) -> None:
    assert after(db, expression, SUNDAY) is None


# --- what clocks do to it (K3) --------------------------------------------------------------------


def test_k3_a_time_in_a_gap_fires_once_at_its_end(db: Connection) -> None:
    """Berlin, 29 March 2026: after 01:59:59 comes 03:00:00, which is 01:00 UTC."""
    found = after(db, "30 2 * * *", "2026-03-28T00:00", BERLIN, 3)
    assert found == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]
    found = after(db, "0,15,30 2,3 * * *", "2026-03-29T00:30", BERLIN, 3)
    assert found == ["03-29 01:00", "03-29 01:15", "03-29 01:30"]
    assert after(db, "* 30 2 * * *", "2026-03-29T00:30", BERLIN) == "03-29 01:00"


def test_k3_a_time_shown_twice_fires_the_first_time(db: Connection) -> None:
    """Berlin, 25 October 2026: 02:30 is 00:30 UTC, and again 01:30 UTC."""
    found = after(db, "30 2 * * *", "2026-10-24T12:00", BERLIN, 2)
    assert found == ["10-25 00:30", "10-26 01:30"]
    for inside in ("00:29", "00:30", "00:45", "01:10", "01:30", "01:59"):
        found = after(db, "0,45 2,3 * * *", f"2026-10-25T{inside}", BERLIN)
        assert found == ("10-25 00:45" if inside < "00:45" else "10-25 02:00")


def test_k3_a_wildcard_follows_elapsed_time(db: Connection) -> None:
    """A day of 25 hours has 25 hourly ticks, one of 23 has 23."""
    for day, hours in (("2026-10-24T21:59", 25), ("2026-03-28T22:59", 23)):
        found = after(db, "0 * * * *", day, BERLIN, hours + 1)
        midnight = f.value(db, "select taskflow.cron_next('0 0 * * *', %s, %s)",
                           at(day) + timedelta(hours=2), BERLIN)  # fmt: skip
        assert found.index(f"{midnight.astimezone(UTC):%m-%d %H:%M}") == hours
    halves = after(db, "*/30 2 * * *", "2026-10-24T12:00", BERLIN, 5)
    assert halves == ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00"]
    assert after(db, "*/30 2 * * *", "2026-03-28T12:00", BERLIN) == "03-30 00:00"


def test_k3_a_gap_of_half_an_hour_and_a_day_that_was_left_out(db: Connection) -> None:
    lord_howe = "Australia/Lord_Howe"
    assert after(db, "15 2 * * *", "2026-10-03T12:00", lord_howe) == "10-03 15:30"
    assert after(db, "45 1 * * *", "2026-04-04T12:00", lord_howe, 2) == [
        "04-04 14:45",
        "04-05 15:15",
    ]
    # Samoa had no 30 December 2011: its noon is the first instant of the 31st
    samoa = after(db, "0 12 * * *", "2011-12-29T00:00", "Pacific/Apia", 3)
    assert samoa == ["12-29 22:00", "12-30 10:00", "12-30 22:00"]


@pytest.mark.parametrize(
    "setting", ["timezone = 'Asia/Tokyo'", "datestyle = 'German'", "intervalstyle = 'iso_8601'"]
)
def test_k3_the_search_does_not_see_the_session(db: Connection, setting: str) -> None:
    db.execute(f"set {setting}")
    same = "select taskflow.cron_next('30 2 * * *', %s, %s) = %s"
    assert f.value(db, same, at("2026-10-24T12:00"), BERLIN, at("2026-10-25T00:30")) is True
    assert f.value(db, same, at("2026-10-25T00:30"), BERLIN, at("2026-10-26T01:30")) is True


# --- properties -----------------------------------------------------------------------------------


def field(low: int, high: int, *, step: bool = True) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(st.sampled_from(["*", f"{low}-{high}"]), st.integers(1, high)).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    item = st.one_of(st.just("*"), number.map(str), span, *([stepped] if step else []))
    return st.lists(item, min_size=1, max_size=3).map(",".join)


expressions = st.tuples(
    field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)
).map(" ".join)  # fmt: skip
moments = st.integers(0, 20 * 365 * 86_400 * 10).map(
    lambda tenths: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=100 * tenths)
)
zones = st.sampled_from(
    ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
     "Asia/Kathmandu", "Pacific/Chatham", "America/Havana"]
)  # fmt: skip
NEXT = "select taskflow.cron_next(%s, %s, %s)"


@settings(max_examples=300, deadline=None)
@given(expression=expressions, moment=moments, later=st.timedeltas(
    timedelta(0), timedelta(days=40)), zone=zones)  # fmt: skip
def test_a_later_start_never_gives_an_earlier_tick(
    db_for_examples: Connection, expression: str, moment: datetime, later: timedelta, zone: str
) -> None:
    first = f.value(db_for_examples, NEXT, expression, moment, zone)
    second = f.value(db_for_examples, NEXT, expression, moment + later, zone)
    assert first is not None
    assert first > moment
    assert second >= first
    if moment + later < first:
        assert second == first


@settings(max_examples=200, deadline=None)
@given(expression=expressions, moment=moments, zone=zones)
def test_between_two_ticks_there_is_none(
    db_for_examples: Connection, expression: str, moment: datetime, zone: str
) -> None:
    first = f.value(db_for_examples, NEXT, expression, moment, zone)
    before = f.value(db_for_examples, NEXT, expression, first - timedelta(microseconds=1), zone)
    second = f.value(db_for_examples, NEXT, expression, first, zone)
    middle = first + (second - first) / 2
    assert before == first
    assert f.value(db_for_examples, NEXT, expression, middle, zone) == second


@pytest.fixture(scope="module")
def db_for_examples(servers: Any, server_name: str) -> Connection:
    """A session for all examples of a property: they read nothing that a test could change."""
    session: Connection = servers.session(server_name)
    return session


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "said", "hint"),
    [
        ("61 * * * *", 'minute "61"', "Use 0 to 59"),
        ("* 24 * * *", 'hour "24"', "Use 0 to 23"),
        ("* * 0 * *", 'day of month "0"', "L for the last day"),
        ("* * * 13 *", 'month "13"', "jan to dec"),
        ("* * * * 8", 'day of week "8"', "With six fields the seconds come first"),
        ("*/5 * * * * 30", 'day of week "30"', "With six fields the seconds come first"),
        ("60 * * * * *", 'second "60"', "Use 0 to 59"),
        ("20-10 * * * *", 'minute "20-10"', "must not wrap"),
        ("* 22-2 * * *", 'hour "22-2"', "22-23"),
        ("* * * * fri-mon", 'day of week "fri-mon"', "must not wrap"),
        ("* * * * 1/2", 'day of week "1/2"', "1-5/2"),
        ("*/0 * * * *", 'minute "*/0"', "steps"),
        ("* * ? * *", 'day of month "?"', "Write *"),
        ("* * 15W * *", 'day of month "15w"', "L for the last day"),
        ("* * * * mon#6", 'day of week "mon#6"', "mon#2"),
        ("* * * * moon", 'day of week "moon"', "mon#2"),
        ("* * * foo *", 'month "foo"', "jan to dec"),
        ("* R * * *", 'hour "r"', "Use 0 to 23"),
        ("1,,2 * * * *", 'minute ""', "lists"),
        (", * * * *", 'minute ""', "lists"),
        ("-1 * * * *", 'minute "-1"', "Use 0 to 59"),
        ("1-2-3 * * * *", 'minute "1-2-3"', "ranges"),
        ("*5 * * * *", 'minute "*5"', "steps"),
        ("1.5 * * * *", 'minute "1.5"', "Use 0 to 59"),
        ("٣ * * * *", "minute", "Use 0 to 59"),
        ("* * * *", "has 4 fields", "second comes first"),
        ("0 0 0 1 1 * 2026", "has 7 fields", "second comes first"),
        ("", "has 0 fields", "second comes first"),
        ("8 o'clock", "has 2 fields", "second comes first"),
        ("@reboot", "@reboot", "@daily"),
        ("@every 5m", "@every 5m", "schedule takes @every"),
        ("* " * 300, "too many", "second comes first"),
        ("1" * 10_000, "too many", "second comes first"),
        ("0," * 240 + " * * * *", 'minute ""', "lists"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_the_way_out(
    db: Connection, expression: str, said: str, hint: str
) -> None:
    with pytest.raises(psycopg.Error) as error:
        after(db, expression, SUNDAY)
    assert error.value.sqlstate == "TF151"
    assert said in (error.value.diag.message_primary or "")
    assert hint in (error.value.diag.message_hint or "")
    assert len(error.value.diag.message_primary or "") < 200


def test_the_longest_expressions_cost_little(db: Connection) -> None:
    """A bomb is refused or harmless: 500 characters at most, a search of at most nine years."""
    minutes = ",".join(str(n) for n in range(60))
    for expression in (f"{minutes} {minutes[:61]} 31 2 *", "59 59 23 31 4,6,9,11 *", "* * 30 2 *"):
        db.execute("set statement_timeout = '1s'")
        assert after(db, expression, SUNDAY) is None


def test_an_unknown_time_zone_is_an_error(db: Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        after(db, "* * * * *", SUNDAY, "Mars/Olympus")


def test_nothing_in_nothing_out(db: Connection) -> None:
    assert f.value(db, "select taskflow.cron_next('* * * * *', null)") is None
    assert f.value(db, "select taskflow.cron_next('* * * * *', 'infinity')") is None
