"""/stats: a tenant's jobs at a glance, and over time."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from taskflow.api.fields import Time, time
from taskflow.api.session import Injected
from taskflow.calls import reads, stats
from taskflow.kernel.stats import By, Metric, Overview, Series

MetricName = Annotated[Metric, QueryParameter(description="What is shown.")]
Group = Annotated[By, QueryParameter(description="One line for each, or one for all.")]
Step = Annotated[
    int | None, QueryParameter(ge=1, le=31_536_000, description="Seconds between points.")
]


@get("/stats/overview", name="stats.overview")
async def overview(session: Injected) -> Overview:
    """Show counts by state, rates and percentiles of the last five minutes."""
    return await session.run(stats.overview(session.tenant))


@get("/stats/series", name="stats.series")
async def series(
    session: Injected,
    metric: MetricName = "throughput",
    by: Group = "none",
    since: Time = None,
    until: Time = None,
    step_s: Step = None,
) -> Series:
    """Show a metric over time: rates per second, percentiles in seconds. By default of an hour."""
    now = await session.run(reads.clock())
    until = time(until, "until") or now
    since = time(since, "since") or until - timedelta(hours=1)
    step = timedelta(seconds=step_s) if step_s else None
    return await session.run(
        stats.series(session.tenant, metric, by, since=since, until=until, step=step)
    )


ROUTES: list[Any] = [overview, series]
