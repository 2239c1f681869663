"""Webhooks that come in: once each, apart by tenant, and checked by secrets that rotate."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Connect
from tests.support import factories as f

Connection = psycopg.Connection[Any]


def refused(db: Connection, code: str, function: str, **arguments: Any) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, function, **arguments)
    assert error.value.sqlstate == code


def receive(db: Connection, id: str, **options: Any) -> Any:
    (answer,) = f.call_rows(
        db, "receive_webhook", source="gh", webhook_id=id, args=Jsonb({"n": 1}), **options
    )
    return answer


def test_a_webhook_starts_one_job_however_often_it_comes(db: Connection) -> None:
    secret = f.call(db, "put_source", name="gh", task="t", queue="in")
    assert secret.startswith("whsec_")
    first, again = receive(db, "a"), receive(db, "a")
    assert (first.is_repeat, again.is_repeat, again.job_id) == (False, True, first.job_id)
    job = f.job(db, first.job_id)
    assert (job.queue, job.args) == ("in", {"n": 1})
    assert job.meta == {"webhook_source": "gh", "webhook_id": "a"}
    assert receive(db, "b").is_repeat is False
    f.advance(db, 8 * 86_400)
    f.maintain(db)
    assert receive(db, "a").is_repeat is False


def test_two_that_come_at_once_start_one_job(db: Connection, connect: Connect) -> None:
    f.call(db, "put_source", name="gh", task="t")
    first, second = connect(autocommit=False), connect()
    receive(first, "a")
    first.rollback()
    assert receive(second, "a").is_repeat is False  # what was rolled back was not received
    assert receive(first, "a").is_repeat is True
    first.rollback()


def test_sources_of_tenants_are_apart(db: Connection) -> None:
    for tenant in ("a", "b"):
        f.call(db, "put_source", name="gh", task="t", tenant=tenant)
        assert receive(db, "1", tenant=tenant).is_repeat is False
    with pytest.raises(psycopg.Error) as error:
        receive(db, "1")
    assert error.value.sqlstate == "TF182"


def test_source_secrets_rotate(db: Connection) -> None:
    f.call(
        db, "put_source", name="gh", task="t", scheme="github", secret="It's a Secret to Everybody"
    )
    new = f.call(db, "rotate_source_secret", name="gh", overlap="1 hour")
    (gate,) = f.call_rows(db, "open_source", name="gh")
    assert gate.secrets == [new, "It's a Secret to Everybody"]
    f.advance(db, 3601)
    (gate,) = f.call_rows(db, "open_source", name="gh")
    assert gate.secrets == [new]
    assert f.call(db, "put_source", name="gh", headers=["X-GitHub-Event"]) is None
    (gate,) = f.call_rows(db, "open_source", name="gh")
    assert (gate.secrets, gate.headers) == ([new], ["x-github-event"])
    assert f.call(db, "delete_source", name="gh") is True
    assert f.call(db, "delete_source", name="gh") is False


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("TF110", {"name": "A"}),
        ("TF110", {"task": "a b"}),
        ("TF111", {"scheme": "md5"}),
        ("TF111", {"mapping": "all"}),
        ("TF111", {"headers": ["cookie"]}),
        ("TF111", {"headers": ["a b"]}),
        ("TF111", {"tolerance": "2 days"}),
        ("TF111", {"secret": "short"}),
    ],
)
def test_bad_sources_are_refused(db: Connection, code: str, options: dict[str, Any]) -> None:
    refused(db, code, "put_source", **({"name": "gh", "task": "t"} | options))
