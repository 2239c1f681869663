"""How the demo looks while it runs: states as a bar, tasks as a table, the worker's log."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from taskflow.calls.demo import TaskCount
from taskflow.cli import shapes
from taskflow.cli.shapes import Column

STATES = ("succeeded", "running", "available", "retrying", "scheduled", "cancelled", "dead")
BAR = 60
EVENTS = 8
LEVELS = {"WARNING": "yellow", "ERROR": "red"}


class Scene(msgspec.Struct):
    """What one look found."""

    counts: Sequence[TaskCount] = ()
    per_second: float = 0
    elapsed_s: float = 0
    remaining_s: float | None = None

    def total(self, *states: str) -> int:
        """Jobs in these states; in any, without one."""
        return sum(line.count for line in self.counts if not states or line.state in states)

    @property
    def finished(self) -> int:
        return self.total("succeeded", "cancelled", "dead")

    @property
    def unfinished(self) -> int:
        """Jobs that a worker will still run soon: what is due tomorrow is not."""
        return self.total("running", "available", "retrying")


def draw(scene: Scene, events: Sequence[tuple[str, str, str]]) -> RenderableType:
    left = "" if scene.remaining_s is None else f", {scene.remaining_s:.0f} s left"
    head = Text.assemble(
        ("taskflow demo", "bold"), f"   {scene.elapsed_s:.0f} s{left}   ",
        (f"{scene.per_second:,.0f} jobs/s", "bold"), "   ",
        f"{scene.finished:,} of {scene.total():,} finished",
    )  # fmt: skip
    return Group(head, "", bar(scene), legend(scene), "", tasks(scene), "", *said(events))


def bar(scene: Scene) -> Text:
    """One mark for each sixtieth of the jobs; a state that is there has at least one."""
    drawn, total = Text(), max(scene.total(), 1)
    for state in STATES:
        if count := scene.total(state):
            drawn.append("█" * max(1, BAR * count // total), style=shapes.STATE_STYLES[state])
    return drawn


def legend(scene: Scene) -> Text:
    parts: list[Text | str] = []
    for state in STATES:
        if count := scene.total(state):
            parts += [shapes.state(state), f" {count:,}   "]
    return Text.assemble(*parts)


def tasks(scene: Scene) -> RenderableType:
    names = sorted({line.task for line in scene.counts})
    columns = [Column("Task"), *(Column(state.capitalize(), right=True) for state in STATES)]
    found = {(line.task, line.state): line.count for line in scene.counts}

    def cell(name: str, state: str) -> str:
        count = found.get((name, state))
        return f"{count:,}" if count else "-"

    return shapes.table(columns, [[name, *(cell(name, s) for s in STATES)] for name in names])


def said(events: Sequence[tuple[str, str, str]]) -> list[RenderableType]:
    lines: list[RenderableType] = [Text("The worker's log", style="dim")]
    for time, level, text in events[-EVENTS:]:
        line = Text.assemble((f"  {time} ", "dim"), (text, LEVELS.get(level, "")))
        line.no_wrap, line.overflow = True, "ellipsis"
        lines.append(line)
    return lines


def plain(scene: Scene, events: Sequence[tuple[str, str, str]]) -> str:
    """One line, for a log."""
    states = ", ".join(f"{count:,} {state}" for state in STATES if (count := scene.total(state)))
    newest = f"; {events[-1][2]}" if events else ""
    return f"{scene.elapsed_s:4.0f} s  {scene.per_second:6,.0f} jobs/s  {states}{newest}"
