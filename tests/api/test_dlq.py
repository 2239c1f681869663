"""/dlq: kinds of failure, their jobs, and acting on a whole kind."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.api.conftest import Client
from tests.support import factories as f

Connection = psycopg.Connection[Any]


def die(
    db: Connection, count: int, fingerprint: str, *, queue: str = "email", **options: Any
) -> None:
    for _ in range(count):
        f.enqueue(db, "mail.send", queue=queue, max_attempts=1, **options)
    for job in f.claim(db, f.join(db, queue), count, queue):
        error = {
            "class": "SmtpError", "message": "broken", "traceback": "line 1",
            "fingerprint": fingerprint,
        }  # fmt: skip
        f.settle(db, job, "failed", error=error)


async def test_failures_are_grouped_and_come_in_pages(client: Client, db: Connection) -> None:
    for count, fingerprint in ((1, "ccc"), (2, "bbb"), (2, "aaa")):
        die(db, count, fingerprint)
    viewer = client("viewer")
    seen: list[tuple[str, int]] = []
    asked: dict[str, Any] = {"limit": 1}
    while True:
        page = (await viewer.get("/dlq/groups", params=asked)).json()
        seen += [(line["fingerprint"], line["count"]) for line in page["data"]]
        if not page["page"]["has_more"]:
            break
        asked["cursor"] = page["page"]["next"]
    assert seen == [("aaa", 2), ("bbb", 2), ("ccc", 1)]
    none = await viewer.get("/dlq/groups", params={"task": "other"})
    assert none.json()["data"] == []


async def test_a_group_is_shown_with_its_jobs(client: Client, db: Connection) -> None:
    die(db, 2, "aaa")
    die(db, 1, "aab")
    viewer = client("viewer")
    found = (await viewer.get("/dlq/groups/aaa")).json()
    assert (found["group"]["count"], found["group"]["error_class"]) == (2, "SmtpError")
    assert (len(found["latest"]), found["traceback"]) == (2, "line 1")
    jobs = (await viewer.get("/dlq/jobs", params={"fingerprint": "aaa"})).json()["data"]
    assert [job["id"] for job in jobs] == [job["id"] for job in found["latest"]]
    assert len((await viewer.get("/dlq/jobs")).json()["data"]) == 3
    shorter = await viewer.get("/dlq/groups/aa")
    assert (shorter.status_code, shorter.json()["code"]) == (404, "TF120")


async def test_a_group_is_run_again_at_a_rate(client: Client, db: Connection) -> None:
    die(db, 2, "aaa")
    operator = client("operator")
    dry = await operator.post("/dlq/groups/aaa/retry", json={"dry_run": True})
    assert (dry.status_code, dry.json()["count"]) == (200, 2)
    begun = await operator.post("/dlq/groups/aaa/retry", json={"rate": 10, "reason": "SMTP is up"})
    assert (begun.status_code, begun.json()["verb"], begun.json()["rate"]) == (202, "retry", 10)
    assert begun.json()["filter"] == {"states": ["dead"], "fingerprints": ["aaa"]}
    given_up = await operator.post("/dlq/groups/aaa/discard")
    assert (given_up.status_code, given_up.json()["verb"]) == (202, "discard")
    assert given_up.headers["location"].endswith(given_up.json()["id"])


async def test_whoever_is_bound_to_queues_sees_its_part_of_a_group(
    client: Client, db: Connection
) -> None:
    die(db, 2, "aaa", queue="email")
    die(db, 3, "aaa", queue="other")
    die(db, 1, "bbb", queue="other")
    bound = client("operator", queues=["email"])
    (line,) = (await bound.get("/dlq/groups")).json()["data"]
    assert (line["fingerprint"], line["count"], line["queues"]) == ("aaa", 2, ["email"])
    assert (await bound.get("/dlq/groups", params={"queue": "other"})).json()["data"] == []
    assert len((await bound.get("/dlq/jobs")).json()["data"]) == 2
    begun = (await bound.post("/dlq/groups/aaa/retry")).json()
    assert (begun["expected"], begun["filter"]["queues"]) == (2, ["email"])
    assert (await bound.get("/dlq/groups/bbb")).status_code == 404


async def test_failures_of_others_do_not_exist(client: Client, db: Connection) -> None:
    die(db, 1, "aaa")
    other = client("operator", tenant="acme")
    for answer in (
        await other.get("/dlq/groups/aaa"),
        await other.post("/dlq/groups/aaa/retry"),
        await other.post("/dlq/groups/aaa/discard"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TF120")
    assert (await other.get("/dlq/groups")).json()["data"] == []
    assert (await other.get("/dlq/jobs")).json()["data"] == []
