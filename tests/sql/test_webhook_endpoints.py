"""Endpoints of webhooks: how they are edited, signed for, and what they may not be."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support import hooks
from tests.support.hooks import deliveries, endpoint, finish, note, open_delivery, put, told

Connection = psycopg.Connection[Any]


def refused(db: Connection, code: str, function: str, **arguments: Any) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, function, **arguments)
    assert error.value.sqlstate == code


def one(db: Connection, **options: Any) -> tuple[int, int]:
    """An endpoint and a delivery to it."""
    saved = put(db, types=["job.succeeded", "webhook.*"], **options)
    finish(db)
    return saved.webhook_id, deliveries(db)[-1].id


def test_editing_keeps_what_is_not_given(db: Connection) -> None:
    saved = put(db, types=["job.*"], headers={"X-A": "1"}, description="one")
    assert (saved.version, saved.new_secret[:6]) == (1, "whsec_")
    edited = put(db, None, id=saved.webhook_id, queues=["mail"], expected_version=1)
    assert (edited.version, edited.new_secret) == (2, None)
    seen = endpoint(db, saved.webhook_id)
    assert (seen.url, seen.types, seen.queues, seen.headers) == (
        hooks.URL, ["job.*"], ["mail"], {"X-A": "1"})  # fmt: skip
    refused(db, "TF181", "put_webhook", id=saved.webhook_id, url=hooks.URL, expected_version=1)
    refused(db, "TF181", "delete_webhook", id=saved.webhook_id, expected_version=1)
    refused(db, "TF180", "put_webhook", id=saved.webhook_id, url=hooks.URL, tenant="other")


def test_deleting_skips_what_waits(db: Connection) -> None:
    id, delivery = one(db)
    assert f.call(db, "delete_webhook", id=id) is True
    assert f.call(db, "delete_webhook", id=id) is False
    assert open_delivery(db, delivery) is None
    assert f.value(db, "select count(*) from taskflow.webhook_secret") == 0


def test_two_secrets_sign_until_the_overlap_is_over(db: Connection) -> None:
    id, delivery = one(db)
    (old,) = open_delivery(db, delivery).secrets
    new = f.call(db, "rotate_webhook_secret", id=id, overlap="1 hour")
    assert open_delivery(db, delivery).secrets == [new, old]
    assert f.call(db, "webhook_secret", id=id) == new
    f.advance(db, 3601)
    assert open_delivery(db, delivery).secrets == [new]
    newer = f.call(db, "rotate_webhook_secret", id=id, overlap="0")
    assert open_delivery(db, delivery).secrets == [newer]


def test_secrets_are_read_by_no_role(db: Connection) -> None:
    saved = put(db)
    assert saved.new_secret != put(db).new_secret
    for role in ("taskflow_producer", "taskflow_worker", "taskflow_operator"):
        assert (
            f.value(db, "select has_table_privilege(%s, 'taskflow.webhook_secret', 'select')", role)
            is False
        )


BAD_URLS = [
    "", "ftp://a.example", "https://", "https://a b/", "https://u:p@a.example/", "a.example",
    "https://a.example/\r\nx", "https://a.example/#x", "https://a.example\\b", "javascript:x",
    "https://ä.example/", "https://a.example/" + "x" * 2000,
]  # fmt: skip
BAD_HEADERS: list[Any] = [
    [], {"a": 1}, {"X": "a\r\nHost: b"}, {"X": "a\n"}, {"X\r\n": "a"}, {"X Y": "a"}, {"": "a"},
    {"X": "ä"}, {"X:": "a"}, {"Host": "b"}, {"CONTENT-LENGTH": "1"},
    {"Transfer-Encoding": "chunked"}, {"Connection": "close"}, {"webhook-id": "1"},
    {"Webhook-Signature": "x"}, {"Upgrade": "h2c"}, {"Content-Type": "text/html"},
    {"Proxy-Authorization": "x"}, {"X": "a" * 4001},
    {f"X{n}": "a" for n in range(21)},
]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        *({"url": url} for url in BAD_URLS),
        *({"headers": Jsonb(headers)} for headers in BAD_HEADERS),
        {"types": ["job.exploded"]},
        {"types": ["jo*"]},
        {"types": ["."]},
        {"types": [None]},
        {"secret": "whsec_" + "A" * 20},
        {"secret": "whsec_!"},
        {"secret": "a" * 40},
        {"secret": "whsec_" + "A" * 31},
    ],
    ids=lambda options: str(options)[:60],
)
def test_bad_endpoints_are_refused(db: Connection, options: dict[str, Any]) -> None:
    refused(db, "TF111", "put_webhook", **({"url": hooks.URL} | options))


@pytest.mark.parametrize("options", [{"queue": "A"}, {"queues": ["Ä"]}, {"tasks": ["a b"]}])
def test_bad_names_are_refused(db: Connection, options: dict[str, Any]) -> None:
    refused(db, "TF110", "put_webhook", url=hooks.URL, **options)


def test_a_tenant_has_so_many_endpoints(db: Connection) -> None:
    db.execute("update taskflow.config set value = '1' where name = 'max_webhooks'")
    put(db)
    refused(db, "TF122", "put_webhook", url=hooks.URL)
    put(db, tenant="other")


def test_old_events_are_pruned(db: Connection) -> None:
    _, delivery = one(db)
    note(db, delivery, 200)
    f.call(db, "put_source", name="s", task="t")
    f.call_rows(db, "receive_webhook", source="s", webhook_id="1", args=Jsonb({}))
    f.maintain(db)
    assert len(told(db)) == len(deliveries(db)) == 1
    f.advance(db, 31 * 86_400)
    f.maintain(db)
    for table in ("event", "delivery", "attempt", "received"):
        assert f.value(db, f"select count(*) from taskflow.webhook_{table}") == 0, table
