"""What holds for every command: help, examples, JSON, and a start that imports little."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest

from taskflow.cli.main import cli as root
from tests.cli.conftest import Run, run
from tests.cli.stage import dead, finished, publish, running
from tests.support import factories


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*path, name))


COMMANDS = dict(walk(root))
LEAVES = [path for path, found in COMMANDS.items() if not isinstance(found, click.Group)]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_says_what_and_shows_two_examples(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help").ok().out
    assert len([line for line in shown.splitlines() if line.startswith("   $ ")]) >= 2
    assert "Usage:" in shown
    assert "--json" in shown
    assert COMMANDS[path].help, path


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_examples_are_commands_that_exist(path: tuple[str, ...]) -> None:
    for example in COMMANDS[path].examples:
        words = shlex.split(example.replace(" < ", " # ").replace(" > ", " # "), comments=True)
        words = words[: words.index("|")] if "|" in words else words
        given = words[words.index("taskflow") + 1 :]
        command: Any = root
        context = click.Context(root, info_name="taskflow")
        while isinstance(command, click.Group) and given and not given[0].startswith("-"):
            command = command.get_command(context, given.pop(0))
            assert command is not None, example
        command.make_context("x", given, parent=None)


def test_listed_commands_are_what_they_say(cli: Run) -> None:
    for path, entry in root.lazy.items():
        assert entry.help.endswith("."), path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["jbos"], '"jobs"'),
        (["jobs", "lst"], '"list"'),
        (["queues", "puase"], '"pause"'),
        (["jobs", "list", "--limt", "3"], "--limit"),
        (["jobs", "list", "--state", "daed"], '"dead"'),
        (["enqueue", "x", "--priority", "hihg"], '"high"'),
    ],
)
def test_slips_get_the_right_word_back(cli: Run, typed: list[str], meant: str) -> None:
    done = cli(*typed)
    assert done.code == 2
    assert meant in done.err
    assert done.out == ""


def test_help_imports_no_driver() -> None:
    code = (
        "import sys\nfrom taskflow.cli.main import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'psycopg', 'sqlalchemy', 'alembic', 'msgspec', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"taskflow --help imports {done.stderr}"


# --- JSON -----------------------------------------------------------------------------------------

ARGUMENTS: dict[tuple[str, ...], list[str]] = {
    ("enqueue",): ["mail.send", "{}"],
    ("why",): ["{waiting}"],
    ("jobs", "show"): ["{done}"],
    ("jobs", "logs"): ["{done}"],
    ("jobs", "retry"): ["{dead}"],
    ("jobs", "cancel"): ["{waiting}"],
    ("jobs", "discard"): ["{dead}"],
    ("jobs", "reschedule"): ["{waiting}", "1h"],
    ("dlq", "show"): ["ffff"],
    ("dlq", "requeue"): ["ffff", "--yes"],
    ("dlq", "discard"): ["ffff", "--yes"],
    ("queues", "pause"): ["default"],
    ("queues", "resume"): ["default"],
    ("tasks", "show"): ["mail.send"],
    ("completion",): ["bash"],
}
NO_ANSWER = {("worker",), ("bench",), ("demo",), ("db", "psql"), ("db", "downgrade")}
"""Programs that run on, a shell, and what would pull the schema from under the other tests."""


@pytest.mark.parametrize("path", [path for path in LEAVES if path not in NO_ANSWER], ids=" ".join)
def test_json_is_one_value_and_nothing_else(cli: Run, db: Any, path: tuple[str, ...]) -> None:
    publish(db, "mail.send")
    names = {
        "done": finished(db)[0],
        "dead": dead(db)[0],
        "waiting": factories.enqueue(db, "mail.send"),
    }
    running(db, queue="other")
    if path == ("queues", "resume"):
        cli("queues", "pause", "default").ok()
    arguments = [word.format(**names) if "{w" in word or "{d" in word else word
                 for word in ARGUMENTS.get(path, [])]  # fmt: skip
    done = cli(*path, *arguments, "--json")
    assert done.code in (0, 3, 8), done.err
    json.loads(done.out)


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_stand_anywhere(cli: Run, place: str) -> None:
    words = ["queues", "list"]
    done = cli("--json", *words) if place == "before" else cli(*words, "--json")
    assert done.ok().json == []


def test_lists_stream_as_json_lines(cli: Run, db: Any) -> None:
    ids = factories.enqueue_many(db, 3)
    lines = cli("jobs", "list", "--jsonl").ok().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [str(id) for id in reversed(ids)]


def test_times_are_utc_and_ids_are_texts(cli: Run, db: Any) -> None:
    db.execute("set timezone = 'Asia/Tokyo'")
    id = factories.enqueue(db)
    (line,) = cli("jobs", "list", "--json").ok().json
    assert line["id"] == str(id)
    assert line["created_at"].endswith("Z")
