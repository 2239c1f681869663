"""The API in this process, and clients of it with the rights that a test asks for.

tf        an app on the test's database
client    makes clients: client("admin"), client("viewer", tenant="acme", queues=["email"]);
              client() is anonymous
    served    the address of the API behind a real server, for what streams
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import psycopg
import pytest

from taskflow import Taskflow
from taskflow.access.tokens import make_key
from taskflow.api.app import create_app
from taskflow.calls import people
from taskflow.kernel.access import Role
from taskflow.store.call import run
from tests.support.listening import serving

Client = Callable[..., httpx.AsyncClient]
Connection = psycopg.Connection[Any]
PREFIX = "/api/v1"


@pytest.fixture
async def tf(dsn: str) -> AsyncIterator[Taskflow]:
    async with Taskflow(dsn, pool_size=4) as app:
        yield app


@pytest.fixture
async def served(dsn: str) -> AsyncIterator[str]:
    async with serving(Taskflow(dsn, pool_size=4)) as address:
        yield address


@pytest.fixture
async def client(tf: Taskflow, db: Connection) -> AsyncIterator[Client]:
    """Clients by role; each role's key is made once per tenant, queues and scopes."""
    transport = httpx.ASGITransport(app=create_app(tf))
    made: list[httpx.AsyncClient] = []

    def make(
        role: Role | None = None,
        *,
        tenant: str = "default",
        queues: list[str] | None = None,
        scopes: list[str] | None = None,
    ) -> httpx.AsyncClient:
        headers = {}
        if role is not None:
            secret = make_key()
            call = people.create_key(
                role, secret.prefix, secret.hash, role, queues=queues, scopes=scopes, tenant=tenant
            )
            run(db, call)
            headers["authorization"] = f"Bearer {secret.text}"
        found = httpx.AsyncClient(
            transport=transport, base_url=f"http://taskflow.test{PREFIX}", headers=headers
        )
        made.append(found)
        return found

    yield make
    for found in made:
        await found.aclose()
