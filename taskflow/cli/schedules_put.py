"""`taskflow schedules put`: makes a schedule, or edits one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import rich_click as click

from taskflow.calls import schedules as calls
from taskflow.cli import shapes
from taskflow.cli.enqueue import check_task, read_object
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import AT, DURATION, Word
from taskflow.cli.schedules_look import coming_table
from taskflow.cli.tree import Command
from taskflow.kernel.names import PRIORITIES
from taskflow.kernel.schedule import CATCH_UPS, OVERLAPS, Planned

WHEN, POLICY, JOBS = "When", "Policy", "Its jobs"


def planned(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a schedule and hands those given over as one `plan: Planned`."""

    @wraps(command)
    def run(*args: Any, **given: Any) -> Any:
        plan: Any = {
            name: value
            for name in Planned.__annotations__
            if (value := given.pop(name, None)) not in (None, ())
        }
        if "meta" in plan:
            plan["meta"] = read_object(plan["meta"], "--meta")
        return command(*args, plan=plan, **given)

    for option in (
        click.option("--meta", metavar="JSON", help="Kept with each job.", panel=JOBS),
        click.option("--tag", "tags", metavar="TAG", multiple=True, panel=JOBS,
                     help="Repeat for more."),
        click.option("--timeout", type=DURATION, metavar="TIME", help="Longest run.", panel=JOBS),
        click.option("--max-attempts", type=click.IntRange(1, 1000), metavar="N", panel=JOBS,
                     help="Attempts until it is dead."),
        click.option("--priority", "-p", type=Word(list(PRIORITIES)), metavar="WORD", panel=JOBS,
                     help=f"{', '.join(PRIORITIES)}."),
        click.option("--queue", "-q", metavar="NAME", help="Default: the task's own.", panel=JOBS),
        click.option("--paused/--not-paused", default=None, panel=POLICY,
                     help="Make it paused; or pause or resume it."),
        click.option("--catch-up-span", type=DURATION, metavar="TIME", panel=POLICY,
                     help="Missed ticks older than this are not caught up with."),
        click.option("--catch-up", type=Word(CATCH_UPS), metavar="WORD", panel=POLICY,
                     help="Of missed ticks, run none, the last (default), or all of the span."),
        click.option("--overlap", type=Word(OVERLAPS), metavar="WORD", panel=POLICY,
                     help="While an earlier job lives: allow (default), skip, queue, cancel_old."),
        click.option("--max-runs", type=click.IntRange(0), metavar="N", panel=WHEN,
                     help="End after this many jobs; 0: never."),
        click.option("--ends", "ends_at", type=AT, metavar="TIME", help="No tick after then.",
                     panel=WHEN),
        click.option("--starts", "starts_at", type=AT, metavar="TIME", panel=WHEN,
                     help="No tick before then."),
        click.option("--jitter", type=DURATION, metavar="TIME", panel=WHEN,
                     help="Spread the jobs over this time after the tick."),
        click.option("--tz", metavar="ZONE", panel=WHEN,
                     help="Time zone of --cron, such as Europe/Berlin; default UTC."),
        click.option("--at", type=AT, metavar="TIME", help="Once, at this time.", panel=WHEN),
        click.option("--every", type=DURATION, metavar="TIME", help='Such as "5m".', panel=WHEN),
        click.option("--cron", metavar="EXPR", panel=WHEN,
                     help="Minute, hour, day of month, month, day of week; six: seconds first."),
    ):  # fmt: skip
        run = option(run)
    return run


@click.command(
    cls=Command,
    examples=[
        "taskflow schedules put digest mail.digest --cron '0 8 * * 1-5' --tz Europe/Berlin",
        """taskflow schedules put sync shop.sync '{"full": false}' --every 5m --overlap skip""",
        "taskflow schedules put digest --cron '0 9 * * 1-5'  # edits it: the rest stays",
    ],
)
@click.argument("name")
@click.argument("task", required=False)
@click.argument("args", metavar="[JSON|-|@FILE]", required=False)
@click.option("--force", is_flag=True, help="Take a task that no worker has published, too.")
@click.pass_obj
@planned
def put(
    invocation: Invocation,
    name: str,
    task: str | None,
    args: str | None,
    *,
    plan: Planned,
    force: bool,
) -> None:
    """Make a schedule, or edit the one of this name.

    Editing keeps what is not given, a pause, and the ledger of its ticks.
    """
    if task is not None and not force:
        check_task(invocation, task)
    found = read_object(args, "the arguments") if args is not None else None
    invocation.run(calls.put(name, task, found, tenant=invocation.tenant, **plan))
    (schedule,) = invocation.run(calls.find(name, invocation.tenant))
    coming = invocation.run(calls.preview(name, tenant=invocation.tenant))
    if schedule.state == "paused":
        invocation.talk(f"Schedule {name} is paused: taskflow schedules resume {name}")
    invocation.answer(
        schedule,
        lambda: coming_table(coming, schedule.time_zone, invocation.now) if coming else "",
    )
    if not coming and not invocation.is_json:
        invocation.talk(f"Schedule {shapes.safe(name)} is stored and has no tick to come.")
