"""Deliveries of webhooks: what an attempt means, for the delivery and for its endpoint."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.support import factories as f
from tests.support.hooks import deliveries, endpoint, finish, note, open_delivery, put, types

Connection = psycopg.Connection[Any]


def one(db: Connection, **options: Any) -> tuple[int, int]:
    """An endpoint and a delivery to it."""
    saved = put(db, types=["job.succeeded", "webhook.*"], **options)
    finish(db)
    return saved.webhook_id, deliveries(db)[-1].id


def test_2xx_is_delivered_and_stays_so(db: Connection) -> None:
    _, delivery = one(db)
    assert note(db, delivery, 204, duration_ms=12) == "delivered"
    assert note(db, delivery, 500) == "unknown"
    (seen,) = deliveries(db)
    assert (seen.state, seen.attempts, seen.last_status, seen.last_duration_ms) == (
        "delivered", 1, 204, 12)  # fmt: skip
    assert seen.finished_at is not None
    assert open_delivery(db, delivery) is None


@pytest.mark.parametrize("status", [None, 199, 301, 302, 400, 404, 500])
def test_everything_else_has_failed(db: Connection, status: int | None) -> None:
    id, delivery = one(db)
    assert note(db, delivery, status, error="no answer") == "failed"
    assert deliveries(db)[0].state == "pending"
    assert endpoint(db, id).failing_since is not None
    assert note(db, delivery, status, is_last=True) == "failed"
    assert deliveries(db)[0].state == "failed"
    log = f.rows(db, "select attempt, status, error from taskflow.webhook_attempt order by attempt")
    assert [tuple(row) for row in log] == [(1, status, "no answer"), (2, status, None)]


def test_410_disables_at_once(db: Connection) -> None:
    id, delivery = one(db)
    watcher = put(db, types=["webhook.disabled"])
    assert note(db, delivery, 410) == "gone"
    assert endpoint(db, id).disabled_reason == "it answered 410 Gone"
    assert deliveries(db)[0].state == "gone"
    assert [d.endpoint_id for d in deliveries(db)[1:]] == [watcher.webhook_id]


def test_an_endpoint_that_fails_for_days_is_disabled(db: Connection) -> None:
    id, delivery = one(db)
    put(db, types=["webhook.disabled"])
    assert note(db, delivery, 500) == "failed"
    f.advance(db, 5 * 86_400 - 60)
    assert note(db, delivery, 500) == "failed"
    f.advance(db, 61)
    assert note(db, delivery, None, error="no answer") == "disabled"
    assert endpoint(db, id).disabled_reason.startswith("it has failed since 20")
    assert types(db)[-1] == "webhook.disabled"


def test_one_success_clears_the_record(db: Connection) -> None:
    id, delivery = one(db)
    note(db, delivery, 500)
    f.advance(db, 5 * 86_400 + 60)
    finish(db)
    assert note(db, deliveries(db)[-1].id, 200) == "delivered"
    assert endpoint(db, id).failing_since is None
    assert note(db, delivery, 500) == "failed"
    assert endpoint(db, id).disabled_at is None


def test_a_delivery_whose_job_dies_without_a_word_has_failed(db: Connection) -> None:
    _, _ = one(db)
    for _ in range(3):
        f.lose(db, f.claim(db, f.join(db, "hooks"), 1, "hooks"))
        f.advance(db, 60)
    assert deliveries(db)[0].state == "failed"


def test_what_an_endpoint_answers_is_kept_clean_and_short(db: Connection) -> None:
    _, delivery = one(db)
    note(db, delivery, 500, response_head="a\x1b[31mb\u202e" + "x" * 3000)
    head = deliveries(db)[0].response_head
    assert head.startswith("a\ufffd[31mb\ufffd")
    assert len(head) == 1024


def test_sending_again(db: Connection) -> None:
    id, first = one(db)
    finish(db)
    second = deliveries(db)[-1].id
    note(db, first, 500, is_last=True)
    note(db, second, 200)
    again = f.call(db, "resend_delivery", id=second)
    assert open_delivery(db, again).event_id == deliveries(db)[1].event_id
    assert open_delivery(db, again).body != open_delivery(db, first).body
    assert f.call(db, "resend_failed", id=id) == 1
    assert f.call(db, "resend_failed", id=id) == 0  # it is under way
    third = deliveries(db)[-1]
    assert (third.event_id, third.state) == (deliveries(db)[0].event_id, "pending")
    assert f.job(db, third.job_id).args == {"delivery_id": third.id}
    since = f.value(db, "select taskflow.now() + interval '1 minute'")
    note(db, third.id, 500, is_last=True)
    assert f.call(db, "resend_failed", id=id, since=since) == 0
    refused(db, "TF183", "resend_delivery", id=9999)


def test_stats(db: Connection) -> None:
    id, delivery = one(db)
    note(db, delivery, 500, duration_ms=10)
    note(db, delivery, 200, duration_ms=30)
    finish(db)
    (stats,) = f.call_rows(db, "webhook_stats", id=id)
    assert (stats.delivered, stats.pending, stats.attempts, stats.median_ms) == (1, 1, 2, 30)
    f.advance(db, 2 * 86_400)
    (stats,) = f.call_rows(db, "webhook_stats", id=id)
    assert (stats.delivered, stats.attempts, stats.median_ms) == (0, 0, None)


def test_the_body_is_the_same_at_each_attempt(db: Connection) -> None:
    _, delivery = one(db)
    before = open_delivery(db, delivery).body
    db.execute("set time zone 'Asia/Tokyo'")
    assert open_delivery(db, delivery).body == before
    told = json.loads(before)
    assert list(told) == ["id", "type", "timestamp", "data"]
    assert told["id"].startswith("evt_")


def refused(db: Connection, code: str, function: str, **arguments: Any) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, function, **arguments)
    assert error.value.sqlstate == code


def test_a_job_that_is_not_the_deliverys_own_gets_nothing_to_send(db: Connection) -> None:
    """Anybody who may enqueue could name a delivery, and read or spoil it."""
    put(db)
    finish(db)
    delivery = deliveries(db)[0]
    mine = f.value(
        db,
        "select taskflow.enqueue('taskflow.deliver', jsonb_build_object('delivery_id', %s))",
        delivery.id,
    )
    assert f.call_rows(db, "open_delivery", id=delivery.id, job_id=mine, tenant="default") == []
    assert open_delivery(db, delivery.id) is not None
