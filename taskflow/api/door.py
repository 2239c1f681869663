"""The door of every route: who asks, and may it, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Send

from taskflow.access.rules import RULES, Rule
from taskflow.access.tokens import Signer
from taskflow.api.credentials import (
    UNCOUNTED,
    admitted,
    check_query,
    credential_of,
    header,
    principal_of,
    rate_headers,
    refusal_headers,
)
from taskflow.api.edge import Asgi, neighbourhood
from taskflow.api.exchange import SAFE, Exchange
from taskflow.api.problems import explain, send_answer, status_of
from taskflow.api.session import Session
from taskflow.app import Taskflow
from taskflow.calls import access, audit
from taskflow.errors import TaskflowError
from taskflow.kernel.access import Standing
from taskflow.store.call import DriverError, arun
from taskflow.store.database import AsyncConnection


class Door:
    """One per application; an ASGI middleware around every route's handler."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        taskflow: Taskflow,
        keyring: Keyring,
        nudge: Callable[[str], None],
        queries: Mapping[str, frozenset[str]],
    ) -> None:
        self._next = app
        self._nudge = nudge
        self._queries = queries
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
            if scope["method"] in SAFE and not rule.is_bare:
                # nothing to wait for but the database: one connection for all of it. What may need
                # another comes before: who holds one while waiting for one may wait for itself
                await self._keyring.signer()
                async with self._app.database.aconnection() as connection:
                    session = await self._admit(scope, rule, name, connection)
                    exchange = Exchange(scope, receive, session, rule, name)
                    answer = await exchange.run(self._next, connection)
            else:
                session = await self._admit(scope, rule, name)
                if not rule.is_bare:
                    answer = await Exchange(scope, receive, session, rule, name).run(self._next)
        except Exception as error:  # noqa: BLE001 - every error has its answer
            await send_answer(scope, send, error)
            return
        if rule.is_bare:
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
        if rule.permission is not None or not rule.is_bare:
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
        check_query(scope, self._queries.get(name, frozenset()), rule)
        session = Session(self._app, signer, who, address, rule.permission)
        session.request_id = scope["taskflow_request_id"]
        session.traceparent = scope["taskflow_traceparent"]
        session.if_match = header(scope, b"if-match")
        session.token_version = standing.version
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
        call = access.open_request(neighbourhood(address), credential, is_costly=rule.is_costly)
        if connection is not None:
            found = await arun(connection, call)
        else:
            found = await self._app.arun(call)
        if is_given and found.standing == "anonymous":
            return msgspec.structs.replace(found, standing="unknown")
        return found

    async def _note_refusal(self, scope: Asgi, name: str, standing: Standing, address: str) -> None:
        """A refused attempt to change something stands in the audit trail, too."""
        if standing.standing != "ok":
            return
        note = audit.note_audit(
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
