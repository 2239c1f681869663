"""Verbs on operations: acts on many jobs that a worker does in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def get(id: int, tenant: str) -> Call[Operation | None]:
    return Call(f"{_COLUMNS} and o.id = %(id)s", {"id": id, "tenant": tenant}, first(_operation))


def latest(tenant: str, limit: int) -> Call[list[Operation]]:
    """The newest operations first."""
    return Call(
        f"{_COLUMNS} order by o.id desc limit %(limit)s",
        {"tenant": tenant, "limit": limit},
        each(_operation),
    )


def items(id: int, tenant: str, *, refused: bool, limit: int) -> Call[list[OperationItem]]:
    """What became of its jobs, in the order in which it went; `refused` for those alone."""
    return Call(
        "select i.job_id, i.outcome, i.code, i.message from taskflow.operation_item i"
        " where i.tenant = %(tenant)s and i.operation_id = %(id)s"
        " and (not %(refused)s or i.code is not null) order by i.job_id limit %(limit)s",
        {"tenant": tenant, "id": id, "refused": refused, "limit": limit},
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
