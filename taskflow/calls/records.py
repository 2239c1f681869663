"""What runs record: progress, log lines, durable steps, and results that are stored apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from taskflow.kernel.job import Claimed
from taskflow.kernel.records import LogLine, Progress, StepLine
from taskflow.store.call import Call, each, first, remembered, scalar

Saved = Literal["applied", "already", "stale"]
NotApplied = list[tuple[int | None, int | None, str]]
"""(id, claim_no, "stale", "full" or "refused") of each record that was not simply applied."""


def record_many(records: Sequence[dict[str, Any]]) -> Call[NotApplied]:
    """Writes what many jobs have recorded; see the SQL function for a record's form."""
    return Call(
        "select id, claim_no, status from taskflow.record_many(%(records)s::jsonb)",
        {"records": msgspec.json.encode(records).decode()},
        each(lambda id, claim_no, status: (id, claim_no, status)),
    )


@remembered
def get_progress(id: int, tenant: str | None = None) -> Call[Progress | None]:
    """How far a job is; None before it has said anything."""
    return Call(
        "select done, total, note, claim_no, updated_at"
        " from taskflow.get_progress(%(id)s, %(tenant)s)",
        {"id": id, "tenant": tenant},
        first(Progress),
    )


@remembered
def get_logs(
    id: int,
    after_seq: int = 0,
    max_lines: int = 1_000,
    attempt: int | None = None,
    tenant: str | None = None,
) -> Call[list[LogLine]]:
    """A job's log in its order; `after_seq` is the last line seen."""
    return Call(
        "select seq, attempt, claim_no, logged_at, level, logger, message from taskflow.get_logs("
        "%(id)s, %(after)s::bigint, %(most)s::integer, %(attempt)s::integer, %(tenant)s)",
        {"id": id, "after": after_seq, "most": max_lines, "attempt": attempt, "tenant": tenant},
        each(LogLine),
    )


@remembered
def get_steps(id: int, tenant: str | None = None) -> Call[list[StepLine]]:
    """The durable steps of a job that are saved."""
    return Call(
        "select name, claim_no, result::text, saved_at from taskflow.get_steps(%(id)s, %(tenant)s)",
        {"id": id, "tenant": tenant},
        each(
            lambda name, claim_no, result, saved_at: StepLine(
                name, claim_no, None if result is None else msgspec.Raw(result.encode()), saved_at
            )
        ),
    )


def save_step(job: Claimed, name: str, result: bytes) -> Call[Saved]:
    """Saves a step's result; "stale" when the lease was lost."""
    return Call(
        "select taskflow.save_step(%(id)s, %(claim_no)s, %(name)s, %(result)s::jsonb, %(tenant)s)",
        {
            "id": job.id,
            "claim_no": job.claim_no,
            "name": name,
            "result": result.decode(),
            "tenant": job.tenant,
        },
        scalar,
    )


def put_result(id: int, claim_no: int, tenant: str, place: int, piece: bytes) -> Call[Saved]:
    """Stores one piece of a large result; "stale" when the lease was lost."""
    return Call(
        "select taskflow.put_result(%(id)s, %(claim_no)s, %(place)s::integer, %(piece)s::bytea,"
        " %(tenant)s)",
        {"id": id, "claim_no": claim_no, "place": place, "piece": piece, "tenant": tenant},
        scalar,
    )


@remembered
def get_result(id: int, tenant: str | None = None) -> Call[bytes | None]:
    """What a job returned, as JSON, put together if it is stored in pieces."""
    return Call(
        "select taskflow.get_result(%(id)s, %(tenant)s)::text",
        {"id": id, "tenant": tenant},
        lambda rows: rows[0][0].encode() if rows[0][0] is not None else None,
    )
