"""/workers: the processes that serve queues. They serve all tenants: only the installation's own
tenant sees them."""

from __future__ import annotations

from litestar import get, post

from taskflow.api.answers import Page, paged, read_cursor
from taskflow.api.fields import Cursor, IdPath, Limit, ident
from taskflow.api.session import Injected, Session
from taskflow.calls import reads, workers
from taskflow.errors import WorkerNotRegistered
from taskflow.kernel.listing import WorkerLine


@get("/workers", name="workers.list")
async def list_workers(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[WorkerLine]:
    """List worker processes as they last reported; lost ones for a day."""
    after = int(read_cursor(session.signer, "workers", cursor) or 0)
    found = await session.run(reads.workers(limit + 1, after))
    return paged(session, found, limit, "workers", lambda line: line.id)


@get("/workers/{worker_id:str}", name="workers.get")
async def get_worker(session: Injected, worker_id: IdPath) -> WorkerLine:
    """Show one worker process."""
    return await known(session, worker_id)


@post("/workers/{worker_id:str}/drain", name="workers.drain", status_code=202)
async def drain(session: Injected, worker_id: IdPath) -> WorkerLine:
    """Ask a worker to stop in good order: it claims no more, gives its jobs the grace, and ends."""
    worker = await known(session, worker_id)
    await session.run(workers.drain(worker.id))
    return await known(session, worker_id)


async def known(session: Session, worker_id: str) -> WorkerLine:
    found = await session.run(reads.worker(ident(worker_id, no_worker)))
    if found is None:
        raise no_worker(worker_id)
    return found


def no_worker(id: int | str) -> WorkerNotRegistered:
    return WorkerNotRegistered(f"worker {id} is not registered", "It may have ended: GET /workers.")


ROUTES = [list_workers, get_worker, drain]
