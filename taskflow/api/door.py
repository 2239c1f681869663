"""The door of every route: who asks, and may it; and the one transaction around what it does.

A middleware rather than dependencies, because it needs the answer as well: the answer to a request
with an Idempotency-Key is written in the transaction of the request, so that a crash leaves both or
neither.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar.types import ASGIApp, Message, Receive, Send

from taskflow.access.rules import RULES, Rule, allows
from taskflow.access.tokens import KEY_MARK, Signer, digest
from taskflow.api.edge import Asgi
from taskflow.api.problems import (
    IdempotencyMismatch,
    InvalidRequest,
    RequestTooLarge,
    StillRunning,
    TooSlow,
    explain,
    send_answer,
    status_of,
)
from taskflow.api.session import Session
from taskflow.app import Taskflow
from taskflow.calls import access
from taskflow.calls.access import Credential, KeptAnswer
from taskflow.errors import TaskflowError
from taskflow.kernel.access import NotAllowed, NotAuthenticated, Principal, RateLimited, Standing
from taskflow.store.call import DriverError, arun, translated
from taskflow.store.database import AsyncConnection

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_LENGTH = 255
_KEPT_HEADERS = ("content-type", "location", "etag")


UNCOUNTED = Standing("anonymous", None, None, None, None, None, None, None, 0, 0, 0)
"""Of requests for what everybody may see without a look at the database."""


class Door:
    """One per application; an ASGI middleware around every route's handler."""

    def __init__(
        self, app: ASGIApp, *, taskflow: Taskflow, keyring: Keyring, nudge: Callable[[str], None]
    ) -> None:
        self._next = app
        self._nudge = nudge
        self._app = taskflow
        self._keyring = keyring

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        name = scope["route_handler"].name
        if name is None or scope.get("method") == "OPTIONS":
            await self._next(scope, receive, send)
            return
        rule = RULES[name]
        if scope["type"] == "websocket":
            await self._open_socket(scope, receive, send, rule, name)
            return
        answer: Sequence[Any] = ()
        try:
            if scope["method"] in SAFE and not rule.streams:
                # nothing to wait for but the database: one connection for all of it. What may need
                # another comes before: who holds one while waiting for one may wait for itself
                await self._keyring.signer()
                async with self._app.database.aconnection() as connection:
                    session = await self._admit(scope, rule, name, connection)
                    exchange = Exchange(scope, receive, session, rule, name)
                    answer = await exchange.run(self._next, connection)
            else:
                session = await self._admit(scope, rule, name)
                if not rule.streams:
                    answer = await Exchange(scope, receive, session, rule, name).run(self._next)
        except Exception as error:  # noqa: BLE001 - every error has its answer
            await send_answer(scope, send, error)
            return
        if rule.streams:
            await self._next(scope, receive, send)
        if answer and scope["method"] not in SAFE and session.principal is not None:
            self._nudge(session.tenant)
        for message in answer:
            await send(message)

    async def _open_socket(
        self, scope: Asgi, receive: Receive, send: Send, rule: Rule, name: str
    ) -> None:
        """A socket that is refused is closed before it is accepted: the browser sees a 403."""
        try:
            await self._admit(scope, rule, name)
        except (TaskflowError, DriverError) as error:
            status = status_of(explain(error))
            close = {"type": "websocket.close", "code": 4000 + status, "reason": str(status.phrase)}
            await send(close)  # type: ignore[arg-type]
            return
        await self._next(scope, receive, send)

    async def _admit(
        self, scope: Asgi, rule: Rule, name: str, connection: AsyncConnection | None = None
    ) -> Session:
        """The session of a request that may go on. Raises what `admitted` raises."""
        address = str(scope["taskflow_address"])
        signer, standing = None, UNCOUNTED
        if rule.permission is not None or not rule.streams:
            signer = self._keyring.found if connection is not None else await self._keyring.signer()
            standing = await self._ask(rule, signer, scope, address, connection)
        limits = rate_headers(standing)
        try:
            who = admitted(standing, rule)
        except TaskflowError:
            scope["taskflow_headers"] = limits | refusal_headers(standing)
            if scope.get("method", "GET") not in SAFE:
                await self._note_refusal(scope, name, standing, address)
            raise
        scope["taskflow_headers"] = limits
        session = Session(self._app, signer, who, address, rule.permission)
        session.request_id = scope["taskflow_request_id"]
        session.if_match = header(scope, b"if-match")
        session.token_version = self._version_of(scope, signer)
        session.is_secure = scope["taskflow_is_secure"]
        scope["taskflow_session"] = session
        return session

    async def _ask(
        self,
        rule: Rule,
        signer: Signer,
        scope: Asgi,
        address: str,
        connection: AsyncConnection | None,
    ) -> Standing:
        credential, is_given = credential_of(scope, signer, takes_ticket=rule.takes_ticket)
        call = access.open_request(address, credential, is_costly=rule.is_costly)
        if connection is not None:
            found = await arun(connection, call)
        else:
            found = await self._app.arun(call)
        if is_given and found.standing == "anonymous":
            return msgspec.structs.replace(found, standing="unknown")
        return found

    @staticmethod
    def _version_of(scope: Asgi, signer: Signer | None) -> int | None:
        return credential_of(scope, signer, takes_ticket=False)[0].token_version if signer else None

    async def _note_refusal(self, scope: Asgi, name: str, standing: Standing, address: str) -> None:
        """A refused attempt to change something stands in the audit trail, too."""
        if standing.standing != "ok":
            return
        note = access.note_audit(
            principal_of(standing), address=address, request_id=scope["taskflow_request_id"],
            action=name, method=scope["method"], path=scope["path"], status=403,
        )  # fmt: skip
        await self._app.arun(note)


class Keyring:
    """The installation's signing keys, read at first use and again every minute."""

    PERIOD_S = 60.0

    def __init__(self, app: Taskflow, fresh: bytes) -> None:
        self._app = app
        self._fresh = fresh
        self._signer: Signer | None = None
        self._read_at = 0.0

    @property
    def found(self) -> Signer:
        """What `signer` found last."""
        assert self._signer is not None
        return self._signer

    async def signer(self) -> Signer:
        if self._signer is None or time.monotonic() > self._read_at + self.PERIOD_S:
            self._signer = Signer(await self._app.arun(access.signing_keys(self._fresh)))
            self._read_at = time.monotonic()
        return self._signer


class Exchange:
    """One request and its answer in one transaction."""

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
                await self._answer(handler, body)
                await self._end(connection)
        except BaseException:
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

    async def _answer(self, handler: ASGIApp, body: bytes) -> None:
        key = idempotency_key(self._scope)
        who = self._session.principal
        if key is None or who is None or self._scope["method"] != "POST":
            await handler(self._scope, replayed(body), self._take)
            self._finish()
            return
        route = f"{self._scope['method']} {self._scope['path']}"
        asked = hashlib.sha256(b"\0".join((self._scope.get("query_string", b""), body))).digest()
        kept = await self._session.run(access.find_answer(who.actor, route, key, asked))
        if kept.standing == "new":
            await handler(self._scope, replayed(body), self._take)
            self._finish()
            if self._start["status"] < 400:
                answer = b"" if self._rule.has_secret else self._body
                await self._session.run(
                    access.keep_answer(
                        who.actor,
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
        headers = [(n, v) for n, v in self._start["headers"] if n.lower() != b"etag"]
        tag = self._session.etag
        if tag is None and self._is_read and self._start["status"] == 200:
            tag = f'W/"{hashlib.sha256(self._body).hexdigest()[:32]}"'
        if tag is None:
            return
        self._start["headers"] = [*headers, (b"etag", tag.encode())]
        wanted = header(self._scope, b"if-none-match")
        if self._is_read and wanted and tag in [part.strip() for part in wanted.split(",")]:
            self._body = b""
            self._start["status"] = 304
            self._start["headers"] = [
                (n, v)
                for n, v in self._start["headers"]
                if n.lower() not in (b"content-length", b"content-type")
            ]

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
        return access.note_audit(
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


def admitted(standing: Standing, rule: Rule) -> Principal | None:
    """The caller, if it may use the route. Raises one of kernel/access.py."""
    if standing.standing == "limited":
        raise RateLimited(
            f"more than {standing.rate} requests a minute", f"Wait {standing.reset_s:.0f} s."
        )
    if rule.permission is None:
        return principal_of(standing) if standing.standing == "ok" else None
    if standing.standing != "ok":
        said = {
            "anonymous": "no credential was sent",
            "unknown": "the credential is not known",
            "expired": "the credential has expired",
            "disabled": "the user, key or tenant is switched off",
        }[standing.standing]
        raise NotAuthenticated(
            said, "Send Authorization: Bearer TOKEN, from a login or an API key."
        )
    who = principal_of(standing)
    if not allows(rule, who):
        raise NotAllowed(f"{who.actor} may not do this: it takes {rule.permission}")
    return who


def principal_of(standing: Standing) -> Principal:
    assert standing.tenant is not None
    assert standing.kind is not None
    assert standing.id is not None
    assert standing.name is not None
    assert standing.role is not None
    return Principal(
        standing.tenant, standing.kind, standing.id, standing.name, standing.role,
        None if standing.scopes is None else tuple(standing.scopes),
        None if standing.queues is None else tuple(standing.queues),
    )  # fmt: skip


def credential_of(scope: Asgi, signer: Signer, *, takes_ticket: bool) -> tuple[Credential, bool]:
    """What the request shows, and whether it shows anything."""
    sent = header(scope, b"authorization")
    if sent is None:
        ticket = query(scope).get("ticket") if takes_ticket else None
        return (Credential(ticket_hash=digest(ticket)), True) if ticket else (Credential(), False)
    kind, _, token = sent.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token.isascii():
        return Credential(), True
    if token.startswith(KEY_MARK):
        return Credential(key_hash=digest(token)), True
    claims = signer.read(token)
    if claims is None:
        return Credential(), True
    return Credential(
        tenant=claims.tenant, user_id=claims.user_id, token_version=claims.token_version
    ), True


def rate_headers(standing: Standing) -> dict[str, str]:
    """RateLimit-Policy and RateLimit as the IETF draft has them."""
    if standing is UNCOUNTED:
        return {}
    left = max(standing.rate - standing.used, 0)
    return {
        "ratelimit-policy": f'"default";q={standing.rate};w=60',
        "ratelimit": f'"default";r={left};t={standing.reset_s:.0f}',
    }


def refusal_headers(standing: Standing) -> dict[str, str]:
    if standing.standing == "limited":
        return {"retry-after": str(max(round(standing.reset_s), 1))}
    return {"www-authenticate": 'Bearer realm="taskflow"'}


def idempotency_key(scope: Asgi) -> str | None:
    key = header(scope, b"idempotency-key")
    if key is not None and not (1 <= len(key) <= KEY_LENGTH and key.isprintable()):
        raise InvalidRequest.at("Idempotency-Key", f"1 to {KEY_LENGTH} printable characters")
    return key


def header(scope: Asgi, name: bytes) -> str | None:
    for found, value in scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return None


def query(scope: Asgi) -> Mapping[str, str]:
    text = scope.get("query_string", b"").decode("latin-1")
    return dict(parse_qsl(text, max_num_fields=100))


def too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than {most:,} bytes", "Send it in smaller pieces.")


def replayed(body: bytes) -> Any:
    """A `receive` that gives a body that was read before."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    return receive
