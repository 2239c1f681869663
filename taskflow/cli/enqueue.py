"""`taskflow enqueue`: one job, or one for each line of NDJSON.

Prints ids and nothing else on stdout, so that a script can keep them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from taskflow.calls import jobs, reads
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.jobs_show import with_result
from taskflow.cli.options import AT, DURATION, Word
from taskflow.cli.tree import Command
from taskflow.errors import InvalidJson, UnknownTask
from taskflow.kernel import codec
from taskflow.kernel.job import Job, Options
from taskflow.kernel.names import PRIORITIES
from taskflow.kernel.options import make_options

CHUNK = 5_000
ENDLESS = "endless"


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a job and hands them over as one `options: Options`."""
    names = (
        "queue", "priority", "delay", "run_at", "max_attempts", "timeout", "deadline",
        "unique_key", "tags", "meta",
    )  # fmt: skip

    @wraps(command)
    def run(*args: Any, **given: Any) -> Any:
        found = {name: value for name in names if (value := given.pop(name)) not in (None, ())}
        if "meta" in found:
            found["meta"] = _object(found["meta"], "--meta")
        return command(*args, options=make_options(Options(), found), **given)

    panel: dict[str, Any] = {"panel": "The job"}
    for option in (
        click.option("--meta", metavar="JSON", help="Kept with the job, not passed on.", **panel),
        click.option("--tag", "tags", metavar="TAG", multiple=True, **panel,
                     help="Repeat for more."),
        click.option("--unique", "unique_key", metavar="KEY", **panel,
                     help="If a live job of the queue has this key, answer its id instead."),
        click.option("--deadline", type=AT, metavar="TIME", help="Latest time to start.", **panel),
        click.option("--timeout", type=DURATION, metavar="TIME", help="Longest run.", **panel),
        click.option("--max-attempts", type=click.IntRange(1, 1000), metavar="N",
                     help="Attempts until it is dead.", **panel),
        click.option("--at", "run_at", type=AT, metavar="TIME", **panel,
                     help="Run at this time, such as 2026-12-01T08:00+01:00."),
        click.option("--delay", type=DURATION, metavar="TIME", help='Run later: "5m".', **panel),
        click.option("--priority", "-p", type=Word(list(PRIORITIES)), metavar="WORD", **panel,
                     help=f"{', '.join(PRIORITIES)}."),
        click.option("--queue", "-q", metavar="NAME", help="Default: the task's own.", **panel),
    ):  # fmt: skip
        run = option(run)
    return run


@click.command(
    cls=Command,
    examples=[
        """taskflow enqueue email.receipt '{"order_id": 42}' --delay 5m""",
        "taskflow enqueue email.receipt --many < orders.ndjson",
    ],
)
@click.argument("task")
@click.argument("args", metavar="[JSON|-|@FILE]", required=False)
@click.option(
    "--wait", metavar="[TIME]", is_flag=False, flag_value=ENDLESS,
    help="Wait for the result and print it; exit 6 if it takes longer than TIME.",
)  # fmt: skip
@click.option("--many", is_flag=True, help="One job per line of NDJSON, or item of an array.")
@click.option("--force", is_flag=True, help="Enqueue a task that no worker has published, too.")
@click.pass_obj
@job_options
def enqueue(
    invocation: Invocation, task: str, args: str | None, options: Options,
    *, wait: str | None, many: bool, force: bool,
) -> None:  # fmt: skip
    """Enqueue a job and print its id.

    The arguments are a JSON object: given here, read from standard input (-) or from a file.
    """
    if wait not in (None, ENDLESS) and wait[:1] in ("{", "["):
        raise click.UsageError("The arguments come before --wait, or write --wait=30s.")
    if not force:
        check_task(invocation, task)
    options = msgspec.structs.replace(options, tenant=invocation.tenant)
    if many:
        if wait or options.unique_key:
            raise click.UsageError("--many goes with neither --wait nor --unique.")
        enqueue_many(invocation, task, args or "-", options)
        return
    encoded = codec.encode(_object(read(args) if args else "{}", "the arguments"))
    id = invocation.run(jobs.enqueue(task, encoded, options))
    if wait is not None:
        wait_for(invocation, id, None if wait == ENDLESS else DURATION.convert(wait, None, None))
    else:
        invocation.answer({"id": id, "task": task}, lambda: str(id))


def check_task(invocation: Invocation, task: str) -> None:
    """Refuses a name that no worker has published, once there are published ones."""
    if invocation.run(reads.tasks(task)):
        return
    known = [line.name for line in invocation.run(reads.tasks())]
    if not known:
        invocation.talk(f"No worker has published any task yet; {task} waits for one.", "dim")
        return
    error = UnknownTask.named(task, known)
    said = f'no worker has published a task "{task}"'
    if error.similar:
        said += "; known similar: " + ", ".join(f'"{name}"' for name in error.similar)
    raise UnknownTask(said, "Run taskflow tasks list; --force enqueues it all the same.")


def wait_for(invocation: Invocation, id: int, timeout: timedelta | None) -> None:
    invocation.talk(f"Job {id} is enqueued; waiting.", "dim")
    job = with_result(invocation, invocation.app.handle(id).wait(timeout))
    invocation.answer(job, lambda: bytes(job.result).decode() if job.result else "null")
    if job.state != "succeeded":
        invocation.talk(ending(job))
        raise exits.Stop(exits.FAILED)


def ending(job: Job) -> str:
    why = f"{job.error_class}: {job.error_message}" if job.error_class else job.reason
    return f"Job {job.id} is {job.state} after {shapes.plural(job.attempt, 'attempt')}: {why}"


def enqueue_many(invocation: Invocation, task: str, source: str, options: Options) -> None:
    """A statement per 5,000 items; what is refused is told with its place and stops nothing."""
    items = iter(_items(source))
    ids: list[int] = []
    refused: list[dict[str, Any]] = []
    start = 0
    while chunk := list(islice(items, CHUNK)):
        body = b"[" + b",".join(bytes(item) for item in chunk) + b"]"
        done = invocation.run(jobs.enqueue_many(task, body, options))
        fresh = [id for id in done.ids if id is not None]
        refused += [
            {"position": start + item.position, "code": item.code, "message": item.message}
            for item in done.refused
        ]
        ids += fresh
        start += len(chunk)
        if not invocation.is_json:
            invocation.stream(map(str, fresh))
    if invocation.is_json:
        invocation.emit({"task": task, "ids": ids, "refused": refused})
    for item in refused[:20]:
        invocation.talk(f"item {item['position']}: {item['code']} {item['message']}")
    invocation.talk(f"{shapes.plural(len(ids), 'job')} enqueued, {len(refused):,} refused.", "dim")
    if refused:
        raise exits.Stop(exits.FAILED)


def read(source: str) -> str:
    """The text itself, or what "-" and "@file" stand for."""
    if source == "-":
        return sys.stdin.read()
    if source.startswith("@"):
        return _path(source).read_text(encoding="utf-8")
    return source


def _path(source: str) -> Path:
    path = Path(source[1:])
    if not path.is_file():
        raise click.UsageError(f"There is no file {path}.")
    return path


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = codec.decode(text)
    except InvalidJson as error:
        raise InvalidJson(f"{what}: {error.message}", """Write '{"name": value}'.""") from None
    if not isinstance(value, dict):
        raise InvalidJson(
            f"{what}: expected a JSON object, got {type(value).__name__}",
            """Write '{"name": value}', also for a task with one argument.""",
        )
    return value


def _items(source: str) -> Iterator[msgspec.Raw]:
    """The items of a JSON array, or of one value per line; lines are read as they come."""
    if source == "-":
        yield from _parsed(sys.stdin)
    elif source.startswith("@"):
        with _path(source).open(encoding="utf-8") as lines:
            yield from _parsed(lines)
    else:
        yield from _parsed(source.splitlines())


def _parsed(lines: Iterable[str]) -> Iterator[msgspec.Raw]:
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        text = line.strip()
        if not text:
            continue
        if text.startswith("["):  # an array, perhaps over many lines
            whole = "".join([text, *(rest for _, rest in numbered)])
            yield from _decode(whole, list[msgspec.Raw], f"the array in line {number}")
            return
        yield _decode(text, msgspec.Raw, f"line {number}")


def _decode(text: str, kind: Any, where: str) -> Any:
    try:
        value = msgspec.json.decode(text, type=kind)
        if kind is msgspec.Raw:
            msgspec.json.decode(text)  # Raw is taken as it is: see that it is one JSON value
    except msgspec.DecodeError as error:
        raise InvalidJson(f"{where}: {error}", "Nothing from there on was enqueued.") from None
    return value
