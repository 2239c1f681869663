"""Every exit code, reached the way people reach it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb
from rich.console import Console

from taskflow.cli import exits
from taskflow.errors import CODES, TaskflowError
from tests.cli.conftest import Run, run
from tests.cli.stage import ERROR, finished, one_job_ends, running
from tests.support import factories

NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/none"


def test_every_error_has_a_code_of_the_table() -> None:
    assert {exits.exit_code(found("")) for found in CODES.values()} <= set(range(1, 8))


def test_0_when_all_went_well(cli: Run) -> None:
    assert cli("jobs", "list").code == 0


def test_1_when_the_job_that_was_waited_for_failed(cli: Run, dsn: str) -> None:
    with one_job_ends(dsn, "failed", error=Jsonb(ERROR)):
        done = cli("enqueue", "t", "{}", "--max-attempts", "1", "--wait=10s")
    assert done.code == exits.FAILED
    assert "SMTPError: 550 no such user" in done.err


def test_0_and_the_result_when_it_succeeded(cli: Run, dsn: str) -> None:
    with one_job_ends(dsn, "completed", result=Jsonb({"total": "3 " * 100})):
        done = cli("enqueue", "t", "{}", "--wait=10s")
    assert done.ok().json == {"total": "3 " * 100}, "not wrapped to the width of a terminal"


@pytest.mark.parametrize(
    "words",
    [
        ["jobs", "show"],
        ["jobs", "show", "seven"],
        ["enqueue", "t", "[1]"],
        ["enqueue", "t", "{"],
        ["enqueue", "no task", "{}"],
        ["enqueue", "t", "{}", "--delay", "soon"],
        ["enqueue", "t", "{}", "--delay", "1m", "--at", "1h"],
        ["jobs", "cancel"],
        ["jobs", "cancel", "1", "--queue", "x"],
        ["dlq", "requeue"],
        ["queues", "pause", "No Such Name"],
        [],
    ],
    ids=" ".join,
)
def test_2_for_what_cannot_be_meant(cli: Run, words: list[str]) -> None:
    done = cli(*words)
    assert done.code == exits.USAGE, done.err
    assert done.out == ""
    assert done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["jobs", "show", "999"],
        ["why", "999"],
        ["jobs", "retry", "999"],
        ["jobs", "cancel", "999"],
        ["jobs", "reschedule", "999", "1h"],
        ["tasks", "show", "none"],
        ["dlq", "show", "abc"],
    ],
    ids=" ".join,
)
def test_3_for_what_is_not_there(cli: Run, words: list[str]) -> None:
    assert cli(*words).code == exits.NOT_FOUND


def test_4_without_the_right(cli: Run, db: Any, dsn: str) -> None:
    db.execute("drop role if exists cli_reader")
    db.execute("create role cli_reader login password 'x'")
    try:
        theirs = make_conninfo(dsn, user="cli_reader", password="x")
        done = run("queues", "pause", "default", dsn=theirs)
        assert done.code == exits.NOT_ALLOWED, done.err
        assert "permission denied" in done.err
        assert "taskflow_operator" in done.err
    finally:
        db.execute("drop role cli_reader")


def test_5_for_a_conflict(cli: Run, db: Any) -> None:
    held, ended = running(db)[0].id, finished(db)[0]
    assert cli("jobs", "reschedule", str(held), "1h").code == exits.CONFLICT
    assert cli("jobs", "cancel", str(ended)).code == exits.CONFLICT
    assert cli("jobs", "retry", str(ended)).code == exits.CONFLICT
    assert cli("queues", "resume", "default").code == exits.CONFLICT


def test_6_when_the_wait_is_over(cli: Run) -> None:
    done = cli("enqueue", "t", "{}", "--wait=50ms")
    assert done.code == exits.TIMED_OUT
    assert "TF303" in done.err


def test_7_without_a_database() -> None:
    done = run("jobs", "list", dsn=NOWHERE)
    assert done.code == exits.NO_DATABASE
    assert done.err.startswith("TF202")
    assert "secret" not in done.err


def test_7_without_the_schema(empty_dsn: str) -> None:
    for words in (["jobs", "list"], ["queues", "list"], ["top"], ["why", "1"], ["workers"]):
        done = run(*words, dsn=empty_dsn)
        assert done.code == exits.NO_DATABASE
        assert done.err.startswith("TF203 the database has no taskflow schema")
        assert "db upgrade" in done.err
    assert run("db", "status", dsn=empty_dsn).code == exits.NO_DATABASE


def test_7_with_a_table_missing_is_not_a_missing_schema(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn) as db:
        db.execute("alter table taskflow.job_history rename to elsewhere")
    done = run("jobs", "list", dsn=fresh_dsn)
    assert (done.code, done.err.startswith("TF204")) == (exits.NO_DATABASE, True)


@pytest.mark.parametrize("given", ["notaurl", "mysql://u@h/d"])
def test_2_for_an_address_of_something_else(given: str) -> None:
    for done in (run("jobs", "list", "--database-url", given), run("db", "status", dsn=given)):
        assert done.code == exits.USAGE
        assert done.err.startswith("TF201 database_url from ")
        assert "\\n" not in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no_such_module:tf"], 3, "TF133 no module 'no_such_module'"),
        (["taskflow.examples.shop:nope"], 3, "TF133 'taskflow.examples.shop:nope' names no"),
        (["taskflow.examples.shop:tf", "-q", "default=x"], 2, "TF111 'default=x': slots"),
        (["taskflow.examples.shop:tf", "--grace", "abc"], 2, "TF201 grace from argument is 'abc'"),
        (["taskflow.examples.shop:tf", "--max-memory", "x"], 2, "TF111 'x' is not a size"),
    ],
    ids=str,
)
def test_a_worker_that_cannot_start_says_why_with_one_code(
    cli: Run, words: list[str], code: int, said: str
) -> None:
    done = cli("worker", *words)
    assert (done.code, done.err.startswith(said)) == (code, True), done.err
    assert done.err.count("TF1") + done.err.count("TF2") == 1


def test_8_when_a_check_fails(cli: Run, db: Any) -> None:
    factories.enqueue(db)
    assert cli("doctor").code == exits.PROBLEMS


def test_errors_are_a_code_a_sentence_and_a_hint(cli: Run) -> None:
    done = cli("jobs", "show", "999")
    assert done.err.splitlines()[0] == "TF120 job 999 does not exist"
    assert "retention" in done.err.splitlines()[1]


def test_tracebacks_only_for_those_who_ask(cli: Run) -> None:
    assert "Traceback" not in cli("jobs", "show", "999", "-v").err
    assert "Traceback" in cli("jobs", "show", "999", "-vv").err


def test_what_nobody_foresaw_is_one_line(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the moon is full\x1b[2J")

    monkeypatch.setattr("taskflow.calls.reads.queues", broken)
    done = cli("queues", "list")
    assert done.code == exits.FAILED
    assert "RuntimeError: the moon is full\\x1b[2J" in done.err
    assert "Traceback" not in done.err


def test_130_says_one_word_even_when_broken_off_while_it_printed(
    cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console keeps what it has printed until it is done with it."""
    real = Console._write_buffer

    def broken(console: Console) -> None:
        if console._buffer_index == 0:
            kept = list(console._buffer)
            real(console)
            console._buffer.extend(kept)
            raise KeyboardInterrupt
        real(console)

    monkeypatch.setattr(Console, "_write_buffer", broken)
    done = cli("jobs", "list")
    assert done.code == exits.INTERRUPTED
    assert done.err.splitlines()[-1] == "Interrupted."
    assert done.err.count("No jobs") == 1


def test_the_driver_s_errors_map_by_their_state() -> None:
    assert exits.exit_code(psycopg.errors.InsufficientPrivilege()) == exits.NOT_ALLOWED
    assert exits.exit_code(psycopg.errors.DeadlockDetected()) == exits.CONFLICT
    assert exits.exit_code(TaskflowError("x")) == exits.FAILED
