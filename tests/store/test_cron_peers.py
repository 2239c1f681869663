"""cron_next beside cronsim, which keeps Debian's rules, and croniter, which does not.

What docs/explanation/cron.md says of them is what is tested here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from croniter import croniter
from cronsim import CronSim

from tests.support.cron_oracle import utc

Connection = psycopg.Connection[Any]
START, END = utc(2024, 1, 1), utc(2026, 1, 1)
BERLIN = ZoneInfo("Europe/Berlin")
TICKS = """
with recursive tick (at) as (
  select taskflow.cron_next(%(cron)s, %(start)s, %(zone)s)
  union all select taskflow.cron_next(%(cron)s, at, %(zone)s) from tick where at < %(end)s)
select at from tick where at < %(end)s
"""


def ours(db: Connection, cron: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    given = {"cron": cron, "zone": zone, "start": start, "end": end}
    return [at.astimezone(UTC) for (at,) in db.execute(TICKS, given).fetchall()]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Chatham", "UTC"])
@pytest.mark.parametrize(
    "cron",
    ["30 2 * * *", "15,45 1-3 * * *", "*/30 2 * * *", "0 */3 * * *", "0 0 L * *",
     "5 4 8-14 * 6", "0 12 * * mon#1", "0 0 29 2 *", "59 23 31 */2 *", "30 3 */2 * 1-5"],
)  # fmt: skip
def test_cronsim_agrees(db: Connection, cron: str, zone: str) -> None:
    theirs = takewhile(lambda at: at < END, CronSim(cron, START.astimezone(ZoneInfo(zone))))
    assert ours(db, cron, zone, START, END) == [at.astimezone(UTC) for at in theirs]


def test_croniter_fires_twice_when_the_clocks_are_put_back(db: Connection) -> None:
    """And so it cannot be what says when a nightly job runs."""
    night = (utc(2026, 10, 24, 12), utc(2026, 10, 25, 12))
    walk = croniter("30 2 * * *", night[0].astimezone(BERLIN), ret_type=datetime)
    theirs = [next(walk).astimezone(UTC) for _ in range(2)]
    assert theirs == [utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)]
    assert ours(db, "30 2 * * *", "Europe/Berlin", *night) == [utc(2026, 10, 25, 0, 30)]


def test_croniter_reads_the_seconds_last_and_answers_at_random(db: Connection) -> None:
    walk = croniter("0 8 * * * 30", utc(2026, 11, 23), ret_type=datetime)
    assert next(walk) == utc(2026, 11, 23, 8, 0, 30)
    found = ours(db, "30 0 8 * * *", "UTC", utc(2026, 11, 23), utc(2026, 11, 24))
    assert found == [utc(2026, 11, 23, 8, 0, 30)]
    seen = {next(croniter("R R * * *", utc(2026, 11, 23))) for _ in range(20)}
    assert len(seen) > 1


def test_away_from_changes_of_the_clocks_croniter_agrees(db: Connection) -> None:
    start, end = utc(2025, 11, 1), utc(2026, 3, 1)
    for cron in ("30 2 * * *", "*/20 8-18 * * 1-5", "0 0 1,15 * *", "7 */5 * * 0,6"):
        walk = croniter(cron, start.astimezone(BERLIN), ret_type=datetime)
        theirs = [at.astimezone(UTC) for at in takewhile(lambda at: at < end, walk)]
        assert ours(db, cron, "Europe/Berlin", start, end) == theirs
        assert len(theirs) > 7
