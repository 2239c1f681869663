"""Logging in and out, keys, and what must not work."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from taskflow import Taskflow
from taskflow.access.tokens import AUDIENCE, ISSUER, Claims, Signer, digest, make_token
from taskflow.api.app import create_app
from taskflow.calls import access
from taskflow.store.call import run
from tests.api.conftest import PREFIX, Client, Connection

PASSWORD = "correct horse battery"


@pytest.fixture
async def ann(client: Client) -> httpx.AsyncClient:
    """A client that has logged in as the user ann, an operator, whose cookies it keeps."""
    invited = (
        await client("admin").post("/users", json={"name": "ann", "role": "operator"})
    ).json()
    browser = client()
    done = await browser.post("/auth/setup", json={"token": invited["token"], "password": PASSWORD})
    assert done.status_code == 200
    browser.headers["authorization"] = f"Bearer {done.json()['access_token']}"
    return browser


async def login(client: Client, name: str = "ann", password: str = PASSWORD) -> httpx.Response:
    return await client().post("/auth/login", json={"name": name, "password": password})


async def test_the_first_administrator_comes_by_a_link_that_works_once(
    client: Client, db: Connection
) -> None:
    secret = make_token()
    assert run(db, access.first_admin(secret.hash, timedelta(hours=1))) == "admin"
    body = {"token": secret.text, "password": PASSWORD}
    done = await client().post("/auth/setup", json=body)
    assert (done.status_code, done.json()["me"]["role"]) == (200, "admin")
    again = await client().post("/auth/setup", json=body)
    assert (again.status_code, again.json()["code"]) == (401, "TF198")
    assert run(db, access.first_admin(make_token().hash, timedelta(hours=1))) is None


async def test_nothing_is_open_by_default(client: Client) -> None:
    for path in ("/jobs", "/users", "/audit", "/me", "/tenants"):
        assert (await client().get(path)).status_code == 401, path


async def test_a_login_gives_a_token_and_a_cookie_that_scripts_cannot_read(
    client: Client, ann: httpx.AsyncClient
) -> None:
    answer = await login(client)
    assert answer.json()["expires_in"] == 600
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"path={PREFIX}/auth" in cookie
    assert "refresh" not in answer.text
    assert (await ann.get("/me")).json()["name"] == "ann"


async def test_a_refresh_token_works_once_and_its_theft_ends_the_login(
    client: Client, ann: httpx.AsyncClient, db: Connection
) -> None:
    stolen = ann.cookies["taskflow_refresh"]
    renewed = await ann.post("/auth/refresh")
    assert renewed.status_code == 200
    db.execute("update taskflow.api_token set used_at = used_at - interval '11 seconds'")
    thief = client()
    thief.cookies.set("taskflow_refresh", stolen)
    assert (await thief.post("/auth/refresh")).status_code == 401
    assert (await ann.post("/auth/refresh")).status_code == 401, "the family is ended"


async def test_two_tabs_that_renew_at_once_do_not_end_the_login(
    client: Client, ann: httpx.AsyncClient
) -> None:
    """The second is refused, and finds the cookie of the first when it tries again."""
    tab = client()
    tab.cookies.set("taskflow_refresh", ann.cookies["taskflow_refresh"])
    assert (await ann.post("/auth/refresh")).status_code == 200
    assert (await tab.post("/auth/refresh")).status_code == 401
    assert (await ann.post("/auth/refresh")).status_code == 200


async def test_logging_out_ends_the_login(ann: httpx.AsyncClient) -> None:
    kept = ann.cookies["taskflow_refresh"]
    assert (await ann.post("/auth/logout")).status_code == 204
    ann.cookies.set("taskflow_refresh", kept)
    assert (await ann.post("/auth/refresh")).status_code == 401


async def test_a_page_of_another_site_cannot_use_the_cookie(ann: httpx.AsyncClient) -> None:
    """Attack 25: a cross-site POST."""
    refused = await ann.post("/auth/refresh", headers={"origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "TF171")
    own = await ann.post("/auth/refresh", headers={"origin": "http://taskflow.test"})
    assert own.status_code == 200


async def test_wrong_names_and_wrong_passwords_look_the_same(
    client: Client, ann: httpx.AsyncClient
) -> None:
    """Attack 21: what exists cannot be found out."""
    answers = [await login(client, "ann", "wrong password"), await login(client, "bob")]
    bodies = [{**a.json(), "request_id": ""} for a in answers]
    assert bodies[0] == bodies[1]
    assert [a.status_code for a in answers] == [401, 401]


async def test_guessing_locks_the_account_for_a_while(
    client: Client, ann: httpx.AsyncClient, db: Connection
) -> None:
    """Attack 21: five wrong passwords, then even the right one has to wait."""
    for _ in range(5):
        assert (await login(client, "ann", "wrong password")).status_code == 401
    assert (await login(client)).status_code == 401
    db.execute("update taskflow.api_user set locked_until = null")
    assert (await login(client)).status_code == 200


async def test_logins_are_limited_by_address(client: Client, db: Connection) -> None:
    db.execute("update taskflow.config set value = '3' where name = 'api_anonymous_rate'")
    answers = [await login(client, f"nobody-{number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'


async def test_a_forwarded_address_is_not_believed(client: Client, db: Connection) -> None:
    """Attack 22: another X-Forwarded-For each time."""
    db.execute("update taskflow.config set value = '2' where name = 'api_anonymous_rate'")
    statuses = []
    for number in range(4):
        spoofed = {"x-forwarded-for": f"203.0.113.{number}"}
        body = {"name": "nobody", "password": "wrong password"}
        statuses.append(
            (await client().post("/auth/login", json=body, headers=spoofed)).status_code
        )
    assert statuses == [401, 401, 429, 429]


async def test_a_named_proxy_is_believed(dsn: str, db: Connection) -> None:
    db.execute("update taskflow.config set value = '1' where name = 'api_anonymous_rate'")
    async with Taskflow(dsn, api_proxies="127.0.0.0/8") as tf:
        transport = httpx.ASGITransport(app=create_app(tf), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://t{PREFIX}") as proxied:
            body = {"name": "nobody", "password": "wrong password"}
            hops = ["203.0.113.1", "203.0.113.2", "9.9.9.9, 203.0.113.1", "203.0.113.9, 127.0.0.1"]
            statuses = [
                (
                    await proxied.post("/auth/login", json=body, headers={"x-forwarded-for": hop})
                ).status_code
                for hop in hops
            ]
    assert statuses == [401, 401, 429, 401], "the last address that no proxy of ours added"


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _claims(**changed: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    found = {
        "iss": ISSUER, "aud": AUDIENCE, "typ": "access", "iat": now, "nbf": now,
        "exp": now + timedelta(minutes=5), "sub": "default/1", "ver": 1,
    } | changed  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _signed(key: bytes, kid: str = "1", algorithm: str = "HS256", **changed: Any) -> str:
    return jwt.encode(_claims(**changed), key, algorithm=algorithm, headers={"kid": kid})


LATER = datetime.now(UTC) + timedelta(hours=1)
EARLIER = datetime.now(UTC) - timedelta(hours=1)
FORGED: dict[str, Callable[[bytes], str]] = {
    "alg none": lambda _: f"{_part({'alg': 'none', 'kid': '1'})}.{_part({'sub': 'default/1'})}.",
    "alg None": lambda _: f"{_part({'alg': 'None', 'kid': '1'})}.{_part({'sub': 'default/1'})}.",
    "other key": lambda _: _signed(b"k" * 32),
    "other algorithm": lambda key: _signed(key * 2, algorithm="HS512"),
    "kid unknown": lambda key: _signed(key, kid="999"),
    "kid is a path": lambda key: _signed(key, kid="../../dev/null"),
    "kid is SQL": lambda key: _signed(key, kid="1' or '1'='1"),
    "no exp": lambda key: _signed(key, exp=None),
    "expired": lambda key: _signed(key, exp=EARLIER),
    "not yet valid": lambda key: _signed(key, nbf=LATER),
    "no audience": lambda key: _signed(key, aud=None),
    "other audience": lambda key: _signed(key, aud="billing"),
    "other issuer": lambda key: _signed(key, iss="somebody"),
    "a refresh token": lambda key: _signed(key, typ="refresh"),
    "no subject": lambda key: _signed(key, sub=None),
    "odd subject": lambda key: _signed(key, sub="default/one"),
    "old version": lambda key: _signed(key, ver=0),
    "other tenant": lambda key: _signed(key, sub="acme/1"),
    "huge": lambda key: _signed(key, sub="default/1" + "x" * 5000),
    "not a token": lambda _: "a.b.c",
    "empty": lambda _: "",
}


@pytest.mark.parametrize("kind", FORGED)
async def test_a_forged_token_is_refused(
    client: Client, ann: httpx.AsyncClient, db: Connection, kind: str
) -> None:
    """Attacks 15 and 16."""
    (_, key) = run(db, access.signing_keys(b"x" * 32))[0]
    db.execute("update taskflow.api_user set id = 1")
    token = FORGED[kind](key)
    answer = await client().get("/me", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "TF198")
    genuine = Signer([(_, key)]).issue(Claims("default", 1, 2), timedelta(minutes=1))
    assert (
        await client().get("/me", headers={"authorization": f"Bearer {genuine}"})
    ).status_code == 200


async def test_a_change_of_role_ends_tokens_at_once(client: Client, ann: httpx.AsyncClient) -> None:
    """Attack 17."""
    admin = client("admin")
    (user,) = (await admin.get("/users")).json()["data"]
    path = f"/users/{user['id']}"
    tag = (await admin.get(path)).headers["etag"]
    assert (await ann.get("/jobs")).status_code == 200
    edited = await admin.patch(path, json={"role": "viewer"}, headers={"if-match": tag})
    assert edited.status_code == 200
    assert (await ann.get("/jobs")).status_code == 401
    assert (await login(client)).json()["me"]["role"] == "viewer"


async def test_a_key_goes_off_with_its_user(client: Client, db: Connection) -> None:
    """Attack 20."""
    invited = (await client("admin").post("/users", json={"name": "eve", "role": "admin"})).json()
    browser = client()
    body = {"token": invited["token"], "password": PASSWORD}
    token = (await browser.post("/auth/setup", json=body)).json()["access_token"]
    as_eve = {"authorization": f"Bearer {token}"}
    made = (
        await browser.post("/api_keys", json={"name": "hers", "role": "viewer"}, headers=as_eve)
    ).json()
    assert made["key"]["user_id"] == invited["user"]["id"]
    with_key = {"authorization": f"Bearer {made['secret']}"}
    assert (await client().get("/jobs", headers=with_key)).status_code == 200
    admin = client("admin")
    await admin.post("/users", json={"name": "other", "role": "admin"})
    path = f"/users/{invited['user']['id']}"
    await admin.patch(path, json={"disabled": True}, headers={"if-match": "*"})
    assert (await client().get("/jobs", headers=with_key)).status_code == 401


async def test_a_dump_holds_no_usable_key(client: Client, db: Connection) -> None:
    """Attack 19: the database has hashes only, and each secret is shown once."""
    made = (await client("admin").post("/api_keys", json={"name": "k", "role": "viewer"})).json()
    secret = made["secret"]
    assert len(secret) >= 43 + 3
    assert secret.startswith(made["key"]["prefix"])
    rows = db.execute("select k::text from taskflow.api_key k").fetchall()
    assert secret not in str(rows)
    stored = db.execute("select hash from taskflow.api_key where name = 'k'").fetchone()
    assert stored is not None
    assert bytes(stored[0]) == digest(secret)
    shown = await client("admin").get(f"/api_keys/{made['key']['id']}")
    assert secret not in shown.text


async def test_rotation_keeps_the_old_secret_for_a_while(client: Client, db: Connection) -> None:
    admin = client("admin")
    made = (await admin.post("/api_keys", json={"name": "k", "role": "viewer"})).json()
    path = f"/api_keys/{made['key']['id']}/rotate"
    rotated = (await admin.post(path, json={"overlap_s": 60})).json()

    async def status(secret: str) -> int:
        answer = await client().get("/jobs", headers={"authorization": f"Bearer {secret}"})
        return answer.status_code

    assert [await status(made["secret"]), await status(rotated["secret"])] == [200, 200]
    db.execute("update taskflow.api_key set previous_until = taskflow.now()")
    assert [await status(made["secret"]), await status(rotated["secret"])] == [401, 200]
    await admin.delete(f"/api_keys/{made['key']['id']}")
    assert await status(rotated["secret"]) == 401


async def test_an_expired_key_is_refused(client: Client, db: Connection) -> None:
    viewer = client("viewer")
    db.execute("update taskflow.api_key set expires_at = taskflow.now()")
    answer = await viewer.get("/jobs")
    assert (answer.status_code, "expired" in answer.json()["detail"]) == (401, True)


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["jobs:read"], {"GET /jobs"}),
        (["jobs:enqueue"], {"POST /jobs"}),
        (["tasks:read"], set()),
        ([], set()),
    ],
)
async def test_scopes_narrow_a_key(client: Client, scopes: list[str], allowed: set[str]) -> None:
    narrow = client("operator", scopes=scopes)
    answers = {
        "GET /jobs": await narrow.get("/jobs"),
        "POST /jobs": await narrow.post("/jobs", json={"task": "t"}),
    }
    assert {name for name, answer in answers.items() if answer.status_code < 400} == allowed
    assert {a.status_code for n, a in answers.items() if n not in allowed} <= {403}


async def test_a_narrowed_key_cannot_make_a_wider_one(client: Client) -> None:
    narrow = client("admin", scopes=["keys:write", "users:write", "tenants:write"])
    for path, body in (
        ("/api_keys", {"name": "k", "role": "admin"}),
        ("/users", {"name": "u", "role": "admin"}),
    ):
        assert (await narrow.post(path, json=body)).status_code == 403, path


async def test_a_scope_for_one_queue_enqueues_there_only(client: Client, db: Connection) -> None:
    narrow = client("producer", scopes=["jobs:enqueue:mail"])
    assert (await narrow.post("/jobs", json={"task": "t", "queue": "mail"})).status_code == 201
    assert (await narrow.post("/jobs", json={"task": "t", "queue": "bulk"})).status_code == 403
    refused = await narrow.post("/jobs", json={"task": "t"})
    assert refused.status_code == 403, "the default queue is another one"
    assert db.execute("select array_agg(queue) from taskflow.job").fetchone() == (["mail"],)


async def test_a_secret_is_in_no_kept_answer(client: Client, db: Connection) -> None:
    admin = client("admin")
    key = {"idempotency-key": "once"}
    made = await admin.post("/api_keys", json={"name": "k", "role": "viewer"}, headers=key)
    again = await admin.post("/api_keys", json={"name": "k", "role": "viewer"}, headers=key)
    assert (made.status_code, again.status_code) == (201, 409)
    assert made.json()["secret"] not in again.text
    kept = db.execute("select body from taskflow.idempotency").fetchall()
    assert [bytes(body) for (body,) in kept] == [b""]


async def test_a_ticket_stands_for_its_owner_once(client: Client, db: Connection) -> None:
    """Attack 18: no token in an address, only this."""
    viewer = client("viewer")
    ticket = (await viewer.post("/auth/ticket")).json()["ticket"]
    row = db.execute(
        "select standing, role from taskflow.open_request('a', ticket_hash => %s)", [digest(ticket)]
    ).fetchone()
    assert row == ("ok", "viewer")
    again = db.execute(
        "select standing from taskflow.open_request('a', ticket_hash => %s)", [digest(ticket)]
    ).fetchone()
    assert again == ("unknown",)
    assert (await client().get(f"/jobs?ticket={ticket}")).status_code == 401


async def test_the_last_administrator_stays(client: Client) -> None:
    admin = client("admin")
    made = (await admin.post("/users", json={"name": "root", "role": "admin"})).json()
    path = f"/users/{made['user']['id']}"
    refused = await admin.patch(path, json={"role": "viewer"}, headers={"if-match": "*"})
    assert (refused.status_code, refused.json()["code"]) == (409, "TF191")
    assert (await admin.delete(path)).status_code == 409


def test_a_login_that_is_only_the_apis_role_can_do_all_it_needs(db: Connection, dsn: str) -> None:
    """Attack 6: the API's role owns nothing, and sees no table of secrets."""
    for table in ("signing_key", "api_token", "idempotency", "api_rate"):
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute("set role taskflow_api")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(f"select * from taskflow.{table}")
    owned = db.execute(
        "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner"
        " where r.rolname = 'taskflow_api'"
    ).fetchone()
    assert owned == (0,)
