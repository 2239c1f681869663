"""/queues, /tasks and /workers: what waits where, what can run, and who serves it."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.api.conftest import Client
from tests.support import factories as f

Connection = psycopg.Connection[Any]
TASK = {"name": "mail.send", "queue": "email", "args_schema": {"type": "object"}}


async def test_a_tenant_sees_its_own_counts(client: Client, db: Connection) -> None:
    f.enqueue_many(db, 5, queue="email", tenant="acme")
    f.enqueue(db, queue="email")
    f.enqueue(db, queue="email", delay="1 hour")
    f.enqueue(db, queue="bulk")
    worker = f.join(db, "email", "bulk")
    (done,) = f.claim(db, worker, 1, "bulk")
    f.settle(db, done)
    viewer = client("viewer")
    page = (await viewer.get("/queues")).json()
    lines = {line["name"]: line for line in page["data"]}
    assert list(lines) == ["bulk", "email"]
    email = lines["email"]
    assert (email["available"], email["scheduled"], email["workers"]) == (1, 1, 1)
    assert (lines["bulk"]["available"], lines["bulk"]["per_second"]) == (0, 1 / 60)
    (theirs,) = (await client("viewer", tenant="acme").get("/queues")).json()["data"]
    assert (theirs["name"], theirs["available"], theirs["running"]) == ("email", 5, 0)


async def test_queues_come_in_pages(client: Client, db: Connection) -> None:
    for name in ("a", "b", "c"):
        f.enqueue(db, queue=name)
    viewer = client("viewer")
    first = (await viewer.get("/queues", params={"limit": 2})).json()
    cursor = first["page"]["next"]
    rest = (await viewer.get("/queues", params={"limit": 2, "cursor": cursor})).json()
    assert [line["name"] for line in first["data"] + rest["data"]] == ["a", "b", "c"]
    assert rest["page"] == {"next": None, "has_more": False}


async def test_a_queue_is_paused_and_resumed(client: Client, db: Connection) -> None:
    f.enqueue(db, queue="email")
    operator = client("operator")
    body = {"reason": "SMTP is down", "resume_at": "2999-01-01T00:00:00Z"}
    paused = await operator.post("/queues/email/pause", json=body)
    assert (paused.status_code, paused.json()["pause_reason"]) == (200, "SMTP is down")
    assert paused.json()["paused_by"] == "key:operator"
    shown = (await operator.get("/queues/email")).json()
    assert shown["resume_at"] == "2999-01-01T00:00:00Z"
    assert (await operator.get("/queues/email/stats")).json()["available"] == 1
    resumed = await operator.post("/queues/email/resume")
    assert (resumed.status_code, resumed.json()["paused_at"]) == (200, None)


async def test_a_pause_is_of_one_tenant(client: Client, db: Connection) -> None:
    f.enqueue(db, queue="email")
    f.enqueue(db, queue="email", tenant="acme")
    await client("operator", tenant="acme").post("/queues/email/pause")
    assert (await client("viewer").get("/queues/email")).json()["paused_at"] is None


async def test_what_waits_in_a_queue_is_purged(client: Client, db: Connection) -> None:
    f.enqueue_many(db, 3, queue="email")
    operator = client("operator")
    dry = await operator.post("/queues/email/purge", json={"dry_run": True})
    assert (dry.status_code, dry.json()["count"]) == (200, 3)
    begun = await operator.post("/queues/email/purge", json={"reason": "wrong list", "rate": 5})
    assert (begun.status_code, begun.json()["verb"], begun.json()["rate"]) == (202, "cancel", 5)
    assert begun.json()["filter"] == {
        "queues": ["email"],
        "states": ["scheduled", "blocked", "available", "retrying"],
    }
    assert begun.headers["location"].endswith(f"/operations/{begun.json()['id']}")


async def test_a_queue_that_nobody_named_is_not_found(client: Client, db: Connection) -> None:
    f.enqueue(db, queue="theirs", tenant="acme")
    operator = client("operator")
    for name in ("nowhere", "theirs"):
        for answer in (
            await operator.get(f"/queues/{name}"),
            await operator.post(f"/queues/{name}/resume"),
            await operator.post(f"/queues/{name}/purge"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "TF130")
    assert (await operator.post("/queues/No%20Name/pause")).status_code == 400


async def test_whoever_is_bound_to_queues_sees_no_other(client: Client, db: Connection) -> None:
    f.enqueue(db, queue="email")
    f.enqueue(db, queue="other")
    bound = client("operator", queues=["email"])
    listed = (await bound.get("/queues")).json()["data"]
    assert [line["name"] for line in listed] == ["email"]
    assert (await bound.get("/queues/other")).status_code == 404
    assert (await bound.post("/queues/other/pause")).status_code == 403
    assert (await bound.post("/queues/other/purge")).status_code == 404


async def test_more_jobs_than_are_counted_are_walked(
    client: Client, db: Connection, monkeypatch: Any
) -> None:
    from taskflow.calls import queues

    monkeypatch.setattr(queues, "_OWN", queues._OWN.replace("100001", "3").replace("100000", "2"))
    f.enqueue_many(db, 5, queue="email")
    f.enqueue(db, queue="other", tenant="acme")
    (line,) = (await client("viewer").get("/queues")).json()["data"]
    assert (line["name"], line["available"]) == ("email", 5)


async def test_tasks_are_shown_as_they_were_published(client: Client, db: Connection) -> None:
    db.execute("select taskflow.publish_tasks(%s)", [Jsonb([TASK])])
    worker = f.join(db, "email")
    f.enqueue(db, "mail.send", args=Jsonb({}))
    viewer = client("viewer")
    (line,) = (await viewer.get("/tasks")).json()["data"]
    assert (line["name"], line["queue"], line["workers"]) == ("mail.send", "email", 1)
    shown = (await viewer.get("/tasks/mail.send")).json()
    assert shown["task"]["args_schema"] == {"type": "object"}
    assert (shown["jobs"][0]["waiting"], shown["workers"][0]["id"]) == (1, str(worker))
    foreign = (await client("viewer", tenant="acme").get("/tasks/mail.send")).json()
    assert (foreign["jobs"], foreign["workers"]) == ([], None)
    unknown = await viewer.get("/tasks/mail.sent")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TF131")


async def test_workers_are_listed_shown_and_asked_to_drain(client: Client, db: Connection) -> None:
    one, two = f.join(db, "email"), f.join(db, "bulk")
    operator = client("operator")
    first = (await operator.get("/workers", params={"limit": 1})).json()
    rest = (await operator.get("/workers", params={"cursor": first["page"]["next"]})).json()
    assert [line["id"] for line in first["data"] + rest["data"]] == [str(one), str(two)]
    drained = await operator.post(f"/workers/{one}/drain")
    assert (drained.status_code, drained.json()["state"]) == (202, "draining")
    (said,) = f.renew(db, one, [], report=Jsonb({"state": "running"}))
    assert (said.id, said.verdict) == (0, "drain")
    assert f.renew(db, one, [], report=Jsonb({"state": "draining"})) == []
    assert f.renew(db, one, []) == []  # a worker that reports no state could not read the answer
    assert (await operator.get(f"/workers/{one}")).json()["state"] == "draining"
    assert (await operator.get(f"/workers/{two}")).json()["state"] == "alive"
    unknown = await operator.post("/workers/99999/drain")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TF140")


async def test_workers_are_for_the_installations_own_tenant(client: Client, db: Connection) -> None:
    worker = f.join(db)
    admin = client("admin", tenant="acme")
    for answer in (await admin.get("/workers"), await admin.post(f"/workers/{worker}/drain")):
        assert answer.status_code == 403
