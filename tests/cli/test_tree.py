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
from tests.support import factories, flows


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
    ("keys", "create"): ["shop"],
    ("keys", "rotate"): ["{key}"],
    ("keys", "revoke"): ["{key}"],
    ("users", "create"): ["ann"],
    ("users", "invite"): ["{user}"],
    ("users", "set"): ["{user}", "--role", "viewer"],
    ("limits", "set"): ["smtp", "--queue", "email", "--concurrency", "2"],
    ("limits", "show"): ["smtp"],
    ("limits", "delete"): ["smtp"],
    ("operations", "start"): ["cancel", "--queue", "default", "--yes"],
    ("operations", "show"): ["{operation}"],
    ("operations", "cancel"): ["{operation}"],
    ("operations", "undo"): ["{operation}"],
    ("queues", "pause"): ["default"],
    ("queues", "resume"): ["default"],
    ("tasks", "show"): ["mail.send"],
    ("completion",): ["bash"],
    ("schedules", "show"): ["digest"],
    ("schedules", "ticks"): ["digest"],
    ("schedules", "next"): ["digest"],
    ("schedules", "put"): ["digest", "--every", "5m"],
    ("schedules", "pause"): ["digest"],
    ("schedules", "resume"): ["digest"],
    ("schedules", "run"): ["digest"],
    ("schedules", "backfill"): ["digest", "--from", "1h"],
    ("schedules", "delete"): ["digest", "--yes"],
    ("workflow", "save"): ["nightly", '{"nodes": {"a": {"task": "t"}}}'],
    ("workflow", "start"): ["nightly"],
    ("workflow", "show"): ["{run}"],
    ("workflow", "graph"): ["{run}"],
    ("workflow", "signal"): ["{run}", "go"],
    ("workflow", "retry"): ["{run}"],
    ("workflow", "cancel"): ["{run}"],
    ("batches", "show"): ["{batch}"],
    ("batches", "cancel"): ["{batch}"],
    ("workers", "drain"): ["{worker}"],
    ("tenants", "allow"): ["taskflow_producer", "acme"],
    ("tenants", "forbid"): ["taskflow_producer", "acme"],
}
NO_ANSWER = {
    ("worker",), ("serve",), ("bench",), ("demo",), ("db", "start"), ("db", "psql"),
    ("db", "downgrade"),
}  # fmt: skip
"""Programs that run on, a shell, and what would pull the schema from under the other tests."""

LISTS = [("jobs", "list"), ("queues", "list"), ("workers", "list"), ("workers",), ("tasks", "list"),
         ("dlq", "groups")]  # fmt: skip


@pytest.mark.parametrize("path", [path for path in LEAVES if path not in NO_ANSWER], ids=" ".join)
def test_json_is_one_value_and_nothing_else(cli: Run, db: Any, path: tuple[str, ...]) -> None:
    publish(db, "mail.send")
    names = {
        "done": finished(db)[0],
        "dead": dead(db)[0],
        "waiting": factories.enqueue(db, "mail.send"),
        "operation": factories.call(db, "start_operation", verb="cancel", filter={}),
        "run": flows.launch(db, {"go": {"signal": "go"}}),
        "batch": factories.call(db, "create_batch"),
        "worker": factories.join(db),
        "user": factories.call(db, "put_user", name="root", role="operator"),
        "key": factories.value(db, "select taskflow.create_key('k', 'tf_', 'h', 'viewer')"),
    }
    running(db, queue="other")
    flows.save(db, "nightly", {"go": {"signal": "go"}})
    factories.call(db, "put_schedule", name="digest", task="mail.send", cron="0 8 * * *")
    if path[-1] == "resume":
        cli("queues", "pause", "default").ok()
        cli("schedules", "pause", "digest").ok()
    if path == ("workflow", "retry"):
        cli("workflow", "cancel", str(names["run"])).ok()
    if path == ("tenants", "forbid"):
        cli("tenants", "allow", *ARGUMENTS[path]).ok()
    if path[0] == "limits":
        cli("limits", "set", *ARGUMENTS["limits", "set"]).ok()
    arguments = [word.format(**names) if word[1:-1] in names else word
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


@pytest.mark.parametrize("path", LISTS, ids=" ".join)
def test_lists_can_be_cut_down_to_some_fields(cli: Run, db: Any, path: tuple[str, ...]) -> None:
    publish(db, "mail.send")
    dead(db)
    (whole, *_) = cli(*path, "--json").ok().json
    names = list(whole)[:3]
    (cut, *_) = cli(*path, "--json", "--fields", ",".join(reversed(names))).ok().json
    assert cut == {name: whole[name] for name in names}
    heading, first, *_ = (
        cli(*path, "--fields", ",".join(names), COLUMNS="200").ok().out.splitlines()
    )
    assert heading.split() == names
    assert str(whole[names[0]]) in first
    done = cli(*path, "--fields", f"{names[0]},{list(whole)[1]}x")
    assert done.code == 2
    assert f'Did you mean "{list(whole)[1]}"' in done.err


def test_a_cut_down_list_shows_values_whole(cli: Run, db: Any) -> None:
    publish(db, "mail.send")
    fields = "timeout,published_at,args_schema,queue"
    shown = cli("tasks", "list", "--fields", fields, COLUMNS="200").ok().out
    assert '{"type": "object"}' in shown
    assert "30s" in shown
    assert "Z" in shown
    id = factories.enqueue(db, tags=["a", "b"])
    shown = cli("jobs", "list", "--fields", "id,tags,worker_id").ok().out
    assert shown.splitlines()[1].split() == [str(id), "a,b", "-"]
    assert cli("jobs", "list", "--fields", "id", "-q", "none").ok().out == ""


def test_all_ids_are_texts(cli: Run, db: Any) -> None:
    """Whatever they are ids of: a number of 19 digits is another one in JavaScript."""
    (id,) = dead(db)
    (group,) = cli("dlq", "groups", "--json").ok().json
    assert group["sample_id"] == str(id)
    (job,) = running(db, queue="q")
    told = cli("why", str(job.id), "--json").ok().json
    assert isinstance(told["causes"][0]["detail"]["worker_id"], str)
    assert isinstance(told["causes"][0]["detail"]["pid"], int)


def test_times_are_utc_and_ids_are_texts(cli: Run, db: Any) -> None:
    db.execute("set timezone = 'Asia/Tokyo'")
    id = factories.enqueue(db)
    (line,) = cli("jobs", "list", "--json").ok().json
    assert line["id"] == str(id)
    assert line["created_at"].endswith("Z")
