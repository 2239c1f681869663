"""`taskflow jobs retry`, `cancel`, `reschedule` and `discard`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import rich_click as click

from taskflow.calls.bulk import Verb
from taskflow.cli import shapes
from taskflow.cli.bulk import Act, Consent, act_on_filter, act_on_ids
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import AT, ID, job_filter
from taskflow.cli.tree import Command
from taskflow.errors import JobNotFound, JobStateConflict
from taskflow.kernel.job import Job
from taskflow.kernel.listing import LIVE_STATES, JobFilter

WAITING = ("scheduled", "blocked", "available", "retrying")
STATES: dict[Verb, tuple[str, ...]] = {
    "cancel": LIVE_STATES,
    "retry": ("dead", "cancelled", *WAITING),
    "discard": ("dead", *WAITING),
}
"""What a verb may be asked to act on; the first is what it acts on when no state is named."""


def bulk_command(verb: Verb, *, examples: list[str]) -> Callable[[Callable[..., Any]], Any]:
    """A command that takes ids or a filter, and asks before it acts on a filter."""

    def decorate(command: Callable[..., Any]) -> Any:
        run = job_filter(states=STATES[verb])(_running(verb))
        run = click.pass_obj(run)
        run.__doc__ = command.__doc__
        for option in (
            click.option("--dry-run", is_flag=True, help="Only say how many jobs it would be."),
            click.option("--yes", "-y", is_flag=True, help="Do not ask."),
            click.option("--all", "all_", is_flag=True, help="All jobs; needed with no filter."),
            *((click.option("--reason", metavar="TEXT", help="Kept with the job."),)
              if verb != "retry" else ()),
            click.argument("job_ids", metavar="[JOB_ID]...", type=ID, nargs=-1),
        ):  # fmt: skip
            run = option(run)
        return click.command(verb, cls=Command, examples=examples)(run)

    return decorate


def _running(verb: Verb) -> Callable[..., None]:
    def run(
        invocation: Invocation,
        *,
        wanted: JobFilter,
        job_ids: tuple[int, ...],
        yes: bool,
        dry_run: bool,
        all_: bool,
        reason: str | None = None,
    ) -> None:
        if job_ids and not wanted.is_empty:
            raise click.UsageError("Name jobs or give a filter, not both.")
        if job_ids:
            act_on_ids(invocation, Act(verb, verb), job_ids, reason, dry_run)
            return
        if wanted.is_empty and not all_:
            raise click.UsageError(f"Which jobs? Name them, give a filter, or {verb} --all.")
        usual = LIVE_STATES if verb == "cancel" else ("dead",)
        if not wanted.states and not wanted.ids:
            wanted = _with_states(wanted, usual)
        act_on_filter(invocation, Act(verb, verb), wanted, reason, Consent(yes, dry_run, all_))

    return run


def _with_states(wanted: JobFilter, states: tuple[Any, ...]) -> JobFilter:
    import msgspec

    return msgspec.structs.replace(wanted, states=states)


@bulk_command(
    "retry",
    examples=["taskflow jobs retry 4711", "taskflow jobs retry --state dead -t email.receipt"],
)
def retry() -> None:
    """Run jobs again now: dead and cancelled ones, or waiting ones without their pause.

    A filter that names no state means dead jobs.
    """


@bulk_command(
    "cancel",
    examples=["taskflow jobs cancel 4711 4712", "taskflow jobs cancel -q bulk --dry-run"],
)
def cancel() -> None:
    """Call jobs off: waiting ones at once; running ones are asked to stop.

    A filter that names no state means all jobs that have not finished.
    """


@bulk_command(
    "discard",
    examples=["taskflow jobs discard 4711", "taskflow jobs discard --fingerprint 3f2a --yes"],
)
def discard() -> None:
    """Give jobs up for good: they stay in history as cancelled.

    A filter that names no state means dead jobs.
    """


@click.command(
    cls=Command,
    examples=[
        "taskflow jobs reschedule 4711 2h",
        "taskflow jobs reschedule 4711 2026-12-01T08:00 --dry-run",
    ],
)
@click.argument("id", type=ID)
@click.argument("time", type=AT)
@click.option("--dry-run", is_flag=True, help="Only say what would be moved, and whether it can.")
@click.pass_obj
def reschedule(invocation: Invocation, id: int, time: datetime, dry_run: bool) -> None:
    """Move a waiting job to another time: how long from now, or a time (UTC unless it says).

    A time that has passed means now.
    """
    from taskflow.calls import jobs

    is_due = time <= invocation.now
    due = "due now" if is_due else f"due at {shapes.exact(time)}"
    answer = {"id": id, "run_at": max(time, invocation.now)}
    if dry_run:
        job = _waiting(invocation, id)
        said = f"Would make job {id} {due}; it is {job.state}, due at {shapes.exact(job.run_at)}."
        invocation.answer({"dry_run": True, **answer, "state": job.state}, lambda: said)
        return
    invocation.run(jobs.reschedule(id, time, invocation.tenant))
    invocation.answer(answer, lambda: f"Job {id} is {due}.")


def _waiting(invocation: Invocation, id: int) -> Job:
    """The job, if it waits; else the error that moving it would give."""
    from taskflow.calls import jobs

    job = invocation.run(jobs.get(id, invocation.tenant))
    if job is None:
        raise JobNotFound(
            f"job {id} does not exist", "It was never committed, or its retention is over."
        )
    if job.state not in WAITING:
        raise JobStateConflict(f"job {id} is {job.state}", "Only a waiting job can be moved.")
    return job
