"""Every route of the application, asked by everybody: what the table of rules says is what happens.

The routes are read from the application itself, so a new one is in this test before its author is.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from taskflow import Taskflow
from taskflow.access.rules import PERMISSIONS, RULES, Rule
from taskflow.api.app import create_litestar
from taskflow.kernel.access import INSTALLATION, ROLES
from tests.api.conftest import PREFIX, Client, Connection
from tests.support import factories as f

FLOW = {"nodes": {"only": {"task": "t"}}}
BODIES: dict[str, Any] = {
    "jobs.enqueue": {"task": "t"},
    "jobs.enqueue_many": {"items": [{"task": "t"}]},
    "jobs.edit": {"priority": "high"},
    "jobs.reschedule": {"run_at": "2030-01-01T00:00:00Z"},
    "operations.start": {"verb": "cancel", "filter": {"queues": ["mail"]}},
    "schedules.create": {"name": "new", "task": "t", "every": "PT1H"},
    "schedules.put": {"task": "t", "every": "PT1H"},
    "schedules.edit": {"jitter": "PT1S"},
    "schedules.backfill": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z"},
    "workflows.start": {"definition": FLOW},
    "workflows.signal": {"name": "go"},
    "definitions.put": {"definition": FLOW},
    "limits.put": {"queue": "mail", "concurrency": 1},
    "auth.login": {"name": "nobody", "password": "wrong password"},
    "auth.setup": {"token": "x", "password": "correct horse battery"},
    "auth.password": {"current": "wrong password", "new": "correct horse battery"},
    "users.create": {"name": "new"},
    "users.edit": {"role": "viewer"},
    "keys.create": {"name": "new"},
    "tenants.put": {"max_requests": 100},
    "webhooks.create": {"url": "https://example.com/hook", "events": ["job.dead"]},
    "webhooks.edit": {"description": "d"},
    "webhooks.resend_failed": {"since": "2026-01-01T00:00:00Z"},
    "sources.create": {"name": "new", "task": "t"},
}
UNASKED = {"events.socket", "events.stream", "jobs.follow"}
"""Asked by tests of their own: no plain request reaches them, or their answers have no end."""


class Asked(NamedTuple):
    """A route as it can be asked."""

    name: str
    method: str
    path: str

    @property
    def rule(self) -> Rule:
        return RULES[self.name]


def routes() -> list[Asked]:
    app = create_litestar(Taskflow("postgresql://nowhere"))
    found: list[Asked] = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and handler.name:
                found += [
                    Asked(handler.name, str(method), route.path_format)
                    for method in handler.http_methods
                ]
    return sorted(found)


ROUTES = routes()
GUARDED = [asked for asked in ROUTES if asked.rule.permission and asked.name not in UNASKED]


def one_of_everything(db: Connection, tenant: str) -> dict[str, Any]:
    """What paths of routes can name, all of one tenant."""

    flow = json.dumps(FLOW)

    def call(statement: str) -> Any:
        named = statement.replace("TENANT", f"tenant => '{tenant}'").replace("FLOW", f"'{flow}'")
        return f.value(db, named)

    run = call("select taskflow.run_definition(FLOW, TENANT)")
    call("select taskflow.put_schedule('name', 't', every => '1 hour', TENANT)")
    call("select taskflow.set_limit('name', queue => 'mail', concurrency => 5, TENANT)")
    call("select version from taskflow.save_workflow('name', FLOW, TENANT)")
    call("select taskflow.put_user('root', 'admin', TENANT)")
    dead = call("select taskflow.enqueue('t', queue => 'mail', max_attempts => 1, TENANT)")
    worker = f.join(db, "mail")
    for job in f.claim(db, worker, 10, "mail"):
        f.settle(db, job, "failed", tenant=tenant, error='{"class": "E", "fingerprint": "abc"}')
    endpoint = call("select webhook_id from taskflow.put_webhook('https://a.com/', TENANT)")
    call(f"select taskflow.test_webhook({endpoint}, TENANT)")
    call("select taskflow.put_source('name', 't', TENANT)")
    return {
        "endpoint_id": endpoint,
        "delivery_id": call(
            f"select max(id) from taskflow.webhook_delivery where tenant = '{tenant}'"
        ),
        "job_id": call("select taskflow.enqueue('t', queue => 'mail', TENANT)"),
        "dead_id": dead,
        "run_id": run,
        "batch_id": call("select taskflow.create_batch('b', TENANT)"),
        "operation_id": call("select taskflow.start_operation('cancel', '{}', TENANT)"),
        "user_id": call("select taskflow.put_user('ann', 'viewer', TENANT)"),
        "key_id": call("select taskflow.create_key('k', 'p', 'h', 'viewer', TENANT)"),
        "worker_id": worker,
        "name": "name", "queue": "mail", "task": "t", "tenant": tenant, "fingerprint": "abc",
    }  # fmt: skip


async def ask(asker: httpx.AsyncClient, asked: Asked, things: dict[str, Any]) -> httpx.Response:
    path = asked.path.removeprefix(PREFIX).format_map(things)
    if not asked.path.startswith(PREFIX):
        path = f"http://taskflow.test{path}"
    body = BODIES.get(asked.name)
    if body is None and asked.method in ("POST", "PUT", "PATCH"):
        body = {}
    headers = {"if-match": "*"} if asked.method in ("PATCH", "PUT", "DELETE") else {}
    query = {"dry_run": "true"} if asked.name == "operations.start" else {}
    async with asyncio.timeout(20):
        return await asker.request(asked.method, path, json=body, headers=headers, params=query)


def may_ask(asked: Asked, role: str, tenant: str) -> bool:
    rule = asked.rule
    if rule.installation and tenant != INSTALLATION:
        return False
    return rule.permission == "me" or rule.permission in PERMISSIONS[role]  # type: ignore[index]


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    served = {asked.name for asked in ROUTES}
    assert sorted(served - set(RULES)) == []
    assert sorted(set(RULES) - served - {"events.socket"}) == []


def test_what_is_open_is_what_has_to_be() -> None:
    """Attack 60: an anonymous crawl finds no more than this."""
    assert sorted(asked.name for asked in ROUTES if asked.rule.permission is None) == [
        "auth.login", "auth.logout", "auth.refresh", "auth.setup", "docs.asset", "docs.openapi",
        "docs.page", "docs.problem", "health.live", "health.ready", "incoming.receive",
        "pages.root", "pages.script", "pages.setup", "pages.style",
    ]  # fmt: skip


@pytest.mark.parametrize("asked", GUARDED, ids=lambda asked: asked.name)
async def test_each_role_may_what_the_table_says(
    client: Client, db: Connection, asked: Asked
) -> None:
    """Attack 3: five roles in two tenants; a refusal comes before anything is looked up."""
    things = {tenant: one_of_everything(db, tenant) for tenant in ("default", "acme")}
    anonymous = await ask(client(), asked, things["default"])
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "TF198")
    for tenant, known in things.items():
        for role in reversed(ROLES):
            answer = await ask(client(role, tenant=tenant), asked, known)
            if may_ask(asked, role, tenant):
                assert answer.status_code not in (401, 500, 503), (role, tenant, answer.text)
                if asked.name != "auth.password":
                    assert answer.status_code != 403, (role, tenant, answer.text)
            else:
                assert answer.status_code == 403, (role, tenant, answer.text)


NAMES = {"name", "queue", "task", "tenant", "worker_id", "fingerprint"}
"""What another tenant may have, too: then it is that one's own that is meant."""


@pytest.mark.parametrize(
    "asked", [asked for asked in GUARDED if "{" in asked.path], ids=lambda asked: asked.name
)
async def test_what_is_another_tenants_does_not_exist(
    client: Client, db: Connection, asked: Asked
) -> None:
    """Attack 1: every route with the ids of another tenant, by that one's own administrator."""
    things = one_of_everything(db, "acme")
    db.execute("select taskflow.put_user('root', 'admin', tenant => 'evil')")
    for tenant in ("evil", "default"):
        if asked.rule.installation and tenant == INSTALLATION:
            continue  # its administrators make tenants, and see their workers
        before = snapshot(db)
        answer = await ask(client("admin", tenant=tenant), asked, things)
        assert answer.status_code < 500, answer.text
        if not any(f"{{{name}}}" in asked.path for name in NAMES):
            assert answer.status_code == 404, (tenant, answer.text)
        assert "acme" not in answer.text or answer.status_code >= 400, tenant
        assert snapshot(db) == before, f"{tenant} changed something of acme's"


def snapshot(db: Connection) -> dict[str, Any]:
    """All rows of the tenant acme."""
    tables = f.rows(
        db,
        "select c.relname as name from pg_class c where c.relkind in ('r', 'p')"
        " and c.relnamespace = 'taskflow'::regnamespace and not c.relispartition"
        " and c.relname not in ('alembic_version', 'tenant')",
    )
    return {
        table.name: db.execute(
            f"select t::text from taskflow.{table.name} t where tenant = 'acme' order by 1"
        ).fetchall()
        for table in tables
    }
