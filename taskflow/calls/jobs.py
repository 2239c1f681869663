"""A producer's and an operator's verbs on jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from taskflow.calls.leases import numbers
from taskflow.kernel import codec
from taskflow.kernel.job import Cause, Enqueued, Job, Options, Placed, Refusal
from taskflow.store.call import Call, Row, each, first, nothing, remembered, scalar

_OPTIONS = (
    "queue => %(queue)s::text, priority => %(priority)s::text, run_at => %(run_at)s::timestamptz,"
    " delay => %(delay)s::interval, max_attempts => %(max_attempts)s::integer,"
    " timeout => %(timeout)s::interval, tags => %(tags)s::text[], meta => %(meta)s::jsonb,"
    " tenant => %(tenant)s::text, deadline => %(deadline)s::timestamptz,"
    " args_version => %(args_version)s::integer"
)
_TIES = (
    "unique_by => %(unique_by)s::text[], unique_scope => %(unique_scope)s::text,"
    " unique_while => %(unique_while)s::text, unique_for => %(unique_for)s::interval,"
    " on_conflict => %(on_conflict)s::text, replace => %(replace)s::text[],"
    " depends_on => %(depends_on)s::bigint[], on_parent_failure => %(on_parent_failure)s::text"
)
JOB_COLUMNS = (
    "tenant, id, state, queue, task, priority, attempt, max_attempts, lost, claim_no, run_at,"
    " created_at, started_at, finished_at, lease_until, deadline, timeout, worker_id,"
    " cancel_requested, reason, unique_key, tags, created_by, args::text, meta::text, result::text,"
    " error_class, error_message, traceback, fingerprint"
)
"""The columns of taskflow.job_view in the order of `Job`."""


@remembered
def enqueue(task: str, args: bytes, options: Options, version: int | None = None) -> Call[Placed]:
    """Answers the job's id; with a unique key that is taken, its holder's, and which of the two.

    `version` says for which version of the task's contract the arguments were made and checked;
    without it the database checks them against the published one.
    """
    parameters = {
        "task": task,
        "args": args.decode(),
        "args_version": version,
        **_parameters(options),
    }
    if not options.is_tied:
        statement = f"select taskflow.enqueue(%(task)s::text, %(args)s::jsonb, {_OPTIONS})"
        return Call(statement, parameters, lambda rows: Placed(rows[0][0]))
    return Call(
        "select id, outcome from taskflow.enqueue_job(%(task)s::text, %(args)s::jsonb,"
        f" {_OPTIONS}, unique_key => %(unique_key)s::text, {_TIES})",
        {**parameters, "unique_key": options.unique_key, **_ties(options)},
        lambda rows: Placed(*rows[0]),
    )


@remembered
def enqueue_many(
    task: str,
    args: bytes,
    options: Options,
    unique_keys: Sequence[str] | None = None,
    version: int | None = None,
) -> Call[Enqueued]:
    """`args` is one JSON array of argument objects."""
    return Call(
        "select ids, refused::text, outcomes from taskflow.enqueue_many(%(task)s::text,"
        f" %(args)s::jsonb, {_OPTIONS}, unique_keys => %(unique_keys)s::text[], {_TIES})",
        {
            "task": task,
            "args": args.decode(),
            "args_version": version,
            **_parameters(options),
            **_ties(options),
            "unique_keys": list(unique_keys) if unique_keys else None,
        },
        _enqueued,
    )


@remembered
def get(id: int, tenant: str | None = None) -> Call[Job | None]:
    return Call(
        f"select {JOB_COLUMNS} from taskflow.get_job(%(id)s, %(tenant)s)",
        {"id": id, "tenant": tenant},
        first(decode_job),
    )


def watch(id: int, tenant: str | None = None) -> Call[None]:
    """Asks for a notification when the job ends."""
    return Call("select taskflow.watch(%(id)s, %(tenant)s)", {"id": id, "tenant": tenant}, nothing)


@remembered
def cancel(id: int, reason: str | None = None, tenant: str | None = None) -> Call[str]:
    """Answers "cancelled", "requested" (it runs and was asked to stop) or "finished"."""
    return Call(
        "select taskflow.cancel(%(id)s, %(reason)s, %(tenant)s)",
        {"id": id, "reason": reason, "tenant": tenant},
        scalar,
    )


@remembered
def retry(id: int, tenant: str | None = None) -> Call[None]:
    """Runs a waiting, dead or cancelled job now."""
    return Call("select taskflow.retry(%(id)s, %(tenant)s)", {"id": id, "tenant": tenant}, nothing)


@remembered
def discard(id: int, reason: str | None = None, tenant: str | None = None) -> Call[None]:
    """Gives a dead or waiting job up for good."""
    return Call(
        "select taskflow.discard(%(id)s, %(reason)s, %(tenant)s)",
        {"id": id, "reason": reason, "tenant": tenant},
        nothing,
    )


@remembered
def reschedule(id: int, run_at: datetime, tenant: str | None = None) -> Call[None]:
    """Moves a waiting job to another time."""
    return Call(
        "select taskflow.reschedule(%(id)s, %(run_at)s, %(tenant)s)",
        {"id": id, "run_at": run_at, "tenant": tenant},
        nothing,
    )


@remembered
def move(id: int, queue: str, tenant: str | None = None) -> Call[None]:
    """Moves a waiting job to another queue."""
    return Call(
        "select taskflow.move_job(%(id)s, %(queue)s, %(tenant)s)",
        {"id": id, "queue": queue, "tenant": tenant},
        nothing,
    )


@remembered
def set_priority(id: int, priority: str, tenant: str | None = None) -> Call[None]:
    """Gives a waiting job another priority."""
    return Call(
        "select taskflow.set_priority(%(id)s, %(priority)s, %(tenant)s)",
        {"id": id, "priority": priority, "tenant": tenant},
        nothing,
    )


def requeue(
    fingerprint: str | None = None,
    task: str | None = None,
    queue: str | None = None,
    max_jobs: int = 1000,
    tenant: str | None = None,
) -> Call[tuple[int, int]]:
    """Runs matching dead jobs again; answers (requeued, passed over for their unique key)."""
    return Call(
        "select requeued, conflicts from taskflow.requeue(%(fingerprint)s, %(task)s, %(queue)s,"
        " %(max_jobs)s, %(tenant)s)",
        {
            "fingerprint": fingerprint,
            "task": task,
            "queue": queue,
            "max_jobs": max_jobs,
            "tenant": tenant,
        },
        lambda rows: (rows[0][0], rows[0][1]),
    )


@remembered
def explain(id: int, tenant: str | None = None) -> Call[list[Cause]]:
    """Why the job is where it is: the first cause is the answer."""
    return Call(
        "select cause, sentence, detail::text from taskflow.explain(%(id)s, %(tenant)s)",
        {"id": id, "tenant": tenant},
        each(_cause),
    )


def _parameters(options: Options) -> dict[str, Any]:
    return {
        "queue": options.queue,
        "priority": options.priority,
        "run_at": options.run_at,
        "delay": options.delay,
        "max_attempts": options.max_attempts,
        "timeout": options.timeout,
        "tags": list(options.tags) if options.tags else None,
        "meta": codec.encode(options.meta).decode() if options.meta else None,
        "tenant": options.tenant,
        "deadline": options.deadline,
    }


def _ties(options: Options) -> dict[str, Any]:
    return {
        "unique_by": list(options.unique_by) if options.unique_by else None,
        "unique_scope": options.unique_scope,
        "unique_while": options.unique_while,
        "unique_for": options.unique_for,
        "on_conflict": options.on_conflict,
        "replace": list(options.replace) if options.replace is not None else None,
        "depends_on": numbers(options.depends_on) if options.depends_on else None,
        "on_parent_failure": options.on_parent_failure,
    }


def decode_job(*columns: Any) -> Job:
    values = list(columns)
    for place in (23, 24, 25):  # args, meta, result
        if values[place] is not None:
            values[place] = msgspec.Raw(values[place].encode())
    return Job(*values)


def _cause(cause: str, sentence: str, detail: str | None) -> Cause:
    facts: dict[str, Any] = codec.decode(detail) if detail else {}
    way_out = facts.pop("way_out", None)
    return Cause(cause, sentence, facts or None, way_out)


def _enqueued(rows: Sequence[Row]) -> Enqueued:
    ids, refused, outcomes = rows[0]
    found = msgspec.json.decode(refused, type=list[Refusal]) if refused else []
    return Enqueued(ids or [], found, outcomes or [])
