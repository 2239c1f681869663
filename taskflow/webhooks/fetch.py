"""One HTTP request to an address that somebody else chose: guarded, bounded, never followed on.

No redirects, no decompression, no proxy, no connection kept: one question, and as much of the
answer as is wanted, within one deadline. Import it where it is used: httpcore takes memory.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec

from taskflow.errors import ConfigurationError, TaskflowError

try:
    import httpcore
except ImportError as error:  # pragma: no cover - tests have it
    raise ConfigurationError(
        "httpx is not installed, without which no HTTP request can be made",
        "pip install taskflow-pg[http]",
    ) from error

from taskflow.kernel.webhooks import AddressRefused
from taskflow.webhooks.guard import Rules, Target, is_same

Resolver = Callable[[str, int], Awaitable[list[str]]]

DEADLINE = timedelta(seconds=15)
MAX_RESPONSE = 65_536
MAX_HEADERS = 100
MOST_TRIED = 3
"""Addresses of one host that are tried, one after the other."""


class NoAnswer(TaskflowError):
    """An HTTP request got no answer, or none in time."""

    code = "TF187"


class Answer(msgspec.Struct, frozen=True):
    """What came back: at most `MAX_RESPONSE` bytes of it, as they came."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_cut: bool
    duration_ms: int


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves once, looks at all answers, and connects to one that it has looked at."""

    def __init__(self, rules: Rules, target: Target, resolver: Resolver = resolve) -> None:
        self._rules = rules
        self._target = target
        self._resolver = resolver
        self._plain = httpcore.AnyIOBackend()
        self._opened: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the signature is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        assert (host, port) == (self._target.host, self._target.port)
        try:
            answers = await self._resolver(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from None
        failed: Exception = httpcore.ConnectError(f"{host} cannot be reached")
        for address in self._rules.check(self._target, answers)[:MOST_TRIED]:
            try:
                stream = await self._plain.connect_tcp(address, port, timeout, local_address)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            self._opened = stream
            peer = stream.get_extra_info("server_addr")
            if not peer or not is_same(peer[0], address):
                raise AddressRefused(f"{host} was connected to another address than {address}")
            return stream
        raise failed

    async def close(self) -> None:
        """What a deadline cuts off in the middle of a handshake, nobody else would close."""
        if self._opened is not None:
            await self._opened.aclose()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def fetch(
    url: str,
    rules: Rules,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    deadline: timedelta = DEADLINE,
    resolver: Resolver = resolve,
) -> Answer:
    """Asks once. Raises `AddressRefused` and `NoAnswer`."""
    target = rules.parse(url)
    network = GuardedNetwork(rules, target, resolver)
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await _ask(target, network, method, headers or {}, body)
    except TimeoutError:
        raise NoAnswer(f"no whole answer within {deadline.total_seconds():g} s") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise NoAnswer(f"{type(error).__name__}: {str(error)[:300]}".rstrip(": ")) from None
    except (OSError, ssl.SSLError) as error:
        raise NoAnswer(f"{type(error).__name__}: {str(error)[:300]}") from None
    finally:
        await network.close()


async def _ask(
    target: Target,
    network: GuardedNetwork,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> Answer:
    begun = time.monotonic()
    own = [("host", target.authority), ("accept-encoding", "identity"), ("connection", "close")]
    sent = [
        (name.encode("ascii"), value.encode("ascii")) for name, value in (*own, *headers.items())
    ]
    address = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port,
        target=target.path.encode(),
    )  # fmt: skip
    pool = httpcore.AsyncConnectionPool(
        ssl_context=_tls(), max_connections=1, max_keepalive_connections=0, http1=True, http2=False,
        retries=0, network_backend=network,
    )  # fmt: skip
    async with pool, pool.stream(method, address, headers=sent, content=body) as response:
        chunks, size = [], 0
        async for chunk in response.aiter_stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_RESPONSE:
                break
        return Answer(
            response.status,
            {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers[:MAX_HEADERS]
            },
            b"".join(chunks)[:MAX_RESPONSE],
            size > MAX_RESPONSE,
            int((time.monotonic() - begun) * 1000),
        )


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a request."""
    context = ssl.create_default_context()
    with suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
