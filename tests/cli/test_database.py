"""`taskflow db`, `config` and `completion`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from taskflow.cli.config import masked
from taskflow.store import load
from tests.cli.conftest import run
from tests.cli.stage import publish
from tests.support import factories


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


def test_an_upgrade_can_be_looked_at_first(empty_dsn: str, connect: Any) -> None:
    done = run("db", "upgrade", "--dry-run", dsn=empty_dsn).ok()
    assert "Would install the schema" in done.out
    assert run("db", "status", "--json", dsn=empty_dsn).json["revision"] is None
    run("db", "upgrade", dsn=empty_dsn).ok()
    assert "nothing to do" in run("db", "upgrade", "--dry-run", dsn=empty_dsn).ok().out
    db = connect(empty_dsn)
    db.execute("update taskflow.sql_object set source_hash = 'old' where name in ('reap', 'claim')")
    assert (
        "make 2 functions anew: claim, reap" in run("db", "upgrade", "--dry-run", dsn=empty_dsn).out
    )
    db.execute("update taskflow.alembic_version set version_num = '0001'")
    told = run("db", "upgrade", "--dry-run", "--json", dsn=empty_dsn).ok().json
    assert (told["dry_run"], told["before"], told["applied"]) == (True, "0001", ["claim", "reap"])
    assert told["steps"] == list(load.revisions()[1:])
    assert "take step 0002" in run("db", "upgrade", "--dry-run", dsn=empty_dsn).ok().out


def test_a_downgrade_can_be_looked_at_first(fresh_dsn: str) -> None:
    done = run("db", "downgrade", "base", "--dry-run", dsn=fresh_dsn).ok()
    assert done.out == "Would remove the schema and every job in it.\n"
    told = run("db", "downgrade", "0001", "--dry-run", "--json", dsn=fresh_dsn).ok().json
    assert told["steps"] == list(reversed(load.revisions()[1:]))
    assert run("db", "status", "--json", dsn=fresh_dsn).ok().json["is_current"]
    done = run("db", "downgrade", "0001", dsn=fresh_dsn)
    assert done.code == 2
    assert "This would take back step" in done.err
    assert "matching" not in done.err
    head = load.revisions()[-1]
    assert "already" in run("db", "downgrade", head, dsn=fresh_dsn).ok().out


def test_a_revision_that_does_not_exist_is_refused_before_anything_is_asked(
    fresh_dsn: str, connect: Any
) -> None:
    for words in (["0999"], ["0999", "--yes"], ["0999", "--dry-run"]):
        done = run("db", "downgrade", *words, dsn=fresh_dsn)
        assert (done.code, done.err.startswith("TF111")) == (2, True)
        assert "There is base, 0001" in done.err
    db = connect(fresh_dsn)
    db.execute("update taskflow.alembic_version set version_num = '0001'")
    done = run("db", "downgrade", "0002", dsn=fresh_dsn)
    assert "the schema is at 0001, which is below 0002" in done.err
    db.execute("update taskflow.alembic_version set version_num = '9999'")
    for words in (["downgrade", "base"], ["upgrade"], ["upgrade", "--dry-run"]):
        done = run("db", *words, dsn=fresh_dsn)
        assert (done.code, done.err.startswith("TF204")) == (7, True), done.err
        assert "Upgrade the taskflow-pg package" in done.err


def test_the_address_as_a_url_and_for_a_shell(dsn: str) -> None:
    assert run("db", "url", dsn=dsn).ok().out.strip() == dsn
    lines = run("db", "url", "--env", dsn="postgresql://u:it%27s@h:5/d?sslmode=require").ok().out
    assert lines.splitlines() == [
        "export PGUSER=u",
        """export PGPASSWORD='it'"'"'s'""",
        "export PGDATABASE=d",
        "export PGHOST=h",
        "export PGPORT=5",
        "export PGSSLMODE=require",
    ]
    assert run("db", "url", "--env", "--json", dsn="host=h").ok().json == {"PGHOST": "h"}


def test_there_is_no_embedded_server_to_keep_beside_a_database(dsn: str) -> None:
    done = run("db", "start", dsn=dsn)
    assert (done.code, "TASKFLOW_DATABASE_URL" in done.err) == (2, True)


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


def test_variables_that_are_no_settings_are_told_once_on_stderr(dsn: str) -> None:
    for words in (["config", "show", "--json"], ["jobs", "list", "--json"]):
        done = run(*words, dsn=dsn, TASKFLOW_SLOT="7", TASKFLOW_TEST_X="1").ok()
        assert isinstance(done.json, list)
        assert done.err.count("TASKFLOW_SLOT is not a setting and changes nothing") == 1
        assert "Did you mean TASKFLOW_SLOTS?" in done.err
        assert "TASKFLOW_TEST_X" not in done.err
        child = run(*words, dsn=dsn, TASKFLOW_SLOT="7", TASKFLOW_IN_FLEET="1").ok()
        assert child.err.count("TASKFLOW_SLOT") == 0, "the parent said so"


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
    shown = run("completion", shell, COLUMNS="30").ok().out
    assert "_TASKFLOW_COMPLETE" in shown
    assert max(map(len, shown.splitlines())) > 40, "a script that is wrapped is another script"


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    [
        ("taskflow jo", 1, {"jobs"}),
        ("taskflow jobs re", 2, {"retry", "reschedule"}),
        ("taskflow jobs list --state de", 4, {"dead"}),
    ],
)
def test_completion_completes(words: str, number: int, expected: set[str]) -> None:
    assert completed(words, number) == expected


def completed(words: str, number: int, **more: Any) -> set[str]:
    done: Any = run(
        _TASKFLOW_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(number), **more
    )
    assert done.err == ""
    return {line.partition(",")[2] for line in done.out.splitlines() if line}


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    [
        ("taskflow jobs list -q po", 4, {"post", "posters"}),
        ("taskflow queues pause po", 3, {"post", "posters"}),
        ("taskflow queues resume x", 3, set()),
        ("taskflow worker app:tf -q po", 4, {"post", "posters"}),
        ("taskflow enqueue mail", 2, {"mail.send", "mail.spool"}),
        ("taskflow tasks show mail.se", 3, {"mail.send"}),
        ("taskflow dlq groups -t img", 4, {"img.resize"}),
        ("taskflow jobs list --fields id,st", 4, {"id,state", "id,started_at"}),
    ],
)
def test_completion_knows_names_of_the_database(
    dsn: str, db: Any, words: str, number: int, expected: set[str]
) -> None:
    factories.enqueue(db, queue="post")
    factories.join(db, "posters", "default")
    publish(db, "mail.send", "mail.spool", "img.resize")
    assert completed(words, number, dsn=dsn) == expected


def test_completion_is_silent_where_it_cannot_know(
    empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server, no schema, no address at all: and none is started for it."""
    monkeypatch.chdir(tmp_path)
    for dsn in ("postgresql://nobody@127.0.0.1:1/none", empty_dsn, "notaurl", None):
        assert completed("taskflow queues pause po", 3, dsn=dsn) == set()
    assert not list(tmp_path.iterdir())


def test_completion_does_not_wait_for_a_lock(dsn: str, connect: Any) -> None:
    holder = connect(autocommit=False)
    holder.execute("lock table taskflow.task")
    started = time.monotonic()
    assert completed("taskflow enqueue mail", 2, dsn=dsn) == set()
    assert time.monotonic() - started < 3
