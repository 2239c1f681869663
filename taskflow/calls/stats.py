"""What workers add to the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from taskflow.kernel.stats import BUCKETS
from taskflow.store.call import Call, scalar


class Line(msgspec.Struct, gc=False):
    """What a worker adds to one key: tenant, queue, task, outcome."""

    count: int = 0
    run_seconds: float = 0.0
    wait_seconds: float = 0.0
    run_buckets: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)
    wait_buckets: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)


def flush(
    worker_id: int,
    number: int,
    lines: Mapping[tuple[str, str, str, str], Line],
    topics: Sequence[str],
) -> Call[bool]:
    """Adds lines, once for each `number`. Does not wait for the disk: a server that crashes may
    forget the last statistics, and a commit of its own each second would slow settles down."""
    said = [
        {
            "tenant": tenant,
            "queue": queue,
            "task": task,
            "outcome": outcome,
            "count": line.count,
            "run_seconds": max(line.run_seconds, 0.0),
            "wait_seconds": max(line.wait_seconds, 0.0),
            "run_buckets": line.run_buckets,
            "wait_buckets": line.wait_buckets,
        }
        for (tenant, queue, task, outcome), line in lines.items()
    ]
    return Call(
        "select taskflow.flush_stats(%(worker_id)s::bigint, %(lines)s::jsonb, %(topics)s::text[],"
        " %(number)s::bigint) from set_config('synchronous_commit', 'off', true)",
        {
            "worker_id": worker_id,
            "lines": msgspec.json.encode(said).decode(),
            "topics": list(topics),
            "number": number,
        },
        scalar,
    )
