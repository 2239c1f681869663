"""/health: is the process alive, can it serve, and all that `taskflow doctor` knows.

Ready means: the database answers, its schema fits, and events come by LISTEN or, which shows, by
looking now and then. What it says to strangers is just that; the details are for the installation's
own users.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from taskflow.api.answers import JsonResponse
from taskflow.api.session import Injected, Session
from taskflow.calls import health
from taskflow.errors import SchemaMismatch, SchemaMissing, TaskflowError
from taskflow.observe import checks
from taskflow.store.call import DriverError
from taskflow.store.fit import check_objects, check_revision

FRESH_S = 2.0
"""For how long an answer is given again: looking costs the database something."""


class Live(msgspec.Struct, frozen=True):
    status: str = "ok"


class Ready(msgspec.Struct, frozen=True):
    """ready, or not_ready with what is wrong."""

    status: str
    database: str
    schema: str
    events: str
    """listening, or polling: events come later then, but they come."""


class CheckLine(msgspec.Struct, frozen=True):
    group: str
    name: str
    status: str
    reason: str
    fix: str | None


class Details(msgspec.Struct, frozen=True):
    ok: bool
    checks: list[CheckLine]


class Readiness:
    """What the last look found; one look at a time, however many ask."""

    def __init__(self) -> None:
        self._found: Ready | None = None
        self._at = 0.0
        self._lock = asyncio.Lock()

    async def of(self, session: Session) -> Ready:
        async with self._lock:
            if self._found is None or time.monotonic() > self._at + FRESH_S:
                self._found = await look(session)
                self._at = time.monotonic()
            return self._found


async def look(session: Session) -> Ready:
    events = "listening" if session.app.listener().is_listening else "polling"
    try:
        installed = await session.app.arun(health.installed())
        check_revision(installed.revision)
        check_objects(installed.hashes)
    except (SchemaMissing, SchemaMismatch) as error:
        return Ready("not_ready", "ok", error.code, events)
    except (TaskflowError, DriverError) as error:
        return Ready("not_ready", getattr(error, "code", "refused"), "unknown", events)
    return Ready("ready", "ok", "ok", events)


Looked = NamedDependency[Readiness]


@get("/health/live", name="health.live")
async def live() -> Live:
    """Is the process there?"""
    return Live()


@get("/health/ready", name="health.ready")
async def ready(session: Injected, readiness: Looked) -> Response[Ready]:
    """Can it serve? 503 while it cannot."""
    found = await readiness.of(session)
    return JsonResponse(found, status_code=200 if found.status == "ready" else 503)


@get("/health/details", name="health.details")
async def details(session: Injected) -> Details:
    """All checks of `taskflow doctor`, each with its reason and what to do."""
    found = await asyncio.to_thread(lambda: list(checks.run(session.app)))
    lines = [CheckLine(v.group, v.name, v.status, v.said, v.fix or None) for v in found]
    return Details(all(v.status != "fail" for v in found), lines)


ROUTES: list[Any] = [live, ready, details]
