"""`taskflow jobs show`: everything known about one job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
import rich_click as click
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command
from taskflow.errors import JobNotFound
from taskflow.kernel.job import Job
from taskflow.kernel.listing import AttemptLine
from taskflow.kernel.records import Progress, StepLine
from taskflow.kernel.stored import POSTGRES, reference_in


@click.command(
    cls=Command,
    examples=["taskflow jobs show 4711", "taskflow jobs show 4711 --json | jq .args"],
)
@click.argument("id", type=ID)
@click.pass_obj
def show(invocation: Invocation, id: int) -> None:
    """Show everything known about a job."""
    from taskflow.calls import jobs, reads, records

    job = invocation.run(jobs.get(id, invocation.tenant))
    if job is None:
        raise JobNotFound(
            f"job {id} does not exist", "It was never committed, or its retention is over."
        )
    attempts = invocation.run(reads.attempts(id, invocation.tenant))
    progress = invocation.run(records.get_progress(id, invocation.tenant))
    steps = invocation.run(records.get_steps(id, invocation.tenant))
    if invocation.is_json:
        job = with_result(invocation, job)
    told = {"progress": progress, "attempts": attempts, "steps": steps}
    invocation.answer(
        {**msgspec.structs.asdict(job), **told},
        lambda: list(draw(job, attempts, progress, steps, invocation.now)),
    )


def with_result(invocation: Invocation, job: Job) -> Job:
    """The job with its result in place of a reference to it, as far as this database has it."""
    from taskflow.calls import records

    found = reference_in(job.result)
    if found is None or found.store != POSTGRES:
        return job
    raw = invocation.run(records.get_result(job.id, job.tenant))
    return msgspec.structs.replace(job, result=msgspec.Raw(raw or b"null"))


def draw(
    job: Job,
    attempts: list[AttemptLine],
    progress: Progress | None,
    steps: list[StepLine],
    now: datetime,
) -> Iterator[RenderableType]:
    title = Text.assemble((str(job.id), "bold"), "  ", shapes.safe(job.task), "  ")
    yield title + shapes.state(job.state)
    yield ""
    yield shapes.facts(_facts(job, progress, now))
    stored = reference_in(job.result)
    for name, raw in (("args", job.args), ("meta", job.meta), ("result", job.result)):
        if name == "result" and stored is not None:
            said = f"{stored.bytes:,} bytes, kept apart in {stored.store}; --json shows them"
            yield from _section(name, said)
        elif raw is not None and bytes(raw) != b"{}":
            yield from _section(name, msgspec.json.format(bytes(raw), indent=2).decode())
    if steps:
        yield ""
        yield shapes.table(
            (
                Column("Step"), Column("Saved"), Column("Claim", right=True),
                Column("Result", cut=True),
            ),
            (
                (
                    line.name, shapes.ago(line.saved_at, now), str(line.claim_no),
                    bytes(line.result or b"null").decode(),
                )
                for line in steps
            ),
        )  # fmt: skip
    if job.error_class:
        yield from _section("error", f"{job.error_class}: {job.error_message}")
    if job.traceback:
        yield from _section("traceback", job.traceback.rstrip())
    if attempts:
        yield ""
        yield shapes.table(
            (
                Column("Attempt", right=True), Column("Outcome"), Column("When"), Column("Took"),
                Column("Worker", right=True), Column("Note", cut=True),
            ),
            (
                (
                    str(line.attempt), line.outcome, shapes.ago(line.finished_at, now),
                    shapes.age(line.finished_at - line.started_at) if line.started_at else "",
                    str(line.worker_id or ""),
                    f"{line.error_class}: {line.error_message}" if line.error_class
                    else line.reason or "",
                )
                for line in attempts
            ),
        )  # fmt: skip


BAR_CELLS = 24


def bar(progress: Progress) -> str:
    """ "[######------------------]  25 %  " where there is a total."""
    if progress.total is None or progress.total <= 0:
        return ""
    share = min(max(progress.done / progress.total, 0.0), 1.0)
    full = int(share * BAR_CELLS)
    return f"[{'#' * full}{'-' * (BAR_CELLS - full)}] {share:4.0%}  "


def _facts(job: Job, progress: Progress | None, now: datetime) -> Iterator[tuple[str, str | Text]]:
    def time(name: str, value: datetime | None) -> tuple[str, str]:
        return name, shapes.both(value, now)

    yield "queue", f"{job.queue}, priority {job.priority}"
    yield "tenant", job.tenant if job.tenant != "default" else ""
    yield "attempt", f"{job.attempt} of {job.max_attempts}"
    yield "lost", f"{shapes.plural(job.lost, 'time')} in a row" if job.lost else ""
    if progress is not None:
        said = f"{bar(progress)}{progress}  ({shapes.ago(progress.updated_at, now)}"
        yield "progress", f"{said}{'' if progress.claim_no == job.claim_no else ', earlier run'})"
    yield "reason", job.reason or ""
    yield time("created", job.created_at)
    yield time("due", job.run_at)
    yield time("started", job.started_at)
    yield time("finished", job.finished_at)
    if job.started_at and job.finished_at:
        yield "took", shapes.age(job.finished_at - job.started_at)
    yield time("lease until", job.lease_until)
    yield time("deadline", job.deadline)
    yield "timeout", shapes.age(job.timeout)
    yield "worker", str(job.worker_id or "")
    yield "unique key", job.unique_key or ""
    yield "tags", " ".join(f"#{tag}" for tag in job.tags or ())
    yield "created by", job.created_by
    yield "fingerprint", job.fingerprint or ""


def _section(name: str, text: str) -> Iterator[RenderableType]:
    yield ""
    yield Text(name, style="dim")
    yield Padding(Text(shapes.safe(text, lines=True)), (0, 0, 0, 2))
