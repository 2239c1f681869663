"""Verbs on queues."""

from __future__ import annotations

from datetime import datetime

from taskflow.store.call import Call, nothing, scalar


def pause(
    queue: str,
    reason: str | None = None,
    resume_at: datetime | None = None,
    tenant: str | None = None,
) -> Call[None]:
    """Stops claims from a queue until `resume` or `resume_at`; running jobs go on."""
    return Call(
        "select taskflow.pause_queue(%(queue)s, %(reason)s, %(resume_at)s, %(tenant)s)",
        {"queue": queue, "reason": reason, "resume_at": resume_at, "tenant": tenant},
        nothing,
    )


def resume(queue: str, tenant: str | None = None) -> Call[bool]:
    """Ends a pause; answers whether there was one."""
    return Call(
        "select taskflow.resume_queue(%(queue)s, %(tenant)s)",
        {"queue": queue, "tenant": tenant},
        scalar,
    )
