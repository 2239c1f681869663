"""`taskflow doctor`: every check, with its reason and what to do; exit 8 where one fails."""

from __future__ import annotations

import rich_click as click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.tree import Command
from taskflow.observe import checks
from taskflow.observe.checks import Verdict

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}


@click.command(
    cls=Command,
    examples=["taskflow doctor", "taskflow doctor --json | jq '.checks[] | select(.fix)'"],
)
@click.pass_obj
def doctor(invocation: Invocation) -> None:
    """Check everything the queue rests on, and say how to mend what is wrong.

    Changes nothing. Exits with 8 if a check fails; warnings alone exit with 0.
    """
    found = list(checks.run(invocation.app))
    counts = {status: sum(line.status == status for line in found) for status in STYLES}
    lines = [
        {"group": line.group, "name": line.name, "status": line.status, "reason": line.said,
         "fix": line.fix or None}
        for line in found
    ]  # fmt: skip
    invocation.answer({"ok": not counts["fail"], **counts, "checks": lines}, lambda: draw(found))
    if not invocation.is_json:
        invocation.talk(
            f"{counts['pass']} passed, {counts['warn']} warned, {counts['fail']} failed.",
            "red" if counts["fail"] else "dim",
        )
    if counts["fail"]:
        raise exits.Stop(exits.PROBLEMS)


def draw(found: list[Verdict]) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for group in dict.fromkeys(line.group for line in found):
        if shown:
            shown.append("")
        shown.append(Text(group, style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, min_width=13)
        grid.add_column(overflow="fold")
        for line in found:
            if line.group == group:
                mark = Text(f"  {line.status.upper()}", style=STYLES[line.status])
                grid.add_row(mark, line.name, Text(shapes.safe(line.said)))
                if line.fix:
                    fix = Text.assemble(("fix  ", "dim"), shapes.safe(line.fix))
                    grid.add_row("", "", fix)
        shown.append(grid)
    return shown
