"""`taskflow workers`: the processes that serve queues, as they last reported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import rich_click as click
from rich.table import Table
from rich.text import Text

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID, fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command, Group
from taskflow.kernel.listing import WorkerLine

STYLES = {"alive": "green", "draining": "yellow", "lost": "red"}
COLUMNS = (
    Column("Id", right=True),
    Column("State"),
    Column("Host", cut=True),
    Column("Pid", right=True),
    Column("Queues", cut=True),
    Column("Running", right=True),
    Column("Done", right=True),
    Column("Failed", right=True),
    Column("Lease"),
    Column("Wakes by"),
    Column("Version"),
    Column("Note", cut=True, style="yellow"),
)


@click.command(
    cls=Group,
    examples=[
        "taskflow workers",
        "taskflow workers --json | jq '.[] | select(.state == \"lost\")'",
    ],
    invoke_without_command=True,
)
@fields_of(WorkerLine)
@click.pass_context
def workers(context: click.Context, fields: list[str] | None) -> None:
    """List worker processes and their leases."""
    if context.invoked_subcommand is None:
        _list(context.obj, fields)


@workers.command(
    "list", cls=Command, examples=["taskflow workers list", "taskflow workers list --json"]
)
@fields_of(WorkerLine)
@click.pass_obj
def list_workers(invocation: Invocation, fields: list[str] | None) -> None:
    """List worker processes and their leases."""
    _list(invocation, fields)


def _list(invocation: Invocation, fields: list[str] | None) -> None:
    from taskflow.calls import reads

    found = invocation.run(reads.workers())
    invocation.answer_list(found, fields, lambda: draw(found, invocation.now))
    if not found and not invocation.is_json:
        invocation.talk("No workers. Start one: taskflow worker APP", "dim")


def draw(found: Sequence[WorkerLine], now: datetime) -> Table | str:
    if not found:
        return ""
    return shapes.table(COLUMNS, [row(line, now) for line in found])


def row(line: WorkerLine, now: datetime) -> list[str | Text]:
    queues = " ".join(
        f"{queue}={slots}" for queue, slots in zip(line.queues, line.slots, strict=False)
    )
    left = line.lease_until - now
    lease = shapes.age(left) if line.state != "lost" else f"out {shapes.age(-left)}"
    return [
        str(line.id),
        Text(line.state, style=STYLES.get(line.state, "")),
        line.host or line.name,
        str(line.pid or "-"),
        queues,
        f"{line.running}/{sum(line.slots)}",
        f"{line.finished:,}",
        f"{line.failed:,}" if line.failed else "-",
        lease,
        "notify" if line.listening else "polling",
        line.version or "-",
        f"does not know {', '.join(line.unknown_tasks)}" if line.unknown_tasks else "",
    ]


@workers.command(
    cls=Command, examples=["taskflow workers drain 7", "taskflow workers drain 7 8 --json"]
)
@click.argument("ids", metavar="WORKER...", type=ID, nargs=-1, required=True)
@click.pass_obj
def drain(invocation: Invocation, ids: tuple[int, ...]) -> None:
    """Ask workers to stop: they claim no more, give their running jobs the grace time, and end."""
    from taskflow.calls import workers as calls

    asked = [{"id": id, "is_alive": invocation.run(calls.drain(id))} for id in ids]
    invocation.answer(
        asked,
        lambda: shapes.bullets(
            f"Worker {one['id']} {'drains.' if one['is_alive'] else 'is lost; it may not hear it.'}"
            for one in asked
        ),
    )
