"""/queues: what waits where; pause, resume, purge."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody

from taskflow.api.answers import Page, paged, read_cursor
from taskflow.api.fields import Cursor, Limit, NamePath, time
from taskflow.api.operations import begin, preview
from taskflow.api.session import Injected, Session
from taskflow.calls import queues, reads
from taskflow.errors import QueueNotFound
from taskflow.kernel.job import State
from taskflow.kernel.listing import JobFilter, QueueLine
from taskflow.kernel.names import check_name

WAITING: tuple[State, ...] = ("scheduled", "blocked", "available", "retrying")


class PauseBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: str | None = None
    """Shown to whoever asks why nothing runs."""
    resume_at: datetime | None = None


class PurgeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What becomes of all jobs that wait in a queue: cancelled ones can be brought back."""

    verb: Literal["cancel", "discard"] = "cancel"
    reason: str | None = None
    rate: int | None = None
    """Jobs a second, at most."""
    dry_run: bool = False


@get("/queues", name="queues.list")
async def list_queues(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[QueueLine]:
    """List queues: what waits, since when, how fast it goes, who serves it, and is it paused?"""
    scope = f"queues {session.tenant} {session.queues}"
    after = read_cursor(session.signer, scope, cursor) or ""
    found = [line for line in await lines(session) if line.name > after]
    return paged(session, found, limit, scope, lambda line: line.name)


@get("/queues/{name:str}", name="queues.get")
async def get_queue(session: Injected, name: NamePath) -> QueueLine:
    """Show one queue."""
    return await known(session, name)


@get("/queues/{name:str}/stats", name="queues.stats")
async def stats(session: Injected, name: NamePath) -> QueueLine:
    """Say how a queue is doing now."""
    return await known(session, name)


@post("/queues/{name:str}/pause", name="queues.pause", status_code=200)
async def pause(
    session: Injected, name: NamePath, data: JSONBody[PauseBody | None] = None
) -> QueueLine:
    """Stop claims from a queue; running jobs go on. The queue may be one that is yet to come."""
    session.check_queue(check_name(name, "queue"))
    given = data or PauseBody()
    resume_at = time(given.resume_at, "/resume_at")
    await session.run(queues.pause(name, given.reason, resume_at, session.tenant))
    return await known(session, name)


@post("/queues/{name:str}/resume", name="queues.resume", status_code=200)
async def resume(session: Injected, name: NamePath) -> QueueLine:
    """End a pause; nothing changes where there is none."""
    await known(session, name)
    await session.run(queues.resume(name, session.tenant))
    return await known(session, name)


@post("/queues/{name:str}/purge", name="queues.purge", status_code=202)
async def purge(
    session: Injected, name: NamePath, data: JSONBody[PurgeBody | None] = None
) -> Response[Any]:
    """Begin an operation on all jobs that wait in a queue; or with dry_run, only count them."""
    await known(session, name)
    given = data or PurgeBody()
    wanted = JobFilter(tenant=session.tenant, queues=(name,), states=WAITING)
    if given.dry_run:
        return await preview(session, wanted)
    return await begin(session, given.verb, wanted, rate=given.rate, reason=given.reason)


async def known(session: Session, name: str) -> QueueLine:
    """A queue that the caller may see, else `QueueNotFound`."""
    if session.queues is None or name in session.queues:
        for line in await lines(session, name):
            return line
    raise QueueNotFound(
        f'no job and no pause has named a queue "{name}"', "See GET /queues for those there are."
    )


async def lines(session: Session, name: str | None = None) -> list[QueueLine]:
    """The caller's queues with its tenant's counts; of very many jobs counted line by line."""
    wanted = session.queues if name is None else (name,)
    tally = await session.run(queues.own(session.tenant, wanted))
    if not tally.is_capped:
        return tally.lines
    found = await session.run(reads.queues(session.tenant))
    return [line for line in found if wanted is None or line.name in wanted]


ROUTES = [list_queues, get_queue, stats, pause, resume, purge]
