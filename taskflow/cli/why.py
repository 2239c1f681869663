"""`taskflow why`: one sentence, what would change it, then what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import rich_click as click
from rich.console import RenderableType
from rich.text import Text

from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID
from taskflow.cli.tree import Command
from taskflow.kernel.job import Cause

COUNTS = ("ahead", "alive", "serving")
"""Numbers that may be large enough for separators; all others are names."""


@click.command(cls=Command, examples=["taskflow why 4711", "taskflow why 4712 approve --json"])
@click.argument("id", type=ID)
@click.argument("step", required=False)
@click.pass_obj
def why(invocation: Invocation, id: int, step: str | None) -> None:
    """Say why a job, a run of a workflow or a STEP of it is where it is, and what would change
    that."""
    from taskflow.calls import flows, jobs

    call = jobs.explain(id, invocation.tenant)
    if step is not None:
        call = flows.explain_run(id, step, invocation.tenant)
    causes = invocation.run(call)
    answer = {
        "id": id,
        "answer": causes[0].sentence,
        "way_out": causes[0].way_out,
        "causes": causes,
    }
    invocation.answer(answer, lambda: list(draw(causes)))
    if causes[0].cause == "not_found":
        raise exits.Stop(exits.NOT_FOUND)


def draw(causes: list[Cause]) -> Iterator[RenderableType]:
    first, *others = causes
    yield Text(shapes.safe(first.sentence), style="bold")
    # "nothing else holds it" is an answer only where nothing does
    also = [cause for cause in others if cause.cause != "should_run"]
    if also:
        yield shapes.bullets(cause.sentence for cause in also)
    ways = dict.fromkeys(cause.way_out for cause in [first, *also] if cause.way_out)
    evidence = [("way out" if place == 0 else " ", way) for place, way in enumerate(ways)]
    evidence += [
        (key.replace("_", " "), _shown(key, value))
        for cause in causes
        for key, value in (cause.detail or {}).items()
        if value is not None
    ]
    if evidence:
        yield ""
        yield shapes.facts(evidence)


def _shown(key: str, value: object) -> str:
    if isinstance(value, str):
        try:
            return shapes.exact(datetime.fromisoformat(value))
        except ValueError:
            return value
    return f"{value:,}" if key in COUNTS else str(value)
