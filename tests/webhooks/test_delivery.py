"""Delivering, end to end: a job ends, an endpoint is told, and the database knows how it went."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from standardwebhooks import Webhook

from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.webhooks.sink import listening
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


def put(db: Connection, url: str, **options: Any) -> Any:
    (saved,) = f.call_rows(db, "put_webhook", url=url, **options)
    return saved


async def test_the_end_of_a_job_is_told_signed(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(webhook_allow="127.0.0.0/8", webhook_http=True)

    @tf.task(name="shop.pay")
    async def pay(card: str) -> str:
        return "receipt of " + card

    async with listening() as sink:
        saved = put(db, sink.url, types=["job.succeeded"], headers={"X-Team": "shop"})
        handle = await pay.options(tags=["a"]).aenqueue("4000")
        async with serving(tf):
            await eventually(
                lambda: f.value(db, "select state from taskflow.webhook_delivery") == "delivered"
            )
    (request,) = sink.requests
    assert request.headers["x-team"] == "shop"
    told = Webhook(saved.new_secret).verify(request.body, request.headers)
    assert (told["type"], told["id"]) == ("job.succeeded", request.headers["webhook-id"])
    assert (told["data"]["id"], told["data"]["task"], told["data"]["tags"]) == (
        str(handle.id),
        "shop.pay",
        ["a"],
    )
    assert "4000" not in json.dumps(told)
