"""`taskflow top`: queues, workers and fresh failures on one screen, read anew every second or two.

Without a terminal, and with --once, it prints one frame and ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import rich_click as click
from rich.console import Group, RenderableType
from rich.text import Text

from taskflow.calls import reads
from taskflow.cli import jobs_list, queues, shapes, workers
from taskflow.cli.invocation import Invocation
from taskflow.cli.tree import Command
from taskflow.kernel.listing import COUNT_CAP, JobFilter, JobLine, QueueLine, WorkerLine
from taskflow.store import filters

FAILURES = 8


class Frame(msgspec.Struct, frozen=True):
    """What one look shows."""

    at: Any
    queues: list[QueueLine]
    workers: list[WorkerLine]
    failures: list[JobLine]


@click.command(cls=Command, examples=["taskflow top", "taskflow top --once --json | jq .queues"])
@click.option("--once", is_flag=True, help="Print one frame and end.")
@click.option(
    "--interval", type=click.FloatRange(0.2, 60), default=1.0, metavar="SECONDS",
    help="Pause between looks, 1 by default.",
)  # fmt: skip
@click.pass_obj
def top(invocation: Invocation, once: bool, interval: float) -> None:
    """Watch queues, workers and fresh failures. Keys: q quits, p pauses."""
    if invocation.is_json:
        invocation.emit(look(invocation))
    elif once or not invocation.out.is_terminal:
        invocation.show(draw(look(invocation)))
    else:
        watch(invocation, interval)


def look(invocation: Invocation) -> Frame:
    """Four short reads; none of them grows with the number of jobs."""
    dead = JobFilter(tenant=invocation.tenant, states=("dead",))
    return Frame(
        invocation.run(reads.clock()),
        invocation.run(reads.queues(invocation.tenant)),
        invocation.run(reads.workers()),
        invocation.run(filters.page(dead, FAILURES)),
    )


def draw(frame: Frame, *, paused: bool = False) -> RenderableType:
    parts: list[RenderableType] = [headline(frame, paused=paused), ""]
    if frame.queues:
        parts += [queues.draw(frame.queues, frame.at), ""]
    if frame.workers:
        parts += [workers.draw(frame.workers, frame.at), ""]
    else:
        parts += [Text("No workers. Start one: taskflow worker APP", style="red"), ""]
    if frame.failures:
        parts += [Text("Latest failures", style="bold"), jobs_list.draw(frame.failures, frame.at)]
    return Group(*parts)


def headline(frame: Frame, *, paused: bool) -> Text:
    waiting = sum(min(line.available, COUNT_CAP - 1) for line in frame.queues)
    capped = any(line.available >= COUNT_CAP for line in frame.queues)
    alive = sum(line.state != "lost" for line in frame.workers)
    running = sum(line.running for line in frame.queues)
    slots = sum(sum(line.slots) for line in frame.workers if line.state != "lost")
    said = Text.assemble(
        ("taskflow ", "bold"), (shapes.exact(frame.at), "dim"), "   ",
        f"{waiting:,}{'+' if capped else ''} waiting   {running:,} running in {slots:,} slots   ",
        f"{sum(line.per_second for line in frame.queues):,.1f} done/s over 1m   ",
        shapes.plural(alive, "worker"),
    )  # fmt: skip
    return said + Text("   paused, p goes on", style="yellow") if paused else said


def watch(invocation: Invocation, interval: float) -> None:
    from rich.live import Live

    frame, paused = look(invocation), False
    with keys() as pressed, Live(console=invocation.out, screen=True, auto_refresh=False) as live:
        while True:
            live.update(draw(frame, paused=paused), refresh=True)
            key = pressed(interval)
            if key in ("q", "Q", "\x1b"):
                return
            if key in ("p", "P", " "):
                paused = not paused
            if not paused:
                frame = look(invocation)


@contextmanager
def keys() -> Iterator[Any]:
    """A function that waits so many seconds for a key; "" when none came, or none can come."""
    import select

    with suppress(ImportError):
        import termios
        import tty

        if sys.stdin.isatty():
            before = termios.tcgetattr(sys.stdin)

            def pressed(seconds: float) -> str:
                ready, _, _ = select.select([sys.stdin], [], [], seconds)
                return sys.stdin.read(1) if ready else ""

            try:
                tty.setcbreak(sys.stdin.fileno())
                yield pressed
            finally:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
            return

    def wait(seconds: float) -> str:
        select.select([], [], [], seconds)
        return ""

    yield wait
