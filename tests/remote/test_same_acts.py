"""A command that changes something does through the API what it does on the database."""

from __future__ import annotations

import json
from typing import Any

from psycopg.types.json import Jsonb

from tests.cli.conftest import Run
from tests.cli.stage import dead, one_job_ends, publish, running
from tests.support import factories


def both(here: Run, there: Run, ids: list[int], *args: str) -> Any:
    """The JSON of a command on one job here and on another there; "ID" stands for its id."""
    local, remote = (
        way(*(str(id) if arg == "ID" else arg for arg in args), "--json")
        for way, id in zip((here, there), ids, strict=True)
    )
    texts = [said.out.replace(str(id), "ID") for said, id in zip((local, remote), ids, strict=True)]
    assert (remote.code, texts[1]) == (local.code, texts[0]), remote.err
    return json.loads(texts[1])


def states(db: Any, *ids: int) -> list[str]:
    return [factories.value(db, "select state from taskflow.get_job(%s)", id) for id in ids]


def test_enqueue(db: Any, here: Run, there: Run) -> None:
    publish(db, "email.receipt")
    options = ("--delay", "1h", "--tag", "vip", "--priority", "high", "--max-attempts", "7",
               "--meta", '{"who": "ann"}', "--timeout", "90s")  # fmt: skip
    ids = [
        int(way("enqueue", "email.receipt", '{"n": 1.50}', *options, "--json").ok().json["id"])
        for way in (here, there)
    ]
    compared = (
        "select queue, task, priority, max_attempts, timeout, tags, args::text, meta::text"
        " from taskflow.get_job(%s)"
    )
    rows = [db.execute(compared, (id,)).fetchone() for id in ids]
    assert rows[0] == rows[1]
    assert states(db, *ids) == ["scheduled", "scheduled"]


def test_enqueue_after_another_and_with_a_key(db: Any, here: Run, there: Run) -> None:
    first = there("enqueue", "a.b", "--unique", "k", "--json").ok().json
    assert first["outcome"] == "enqueued"
    again = there("enqueue", "a.b", "--unique", "k", "--json").ok().json
    assert again == {**first, "outcome": "existing"}
    after = there("enqueue", "a.b", "--after", first["id"], "--json").ok().json
    assert states(db, int(after["id"])) == ["blocked"]


def test_enqueue_many(db: Any, here: Run, there: Run) -> None:
    lines = '{"n": 1}\n5\n{"n": 2}\n'
    told = [way("enqueue", "a.b", "--many", "--json", stdin=lines) for way in (here, there)]
    assert [said.code for said in told] == [1, 1], told
    assert [len(said.json["ids"]) for said in told] == [2, 2]
    assert [[one["position"] for one in said.json["refused"]] for said in told] == [[1], [1]]
    assert factories.value(db, "select count(*) from taskflow.job") == 4


def test_enqueue_and_wait(dsn: str, there: Run) -> None:
    with one_job_ends(dsn, "completed", result=Jsonb({"ok": 1})):
        told = there("enqueue", "a.b", "--wait", "20s").ok()
    assert json.loads(told.out) == {"ok": 1}
    late = there("enqueue", "a.b", "--delay", "1h", "--wait=10ms")
    assert late.code == 6


def test_an_unknown_task_is_refused_alike(db: Any, here: Run, there: Run) -> None:
    publish(db, "email.receipt")
    local, remote = (way("enqueue", "email.reciept") for way in (here, there))
    assert (local.code, local.err) == (remote.code, remote.err)
    assert "email.receipt" in remote.err


def test_named_jobs(db: Any, here: Run, there: Run) -> None:
    both(here, there, dead(db, 2), "jobs", "retry", "ID")
    both(here, there, dead(db, 2), "jobs", "discard", "ID")
    waiting = [factories.enqueue(db), factories.enqueue(db)]
    both(here, there, waiting, "jobs", "reschedule", "ID", "2036-01-01")
    both(here, there, waiting, "jobs", "cancel", "ID", "--reason", "no")
    assert states(db, *waiting) == ["cancelled", "cancelled"]
    both(here, there, waiting, "jobs", "cancel", "ID")
    both(here, there, [job.id for job in running(db, 2)], "jobs", "cancel", "ID")


def test_a_filter(db: Any, here: Run, there: Run) -> None:
    ids = factories.enqueue_many(db, 230, queue="bulk")
    kept = factories.enqueue(db)
    assert there("jobs", "cancel", "-q", "bulk", "--dry-run", "--json").ok().json["jobs"] == 230
    told = there("jobs", "cancel", "-q", "bulk", "--yes", "--json").ok().json
    assert told["outcomes"] == {"cancelled": 230}
    assert set(states(db, *ids)) == {"cancelled"}
    assert states(db, kept) == ["available"]


def test_queues(db: Any, here: Run, there: Run) -> None:
    factories.enqueue(db, queue="mail")
    there("queues", "pause", "mail", "--reason", "SMTP is down").ok()
    reason = "select pause_reason from taskflow.queue where name = 'mail'"
    assert factories.value(db, reason) == "SMTP is down"
    assert there("queues", "resume", "mail", "--json").ok().json["was_paused"] is True
    for args in (("resume", "mail"), ("resume", "mial"), ("pause", "mail")):
        local = here("queues", *args)
        here("queues", "resume", "mail")
        remote = there("queues", *args)
        here("queues", "resume", "mail")
        assert (remote.code, remote.out, remote.err) == (local.code, local.out, local.err)


def test_operations(db: Any, here: Run, there: Run) -> None:
    factories.enqueue_many(db, 3, queue="bulk")
    made = there("operations", "start", "cancel", "-q", "bulk", "--yes", "--json").ok().json
    assert made["expected"] == 3
    for args in (("list",), ("show", made["id"])):
        assert there("operations", *args, "--json").out == here("operations", *args, "--json").out
    assert there("operations", "cancel", made["id"], "--json").ok().json["state"] == "cancelled"
    ended = [way("operations", "cancel", made["id"]) for way in (here, there)]
    assert ended[0] == ended[1]


def test_workflows(db: Any, here: Run, there: Run) -> None:
    text = json.dumps({"nodes": {"a": {"task": "t.a"}, "b": {"task": "t.b", "needs": ["a"]}}})
    assert there("workflow", "save", "nightly", text, "--json").ok().json["outcome"] == "saved"
    again = there("workflow", "save", "nightly", text, "--json").ok().json
    assert again == {"name": "nightly", "version": 1, "outcome": "unchanged"}
    run = there("workflow", "start", "nightly", "{}", "--json").ok().json["id"]
    for args in (("list",), ("show", run), ("graph", run), ("definitions",),
                 ("definitions", "nightly")):  # fmt: skip
        assert there("workflow", *args, "--json").out == here("workflow", *args, "--json").out
    assert there("why", run, "--json").json["causes"]
    there("workflow", "cancel", run, "--json").ok()
    assert there("workflow", "show", run, "--json").ok().json["state"] == "cancelled"
    ended = [way("workflow", "cancel", run, "--json") for way in (here, there)]
    assert ended[0] == ended[1]


def test_batches(db: Any, here: Run, there: Run) -> None:
    batch = factories.value(db, "select taskflow.create_batch('import')")
    ids = factories.enqueue_many(db, 3)
    factories.value(db, "select taskflow.put_in_batch(%s, %s::bigint[])", batch, ids)
    for args in (("list",), ("show", str(batch)), ("list", "--before", str(batch))):
        assert there("batches", *args, "--json").out == here("batches", *args, "--json").out
    assert there("batches", "cancel", str(batch), "--json").ok().json["cancelled"] == 3
