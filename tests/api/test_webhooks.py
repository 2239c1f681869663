"""/webhooks, /webhook_sources and /incoming through HTTP; what they do is tested below them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import httpx
from standardwebhooks import Webhook

from tests.api.conftest import Client, Connection
from tests.support import factories as f

URL = "https://example.com/hook"


async def make(admin: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await admin.post("/webhooks", json={"url": URL, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_an_endpoint_is_made_shown_edited_and_removed(client: Client) -> None:
    admin = client("admin")
    made = await make(admin, events=["job.dead"], headers={"X-Team": "billing"})
    assert made["secret"].startswith("whsec_")
    path = f"/webhooks/{made['endpoint']['id']}"
    shown = await admin.get(path)
    assert (shown.json()["types"], shown.json()["header_names"]) == (["job.dead"], ["X-Team"])
    assert "whsec_" not in shown.text
    assert "billing" not in shown.text
    tag = {"if-match": shown.headers["etag"]}
    edited = await admin.patch(path, json={"events": ["job.*"], "disabled": True}, headers=tag)
    assert (edited.status_code, edited.json()["types"]) == (200, ["job.*"])
    assert edited.json()["disabled_reason"] == "switched off by key:admin"
    assert (await admin.patch(path, json={"disabled": False}, headers=tag)).status_code == 412
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404


async def test_a_dead_job_is_delivered_listed_and_sent_again(
    client: Client, db: Connection
) -> None:
    admin = client("admin")
    made = await make(admin)
    path = f"/webhooks/{made['endpoint']['id']}"
    f.enqueue(db, max_attempts=1)
    (job,) = f.claim(db, f.join(db))
    f.settle(db, job, "failed")
    (line,) = (await admin.get(f"{path}/deliveries")).json()["data"]
    assert (line["type"], line["state"]) == ("job.dead", "pending")
    detail = (await admin.get(f"/webhook_deliveries/{line['id']}")).json()
    assert (detail["event"]["type"], detail["attempts"]) == ("job.dead", [])
    again = await admin.post(f"/webhook_deliveries/{line['id']}/resend")
    assert (again.status_code, again.json()["event_id"]) == (202, line["event_id"])
    assert (await admin.post(f"{path}/test")).json()["type"] == "webhook.test"
    assert (await admin.get(f"{path}/stats")).json()["pending"] == 3
    body = {"since": "2026-01-01T00:00:00Z"}
    assert (await admin.post(f"{path}/resend_failed", json=body)).json() == {"deliveries": 0}


async def test_a_rotated_secret_is_another_and_shown_once(client: Client) -> None:
    admin = client("admin")
    made = await make(admin)
    path = f"/webhooks/{made['endpoint']['id']}/rotate_secret"
    rotated = (await admin.post(path, json={"overlap_s": 60})).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]


async def test_addresses_inside_are_refused_when_they_are_named(client: Client) -> None:
    """Attack 40, at the door: the guard looks again at what is connected to."""
    admin = client("admin")
    for url in ("ftp://example.com/", "https://user:pw@example.com/", "https://exa mple.com/", "x"):
        assert (await admin.post("/webhooks", json={"url": url})).status_code == 400, url


async def test_a_signed_webhook_starts_one_job(client: Client, db: Connection) -> None:
    admin = client("admin")
    made = (await admin.post("/webhook_sources", json={"name": "shop", "task": "t"})).json()
    stranger = client()
    body = '{"order": 7}'
    stamp = f.value(db, "select taskflow.now()")
    signature = Webhook(made["secret"]).sign("msg_1", stamp, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(stamp.timestamp())),
        "webhook-signature": signature,
    }
    path = made["path"].removeprefix("/api/v1")
    first = await stranger.post(path, content=body, headers=headers)
    again = await stranger.post(path, content=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert (first.json()["is_repeat"], again.json()["is_repeat"]) == (False, True)
    assert f.value(db, "select count(*) from taskflow.job") == 1
    forged = await stranger.post(path, content=body + " ", headers=headers)
    assert (forged.status_code, forged.json()["code"]) == (401, "TF185")
    assert (await stranger.post("/incoming/default/other", content=body)).status_code == 404
    assert (await stranger.post("/incoming/acme/shop", content=body)).status_code == 404
    (line,) = [x for x in (await admin.get("/audit")).json()["data"] if x["status"] == 401]
    assert (line["action"], line["actor"]) == ("incoming.receive", "anonymous")


async def test_github_signs_in_its_own_way(client: Client, db: Connection) -> None:
    admin = client("admin")
    body = {
        "name": "hub",
        "task": "t",
        "scheme": "github",
        "secret": "s3cret-of-github-with-length",
    }
    made = await admin.post("/webhook_sources", json=body)
    assert made.status_code == 201, made.text
    secret = str(body["secret"]).encode()
    content = b'{"action": "opened"}'
    digest = hmac.new(secret, content, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={digest}"}
    answer = await client().post("/incoming/default/hub", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    assert (await admin.delete("/webhook_sources/hub")).status_code == 204
    gone = await client().post("/incoming/default/hub", content=content, headers=headers)
    assert gone.status_code == 404


async def test_what_a_receiver_said_is_for_administrators(client: Client, db: Connection) -> None:
    """Attack 44: the answer of a page inside, read by way of a delivery."""
    admin = client("admin")
    made = await make(admin)
    f.value(db, f"select taskflow.test_webhook({made['endpoint']['id']})")
    delivery = f.value(db, "select id from taskflow.webhook_delivery")
    db.execute(
        "select taskflow.note_delivery(%s, 500, 'status 500', 12, 'inner page', true, 'default')",
        [delivery],
    )
    path = f"/webhook_deliveries/{delivery}"
    assert (await admin.get(path)).json()["attempts"][0]["response_head"] == "inner page"
    shown = await client("operator").get(path)
    assert (shown.json()["attempts"][0]["status"], "inner page" in shown.text) == (500, False)
