"""What `taskflow demo` asks: how far its jobs are, and what its exactly-once task has written.

`first_id` is where a run of the demo begins: jobs of earlier runs have smaller ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from taskflow.store.call import Call, each, nothing, scalar

TABLES: tuple[Call[None], ...] = (
    Call("create schema if not exists taskflow_demo", {}, nothing),
    Call(
        "create table if not exists taskflow_demo.receipt"
        " (job_id bigint not null, order_id bigint not null)",
        {},
        nothing,
    ),
)


class TaskCount(msgspec.Struct, frozen=True):
    """How many jobs of a task are in a state."""

    task: str
    state: str
    count: int


class Receipts(msgspec.Struct, frozen=True):
    """What demo.receipt wrote in this run."""

    orders: int
    rows: int
    failed_runs: int


def counts(tenant: str, queues: Sequence[str], first_id: int) -> Call[list[TaskCount]]:
    """Reads every job of the run: for some thousands of jobs, not for a queue in earnest."""
    return Call(
        "select task, state, count(*) from taskflow.job_view"
        " where tenant = %(tenant)s and id >= %(first)s and queue = any (%(queues)s)"
        " group by task, state order by task, state",
        {"tenant": tenant, "first": first_id, "queues": list(queues)},
        each(TaskCount),
    )


def sample(tenant: str, task: str, state: str, first_id: int) -> Call[int | None]:
    """The newest job of a task in a state."""
    return Call(
        "select max(id) from taskflow.job_view where tenant = %(tenant)s and id >= %(first)s"
        " and task = %(task)s and state = %(state)s",
        {"tenant": tenant, "first": first_id, "task": task, "state": state},
        scalar,
    )


def receipts(tenant: str, first_id: int) -> Call[Receipts]:
    """Orders with a receipt, the receipts, and the runs that failed after writing one."""
    return Call(
        "select count(distinct order_id), count(*),"
        " (select count(*) from taskflow.attempt a where a.tenant = %(tenant)s"
        " and a.job_id >= %(first)s and a.error_class like '%%RuntimeError'"
        " and a.outcome = 'failed')"
        " from taskflow_demo.receipt where job_id >= %(first)s",
        {"tenant": tenant, "first": first_id},
        lambda rows: Receipts(*rows[0]),
    )
