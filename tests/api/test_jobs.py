"""/jobs: enqueue, list, look, act."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Client, Connection
from tests.support import factories as f


async def test_a_job_is_enqueued_listed_and_shown(client: Client) -> None:
    admin = client("admin")
    answer = await admin.post("/jobs", json={"task": "mail.send", "args": {"order": 7}})
    assert (answer.status_code, answer.json()["outcome"]) == (201, "enqueued")
    id = answer.json()["id"]
    (line,) = (await admin.get("/jobs")).json()["data"]
    assert (line["id"], line["task"], line["state"]) == (id, "mail.send", "available")
    job = (await admin.get(f"/jobs/{id}")).json()["job"]
    assert (job["args"], job["created_by"]) == ({"order": 7}, "key:admin")


async def test_pages_follow_each_other_and_end(client: Client) -> None:
    admin = client("admin")
    for number in range(5):
        await admin.post("/jobs", json={"task": "t", "args": {"number": number}})
    seen: list[str] = []
    cursor: Any = None
    while True:
        asked = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/jobs", params=asked)).json()
        seen += [line["id"] for line in page["data"]]
        cursor = page["page"]["next"]
        assert page["page"]["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == sorted(seen, key=int, reverse=True)
    assert len(seen) == 5


async def test_a_cursor_is_good_for_its_filter_only(client: Client) -> None:
    admin = client("admin")
    for _ in range(3):
        await admin.post("/jobs", json={"task": "t"})
    cursor = (await admin.get("/jobs", params={"limit": "1"})).json()["page"]["next"]
    refused = await admin.get("/jobs", params={"limit": "1", "state": "dead", "cursor": cursor})
    assert (refused.status_code, refused.json()["code"]) == (400, "TF173")
    forged = cursor[:-4] + "AAAA"
    assert (await admin.get("/jobs", params={"limit": "1", "cursor": forged})).status_code == 400


async def test_an_idempotency_key_gives_the_same_answer_again(client: Client) -> None:
    admin = client("admin")
    key = {"idempotency-key": "order-7"}
    first = await admin.post("/jobs", json={"task": "t"}, headers=key)
    again = await admin.post("/jobs", json={"task": "t"}, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await admin.post("/jobs", json={"task": "other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "TF175")
    assert len((await admin.get("/jobs")).json()["data"]) == 1


async def test_what_others_changed_is_not_overwritten(client: Client) -> None:
    admin = client("admin")
    id = (await admin.post("/jobs", json={"task": "t"})).json()["id"]
    tag = (await admin.get(f"/jobs/{id}")).headers["etag"]
    missing = await admin.patch(f"/jobs/{id}", json={"priority": "high"})
    assert (missing.status_code, missing.json()["code"]) == (428, "TF177")
    edited = await admin.patch(f"/jobs/{id}", json={"priority": "high"}, headers={"if-match": tag})
    assert (edited.status_code, edited.json()["job"]["priority"]) == (200, "high")
    stale = await admin.patch(f"/jobs/{id}", json={"priority": "low"}, headers={"if-match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "TF193")


async def test_an_unchanged_answer_is_not_sent_again(client: Client) -> None:
    admin = client("admin")
    await admin.post("/jobs", json={"task": "t"})
    tag = (await admin.get("/jobs")).headers["etag"]
    again = await admin.get("/jobs", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_count_is_exact_or_says_at_least(client: Client, db: Connection) -> None:
    admin = client("admin")
    f.enqueue_many(db, 3)
    counted = (await admin.get("/jobs", params={"count": "true", "limit": "2"})).json()
    assert (counted["count"], len(counted["data"])) == ({"value": 3, "kind": "exact"}, 2)
    f.enqueue_many(db, 10_000)
    many = (await admin.get("/jobs", params={"count": "true"})).json()
    assert many["count"] == {"value": 10_000, "kind": "at_least"}
    assert (await admin.get("/jobs")).json()["count"] is None


async def test_attempts_and_logs_come_along_when_asked_for(client: Client, db: Connection) -> None:
    admin = client("admin")
    id = f.enqueue(db)
    (job,) = f.claim(db, f.join(db))
    f.settle(db, job, "failed")
    detail = (await admin.get(f"/jobs/{id}", params={"include": "attempts,logs"})).json()
    assert ([one["outcome"] for one in detail["attempts"]], detail["logs"]) == (["failed"], [])
    assert (await admin.get(f"/jobs/{id}")).json()["attempts"] is None
    assert (await admin.get(f"/jobs/{id}", params={"include": "all"})).status_code == 400


async def test_a_misspelt_filter_is_refused(client: Client) -> None:
    answer = await client("admin").get("/jobs", params={"stat": "dead"})
    assert (answer.status_code, answer.json()["code"]) == (400, "TF173")
    assert "did you mean state?" in answer.json()["detail"]


async def test_an_unknown_field_is_refused(client: Client) -> None:
    answer = await client("admin").post("/jobs", json={"task": "t", "tenant": "other"})
    assert (answer.status_code, answer.json()["code"]) == (400, "TF173")
    assert "unknown field `tenant`" in answer.json()["detail"]
