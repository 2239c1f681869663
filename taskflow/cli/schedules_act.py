"""`taskflow schedules pause`, `resume`, `run`, `backfill` and `delete`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import rich_click as click
from rich.table import Table

from taskflow.calls import schedules as calls
from taskflow.cli import exits, shapes
from taskflow.cli.bulk import Consent, confirm
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import SINCE
from taskflow.cli.schedules_look import find
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command
from taskflow.kernel.schedule import Backfilled


@click.command(
    cls=Command,
    examples=[
        """taskflow schedules pause digest --reason "holidays" """,
        "taskflow schedules pause digest --json",
    ],
)
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Shown to whoever asks why nothing runs.")
@click.pass_obj
def pause(invocation: Invocation, name: str, reason: str | None) -> None:
    """Stop a schedule until it is resumed; ticks in between are not made up for."""
    find(invocation, name)
    invocation.run(calls.pause(name, reason, invocation.tenant))
    invocation.answer(
        {"name": name, "paused": True, "reason": reason}, lambda: f"Schedule {name} is paused."
    )


@click.command(
    cls=Command,
    examples=["taskflow schedules resume digest", "taskflow schedules resume digest --json"],
)
@click.argument("name")
@click.pass_obj
def resume(invocation: Invocation, name: str) -> None:
    """End a pause, from the next tick on."""
    find(invocation, name)
    was_paused = invocation.run(calls.resume(name, invocation.tenant))
    next_at = find(invocation, name).next_at
    due = f"; its next tick is {shapes.ago(next_at, invocation.now)}" if next_at else ""
    invocation.answer(
        {"name": name, "paused": False, "was_paused": was_paused, "next_at": next_at},
        lambda: f"Schedule {name} is active again{due}." if was_paused else "",
    )
    if not was_paused:
        invocation.talk(f"Schedule {name} was not paused.")
        raise exits.Stop(exits.CONFLICT)


@click.command(
    cls=Command,
    examples=["taskflow schedules run digest", "taskflow schedules run digest --json"],
)
@click.argument("name")
@click.pass_obj
def run(invocation: Invocation, name: str) -> None:
    """Make a job of a schedule now, beside its ticks, and print the job's id."""
    find(invocation, name)
    id = invocation.run(calls.run_now(name, invocation.tenant))
    invocation.answer({"id": id, "schedule": name}, lambda: str(id))


@click.command(
    cls=Command,
    examples=[
        "taskflow schedules backfill digest --from 2026-11-01 --to 2026-11-08 --dry-run",
        "taskflow schedules backfill digest --from 2d --yes",
    ],
)
@click.argument("name")
@click.option("--from", "since", type=SINCE, required=True, metavar="TIME",
              help='The first tick: 2026-11-01, or "2d" ago.')  # fmt: skip
@click.option("--to", "until", type=SINCE, metavar="TIME", help="Up to before then; default now.")
@click.option("--dry-run", is_flag=True, help="Only say which ticks it would be.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def backfill(
    invocation: Invocation,
    name: str,
    *,
    since: datetime,
    until: datetime | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Make the jobs of past ticks that have none: missed, paused over, or from before its time."""
    find(invocation, name)
    end, tenant = until or invocation.now, invocation.tenant
    found = invocation.run(calls.backfill(name, since, end, dry_run=True, tenant=tenant))
    wanted = sum(line.status == "would run" for line in found)
    if wanted and not dry_run:
        span = f"from {shapes.exact(since)} to {shapes.exact(end)}"
        what = f"make {shapes.plural(wanted, 'job')} for ticks of {name} {span}"
        confirm(invocation, what, wanted, Consent(yes, dry_run, all=False))
        found = invocation.run(calls.backfill(name, since, end, tenant=tenant))
    invocation.answer(found, lambda: draw(found) if found else "")
    if not wanted and not invocation.is_json:
        invocation.talk("No tick in this time is without its job.", "dim")


def draw(found: Sequence[Backfilled]) -> Table:
    columns = (Column("Tick"), Column("Became"), Column("Job", right=True))
    return shapes.table(
        columns,
        ((shapes.exact(line.tick_at), line.status, str(line.job_id or "-")) for line in found),
    )


@click.command(
    cls=Command,
    examples=["taskflow schedules delete digest", "taskflow schedules delete digest --yes"],
)
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(invocation: Invocation, name: str, *, yes: bool) -> None:
    """Remove a schedule. Its jobs go on, and its ledger is kept for its time."""
    schedule = find(invocation, name)
    if schedule.declared and not schedule.is_orphaned:
        invocation.talk(f"Code declares {name}: the next worker that starts makes it again.")
    if not yes:
        if not invocation.may_ask:
            raise click.UsageError(f"This would delete schedule {name}. Add --yes to do it.")
        if not click.confirm(f"Delete schedule {name}?", default=False, err=True):
            invocation.talk("Nothing was changed.")
            raise exits.Stop(exits.FAILED)
    invocation.run(calls.delete(name, invocation.tenant))
    invocation.answer({"name": name, "deleted": True}, lambda: f"Schedule {name} is deleted.")
