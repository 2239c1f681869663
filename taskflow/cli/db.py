"""`taskflow db`: the schema in the database."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import rich_click as click
from rich.table import Table

from taskflow.cli import exits, shapes
from taskflow.cli.bulk import Consent, confirm
from taskflow.cli.invocation import Invocation
from taskflow.cli.tree import Group
from taskflow.errors import ConfigurationError


@click.command(cls=Group, examples=["taskflow db upgrade", "taskflow db sql > review.sql"])
def db() -> None:
    """Install, upgrade and verify the schema."""


@db.command(examples=["taskflow db upgrade --dry-run", "taskflow db upgrade"])
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.pass_obj
def upgrade(invocation: Invocation, dry_run: bool) -> None:
    """Install the schema or bring it to this version; does nothing where all is current."""
    from taskflow.store import migrate

    before = migrate.status(invocation.app.dsn)
    if dry_run:
        steps = migrate.steps_up(before.revision)
        answer = {"dry_run": True, "before": before.revision, "revision": before.head,
                  "steps": steps, "applied": before.changed}  # fmt: skip
        invocation.answer(answer, lambda: _would_upgrade(before, steps))
        return
    after = migrate.upgrade(invocation.app.dsn)
    answer = {"before": before.revision, "revision": after.revision, "applied": before.changed}
    invocation.answer(answer, lambda: _upgraded(before, after))


def _would_upgrade(before: Any, steps: Sequence[str]) -> str:
    if before.is_current:
        return f"The schema is current, at {before.revision}; nothing to do."
    if before.revision is None:
        return f"Would install the schema, at {before.head}. See it: taskflow db sql"
    said = [f"take step {', '.join(steps)}"] if steps else []
    if before.changed:
        functions = shapes.plural(len(before.changed), "function")
        said.append(f"make {functions} anew: {', '.join(before.changed)}")
    return f"Would {'; '.join(said)}."


def _upgraded(before: Any, after: Any) -> str:
    if before.is_current:
        return f"The schema is current, at {after.revision}."
    if before.revision is None:
        return f"The schema is installed, at {after.revision}."
    functions = shapes.plural(len(before.changed), "function")
    if before.revision == after.revision:
        return f"{functions} of schema {after.revision} brought to this version."
    return f"The schema went from {before.revision} to {after.revision}."


@db.command(examples=["taskflow db downgrade 0001 --dry-run", "taskflow db downgrade base --yes"])
@click.argument("revision")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken back.")
@click.pass_obj
def downgrade(invocation: Invocation, revision: str, yes: bool, dry_run: bool) -> None:
    """Run the schema's steps back to REVISION; base removes everything, all jobs included."""
    from taskflow.store import migrate

    steps = migrate.steps_down(invocation.app.dsn, revision)
    what = f"take back step {', '.join(steps)} of the schema"
    if revision == "base":
        what = "remove the schema and every job in it"
    if dry_run or not steps:
        said = f"Would {what}." if steps else f"The schema is at {revision} already."
        answer = {"dry_run": dry_run, "revision": revision, "steps": steps}
        invocation.answer(answer, lambda: said)
        return
    confirm(invocation, what, 1, Consent(yes, dry_run, all=True))
    after = migrate.downgrade(invocation.app.dsn, revision)
    invocation.answer(
        {"revision": after.revision},
        lambda: f"The schema is at {after.revision or 'nothing: it is removed'}.",
    )


@db.command(examples=["taskflow db status", "taskflow db status --json | jq .is_current"])
@click.pass_obj
def status(invocation: Invocation) -> None:
    """Say what the database holds and what this version needs; exit 7 where they differ."""
    from taskflow.store import migrate

    found = migrate.status(invocation.app.dsn)
    invocation.answer(
        {
            "revision": found.revision,
            "needed": found.head,
            "is_current": found.is_current,
            "outdated": found.changed,
        },
        lambda: _status(found),
    )
    if not found.is_current:
        invocation.talk("Run: taskflow db upgrade", "dim")
        raise exits.Stop(exits.NO_DATABASE)


def _status(found: Any) -> Table:
    return shapes.facts(
        [
            ("database", found.revision or "no schema"),
            ("needed", found.head),
            ("state", "current" if found.is_current else "to be upgraded"),
            ("outdated", ", ".join(found.changed)),
        ]
    )


@db.command(examples=["taskflow db verify", "taskflow db verify --json"])
@click.pass_obj
def verify(invocation: Invocation) -> None:
    """Compare the database with this version, object by object; exit 8 where they differ."""
    from taskflow.store import migrate

    problems = migrate.verify(invocation.app.dsn)
    invocation.answer(
        {"ok": not problems, "problems": problems},
        lambda: shapes.bullets(problems) if problems else "The schema is as it should be.",
    )
    if problems:
        raise exits.Stop(exits.PROBLEMS)


@db.command(examples=["taskflow db sql > review.sql", "taskflow db sql | psql app"])
@click.pass_obj
def sql(invocation: Invocation) -> None:
    """Print the whole installation as one SQL script. Connects to nothing."""
    from taskflow.store import migrate

    text = migrate.sql()
    if invocation.is_json:
        invocation.emit({"sql": text})
    else:
        sys.stdout.write(text)


@db.command(examples=["taskflow db url", "taskflow db url --env > database.env"])
@click.option("--env", is_flag=True, help="As PGHOST and its like, for a shell to evaluate.")
@click.pass_obj
def url(invocation: Invocation, env: bool) -> None:
    """Print the address of the database, with its password.

    An embedded server is started for it, and ends some seconds after its last user: keep one with
    taskflow db start.
    """
    from taskflow.store.psql import variables_of

    dsn = invocation.app.dsn
    found = variables_of(dsn)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
    invocation.answer_plainly(found if env else {"url": dsn}, lines if env else [dsn])


@db.command(examples=["taskflow db start", "taskflow db start --json"])
@click.pass_obj
def start(invocation: Invocation) -> None:
    """Keep the embedded server of this directory running until interrupted.

    Others use it at the address that is printed: see taskflow db url.
    """
    settings, origin = invocation.app.settings, invocation.app.origins["database_url"]
    if settings.database_url:
        raise ConfigurationError(
            f"database_url is set by {origin}, so there is no embedded server to keep",
            "Unset it to use the embedded server.",
        )
    dsn = invocation.app.dsn
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    invocation.answer_plainly({"url": dsn}, [dsn])
    sys.stdout.flush()
    invocation.talk("The server runs until Ctrl-C.", "dim")
    ended.wait()


@db.command(examples=["taskflow db maintain", "taskflow db maintain --json"])
@click.pass_obj
def maintain(invocation: Invocation) -> None:
    """Do now the upkeep that workers do every few minutes: partitions, retention, leftovers."""
    from taskflow.calls import leases

    done: dict[str, Any] = {}
    while part := invocation.run(leases.maintain()):
        done = {name: told + done.get(name, type(told)()) for name, told in part.items()}
        if not done.pop("more", False):
            break
    else:
        invocation.talk("Another process is at it; the rest is left to it.")
    if busy := set(done.pop("busy", [])):
        invocation.talk(f"Left to a later call, as others use them: {', '.join(sorted(busy))}.")
    pairs = [(name.replace("_", " "), str(value)) for name, value in done.items()]
    invocation.answer(done, lambda: shapes.facts(pairs))


@db.command(
    examples=[
        "taskflow db psql",
        """taskflow db psql -- -c "select taskflow.enqueue('app.hello')" """,
    ],
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", metavar="[-- PSQL_ARGUMENTS]", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def psql(invocation: Invocation, arguments: tuple[str, ...]) -> None:
    """Open psql on the database, the embedded one too; answers psql's exit code."""
    from taskflow.store.psql import invocation_of

    command, secret = invocation_of(invocation.app.dsn)
    done = subprocess.run([*command, *arguments], env=os.environ | secret, check=False)
    raise exits.Stop(done.returncode)
