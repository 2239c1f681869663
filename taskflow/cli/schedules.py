"""`taskflow schedules`: looking at schedules and acting on them."""

from __future__ import annotations

import rich_click as click

from taskflow.cli.tree import Entry, Group

LOOK, ACT = "Look", "Act"
_LOOK, _ACT = "taskflow.cli.schedules_look", "taskflow.cli.schedules_act"


@click.command(
    cls=Group,
    examples=[
        "taskflow schedules list",
        "taskflow schedules put digest mail.digest --cron '0 8 * * 1-5' --tz Europe/Berlin",
    ],
    lazy={
        "list": Entry(f"{_LOOK}:list_schedules", LOOK, "List schedules and when they fire."),
        "show": Entry(f"{_LOOK}:show", LOOK, "Everything known about a schedule."),
        "ticks": Entry(f"{_LOOK}:ticks", LOOK, "What became of its ticks."),
        "next": Entry(f"{_LOOK}:next_ticks", LOOK, "When it, or a cron expression, fires."),
        "put": Entry("taskflow.cli.schedules_put:put", ACT, "Make a schedule, or edit one."),
        "pause": Entry(f"{_ACT}:pause", ACT, "Stop a schedule for a while."),
        "resume": Entry(f"{_ACT}:resume", ACT, "End a pause."),
        "run": Entry(f"{_ACT}:run", ACT, "Make a job of it now."),
        "backfill": Entry(f"{_ACT}:backfill", ACT, "Make the jobs of past ticks."),
        "delete": Entry(f"{_ACT}:delete", ACT, "Remove a schedule."),
    },
)
def schedules() -> None:
    """List, make, edit, pause, backfill schedules."""
