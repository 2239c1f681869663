"""A command says the same through the API as on the database."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Run
from tests.cli.stage import dead, finished, publish, running, worker
from tests.support import factories


def same(here: Run, there: Run, *args: str) -> Any:
    """The JSON of a command that only looks, which is the same both ways.

    Sentences may hold an age in seconds: what comes between two looks here is like one of them.
    """
    before, remote, after = (way(*args, "--json") for way in (here, there, here))
    assert (remote.code, remote.out) in [(r.code, r.out) for r in (before, after)], remote.err
    return remote.json


def test_lists_of_jobs(db: Any, here: Run, there: Run) -> None:
    dead(db, 3)
    finished(db, 2, queue="mail")
    later = factories.enqueue(db, queue="mail", tags=["vip"])
    assert len(same(here, there, "jobs", "list")) == 6
    assert len(same(here, there, "jobs", "list", "--state", "dead", "--limit", "2")) == 2
    assert len(same(here, there, "jobs", "list", "-q", "mail", "--tag", "vip")) == 1
    assert len(same(here, there, "jobs", "list", "--id", str(later), "--since", "1h")) == 1
    assert len(same(here, there, "jobs", "list", "--after", str(later))) == 5
    assert same(here, there, "jobs", "list", "--fields", "id,state", "-s", "dead")


def test_lists_longer_than_a_page(db: Any, here: Run, there: Run) -> None:
    factories.enqueue_many(db, 450)
    assert len(same(here, there, "jobs", "list", "--limit", "430")) == 430
    assert len(same(here, there, "jobs", "list", "--limit", "1000")) == 450


def test_one_job_whole(db: Any, here: Run, there: Run) -> None:
    ids = [*dead(db), *finished(db), running(db)[0].id, factories.enqueue(db, task="a.b")]
    for id in ids:
        assert same(here, there, "jobs", "show", str(id))["id"] == str(id)
        same(here, there, "jobs", "logs", str(id))
    # of a running job it says for how long, which is another second for the one asked later
    for id in (ids[0], ids[1], 4_711_000):
        assert same(here, there, "why", str(id))["answer"]


def test_queues_workers_and_tasks(db: Any, here: Run, there: Run) -> None:
    publish(db, "email.receipt", "email.digest")
    worker(db, "mail")
    factories.enqueue(db, queue="mail", task="email.receipt")
    assert len(same(here, there, "workers", "list")) == 1
    assert [line["name"] for line in same(here, there, "queues", "list")] == ["mail"]
    assert len(same(here, there, "tasks", "list")) == 2
    assert same(here, there, "tasks", "show", "email.receipt")["jobs"]
    frame = there("top", "--once", "--json").ok().json
    assert frame["queues"][0]["name"] == "mail"


def test_dead_letters(db: Any, here: Run, there: Run) -> None:
    dead(db, 2, fingerprint="a" * 32)
    dead(db, 1, fingerprint="b" * 32)
    assert [line["count"] for line in same(here, there, "dlq", "groups")] == [2, 1]
    assert same(here, there, "dlq", "show", "aaa")["traceback"]
    assert same(here, there, "dlq", "requeue", "aaa", "--dry-run")["jobs"] == 2


def test_schedules(db: Any, here: Run, there: Run) -> None:
    made = ("schedules", "put", "digest", "email.digest", '{"to": "all"}', "--cron", "0 8 * * *",
            "--tz", "Europe/Berlin", "--force")  # fmt: skip
    there(*made, "--json").ok()
    assert same(here, there, "schedules", "list")[0]["name"] == "digest"
    assert same(here, there, "schedules", "show", "digest")
    assert len(same(here, there, "schedules", "next", "digest")) == 5
    there("schedules", "put", "digest", "--cron", "0 9 * * *", "--json").ok()
    shown = same(here, there, "schedules", "show", "digest")
    assert "0 9 * * *" in str(shown)
    assert '"to"' in here("schedules", "show", "digest", "--json").out
    there("schedules", "put", "digest", "email.digest", '{"cc": 1}', "--force", "--json").ok()
    assert '"to"' not in here("schedules", "show", "digest", "--json").out
    there("schedules", "pause", "digest", "--reason", "holiday").ok()
    assert there("schedules", "resume", "digest").code == 0
    assert there("schedules", "resume", "digest").code == here("schedules", "resume", "digest").code
    there("schedules", "run", "digest").ok()
    there("schedules", "delete", "digest", "--yes").ok()
    assert same(here, there, "schedules", "list") == []


def test_limits(db: Any, here: Run, there: Run) -> None:
    there("limits", "set", "smtp", "-q", "mail", "--rate", "14", "--per", "1s", "--json").ok()
    assert same(here, there, "limits", "list")[0]["rate"] == 14
    there("limits", "set", "smtp", "-q", "mail", "--concurrency", "2").ok()
    assert same(here, there, "limits", "show", "smtp")["limit"]["concurrency"] == 2
    there("limits", "delete", "smtp").ok()
    assert same(here, there, "limits", "list") == []
