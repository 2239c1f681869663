"""`taskflow bench`: how fast it is here, beside bare SQL on the same tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click
from rich.console import RenderableType

from taskflow.bench.fill import Sizes
from taskflow.bench.measures import spread
from taskflow.bench.suite import Line, Outcome, run
from taskflow.bench.workloads import WORKLOADS
from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command

QUICK = 0.02
QUICK_SECONDS = 1.0
SECONDS = 10.0


F = TypeVar("F", bound=Callable[..., Any])


def page_options(command: F) -> F:
    """How much `pages` looks at, and how much it tells."""
    plans = "Show the plan of every page, not of slow ones only."
    for option in (
        click.option("--plans", is_flag=True, help=plans),
        click.option(
            "--live", type=click.IntRange(0), default=Sizes().live, metavar="N", show_default=True,
            help="Live jobs beside them.",
        ),
        click.option(
            "--finished", type=click.IntRange(0), default=Sizes().finished, metavar="N",
            show_default=True, help="Finished jobs that pages are looked at over.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(
    cls=Command,
    examples=[
        "taskflow bench",
        "taskflow bench --only drain,latency --repeat 3",
        "taskflow bench --only pages --finished 1000000 --live 100000",
        "taskflow bench --quick --json",
    ],
)
@click.option(
    "--only", metavar="NAMES", default="",
    help=f"Only these workloads, by comma: {', '.join(WORKLOADS)}.",
)  # fmt: skip
@click.option(
    "--scale", type=click.FloatRange(0.001, 100), metavar="FACTOR", help="Times so many jobs."
)
@click.option("--quick", is_flag=True, help="Only show that all of it works: 1/50 of the jobs.")
@click.option(
    "--seconds", type=click.FloatRange(0.5, 3600), metavar="N",
    help=f"Length of what goes by time [{SECONDS:g}].",
)  # fmt: skip
@page_options
@click.option("--repeat", type=click.IntRange(1, 100), default=1, help="Repetitions of each.")
@click.pass_obj
def bench(
    invocation: Invocation,
    *,
    only: str,
    scale: float | None,
    quick: bool,
    seconds: float | None,
    finished: int,
    live: int,
    plans: bool,
    repeat: int,
) -> None:
    """Measure throughput, latency and cost, each beside bare SQL in the same run.

    Makes a scratch database on the configured server and drops it at the end; with none configured
    it starts a server in a temporary directory, fsync on. Takes about five minutes; pages, which
    fills 9 GB first, runs only when it is named.
    """
    outcome = run(
        invocation.app.settings.database_url,
        _workloads(only),
        scale=scale or (QUICK if quick else 1.0),
        seconds=seconds or (QUICK_SECONDS if quick else SECONDS),
        repeat=repeat,
        sizes=Sizes(finished, live),
        plans=plans,
        say=lambda text: invocation.talk(text, "dim"),
    )
    invocation.answer(outcome.plain(), lambda: _draw(outcome))


def _workloads(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in WORKLOADS:
            raise click.UsageError(
                f'There is no workload "{name}". There is: {", ".join(WORKLOADS)}.'
            )
    return names


def _draw(outcome: Outcome) -> list[RenderableType]:
    machine, server = outcome.machine, outcome.server
    settings = "  ".join(f"{name}={value}" for name, value in server["settings"].items())
    facts = shapes.facts(
        [
            ("date", shapes.exact(outcome.started_at)),
            ("machine", ", ".join([machine["processor"], f"{machine['cores']} cores",
                                   f"{machine['memory_gb']:g} GB", machine["system"]])),
            ("python", f"{machine['python']}, psycopg {machine['psycopg']}"),
            ("postgres", f"{server['version']}  {settings}"),
            ("scale", f"{outcome.scale:g}, {shapes.plural(outcome.repeat, 'repetition')}"),
        ]
    )  # fmt: skip
    columns = [
        Column("WHAT"), Column("UNIT"), Column("TASKFLOW", right=True), Column("BESIDE"),
        Column("ITS FIGURE", right=True), Column("RATIO", right=True), Column("LOAD", right=True),
    ]  # fmt: skip
    return [facts, "", shapes.table(columns, map(_cells, outcome.lines))]


def _cells(line: Line) -> list[str]:
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    return [
        line.what, line.unit, _figure(line.ours), line.beside, _figure(line.theirs), ratio,
        f"{line.load:.1f}",
    ]  # fmt: skip


def _figure(values: list[float]) -> str:
    """The median, and the range when there is one."""
    if not values:
        return ""
    found = spread(values)
    if len(values) == 1:
        return _number(found["median"])
    return f"{_number(found['median'])} ({_number(found['min'])}-{_number(found['max'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
