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
from taskflow.kernel.listing import TaskLine, WorkerLine


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
    """Show a task's contract and the live workers that know it."""
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
    invocation.answer(
        {**msgspec.structs.asdict(found[0]), "workers": workers},
        lambda: list(draw(found[0], workers)),
    )


def draw(line: TaskLine, workers: list[WorkerLine]) -> Iterator[RenderableType]:
    yield Text(shapes.safe(line.name), style="bold")
    yield ""
    yield shapes.facts(
        [
            ("queue", line.queue or "default"),
            ("priority", line.priority or "normal"),
            ("attempts", str(line.max_attempts or "")),
            ("timeout", shapes.age(line.timeout)),
            ("published", shapes.exact(line.published_at)),
            ("workers", ", ".join(f"{worker.id} ({worker.name})" for worker in workers) or "none"),
        ]
    )
    if line.args_schema is not None:
        yield ""
        yield Text("arguments", style="dim")
        text = msgspec.json.format(bytes(line.args_schema), indent=2).decode()
        yield Padding(Text(shapes.safe(text, lines=True)), (0, 0, 0, 2))
