"""`taskflow worker`: serves queues until told to stop."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import rich_click as click

from taskflow.app import Taskflow, load_app
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import QUEUE, Word
from taskflow.cli.tree import Command
from taskflow.errors import InvalidOption
from taskflow.kernel.names import PRIORITIES
from taskflow.kernel.records import level_number

DEFAULT_APP = "app:tf"
UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


OPTIONS = (
    click.option(
        "--queue", "-q", "queues", type=QUEUE, multiple=True, metavar="NAME[=SLOTS|:WEIGHT]",
        help="Queue to serve, with the number of jobs to run at once, or its weight among those "
        "that share --slots. Repeat for more.",
    ),
    click.option(
        "--slots", type=click.IntRange(1, 10_000), metavar="N",
        help="Slots of each queue that names no number, and of those with weights together.",
    ),
    click.option(
        "--priority", "priorities", multiple=True, type=Word(list(PRIORITIES)), metavar="WORD",
        help=f"Serve only this one of {', '.join(PRIORITIES)}. Repeat for more.",
    ),
    click.option(
        "--processes", type=click.IntRange(1, 256), default=1, metavar="N",
        help="Worker processes to run.",
    ),
    click.option(
        "--builtin", metavar="NAMES",
        help="Tasks of taskflow's own to serve as well: echo, http_request, compute, email, sql, by"
        " comma, or all. Without APP: these alone.",
    ),
    click.option("--burst", is_flag=True, help="End when nothing that is due is left."),
    click.option(
        "--max-jobs", type=click.IntRange(1), metavar="N", help="End after this many jobs."
    ),
    click.option(
        "--max-memory", metavar="SIZE", help="End above this much memory, such as 512M or 2G."
    ),
    click.option(
        "--health-port", type=click.IntRange(1, 65535), metavar="PORT",
        help="Answer GET /health here; process N of several takes the port N higher.",
    ),
    click.option("--grace", metavar="TIME", help="Time for running jobs at shutdown, as in 25s."),
    click.option("--lease", metavar="TIME", help="How long a claimed job is this worker's: 30s."),
    click.option("--name", metavar="NAME", help="Name on the worker page (default: host:pid)."),
    click.option(
        "--log-level", type=Word(["debug", "info", "warning", "error"]), metavar="WORD",
        help="debug, info (the default), warning or error.",
    ),
)  # fmt: skip


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(
    "worker",
    cls=Command,
    examples=[
        "taskflow worker app:tf",
        "taskflow worker app:tf -q email=10 -q default --processes 2",
        "taskflow worker --builtin all",
        "taskflow worker app:tf --slots 100 -q billing:3 -q reports:1",
    ],
)
@click.argument("app", metavar="[APP]", default="")
@with_options
@click.pass_context
def command(context: click.Context, /, app: str, processes: int, **options: Any) -> None:
    """Serve queues with the tasks of APP (MODULE:NAME, app:tf by default) until told to stop.

    TERM or Ctrl-C stops in good order: no new claims, unstarted jobs go back, running ones get the
    grace time. The same again stops at once.
    """
    # also checks it before any child is started
    loaded = Taskflow() if options["builtin"] and not app else load_app(app or DEFAULT_APP)
    overrides = {name: options[name] for name in ("slots", "grace", "lease") if options[name]}
    if options["builtin"]:
        overrides["builtin_tasks"] = options["builtin"]
    invocation = context.find_object(Invocation)
    database_url = invocation.database_url if invocation else None
    set_up_logging(options["log_level"] or loaded.settings.log_level, loaded)
    from taskflow.worker import Limits, Worker, parse_queues
    from taskflow.worker.serve import run_in_loop, serve

    if processes > 1:
        from taskflow.worker.fleet import Fleet

        _ = loaded.dsn  # one start of an embedded server, not one per child
        sys.exit(run_in_loop(Fleet(_commands(processes, options["health_port"])).run()))
    if overrides or database_url:
        loaded.reconfigure(database_url=database_url, **overrides)
    worker = Worker(
        loaded,
        parse_queues(",".join(options["queues"]), loaded.settings.slots) or None,
        priorities=sorted(PRIORITIES[name] for name in options["priorities"]) or (0, 1, 2, 3),
        limits=Limits(
            burst=options["burst"],
            max_jobs=options["max_jobs"],
            max_memory_bytes=parse_size(options["max_memory"]),
        ),
        name=options["name"],
    )
    sys.exit(run_in_loop(serve(worker, options["health_port"])))


def set_up_logging(level: str, app: Taskflow) -> None:
    """What goes to stderr, and what gets as far as the logs of jobs, which may want more. An app
    that has set up its own keeps it."""
    if not logging.root.handlers:
        number = level_number(level)
        logging.basicConfig(
            level=min(number, level_number(app.settings.job_log_level)),
            format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
            stream=sys.stderr,
        )
        logging.root.handlers[0].setLevel(number)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # how it starts is not our news


def parse_size(text: str | None) -> int | None:
    """ "512M" in bytes; a bare number is megabytes."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)\s*([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise InvalidOption(f"{text!r} is not a size", "Write 512M or 2G.")
    return int(match[1]) * UNITS[match[2].upper()]


def _commands(processes: int, health_port: int | None) -> list[list[str]]:
    """This very command once per child, with one process and a health port of its own."""
    arguments = [sys.executable, "-m", "taskflow", *sys.argv[1:]]
    commands = []
    for number in range(processes):
        own = [*arguments, "--processes", "1"]
        commands.append(own + (["--health-port", str(health_port + number)] if health_port else []))
    return commands
