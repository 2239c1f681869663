"""When a request is sent again, decided once for both colours of the transport.

A server that says "not now" (429, 503) is asked again when it wants to be. A connection that broke
leaves it open what became of the request: reads are repeated, and so are POSTs, whose
Idempotency-Key makes the second one answer what the first one did. Other writes are not repeated.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from taskflow.errors import TaskflowError
from taskflow.kernel.access import QuotaExceeded
from taskflow.kernel.request_errors import StillRunning
from taskflow.remote.problems import error_of
from taskflow.remote.script import Answer, Request, UnreadableAnswer

TRIES = 4
LONGEST_PAUSE_S = 60.0
"""A server that wants to be left alone for longer is left alone for good."""
FIRST_PAUSE_S = 0.25
NOT_NOW = frozenset({429, 503})
ON_THE_WAY = frozenset({502, 504})
"""Said by proxies, who do not know what became of the request."""


class ApiUnreachable(TaskflowError):
    """The REST API does not answer, or the connection to it broke."""

    code = "TF221"


class Attempts:
    """All sendings of one request."""

    def __init__(self, request: Request, server: str) -> None:
        self._request = request
        self._server = server
        self._sent = 0
        self._has_broken = False
        self.key = secrets.token_hex(16) if request.method == "POST" else None
        """Its Idempotency-Key: the same for each of them."""

    @property
    def headers(self) -> dict[str, str]:
        found = {"idempotency-key": self.key} if self.key else {}
        if self._request.if_match is not None:
            found["if-match"] = self._request.if_match
        return found

    def unreachable(self, error: Exception) -> float:
        """No connection came about. Seconds until the next sending, or raises `ApiUnreachable`."""
        if not self._has_broken:
            raise ApiUnreachable(
                f"the API at {self._server} cannot be reached: {_said(error)}",
                "Does taskflow serve run there? taskflow config show says where the address is"
                " from.",
            ) from None
        return self.broken(error)

    def broken(self, error: Exception) -> float:
        """The connection broke on the way."""
        self._sent += 1
        self._has_broken = True
        if self._request.method not in ("GET", "POST") or self._sent >= TRIES:
            hint = "Try again."
            if self._request.method != "GET":
                hint = "The request may or may not have been served; look before you repeat it."
            raise ApiUnreachable(
                f"the connection to the API at {self._server} broke: {_said(error)}", hint
            ) from None
        return self._pause()

    def answered(self, status: int, headers: Mapping[str, str], content: bytes) -> Answer | float:
        """The answer, or seconds until the next sending; raises what the API says is wrong."""
        if 200 <= status < 300:
            return Answer(status, content, headers)
        self._sent += 1
        if 300 <= status < 400:
            raise UnreadableAnswer(
                f"the API at {self._server} sends elsewhere ({status})",
                "Give the address that it has itself: a key is not taken to another one.",
            )
        error = error_of(status, content, self._server)
        wanted = _wanted(headers)
        if (
            self._sent >= TRIES
            or not self._may_repeat(status, error)
            or (wanted or 0) > LONGEST_PAUSE_S
        ):
            raise error
        return self._pause() if wanted is None else wanted

    def _may_repeat(self, status: int, error: TaskflowError) -> bool:
        if isinstance(error, StillRunning):  # our own first sending, whose connection broke
            return self._has_broken
        if status in ON_THE_WAY:
            return self._request.method in ("GET", "POST")
        return status in NOT_NOW and not isinstance(error, QuotaExceeded)

    def _pause(self) -> float:
        return FIRST_PAUSE_S * float(2 ** (self._sent - 1)) * random.uniform(0.75, 1.25)


def _wanted(headers: Mapping[str, str]) -> float | None:
    """Retry-After, in seconds or as a date."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    with suppress(ValueError, TypeError):
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    return None


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
