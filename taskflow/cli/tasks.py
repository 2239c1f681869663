"""`taskflow tasks`: the contracts that workers published, and who can run them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import rich_click as click
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import TASK, fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.errors import UnknownTask
from taskflow.kernel.listing import TaskLine, VersionLine, WorkerLine


@click.command(cls=Group, examples=["taskflow tasks list", "taskflow tasks show email.receipt"])
def tasks() -> None:
    """Published tasks and who can run them."""


@tasks.command(
    "list", examples=["taskflow tasks list", "taskflow tasks list --json | jq '.[].name'"]
)
@fields_of(TaskLine)
@click.pass_obj
def list_tasks(invocation: Invocation, fields: list[str] | None) -> None:
    """List the tasks that workers have published."""
    from taskflow.calls import reads

    found = invocation.run(reads.tasks())
    columns = (
        Column("Task", cut=True), Column("Queue"), Column("Priority"),
        Column("Attempts", right=True), Column("Timeout", right=True),
        Column("Workers", right=True), Column("Published"),
    )  # fmt: skip
    rows = [
        (
            line.name, line.queue or "default", line.priority or "normal",
            str(line.max_attempts or "-"), shapes.age(line.timeout) or "-",
            Text(str(line.workers), style="" if line.workers else "red"),
            shapes.ago(line.published_at, invocation.now),
        )
        for line in found
    ]  # fmt: skip
    invocation.answer_list(found, fields, lambda: shapes.table(columns, rows) if rows else "")
    if not found and not invocation.is_json:
        invocation.talk("No tasks: workers publish theirs when they start.", "dim")


@tasks.command(
    examples=[
        "taskflow tasks show email.receipt",
        "taskflow tasks show email.receipt --json | jq .args_schema",
    ]
)
@click.argument("name", type=TASK)
@click.pass_obj
def show(invocation: Invocation, name: str) -> None:
    """Show a task's contract, the live workers that know it, and its jobs by version."""
    from taskflow.calls import reads

    found = invocation.run(reads.tasks(name))
    if not found:
        known = [line.name for line in invocation.run(reads.tasks())]
        raise UnknownTask(
            UnknownTask.named(name, known).message.replace(
                "registered in this process", "published"
            ),
            "Run taskflow tasks list.",
        )
    workers = invocation.run(reads.workers_knowing(name))
    jobs = invocation.run(reads.versions(name))
    invocation.answer(
        {**msgspec.structs.asdict(found[0]), "workers": workers, "jobs": jobs},
        lambda: list(draw(found[0], workers, jobs)),
    )


def draw(
    line: TaskLine, workers: list[WorkerLine], jobs: list[VersionLine]
) -> Iterator[RenderableType]:
    yield Text(shapes.safe(line.name), style="bold")
    yield ""
    yield shapes.facts(
        [
            ("queue", line.queue or "default"),
            ("priority", line.priority or "normal"),
            ("attempts", str(line.max_attempts or "")),
            ("timeout", shapes.age(line.timeout)),
            ("published", shapes.exact(line.published_at)),
            ("version", str(line.version)),
            ("checks", f"{line.check_args}, of arguments from SQL"),
            ("workers", ", ".join(f"{worker.id} ({worker.name})" for worker in workers) or "none"),
        ]
    )
    if jobs:
        columns = (Column("Version"), Column("Waiting", right=True), Column("Running", right=True),
                   Column("Dead", right=True))  # fmt: skip
        rows = [
            (str(job.version or "-"), f"{job.waiting:,}", f"{job.running:,}", f"{job.dead:,}")
            for job in jobs
        ]
        yield ""
        yield shapes.table(columns, rows)
    if line.args_schema is not None:
        yield ""
        yield Text("arguments", style="dim")
        text = msgspec.json.format(bytes(line.args_schema), indent=2).decode()
        yield Padding(Text(shapes.safe(text, lines=True)), (0, 0, 0, 2))
