"""`taskflow dlq`: dead jobs by the kind of their failure, and what to do about a whole kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import rich_click as click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from taskflow.calls.bulk import Verb
from taskflow.cli import shapes
from taskflow.cli.bulk import Act, Consent, act_on_filter
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import QUEUE, TASK, fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.errors import JobNotFound
from taskflow.kernel.listing import DeadGroup, JobFilter, JobLine

SHORT = 12
SAMPLE_JOBS = 10


@click.command(
    cls=Group,
    examples=["taskflow dlq groups", "taskflow dlq requeue 3f2a9c --dry-run"],
)
def dlq() -> None:
    """The dead-letter queue, by kind of failure.

    Wherever a fingerprint is asked for, its first characters are enough.
    """


def which(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--queue", "-q", type=QUEUE, multiple=True, metavar="NAME",
                     help="Only of this queue."),
        click.option("--task", "-t", type=TASK, multiple=True, metavar="NAME",
                     help="Only of this task."),
    ):  # fmt: skip
        command = option(command)
    return command


@dlq.command(examples=["taskflow dlq groups", "taskflow dlq groups -t email.receipt --json"])
@which
@click.option(
    "--limit", "-n", type=click.IntRange(1, 1000), default=20, metavar="N", help="Groups shown."
)
@fields_of(DeadGroup)
@click.pass_obj
def groups(
    invocation: Invocation,
    task: tuple[str, ...],
    queue: tuple[str, ...],
    limit: int,
    fields: list[str] | None,
) -> None:
    """Group dead jobs by kind of failure, the largest group first."""
    from taskflow.calls import reads

    found = invocation.run(reads.dead_groups(invocation.tenant, limit, task, queue))
    invocation.answer_list(found, fields, lambda: draw(invocation, found))
    if not found and not invocation.is_json:
        invocation.talk("No dead jobs.", "dim")


def draw(invocation: Invocation, found: list[DeadGroup]) -> Table | str:
    if not found:
        return ""
    columns = (
        Column("Fingerprint"), Column("Jobs", right=True), Column("First"), Column("Last"),
        Column("Tasks", cut=True), Column("Failure", cut=True),
    )  # fmt: skip
    return shapes.table(
        columns,
        (
            (
                line.fingerprint[:SHORT], f"{line.count:,}",
                shapes.ago(line.first_at, invocation.now), shapes.ago(line.last_at, invocation.now),
                ", ".join(line.tasks), failure(line),
            )
            for line in found
        ),
    )  # fmt: skip


def failure(line: DeadGroup) -> str:
    return f"{line.error_class}: {line.error_message}" if line.error_class else line.reason


@dlq.command(examples=["taskflow dlq show 3f2a9c", "taskflow dlq show 3f2a9c --json"])
@click.argument("fingerprint")
@click.pass_obj
def show(invocation: Invocation, fingerprint: str) -> None:
    """Show one kind of failure: how often, since when, and its latest jobs."""
    from taskflow.calls import reads
    from taskflow.store import filters

    group = find(invocation, fingerprint)
    wanted = JobFilter(tenant=invocation.tenant, fingerprints=(group.fingerprint,))
    latest = invocation.run(filters.page(wanted, SAMPLE_JOBS))
    sample = invocation.run(reads.whole([group.sample_id], invocation.tenant))
    trace = sample[0].traceback if sample else None
    invocation.answer(
        {"group": group, "latest": latest, "traceback": trace},
        lambda: list(_drawn(invocation, group, latest, trace)),
    )


def _drawn(
    invocation: Invocation, group: DeadGroup, latest: list[JobLine], trace: str | None
) -> Iterator[RenderableType]:
    from taskflow.cli import jobs_list

    yield Text(shapes.safe(failure(group)), style="bold")
    yield ""
    yield shapes.facts(
        [
            ("fingerprint", group.fingerprint),
            ("jobs", f"{group.count:,}"),
            ("first", shapes.both(group.first_at, invocation.now)),
            ("last", shapes.both(group.last_at, invocation.now)),
            ("tasks", ", ".join(group.tasks)),
            ("queues", ", ".join(group.queues)),
        ]
    )
    if trace:
        yield ""
        yield Text(f"traceback of job {group.sample_id}", style="dim")
        yield Text(shapes.safe(trace.rstrip(), lines=True))
    yield ""
    yield jobs_list.draw(latest, invocation.now)


def find(invocation: Invocation, fingerprint: str) -> DeadGroup:
    """The group whose fingerprint begins so."""
    from taskflow.calls import reads

    found = invocation.run(reads.dead_groups(invocation.tenant, 2, prefix=fingerprint))
    if not found:
        raise JobNotFound(
            f'no dead job has a fingerprint that begins with "{fingerprint}"',
            "Run taskflow dlq groups.",
        )
    if len(found) > 1 and found[0].fingerprint != fingerprint:
        raise click.UsageError(f'More than one fingerprint begins with "{fingerprint}"; add to it.')
    return found[0]


def acting(verb: Verb, called: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The body of `requeue` and `discard`: a group, or all of a task or queue."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def run(
            invocation: Invocation, fingerprint: str | None, task: tuple[str, ...],
            queue: tuple[str, ...], *, yes: bool, dry_run: bool, all_: bool,
        ) -> None:  # fmt: skip
            if not (fingerprint or task or queue or all_):
                raise click.UsageError("Which? Give a fingerprint, --task, --queue, or --all.")
            full = (find(invocation, fingerprint).fingerprint,) if fingerprint else ()
            wanted = JobFilter(
                tenant=invocation.tenant, states=("dead",), tasks=task, queues=queue,
                fingerprints=full,
            )  # fmt: skip
            act_on_filter(invocation, Act(verb, called), wanted, None, Consent(yes, dry_run, all_))

        run.__doc__, run.__name__ = command.__doc__, command.__name__
        made = click.pass_obj(run)
        for option in (
            click.option("--dry-run", is_flag=True, help="Only say how many jobs it would be."),
            click.option("--yes", "-y", is_flag=True, help="Do not ask."),
            click.option("--all", "all_", is_flag=True, help="All dead jobs."),
            which,
            click.argument("fingerprint", required=False),
        ):
            made = option(made)
        return made

    return decorate


@dlq.command(
    examples=[
        "taskflow dlq requeue 3f2a9c --dry-run",
        "taskflow dlq requeue -t email.receipt --yes",
    ]
)
@acting("retry", "requeue")
def requeue() -> None:
    """Run dead jobs again, with all their attempts."""


@dlq.command(examples=["taskflow dlq discard 3f2a9c", "taskflow dlq discard --all --dry-run"])
@acting("discard", "discard")
def discard() -> None:
    """Give dead jobs up for good: they stay in history as cancelled."""
