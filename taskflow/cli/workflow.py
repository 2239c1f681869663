"""`taskflow workflow`: definitions, their runs, and pictures of both."""

from __future__ import annotations

import rich_click as click

from taskflow.cli.tree import Entry, Group

LOOK, ACT = "Look", "Act"
_LOOK, _ACT = "taskflow.cli.workflow_look", "taskflow.cli.workflow_act"


@click.command(
    cls=Group,
    examples=[
        "taskflow workflow list --state failed",
        "taskflow workflow graph 4711 --svg -o run.svg",
    ],
    lazy={
        "list": Entry(f"{_LOOK}:list_runs", LOOK, "List runs, newest first."),
        "show": Entry(f"{_LOOK}:show", LOOK, "A run and its steps."),
        "graph": Entry(f"{_LOOK}:graph", LOOK, "Draw a run or a workflow."),
        "definitions": Entry(f"{_LOOK}:definitions", LOOK, "List saved workflows."),
        "save": Entry(f"{_ACT}:save", ACT, "Save a definition under a name."),
        "start": Entry(f"{_ACT}:start", ACT, "Start a run."),
        "signal": Entry(f"{_ACT}:signal", ACT, "Send a signal to a run."),
        "retry": Entry(f"{_ACT}:retry", ACT, "Run a run again from where it failed."),
        "cancel": Entry(f"{_ACT}:cancel", ACT, "Call runs off."),
    },
)
def workflow() -> None:
    """Workflows: definitions, runs and their steps."""
