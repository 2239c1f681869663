"""`taskflow queues`: what waits where, and pausing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import rich_click as click
from rich.table import Table
from rich.text import Text

from taskflow.calls import queues as calls
from taskflow.calls import reads
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import AT, QUEUE, fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.errors import QueueNotFound, nearest
from taskflow.kernel.listing import COUNT_CAP, QueueLine

COLUMNS = (
    Column("Queue", cut=True),
    Column("Waiting", right=True),
    Column("Oldest", right=True),
    Column("Running", right=True),
    Column("Scheduled", right=True),
    Column("Retrying", right=True),
    Column("Done/s (1m)", right=True),
    Column("Workers", right=True),
    Column("Note", cut=True),
)


@click.command(
    cls=Group,
    examples=["taskflow queues list", """taskflow queues pause email --reason "SMTP is down" """],
)
def queues() -> None:
    """List, pause and resume queues."""


@queues.command(
    "list", examples=["taskflow queues list", "taskflow queues list --json | jq '.[].available'"]
)
@fields_of(QueueLine)
@click.pass_obj
def list_queues(invocation: Invocation, fields: list[str] | None) -> None:
    """List queues: what waits, since when, how fast it goes, and who serves it.

    Counting stops at 10,000 per cell. Counts are of all tenants. Done/s is over the last minute,
    and over less where 30,000 jobs were done in less.
    """
    found = invocation.run(reads.queues(invocation.tenant))
    invocation.answer_list(found, fields, lambda: draw(found, invocation.now))
    if not found and not invocation.is_json:
        invocation.talk("No queues yet: a queue is there once a job or a worker names it.", "dim")


def draw(found: Sequence[QueueLine], now: datetime) -> Table | str:
    if not found:
        return ""
    return shapes.table(COLUMNS, [row(line, now) for line in found])


def row(line: QueueLine, now: datetime) -> list[str | Text]:
    def count(value: int) -> str:
        return shapes.number(value, COUNT_CAP) if value else "-"

    waits = line.available and not line.workers and not line.paused_at
    return [
        line.name,
        count(line.available),
        shapes.age(now - line.oldest_due_at) if line.oldest_due_at else "-",
        count(line.running),
        count(line.scheduled),
        count(line.retrying),
        f"{line.per_second:,.1f}" if line.per_second else "-",
        Text(str(line.workers), style="red" if waits else ""),
        note(line, now),
    ]


def note(line: QueueLine, now: datetime) -> Text:
    if line.paused_at:
        text = f"paused {shapes.ago(line.paused_at, now)} by {line.paused_by}"
        if line.resume_at:
            text += f", resumes {shapes.ago(line.resume_at, now)}"
        if line.pause_reason:
            text += f": {line.pause_reason}"
        return Text(shapes.safe(text), style="yellow", no_wrap=True, overflow="ellipsis")
    said = "no worker serves it" if line.available and not line.workers else ""
    if line.unknown_tasks:
        said = f"no worker knows {', '.join(line.unknown_tasks)}"
    return Text(shapes.safe(said), style="red", no_wrap=True, overflow="ellipsis")


@queues.command(
    examples=[
        """taskflow queues pause email --reason "SMTP is down" """,
        "taskflow queues pause email --until 2h",
    ]
)
@click.argument("queue", type=QUEUE)
@click.option("--reason", metavar="TEXT", help="Shown to whoever asks why nothing runs.")
@click.option("--until", "resume_at", type=AT, metavar="TIME", help='Resume then: "2h", or a time.')
@click.pass_obj
def pause(
    invocation: Invocation, queue: str, reason: str | None, resume_at: datetime | None
) -> None:
    """Stop claims from a queue; running jobs go on."""
    is_known = invocation.run(reads.is_queue_known(queue))
    invocation.run(calls.pause(queue, reason, resume_at, invocation.tenant))
    until = f" until {shapes.exact(resume_at)}" if resume_at else ""
    invocation.answer(
        {"queue": queue, "paused": True, "reason": reason, "resume_at": resume_at},
        lambda: f"Queue {queue} is paused{until}.",
    )
    if not is_known:
        invocation.talk(f"No job and no worker has named queue {queue} yet.", "yellow")


@queues.command(examples=["taskflow queues resume email", "taskflow queues resume email --json"])
@click.argument("queue", type=QUEUE)
@click.pass_obj
def resume(invocation: Invocation, queue: str) -> None:
    """End a pause."""
    if not invocation.run(reads.is_queue_known(queue)):
        known = invocation.run(reads.queue_names(""))
        close = nearest(queue, known)
        hint = f'Did you mean "{close[0]}"?' if close else "Run taskflow queues list."
        raise QueueNotFound(f'no job and no worker has named a queue "{queue}"', hint)
    was_paused = invocation.run(calls.resume(queue, invocation.tenant))
    invocation.answer(
        {"queue": queue, "paused": False, "was_paused": was_paused},
        lambda: f"Queue {queue} is running again." if was_paused else "",
    )
    if not was_paused:
        invocation.talk(f"Queue {queue} was not paused.")
        raise exits.Stop(exits.CONFLICT)
