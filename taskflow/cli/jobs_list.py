"""`taskflow jobs list`: one line per job, newest first, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import rich_click as click
from rich.table import Table

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID, describe, fields_of, job_filter
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command
from taskflow.kernel.listing import JobFilter, JobLine

COLUMNS = (
    Column("Id", right=True),
    Column("State"),
    Column("Task", cut=True),
    Column("Queue", cut=True),
    Column("Attempt", right=True),
    Column("When"),
    Column("Note", cut=True, style="dim"),
)


@click.command(
    "list",
    cls=Command,
    examples=[
        "taskflow jobs list --state dead --since 2h",
        "taskflow jobs list -q email --json | jq '.[].id'",
        "taskflow jobs list --fields id,state,attempt",
    ],
)
@click.option(
    "--limit", "-n", type=click.IntRange(1, 10_000), default=50, metavar="N", help="Jobs on a page."
)
@click.option("--after", type=ID, metavar="ID", help="Go on below this id: the next page.")
@fields_of(JobLine)
@click.pass_obj
@job_filter()
def list_jobs(
    invocation: Invocation,
    wanted: JobFilter,
    limit: int,
    after: int | None,
    fields: list[str] | None,
) -> None:
    """List jobs, newest first."""
    from taskflow.store import filters

    # One more than asked for tells whether there is a next page.
    found = invocation.run(filters.page(wanted, limit + 1, after))
    lines, more = found[:limit], len(found) > limit
    invocation.answer_list(lines, fields, lambda: draw(lines, invocation.now))
    if not lines and not invocation.is_json:
        which = "" if wanted.is_empty else f" matching {describe(wanted)}"
        invocation.talk(f"No jobs{which}.", "dim")
    if more:
        invocation.talk(f"More: --after {lines[-1].id}", "dim")


def draw(lines: Sequence[JobLine], now: datetime) -> Table | str:
    if not lines:
        return ""
    return shapes.table(
        COLUMNS,
        (
            (
                str(line.id),
                shapes.state(line.state),
                line.task,
                line.queue,
                f"{line.attempt}/{line.max_attempts}",
                when(line, now),
                note(line),
            )
            for line in lines
        ),
    )


def when(line: JobLine, now: datetime) -> str:
    """The time that matters in the job's state."""
    if line.finished_at:
        return shapes.ago(line.finished_at, now)
    if line.state == "running" and line.started_at:
        return f"for {shapes.age(now - line.started_at)}"
    if line.run_at > now:
        return shapes.ago(line.run_at, now)
    return f"due {shapes.age(now - line.run_at)}"


def note(line: JobLine) -> str:
    if line.error_class:
        return f"{line.error_class}: {line.error_message}"
    tags = " ".join(f"#{tag}" for tag in line.tags or ())
    return line.reason or tags
