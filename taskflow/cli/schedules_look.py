"""`taskflow schedules list`, `show`, `ticks` and `next`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import rich_click as click
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from taskflow.calls import schedules as calls
from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import AT
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command
from taskflow.errors import nearest
from taskflow.kernel.job import Cause
from taskflow.kernel.schedule import LedgerLine, Schedule, ScheduleNotFound, Tick

LATE = timedelta(seconds=1)
STYLES = {
    "active": "green", "paused": "yellow", "ended": "dim", "overdue": "bold red",
    "run": "green", "skipped": "yellow", "queued": "magenta",
}  # fmt: skip


@click.command(
    "list",
    cls=Command,
    examples=[
        "taskflow schedules list",
        "taskflow schedules list --json | jq '.[] | select(.state == \"overdue\")'",
    ],
)
@click.pass_obj
def list_schedules(invocation: Invocation) -> None:
    """List schedules: when they fire next, and what became of their last tick."""
    found = invocation.run(calls.find(None, invocation.tenant))
    invocation.answer(found, lambda: draw(found, invocation.now))
    if not found and not invocation.is_json:
        invocation.talk("No schedules. Make one: taskflow schedules put NAME TASK --cron ...")


def draw(found: Sequence[Schedule], now: datetime) -> Table | str:
    if not found:
        return ""
    columns = (
        Column("Schedule", cut=True), Column("State"), Column("When", cut=True), Column("Zone"),
        Column("Next"), Column("Last tick"), Column("Runs", right=True), Column("Task", cut=True),
        Column("Note", cut=True),
    )  # fmt: skip
    return shapes.table(
        columns,
        (
            (
                line.name, Text(line.state, style=STYLES[line.state]), line.times,
                line.time_zone if line.kind == "cron" else "-",
                shapes.ago(line.next_at, now) or "-", _last(line, now), f"{line.runs:,}",
                line.task, note(line, now),
            )
            for line in found
        ),
    )  # fmt: skip


def _last(line: Schedule, now: datetime) -> str:
    if line.last_tick_at is None:
        return "-"
    return f"{shapes.ago(line.last_tick_at, now)} {line.last_status or ''}".rstrip()


def note(line: Schedule, now: datetime) -> str:
    if line.paused_at:
        said = f"paused {shapes.ago(line.paused_at, now)} by {line.paused_by}"
        return f"{said}: {line.pause_reason}" if line.pause_reason else said
    if line.is_orphaned:
        return "no live worker declares it"
    if line.queued_at:
        return f"a tick waits for job {line.last_job_id}"
    if line.last_status == "skipped":
        return line.last_reason or ""
    return ""


@click.command(
    cls=Command,
    examples=[
        "taskflow schedules show digest",
        "taskflow schedules show digest --json | jq .ticks",
    ],
)
@click.argument("name")
@click.pass_obj
def show(invocation: Invocation, name: str) -> None:
    """Show why a schedule is where it is, its options, its ticks to come and its latest ones."""
    schedule = find(invocation, name)
    tenant = invocation.tenant
    causes = invocation.run(calls.explain(name, tenant))
    coming = invocation.run(calls.preview(name, tenant=tenant)) if schedule.next_at else []
    latest = invocation.run(calls.ticks(name, 10, tenant))
    invocation.answer(
        {**msgspec.structs.asdict(schedule), "causes": causes, "next": coming, "ticks": latest},
        lambda: list(_drawn(schedule, causes, coming, latest, invocation.now)),
    )


def find(invocation: Invocation, name: str) -> Schedule:
    found = invocation.run(calls.find(name, invocation.tenant))
    if found:
        return found[0]
    known = [line.name for line in invocation.run(calls.find(None, invocation.tenant))]
    close = nearest(name, known)
    raise ScheduleNotFound(
        f'there is no schedule "{name}"',
        f'Did you mean "{close[0]}"?' if close else "Run taskflow schedules list.",
    )


def _drawn(
    line: Schedule,
    causes: list[Cause],
    coming: list[Tick],
    latest: list[LedgerLine],
    now: datetime,
) -> Iterator[RenderableType]:
    title = Text.assemble((shapes.safe(line.name), "bold"), "  ", shapes.safe(line.task), "  ")
    yield title + Text(line.state, style=STYLES[line.state])
    yield ""
    yield shapes.bullets(cause.sentence for cause in causes)
    yield ""
    yield shapes.facts(_facts(line, now))
    for name, raw in (("args", line.args), ("meta", line.meta)):
        if raw is not None and bytes(raw) != b"{}":
            yield ""
            yield Text(name, style="dim")
            text = msgspec.json.format(bytes(raw), indent=2).decode()
            yield Padding(Text(shapes.safe(text, lines=True)), (0, 0, 0, 2))
    if coming:
        yield ""
        yield coming_table(coming, line.time_zone, now)
    if latest:
        yield ""
        yield ledger(latest)


def _facts(line: Schedule, now: datetime) -> Iterator[tuple[str, str]]:
    yield "when", f"{line.times} in {line.time_zone}" if line.kind == "cron" else line.times
    yield "jitter", shapes.age(line.jitter)
    yield "starts", shapes.both(line.starts_at, now)
    yield "ends", shapes.both(line.ends_at, now)
    yield "runs", f"{line.runs:,} of {line.max_runs:,}" if line.max_runs else f"{line.runs:,}"
    yield "overlap", line.overlap
    span = f" of the last {shapes.age(line.catch_up_span)}" if line.catch_up_span else ""
    yield "catch-up", line.catch_up + span
    yield "queue", line.queue or ""
    yield "priority", line.priority or ""
    yield "attempts", str(line.max_attempts or "")
    yield "timeout", shapes.age(line.timeout)
    yield "tags", ", ".join(line.tags or ())
    yield "declared", f"in code, {shapes.ago(line.declared_at, now)}" if line.declared else ""
    yield "made", f"{shapes.both(line.created_at, now)} by {line.created_by}"
    yield "edited", f"{shapes.both(line.updated_at, now)} by {line.updated_by}"


@click.command(
    cls=Command,
    examples=[
        "taskflow schedules ticks digest",
        "taskflow schedules ticks digest --json | jq '.[] | select(.status == \"skipped\")'",
    ],
)
@click.argument("name")
@click.option(
    "--limit", "-n", type=click.IntRange(1, 10_000), default=20, metavar="N", help="Ticks shown."
)
@click.pass_obj
def ticks(invocation: Invocation, name: str, limit: int) -> None:
    """Show what became of a schedule's ticks: run, late by how much, or skipped and why."""
    found = invocation.run(calls.ticks(name, limit, invocation.tenant))
    if not found:
        find(invocation, name)  # a deleted schedule still has its ledger
    invocation.answer(found, lambda: ledger(found) if found else "")
    if not found and not invocation.is_json:
        invocation.talk("It has not had a tick yet.", "dim")


def ledger(found: Sequence[LedgerLine]) -> Table:
    columns = (
        Column("Tick"), Column("Until"), Column("Became"), Column("Late", right=True),
        Column("Job", right=True), Column("Why", cut=True),
    )  # fmt: skip
    return shapes.table(
        columns,
        (
            (
                shapes.exact(line.tick_at), shapes.exact(line.until_at) or "-",
                Text(line.status, style=STYLES.get(line.status, "")),
                shapes.age(line.late_by) if line.late_by > LATE else "-",
                str(line.job_id or "-"), line.reason or "",
            )
            for line in found
        ),
    )  # fmt: skip


@click.command(
    "next",
    cls=Command,
    examples=[
        "taskflow schedules next digest",
        "taskflow schedules next --cron '30 2 * * *' --tz Europe/Berlin --after 2026-10-24",
    ],
)
@click.argument("name", required=False)
@click.option("--cron", metavar="EXPR", help="An expression instead of a schedule.")
@click.option("--tz", metavar="ZONE", help="Its time zone, such as Europe/Berlin; default UTC.")
@click.option("--after", type=AT, metavar="TIME", help="Ticks after then; default now.")
@click.option(
    "--count", "-n", type=click.IntRange(1, 1000), default=5, metavar="N", help="How many."
)
@click.pass_obj
def next_ticks(
    invocation: Invocation,
    name: str | None,
    *,
    cron: str | None,
    tz: str | None,
    after: datetime | None,
    count: int,
) -> None:
    """Show when a schedule, or a cron expression, fires next, with the local time there."""
    if (name is None) == (cron is None):
        raise click.UsageError("Which? Give the name of a schedule, or --cron.")
    if name is not None and tz is not None:
        raise click.UsageError(f"--tz goes with --cron; {name} has a time zone of its own.")
    zone = find(invocation, name).time_zone if name is not None else tz or "UTC"
    found = invocation.run(
        calls.preview(
            name, cron=cron, tz=tz, count=count, after=after, tenant=invocation.tenant
        )
    )  # fmt: skip
    invocation.answer(found, lambda: coming_table(found, zone, invocation.now) if found else "")
    if not found and not invocation.is_json:
        invocation.talk("It has no tick to come.", "dim")


def coming_table(found: Sequence[Tick], zone: str, now: datetime) -> Table:
    columns = (Column("Tick"), Column(f"In {zone}"), Column("", right=True))
    return shapes.table(
        columns,
        (
            (
                shapes.exact(line.tick_at),
                f"{line.local_at:%a %Y-%m-%d %H:%M:%S}",
                shapes.ago(line.tick_at, now),
            )
            for line in found
        ),
    )
