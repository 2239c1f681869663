"""K3: cron_next against an oracle that walks the minutes, over two years in forty time zones.

Around each change of the clocks every minute is walked; between them, a day here and there, and the
whole two years in half hours. `make test ARGS="-k k3 -rP"` says how much was compared.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.support import factories as f
from tests.support.cron_oracle import MINUTE, Expression, Walked, changes, utc, walk
from tests.support.db import NEWEST

Connection = psycopg.Connection[Any]

START, END = utc(2024, 1, 1), utc(2026, 1, 1)
HALF, HOUR, DAY = timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)
ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg", "America/Anchorage",
    "America/Asuncion", "America/Bogota", "America/Chicago", "America/Denver",
    "America/Halifax", "America/Havana", "America/Los_Angeles", "America/Mexico_City",
    "America/Miquelon", "America/New_York", "America/Nuuk", "America/Phoenix",
    "America/Port-au-Prince", "America/Santiago", "America/Scoresbysund", "America/St_Johns",
    "Antarctica/Macquarie", "Antarctica/Troll", "Asia/Almaty", "Asia/Beirut", "Asia/Gaza",
    "Asia/Jerusalem", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tehran", "Asia/Tokyo",
    "Atlantic/Azores", "Australia/Adelaide", "Australia/Lord_Howe", "Australia/Sydney",
    "Europe/Berlin", "Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/Kyiv",
    "Europe/Lisbon", "Europe/London", "Europe/Moscow", "Pacific/Apia", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Easter", "Pacific/Kiritimati", "Pacific/Norfolk", "UTC",
]  # fmt: skip
ENOUGH_ZONES = 40

HALVES = ["30 2 * * *", "0 0 * * *", "0,30 1-3 * * sun", "0 */12 * * *", "30 23 L * *"]
"""Walked over the whole two years."""

EXPRESSIONS = [
    *HALVES,
    "* * * * *", "*/5 * * * *", "*/7 2 * * *", "0 * * * *", "59 * * * *", "30 */2 * * *",
    "17 0-23 * * *", "0-59/10 1-4 * * *", "0 0 * * 0", "0 1 * * *", "30 1 * * *", "0 2 * * *",
    "1 2 * * *", "59 2 * * *", "0 3 * * *", "0,30 0,1,2,3 * * *", "5 0 * * *", "55 23 * * *",
    "45 2 * * 7", "45 2 * * sat-sun", "30 2 */2 * *", "30 2 1-7 * *", "30 2 8-14 3,11 sun",
    "30 2 * 3,10 sunL", "30 2 * 3,11 sun#2", "0 2 * 10,4 sun#1", "0 3 29-31 * *", "0 0 L 2 *",
    "*/30 1-2 * * *", "*/20 23 * * *", "0 12 * jan-dec mon-fri", "10/20 2 * * *", "0 */3 */2 * 0",
    "15 2 * * 1-5,0", "0 0 1 1 *",
]  # fmt: skip

TICKS = """
create function pg_temp.ticks(expression text, start timestamptz, stop timestamptz, zone text)
returns timestamptz[] language plpgsql as $$
declare
  v_fields bigint[] := taskflow.cron_fields(expression);
  v_tick timestamptz := start - interval '1 microsecond';
  v_found timestamptz[] := '{}';
begin
  loop
    v_tick := taskflow.cron_after(v_fields, v_tick, zone);
    exit when v_tick is null or v_tick >= stop;
    v_found := v_found || v_tick;
  end loop;
  return v_found;
end
$$
"""
CHANGES = """
select array_agg(t order by t) from (
  select t, (t at time zone %(zone)s) - (t at time zone 'UTC') as here,
         lag((t at time zone %(zone)s) - (t at time zone 'UTC')) over (order by t) as before
    from generate_series(%(start)s::timestamptz, %(end)s::timestamptz, '1 hour') t) o
 where here <> before
"""


@pytest.fixture
def sql(db: Connection) -> Iterator[Connection]:
    db.execute("set timezone = 'UTC'")
    db.execute(TICKS)
    yield db
    db.execute("drop function pg_temp.ticks")


def agreed(sql: Connection) -> list[str]:
    """The zones whose clocks the server and Python change at the same hours."""
    found = []
    for zone in ZONES:
        row = sql.execute(CHANGES, {"zone": zone, "start": START, "end": END}).fetchone()
        assert row is not None
        if (row[0] or []) == changes(ZoneInfo(zone), START, END):
            found.append(zone)
    assert len(found) >= ENOUGH_ZONES, set(ZONES) - set(found)
    return found[:ENOUGH_ZONES]


def compare(
    sql: Connection, walked: Walked, expression: str, start: datetime, end: datetime, zone: str
) -> int:
    found = f.value(sql, "select pg_temp.ticks(%s, %s, %s, %s)", expression, start, end, zone)
    expected = [at for at in walked.fires(Expression(expression)) if start <= at < end]
    assert found == expected, (
        f"{expression} in {zone}: {sorted(set(found) ^ set(expected))[:4]} are only in "
        f"{'SQL' if set(found) - set(expected) else 'the oracle'}"
    )
    return len(found)


def is_dense(expression: str) -> bool:
    parsed = Expression(expression)
    return len(parsed.hours) * len(parsed.minutes) > 100


@pytest.mark.slow
def test_k3_each_minute_around_each_change_of_the_clocks(sql: Connection, server_name: str) -> None:
    seed = random.Random(4)
    compared = windows = 0
    zones = agreed(sql)
    for zone in zones if server_name == NEWEST else zones[::4]:
        info = ZoneInfo(zone)
        days = [START + DAY * seed.randrange(730)]
        for middle in [*changes(info, START, END), *days]:
            windows += 1
            minutes = Walked(walk(info, middle - 26 * HOUR, middle + 26 * HOUR, MINUTE))
            for expression in EXPRESSIONS:
                reach = 3 * HOUR if is_dense(expression) else 26 * HOUR
                compared += compare(
                    sql, minutes, expression, middle - reach, middle + reach, zone
                )  # fmt: skip
    print(f"{compared:,} ticks around {windows} moments")  # noqa: T201
    assert compared > 30_000


@pytest.mark.slow
def test_k3_two_whole_years(sql: Connection, server_name: str) -> None:
    if server_name != NEWEST:
        pytest.skip("eight seconds, and what could differ is walked in minutes on each server")
    compared = 0
    for zone in agreed(sql):
        info = ZoneInfo(zone)
        is_odd = START.astimezone(info).minute % 30 != 0  # Kathmandu is 5:45 ahead
        halves = Walked(walk(info, START, END, HALF / 2 if is_odd else HALF))
        for expression in HALVES:
            compared += compare(sql, halves, expression, START, END, zone)
    print(f"{compared:,} ticks over two years")  # noqa: T201
    assert compared > 140_000


def test_the_oracle_would_notice(sql: Connection) -> None:
    """A rule that knows no daylight saving, and one that fires twice in the fold, are caught."""
    zone, middle = "Europe/Berlin", utc(2025, 10, 26)
    minutes = Walked(walk(ZoneInfo(zone), middle - DAY, middle + DAY, MINUTE))
    with pytest.raises(AssertionError):
        compare(sql, minutes, "30 2 * * *", middle - DAY, middle + DAY, "Etc/GMT-1")
    found = minutes.fires(Expression("30 2 * * *"))
    assert found == [utc(2025, 10, 25, 0, 30), utc(2025, 10, 26, 0, 30)]
    twice = minutes.fires(Expression("*/30 2 * * *"))
    assert utc(2025, 10, 26, 0, 30) in twice
    assert utc(2025, 10, 26, 1, 30) in twice
