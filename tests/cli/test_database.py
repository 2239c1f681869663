"""`taskflow db`, `config` and `completion`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from taskflow.cli.config import masked
from tests.cli.conftest import run


def test_from_nothing_to_current_and_back(empty_dsn: str) -> None:
    assert run("db", "status", dsn=empty_dsn).code == 7
    assert "installed" in run("db", "upgrade", dsn=empty_dsn).ok().out
    assert run("db", "status", "--json", dsn=empty_dsn).ok().json["is_current"] is True
    assert "current" in run("db", "upgrade", dsn=empty_dsn).ok().out
    assert run("db", "verify", dsn=empty_dsn).ok().out.strip() == "The schema is as it should be."
    done = run("db", "downgrade", "base", dsn=empty_dsn)
    assert done.code == 2
    assert "every job in it" in done.err
    run("db", "downgrade", "base", "--yes", dsn=empty_dsn).ok()
    assert run("db", "status", "--json", dsn=empty_dsn).json["revision"] is None


def test_verify_names_what_was_changed_by_hand(fresh_dsn: str) -> None:
    with psycopg.connect(fresh_dsn, autocommit=True) as db:
        db.execute(
            "create or replace function taskflow.wake(queue text) returns void language sql"
            " as 'select'"
        )
    done = run("db", "verify", dsn=fresh_dsn)
    assert done.code == 8
    assert "wake was changed in the database by hand" in done.out


def test_sql_needs_no_database_and_installs(empty_dsn: str) -> None:
    script = run("db", "sql", dsn="postgresql://nobody@127.0.0.1:1/none").ok().out
    with psycopg.connect(empty_dsn, autocommit=True) as db:
        db.execute(script)  # type: ignore[arg-type, unused-ignore]
    run("db", "status", dsn=empty_dsn).ok()


def test_maintain_makes_partitions(fresh_dsn: str) -> None:
    last = "select max(relname) from pg_class where relname ~ '^attempt_[0-9]{8}$'"
    run("db", "maintain", dsn=fresh_dsn).ok()
    with psycopg.connect(fresh_dsn, autocommit=True) as db:
        row = db.execute(last).fetchone()
        assert row is not None
        db.execute(f"drop table taskflow.{row[0]}")  # type: ignore[arg-type, unused-ignore]
    told = run("db", "maintain", "--json", dsn=fresh_dsn).ok().json
    assert told["partitions_made"] == 1


# --- config ---------------------------------------------------------------------------------------


def test_config_tells_each_value_and_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taskflow.toml").write_text('slots = 7\nlease = "45s"\n')
    monkeypatch.chdir(tmp_path)
    url = "postgresql://me:s3cret@db:5432/app"
    told = run("config", "show", "--json", dsn=url, TASKFLOW_LEASE="1m").ok().json
    found = {line["name"]: line for line in told}
    assert (found["slots"]["value"], found["slots"]["origin"]) == (7, "file taskflow.toml")
    assert found["lease"]["origin"] == "environment TASKFLOW_LEASE"
    assert found["threads"]["origin"] == "default"
    assert "s3cret" not in str(told)
    assert "db:5432/app" in found["database_url"]["value"]
    shown = run("config", "show", "-v", dsn=url, COLUMNS="200").ok().out
    assert "s3cret" not in shown
    assert "jobs a worker process runs at once" in shown
    assert run("config", "path").ok().out.strip() == str(tmp_path / "taskflow.toml")


def test_an_argument_beats_the_environment() -> None:
    told = run(
        "config", "show", "--json", "--database-url", "postgresql://a/b", dsn="postgresql://c/d"
    )
    (line,) = [line for line in told.ok().json if line["name"] == "database_url"]
    assert (line["value"], line["origin"]) == ("postgresql://a/b", "argument")


def test_without_a_file_there_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("config", "path").code == 3


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://u:hunter2@h/db",
        "postgresql://u:hunter2%40x@h:1,h2:2/db?sslmode=require",
        "postgresql://h/db?user=u&password=hunter2",
        "host=h password=hunter2 dbname=d",
        "host=h password = 'hunter2 with \\' quote' dbname=d",
        "host=h sslpassword=hunter2",
    ],
)
def test_passwords_are_masked_wherever_they_stand(written: str) -> None:
    assert "hunter2" not in masked(written)
    assert "quote" not in masked(written)


# --- completion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    assert "_TASKFLOW_COMPLETE" in run("completion", shell).ok().out


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    [
        ("taskflow jo", 1, {"jobs"}),
        ("taskflow jobs re", 2, {"retry", "reschedule"}),
        ("taskflow jobs list --state de", 4, {"dead"}),
    ],
)
def test_completion_completes(words: str, number: int, expected: set[str]) -> None:
    done: Any = run(_TASKFLOW_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(number))
    assert {line.partition(",")[2] for line in done.out.splitlines()} == expected
