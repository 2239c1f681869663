"""`taskflow jobs export`: whole jobs as NDJSON or CSV, streamed page by page.

A spreadsheet runs a cell that begins with = + - or @ as a formula, so such a text gets an
apostrophe in front; numbers stay numbers.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import rich_click as click

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import job_filter
from taskflow.cli.progress import Progress
from taskflow.cli.tree import Command
from taskflow.kernel.durations import format_duration
from taskflow.kernel.job import Job
from taskflow.kernel.listing import JobFilter

PAGE = 1_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@click.command(
    cls=Command,
    examples=[
        "taskflow jobs export --state dead --since 1d > dead.ndjson",
        "taskflow jobs export -q email --format csv --limit 10000 > email.csv",
    ],
)
@click.option(
    "--format", "-f", "kind", type=click.Choice(["ndjson", "csv"]), default="ndjson",
    help="One JSON object per line, or a table.",
)  # fmt: skip
@click.option("--limit", "-n", type=click.IntRange(1), metavar="N", help="At most so many jobs.")
@click.pass_obj
@job_filter()
def export(invocation: Invocation, wanted: JobFilter, kind: str, limit: int | None) -> None:
    """Write whole jobs to stdout, newest first: NDJSON unless --format says otherwise."""
    from taskflow.store import filters

    total, _ = invocation.run(filters.count(wanted))
    total = min(total, limit or total)
    with Progress(invocation, "export", total) as progress:
        found = _counted(_jobs(invocation, wanted, total), progress)
        if invocation.json:  # one value, as everywhere with --json
            _write_array(found)
        elif kind == "csv":
            _write_csv(found)
        else:
            invocation.stream(shapes.to_json(job) for job in found)


def _jobs(invocation: Invocation, wanted: JobFilter, limit: int) -> Iterator[Job]:
    from taskflow.calls import reads
    from taskflow.store import filters

    after, left = None, limit
    while left > 0:
        lines = invocation.run(filters.page(wanted, min(PAGE, left), after))
        if not lines:
            return
        yield from invocation.run(reads.whole([line.id for line in lines], wanted.tenant))
        after, left = lines[-1].id, left - len(lines)


def _counted(found: Iterable[Job], progress: Progress) -> Iterator[Job]:
    for job in found:
        yield job
        progress.advance(1)


def _write_array(found: Iterable[Job]) -> None:
    separator = "["
    for job in found:
        sys.stdout.write(f"{separator}\n{shapes.to_json(job)}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _write_csv(found: Iterable[Job]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = Job.__struct_fields__
    writer.writerow(names)
    writer.writerows([cell(getattr(job, name)) for name in names] for job in found)


def cell(value: Any) -> Any:
    """A value as a spreadsheet may hold it."""
    if value is None:
        return ""
    if isinstance(value, msgspec.Raw):
        value = bytes(value).decode()
    elif isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    elif isinstance(value, list):
        value = " ".join(value)
    elif not isinstance(value, str):
        return value if isinstance(value, int | float) else format_duration(value)
    return f"'{value}" if value.startswith(FORMULA) else value
