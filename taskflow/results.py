"""Results too large for the job's row: where they are kept, and how they come back.

They go to `Taskflow.result_store`, or to a table of their own in pieces, before the job is settled;
the row then holds a reference. The key has the claim's number in it: a run that has lost its lease
overwrites nothing, and what it leaves behind upkeep removes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from taskflow.calls import records
from taskflow.errors import LeaseLost, PayloadTooLarge, UnstorableResult
from taskflow.kernel.job import Claimed
from taskflow.kernel.stored import (
    POSTGRES,
    Key,
    Reference,
    ResultUnavailable,
    encode_reference,
    reference_in,
)

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.store.call import Call

PIECE_BYTES = 512 * 1024


def keep(app: Taskflow, job: Claimed, raw: bytes) -> bytes:
    """Keeps a result apart; answers the reference to settle with. Blocks: call it in a thread.

    Raises `LeaseLost` when the job is not this worker's any more.
    """
    if app.result_store is None:
        try:
            for call in pieces(job, raw):
                check(job, app.run(call))
        except PayloadTooLarge as error:
            raise UnstorableResult(
                f"the result cannot be stored: {error.message} ({error.code})", error.hint
            ) from error
    else:
        app.result_store.put(Key(job.tenant, job.id, job.claim_no), raw)
    return reference(app, job, raw)


def pieces(job: Claimed, raw: bytes) -> Iterator[Call[records.Saved]]:
    """What stores a result in the database, in this order."""
    for place, start in enumerate(range(0, len(raw), PIECE_BYTES)):
        piece = raw[start : start + PIECE_BYTES]
        yield records.put_result(job.id, job.claim_no, job.tenant, place, piece)


def check(job: Claimed, saved: records.Saved) -> None:
    if saved == "stale":
        raise LeaseLost.of(job.id, f"job {job.id} is no longer this worker's")


def reference(app: Taskflow, job: Claimed, raw: bytes) -> bytes:
    """What the job's row holds in place of its result."""
    name = POSTGRES if app.result_store is None else app.result_store.name
    return encode_reference(Reference(name, job.claim_no, len(raw)))


def forget(app: Taskflow, job: Claimed, raw: bytes) -> None:
    """The settle with this result was refused. What the database has of it, upkeep removes."""
    found = reference_in(raw)
    if found is not None and app.result_store is not None:
        app.result_store.delete(Key(job.tenant, job.id, found.claim_no))


def fetch(app: Taskflow, key: Key, found: Reference) -> bytes:
    """The result that a reference stands for. Raises `ResultUnavailable`."""
    if found.store == POSTGRES:
        return app.run(records.get_result(key.job_id, key.tenant)) or b"null"
    return _fetch_outside(app, key, found)


async def afetch(app: Taskflow, key: Key, found: Reference) -> bytes:
    """`fetch` for async code."""
    if found.store == POSTGRES:
        return await app.arun(records.get_result(key.job_id, key.tenant)) or b"null"
    return await asyncio.to_thread(_fetch_outside, app, key, found)


def _fetch_outside(app: Taskflow, key: Key, found: Reference) -> bytes:
    store = app.result_store
    if store is None or store.name != found.store:
        raise ResultUnavailable(
            f'the result of job {key.job_id} is in the store "{found.store}"',
            "Give the app that store: tf.result_store = ...",
        )
    return store.get(key)
