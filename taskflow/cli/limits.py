"""`taskflow limits`: how many jobs of a kind may run at once, or start within a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import rich_click as click
from rich.console import RenderableType
from rich.table import Table

from taskflow.calls import limits as calls
from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import DURATION
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command, Group
from taskflow.kernel.limits import KeyLine, LimitLine, LimitNotFound, LimitRule, shown
from taskflow.kernel.listing import COUNT_CAP

LINES = (
    Column("Limit", cut=True),
    Column("Of", cut=True),
    Column("For each", cut=True),
    Column("Lets", cut=True),
    Column("Keys", right=True),
    Column("In use", right=True),
    Column("Lanes waiting", right=True),
)
KEYS = (
    Column("Key", cut=True),
    Column("In use", right=True),
    Column("Room", right=True),
    Column("Held up by", cut=True),
    Column("Opens", right=True),
    Column("Lanes waiting", right=True),
)


@click.command(
    cls=Group,
    examples=[
        "taskflow limits list",
        """taskflow limits set smtp --queue email --key '{domain}' --rate 14 --per 1s""",
    ],
)
def limits() -> None:
    """See and set limits."""


@limits.command(
    "list", cls=Command, examples=["taskflow limits list", "taskflow limits list --json"]
)
@click.pass_obj
def list_limits(invocation: Invocation) -> None:
    """List limits: what they let run, how much is in use, and how many lanes wait for them."""
    found = invocation.run(calls.lines(invocation.tenant))
    invocation.answer(found, lambda: draw(found))
    if not found and not invocation.is_json:
        invocation.talk("No limits: every queue runs what its workers have slots for.", "dim")


def draw(found: Sequence[LimitLine]) -> Table | str:
    if not found:
        return ""
    return shapes.table(
        LINES,
        [
            [
                line.name,
                of(line),
                line.key or "-",
                shown(line),
                shapes.number(line.keys, COUNT_CAP),
                shapes.number(line.in_use),
                shapes.number(line.lanes_waiting),
            ]
            for line in found
        ],
    )


def of(line: LimitLine) -> str:
    """The jobs it holds for, in words."""
    if line.queue and line.task:
        return f"{line.task} in queue {line.queue}"
    if line.queue:
        return f"queue {line.queue}"
    return line.task or "what asks for it"


@limits.command(examples=["taskflow limits show smtp", "taskflow limits show smtp --json"])
@click.argument("name")
@click.option("--keys", "count", type=click.IntRange(1, 1000), default=50, help="How many keys.")
@click.pass_obj
def show(invocation: Invocation, name: str, count: int) -> None:
    """Show a limit and its busiest keys: what each has in use, and why it has no room."""
    line = find(invocation, name)
    keys = invocation.run(calls.keys(invocation.tenant, name, count))
    invocation.answer(
        {"limit": line, "keys": keys}, lambda: list(detail(line, keys, invocation.now))
    )


def find(invocation: Invocation, name: str) -> LimitLine:
    found = invocation.run(calls.lines(invocation.tenant, name))
    if not found:
        names = [line.name for line in invocation.run(calls.lines(invocation.tenant))]
        raise LimitNotFound.named(name, names)
    return found[0]


def detail(line: LimitLine, keys: Sequence[KeyLine], now: datetime) -> Iterator[RenderableType]:
    yield shapes.facts(
        [
            ("limit", line.name),
            ("holds for", of(line)),
            ("for each", line.key),
            ("lets", shown(line)),
            ("weight", f"argument {line.weight_by}" if line.weight_by else ""),
        ]
    )
    if keys:
        yield ""
        yield shapes.table(KEYS, [key_row(key, now) for key in keys])


def key_row(key: KeyLine, now: datetime) -> list[str]:
    holders = ", ".join(map(str, key.held_by))
    cause = (key.cause or "").replace("_", " ")
    return [
        key.key or "(all)",
        shapes.number(key.in_use),
        "-" if key.room >= NO_BOUND else shapes.number(key.room),
        f"{cause}: {holders}" if cause and holders else cause,
        shapes.ago(key.opens_at, now) if key.opens_at else "",
        shapes.number(key.lanes_waiting),
    ]


NO_BOUND = 1_000_000


@limits.command(
    "set",
    examples=[
        """taskflow limits set smtp --queue email --key '{domain}' --rate 14 --per 1s""",
        """taskflow limits set tenants -q reports --key 'tenant:{tenant_id}' --concurrency 2""",
    ],
)
@click.argument("name")
@click.option("--queue", "-q", metavar="NAME", help="Holds for the jobs of this queue.")
@click.option("--task", "-t", metavar="NAME", help="Holds for the jobs of this task.")
@click.option("--key", default="", metavar="TEMPLATE", help="For each key: 'tenant:{tenant_id}'.")
@click.option("--concurrency", type=int, metavar="N", help="How many may run at once.")
@click.option("--ordered", is_flag=True, help="Strictly one after the other.")
@click.option("--rate", type=int, metavar="N", help="How many may start within --per.")
@click.option("--per", type=DURATION, metavar="TIME", help='The length of the window: "1s".')
@click.option("--burst", type=int, metavar="N", help="A bucket of so many, instead of the window.")
@click.option("--weight-by", metavar="ARG", help="The argument that says how much a job counts.")
@click.option("--breaker", type=int, metavar="N", help="Hold all jobs after N failures ...")
@click.option("--within", type=DURATION, metavar="TIME", help="... in this time (1m) ...")
@click.option("--cooldown", type=DURATION, metavar="TIME", help="... for this long (30s).")
@click.pass_obj
def put(
    invocation: Invocation, /, name: str, breaker: int | None, within: timedelta | None,
    cooldown: timedelta | None, **given: Any,
) -> None:  # fmt: skip
    """Make or change a limit. It replaces what was set under this name.

    Jobs that wait already come under it.
    """
    rule = LimitRule(
        name=name,
        breaker_failures=breaker,
        breaker_window=within,
        breaker_cooldown=cooldown,
        **given,
    )
    invocation.run(calls.put(rule, invocation.tenant))
    line = find(invocation, name)
    invocation.answer(line, lambda: f"Limit {name}: {shown(line)}, for {of(line)}.")


@limits.command(examples=["taskflow limits delete smtp", "taskflow limits delete smtp --json"])
@click.argument("name")
@click.pass_obj
def delete(invocation: Invocation, name: str) -> None:
    """Remove a limit; the jobs that wait under it go on."""
    find(invocation, name)
    invocation.run(calls.delete(name, invocation.tenant))
    invocation.answer({"limit": name, "deleted": True}, lambda: f"Limit {name} is gone.")
