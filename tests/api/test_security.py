"""Attacks on the API from outside, by the numbers of the security checklist."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from typing import Any

import httpx
import pytest

from taskflow import Taskflow
from taskflow.api.app import create_app
from taskflow.errors import ConfigurationError, UnknownTask
from tests.api.conftest import PREFIX, Client, Connection
from tests.support import factories as f

FORBIDDEN = [
    "tenant", "tenant_id", "role", "state", "claim_no", "worker_id", "created_by", "id", "lane_id",
    "attempt", "owner", "is_admin", "lease_until", "args_version",
]  # fmt: skip


@pytest.mark.parametrize("field", FORBIDDEN)
async def test_a_body_cannot_set_what_is_not_its_own(client: Client, field: str) -> None:
    """Attack 2: columns of the row as fields of the body."""
    admin = client("admin")
    refused = await admin.post("/jobs", json={"task": "t", field: "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, "TF173")
    if field != "role":
        assert (await admin.post("/api_keys", json={"name": "k", field: "x"})).status_code == 400
        assert (await admin.post("/users", json={"name": "u", field: "x"})).status_code == 400


INJECTIONS = [
    "' or '1'='1", "'; drop table taskflow.job; --", "mail\\'", "%_%", "{mail,bulk}", "$1", "%(x)s",
    "mail)) union select 1--", "\\x00", "mail\nbulk",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
async def test_filters_are_values_never_sql(client: Client, db: Connection, text: str) -> None:
    """Attack 11."""
    admin = client("admin")
    await admin.post("/jobs", json={"task": "t", "queue": "mail", "tags": ["a"]})
    for name in ("queue", "task", "tag", "state", "fingerprint", "cursor"):
        answer = await admin.get("/jobs", params={name: text})
        assert answer.status_code in (200, 400), (name, answer.text)
        assert answer.status_code == 400 or answer.json()["data"] == []
    for name in ("actor", "action"):
        assert (await admin.get("/audit", params={name: text})).json()["data"] == []
    assert (await admin.post("/jobs", json={"task": "t", "queue": text})).status_code == 400
    assert f.value(db, "select count(*) from taskflow.job") == 1


@pytest.mark.parametrize("name", ["Q", "é", "a b", 'a"b', "a" * 64, "", "a/b", "a\u202eb"])
async def test_names_fit_channels_and_addresses(client: Client, name: str) -> None:
    """Attack 12."""
    answer = await client("admin").post("/jobs", json={"task": "t", "queue": name})
    assert (answer.status_code, answer.json()["code"]) == (400, "TF110")


async def test_a_large_body_is_refused_before_it_is_read(dsn: str, client: Client) -> None:
    """Attack 30: by what it declares, and by what comes when it declares nothing."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 64:
            sent += 1
            yield b"x" * 1_048_576

    admin = client("admin")
    declared = await admin.post("/jobs", content=b"x" * 17_000_000)
    assert (declared.status_code, declared.json()["code"]) == (413, "TF178")
    chunked = await admin.post("/jobs", content=endless())
    assert (chunked.status_code, sent < 20) == (413, True)


async def test_a_compressed_body_is_refused(client: Client) -> None:
    """Attack 30: a megabyte of nothing in a kilobyte."""
    bomb = gzip.compress(b'{"task": "t", "args": {"x": "' + b"a" * 1_000_000 + b'"}}')
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await client("admin").post("/jobs", content=bomb, headers=headers)
    assert answer.status_code == 400


async def test_a_body_that_does_not_come_is_given_up(dsn: str, client: Client) -> None:
    """Attack 30: one byte and then nothing."""
    key = client("admin").headers["authorization"]

    async def never() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    async with Taskflow(dsn, api_timeout=0.2) as tf:
        transport = httpx.ASGITransport(app=create_app(tf))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://t{PREFIX}") as slow:
            answer = await slow.post("/jobs", content=never(), headers={"authorization": key})
    assert (answer.status_code, answer.json()["code"]) == (503, "TF179")


UNSTORABLE: dict[str, bytes] = {
    "deep": b'{"task": "t", "args": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
    "deep list": b'{"task": "t", "args": {"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    "number bomb": b'{"task": "t", "args": {"n": 1e100000}}',
    "long number": b'{"task": "t", "args": {"n": ' + b"9" * 100_000 + b"}}",
    "NaN": b'{"task": "t", "args": {"n": NaN}}',
    "Infinity": b'{"task": "t", "args": {"n": Infinity}}',
    "NUL": b'{"task": "t", "args": {"s": "a\\u0000b"}}',
    "NUL in a name": b'{"task": "t", "args": {"a\\u0000b": 1}}',
    "lone surrogate": b'{"task": "t", "args": {"s": "\\ud800"}}',
    "NUL in a tag": b'{"task": "t", "tags": ["a\\u0000b"]}',
    "NUL in meta": b'{"task": "t", "meta": {"a": "\\u0000"}}',
    "NUL in a key": b'{"task": "t", "unique_key": "a\\u0000b"}',
    "not UTF-8": b'{"task": "t", "args": {"s": "\xff"}}',
    "a list": b"[]",
    "nothing": b"",
    "half": b'{"task": "t"',
    "far time": b'{"task": "t", "run_at": "9999-12-31T23:59:59Z"}',
    "huge delay": b'{"task": "t", "delay": 1e308}',
    "negative attempts": b'{"task": "t", "max_attempts": -1}',
    "too many attempts": b'{"task": "t", "max_attempts": 99999999999999}',
    "unknown parent": b'{"task": "t", "depends_on": ["99999999999999999999"]}',
}


@pytest.mark.parametrize("kind", UNSTORABLE)
async def test_what_cannot_be_stored_is_refused_with_a_reason(
    client: Client, db: Connection, kind: str
) -> None:
    """Attacks 31, 32, 33: no such body ends as a 500, or in the database."""
    headers = {"content-type": "application/json"}
    answer = await client("admin").post("/jobs", content=UNSTORABLE[kind], headers=headers)
    assert answer.status_code in (400, 404, 413), answer.text
    assert answer.json()["code"].startswith("TF1")
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1000000000", "1e9", "x"])
async def test_a_page_has_at_most_200_lines(client: Client, limit: str) -> None:
    """Attack 34."""
    assert (await client("admin").get("/jobs", params={"limit": limit})).status_code == 400


async def test_an_idempotency_key_is_its_tenants_and_its_routes(client: Client) -> None:
    """Attack 38."""
    key = {"idempotency-key": "same"}
    mine = await client("admin").post("/jobs", json={"task": "t"}, headers=key)
    theirs = await client("admin", tenant="acme").post("/jobs", json={"task": "t"}, headers=key)
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]
    id = mine.json()["id"]
    other_route = await client("operator").post(f"/jobs/{id}/cancel", headers=key)
    assert other_route.status_code == 200


async def test_every_answer_has_the_headers_that_browsers_heed(client: Client) -> None:
    """Attack 26."""
    for path in ("/jobs", "http://taskflow.test/docs", "http://taskflow.test/setup", "/nowhere"):
        headers = (await client("admin").get(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "unsafe-inline" not in headers["content-security-policy"].partition("style-src")[0]


async def test_only_listed_origins_and_hosts(dsn: str, client: Client) -> None:
    """Attack 23: exact lists; what only looks like one of them is none."""
    key = client("admin").headers["authorization"]
    settings: dict[str, Any] = {
        "api_cors": "https://app.example.com",
        "api_hosts": "api.example.com",
    }
    async with Taskflow(dsn, **settings) as tf:
        transport = httpx.ASGITransport(app=create_app(tf))
        base = f"http://api.example.com{PREFIX}"
        async with httpx.AsyncClient(transport=transport, base_url=base) as browser:
            headers = {"authorization": key}
            for origin in (
                "https://app.example.com.evil", "https://appXexample.com", "null",
                "http://app.example.com", "https://evil.example.com",
            ):  # fmt: skip
                answer = await browser.get("/jobs", headers={**headers, "origin": origin})
                assert "access-control-allow-origin" not in answer.headers, origin
            own = {**headers, "origin": "https://app.example.com"}
            answer = await browser.get("/jobs", headers=own)
            assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
            for host in ("apiXexample.com", "evil.com", "api.example.com.evil.com"):
                answer = await browser.get("/jobs", headers={**headers, "host": host})
                assert answer.status_code == 400, host


@pytest.mark.parametrize("origins", ["*", "https://*.example.com", "https://a.example.com/"])
def test_patterns_of_origins_are_not_taken(dsn: str, origins: str) -> None:
    with pytest.raises(ConfigurationError):
        create_app(Taskflow(dsn, api_cors=origins))


async def test_secrets_in_arguments_are_hidden_from_all_but_administrators(
    client: Client, db: Connection
) -> None:
    """Attack 28: whatever stands under a name that looks like one of a secret."""
    args = {
        "user": "ann", "password": "canary", "nested": [{"api_key": "canary", "n": 1}],
        "Authorization": "Bearer canary", "card_number": "canary",
    }  # fmt: skip
    admin = client("admin")
    id = (
        await admin.post("/jobs", json={"task": "t", "args": args, "meta": {"token": "canary"}})
    ).json()["id"]
    assert (await admin.get(f"/jobs/{id}")).json()["job"]["args"] == args
    for role in ("producer", "viewer", "operator"):
        answer = await client(role).get(f"/jobs/{id}")
        assert "canary" not in answer.text
        shown = answer.json()["job"]["args"]
        assert (shown["user"], shown["password"]) == ("ann", "[redacted]")
        assert shown["nested"] == [{"api_key": "[redacted]", "n": 1}]


async def test_tokens_are_in_no_log_and_in_no_error(
    client: Client, caplog: pytest.LogCaptureFixture, db: Connection
) -> None:
    """Attack 18: a canary for each way in, looked for in everything that is written."""
    canary = "tf_" + "c" * 43
    with caplog.at_level(logging.DEBUG):
        answers = [
            await client().get("/jobs", headers={"authorization": f"Bearer {canary}"}),
            await client().get(f"/jobs?ticket={canary}"),
            await client().post("/auth/setup", json={"token": canary, "password": "x" * 12}),
            await client().post("/auth/login", json={"name": "ann", "password": canary}),
        ]
        db.execute("alter table taskflow.job rename to away")
        try:
            broken = await client("admin").post("/jobs", json={"task": "t", "args": {"s": canary}})
        finally:
            db.execute("alter table taskflow.away rename to job")
    assert broken.status_code in (500, 503)
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert canary not in "".join(str(record.__dict__) for record in ours)
    assert canary not in "".join(answer.text for answer in [*answers, broken])
    audited = db.execute("select a::text from taskflow.audit a").fetchall()
    assert canary not in str(audited)


@pytest.mark.parametrize("given", ["a\r\nx: y", "\x1b[31m", "a" * 65, "", "é", "a b"])
async def test_a_request_id_cannot_forge_a_log(client: Client, given: str) -> None:
    """Attack 29: one that is not plain is replaced."""
    headers = [(b"x-request-id", given.encode())]
    try:
        answer = await client().get("/jobs", headers=headers)
    except (httpx.LocalProtocolError, ValueError):
        return
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_request_id_goes_in_and_out_and_a_trace_gives_one(client: Client) -> None:
    admin = client("admin")
    named = await admin.get("/jobs/1", headers={"x-request-id": "order-7"})
    assert named.headers["x-request-id"] == named.json()["request_id"] == "order-7"
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = await admin.get("/jobs", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert traced.headers["x-request-id"] == trace


async def test_a_trace_goes_on_in_the_job(client: Client) -> None:
    admin = client("admin")
    sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = {"task": "t", "meta": {"n": 1}}
    made = await admin.post("/jobs", json=body, headers={"traceparent": sent})
    many = await admin.post(
        "/jobs:enqueue_many", json={"items": [body]}, headers={"traceparent": sent}
    )
    for id in (made.json()["id"], many.json()["data"][0]["id"]):
        job = (await admin.get(f"/jobs/{id}")).json()["job"]
        assert job["meta"] == {"traceparent": sent, "n": 1}
    plain = await admin.post("/jobs", json=body, headers={"traceparent": "00-x"})
    assert (await admin.get(f"/jobs/{plain.json()['id']}")).json()["job"]["meta"] == {"n": 1}


async def test_each_change_has_its_line_in_the_audit_trail(client: Client, db: Connection) -> None:
    """Attack 59: who, with which key, from where, what, and how it ended."""
    admin = client("admin")
    id = (await admin.post("/jobs", json={"task": "t"})).json()["id"]
    await admin.post(f"/jobs/{id}/cancel", json={"reason": "r"}, headers={"x-request-id": "c-1"})
    await client("viewer").post("/jobs", json={"task": "t"})
    await admin.post("/jobs", json={"task": "no such name!"})
    await admin.get("/jobs")
    lines = (await admin.get("/audit")).json()["data"]
    assert [(line["action"], line["actor"], line["status"]) for line in lines] == [
        ("jobs.enqueue", "key:admin", 400),
        ("jobs.enqueue", "key:viewer", 403),
        ("jobs.cancel", "key:admin", 200),
        ("jobs.enqueue", "key:admin", 201),
    ]
    assert (lines[2]["target"], lines[2]["request_id"]) == (id, "c-1")
    assert lines[2]["address"] == "127.0.0.1"
    for role in ("taskflow_api", "taskflow_operator", "taskflow_worker", "taskflow_producer"):
        for right in ("insert", "update", "delete", "truncate"):
            may = f.value(db, f"select has_table_privilege('{role}', 'taskflow.audit', '{right}')")
            assert not may, (role, right)


async def test_a_change_and_its_audit_line_are_one(client: Client, db: Connection) -> None:
    """Where the line cannot be written, nothing is changed."""
    admin = client("admin")
    db.execute("alter table taskflow.audit add constraint never check (status <> 201) not valid")
    try:
        answer = await admin.post("/jobs", json={"task": "t"})
    finally:
        db.execute("alter table taskflow.audit drop constraint never")
    assert answer.status_code >= 500
    assert f.value(db, "select count(*) from taskflow.job") == 0


async def test_a_request_under_way_is_told_from_a_finished_one(
    client: Client, db: Connection, connect: Any
) -> None:
    """The same Idempotency-Key at the same time: one of them does it, the other is told so."""
    admin = client("admin")
    other = connect(autocommit=False)
    actor = f.value(
        db, "select 'key:' || id from taskflow.api_key where role = 'admin' and tenant = 'default'"
    )
    other.execute(
        "select * from taskflow.find_answer(%s, 'POST /api/v1/jobs', 'k', 'h', 'default')", [actor]
    )
    busy = await admin.post("/jobs", json={"task": "t"}, headers={"idempotency-key": "k"})
    assert (busy.status_code, busy.json()["code"]) == (409, "TF176")
    other.rollback()
    done = await admin.post("/jobs", json={"task": "t"}, headers={"idempotency-key": "k"})
    assert done.status_code == 201


async def test_ten_repeats_at_once_do_it_once(client: Client, db: Connection) -> None:
    admin = client("admin")
    key = {"idempotency-key": "k"}
    answers = await asyncio.gather(
        *(admin.post("/jobs", json={"task": "t"}, headers=key) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({a.content for a in answers if a.status_code == 201}) == 1
    assert f.value(db, "select count(*) from taskflow.job") == 1


async def test_a_statement_that_takes_too_long_is_ended(
    dsn: str, client: Client, connect: Any
) -> None:
    key = client("admin").headers["authorization"]
    id = (await client("admin").post("/jobs", json={"task": "t"})).json()["id"]
    holder = connect(autocommit=False)
    holder.execute("select from taskflow.job where id = %s for update", [int(id)])
    async with Taskflow(dsn, api_timeout=0.2) as tf:
        transport = httpx.ASGITransport(app=create_app(tf))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://t{PREFIX}") as asker:
            answer = await asker.post(f"/jobs/{id}/cancel", headers={"authorization": key})
    assert (answer.status_code, answer.json()["code"]) == (503, "TF179")
    assert answer.headers["retry-after"] == "5"


async def test_without_a_database_the_api_says_so(empty_dsn: str) -> None:
    async with Taskflow(empty_dsn) as tf:
        transport = httpx.ASGITransport(app=create_app(tf))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as asker:
            ready = await asker.get("/health/ready")
            asked = await asker.get(f"{PREFIX}/jobs", headers={"authorization": "Bearer tf_x"})
    assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
    assert (asked.status_code, asked.json()["code"]) in ((503, "TF203"), (503, "TF204"))


async def test_json_of_an_answer_is_text_for_browsers(client: Client) -> None:
    """Attack 27: markup in a name stays a text in JSON, with a type that is not sniffed."""
    admin = client("admin")
    markup = "<img src=x onerror=alert(1)>"
    id = (
        await admin.post("/jobs", json={"task": "t", "args": {"s": markup}, "tags": [markup]})
    ).json()["id"]
    answer = await admin.get(f"/jobs/{id}")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content)["job"]["tags"] == [markup]


NEVER = ["0 0 31 2 *", "* * * * * * *", "*/0 * * * *", "R R R R R", "x" * 5000]


@pytest.mark.parametrize("cron", NEVER)
async def test_a_cron_that_never_fires_is_told_soon(client: Client, cron: str) -> None:
    """Attack 35: the search for a next time ends."""
    body = {"name": "s", "task": "t", "cron": cron}
    async with asyncio.timeout(5):
        answer = await client("admin").post("/schedules", json=body)
    assert answer.status_code == 400, answer.text


FLOWS: dict[str, Any] = {
    "a cycle": {"nodes": {"a": {"task": "t", "after": ["b"]}, "b": {"task": "t", "after": ["a"]}}},
    "an edge to itself": {"nodes": {"a": {"task": "t", "after": ["a"]}}},
    "an edge to nowhere": {"nodes": {"a": {"task": "t", "after": ["nowhere"]}}},
    "no nodes": {"nodes": {}},
    "too many nodes": {"nodes": {f"n{n}": {"task": "t"} for n in range(20_000)}},
    "no object": [],
}  # fmt: skip


@pytest.mark.parametrize("kind", FLOWS)
async def test_a_graph_that_cannot_be_is_refused(client: Client, db: Connection, kind: str) -> None:
    """Attack 36."""
    answer = await client("admin").post("/workflows", json={"definition": FLOWS[kind]})
    assert answer.status_code == 400, answer.text
    assert f.value(db, "select count(*) from taskflow.workflow_run") == 0


@pytest.mark.parametrize("task", ["os.system", "builtins.eval", "subprocess.run"])
async def test_a_task_is_a_name_in_a_registry_never_an_import(
    client: Client, tf: Taskflow, task: str
) -> None:
    """Attack 39: what a worker has not registered it does not find."""
    made = await client("admin").post("/jobs", json={"task": task, "args": {"x": "touch /tmp/x"}})
    assert made.status_code == 201
    with pytest.raises(UnknownTask):
        tf.find_task(task)
