"""A worker's verbs: claim, renew, settle, and handing back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from taskflow.kernel.job import Claimed
from taskflow.store.call import Call, Row, each, scalar

Status = Literal["applied", "already", "stale", "refused"]
Verdict = Literal["lost", "cancel", "locked", "drain"]
Position = tuple[str, int]
"""(run time as ISO text, id) of the last job taken."""

Refused = list[tuple[int, int, Status]]
"""(id, claim_no, status) of each end that was not applied."""

_CLAIMED = each(Claimed)


def _statuses(rows: Sequence[Row]) -> Refused:
    return [(id, claim_no, status) for id, claim_no, status in rows]


def claim(
    worker_id: int,
    queues: Sequence[str],
    slots: Sequence[int],
    lease: timedelta,
    *,
    priorities: Sequence[int] = (0, 1, 2, 3),
    after: dict[str, dict[str, Position]] | None = None,
    refuse: Collection[str] = (),
    at_most: int | None = None,
    shared: int | None = None,
    is_shared: Sequence[bool] | None = None,
) -> Call[list[Claimed]]:
    """Takes up to slots[i] due jobs of queues[i]; `after` is where the last claim ended. In all it
    takes no more than `at_most`, and of the queues that `is_shared` no more than `shared`.

    A time before the year 1, which Python has not, is read as its beginning: one such row would
    make the whole answer unreadable.
    """
    return Call(
        "select id, claim_no, tenant, queue, task, args::text, attempt, max_attempts, lost,"
        " priority, greatest(run_at, '0001-01-03'), extract(epoch from timeout)::float8,"
        " lease_until, tags, meta::text, batch_id, lane_id, args_version"
        " from taskflow.claim(%(worker_id)s::bigint, %(queues)s::text[],"
        " %(slots)s::integer[], %(lease)s::interval, %(priorities)s::smallint[], %(after)s::jsonb,"
        " %(refuse)s::text[], %(at_most)s::integer, %(shared)s::integer, %(is_shared)s::boolean[])",
        {
            "worker_id": worker_id,
            "queues": list(queues),
            "slots": numbers(slots),
            "lease": lease,
            "priorities": numbers(priorities),
            "after": msgspec.json.encode(after).decode() if after else None,
            "refuse": list(refuse) or None,
            "at_most": at_most,
            "shared": shared,
            "is_shared": list(is_shared) if is_shared else None,
        },
        _CLAIMED,
    )


def settle_many(
    ids: Sequence[int],
    claim_nos: Sequence[int],
    results: str | None = None,
    others: bytes | None = None,
    tenants: Sequence[str] | None = None,
) -> Call[Refused]:
    """Settles a batch; answers only what was not applied. `results` is a JSON array or None."""
    return Call(
        "select id, claim_no, status from taskflow.settle_many(%(ids)s::bigint[],"
        " %(claim_nos)s::bigint[], %(results)s::jsonb, %(others)s::jsonb, %(tenants)s::text[])",
        {
            "ids": numbers(ids),
            "claim_nos": numbers(claim_nos),
            "results": results,
            "others": others.decode() if others else None,
            "tenants": list(tenants) if tenants else None,
        },
        _statuses,
    )


def settle(
    id: int,
    claim_no: int,
    outcome: str = "completed",
    *,
    result: bytes | None = None,
    delay: timedelta | None = None,
    reason: str | None = None,
    error: dict[str, str] | None = None,
    tenant: str = "default",
    until: datetime | None = None,
    hold_limit: str | None = None,
) -> Call[Status]:
    """Settles one attempt: "applied", "already" or "stale"."""
    return Call(
        "select taskflow.settle(%(id)s, %(claim_no)s, %(outcome)s, %(result)s::jsonb,"
        " %(delay)s::interval, %(reason)s, %(error)s::jsonb, %(tenant)s, %(until)s::timestamptz,"
        " %(hold_limit)s)",
        {
            "id": id,
            "claim_no": claim_no,
            "outcome": outcome,
            "result": result.decode() if result else None,
            "delay": delay,
            "reason": reason,
            "error": msgspec.json.encode(error).decode() if error else None,
            "tenant": tenant,
            "until": until,
            "hold_limit": hold_limit,
        },
        scalar,
    )


def was_settled(id: int, claim_no: int, tenant: str) -> Call[bool]:
    """What became of a settle whose reply was lost."""
    return Call(
        "select taskflow.was_settled(%(id)s, %(claim_no)s, %(tenant)s)",
        {"id": id, "claim_no": claim_no, "tenant": tenant},
        scalar,
    )


def set_result(id: int, claim_no: int, result: bytes | None, tenant: str) -> Call[Refused]:
    """Adds the result of a job that its handler's own transaction has settled; None: it has none,
    and nobody need wait for it. Nothing of it is ever refused."""
    return Call(
        "select taskflow.set_result(%(id)s, %(claim_no)s, %(result)s::jsonb, %(tenant)s)",
        {
            "id": id,
            "claim_no": claim_no,
            "result": result.decode() if result else None,
            "tenant": tenant,
        },
        lambda _rows: [],
    )


def renew(
    worker_id: int,
    held: Sequence[Claimed],
    lease: timedelta,
    batches: tuple[int, int] | None,
    report: dict[str, Any],
) -> Call[list[tuple[int, int, Verdict]]]:
    """Extends the leases of `held` and the worker's own; answers what is lost, what was asked to
    stop, and what was locked and so not extended. A job may have two verdicts; one of id 0 is
    about the worker itself.

    `batches`, (after, up to), says that `held` names all that still runs of the claims in between.
    """
    after, up_to = batches or (None, None)
    return Call(
        "select id, claim_no, verdict from taskflow.renew(%(worker_id)s::bigint, %(ids)s::bigint[],"
        " %(claim_nos)s::bigint[], %(lease)s::interval, %(tenants)s::text[],"
        " %(up_to)s::bigint, %(report)s::jsonb, %(after)s::bigint)",
        {
            "worker_id": worker_id,
            "ids": numbers(job.id for job in held),
            "claim_nos": numbers(job.claim_no for job in held),
            "lease": lease,
            "tenants": [job.tenant for job in held],
            "up_to": up_to,
            "after": after,
            "report": msgspec.json.encode(report).decode(),
        },
        each(lambda id, claim_no, verdict: (id, claim_no, verdict)),
    )


def release(held: Sequence[Claimed], delay: timedelta | None = None) -> Call[int]:
    """Hands claimed jobs back untouched; answers how many were still ours."""
    return Call(
        "select taskflow.release(%(ids)s::bigint[], %(claim_nos)s::bigint[], %(delay)s::interval,"
        " %(tenants)s::text[])",
        {
            "ids": numbers(job.id for job in held),
            "claim_nos": numbers(job.claim_no for job in held),
            "delay": delay,
            "tenants": [job.tenant for job in held],
        },
        scalar,
    )


def disown(worker_id: int, known: Iterable[int]) -> Call[int]:
    """Hands back claims whose answer was lost; `known` are the ids that the worker holds."""
    return Call(
        "select taskflow.disown(%(worker_id)s::bigint, %(known)s::bigint[])",
        {"worker_id": worker_id, "known": numbers(known)},
        scalar,
    )


def reap(second_look: timedelta) -> Call[int]:
    """Takes back jobs of dead workers; answers how many."""
    return Call(
        "select taskflow.reap(%(second_look)s::interval)", {"second_look": second_look}, scalar
    )


def maintain() -> Call[Any]:
    """One round of upkeep; None when another process is at it."""
    return Call("select taskflow.maintain()", {}, scalar)


def numbers(values: Iterable[int]) -> str:
    """An array literal: 10 times cheaper to make than the driver's dump of a list."""
    return "{" + ",".join(map(str, values)) + "}"
