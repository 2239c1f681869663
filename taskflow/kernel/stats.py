"""Statistics as people read them: histograms, percentiles, series, and things at a glance.

A histogram has buckets whose bounds double, from 1 ms to 70 minutes. They add up, over workers and
over time, and a percentile of the sum is right to within its bucket.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal

import msgspec

from taskflow.errors import InvalidOption

BOUNDS_S: tuple[float, ...] = tuple(2**k / 1000 for k in range(23))
"""Upper bounds of the buckets but the last, which has none; as taskflow.stat_bounds() has them."""
BUCKETS = len(BOUNDS_S) + 1

FAILURES = ("failed", "dead", "lost")
"""Outcomes of attempts that count as failures."""
ENDS = ("completed", *FAILURES, "cancelled")
"""Outcomes of attempts that are over; one that was snoozed or released comes back as it was."""

Metric = Literal[
    "throughput", "failures", "run_p50", "run_p95", "run_p99", "wait_p50", "wait_p95", "wait_p99"
]
By = Literal["none", "queue", "task", "outcome"]
MOST_POINTS = 1_500
MOST_GROUPED_POINTS = 300
"""Of each group: twenty of them with a percentile each would else take half a second."""
MOST_GROUPS = 20
OTHER = "other"
"""The group of all that are not among the largest."""

STEPS = tuple(
    timedelta(seconds=s)
    for s in (10, 30, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 86_400, 7 * 86_400)
)
RESOLUTIONS: tuple[tuple[timedelta, str, timedelta], ...] = (
    (timedelta(hours=1), "stat_1h", timedelta(days=400)),
    (timedelta(minutes=1), "stat_1m", timedelta(days=7)),
    (timedelta(seconds=10), "stat_10s", timedelta(days=1)),
)
"""Span, table, and how long it is kept unless the configuration says otherwise."""


class Queue(msgspec.Struct, frozen=True):
    """A tenant's queue now. Counts stop at `WALK_CAP` jobs of each priority and time."""

    name: str
    available: int
    running: int
    scheduled: int
    retrying: int
    blocked: int
    oldest_due_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    resume_at: datetime | None
    workers: int
    slots: int
    is_capped: bool
    """There may be more jobs than the counts say."""


class Overview(msgspec.Struct, frozen=True):
    """A tenant's jobs at a glance; rates and percentiles are of the last five minutes."""

    queues: int
    paused_queues: int
    available: int
    running: int
    scheduled: int
    retrying: int
    blocked: int
    is_capped: bool
    oldest_due_at: datetime | None
    """Since when the job that waits longest has been due."""
    throughput: float
    """Attempts that ended, per second."""
    failure_rate: float | None
    """Of those, the share that failed; None when none ended."""
    run: Percentiles
    wait: Percentiles
    workers: int
    slots: int
    dead: int
    """Dead jobs; stops at 10,001."""


class Percentiles(msgspec.Struct, frozen=True):
    """In seconds; None when nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class Point(msgspec.Struct, frozen=True):
    at: datetime
    value: float | None


class Line(msgspec.Struct, frozen=True):
    """The points of one group, in order of time; spans in which nothing happened have none."""

    group: str
    points: list[Point]


class Series(msgspec.Struct, frozen=True):
    metric: str
    by: str
    since: datetime
    until: datetime
    step: timedelta
    lines: list[Line]


def bucket(seconds: float) -> int:
    """The place of a duration in a histogram."""
    return bisect_right(BOUNDS_S, seconds)


def percentile(buckets: Sequence[int], q: float) -> float | None:
    """As if each bucket's values lay evenly between its bounds; the last has only a lower one."""
    rank = sum(buckets) * q
    for place, (height, up_to) in enumerate(zip(buckets, accumulate(buckets), strict=True)):
        if height and up_to >= rank:
            lower = BOUNDS_S[place - 1] if place else 0.0
            if place == len(BOUNDS_S):
                return lower
            return lower + (BOUNDS_S[place] - lower) * (rank - (up_to - height)) / height
    return None


def percentiles(buckets: Sequence[int]) -> Percentiles:
    return Percentiles(*(percentile(buckets, q) for q in (0.5, 0.95, 0.99)))


def choose_step(
    since: datetime,
    until: datetime,
    now: datetime,
    asked: timedelta | None = None,
    most: int = MOST_POINTS,
) -> tuple[timedelta, str]:
    """The step of a series, and the table that holds it: the step asked for, or else the shortest,
    that makes no more than `most` points and whose table still has the beginning."""
    if since >= until:
        raise InvalidOption("since must lie before until", "Swap them.")
    for step in STEPS:
        if (asked is None or step >= asked) and (until - since) / step <= most:
            for span, table, kept in RESOLUTIONS:
                if not step % span and (since >= now - kept or table == "stat_1h"):
                    return step, table
    return STEPS[-1], "stat_1h"
