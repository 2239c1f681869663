"""`taskflow enqueue`: where arguments come from, and what is printed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tests.cli.conftest import Run, run
from tests.cli.stage import publish, worker
from tests.support import factories


def test_stdout_is_the_id_alone(cli: Run, db: Any) -> None:
    done = cli("enqueue", "mail.send", '{"to": "a"}').ok()
    job = factories.job(db, int(done.out))
    assert (job.task, job.args, job.queue, job.state) == (
        "mail.send", {"to": "a"}, "default", "available",
    )  # fmt: skip


def test_options_reach_the_job(cli: Run, db: Any) -> None:
    words = shlex.split(
        "-q post -p high --delay 1h --max-attempts 7 --timeout 30s --deadline 5h --unique k"
        " --tag a --tag b"
    )
    id = int(cli("enqueue", "t", "{}", *words, "--meta", '{"x": 1}').ok().out)
    job = factories.job(db, id)
    assert (job.queue, job.priority, job.max_attempts, job.unique_key) == ("post", "high", 7, "k")
    assert (job.tags, job.meta, job.state) == (["a", "b"], {"x": 1}, "scheduled")
    assert job.timeout.total_seconds() == 30
    assert job.deadline > job.run_at
    assert int(cli("enqueue", "t", "{}", "-q", "post", "--unique", "k").ok().out) == id


def test_arguments_from_stdin_and_file(cli: Run, db: Any, tmp_path: Path) -> None:
    first = int(cli("enqueue", "t", "-", stdin='{"n": 1}').ok().out)
    (tmp_path / "args.json").write_text('{"n": 2}')
    second = int(cli("enqueue", "t", f"@{tmp_path}/args.json").ok().out)
    assert [factories.job(db, id).args["n"] for id in (first, second)] == [1, 2]
    assert cli("enqueue", "t", "@nowhere.json").code == 2


@pytest.mark.parametrize("source", ["ndjson", "array", "file"])
def test_many(cli: Run, db: Any, tmp_path: Path, source: str) -> None:
    items = [{"n": n} for n in range(5)]
    text = json.dumps(items, indent=1) if source == "array" else "\n".join(map(json.dumps, items))
    words = ["enqueue", "t", "--many"]
    if source == "file":
        (tmp_path / "in").write_text(text + "\n\n")
        words.insert(2, f"@{tmp_path}/in")
    done = cli(*words, stdin=text if source != "file" else None).ok()
    assert [factories.job(db, int(id)).args["n"] for id in done.out.split()] == list(range(5))
    assert "5 jobs enqueued, 0 refused" in done.err


def test_many_tells_what_was_refused_and_where(
    cli: Run, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskflow.cli.enqueue.CHUNK", 2)
    done = cli("enqueue", "t", "--many", "--json", stdin='{"a":1}\n5\n{"b":2}\n[1]\n"x"\n')
    # a line that begins with [ starts an array: what follows is not one
    assert done.code in (1, 2)
    done = cli("enqueue", "t", "--many", "--json", stdin='{"a":1}\n5\n{"b":2}\n"x"\n')
    assert done.code == 1
    assert len(done.json["ids"]) == 2
    assert [(item["position"], item["code"]) for item in done.json["refused"]] == [
        (1, "TF113"),
        (3, "TF113"),
    ]


UNREADABLE = {
    "TF116": '{"a": 1e999999999}',
    "TF106": '{"a": "\\ud800"}',
    "TF105": '{"a": "\\u0000"}',
    "TF115": '{"a": ' + "[" * 20_000 + "]" * 20_000 + "}",
}


@pytest.mark.parametrize("code", UNREADABLE)
def test_what_postgres_could_not_read_has_its_own_code(cli: Run, db: Any, code: str) -> None:
    done = cli("enqueue", "t", UNREADABLE[code])
    assert done.code == 2
    assert f"\n{code} " in done.err
    done = cli("enqueue", "t", "--many", "--json", stdin=f'{{}}\n{UNREADABLE[code]}\n5\n{{"b": 2}}')
    assert done.code == 1, done.err
    assert len(done.json["ids"]) == 2
    refused = [(item["position"], item["code"]) for item in done.json["refused"]]
    assert refused == [(1, code), (2, "TF113")]
    # an array is read as a whole, and refused as a whole where it cannot be
    many = ", ".join(["{}"] * 100)
    done = cli("enqueue", "t", "--many", "--json", stdin=f"[{many},\n{UNREADABLE[code]}]")
    assert code in done.err
    if code in ("TF105", "TF116"):
        assert len(done.json["ids"]) == 100
    else:
        assert (done.code, done.out) == (2, "")


def test_a_line_that_is_no_json_is_named(cli: Run) -> None:
    done = cli("enqueue", "t", "--many", stdin='{"a":1}\n{"b":\n')
    assert done.code == 2
    assert "line 2" in done.err


def test_a_task_that_nobody_published_is_refused_once_some_are(cli: Run, db: Any) -> None:
    assert "No worker has published" in cli("enqueue", "email.send", "{}").ok().err
    publish(db, "email.send")
    done = cli("enqueue", "mail.send", "{}")
    assert done.code == 3
    assert done.err.startswith("TF131")
    assert '"email.send"' in done.err
    cli("enqueue", "mail.send", "{}", "--force").ok()


def test_a_queue_that_nobody_serves_is_told(cli: Run, db: Any) -> None:
    publish(db, "t")
    worker(db, "post")
    assert cli("enqueue", "t", "{}", "-q", "post").ok().err == ""
    done = cli("enqueue", "t", "{}", "-q", "nobody").ok()
    assert done.out.strip().isdigit()
    assert "No live worker serves queue nobody" in done.err
    assert "queue default" in cli("enqueue", "t", "--many", stdin="{}").ok().err


def test_a_role_that_may_only_enqueue_is_not_troubled_by_it(db: Any, dsn: str) -> None:
    db.execute("create role cli_producer login password 'x' in role taskflow_producer")
    try:
        theirs = make_conninfo(dsn, user="cli_producer", password="x")
        assert run("enqueue", "t", "{}", "--force", dsn=theirs).ok().err == ""
    finally:
        db.execute("drop role cli_producer")


def test_wait_and_arguments_in_the_wrong_order(cli: Run) -> None:
    done = cli("enqueue", "t", "--wait", "{}")
    assert done.code == 2
    assert "before --wait" in done.err
