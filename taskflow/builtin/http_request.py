"""taskflow.http_request: one HTTP request, under the same guard as webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

from taskflow.context import Context
from taskflow.errors import InvalidArguments
from taskflow.kernel.durations import parse_duration
from taskflow.kernel.job import Options
from taskflow.kernel.retry import Retry
from taskflow.task import Task
from taskflow.webhooks.guard import Rules
from taskflow.webhooks.headers import check_headers

if TYPE_CHECKING:
    from taskflow.app import Taskflow

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
LONGEST_S = 300.0
MAX_BODY = 1 << 20


class Answered(TypedDict):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str
    """At most 64 KB, as UTF-8 text; what is none is replaced."""
    is_cut: bool
    duration_ms: int


def add_to(app: Taskflow) -> None:
    retry = Retry(3)
    app.register(
        Task(app, http_request, name="taskflow.http_request", options=Options(max_attempts=3),
             retry=retry, run_in="async")
    )  # fmt: skip


async def http_request(
    ctx: Context,
    url: str,
    method: Method = "GET",
    headers: dict[str, str] | None = None,
    body: str | None = None,
    *,
    timeout: float = 30.0,
) -> Answered:
    """Asks once and answers status, headers and body, whatever the status is.

    `timeout` is in seconds, at most 300. Redirects are not followed. No answer is a failure, and
    tried again twice; an address that may not be called is one, too.
    """
    from taskflow.webhooks.fetch import fetch

    if not 0 < timeout <= LONGEST_S:
        raise InvalidArguments.listing([("timeout", f"expected 0 to {LONGEST_S:g} seconds")], "")
    if body is not None and len(body) > MAX_BODY:
        raise InvalidArguments.listing([("body", f"expected at most {MAX_BODY} characters")], "")
    settings = ctx.app.settings
    answer = await fetch(
        url,
        Rules.of(settings.webhook_allow, settings.webhook_http),
        method=method,
        headers=check_headers(headers or {}),
        body=None if body is None else body.encode(),
        deadline=parse_duration(timeout),
    )
    text = answer.body.decode("utf-8", "replace").replace("\0", "\ufffd")
    return {
        "status": answer.status,
        "headers": {k: v.replace("\0", "\ufffd") for k, v in answer.headers.items()},
        "body": text,
        "is_cut": answer.is_cut,
        "duration_ms": answer.duration_ms,
    }
