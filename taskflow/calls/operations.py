"""Verbs on operations: acts on many jobs that a worker does in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from taskflow.calls.leases import numbers
from taskflow.kernel import codec
from taskflow.kernel.operations import Operation, OperationItem, OperationVerb
from taskflow.store.call import Call, each, first, scalar

_COLUMNS = (
    "select o.id, o.verb, o.state, o.filter::text, o.params::text, o.rate, o.reason, o.undoes,"
    " o.created_by, o.created_at, o.started_at, o.finished_at, o.expected, o.done, o.refused,"
    " o.up_to, o.last_id, o.job_id from taskflow.operation o where o.tenant = %(tenant)s"
)


def start(
    verb: OperationVerb,
    which: dict[str, Any],
    *,
    params: dict[str, Any] | None = None,
    rate: int | None = None,
    reason: str | None = None,
    up_to: int | None = None,
    expected: int = 0,
    queue: str = "default",
    tenant: str | None = None,
) -> Call[int]:
    """Begins an operation on the jobs of a filter; answers its id."""
    return Call(
        "select taskflow.start_operation(%(verb)s, %(filter)s::jsonb, %(params)s::jsonb,"
        " %(rate)s::integer, %(reason)s, %(up_to)s::bigint, %(expected)s::bigint, %(queue)s,"
        " %(tenant)s)",
        {
            "verb": verb,
            "filter": codec.encode(which).decode(),
            "params": codec.encode(params or {}).decode(),
            "rate": rate,
            "reason": reason,
            "up_to": up_to,
            "expected": expected,
            "queue": queue,
            "tenant": tenant,
        },
        scalar,
    )


def act(id: int, after: int, job_ids: Sequence[int], tenant: str) -> Call[str]:
    """Does the verb to these jobs; none says that all are done. Answers the operation's state."""
    return Call(
        "select taskflow.operate(%(id)s::bigint, %(after)s::bigint, %(ids)s::bigint[], %(tenant)s)",
        {"id": id, "after": after, "ids": numbers(job_ids), "tenant": tenant},
        scalar,
    )


def get(id: int, tenant: str, queues: Sequence[str] | None = None) -> Call[Operation | None]:
    """One operation; with `queues`, only one that keeps to them."""
    return Call(
        f"{_COLUMNS}{_within(queues)} and o.id = %(id)s",
        {"id": id, "tenant": tenant, "queues": _list(queues)},
        first(_operation),
    )


def latest(
    tenant: str, limit: int, before: int | None = None, queues: Sequence[str] | None = None
) -> Call[list[Operation]]:
    """The newest first, below the id `before`; with `queues`, those that keep to them."""
    older = " and o.id < %(before)s" if before is not None else ""
    return Call(
        f"{_COLUMNS}{_within(queues)}{older} order by o.id desc limit %(limit)s",
        {"tenant": tenant, "limit": limit, "before": before, "queues": _list(queues)},
        each(_operation),
    )


def _within(queues: Sequence[str] | None) -> LiteralString:
    """The condition that an operation, or the one that it takes back, names none but these."""
    if queues is None:
        return ""
    return (
        " and (select w.queues <@ %(queues)s::text[] and w.queues <> '{}' from (select array("
        " select jsonb_array_elements_text(coalesce(u.filter, o.filter) -> 'queues') from"
        " (select) s left join taskflow.operation u on u.tenant = o.tenant and u.id = o.undoes)"
        " as queues) w)"
    )


def _list(queues: Sequence[str] | None) -> list[str] | None:
    return None if queues is None else list(queues)


def items(
    id: int, tenant: str, *, refused: bool, limit: int, after: int = 0
) -> Call[list[OperationItem]]:
    """What became of its jobs, in the order in which it went, above the id `after`; `refused` for
    those alone."""
    return Call(
        "select i.job_id, i.outcome, i.code, i.message from taskflow.operation_item i"
        " where i.tenant = %(tenant)s and i.operation_id = %(id)s and i.job_id > %(after)s"
        " and (not %(refused)s or i.code is not null) order by i.job_id limit %(limit)s",
        {"tenant": tenant, "id": id, "refused": refused, "limit": limit, "after": after},
        each(OperationItem),
    )


def served_ids(id: int, tenant: str, limit: int, after: int) -> Call[list[int]]:
    """The jobs that an operation has changed, above an id: what undoing it goes through."""
    return Call(
        "select i.job_id from taskflow.operation_item i where i.tenant = %(tenant)s"
        " and i.operation_id = %(id)s and i.code is null and i.job_id > %(after)s"
        " order by i.job_id limit %(limit)s",
        {"tenant": tenant, "id": id, "after": after, "limit": limit},
        each(int),
    )


def cancel(id: int, tenant: str | None = None) -> Call[bool]:
    """Stops an operation where it stands; answers whether it was under way."""
    return Call(
        "select taskflow.cancel_operation(%(id)s::bigint, %(tenant)s)",
        {"id": id, "tenant": tenant},
        scalar,
    )


def undo(
    id: int, reason: str | None = None, queue: str = "default", tenant: str | None = None
) -> Call[int]:
    """Begins an operation that takes another back; answers its id."""
    return Call(
        "select taskflow.undo_operation(%(id)s::bigint, %(reason)s, %(queue)s, %(tenant)s)",
        {"id": id, "reason": reason, "queue": queue, "tenant": tenant},
        scalar,
    )


def _operation(*columns: Any) -> Operation:
    values = list(columns)
    values[3], values[4] = codec.decode(values[3]), codec.decode(values[4])
    return Operation(*values)
