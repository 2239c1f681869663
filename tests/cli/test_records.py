"""What jobs have recorded, at the command line: progress, steps, logs, large results."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow.cli import jobs_logs
from tests.cli.conftest import Run
from tests.cli.stage import finished, running
from tests.support import factories as f
from tests.support.waiting import until


@pytest.fixture
def job(db: Any) -> Any:
    """A running job that has said something in its second attempt."""
    (first,) = running(db)
    log(db, first, "from the first")
    f.settle(db, first, "failed", delay=timedelta(0))
    (again,) = f.claim(db, f.join(db))
    report = {"id": again.id, "claim_no": 2, "done": 40, "total": 100, "note": "rendering \x1b[31m"}
    f.call(db, "progress", **report)
    f.call(db, "save_step", id=again.id, claim_no=2, name="charge", result=Jsonb({"id": 7}))
    log(db, again, {"level": "warning", "logger": "shop", "message": "two\nlines \x1b[31mred"})
    return again


def log(db: Any, job: Any, *lines: Any) -> None:
    assert (
        f.call(db, "log", id=job.id, claim_no=job.claim_no, lines=Jsonb(list(lines))) == "applied"
    )


def test_show_has_progress_and_steps(cli: Run, job: Any) -> None:
    shown = cli("jobs", "show", str(job.id)).ok().out
    assert "[#########---------------]  40%  40 of 100: rendering \ufffd[31m" in shown
    (row,) = [line for line in shown.splitlines() if line.startswith("charge")]
    assert '{"id": 7}' in row
    told = cli("jobs", "show", str(job.id), "--json").ok().json
    assert (told["progress"]["done"], told["progress"]["total"]) == (40, 100)
    assert [(step["name"], step["result"]) for step in told["steps"]] == [("charge", {"id": 7})]


def test_show_without_any(cli: Run, db: Any) -> None:
    (id,) = finished(db)
    assert "progress" not in cli("jobs", "show", str(id)).ok().out
    told = cli("jobs", "show", str(id), "--json").ok().json
    assert (told["progress"], told["steps"]) == (None, [])


def test_show_says_when_a_report_is_of_an_earlier_run(cli: Run, db: Any, job: Any) -> None:
    f.settle(db, job, "failed", delay=timedelta(0))
    f.claim(db, f.join(db))
    assert "earlier run)" in cli("jobs", "show", str(job.id)).ok().out


def test_why_says_how_far_it_is(cli: Run, job: Any) -> None:
    assert "40 of 100: rendering" in cli("why", str(job.id)).ok().out


def test_logs_of_all_attempts_or_of_one(cli: Run, job: Any) -> None:
    shown = cli("jobs", "logs", str(job.id)).ok().out.splitlines()
    assert (shown[0], shown[2], shown[3]) == ("attempt 1", "", "attempt 2")
    assert shown[1].endswith("info     from the first")
    assert shown[4].endswith("warning  shop: two")
    assert shown[5] == f"{'':22}lines \ufffd[31mred"
    only = cli("jobs", "logs", str(job.id), "--attempt", "1").ok().out.splitlines()
    assert only == shown[:2]


def test_logs_for_programs(cli: Run, job: Any) -> None:
    lines = cli("jobs", "logs", str(job.id), "--json").ok().json
    assert [line["level"] for line in lines] == ["info", "warning"]
    assert lines[1]["message"] == "two\nlines \ufffd[31mred"
    each = cli("jobs", "logs", str(job.id), "--jsonl", "--attempt", "2").ok().out.splitlines()
    assert [json.loads(line)["attempt"] for line in each] == [2]


def test_logs_over_many_pages(cli: Run, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_logs, "PAGE", 2)
    (one,) = running(db)
    log(db, one, *"abcde")
    lines = cli("jobs", "logs", str(one.id), "--json").ok().json
    assert [line["message"] for line in lines] == list("abcde")


def test_no_lines_and_no_job(cli: Run, db: Any) -> None:
    (one,) = running(db)
    silent = cli("jobs", "logs", str(one.id)).ok()
    assert (silent.out, silent.err.strip()) == ("", "No lines.")
    assert cli("jobs", "logs", str(one.id), "--json").ok().json == []
    missing = cli("jobs", "logs", "999999")
    assert (missing.code, "TF120" in missing.err) == (3, True)


@pytest.mark.parametrize("form", [(), ("--jsonl",), ("--json",)])
def test_follow_prints_what_comes_and_ends_with_the_job(
    cli: Run, db: Any, dsn: str, job: Any, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    monkeypatch.setattr(jobs_logs, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(jobs_logs, "LAST_LOOKS", 50)
    looked, pages = threading.Event(), jobs_logs.pages

    def noted(*args: Any, **options: Any) -> Any:
        found = list(pages(*args, **options))
        looked.set()
        return iter(found)

    monkeypatch.setattr(jobs_logs, "pages", noted)

    def go_on() -> None:
        assert looked.wait(10)
        with psycopg.connect(dsn, autocommit=True) as other:
            log(other, job, "while you watch")
            f.settle(other, job)
            until(lambda: f.state(other, job.id) == "succeeded")
            log(other, job, "last words")

    thread = threading.Thread(target=go_on)
    thread.start()
    done = cli("jobs", "logs", str(job.id), "--follow", *form).ok()
    thread.join()
    lines = done.out.splitlines()
    if form:
        said = [json.loads(line)["message"] for line in lines]
        assert said == [
            "from the first",
            "two\nlines \ufffd[31mred",
            "while you watch",
            "last words",
        ]
    else:
        assert lines[-2].endswith("while you watch")
        assert lines[-1].endswith("last words")
        assert lines.count("attempt 2") == 1
    assert "is succeeded" in done.err


def test_a_large_result_is_told_and_given_to_programs(cli: Run, db: Any) -> None:
    (one,) = running(db)
    raw = b'{"rows": [1, 2, 3]}'
    f.call(db, "put_result", id=one.id, claim_no=1, place=0, bytes=raw)
    stored = {"store": "postgres", "claim_no": 1, "bytes": len(raw)}
    f.settle(db, one, result=Jsonb({"$stored": stored}))
    assert "19 bytes, kept apart in postgres" in cli("jobs", "show", str(one.id)).ok().out
    assert cli("jobs", "show", str(one.id), "--json").ok().json["result"] == {"rows": [1, 2, 3]}
