"""The task that delivers: one event to one endpoint, signed, tried again for about three days.

What an attempt means is decided in the database, in the transaction that writes it down; here is
only the sending, and the policy that says when it is tried again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from taskflow import __version__
from taskflow.calls import webhooks as calls
from taskflow.context import Context
from taskflow.errors import TaskflowError
from taskflow.kernel.job import Options
from taskflow.kernel.outcome import Cancel
from taskflow.kernel.retry import Retry
from taskflow.kernel.webhooks import TASK, DeliveryFailed, Parcel
from taskflow.task import Task
from taskflow.webhooks import sign
from taskflow.webhooks.guard import Rules

if TYPE_CHECKING:
    from taskflow.app import Taskflow

DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
LONGEST_ASKED = timedelta(hours=1)
HEAD = 1024
REDACTED = "[redacted]"
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


def delay_after(attempt: int) -> timedelta:
    """5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: three days in all."""
    return DELAYS[min(max(attempt, 1), len(DELAYS)) - 1]


RETRY = Retry(len(DELAYS) + 1, backoff=delay_after, cap="27h", jitter=0.1)


class Sent(msgspec.Struct, frozen=True):
    """How one attempt went: an answer, or an error in its place."""

    status: int | None
    error: str | None
    duration_ms: int
    head: str | None = None
    retry_after: timedelta | None = None


def add_to(app: Taskflow) -> None:
    """Lets the workers of an app deliver webhooks."""
    if TASK not in app.tasks:
        options = Options(max_attempts=RETRY.max_attempts)
        app.register(Task(app, deliver, name=TASK, options=options, retry=RETRY, run_in="async"))


async def deliver(ctx: Context, delivery_id: int) -> dict[str, int]:
    """Sends an event to an endpoint; answers with which status it was taken."""
    app = ctx.app
    parcel = await app.arun(calls.open_delivery(delivery_id, ctx.job_id, ctx.tenant))
    if parcel is None:
        raise Cancel("nothing to deliver: it was delivered, or its endpoint is disabled or deleted")
    rules = Rules.of(app.settings.webhook_allow, app.settings.webhook_http)
    sent = await send(parcel, rules, app.settings.webhook_timeout)
    verdict = await app.arun(
        calls.note_delivery(
            delivery_id,
            ctx.tenant,
            status=sent.status,
            error=sent.error,
            duration_ms=sent.duration_ms,
            response_head=sent.head,
            is_last=ctx.attempt >= ctx.max_attempts,
        )
    )
    if verdict in ("gone", "disabled"):
        raise Cancel(f"the endpoint is disabled: {_what(sent)}")
    if verdict == "failed":
        error = DeliveryFailed.of(ctx.job_id, f"delivery {delivery_id}: {_what(sent)}")
        if sent.retry_after is not None and sent.retry_after > delay_after(ctx.attempt):
            error.retry_after = sent.retry_after
        raise error
    return {"status": sent.status or 0}


async def send(parcel: Parcel, rules: Rules, deadline: timedelta) -> Sent:
    """One attempt; what goes wrong on the way to the endpoint is part of the answer."""
    from taskflow.webhooks.fetch import fetch

    body = parcel.body.encode()
    headers = {
        "content-type": "application/json",
        "user-agent": f"taskflow/{__version__}",
        **{name.lower(): value for name, value in parcel.headers.items()},
        **sign.headers(
            parcel.secrets, f"evt_{parcel.event_id}", int(parcel.sent_at.timestamp()), body
        ),
    }
    begun = time.monotonic()
    try:
        answer = await fetch(parcel.url, rules, headers=headers, body=body, deadline=deadline)
    except TaskflowError as error:
        return Sent(None, str(error), int((time.monotonic() - begun) * 1000))
    return Sent(
        answer.status,
        None,
        answer.duration_ms,
        redacted(answer.body, parcel.headers.values()),
        asked_delay(answer.headers.get("retry-after"), parcel.sent_at),
    )


def redacted(body: bytes, secrets: Iterable[str]) -> str:
    """The beginning of an answer, without what we have sent in confidence, should it echo that."""
    text = _SECRET.sub(REDACTED, body.decode("utf-8", "replace").replace("\0", "\ufffd"))
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, REDACTED)
    return text[:HEAD]


def asked_delay(header: str | None, now: datetime) -> timedelta | None:
    """What Retry-After asks for, in seconds or as a date; at most an hour."""
    if not header:
        return None
    if header.isascii() and header.isdigit():
        return timedelta(seconds=min(int(header[:9]), LONGEST_ASKED.total_seconds()))
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), LONGEST_ASKED)


def _what(sent: Sent) -> str:
    return sent.error or f"it answered {sent.status}"
