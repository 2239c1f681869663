"""`taskflow batches`: jobs that are counted together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

import rich_click as click
from rich.table import Table
from rich.text import Text

from taskflow.calls import batches as calls
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID, Word
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.kernel.flow import Batch, BatchState
from taskflow.kernel.flow_errors import BatchNotFound

STATES = get_args(BatchState)
STYLES = {"failed": "red", "succeeded": "green", "running": "cyan"}


@click.command(
    cls=Group, examples=["taskflow batches list --state running", "taskflow batches cancel 4711"]
)
def batches() -> None:
    """Batches: jobs that are counted together, with callbacks for their end."""


@batches.command("list", examples=["taskflow batches list", "taskflow batches list -s failed"])
@click.option("--state", "-s", "states", type=Word(STATES), multiple=True, metavar="STATE",
              help=f"In this state: {', '.join(STATES)}.")  # fmt: skip
@click.option("--before", type=ID, metavar="ID", help="Older than this batch: the next page.")
@click.option("--limit", "-n", type=click.IntRange(1, 1000), default=20, metavar="N",
              help="Batches shown.")  # fmt: skip
@click.pass_obj
def list_batches(
    invocation: Invocation, states: tuple[str, ...], before: int | None, limit: int
) -> None:
    """List batches, newest first."""
    found = invocation.run(
        calls.list_batches(invocation.tenant, states=states, before=before, limit=limit)
    )
    invocation.answer(found, lambda: _drawn(found, invocation.now))
    if not found and not invocation.is_json:
        invocation.talk("No batches.", "dim")


def _drawn(found: Sequence[Batch], now: datetime) -> Table | str:
    if not found:
        return ""
    columns = (
        Column("Batch", right=True), Column("Name", cut=True), Column("State"),
        Column("Jobs", right=True), Column("Left", right=True), Column("Succeeded", right=True),
        Column("Dead", right=True), Column("Cancelled", right=True), Column("Created"),
    )  # fmt: skip
    return shapes.table(
        columns,
        (
            (
                str(batch.id), batch.name or "", _state(batch), f"{batch.total:,}",
                f"{batch.pending:,}", f"{batch.succeeded:,}", f"{batch.dead:,}",
                f"{batch.cancelled:,}", shapes.ago(batch.created_at, now),
            )
            for batch in found
        ),
    )  # fmt: skip


def _state(batch: Batch) -> Text:
    return Text(batch.state, style=STYLES.get(batch.state, ""))


@batches.command(examples=["taskflow batches show 4711", "taskflow batches show 4711 --json"])
@click.argument("id", type=ID)
@click.pass_obj
def show(invocation: Invocation, id: int) -> None:
    """Show a batch and its counts."""
    batch = invocation.run(calls.get_batch(id, invocation.tenant))
    if batch is None:
        raise BatchNotFound(f"batch {id} does not exist", "Run taskflow batches list.")
    now = invocation.now
    title = Text.assemble((str(id), "bold"), "  ", shapes.safe(batch.name or ""), "  ")
    facts = [
        ("jobs", f"{batch.total:,}"),
        ("left", f"{batch.pending:,}"),
        ("succeeded", f"{batch.succeeded:,}"),
        ("dead", f"{batch.dead:,}"),
        ("cancelled", f"{batch.cancelled:,}"),
        ("created", shapes.both(batch.created_at, now)),
        ("closed", shapes.both(batch.closed_at, now)),
        ("cancelled at", shapes.both(batch.cancelled_at, now)),
        ("finished", shapes.both(batch.finished_at, now)),
        ("created by", batch.created_by),
    ]
    invocation.answer(batch, lambda: [title + _state(batch), "", shapes.facts(facts)])


@batches.command(
    examples=[
        """taskflow batches cancel 4711 --reason "wrong file" """,
        "taskflow batches cancel 4711 --json",
    ]
)
@click.argument("id", type=ID)
@click.option("--reason", metavar="TEXT", help="Kept with the jobs.")
@click.pass_obj
def cancel(invocation: Invocation, id: int, reason: str | None) -> None:
    """Cancel the jobs of a batch that have not ended: 10,000 a transaction."""
    done = invocation.run(calls.cancel_batch(id, reason, invocation.tenant))
    cancelled = done.cancelled
    while done.remaining and done.cancelled:
        done = invocation.run(calls.cancel_batch(id, reason, invocation.tenant))
        cancelled += done.cancelled
    answer = {
        "id": id, "cancelled": cancelled, "requested": done.requested, "remaining": done.remaining,
    }  # fmt: skip
    said = f"{shapes.plural(cancelled, 'job')} cancelled, {done.requested:,} asked to stop."
    invocation.answer(answer, lambda: said)
    if done.remaining:
        invocation.talk(f"{shapes.plural(done.remaining, 'job')} could not be reached; try again.")
        raise exits.Stop(exits.CONFLICT)
