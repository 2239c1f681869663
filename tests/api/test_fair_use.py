"""What one caller may take from the others: statements, time, logins, streams."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from taskflow.access import passwords
from taskflow.access.tokens import make_token
from taskflow.api import bulk, live
from taskflow.api.edge import neighbourhood
from taskflow.app import Taskflow
from taskflow.calls import access
from taskflow.store.call import run
from tests.api.conftest import Client, Connection
from tests.support import factories as f


async def test_a_call_of_a_thousand_kinds_is_refused_before_any_of_it(
    client: Client, db: Connection
) -> None:
    """Each kind is a statement of its own, and the whole call holds one connection."""
    most = bulk.MOST_KINDS
    items = [{"task": "t", "queue": f"q{n}"} for n in range(most + 1)]
    answer = await client("operator").post("/jobs:enqueue_many", json={"items": items})
    assert (answer.status_code, answer.json().get("code")) == (400, "TF122"), answer.text[:300]
    assert f.value(db, "select count(*) from taskflow.job") == 0
    taken = await client("operator").post("/jobs:enqueue_many", json={"items": items[:most]})
    assert (taken.status_code, taken.json()["refused"]) == (200, 0)


async def test_a_request_has_a_time_for_all_of_its_statements(
    client: Client, tf: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    operator = client("operator")
    monkeypatch.setattr(bulk, "place", never)
    monkeypatch.setattr("taskflow.api.exchange.SPARE_S", -tf.settings.api_timeout.total_seconds())
    answer = await operator.post("/jobs:enqueue_many", json={"items": [{"task": "t"}]})
    assert (answer.status_code, answer.json()["code"]) == (503, "TF179")
    monkeypatch.undo()
    assert (await operator.post("/jobs", json={"task": "t"})).status_code == 201


async def test_logins_do_not_queue_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_MOST_WAITING", 0)
    body = {"name": "ann", "password": "x" * 20}
    answer = await client().post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["code"]) == (429, "TF172")
    assert answer.headers["retry-after"] == "1"


async def test_a_link_that_is_none_costs_no_hash(
    client: Client, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is good stays good where its password could not be hashed, or is too short."""
    secret = make_token()
    run(db, access.first_admin(secret.hash, live.TIMEOUT))
    monkeypatch.setattr(passwords, "_MOST_WAITING", 0)
    for token, password, status in (
        ("no such", "correct horse", 401), (secret.text, "correct horse", 429),
        (secret.text, "short", 400),
    ):  # fmt: skip
        answer = await client().post("/auth/setup", json={"token": token, "password": password})
        assert answer.status_code == status, answer.text
    monkeypatch.undo()
    body = {"token": secret.text, "password": "correct horse"}
    assert (await client().post("/auth/setup", json=body)).status_code == 200


async def test_following_a_log_counts_as_a_stream(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = client("operator")
    job = (await operator.post("/jobs", json={"task": "t"})).json()["id"]
    monkeypatch.setattr(live, "MOST_OF_ONE", 0)
    answer = await operator.get(f"/jobs/{job}/logs/follow")
    assert (answer.status_code, answer.json()["code"]) == (429, "TF172")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "unknown"),
    ],
)
def test_a_household_of_addresses_has_one_rate(address: str, counted: str) -> None:
    assert neighbourhood(address) == counted


async def test_what_is_hidden_cannot_be_sent_back_over_it(client: Client) -> None:
    """A viewer's copy of a schedule, saved again, must not turn its password into a blot."""
    operator, admin = client("operator"), client("admin")
    body = {"task": "t", "every": "PT1H", "args": {"password": "p4ss", "n": 1}}
    made = await admin.put("/schedules/s", json=body, headers={"if-none-match": "*"})
    assert made.status_code == 201, made.text
    seen = await operator.get("/schedules/s")
    assert seen.json()["args"] == {"password": "[redacted]", "n": 1}
    match = {"if-match": seen.headers["etag"]}
    for send in (
        operator.put("/schedules/s", json={**body, "args": seen.json()["args"]}, headers=match),
        operator.patch("/schedules/s", json={"args": seen.json()["args"]}, headers=match),
        operator.put(
            "/workflow_definitions/w",
            json={"nodes": {"a": {"task": "t", "args": {"token": "[redacted]"}}}},
        ),
    ):
        answer = await send
        assert (answer.status_code, answer.json()["code"]) == (400, "TF173"), answer.text
    assert (await admin.get("/schedules/s")).json()["args"]["password"] == "p4ss"


async def test_a_definition_hides_what_any_part_of_it_holds(client: Client) -> None:
    definition = {
        "nodes": {"get_token": {"task": "t", "args": {"token": "s3cret"}}},
        "output": {"password": "s3cret"},
    }
    put = await client("admin").put("/workflow_definitions/w", json=definition)
    assert put.status_code == 201, put.text
    shown = await client("viewer").get("/workflow_definitions/w")
    assert "s3cret" not in shown.text
    assert shown.json()["definition"]["nodes"]["get_token"]["task"] == "t"
    assert "s3cret" in (await client("admin").get("/workflow_definitions/w")).text
