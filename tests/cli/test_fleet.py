"""Queues, workers, tasks, the dead-letter queue, and top."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from tests.cli.conftest import Run
from tests.cli.stage import dead, finished, publish, running, worker
from tests.support import factories


def test_queues_at_a_glance(cli: Run, db: Any) -> None:
    factories.enqueue_many(db, 3, queue="post")
    factories.enqueue(db, queue="post", delay="1 hour")
    running(db, 2, queue="busy")
    finished(db, 4, queue="busy")
    lines = {line["name"]: line for line in cli("queues", "list", "--json").ok().json}
    post, busy = lines["post"], lines["busy"]
    assert (post["available"], post["scheduled"], post["workers"]) == (3, 1, 0)
    assert (busy["available"], busy["running"], busy["workers"]) == (0, 2, 2)
    assert busy["per_second"] > 0
    assert post["oldest_due_at"] is not None
    shown = cli("queues", "list").ok().out
    assert "no worker serves it" in shown


def test_counting_stops_at_its_cap(cli: Run, db: Any) -> None:
    factories.enqueue_many(db, 10_000)
    factories.enqueue(db)
    factories.enqueue(db)
    assert "10,000+" in cli("queues", "list").ok().out


def test_pause_shows_who_and_why_until_it_is_resumed(cli: Run, db: Any) -> None:
    factories.enqueue(db, queue="post")
    cli("queues", "pause", "post", "--reason", "SMTP is down", "--until", "2h").ok()
    (line,) = cli("queues", "list", "--json").ok().json
    assert line["pause_reason"] == "SMTP is down"
    assert line["resume_at"] is not None
    assert factories.claim(db, factories.join(db, "post"), 1, "post") == []
    assert "paused" in cli("queues", "list", COLUMNS="160").ok().out
    assert "running again" in cli("queues", "resume", "post").ok().out


def test_a_pause_of_a_queue_that_nobody_named_says_so(cli: Run, db: Any) -> None:
    """It holds all the same: the first job may come tomorrow."""
    done = cli("queues", "pause", "nosuchqueue").ok()
    assert "is paused" in done.out
    assert "No job and no worker has named queue nosuchqueue yet" in done.err
    factories.enqueue(db, queue="post")
    assert cli("queues", "pause", "post").ok().err == ""
    factories.join(db, "crew")
    assert cli("queues", "pause", "crew").ok().err == ""


def test_a_queue_that_does_not_exist_cannot_go_on(cli: Run, db: Any) -> None:
    factories.enqueue(db, queue="post")
    done = cli("queues", "resume", "psot")
    assert done.code == 3
    assert done.err.startswith("TF130")
    assert '"post"' in done.err
    assert cli("queues", "resume", "post").code == 5


def test_rates_say_over_what_time(cli: Run, db: Any) -> None:
    finished(db, 4)
    assert "Done/s (1m)" in cli("queues", "list", COLUMNS="140").ok().out
    assert "done/s over 1m" in cli("top", "--once").ok().out


def test_workers_are_alive_draining_or_lost(cli: Run, db: Any) -> None:
    alive, draining, lost = worker(db, "a", "b", slots=[2, 3]), worker(db), worker(db)
    db.execute("update taskflow.worker set state = 'draining' where id = %s", (draining,))
    db.execute(
        "update taskflow.worker set lease_until = taskflow.now() - interval '1 minute' "
        "where id = %s",
        (lost,),
    )
    states = {int(line["id"]): line["state"] for line in cli("workers", "--json").ok().json}
    assert states == {alive: "alive", draining: "draining", lost: "lost"}
    shown = cli("workers", "list", COLUMNS="140").ok().out
    for word in ("box-1", "77", "a=2 b=3", "0/5", "polling", "out 1m"):
        assert word in shown


def test_workers_are_asked_to_drain(cli: Run, db: Any) -> None:
    first = worker(db, "a")
    assert f"Worker {first} drains." in cli("workers", "drain", str(first)).ok().out
    (line,) = cli("workers", "--json").ok().json
    assert line["state"] == "draining"
    unknown = cli("workers", "drain", "99999")
    assert (unknown.code, "worker 99999 is not registered" in unknown.err) == (3, True)


def test_tasks_that_a_worker_does_not_know_are_named(cli: Run, db: Any) -> None:
    for name in ("mail.send", "img.resize"):
        factories.enqueue(db, name, queue="post")
    first = worker(db, "post", "other", tasks=["t"])
    for job in factories.claim(db, first, 2, "post"):
        factories.settle(db, job, "released", delay="30 seconds")
    factories.enqueue(db, "mail.send", queue="other", delay="1 hour")  # never claimed
    unknown = Jsonb({"unknown_tasks": ["img.resize", "mail.send"]})
    factories.renew(db, first, [], report=unknown)
    shown = cli("workers", "list", COLUMNS="200").ok().out
    assert "does not know img.resize, mail.send" in shown
    shown = cli("queues", "list", COLUMNS="200").ok().out
    assert shown.count("no worker knows img.resize, mail.send") == 1
    worker(db, "post", tasks=["mail.send"])
    lines = {line["name"]: line for line in cli("queues", "list", "--json").ok().json}
    assert lines["post"]["unknown_tasks"] == ["img.resize"]
    assert lines["other"]["unknown_tasks"] is None


def test_tasks_and_who_knows_them(cli: Run, db: Any) -> None:
    publish(db, "mail.send", "img.resize")
    worker(db, tasks=["mail.send"])
    lines = {line["name"]: line for line in cli("tasks", "list", "--json").ok().json}
    assert (lines["mail.send"]["workers"], lines["img.resize"]["workers"]) == (1, 0)
    told = cli("tasks", "show", "mail.send", "--json").ok().json
    assert told["args_schema"] == {"type": "object"}
    assert len(told["workers"]) == 1
    done = cli("tasks", "show", "mail.sned")
    assert done.code == 3
    assert '"mail.send"' in done.err


def test_the_jobs_of_a_task_by_version_show_what_is_drained(cli: Run, db: Any) -> None:
    for _ in range(3):
        factories.enqueue(db, "mail.send", args_version=1)
    hopeless, _ = factories.claim(db, worker(db), 2)
    factories.settle(db, hopeless, "discarded")
    publish(db, "mail.send")
    db.execute("update taskflow.task set version = 2")
    factories.enqueue(db, "mail.send")
    told = cli("tasks", "show", "mail.send", "--json").ok().json
    assert (told["version"], told["check_args"]) == (2, "reject")
    assert told["jobs"] == [
        {"version": 1, "waiting": 1, "running": 1, "dead": 1},
        {"version": 2, "waiting": 1, "running": 0, "dead": 0},
    ]
    assert "1              1        1     1" in cli("tasks", "show", "mail.send").ok().out


def test_which_role_may_name_which_tenant(cli: Run, db: Any) -> None:
    assert "may name the tenant default only" in cli("tenants", "list").ok().err
    done = cli("tenants", "allow", "nobody_here", "acme")
    assert (done.code, "role 'nobody_here' does not exist" in done.err) == (2, True)
    assert cli("tenants", "allow", "taskflow_producer", "Acme!").code == 2
    for _ in range(2):
        cli("tenants", "allow", "taskflow_producer", "acme").ok()
    grant = {"tenant": "acme", "role": "taskflow_producer", "role_exists": True}
    assert cli("tenants", "list", "--json").ok().json == [grant]
    assert "acme    taskflow_producer" in cli("tenants", "list").ok().out
    told = cli("tenants", "forbid", "taskflow_producer", "acme", "--json").ok().json
    assert told["was_allowed"] is True
    assert cli("tenants", "forbid", "taskflow_producer", "acme").code == 5


def test_dead_jobs_by_kind(cli: Run, db: Any) -> None:
    dead(db, 3, "a" * 32)
    dead(db, 1, "b" * 32, error={"class": "KeyError", "message": "'x'"}, task="other")
    first, second = cli("dlq", "groups", "--json").ok().json
    assert (first["count"], first["error_class"], first["tasks"]) == (3, "SMTPError", ["t"])
    assert (second["count"], second["tasks"]) == (1, ["other"])
    assert len(cli("dlq", "groups", "-t", "other", "--json").ok().json) == 1
    told = cli("dlq", "show", "aaa", "--json").ok().json
    assert told["group"]["count"] == 3
    assert told["traceback"] == "Traceback: boom"
    assert len(told["latest"]) == 3


def test_a_kind_is_requeued_or_discarded_as_one(cli: Run, db: Any) -> None:
    again, gone = dead(db, 2, "a" * 32), dead(db, 2, "b" * 32)
    assert "Would requeue 2 jobs matching" in cli("dlq", "requeue", "aa", "--dry-run").ok().out
    told = cli("dlq", "requeue", "aa", "--dry-run", "--json").ok().json
    assert (told["verb"], told["matching"]) == ("requeue", f"state dead, fingerprint {'a' * 32}")
    assert cli("dlq", "requeue", "aa", "--yes").ok().out == "2 jobs requeued.\n"
    cli("dlq", "discard", "bb", "--yes").ok()
    assert {factories.state(db, id) for id in again} == {"available"}
    assert {factories.state(db, id) for id in gone} == {"cancelled"}


def test_a_fingerprint_that_begins_two_is_refused(cli: Run, db: Any) -> None:
    dead(db, 1, "ab" * 16)
    dead(db, 1, "ac" * 16)
    assert cli("dlq", "requeue", "a", "--yes").code == 2


def test_top_prints_one_frame_without_a_terminal(cli: Run, db: Any) -> None:
    dead(db)
    factories.enqueue(db, queue="post")
    for words in (["top"], ["top", "--once"]):
        shown = cli(*words).ok().out
        for word in ("1 waiting", "post", "Latest failures", "SMTPError"):
            assert word in shown
    frame = cli("top", "--once", "--json").ok().json
    assert {line["name"] for line in frame["queues"]} == {"default", "post"}
