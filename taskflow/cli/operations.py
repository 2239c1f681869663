"""`taskflow operations`: acts on many jobs that a worker does in the background, on the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, get_args

import rich_click as click
from rich.console import RenderableType
from rich.table import Table

from taskflow.calls import operations as calls
from taskflow.cli import exits, shapes
from taskflow.cli.bulk import Consent, confirm, preview
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import AT, ID, Word, describe, job_filter
from taskflow.cli.progress import Progress
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command, Group
from taskflow.kernel.listing import JobFilter
from taskflow.kernel.names import PRIORITIES
from taskflow.kernel.operations import (
    USUAL_STATES,
    Operation,
    OperationNotFound,
    OperationVerb,
    filter_as_json,
)

VERBS = [verb for verb in get_args(OperationVerb) if verb != "undo"]
SAMPLE = 5
LOOK_EVERY_S = 0.5
COLUMNS = (
    Column("Id", right=True),
    Column("What", cut=True),
    Column("State"),
    Column("Done", right=True),
    Column("Of", right=True),
    Column("Refused", right=True),
    Column("By", cut=True),
    Column("Started", right=True),
    Column("Reason", cut=True),
)


@click.command(
    cls=Group,
    examples=[
        """taskflow operations start retry -t email.receipt --rate 50 --reason "SMTP is back" """,
        "taskflow operations undo 7",
    ],
)
def operations() -> None:
    """Act on many jobs in the background: preview, rate, progress, cancel, undo."""


@operations.command(
    examples=[
        "taskflow operations start retry --task email.receipt --rate 50",
        "taskflow operations start move --queue bulk --to bulk2 --dry-run",
    ]
)
@click.argument("verb", type=Word(VERBS))
@click.option("--at", "run_at", type=AT, metavar="TIME", help="With reschedule: the new time.")
@click.option("--to", "to_queue", metavar="QUEUE", help="With move: the queue to move to.")
@click.option(
    "--priority", type=Word(list(PRIORITIES)), metavar="WORD", help="With priority: the new one."
)
@click.option(
    "--rate", type=click.IntRange(1, 100_000), metavar="N", help="Jobs a second, at most."
)
@click.option("--reason", metavar="TEXT", help="Kept with the operation and with the jobs.")
@click.option("--worker-queue", default="default", metavar="NAME", help="The queue that does it.")
@click.option("--wait", is_flag=True, help="Stay and show its progress.")
@click.option("--dry-run", is_flag=True, help="Only say how many jobs it would be, and show some.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--all", "all_", is_flag=True, help="All jobs; needed with no filter.")
@click.pass_obj
@job_filter()
def start(
    invocation: Invocation, /, verb: OperationVerb, *, wanted: JobFilter, wait: bool,
    dry_run: bool, yes: bool, all_: bool, **given: Any,
) -> None:  # fmt: skip
    """Begin an act on all jobs of a filter; a worker does it.

    A filter that names no state means those that the verb can act on.
    """
    import msgspec

    from taskflow.store import filters

    if wanted.is_empty and not all_:
        raise click.UsageError(f"Which jobs? Give a filter, or {verb} --all.")
    params = _params(verb, given)
    if not wanted.states and not wanted.ids:
        wanted = msgspec.structs.replace(wanted, states=USUAL_STATES[verb])
    count, last = invocation.run(filters.count(wanted))
    which = describe(wanted)
    what = f"{verb} {shapes.plural(count, 'job')} matching {which}"
    if dry_run or not count:
        sample = invocation.run(filters.page(wanted, SAMPLE))
        named = ", ".join(f"{job.id} ({job.task})" for job in sample)
        nothing = f"No jobs matching {which}; nothing to {verb}."
        said = f"Would {what}.\nSuch as {named}." if count else nothing
        preview(invocation, said, verb, count, which)
        return
    confirm(invocation, what, count, Consent(yes, dry_run, all_))
    id = invocation.run(
        calls.start(
            verb, filter_as_json(wanted), params=params, rate=given["rate"],
            reason=given["reason"], up_to=last, expected=count, queue=given["worker_queue"],
            tenant=invocation.tenant,
        )
    )  # fmt: skip
    _answer_started(invocation, id, wait)


def _params(verb: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the verb needs; what it does not know is a mistake."""
    names = {"reschedule": "run_at", "move": "to_queue", "priority": "priority"}
    options = {"run_at": "--at", "to_queue": "--to", "priority": "--priority"}
    needed = names.get(verb)
    for name, option in options.items():
        if (name == needed) != (given[name] is not None):
            said = "needs" if name == needed else "does not take"
            raise click.UsageError(f"{verb} {said} {option}.")
    key = {"to_queue": "queue"}.get(needed or "", needed)
    return {key: given[needed]} if needed and key else {}


def _answer_started(invocation: Invocation, id: int, wait: bool) -> None:
    if wait:
        _follow(invocation, id)
        return
    operation = find(invocation, id)
    invocation.answer(
        operation,
        lambda: (
            f"Operation {id} began, as job {operation.job_id}. See taskflow operations show {id}."
        ),
    )


def _follow(invocation: Invocation, id: int) -> None:
    operation = find(invocation, id)
    with Progress(invocation, operation.verb, operation.expected) as progress:
        while operation.is_under_way:
            time.sleep(LOOK_EVERY_S)
            operation = find(invocation, id)
            progress.advance(operation.done + operation.refused - progress.done)
    invocation.answer(operation, lambda: list(detail(operation, invocation.now)))


def find(invocation: Invocation, id: int) -> Operation:
    found = invocation.run(calls.get(id, invocation.tenant))
    if found is None:
        raise OperationNotFound(f"operation {id} does not exist", "See taskflow operations list.")
    return found


@operations.command(
    "list", cls=Command, examples=["taskflow operations list", "taskflow operations list --json"]
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, help="How many (20).")
@click.pass_obj
def list_operations(invocation: Invocation, limit: int) -> None:
    """List operations, newest first."""
    found = invocation.run(calls.latest(invocation.tenant, limit))
    invocation.answer(found, lambda: draw(found, invocation.now))
    if not found and not invocation.is_json:
        invocation.talk("No operations yet.", "dim")


def draw(found: Sequence[Operation], now: datetime) -> Table | str:
    if not found:
        return ""
    return shapes.table(COLUMNS, [row(operation, now) for operation in found])


def row(operation: Operation, now: datetime) -> list[str]:
    return [
        str(operation.id),
        what(operation),
        operation.state,
        shapes.number(operation.done),
        shapes.number(operation.expected),
        shapes.number(operation.refused),
        operation.created_by,
        shapes.ago(operation.created_at, now),
        operation.reason or "",
    ]


def what(operation: Operation) -> str:
    """The act in words: "move to bulk2", "undo 7"."""
    if operation.undoes is not None:
        return f"undo {operation.undoes}"
    to = next(iter(operation.params.values()), None)
    return f"{operation.verb} to {to}" if to else operation.verb


@operations.command(examples=["taskflow operations show 7", "taskflow operations show 7 --refused"])
@click.argument("id", type=ID)
@click.option("--refused", is_flag=True, help="Only the jobs that could not be served.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, help="How many jobs (20).")
@click.pass_obj
def show(invocation: Invocation, id: int, refused: bool, limit: int) -> None:
    """Show an operation, how far it is, and what became of its jobs."""
    operation = find(invocation, id)
    found = invocation.run(calls.items(id, invocation.tenant, refused=refused, limit=limit))
    answer = {"operation": operation, "items": found}

    def shown() -> list[RenderableType]:
        parts = list(detail(operation, invocation.now))
        lines = (f"{item.job_id} {item.outcome}" + (f": {item.message}" if item.code else "")
                 for item in found)  # fmt: skip
        return [*parts, "", shapes.bullets(lines)] if found else parts

    invocation.answer(answer, shown)


def detail(operation: Operation, now: datetime) -> Iterator[RenderableType]:
    rate = f"{operation.rate:,} a second" if operation.rate else ""
    yield shapes.facts(
        [
            ("operation", f"{operation.id}: {what(operation)}"),
            ("state", operation.state),
            ("jobs", f"{operation.done:,} of {operation.expected:,} done"),
            ("refused", f"{operation.refused:,}" if operation.refused else ""),
            ("rate", rate),
            ("by", operation.created_by),
            ("reason", operation.reason or ""),
            ("began", shapes.both(operation.started_at, now)),
            ("ended", shapes.both(operation.finished_at, now)),
            ("job", str(operation.job_id or "")),
        ]
    )


@operations.command(
    examples=["taskflow operations cancel 7", "taskflow operations cancel 7 --json"]
)
@click.argument("id", type=ID)
@click.pass_obj
def cancel(invocation: Invocation, id: int) -> None:
    """Stop an operation where it stands; what it has done stays done."""
    if not invocation.run(calls.cancel(id, invocation.tenant)):
        invocation.talk(f"Operation {id} has ended already.")
        raise exits.Stop(exits.CONFLICT)
    operation = find(invocation, id)
    invocation.answer(
        operation, lambda: f"Operation {id} is cancelled after {operation.done:,} jobs."
    )


@operations.command(examples=["taskflow operations undo 7", "taskflow operations undo 7 --wait"])
@click.argument("id", type=ID)
@click.option("--reason", metavar="TEXT", help="Kept with the operation.")
@click.option("--worker-queue", default="default", metavar="NAME", help="The queue that does it.")
@click.option("--wait", is_flag=True, help="Stay and show its progress.")
@click.pass_obj
def undo(
    invocation: Invocation, id: int, reason: str | None, worker_queue: str, wait: bool
) -> None:
    """Take an operation back, where its jobs still are as it left them.

    Cancelled jobs run again; rescheduled and moved ones go back; a retry cannot be taken back.
    """
    made = invocation.run(calls.undo(id, reason, worker_queue, invocation.tenant))
    _answer_started(invocation, made, wait)
