"""POST /jobs:enqueue_many: a result for each item, or all of them or none."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.api.conftest import Client
from tests.support import factories as f

Connection = psycopg.Connection[Any]
URL = "/jobs:enqueue_many"
COUNT = "select count(*) from taskflow.job"


async def test_each_item_has_its_result(client: Client, db: Connection) -> None:
    items: list[Any] = [
        {"task": "a", "args": {"n": 0}},
        {"task": "b", "args": {"n": 1}, "queue": "email", "priority": "high"},
        {"task": "no name"},
        {"task": "a", "args": {"n": 3}},
        {"task": "a", "args": [], "odd": 1},
        {"task": "a", "args": {"n": 5}, "depends_on": ["99999"]},
        "nothing",
    ]
    answer = await client("producer").post(URL, json={"items": items})
    assert (answer.status_code, answer.json()["refused"]) == (200, 4)
    data = answer.json()["data"]
    assert [item["position"] for item in data] == list(range(7))
    codes = [item.get("code") for item in data]
    assert codes == [None, None, "TF110", None, "TF173", "TF120", "TF173"]
    for at in (0, 1, 3):
        job = f.job(db, int(data[at]["id"]))
        assert (job.task, job.args, data[at]["outcome"]) == (
            items[at]["task"], {"n": at}, "enqueued",
        )  # fmt: skip
    assert f.job(db, int(data[1]["id"])).queue == "email"
    assert f.value(db, COUNT) == 3


async def test_an_atomic_call_does_all_or_nothing(client: Client, db: Connection) -> None:
    producer = client("producer")
    good: list[dict[str, Any]] = [{"task": "a"}, {"task": "b"}]
    mixed = {"items": [*good, {"task": "c", "queue": "No Queue"}], "atomic": True}
    refused = await producer.post(URL, json=mixed)
    assert (refused.status_code, refused.json()["code"]) == (409, "TF125")
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/items/2", "TF110")
    assert f.value(db, COUNT) == 0
    done = await producer.post(URL, json={"items": good, "atomic": True})
    assert (done.status_code, done.json()["refused"], f.value(db, COUNT)) == (200, 0, 2)


async def test_lines_of_json_are_taken_too(client: Client, db: Connection) -> None:
    lines = "\n".join(json.dumps({"task": "t", "args": {"n": n}}) for n in range(3)) + "\n{\n"
    kind = {"content-type": "application/x-ndjson; charset=utf-8"}
    producer = client("producer")
    answer = await producer.post(URL, content=lines, headers=kind)
    codes = [item.get("code") for item in answer.json()["data"]]
    assert codes == [None, None, None, "TF173"]
    assert f.value(db, COUNT) == 3
    atomic = await producer.post(URL, content=lines, headers=kind, params={"atomic": "true"})
    assert (atomic.status_code, f.value(db, COUNT)) == (409, 3)


async def test_unique_keys_are_met_item_by_item(client: Client) -> None:
    keys = ["one", "two", "one", None]
    items = [{"task": "t", "unique_key": key} for key in keys]
    data = (await client("producer").post(URL, json={"items": items})).json()["data"]
    outcomes = [item["outcome"] for item in data]
    assert sorted(outcomes) == ["enqueued", "enqueued", "enqueued", "existing"]
    assert data[0]["id"] == data[2]["id"]


async def test_each_item_keeps_to_the_callers_queues(client: Client, db: Connection) -> None:
    task = {"name": "elsewhere", "queue": "other"}
    db.execute("select taskflow.publish_tasks(%s)", [Jsonb([task])])
    items = [
        {"task": "t", "queue": "email"},
        {"task": "t", "queue": "other"},
        {"task": "elsewhere"},
        {"task": "elsewhere", "queue": "email"},
    ]
    bound = client("producer", scopes=["jobs:enqueue:email"])
    data = (await bound.post(URL, json={"items": items})).json()["data"]
    assert [item.get("code") for item in data] == [None, "TF171", "TF171", None]
    assert f.value(db, COUNT + " where queue <> 'email'") == 0


async def test_jobs_are_of_the_callers_tenant(client: Client, db: Connection) -> None:
    acme = client("producer", tenant="acme")
    await acme.post(URL, json={"items": [{"task": "t"}]})
    assert f.value(db, "select tenant from taskflow.job") == "acme"
    given = await acme.post(URL, json={"items": [{"task": "t", "tenant": "default"}]})
    assert given.json()["data"][0]["code"] == "TF173"


async def test_ten_thousand_items_are_taken_and_no_more(client: Client, db: Connection) -> None:
    producer = client("producer")
    items = [{"task": "t"}] * 10_000
    answer = await producer.post(URL, json={"items": items})
    assert (answer.status_code, answer.json()["refused"]) == (200, 0)
    ids = {item["id"] for item in answer.json()["data"]}
    assert len(ids) == 10_000
    more = await producer.post(URL, json={"items": [*items, {"task": "t"}]})
    assert (more.status_code, more.json()["code"]) == (400, "TF122")
    assert f.value(db, COUNT) == 10_000


async def test_a_body_that_cannot_be_read_is_refused(client: Client) -> None:
    producer = client("producer")
    deep = b'{"items": [' + b"[" * 5_000 + b"]" * 5_000 + b"]}"
    for body in (b"", b"[]", b'{"items": 1}', b'{"items": [], "odd": 1}', deep):
        sent = {"content-type": "application/json"}
        refused = await producer.post(URL, content=body, headers=sent)
        assert (refused.status_code, refused.json()["code"]) == (400, "TF173"), body
    assert (await producer.post(URL, json={"items": []})).json() == {"data": [], "refused": 0}


async def test_a_repeated_call_enqueues_nothing_again(client: Client, db: Connection) -> None:
    producer = client("producer")
    key, body = {"idempotency-key": "orders-7"}, {"items": [{"task": "t"}] * 3}
    first = await producer.post(URL, json=body, headers=key)
    again = await producer.post(URL, json=body, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert f.value(db, COUNT) == 3


async def test_a_key_does_not_reach_into_the_queues_of_others(
    client: Client, db: Connection
) -> None:
    unique = {"task": "t", "unique_key": "k", "unique_scope": "tenant"}
    held = await client("admin").post("/jobs", json={**unique, "queue": "other"})
    bound = client("producer", queues=["email"])
    change = {**unique, "queue": "email", "args": {"n": 1}, "on_conflict": "replace"}
    one = await bound.post("/jobs", json=change)
    assert (one.status_code, one.json()["code"]) == (403, "TF171")
    many = (await bound.post(URL, json={"items": [change]})).json()
    assert many["data"][0]["code"] == "TF171"
    assert f.job(db, int(held.json()["id"])).args == {}
