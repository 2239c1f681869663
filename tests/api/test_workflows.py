"""/workflows, /workflow_definitions and /batches."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import httpx
import psycopg

from tests.api.conftest import Client
from tests.support import factories as f
from tests.support import flows

Connection = psycopg.Connection[Any]
NIGHTLY = {
    "nodes": {
        "fetch": {"task": "app.fetch", "args": {"page": 1, "api_key": "k"}},
        "approve": {"signal": "approve", "needs": ["fetch"]},
        "store": {"task": "app.store", "needs": ["approve"]},
    }
}


async def save(who: httpx.AsyncClient, **more: str) -> httpx.Response:
    return await who.put("/workflow_definitions/nightly", json=NIGHTLY, headers=more)


async def start(who: httpx.AsyncClient, **more: Any) -> str:
    answer = await who.post("/workflows", json={"name": "nightly", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


# --- definitions ----------------------------------------------------------------------------------


async def test_a_definition_is_saved_in_versions(client: Client) -> None:
    admin = client("admin")
    saved = await save(admin)
    assert (saved.status_code, saved.json()["version"]) == (201, 1)
    same = await save(admin)
    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert (await save(admin, **{"if-none-match": "*"})).status_code == 412
    assert (await save(admin, **{"if-match": '"old"'})).status_code == 412
    shorter = {"nodes": {"fetch": NIGHTLY["nodes"]["fetch"]}}
    seen = {"if-match": saved.headers["etag"]}
    second = await admin.put("/workflow_definitions/nightly", json=shorter, headers=seen)
    assert (second.status_code, second.json()["version"]) == (201, 2)
    first = (await admin.get("/workflow_definitions/nightly", params={"version": 1})).json()
    assert first["definition"] == NIGHTLY
    (line,) = (await admin.get("/workflow_definitions")).json()["data"]
    assert (line["name"], line["version"], line["nodes"]) == ("nightly", 2, 1)


async def test_a_definition_that_cannot_be_is_refused_where_it_is_wrong(client: Client) -> None:
    wrong = {"nodes": {"a": {"task": "t", "needs": ["b"]}}}
    refused = await client("operator").put("/workflow_definitions/w", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (400, "TF160")
    assert refused.json()["errors"][0]["pointer"] == "/nodes/a/needs/0"


async def test_secrets_of_a_definition_are_for_administrators(client: Client) -> None:
    await save(client("admin"))
    shown = (await client("viewer").get("/workflow_definitions/nightly")).json()
    assert shown["definition"]["nodes"]["fetch"]["args"] == {"page": 1, "api_key": "[redacted]"}
    unknown = await client("viewer").get("/workflow_definitions/weekly")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TF161")


# --- runs -----------------------------------------------------------------------------------------


async def test_a_run_is_started_signalled_and_seen_to_its_end(
    client: Client, db: Connection
) -> None:
    operator = client("operator")
    await save(operator)
    begun = await operator.post("/workflows", json={"name": "nightly", "key": "monday"})
    id = begun.json()["id"]
    assert begun.headers["location"] == f"/api/v1/workflows/{id}"
    again = await operator.post("/workflows", json={"name": "nightly", "key": "monday"})
    assert again.json() == {"id": id, "outcome": "existing"}
    flows.work(db)
    causes = (await operator.get(f"/workflows/{id}/why")).json()["data"]
    assert "1 of 3 steps" in causes[0]["sentence"]
    asked = {"node": "approve"}
    causes = (await operator.get(f"/workflows/{id}/why", params=asked)).json()["data"]
    assert "signal" in causes[0]["sentence"]
    sent = await operator.post(f"/workflows/{id}/signal", json={"name": "approve", "payload": 1})
    assert (sent.status_code, sent.json()) == (200, {"outcome": "taken"})
    flows.work(db)
    run = (await operator.get(f"/workflows/{id}")).json()
    assert (run["state"], run["succeeded"]) == ("succeeded", 3)


async def test_runs_come_in_pages(client: Client) -> None:
    operator = client("operator")
    await save(operator)
    ids = [await start(operator) for _ in range(3)]
    asked: dict[str, Any] = {"limit": 2, "workflow": "nightly", "state": "running"}
    first = (await operator.get("/workflows", params=asked)).json()
    asked["cursor"] = first["page"]["next"]
    rest = (await operator.get("/workflows", params=asked)).json()
    assert [line["id"] for line in first["data"] + rest["data"]] == ids[::-1]
    assert "input" not in first["data"][0]
    failed = await operator.get("/workflows", params={"state": "failed"})
    assert failed.json()["data"] == []
    assert (await operator.get("/workflows", params={"state": "odd"})).status_code == 400


async def test_a_run_of_no_saved_workflow(client: Client) -> None:
    operator = client("operator")
    begun = await operator.post("/workflows", json={"definition": NIGHTLY, "input": {"token": 7}})
    run = (await operator.get(f"/workflows/{begun.json()['id']}")).json()
    assert (run["workflow"], run["input"]) == (None, {"token": "[redacted]"})
    for wrong in ({}, {"name": "n", "definition": NIGHTLY}, {"definition": NIGHTLY, "key": "k"}):
        assert (await operator.post("/workflows", json=wrong)).status_code == 400
    unknown = await operator.post("/workflows", json={"name": "weekly"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TF161")


async def test_a_run_is_drawn(client: Client, db: Connection) -> None:
    operator = client("operator")
    await save(operator)
    url = f"/workflows/{await start(operator)}/graph"
    picture = (await operator.get(url)).json()
    assert picture["title"].endswith("of nightly v1: running")
    names = [box["node"]["name"] for box in picture["layout"]["boxes"]]
    assert sorted(names) == ["approve", "fetch", "store"]
    for answer in (
        await operator.get(url, params={"format": "svg"}),
        await operator.get(url, headers={"accept": "image/svg+xml"}),
    ):
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert "script" not in answer.headers["content-security-policy"]
        assert ET.fromstring(answer.text).tag.endswith("svg")


async def test_steps_come_in_pages(client: Client, db: Connection) -> None:
    operator = client("operator")
    mapped = {"nodes": {"each": {"task": "t", "for_each": "$.input.items"}}}
    body = {"definition": mapped, "input": {"items": [1, 2, 3]}}
    id = (await operator.post("/workflows", json=body)).json()["id"]
    flows.work(db)
    seen: list[tuple[str, int]] = []
    asked: dict[str, Any] = {"limit": 1}
    while True:
        page = (await operator.get(f"/workflows/{id}/nodes", params=asked)).json()
        seen += [(step["node"], step["item_no"]) for step in page["data"]]
        if not page["page"]["has_more"]:
            break
        asked["cursor"] = page["page"]["next"]
    assert seen == [("each", -1), ("each", 0), ("each", 1), ("each", 2)]


async def test_a_run_is_called_off_once_and_taken_up_again(client: Client, db: Connection) -> None:
    operator = client("operator")
    await save(operator)
    id = await start(operator)
    early = await operator.post(f"/workflows/{id}/retry")
    assert (early.status_code, early.json()["code"]) == (409, "TF163")
    cancelled = await operator.post(f"/workflows/{id}/cancel", json={"reason": "wrong region"})
    assert cancelled.json() == {"outcome": "cancelled"}
    late = await operator.post(f"/workflows/{id}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "TF163")
    again = await operator.post(f"/workflows/{id}/retry")
    assert (again.status_code, again.json()["state"]) == (200, "running")


async def test_runs_of_others_do_not_exist(client: Client) -> None:
    operator = client("operator")
    await save(operator)
    id = await start(operator)
    other = client("operator", tenant="acme")
    for answer in (
        await other.get(f"/workflows/{id}"),
        await other.get(f"/workflows/{id}/graph"),
        await other.get(f"/workflows/{id}/nodes"),
        await other.get(f"/workflows/{id}/why"),
        await other.post(f"/workflows/{id}/cancel"),
        await other.post(f"/workflows/{id}/retry"),
        await other.post(f"/workflows/{id}/signal", json={"name": "approve"}),
        await other.get("/workflows/9223372036854775808"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TF162"), answer.request.url
    assert (await other.get("/workflow_definitions/nightly")).status_code == 404
    assert (await other.get("/workflows")).json()["data"] == []
    bound = client("operator", queues=["email"])
    assert (await bound.get("/workflows")).status_code == 403


# --- batches --------------------------------------------------------------------------------------


async def test_batches_are_listed_shown_and_cancelled(client: Client, db: Connection) -> None:
    operator = client("operator")
    ids = [f.call(db, "create_batch", name=name) for name in ("one", "two")]
    jobs = f.enqueue_many(db, 3)
    f.call(db, "put_in_batch", batch_id=ids[0], ids=jobs)
    first = (await operator.get("/batches", params={"limit": 1})).json()
    asked = {"limit": 1, "cursor": first["page"]["next"]}
    rest = (await operator.get("/batches", params=asked)).json()
    assert [line["id"] for line in first["data"] + rest["data"]] == [str(ids[1]), str(ids[0])]
    assert (await operator.get(f"/batches/{ids[0]}")).json()["pending"] == 3
    cancelled = await operator.post(f"/batches/{ids[0]}/cancel", json={"reason": "wrong file"})
    assert cancelled.json() == {"cancelled": 3, "requested": 0, "remaining": 0}
    other = client("operator", tenant="acme")
    for answer in (
        await other.get(f"/batches/{ids[0]}"),
        await other.post(f"/batches/{ids[0]}/cancel"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TF164")
