"""/rate_limits: set under a condition, seen with their keys."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.api.conftest import Client
from tests.support import factories as f

Connection = psycopg.Connection[Any]
SMTP = {"queue": "email", "key": "{domain}", "rate": 14, "per": "PT1S", "concurrency": 1}


async def test_a_limit_is_made_and_replaced_under_a_condition(client: Client) -> None:
    operator = client("operator")
    url = "/rate_limits/smtp"
    made = await operator.put(url, json=SMTP, headers={"if-none-match": "*"})
    assert (made.status_code, made.json()["per"]) == (201, "PT1S")
    assert made.headers["location"] == f"/api/v1{url}"
    assert (await operator.put(url, json=SMTP, headers={"if-none-match": "*"})).status_code == 412
    blind = await operator.put(url, json=SMTP)
    assert (blind.status_code, blind.json()["code"]) == (428, "TF177")
    tag = (await operator.get(url)).headers["etag"]
    replaced = await operator.put(
        url, json={"queue": "email", "concurrency": 2}, headers={"if-match": tag}
    )
    assert (replaced.status_code, replaced.json()["concurrency"]) == (200, 2)
    assert (replaced.json()["rate"], replaced.json()["key"]) == (None, "")
    stale = await operator.put(url, json=SMTP, headers={"if-match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "TF193")


async def test_a_limit_that_cannot_be_is_refused(client: Client) -> None:
    operator = client("operator")
    for wrong, code in (
        ({"rate": 5}, "TF111"),
        ({"concurrency": 0}, "TF111"),
        ({"per": -1, "rate": 1}, "TF112"),
        ({"name": "x"}, "TF173"),
    ):
        refused = await operator.put("/rate_limits/smtp", json={"queue": "email", **wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, code), wrong


async def test_limits_come_in_pages_and_go(client: Client) -> None:
    operator = client("operator")
    for name in ("a", "b"):
        await operator.put(f"/rate_limits/{name}", json={"queue": name, "concurrency": 1})
    first = (await operator.get("/rate_limits", params={"limit": 1})).json()
    asked = {"limit": 1, "cursor": first["page"]["next"]}
    rest = (await operator.get("/rate_limits", params=asked)).json()
    assert [line["name"] for line in first["data"] + rest["data"]] == ["a", "b"]
    stale = await operator.delete("/rate_limits/a", headers={"if-match": '"old"'})
    assert stale.status_code == 412
    assert (await operator.delete("/rate_limits/a")).status_code == 204
    assert (await operator.delete("/rate_limits/a")).status_code == 404


async def test_keys_are_listed_with_the_reason_for_no_room(client: Client, db: Connection) -> None:
    operator = client("operator")
    await operator.put("/rate_limits/smtp", json=SMTP)
    for domain in ("a.example", "a.example", "b.example", "c.example"):
        await operator.post(
            "/jobs", json={"task": "t", "queue": "email", "args": {"domain": domain}}
        )
    held = f.claim(db, f.join(db, "email"), 2, "email")
    seen: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"limit": 1}
    while True:
        page = (await operator.get("/rate_limits/smtp/keys", params=asked)).json()
        seen += page["data"]
        if not page["page"]["has_more"]:
            break
        asked["cursor"] = page["page"]["next"]
    assert len(seen) == len({line["key"] for line in seen}) >= 2
    full = [line for line in seen if line["in_use"]]
    assert {id for line in full for id in line["held_by"]} == {str(job.id) for job in held}
    assert {line["cause"] for line in full} == {"concurrency"}


async def test_limits_of_others_do_not_exist(client: Client) -> None:
    await client("operator").put("/rate_limits/smtp", json=SMTP)
    other = client("operator", tenant="acme")
    for answer in (
        await other.get("/rate_limits/smtp"),
        await other.get("/rate_limits/smtp/keys"),
        await other.delete("/rate_limits/smtp"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TF135")
    assert (await other.get("/rate_limits")).json()["data"] == []
    own = await other.put("/rate_limits/smtp", json=SMTP, headers={"if-none-match": "*"})
    assert own.status_code == 201
    assert (await client("operator", queues=["email"]).get("/rate_limits")).status_code == 403
