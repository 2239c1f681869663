"""Texts that PostgreSQL cannot hold, and ids that no row can have: refused, never a 500."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Client

NUL = "a\0b"
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/queues/%00", None),
    ("GET", "/schedules/%00", None),
    ("GET", "/schedules/%00/runs", None),
    ("GET", "/schedules/preview?cron=%00", None),
    ("GET", "/tasks/%00", None),
    ("GET", "/rate_limits/%00", None),
    ("GET", "/dlq/groups/%00", None),
    ("GET", "/workflows?workflow=%00", None),
    ("GET", "/workflow_definitions/%00", None),
    ("POST", "/queues/email/pause", {"reason": NUL}),
    ("POST", "/operations", {"verb": "cancel", "filter": {"tags": [NUL]}}),
    ("POST", "/operations", {"verb": "cancel", "filter": {"fingerprints": [NUL]}, "dry_run": True}),
    ("POST", "/schedules", {"name": NUL, "task": "t", "every": 60}),
    ("POST", "/schedules", {"name": "s", "task": "t", "every": 1e308}),
    ("POST", "/schedules", {"name": "s", "task": "t", "every": 60, "max_runs": 2**40}),
    ("POST", "/workflows", {"name": "w", "version": 2**40}),
    ("POST", "/workflows", {"definition": {"nodes": {NUL: {"task": "t"}}}}),
    ("PUT", "/workflow_definitions/w", {"nodes": [1]}),
    ("PUT", "/rate_limits/smtp", {"queue": NUL, "concurrency": 1}),
    ("PUT", "/rate_limits/smtp", {"queue": "q", "concurrency": 2**40}),
    ("PUT", "/rate_limits/smtp", {"queue": "q", "rate": 1, "per": 1e12}),
    ("GET", "/workers/9223372036854775807", None),
    ("POST", "/batches/9223372036854775808/cancel", None),
    ("GET", "/jobs/1/result?wait=nan", None),
]


@pytest.mark.parametrize(("method", "url", "body"), REQUESTS, ids=lambda part: str(part)[:40])
async def test_what_cannot_be_stored_is_refused(
    client: Client, method: str, url: str, body: Any
) -> None:
    answer = await client("admin").request(method, url, json=body)
    assert answer.status_code in (400, 404), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_odd_items_are_refused_alone(client: Client) -> None:
    more: list[dict[str, Any]] = [
        {"args": {"a": NUL}}, {"tags": [NUL]}, {"unique_key": NUL}, {"meta": {"a": NUL}},
        {"depends_on": ["x"]}, {"delay": 1e300}, {"run_at": "9999-12-31T23:59:59Z"},
        {"run_at": "0001-01-01T00:00:00+14:00"}, {"max_attempts": 2**80}, {"task": NUL},
    ]  # fmt: skip
    items = [{"task": "t"}, *({"task": "t", **one} for one in more)]
    answer = await client("producer").post("/jobs:enqueue_many", json={"items": items})
    assert (answer.status_code, answer.json()["refused"]) == (200, len(more))
