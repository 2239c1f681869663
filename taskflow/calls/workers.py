"""A worker process coming, sleeping and going."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from taskflow.calls.leases import numbers
from taskflow.store.call import Call, nothing, scalar


def join(
    name: str,
    *,
    queues: Sequence[str],
    slots: Sequence[int],
    tasks: Sequence[str],
    lease: timedelta,
    host: str,
    pid: int,
    version: str,
) -> Call[int]:
    """Registers a process; answers its id, new at each start."""
    return Call(
        "select taskflow.join_worker(%(name)s, %(queues)s::text[], %(slots)s::integer[],"
        " %(tasks)s::text[], %(lease)s::interval, %(host)s, %(pid)s, %(version)s)",
        {
            "name": name,
            "queues": list(queues),
            "slots": numbers(slots),
            "tasks": list(tasks),
            "lease": lease,
            "host": host,
            "pid": pid,
            "version": version,
        },
        scalar,
    )


def leave(worker_id: int) -> Call[None]:
    return Call("select taskflow.leave_worker(%(id)s::bigint)", {"id": worker_id}, nothing)


def drain(worker_id: int) -> Call[bool]:
    """Asks a worker to stop in good order; answers whether it is alive."""
    return Call("select taskflow.drain_worker(%(id)s::bigint)", {"id": worker_id}, scalar)


def publish_tasks(tasks: Sequence[dict[str, Any]]) -> Call[None]:
    """Publishes task contracts, for callers from SQL."""
    return Call(
        "select taskflow.publish_tasks(%(tasks)s::jsonb)",
        {"tasks": msgspec.json.encode(tasks).decode()},
        nothing,
    )


def wait_for_work(worker_id: int, queues: Sequence[str]) -> Call[float | None]:
    """Asks to be woken; answers the seconds until the next scheduled job, None without one."""
    return Call(
        "select taskflow.wait_for_work(%(worker_id)s::bigint, %(queues)s::text[])",
        {"worker_id": worker_id, "queues": list(queues)},
        scalar,
    )


def next_due(queues: Sequence[str]) -> Call[float | None]:
    """The seconds until there may be something to claim, as far as the database knows."""
    return Call("select taskflow.next_due(%(queues)s::text[])", {"queues": list(queues)}, scalar)


def stop_waiting(worker_id: int) -> Call[None]:
    return Call("select taskflow.stop_waiting(%(id)s::bigint)", {"id": worker_id}, nothing)
