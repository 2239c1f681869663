"""/batches: jobs that are counted together."""

from __future__ import annotations

from typing import get_args

from litestar import get, post
from litestar.params import JSONBody

from taskflow.api.answers import Page, paged, read_cursor
from taskflow.api.fields import Below, Cursor, IdPath, Limit, States, choices, ident
from taskflow.api.jobs import ReasonBody
from taskflow.api.session import Injected, Session
from taskflow.calls import batches
from taskflow.calls.batches import Called
from taskflow.kernel.flow import Batch, BatchState
from taskflow.kernel.flow_errors import BatchNotFound

STATES = get_args(BatchState)


@get("/batches", name="batches.list")
async def list_batches(
    session: Injected,
    in_state: States = None,
    below: Below = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Batch]:
    """List batches, the newest first."""
    states = choices(in_state, STATES, "state")
    scope = f"batches {session.tenant} {states}"
    last = read_cursor(session.signer, scope, cursor)
    found = await session.run(
        batches.list_batches(
            session.tenant, states=states, before=int(last) if last else below, limit=limit + 1
        )
    )
    return paged(session, found, limit, scope, lambda line: line.id)


@get("/batches/{batch_id:str}", name="batches.get")
async def get_batch(session: Injected, batch_id: IdPath) -> Batch:
    """Show a batch with its counts."""
    return await known(session, batch_id)


@post("/batches/{batch_id:str}/cancel", name="batches.cancel", status_code=200)
async def cancel(
    session: Injected, batch_id: IdPath, data: JSONBody[ReasonBody | None] = None
) -> Called:
    """Cancel jobs of a batch that have not ended, up to 10,000; ask again while some remain."""
    batch = await known(session, batch_id)
    reason = data.reason if data else None
    return await session.run(batches.cancel_batch(batch.id, reason, session.tenant))


async def known(session: Session, batch_id: str) -> Batch:
    found = await session.run(batches.get_batch(ident(batch_id, no_batch), session.tenant))
    if found is None:
        raise no_batch(batch_id)
    return found


def no_batch(id: int | str) -> BatchNotFound:
    return BatchNotFound(f"batch {id} does not exist", "Its retention may be over.")


ROUTES = [list_batches, get_batch, cancel]
