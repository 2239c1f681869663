"""`taskflow workflow list`, `show`, `graph` and `definitions`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

import msgspec
import rich_click as click
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from taskflow.calls import flows
from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID, Word
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command
from taskflow.kernel.flow import Run, RunLine, RunState, Step
from taskflow.kernel.flow_errors import RunNotFound, WorkflowNotFound
from taskflow.workflows import Graph, draw, fold, graph_of, lay_out, with_states

STATES = get_args(RunState)
STYLES = {
    "failed": "red", "compensating": "yellow", "pending": "magenta", "waiting": "blue",
    "skipped": "dim", "compensated": "dim",
}  # fmt: skip


def state(name: str) -> Text:
    return Text(name, style=STYLES.get(name) or shapes.STATE_STYLES.get(name, ""))


@click.command(
    "list",
    cls=Command,
    examples=["taskflow workflow list", "taskflow workflow list -w nightly --state failed --json"],
)
@click.option("--workflow", "-w", metavar="NAME", help="Only of this workflow.")
@click.option("--state", "-s", "states", type=Word(STATES), multiple=True, metavar="STATE",
              help=f"In this state: {', '.join(STATES)}.")  # fmt: skip
@click.option("--before", type=ID, metavar="ID", help="Older than this run: the next page.")
@click.option("--limit", "-n", type=click.IntRange(1, 1000), default=20, metavar="N",
              help="Runs shown.")  # fmt: skip
@click.pass_obj
def list_runs(
    invocation: Invocation, workflow: str | None, states: tuple[str, ...], before: int | None,
    limit: int,
) -> None:  # fmt: skip
    """List runs, newest first. Those that are steps of others are left to these."""
    found = invocation.run(
        flows.run_lines(
            invocation.tenant, workflow=workflow, states=states, before=before, limit=limit
        )
    )
    invocation.answer(found, lambda: _runs(found, invocation.now))
    if not found and not invocation.is_json:
        invocation.talk("No runs.", "dim")


def _runs(found: Sequence[RunLine], now: datetime) -> Table | str:
    if not found:
        return ""
    columns = (
        Column("Run", right=True), Column("Workflow", cut=True), Column("State"),
        Column("Steps", right=True), Column("Started"), Column("Took", right=True),
        Column("Note", cut=True),
    )  # fmt: skip
    return shapes.table(
        columns,
        (
            (
                str(run.id), _name(run), state(run.state), _progress(run),
                shapes.ago(run.created_at, now),
                shapes.age((run.finished_at or now) - run.created_at), run.reason or run.key or "",
            )
            for run in found
        ),
    )  # fmt: skip


def _name(run: RunLine) -> str:
    return f"{run.workflow} v{run.version}" if run.workflow else "-"


def _progress(run: RunLine) -> str:
    return f"{run.succeeded + run.skipped + run.compensated:,} of {run.total:,}"


@click.command(
    cls=Command,
    examples=["taskflow workflow show 4711", "taskflow workflow show 4711 --json | jq .steps"],
)
@click.argument("id", type=ID)
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=200, metavar="N",
              help="Steps shown.")  # fmt: skip
@click.pass_obj
def show(invocation: Invocation, id: int, limit: int) -> None:
    """Show a run and its steps."""
    run = find(invocation, id)
    steps = invocation.run(flows.get_steps(id, invocation.tenant, limit))
    invocation.answer(
        {**msgspec.structs.asdict(run), "steps": steps},
        lambda: list(_drawn(run, steps, invocation.now)),
    )
    if len(steps) == limit and run.total > limit and not invocation.is_json:
        invocation.talk(f"The first {limit:,} of {run.total:,} steps; --limit shows more.", "dim")


def find(invocation: Invocation, id: int) -> Run:
    run = invocation.run(flows.get_run(id, invocation.tenant))
    if run is None:
        raise RunNotFound(f"run {id} does not exist", "Run taskflow workflow list.")
    return run


def _drawn(run: Run, steps: list[Step], now: datetime) -> Iterator[RenderableType]:
    title = Text.assemble((str(run.id), "bold"), "  ", shapes.safe(_name(run)), "  ")
    yield title + state(run.state)
    yield ""
    yield shapes.facts(
        [
            ("steps", _progress(run)),
            ("failed", f"{run.failed:,}" if run.failed else ""),
            ("cancelled", f"{run.cancelled:,}" if run.cancelled else ""),
            ("will end as", run.ending or "" if not run.finished_at else ""),
            ("reason", run.reason or ""),
            ("key", run.key or ""),
            ("step of", f"run {run.parent_id}" if run.parent_id else ""),
            ("created", shapes.both(run.created_at, now)),
            ("finished", shapes.both(run.finished_at, now)),
            ("created by", run.created_by),
        ]
    )
    for name, raw in (("input", run.input), ("output", run.output)):
        if raw is not None and bytes(raw) != b"{}":
            yield ""
            yield Text(name, style="dim")
            text = msgspec.json.format(bytes(raw), indent=2).decode()
            yield Padding(Text(shapes.safe(text, lines=True)), (0, 0, 0, 2))
    yield ""
    yield shapes.table(
        (
            Column("Step", cut=True), Column("What", cut=True), Column("State"),
            Column("Job or run", right=True), Column("Took", right=True), Column("Note", cut=True),
        ),
        (
            (
                ("undo " if step.is_compensation else "") + step.label,
                f"{step.kind} {step.target or ''}".strip(), state(step.state),
                str(step.job_id or step.child_id or ""),
                shapes.age((step.finished_at or now) - step.started_at) if step.started_at else "",
                step.error or _due(step, now),
            )
            for step in steps
        ),
    )  # fmt: skip


def _due(step: Step, now: datetime) -> str:
    if step.state != "waiting" or step.due_at is None:
        return ""
    told = "gives up" if step.kind == "signal" else "goes on"
    return f"{told} {shapes.ago(step.due_at, now)}"


@click.command(
    cls=Command,
    examples=["taskflow workflow graph nightly", "taskflow workflow graph 4711 --svg -o run.svg"],
)
@click.argument("run_or_name", metavar="RUN|NAME")
@click.option("--svg", is_flag=True, help="As SVG; else as text.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write it there.")  # fmt: skip
@click.option("--version", type=click.IntRange(1), metavar="N", help="This version of NAME.")
@click.option("--fold", "over", type=click.IntRange(0), default=8, metavar="N",
              help="More than N nodes that are alike are one box; 0 for never.")  # fmt: skip
@click.pass_obj
def graph(
    invocation: Invocation, run_or_name: str, output: Path | None, version: int | None, over: int,
    *, svg: bool,
) -> None:  # fmt: skip
    """Draw a run, by its id, or a workflow, by its name."""
    title, found = read(invocation, run_or_name, version)
    seen = fold(found, over) if over else found
    if invocation.is_json:
        invocation.emit({"title": title, "nodes": seen.nodes, "edges": seen.edges})
    elif svg or output is not None:
        text = draw(lay_out(seen), title)
        if output is None:
            invocation.stream([text.rstrip()])
        else:
            output.write_text(text, encoding="utf-8")
            invocation.talk(f"{title} is in {output}.", "dim")
    else:
        invocation.show(Text(shapes.safe(title), style="bold"), _listed(seen))


def read(invocation: Invocation, run_or_name: str, version: int | None) -> tuple[str, Graph]:
    """The title and the graph of what the argument names."""
    if run_or_name.isdecimal():
        id = ID.convert(run_or_name, None, None)
        run = find(invocation, id)
        definition = invocation.run(flows.definition_of(id, invocation.tenant))
        counts = invocation.run(flows.count_steps(id, invocation.tenant))
        name = f" of {_name(run)}" if run.workflow else ""
        return f"Run {id}{name}: {run.state}", with_states(graph_of(definition), counts)
    saved = invocation.run(flows.get_workflow(run_or_name, version, invocation.tenant))
    if saved is None:
        raise WorkflowNotFound(
            f'there is no workflow "{run_or_name}"' + (f" v{version}" if version else ""),
            "Run taskflow workflow definitions.",
        )
    return f"{saved.name} v{saved.version}", graph_of(msgspec.json.decode(saved.definition))


def _listed(graph: Graph) -> Table:
    parents = graph.parents()
    in_order = sorted(lay_out(graph).boxes, key=lambda box: (box.x, box.y))
    return shapes.table(
        (
            Column("Node", cut=True), Column("What", cut=True), Column("State"),
            Column("After", cut=True),
        ),
        (
            (
                node.name + (f" and {node.count - 1:,} more" if node.count > 1 else ""),
                f"{node.kind} {node.target}{' for each item' if node.is_map else ''}",
                state(node.state), ", ".join(parents[node.name]),
            )
            for node in (box.node for box in in_order)
        ),
    )  # fmt: skip


@click.command(
    cls=Command,
    examples=["taskflow workflow definitions", "taskflow workflow definitions nightly --json"],
)
@click.argument("name", required=False)
@click.option("--version", type=click.IntRange(1), metavar="N", help="This version.")
@click.pass_obj
def definitions(invocation: Invocation, name: str | None, version: int | None) -> None:
    """List saved workflows, or print the definition of one as JSON."""
    if name is not None:
        saved = invocation.run(flows.get_workflow(name, version, invocation.tenant))
        if saved is None:
            raise WorkflowNotFound(
                f'there is no workflow "{name}"', "Run taskflow workflow definitions."
            )
        invocation.answer(
            saved, lambda: msgspec.json.format(bytes(saved.definition), indent=2).decode()
        )
        return
    found = invocation.run(flows.list_workflows(invocation.tenant))
    columns = (
        Column("Workflow", cut=True), Column("Version", right=True), Column("Nodes", right=True),
        Column("Running", right=True), Column("Saved"), Column("By", cut=True),
    )  # fmt: skip
    rows = [
        (
            line.name, str(line.version), f"{line.nodes:,}", f"{line.running:,}",
            shapes.ago(line.created_at, invocation.now), line.created_by,
        )
        for line in found
    ]  # fmt: skip
    invocation.answer(found, lambda: shapes.table(columns, rows) if rows else "")
    if not found and not invocation.is_json:
        invocation.talk("No workflow is saved yet.", "dim")
