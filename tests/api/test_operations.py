"""/operations: preview, begin, look, cancel, undo; within a tenant and its queues."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.api.conftest import Client
from tests.support import factories as f

Connection = psycopg.Connection[Any]
CANCEL = {"verb": "cancel", "filter": {"queues": ["email"]}, "reason": "wrong list"}


def act(db: Connection, operation: str) -> None:
    """What the worker does: a chunk of all jobs of the queue, then the end."""
    ids = [row[0] for row in f.rows(db, "select id from taskflow.job where queue = 'email'")]
    state = "select taskflow.operate(%s, %s, %s::bigint[])"
    assert f.value(db, state, int(operation), 0, sorted(ids)) == "running"
    assert f.value(db, state, int(operation), max(ids), []) == "done"


async def test_an_operation_is_previewed_begun_and_followed(client: Client, db: Connection) -> None:
    operator = client("operator")
    ids = f.enqueue_many(db, 3, queue="email")
    f.enqueue(db, queue="other")
    preview = await operator.post("/operations", json={**CANCEL, "dry_run": True})
    assert (preview.status_code, preview.json()["count"]) == (200, 3)
    assert [line["id"] for line in preview.json()["sample"]] == [str(id) for id in ids[::-1]]
    begun = await operator.post("/operations", json=CANCEL)
    assert begun.status_code == 202
    id = begun.json()["id"]
    assert begun.headers["location"] == f"/api/v1/operations/{id}"
    assert (begun.json()["expected"], begun.json()["created_by"]) == (3, "key:operator")
    act(db, id)
    operation = (await operator.get(f"/operations/{id}")).json()
    assert (operation["state"], operation["done"]) == ("done", 3)
    first = (await operator.get(f"/operations/{id}/items", params={"limit": "2"})).json()
    cursor = first["page"]["next"]
    rest = await operator.get(f"/operations/{id}/items", params={"limit": "2", "cursor": cursor})
    seen = [item["job_id"] for item in first["data"] + rest.json()["data"]]
    assert seen == [str(id) for id in ids]
    assert f.state(db, ids[0]) == "cancelled"


async def test_what_was_done_is_taken_back(client: Client, db: Connection) -> None:
    operator = client("operator")
    f.enqueue_many(db, 2, queue="email")
    id = (await operator.post("/operations", json=CANCEL)).json()["id"]
    act(db, id)
    undone = await operator.post(f"/operations/{id}/undo", json={"reason": "it was right"})
    assert (undone.status_code, undone.json()["verb"]) == (202, "undo")
    assert (undone.json()["undoes"], undone.json()["reason"]) == (id, "it was right")
    listed = (await operator.get("/operations")).json()["data"]
    assert [line["id"] for line in listed] == [undone.json()["id"], id]
    retry = {"verb": "retry", "all": True}
    other = (await operator.post("/operations", json=retry)).json()["id"]
    refused = await operator.post(f"/operations/{other}/undo")
    assert (refused.status_code, refused.json()["code"]) == (409, "TF121")


async def test_an_operation_is_stopped_once(client: Client, db: Connection) -> None:
    operator = client("operator")
    f.enqueue(db, queue="email")
    id = (await operator.post("/operations", json=CANCEL)).json()["id"]
    stopped = await operator.delete(f"/operations/{id}")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "cancelled")
    again = await operator.delete(f"/operations/{id}")
    assert (again.status_code, again.json()["code"]) == (409, "TF121")


async def test_a_filter_that_names_nothing_is_not_all(client: Client) -> None:
    refused = await client("operator").post("/operations", json={"verb": "cancel"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/filter")


async def test_a_verb_takes_what_it_needs_and_no_more(client: Client) -> None:
    operator = client("operator")
    move = {"verb": "move", "filter": {"queues": ["email"]}}
    refused = await operator.post("/operations", json=move)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/params/queue")
    taken = await operator.post("/operations", json={**move, "params": {"queue": "bulk"}})
    assert taken.json()["params"] == {"queue": "bulk"}
    cancel = {**CANCEL, "params": {"priority": "low"}}
    assert (await operator.post("/operations", json=cancel)).status_code == 400


async def test_operations_of_others_do_not_exist(client: Client, db: Connection) -> None:
    f.enqueue(db, queue="email")
    id = (await client("operator").post("/operations", json=CANCEL)).json()["id"]
    other = client("operator", tenant="acme")
    for answer in (
        await other.get(f"/operations/{id}"),
        await other.get(f"/operations/{id}/items"),
        await other.delete(f"/operations/{id}"),
        await other.post(f"/operations/{id}/undo"),
        await other.get("/operations/9223372036854775808"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TF134")
    assert (await other.get("/operations")).json()["data"] == []


async def test_whoever_is_bound_to_queues_acts_in_them_alone(
    client: Client, db: Connection
) -> None:
    f.enqueue(db, queue="email")
    f.enqueue(db, queue="other")
    everywhere = await client("operator").post("/operations", json={"verb": "cancel", "all": True})
    bound = client("operator", queues=["email"])
    preview = {"verb": "cancel", "all": True, "dry_run": True}
    assert (await bound.post("/operations", json=preview)).json()["count"] == 1
    begun = await bound.post("/operations", json={"verb": "cancel", "all": True})
    assert begun.json()["filter"]["queues"] == ["email"]
    assert f.job(db, int(begun.json()["job_id"])).queue == "email"
    elsewhere = {"verb": "cancel", "filter": {"queues": ["other"]}}
    away = {"verb": "move", "filter": {"queues": ["email"]}, "params": {"queue": "other"}}
    for body in (elsewhere, away):
        assert (await bound.post("/operations", json=body)).status_code == 403
    assert (await bound.get(f"/operations/{everywhere.json()['id']}")).status_code == 404
    undone = (await bound.post(f"/operations/{begun.json()['id']}/undo")).json()["id"]
    seen = [line["id"] for line in (await bound.get("/operations")).json()["data"]]
    assert seen == [undone, begun.json()["id"]]
