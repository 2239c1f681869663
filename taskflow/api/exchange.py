"""One request and its answer in one transaction.

A middleware's work rather than a dependency's, because it needs the answer as well: the answer to a
request with an Idempotency-Key is written in the transaction of the request, so that a crash leaves
both or neither.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from litestar.types import ASGIApp, Message, Receive

from taskflow.access.rules import Rule
from taskflow.api.credentials import header, query
from taskflow.api.edge import Asgi
from taskflow.api.problems import (
    IdempotencyMismatch,
    InvalidRequest,
    RequestTooLarge,
    StillRunning,
    TooSlow,
    UnreadableType,
)
from taskflow.api.session import Session
from taskflow.calls import audit
from taskflow.calls.audit import KeptAnswer
from taskflow.store.call import DriverError, arun, translated
from taskflow.store.database import AsyncConnection

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_LENGTH = 255
_KEPT_HEADERS = ("content-type", "location", "etag")
SPARE_S = 1.0
"""What a request has beyond the timeout of a statement, which then tells better what is wrong."""


class Exchange:
    """Runs a handler, and holds its answer back until all of it is committed."""

    def __init__(
        self, scope: Asgi, receive: Receive, session: Session, rule: Rule, name: str
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._session = session
        self._rule = rule
        self._name = name
        self._is_read = scope["method"] in SAFE
        self._settings = session.app.settings
        self._start: Any = {}
        self._body = b""

    async def run(
        self, handler: ASGIApp, connection: AsyncConnection | None = None
    ) -> tuple[Any, Any]:
        """The two messages of the answer, when all of it is committed."""
        body = b"" if self._is_read else await self._read_body()
        if body:
            self._check_type()
        if connection is not None:
            await self._act(connection, handler, body)
        else:
            async with self._session.app.database.aconnection() as own:
                await self._act(own, handler, body)
        if not self._is_read and self._start["status"] >= 400:
            await self._session.app.arun(self._audit_line())
        body_message = {"type": "http.response.body", "body": self._body, "more_body": False}
        return self._start, body_message

    async def _act(self, connection: AsyncConnection, handler: ASGIApp, body: bytes) -> None:
        self._session.connection = connection
        try:
            with translated():
                await self._begin(connection)
                await self._answer_in_time(handler, body)
                await self._end(connection)
        except BaseException:
            with suppress(DriverError):  # the connection may be what has failed
                await connection.rollback()
            raise
        finally:
            self._session.connection = None

    async def _begin(self, connection: AsyncConnection) -> None:
        async with connection.pipeline():
            await connection.execute("begin read only" if self._is_read else "begin")
            await arun(connection, self._session.binding())

    async def _end(self, connection: AsyncConnection) -> None:
        """Commits what is done, with its line in the audit trail: one round trip for the two."""
        is_done = self._start["status"] < 400
        if not is_done and not self._rule.keeps_failures:
            await connection.rollback()
        elif self._is_read or not is_done:
            await connection.commit()
        else:
            line = self._audit_line()
            async with connection.pipeline():
                await connection.execute(line.statement, line.parameters)
                await connection.commit()

    async def _answer_in_time(self, handler: ASGIApp, body: bytes) -> None:
        """The database bounds each statement, this bounds all of them: they hold a connection."""
        most = self._settings.api_timeout.total_seconds() + SPARE_S
        try:
            async with asyncio.timeout(most):
                await self._answer(handler, body)
        except TimeoutError:
            raise TooSlow(f"it took more than {most:g} s", "Ask for less at once.") from None

    async def _answer(self, handler: ASGIApp, body: bytes) -> None:
        key = idempotency_key(self._scope)
        who = self._session.principal
        if key is None or who is None or self._scope["method"] != "POST":
            await handler(self._scope, replayed(body), self._take)
            self._finish()
            return
        route = f"{self._scope['method']} {self._scope['path']}"
        # sealed with our key: a body may hold a password, and a plain digest could be guessed at
        asked = self._session.signer.sign(b"\0".join((self._scope.get("query_string", b""), body)))
        actor = f"{who.kind}:{who.id}"  # names are not unique
        kept = await self._session.run(audit.find_answer(actor, route, key, asked))
        if kept.standing == "new":
            await handler(self._scope, replayed(body), self._take)
            self._finish()
            if self._start["status"] < 400:
                answer = b"" if self._rule.has_secret else self._body
                await self._session.run(
                    audit.keep_answer(
                        actor,
                        route,
                        key,
                        asked,
                        status=self._start["status"],
                        headers=self._kept_headers(),
                        body=answer,
                    )
                )
            return
        self._repeat(kept)

    def _repeat(self, kept: KeptAnswer) -> None:
        if kept.standing == "busy":
            raise StillRunning(
                "a request with this Idempotency-Key is under way", "Try again in a moment."
            )
        if kept.standing == "mismatch":
            raise IdempotencyMismatch(
                "this Idempotency-Key was used with another request",
                "Use a new key for a new request.",
            )
        if self._rule.has_secret:
            raise StillRunning(
                "this request was answered before, with a secret that is shown once",
                "Rotate it if the answer was lost.",
            )
        headers = [*(kept.headers or {}).items(), ("idempotency-replayed", "true")]
        self._body = kept.body or b""
        self._start = {
            "type": "http.response.start",
            "status": kept.status,
            "headers": [
                (name.encode(), value.encode())
                for name, value in [*headers, ("content-length", str(len(self._body)))]
            ],
        }

    async def _take(self, message: Message) -> None:
        """The `send` that handlers get: keeps the answer until it is committed."""
        if message["type"] == "http.response.start":
            self._start = dict(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def _finish(self) -> None:
        """Adds what is known by now: the next page, and an ETag; 304 where the caller has it."""
        if self._session.next_cursor is not None:
            self._start["headers"].append((b"link", self._next_link().encode()))
        self._add_location()
        headers = [(n, v) for n, v in self._start["headers"] if n.lower() != b"etag"]
        tag = self._session.etag
        if tag is None and self._is_read and self._start["status"] == 200:
            tag = f'W/"{hashlib.sha256(self._body).hexdigest()[:32]}"'
        if tag is None:
            return
        self._start["headers"] = [*headers, (b"etag", tag.encode())]
        if self._is_read:  # kept by whom it was for, and asked for anew each time
            self._start["headers"].append((b"cache-control", b"private, no-cache"))
        wanted = header(self._scope, b"if-none-match")
        if self._is_read and wanted and tag in [part.strip() for part in wanted.split(",")]:
            self._body = b""
            self._start["status"] = 304
            self._start["headers"] = [
                (n, v)
                for n, v in self._start["headers"]
                if n.lower() not in (b"content-length", b"content-type")
            ]

    def _add_location(self) -> None:
        """Where what a POST has made can be read, unless the handler has said so."""
        made, names = self._session.target, {n.lower() for n, _ in self._start["headers"]}
        is_list = self._scope["method"] == "POST" and not self._scope.get("path_params")
        if self._start["status"] == 201 and made and is_list and b"location" not in names:
            place = f"{self._scope['path']}/{made}"
            self._start["headers"].append((b"location", place.encode()))

    def _next_link(self) -> str:
        asked = {n: v for n, v in query(self._scope).items() if n != "cursor"}
        next_page = urlencode({**asked, "cursor": self._session.next_cursor})
        return f'<{self._scope["path"]}?{next_page}>; rel="next"'

    def _kept_headers(self) -> dict[str, str]:
        found = {n.decode().lower(): v.decode() for n, v in self._start["headers"]}
        return {name: found[name] for name in _KEPT_HEADERS if name in found}

    def _audit_line(self) -> Any:
        session = self._session
        target = session.target or "/".join(map(str, self._scope.get("path_params", {}).values()))
        return audit.note_audit(
            session.acted_as or session.principal,
            address=session.address,
            request_id=session.request_id,
            action=self._name,
            method=self._scope["method"],
            path=self._scope["path"],
            status=self._start["status"],
            target=target or None,
            detail=session.detail,
        )

    def _check_type(self) -> None:
        """A form is read as what it is not: browsers send them across sites without asking."""
        kind = (header(self._scope, b"content-type") or "").partition(";")[0].strip().lower()
        taken = self._rule.takes
        if taken and kind not in taken:
            raise UnreadableType(
                f"a body of type {kind[:80]!a} is not taken", f"Send {' or '.join(taken)}."
            )

    async def _read_body(self) -> bytes:
        """The whole body, within the bounds of size and time."""
        if header(self._scope, b"content-encoding") not in (None, "", "identity"):
            raise InvalidRequest("compressed bodies are not taken", "Send the body as it is.")
        most = self._settings.api_max_body_bytes
        declared = header(self._scope, b"content-length") or ""
        if declared.isdigit() and int(declared) > most:
            raise too_large(most)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.api_timeout.total_seconds()):
                while True:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        raise InvalidRequest("the connection ended before the body did")
                    parts.append(message["body"])
                    size += len(parts[-1])
                    if size > most:
                        raise too_large(most)
                    if not message["more_body"]:
                        return b"".join(parts)
        except TimeoutError:
            raise TooSlow(
                "the body did not come in time", "Send it faster, or in smaller pieces."
            ) from None


def idempotency_key(scope: Asgi) -> str | None:
    key = header(scope, b"idempotency-key")
    if key is not None and not (1 <= len(key) <= KEY_LENGTH and key.isprintable()):
        raise InvalidRequest.at("Idempotency-Key", f"1 to {KEY_LENGTH} printable characters")
    return key


def too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than {most:,} bytes", "Send it in smaller pieces.")


def replayed(body: bytes) -> Any:
    """A `receive` that gives a body that was read before."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    return receive
