"""Verbs on batches: jobs that are counted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from taskflow.calls import jobs
from taskflow.calls.leases import numbers
from taskflow.kernel import codec
from taskflow.kernel.flow import Batch
from taskflow.kernel.job import Enqueued, Options
from taskflow.store.call import Call, Row, each, first, remembered, scalar

_BATCH = (
    "tenant, id, name, state, total, pending, succeeded, dead, cancelled, created_at, closed_at,"
    " finished_at, cancelled_at, created_by"
)
Callback = Mapping[str, Any]
"""{"task": ..., "args": {...}, "options": {...}}"""


class Called(msgspec.Struct, frozen=True):
    """What a cancelled batch's jobs are now; call again for those that remain."""

    cancelled: int
    requested: int
    """They run, and were asked to stop."""
    remaining: int


def create_batch(
    name: str | None = None,
    *,
    on_success: Callback | None = None,
    on_failure: Callback | None = None,
    on_finish: Callback | None = None,
    meta: Mapping[str, Any] | None = None,
    tenant: str | None = None,
) -> Call[int]:
    """Opens a batch and answers its id."""
    given = {
        "on_success": on_success,
        "on_failure": on_failure,
        "on_finish": on_finish,
        "meta": meta,
    }
    return Call(
        "select taskflow.create_batch(%(name)s, %(on_success)s::jsonb, %(on_failure)s::jsonb,"
        " %(on_finish)s::jsonb, %(meta)s::jsonb, %(tenant)s)",
        {
            "name": name,
            "tenant": tenant,
            **{part: codec.encode(value).decode() if value else None
               for part, value in given.items()},
        },
        scalar,
    )  # fmt: skip


def enqueue_in(
    batch_id: int,
    task: str,
    args: bytes,
    options: Options,
    unique_keys: Sequence[str] | None = None,
) -> Call[Enqueued]:
    """Enqueues a job for each object of a JSON array and puts them into the batch."""
    inner = jobs.enqueue_many(task, args, options, unique_keys)
    return Call(
        # the row of enqueue_many as its own call reads it, once the ids are in the batch
        f"with e as materialized ({inner.statement}) select ids, refused, outcomes"
        " from e where taskflow.put_in_batch(%(batch_id)s, ids, %(tenant)s) >= 0",
        {**inner.parameters, "batch_id": batch_id},
        inner.decode,
    )


def put_in_batch(batch_id: int, ids: Sequence[int], tenant: str | None = None) -> Call[int]:
    """Puts jobs that are there already into an open batch; answers how many were new to it."""
    return Call(
        "select taskflow.put_in_batch(%(batch_id)s, %(ids)s::bigint[], %(tenant)s)",
        {"batch_id": batch_id, "ids": numbers(ids), "tenant": tenant},
        scalar,
    )


def close_batch(id: int, tenant: str | None = None) -> Call[bool]:
    """No further jobs: the batch ends with the last that it has."""
    return Call("select taskflow.close_batch(%(id)s, %(tenant)s)", _of(id, tenant), scalar)


@remembered
def get_batch(id: int, tenant: str | None = None) -> Call[Batch | None]:
    """One batch with its counts."""
    return Call(
        f"select {_BATCH} from taskflow.get_batch(%(id)s, %(tenant)s)",
        _of(id, tenant),
        first(Batch),
    )


@remembered
def cancel_batch(id: int, reason: str | None = None, tenant: str | None = None) -> Call[Called]:
    """Cancels the jobs of a batch that have not ended, up to 10,000, and closes it."""
    return Call(
        "select cancelled, requested, remaining"
        " from taskflow.cancel_batch(%(id)s, %(reason)s, %(tenant)s)",
        {**_of(id, tenant), "reason": reason},
        _called,
    )


@remembered
def list_batches(
    tenant: str, *, states: Sequence[str] = (), before: int | None = None, limit: int = 50
) -> Call[list[Batch]]:
    """Batches, newest first."""
    in_states = " and state = any (%(states)s::text[])" if states else ""
    older = " and id < %(before)s" if before is not None else ""
    return Call(
        f"select {_BATCH} from taskflow.batch_view where tenant = %(tenant)s"
        f"{in_states}{older} order by id desc limit %(limit)s",
        {"tenant": tenant, "states": list(states), "before": before, "limit": limit},
        each(Batch),
    )


def _of(id: int, tenant: str | None) -> dict[str, Any]:
    return {"id": id, "tenant": tenant}


def _called(rows: Sequence[Row]) -> Called:
    return Called(*rows[0])
