"""`taskflow workflow save`, `start`, `signal`, `retry` and `cancel`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from taskflow.calls import flows
from taskflow.cli import exits, shapes
from taskflow.cli.enqueue import ENDLESS, read
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import DURATION, ID
from taskflow.cli.tree import Command
from taskflow.errors import InvalidJson
from taskflow.kernel import codec


def json_of(text: str, what: str, *, must_be_object: bool = True) -> Any:
    """The value of an argument that is JSON, `-` or `@file`."""
    try:
        value = codec.decode(read(text))
    except InvalidJson as error:
        raise InvalidJson(f"{what}: {error.message}", """Write '{"name": value}'.""") from None
    if must_be_object and not isinstance(value, dict):
        raise InvalidJson(
            f"{what}: expected a JSON object, got {type(value).__name__}",
            """Write '{"name": value}'.""",
        )
    return value


@click.command(
    cls=Command,
    examples=[
        "taskflow workflow save nightly @nightly.json",
        """taskflow workflow save ping '{"nodes": {"ping": {"task": "app.ping"}}}'""",
    ],
)
@click.argument("name")
@click.argument("definition", metavar="JSON|-|@FILE")
@click.pass_obj
def save(invocation: Invocation, name: str, definition: str) -> None:
    """Save a definition under a name, and print its version.

    One that is the same as the latest version makes no new one.
    """
    given = json_of(definition, "the definition")
    saved = invocation.run(flows.save_workflow(name, given, invocation.tenant))
    if saved.outcome == "unchanged":
        invocation.talk("Unchanged.", "dim")
    answer = {"name": name, "version": saved.version, "outcome": saved.outcome}
    invocation.answer(answer, lambda: str(saved.version))


@click.command(
    cls=Command,
    examples=[
        """taskflow workflow start nightly '{"region": "eu"}' --key 2026-11-23""",
        "taskflow workflow start nightly --wait 5m",
    ],
)
@click.argument("name")
@click.argument("input_", metavar="[JSON|-|@FILE]", required=False)
@click.option("--key", metavar="TEXT", help="At most one run with this key; print its id if taken.")
@click.option("--version", type=click.IntRange(1), metavar="N", help="Default: the latest.")
@click.option(
    "--wait", metavar="[TIME]", is_flag=False, flag_value=ENDLESS,
    help="Wait for the end and print what it gives; exit 6 if it takes longer than TIME.",
)  # fmt: skip
@click.pass_obj
def start(
    invocation: Invocation, name: str, input_: str | None, *, key: str | None,
    version: int | None, wait: str | None,
) -> None:  # fmt: skip
    """Start a run of a saved workflow and print its id."""
    given = json_of(input_, "the input") if input_ else {}
    started = invocation.run(flows.start_workflow(name, given, version, key, invocation.tenant))
    if started.outcome == "existing":
        invocation.talk("A run with this key is there already.", "dim")
    if wait is None:
        invocation.answer(started, lambda: str(started.id))
        return
    invocation.talk(f"Run {started.id} goes on; waiting.", "dim")
    patience = None if wait == ENDLESS else DURATION.convert(wait, None, None)
    run = invocation.wait_for_run(started.id, patience)
    invocation.answer(run, lambda: bytes(run.output).decode() if run.output else "null")
    if run.state != "succeeded":
        invocation.talk(f"Run {run.id} is {run.state}: {run.reason}")
        raise exits.Stop(exits.FAILED)


@click.command(
    cls=Command,
    examples=[
        """taskflow workflow signal 4711 approve '{"by": "ann"}'""",
        "taskflow workflow signal 4711 approve --json",
    ],
)
@click.argument("id", type=ID)
@click.argument("name")
@click.argument("payload", metavar="[JSON|-|@FILE]", required=False)
@click.pass_obj
def signal(invocation: Invocation, id: int, name: str, payload: str | None) -> None:
    """Send a signal to a run: the step that waits for it goes on, now or when it comes to it."""
    given = json_of(payload, "the payload", must_be_object=False) if payload else None
    outcome = invocation.run(flows.signal(id, name, given, invocation.tenant))
    said = {"taken": "A step that waited for it goes on.", "kept": "Kept for the step to come."}
    invocation.answer({"run_id": id, "name": name, "outcome": outcome}, lambda: said[outcome])


@click.command(
    cls=Command,
    examples=["taskflow workflow retry 4711", "taskflow workflow retry 4711 --json"],
)
@click.argument("id", type=ID)
@click.pass_obj
def retry(invocation: Invocation, id: int) -> None:
    """Run an ended run again from the steps that failed."""
    invocation.run(flows.retry_run(id, invocation.tenant))
    run = invocation.run(flows.get_run(id, invocation.tenant))
    state = run.state if run else "running"
    invocation.answer({"id": id, "state": state}, lambda: f"Run {id} goes on: {state}.")


@click.command(
    cls=Command,
    examples=[
        """taskflow workflow cancel 4711 --reason "wrong region" """,
        "taskflow workflow cancel 4711 4712 --json",
    ],
)
@click.argument("ids", metavar="RUN...", type=ID, nargs=-1, required=True)
@click.option("--reason", metavar="TEXT", help="Kept with the run.")
@click.pass_obj
def cancel(invocation: Invocation, ids: tuple[int, ...], reason: str | None) -> None:
    """Call runs off: steps that wait are cancelled, those that run are asked to stop."""
    said = {
        "cancelled": "is cancelled", "finished": "had ended",
        "requested": "ends when its running jobs have stopped",
    }  # fmt: skip
    outcomes = [
        {"id": id, "outcome": invocation.run(flows.cancel_run(id, reason, invocation.tenant))}
        for id in ids
    ]
    invocation.answer(
        outcomes,
        lambda: shapes.bullets(f"Run {one['id']} {said[str(one['outcome'])]}." for one in outcomes),
    )
    if any(one["outcome"] == "finished" for one in outcomes):
        raise exits.Stop(exits.CONFLICT)
