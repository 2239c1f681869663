"""`taskflow enqueue`: one job, or one for each line of NDJSON.

Prints ids and nothing else on stdout, so that a script can keep them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from taskflow.calls import jobs, reads
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.jobs_show import with_result
from taskflow.cli.options import AT, DURATION, ID, QUEUE, TASK, Word
from taskflow.cli.tree import Command
from taskflow.errors import InvalidJson, TaskflowError, UnknownTask, UnstorableValue
from taskflow.kernel import codec
from taskflow.kernel.job import Job, Options
from taskflow.kernel.names import PRIORITIES
from taskflow.kernel.options import make_options
from taskflow.kernel.storable import too_deep, unreadable
from taskflow.store.call import DriverError

CHUNK = 5_000
ENDLESS = "endless"


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a job and hands them over as one `options: Options`."""
    names = (
        "queue", "priority", "delay", "run_at", "max_attempts", "timeout", "deadline",
        "unique_key", "unique_by", "unique_scope", "unique_while", "unique_for", "on_conflict",
        "replace", "depends_on", "on_parent_failure", "tags", "meta",
    )  # fmt: skip

    @wraps(command)
    def run(*args: Any, **given: Any) -> Any:
        found = {name: value for name in names if (value := given.pop(name)) not in (None, ())}
        if "meta" in found:
            found["meta"] = read_object(found["meta"], "--meta")
        return command(*args, options=make_options(Options(), found), **given)

    panel: dict[str, Any] = {"panel": "The job"}
    for option in (
        click.option("--meta", metavar="JSON", help="Kept with the job, not passed on.", **panel),
        click.option("--tag", "tags", metavar="TAG", multiple=True, **panel,
                     help="Repeat for more."),
        click.option("--on-parent-failure", type=Word(["cancel", "continue"]), metavar="WORD",
                     help="cancel (default) or continue.", **panel),
        click.option("--after", "depends_on", type=ID, metavar="JOB_ID", multiple=True, **panel,
                     help="Run when this job has succeeded; repeat for more."),
        click.option("--replace", metavar="FIELD", multiple=True, **panel,
                     help="With --on-conflict replace: only this; repeat for more."),
        click.option("--on-conflict", metavar="WORD", **panel,
                     type=Word(["existing", "raise", "replace", "merge"]),
                     help="existing (default: answer its id), raise, replace or merge."),
        click.option("--unique-for", type=DURATION, metavar="TIME", **panel,
                     help="The key holds for this long, whatever becomes of the job."),
        click.option("--unique-while", type=Word(["live", "waiting"]), metavar="WORD", **panel,
                     help="live (default) or waiting: until the job begins to run."),
        click.option("--unique-scope", type=Word(["queue", "task", "tenant"]), metavar="WORD",
                     help="Where the key holds: queue, task or tenant.", **panel),
        click.option("--unique-by", metavar="ARG", multiple=True, **panel,
                     help="Make the key of this argument; repeat for more, '*' for all."),
        click.option("--unique", "unique_key", metavar="KEY", **panel,
                     help="At most one live job of the queue with this key."),
        click.option("--deadline", type=AT, metavar="TIME", help="Latest time to start.", **panel),
        click.option("--timeout", type=DURATION, metavar="TIME", help="Longest run.", **panel),
        click.option("--max-attempts", type=click.IntRange(1, 1000), metavar="N",
                     help="Attempts until it is dead.", **panel),
        click.option("--at", "run_at", type=AT, metavar="TIME", **panel,
                     help="Run at this time, such as 2026-12-01T08:00+01:00."),
        click.option("--delay", type=DURATION, metavar="TIME", help='Run later: "5m".', **panel),
        click.option("--priority", "-p", type=Word(list(PRIORITIES)), metavar="WORD", **panel,
                     help=f"{', '.join(PRIORITIES)}."),
        click.option("--queue", "-q", type=QUEUE, metavar="NAME", **panel,
                     help="Default: the task's own."),
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
@click.argument("task", type=TASK)
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
    told = not force and not check_task(invocation, task)
    options = msgspec.structs.replace(options, tenant=invocation.tenant)
    if many:
        if wait or options.unique_key:
            raise click.UsageError("--many goes with neither --wait nor --unique.")
        enqueue_many(invocation, task, args or "-", options, told=told)
        return
    encoded = codec.encode(read_object(args or "{}", "the arguments"))
    placed = invocation.run(jobs.enqueue(task, encoded, options))
    if not told:
        note_unserved(invocation, placed.id)
    if wait is not None:
        patience = None if wait == ENDLESS else DURATION.convert(wait, None, None)
        wait_for(invocation, placed.id, patience)
        return
    if placed.outcome != "enqueued":
        invocation.talk(f"A job with this key waits already; it is {placed.outcome}.", "dim")
    answer = {"id": placed.id, "task": task, "outcome": placed.outcome}
    invocation.answer(answer, lambda: str(placed.id))


def check_task(invocation: Invocation, task: str) -> bool:
    """Is it published? Refuses a name that is not, once there are published ones."""
    if invocation.run(reads.tasks(task)):
        return True
    known = [line.name for line in invocation.run(reads.tasks())]
    if not known:
        invocation.talk(f"No worker has published any task yet; {task} waits for one.", "dim")
        return False
    error = UnknownTask.named(task, known)
    said = f'no worker has published a task "{task}"'
    if error.similar:
        said += "; known similar: " + ", ".join(f'"{name}"' for name in error.similar)
    raise UnknownTask(said, "Run taskflow tasks list; --force enqueues it all the same.")


def note_unserved(invocation: Invocation, id: int) -> None:
    """Says so where the job waits for a worker; a role that may only enqueue cannot see that."""
    with suppress(DriverError):
        if queue := invocation.run(reads.unserved_queue(id, invocation.tenant)):
            invocation.talk(f"No live worker serves queue {queue}; the job waits for one.", "dim")


def wait_for(invocation: Invocation, id: int, timeout: timedelta | None) -> None:
    invocation.talk(f"Job {id} is enqueued; waiting.", "dim")
    job = with_result(invocation, invocation.wait(id, timeout))
    invocation.answer_plainly(job, [bytes(job.result).decode() if job.result else "null"])
    if job.state != "succeeded":
        invocation.talk(ending(job))
        raise exits.Stop(exits.FAILED)


def ending(job: Job) -> str:
    why = f"{job.error_class}: {job.error_message}" if job.error_class else job.reason
    return f"Job {job.id} is {job.state} after {shapes.plural(job.attempt, 'attempt')}: {why}"


def enqueue_many(
    invocation: Invocation, task: str, source: str, options: Options, *, told: bool
) -> None:
    """A statement per 5,000 items; what is refused is told with its place and stops nothing."""
    items = iter(_items(source))
    ids: list[int] = []
    refused: list[dict[str, Any]] = []
    start = 0
    while chunk := list(islice(items, CHUNK)):
        places, bodies = [], []
        for at, item in enumerate(chunk, start):
            if isinstance(item, TaskflowError):
                refused.append({"position": at, "code": item.code, "message": item.message})
            else:
                places.append(at)
                bodies.append(bytes(item))
        body = b",".join(bodies)
        done = invocation.run(jobs.enqueue_many(task, b"[" + body + b"]", options))
        fresh = [id for id in done.ids if id is not None]
        refused += [
            {"position": places[item.position], "code": item.code, "message": item.message}
            for item in done.refused
        ]
        ids += fresh
        start += len(chunk)
        if not invocation.is_json:
            invocation.stream(map(str, fresh))
    refused.sort(key=itemgetter("position"))
    if invocation.is_json:
        invocation.emit({"task": task, "ids": ids, "refused": refused})
    if ids and not told:
        note_unserved(invocation, ids[0])
    for one in refused[:20]:
        invocation.talk(f"item {one['position']}: {one['code']} {one['message']}")
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


def read_object(source: str, what: str) -> dict[str, Any]:
    """The JSON object that a text is, or that "-" or "@file" stands for."""
    text = read(source)
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


def _items(source: str) -> Iterator[msgspec.Raw | TaskflowError]:
    """The items of a JSON array, or of one value per line; lines are read as they come.

    In the place of one that the database could not even read, the reason.
    """
    if source == "-":
        yield from _parsed(sys.stdin)
    elif source.startswith("@"):
        with _path(source).open(encoding="utf-8") as lines:
            yield from _parsed(lines)
    else:
        yield from _parsed(source.splitlines())


def _parsed(lines: Iterable[str]) -> Iterator[msgspec.Raw | TaskflowError]:
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        text = line.strip()
        if not text:
            continue
        if text.startswith("["):  # an array, perhaps over many lines
            whole = "".join([text, *(rest for _, rest in numbered)])
            where = f"the array in line {number}"
            try:
                found = msgspec.json.decode(whole, type=list[msgspec.Raw])
            except RecursionError:
                raise _broken(where, too_deep()) from None
            except msgspec.DecodeError as error:
                raise _broken(where, unreadable(whole, error)) from None
            for item in found:
                yield _checked(item, where)
            return
        yield _checked(msgspec.Raw(text.encode("utf-8", "surrogatepass")), f"line {number}")


def _checked(item: msgspec.Raw, where: str) -> msgspec.Raw | TaskflowError:
    """The item, or why the database could not read it; one that is no JSON ends it all."""
    try:
        codec.encode(item, limit=sys.maxsize)
    except InvalidJson as error:
        raise _broken(where, error) from None
    except UnstorableValue as error:
        return error
    return item


def _broken(where: str, error: TaskflowError) -> TaskflowError:
    return type(error)(f"{where}: {error.message}", "Nothing from there on was enqueued.")
