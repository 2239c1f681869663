"""/schedules: make, edit under a condition, pause, run, backfill, preview, the ledger."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import httpx
import psycopg

from tests.api.conftest import Client
from tests.support import factories as f

Connection = psycopg.Connection[Any]
DIGEST = {
    "task": "mail.digest", "cron": "0 8 * * 1-5", "time_zone": "Europe/Berlin",
    "args": {"list": "news", "api_key": "k"}, "overlap": "skip", "jitter": "PT5M",
    "priority": "high", "tags": ["daily"], "meta": {"by": "ann"},
}  # fmt: skip


async def make(who: httpx.AsyncClient, name: str = "digest", **more: Any) -> httpx.Response:
    answer = await who.post("/schedules", json={"name": name, **DIGEST, **more})
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_schedule_is_made_listed_and_shown(client: Client) -> None:
    admin = client("admin")
    made = await make(admin)
    assert made.headers["location"] == "/api/v1/schedules/digest"
    assert (made.json()["times"], made.json()["created_by"]) == ("0 8 * * 1-5", "key:admin")
    await make(admin, "another")
    first = (await admin.get("/schedules", params={"limit": 1})).json()
    cursor = first["page"]["next"]
    rest = (await admin.get("/schedules", params={"limit": 1, "cursor": cursor})).json()
    assert [line["name"] for line in first["data"] + rest["data"]] == ["another", "digest"]
    shown = await admin.get("/schedules/digest")
    assert shown.json()["args"] == {"list": "news", "api_key": "k"}
    assert shown.headers["etag"] == made.headers["etag"]
    taken = await admin.post("/schedules", json={"name": "digest", **DIGEST})
    assert (taken.status_code, taken.json()["code"]) == (409, "TF192")


async def test_secrets_in_arguments_are_for_administrators(client: Client) -> None:
    await make(client("admin"))
    shown = (await client("viewer").get("/schedules/digest")).json()
    assert shown["args"] == {"list": "news", "api_key": "[redacted]"}


async def test_a_put_makes_or_replaces_under_a_condition(client: Client) -> None:
    operator = client("operator")
    url, plain = "/schedules/digest", {"task": "mail.digest", "every": 3600}
    seen = await operator.put(url, json=plain, headers={"if-match": '"old"'})
    assert (seen.status_code, seen.json()["code"]) == (412, "TF193")
    made = await operator.put(url, json=DIGEST, headers={"if-none-match": "*"})
    assert (made.status_code, made.json()["priority"]) == (201, "high")
    there = await operator.put(url, json=DIGEST, headers={"if-none-match": "*"})
    assert there.status_code == 412
    blind = await operator.put(url, json=plain)
    assert (blind.status_code, blind.json()["code"]) == (428, "TF177")
    tag = made.headers["etag"]
    replaced = await operator.put(url, json=plain, headers={"if-match": tag})
    assert replaced.status_code == 200
    line = replaced.json()
    assert (line["kind"], line["time_zone"], line["overlap"]) == ("interval", "UTC", "allow")
    assert (line["args"], line["jitter"], line["priority"]) == ({}, None, None)
    assert (line["tags"], line["meta"]) == (None, None)
    stale = await operator.put(url, json=DIGEST, headers={"if-match": tag})
    assert stale.status_code == 412


async def test_a_patch_merges(client: Client) -> None:
    admin = client("admin")
    tag = (await make(admin)).headers["etag"]
    change = {"args": {"api_key": None, "page": 2}, "jitter": None, "priority": None, "queue": "q"}
    edited = await admin.patch("/schedules/digest", json=change, headers={"if-match": tag})
    assert edited.status_code == 200
    line = edited.json()
    assert line["args"] == {"list": "news", "page": 2}
    assert (line["jitter"], line["priority"], line["queue"]) == (None, None, "q")
    assert (line["times"], line["overlap"], line["tags"]) == ("0 8 * * 1-5", "skip", ["daily"])
    stale = await admin.patch("/schedules/digest", json=change, headers={"if-match": tag})
    assert stale.status_code == 412
    assert (await admin.patch("/schedules/digest", json=change)).status_code == 428
    timeless = {"cron": None}
    fresh = {"if-match": edited.headers["etag"]}
    refused = await admin.patch("/schedules/digest", json=timeless, headers=fresh)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/cron")


async def test_a_schedule_that_cannot_be_is_refused(client: Client) -> None:
    operator = client("operator")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"cron": "61 * * * *"}, "TF151"),
        ({"cron": None}, "TF111"),
        ({"time_zone": "Mars/Base"}, "TF111"),
        ({"name": "no name"}, "TF110"),
        ({"unknown": 1}, "TF173"),
    ]
    for change, code in wrong:
        refused = await operator.post("/schedules", json={"name": "s", **DIGEST, **change})
        assert (refused.status_code, refused.json()["code"]) == (400, code), change


async def test_a_schedule_is_paused_resumed_and_explained(client: Client) -> None:
    operator = client("operator")
    tag = (await make(operator)).headers["etag"]
    paused = await operator.post("/schedules/digest/pause", json={"reason": "holidays"})
    assert (paused.json()["state"], paused.json()["pause_reason"]) == ("paused", "holidays")
    assert paused.headers["etag"] != tag
    causes = (await operator.get("/schedules/digest/why")).json()["data"]
    assert causes[0]["cause"] == "paused"
    resumed = await operator.post("/schedules/digest/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (200, "active")


async def test_a_job_is_made_beside_the_ticks(client: Client, db: Connection) -> None:
    operator = client("operator")
    await make(operator)
    ran = await operator.post("/schedules/digest/run")
    assert (ran.status_code, f.job(db, int(ran.json()["id"])).task) == (201, "mail.digest")


async def test_past_ticks_are_made_up_for(client: Client, db: Connection) -> None:
    operator = client("operator")
    await make(operator, cron="0 0 * * *", time_zone="UTC", overlap="allow")
    today = f.value(db, "select date_trunc('day', taskflow.now(), 'UTC')").astimezone(UTC)
    days = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in range(5)]
    span = {"since": f"{days[4]}T00:00:00Z", "until": f"{days[1]}T00:00:00Z"}
    dry = await operator.post("/schedules/digest/backfill", json={**span, "dry_run": True})
    assert dry.status_code == 200, dry.text
    assert [line["status"] for line in dry.json()["data"]] == ["would run"] * 3
    done = (await operator.post("/schedules/digest/backfill", json=span)).json()["data"]
    assert [line["status"] for line in done] == ["run"] * 3
    first = (await operator.get("/schedules/digest/runs", params={"limit": 2})).json()
    asked = {"limit": 2, "cursor": first["page"]["next"]}
    rest = (await operator.get("/schedules/digest/runs", params=asked)).json()
    ledger = first["data"] + rest["data"]
    assert [line["tick_at"][:10] for line in ledger] == days[2:]
    assert ledger[0]["job_id"] == done[2]["job_id"]


async def test_an_expression_is_previewed(client: Client) -> None:
    viewer = client("viewer")
    asked = {"cron": "30 2 * * *", "tz": "Europe/Berlin", "after": "2026-01-01T00:00:00Z"}
    ticks = (await viewer.get("/schedules/preview", params={**asked, "count": 2})).json()["data"]
    assert ticks[0] == {"tick_at": "2026-01-01T01:30:00Z", "local_at": "2026-01-01T02:30:00"}
    assert len(ticks) == 2
    wrong = await viewer.get("/schedules/preview", params={"cron": "nonsense"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "TF151")


async def test_a_deleted_schedule_is_gone(client: Client) -> None:
    operator = client("operator")
    await make(operator)
    stale = await operator.delete("/schedules/digest", headers={"if-match": '"old"'})
    assert stale.status_code == 412
    assert (await operator.delete("/schedules/digest")).status_code == 204
    assert (await operator.get("/schedules/digest")).status_code == 404


async def test_schedules_of_others_do_not_exist(client: Client) -> None:
    await make(client("operator"))
    other = client("operator", tenant="acme")
    url, span = "/schedules/digest", {"since": "2026-01-01T00:00:00Z"}
    any_version = {"if-match": "*"}
    for answer in (
        await other.get(url),
        await other.patch(url, json={"queue": "q"}, headers=any_version),
        await other.delete(url),
        await other.post(f"{url}/pause"),
        await other.post(f"{url}/resume"),
        await other.post(f"{url}/run"),
        await other.post(f"{url}/backfill", json=span),
        await other.get(f"{url}/runs"),
        await other.get(f"{url}/why"),
        await other.get("/schedules/preview", params={"name": "digest"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TF150"), answer.request.url
    assert (await other.get("/schedules")).json()["data"] == []
    bound = client("operator", queues=["email"])
    assert (await bound.get("/schedules")).status_code == 403
