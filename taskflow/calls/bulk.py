"""One verb on many jobs.

A call acts on a handful of jobs in one transaction. The verbs raise for a job that they cannot
serve, and then none of the handful is changed: callers repeat such a handful job by job.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from taskflow.calls.leases import numbers
from taskflow.store.call import Call, Row, remembered

Verb = Literal["cancel", "retry", "discard"]
_STATEMENTS = {
    "cancel": "taskflow.cancel(i, %(reason)s::text, %(tenant)s)",
    "retry": "taskflow.retry(i, %(tenant)s)::text",
    "discard": "taskflow.discard(i, %(reason)s::text, %(tenant)s)::text",
}


@remembered
def each(verb: Verb, ids: Sequence[int], tenant: str, reason: str | None = None) -> Call[list[str]]:
    """The verb on each id, in their order; answers what it said of each ("" for nothing)."""
    return Call(
        f"select {_STATEMENTS[verb]} from unnest(%(ids)s::bigint[]) with ordinality u (i, place)"
        " order by place",
        {"ids": numbers(ids), "tenant": tenant, "reason": reason},
        _answers,
    )


def _answers(rows: Sequence[Row]) -> list[str]:
    return [row[0] or "" for row in rows]
