"""The two drivers of scripts, on httpx: all else about the API is written once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from taskflow.errors import ConfigurationError, TaskflowError
from taskflow.remote.address import Address
from taskflow.remote.attempts import Attempts
from taskflow.remote.script import Answer, Pause, Request, Script

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
NOTHING = Answer(204, b"", {})
"""What a script is sent after a pause."""
PATIENCE_S = 60.0
"""Longest silence: the API holds a request for a result open for 30 s."""


class Transport:
    """Serves scripts with blocking requests, over connections that it keeps."""

    def __init__(self, address: Address, *, transport: httpx.BaseTransport | None = None) -> None:
        self._httpx = _httpx()
        self._address = address
        self._client = self._httpx.Client(**_options(self._httpx, address), transport=transport)

    def run(self, script: Script[T]) -> T:
        try:
            request = next(script)
            while True:
                try:
                    answer = self._send(request)
                except TaskflowError as error:
                    request = script.throw(error)
                else:
                    request = script.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    def close(self) -> None:
        self._client.close()

    def _send(self, request: Request | Pause) -> Answer:
        if isinstance(request, Pause):
            time.sleep(request.seconds)
            return NOTHING
        attempts = Attempts(request, self._address.server)
        while True:
            try:
                found = self._client.request(**_sendable(self._address, request, attempts))
            except (self._httpx.ConnectError, self._httpx.ConnectTimeout) as error:
                pause: Answer | float = attempts.unreachable(error)
            except self._httpx.TransportError as error:
                pause = attempts.broken(error)
            else:
                pause = attempts.answered(found.status_code, found.headers, found.content)
            if isinstance(pause, Answer):
                return pause
            time.sleep(pause)


class AsyncTransport:
    """`Transport` for async code."""

    def __init__(
        self, address: Address, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._httpx = _httpx()
        self._address = address
        options = _options(self._httpx, address)
        self._client = self._httpx.AsyncClient(**options, transport=transport)

    async def run(self, script: Script[T]) -> T:
        try:
            request = next(script)
            while True:
                try:
                    answer = await self._send(request)
                except TaskflowError as error:
                    request = script.throw(error)
                else:
                    request = script.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, request: Request | Pause) -> Answer:
        if isinstance(request, Pause):
            await asyncio.sleep(request.seconds)
            return NOTHING
        attempts = Attempts(request, self._address.server)
        while True:
            try:
                found = await self._client.request(**_sendable(self._address, request, attempts))
            except (self._httpx.ConnectError, self._httpx.ConnectTimeout) as error:
                pause: Answer | float = attempts.unreachable(error)
            except self._httpx.TransportError as error:
                pause = attempts.broken(error)
            else:
                pause = attempts.answered(found.status_code, found.headers, found.content)
            if isinstance(pause, Answer):
                return pause
            await asyncio.sleep(pause)


def _httpx() -> Any:
    try:
        import httpx
    except ImportError:
        raise ConfigurationError(
            "the REST API needs a package that is not installed: httpx",
            "Run pip install 'taskflow-pg[http]'.",
        ) from None
    return httpx


def _options(httpx: Any, address: Address) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "headers": {
            "authorization": f"Bearer {address.key}",
            "user-agent": f"taskflow/{version('taskflow-pg')}",
            "accept": "application/json",
        },
        "timeout": httpx.Timeout(PATIENCE_S, connect=10.0),
        "follow_redirects": False,
        # a proxy of the environment has no business with requests to this machine
        "trust_env": not address.is_local,
    }


def _sendable(address: Address, request: Request, attempts: Attempts) -> Mapping[str, Any]:
    query = f"?{urlencode(request.query)}" if request.query else ""
    headers = attempts.headers
    content = None
    if request.body is not None:
        content = msgspec.json.encode(request.body)
        headers["content-type"] = "application/json"
    return {
        "method": request.method,
        "url": f"{address.base}{request.path}{query}",
        "headers": headers,
        "content": content,
    }
