"""`taskflow jobs logs`: what a job has said, and what it says while one watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import rich_click as click
from rich.console import RenderableType
from rich.text import Text

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID
from taskflow.cli.tree import Command
from taskflow.errors import JobNotFound
from taskflow.kernel.job import Job
from taskflow.kernel.records import LogLine

LOOK_EVERY_S = 0.5
LAST_LOOKS = 3
"""Looks after the end of a job: its last lines are written a moment later."""
PAGE = 5_000
STYLES = {
    "debug": "dim",
    "info": "",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
    "cut": "magenta",
}


@click.command(
    cls=Command,
    examples=["taskflow jobs logs 4711 --follow", "taskflow jobs logs 4711 --attempt 2 --jsonl"],
)
@click.argument("id", type=ID)
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended.")
@click.option("--attempt", type=click.IntRange(0), metavar="N", help="Only this attempt's lines.")
@click.pass_obj
def logs(invocation: Invocation, id: int, follow: bool, attempt: int | None) -> None:
    """Show the log of a job, all its attempts.

    It holds what handlers send to ctx.log and through Python's logging, from job_log_level on.
    With --follow, --json prints one line of JSON for each line, as --jsonl does.
    """
    from taskflow.calls import jobs

    if invocation.run(jobs.get(id, invocation.tenant)) is None:
        raise JobNotFound(
            f"job {id} does not exist", "It was never committed, or its retention is over."
        )
    if follow:
        watch(invocation, id, attempt)
        return
    lines = [line for page in pages(invocation, id, attempt) for line in page]
    invocation.answer(lines, lambda: list(draw(lines)) or "")
    if not lines and not invocation.is_json:
        invocation.talk("No lines.", "dim")


def pages(
    invocation: Invocation, id: int, attempt: int | None, after: int = 0
) -> Iterator[list[LogLine]]:
    """The lines there are behind `after`, as many at a time as one call gives."""
    from taskflow.calls import records

    while lines := invocation.run(records.get_logs(id, after, PAGE, attempt, invocation.tenant)):
        yield lines
        after = lines[-1].seq


def watch(invocation: Invocation, id: int, attempt: int | None) -> None:
    """Prints lines as they come, until the job has ended and has no more to say."""
    from taskflow.calls import jobs

    last: LogLine | None = None
    found: Job | None = None
    looks = LAST_LOOKS
    while looks:
        found = invocation.run(jobs.get(id, invocation.tenant))
        for lines in pages(invocation, id, attempt, last.seq if last else 0):
            emit(invocation, lines, last)
            last, looks = lines[-1], LAST_LOOKS
        if found is None or found.is_finished:
            looks -= 1
        if looks:
            time.sleep(LOOK_EVERY_S)
    if found is not None:
        invocation.talk(f"Job {id} is {found.state}.", "dim")


def emit(invocation: Invocation, lines: Sequence[LogLine], last: LogLine | None) -> None:
    if invocation.is_json:
        invocation.stream(map(shapes.to_json, lines))
    else:
        invocation.show(*draw(lines, last))
    sys.stdout.flush()


def draw(lines: Sequence[LogLine], last: LogLine | None = None) -> Iterator[RenderableType]:
    """One line for each, a heading where another run begins; further lines of a message are set in,
    so that none of them looks like a line of its own."""
    for line in lines:
        if last is None or line.claim_no != last.claim_no:
            if last is not None:
                yield ""
            yield Text(f"attempt {line.attempt}", style="dim")
        first, *rest = shapes.safe(line.message, lines=True).split("\n")
        style = STYLES.get(line.level, "")
        yield Text.assemble(
            (f"{line.logged_at:%H:%M:%S}.{line.logged_at.microsecond // 1000:03d} ", "dim"),
            (f"{line.level:<8} ", style),
            (f"{shapes.safe(line.logger)}: " if line.logger else "", "dim"),
            (first, style),
        )
        for more in rest:
            yield Text(f"{'':22}{more}", style=style)
        last = line
