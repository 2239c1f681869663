"""The outermost layer: a request's id and address, and the headers that every answer has.

The address is that of the connection, unless it comes from a proxy that the settings name: then it
is the last one in X-Forwarded-For that no such proxy added. Everything before that is only what a
client says.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Send

from taskflow.errors import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
log = logging.getLogger("taskflow.api")
Application = Callable[[Any, Any, Any], Awaitable[None]]
Asgi = Any
"""A connection's scope: a dict to which our layers add what they know, as `taskflow_...`."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
SECURITY = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Set where the answer does not set them itself."""


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self._next = app
        self._proxies = proxies

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._next(scope, receive, send)
            return
        sent = dict(scope["headers"])
        scope["taskflow_address"] = self._address(scope, sent)
        scope["taskflow_request_id"] = request_id(sent)
        scope["taskflow_traceparent"] = traceparent(sent)
        scope["taskflow_is_secure"] = self._is_secure(scope, sent)

        begun = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._headers(scope, list(message.get("headers", [])))
                log_line(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        await self._next(scope, receive, answer)

    def _headers(self, scope: Asgi, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in given}
        extra = scope.get("taskflow_headers") or {}
        ours = [
            (b"x-request-id", str(scope["taskflow_request_id"]).encode()),
            *((name.encode(), value.encode()) for name, value in extra.items()),
            *SECURITY,
        ]
        return given + [(name, value) for name, value in ours if name not in names]

    def _address(self, scope: Asgi, sent: dict[bytes, bytes]) -> str:
        client = scope.get("client")
        address = client[0] if client else "unknown"
        for hop in reversed(sent.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
            if not self._is_proxy(address):
                break
            found = hop.strip()
            if not is_address(found):
                break
            address = found
        return address

    def _is_secure(self, scope: Asgi, sent: dict[bytes, bytes]) -> bool:
        client = scope.get("client")
        if client and self._is_proxy(client[0]):
            return sent.get(b"x-forwarded-proto", b"").strip().lower() == b"https"
        return bool(scope.get("scheme") == "https")

    def _is_proxy(self, address: str) -> bool:
        return is_address(address) and any(
            ipaddress.ip_address(address) in network for network in self._proxies
        )


def log_line(scope: Asgi, status: int, seconds: float) -> None:
    """One line for each request: without its query, which may hold a ticket."""
    session = scope.get("taskflow_session")
    who = session.principal.actor if session is not None and session.principal else "-"
    log.info(
        "%s %s %d %.1f ms %s %s %s", scope["method"], ascii(scope["path"])[1:-1], status,
        seconds * 1000, who, scope["taskflow_address"], scope["taskflow_request_id"],
    )  # fmt: skip


def networks(text: str) -> list[Network]:
    """The networks of a setting. Raises `ConfigurationError`."""
    try:
        return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ConfigurationError(f"api_proxies: {error}", "Write 10.0.0.0/8, 192.0.2.7.") from None


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def neighbourhood(address: str) -> str:
    """Whom a rate counts together: with IPv6 a household has a whole /64 to ask from."""
    if ":" not in address or not is_address(address):
        return address
    found = ipaddress.IPv6Address(address)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found.packed[:8] + bytes(8), 64)))


def request_id(sent: dict[bytes, bytes]) -> str:
    """The caller's, if it is a plain one; else that of its trace; else a new one."""
    given = sent.get(b"x-request-id", b"").decode("latin-1")
    if _REQUEST_ID.fullmatch(given):
        return given
    trace = traceparent(sent)
    return trace[3:35] if trace else secrets.token_hex(16)


def traceparent(sent: dict[bytes, bytes]) -> str | None:
    """The caller's place in a trace, as W3C Trace Context writes it."""
    found = _TRACE.fullmatch(sent.get(b"traceparent", b"").decode("latin-1"))
    return found[0] if found else None
