"""One request: to the address that was looked at, with an end, and never followed on."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import time
from datetime import timedelta
from typing import Any

import httpcore
import pytest

from taskflow.kernel.webhooks import AddressRefused
from taskflow.webhooks.fetch import MAX_RESPONSE, Answer, NoAnswer, fetch
from taskflow.webhooks.guard import Rules
from tests.webhooks.sink import Sink, listening, plain, self_signed

LOCAL = Rules.of("127.0.0.0/8", http=True)


async def ask(sink: Sink, seconds: float = 5, **options: object) -> Answer:
    return await fetch(sink.url, LOCAL, body=b"{}", deadline=timedelta(seconds=seconds), **options)  # type: ignore[arg-type]


async def test_a_request_is_what_was_asked_for() -> None:
    async with listening(plain(201, b"done", X_A="1")) as sink:
        answer = await ask(sink, headers={"x-b": "2"})
    assert (answer.status, answer.body, answer.headers["x-a"], answer.is_cut) == (
        201,
        b"done",
        "1",
        False,
    )
    (request,) = sink.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert (request.body, request.headers["x-b"]) == (b"{}", "2")
    assert request.headers["host"] == f"127.0.0.1:{sink.port}"
    assert request.headers["connection"] == "close"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    async with listening() as inside, listening(plain(status, Location=inside.url)) as sink:
        assert (await ask(sink)).status == status
        assert (len(sink.requests), len(inside.requests)) == (1, 0)


async def test_a_name_that_leads_inside_is_refused_before_any_connection() -> None:
    async with listening() as sink:

        async def resolver(host: str, port: int) -> list[str]:
            return ["8.8.8.8", "127.0.0.1"]

        with pytest.raises(AddressRefused):
            await fetch(f"https://a.example:{sink.port}/", Rules(), resolver=resolver)
    assert sink.connections == 0


async def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    """DNS rebinding: the first answer is allowed, and it is the one that is connected to."""
    asked = []

    async def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.9"]

    async with listening() as sink:
        url = f"http://rebinding.example:{sink.port}/"
        answer = await fetch(url, LOCAL, resolver=resolver)
        assert answer.status == 200
        assert sink.requests[0].headers["host"] == f"rebinding.example:{sink.port}"
    assert asked == ["rebinding.example"]


async def test_a_connection_that_ends_up_elsewhere_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever turned it: the address at the other end is looked at before a byte is sent."""
    plain_connect = httpcore.AnyIOBackend.connect_tcp

    async def turned(self: Any, host: str, *args: Any) -> Any:
        assert host == "8.8.8.8"
        return await plain_connect(self, "127.0.0.1", *args)

    async def resolver(host: str, port: int) -> list[str]:
        return ["8.8.8.8"]

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", turned)
    async with listening() as sink:
        with pytest.raises(AddressRefused):
            await fetch(f"https://a.example:{sink.port}/", Rules(), resolver=resolver)
        assert sink.requests == []


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.77", "127.0.0.1"]

    async with listening() as sink:
        answer = await fetch(f"http://two.example:{sink.port}/", LOCAL, resolver=resolver)
    assert answer.status == 200


async def test_a_huge_answer_is_cut_and_the_rest_not_read() -> None:
    async def bomb(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sink.written += 65_536

    async with listening(bomb) as sink:
        answer = await ask(sink)
    assert (len(answer.body), answer.is_cut) == (MAX_RESPONSE, True)
    assert sink.written < 50_000_000


async def test_nothing_is_decompressed() -> None:
    packed = gzip.compress(b"0" * 1_000_000)
    async with listening(plain(200, packed, Content_Encoding="gzip")) as sink:
        assert (await ask(sink)).body == packed


async def test_a_slow_answer_ends_at_the_deadline() -> None:
    """A byte now and then resets the timeouts of reads, but not the deadline of the whole."""
    closed = asyncio.Event()

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not closed.is_set():
                writer.write(b"x")
                await writer.drain()
                with_timeout = asyncio.wait_for(closed.wait(), 0.05)
                try:
                    await with_timeout
                except TimeoutError:
                    continue
        finally:
            closed.set()

    async with listening(trickle) as sink:
        begun = time.monotonic()
        with pytest.raises(NoAnswer, match=r"within 0\.5 s"):
            await ask(sink, 0.5)
        assert time.monotonic() - begun < 3
        closed.set()


async def test_endless_headers_end() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Filler: " + b"y" * 1000 + b"\r\n")
            await writer.drain()
            sink.written += 1000

    async with listening(endless) as sink:
        with pytest.raises(NoAnswer):
            await ask(sink)
    assert sink.written < 50_000_000


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
    ],
)
async def test_a_broken_answer_is_none(said: bytes) -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with listening(broken) as sink:
        with pytest.raises(NoAnswer):
            await ask(sink)


async def test_nobody_there_is_no_answer() -> None:
    async with listening() as sink:
        url = sink.url
    with pytest.raises(NoAnswer):
        await fetch(url, LOCAL)
    with pytest.raises(NoAnswer):
        await fetch("http://no-such-host.invalid/", LOCAL)


async def test_https_is_not_spoken_to_who_does_not() -> None:
    async with listening() as sink:
        with pytest.raises(NoAnswer):
            await fetch(sink.url.replace("http:", "https:"), LOCAL, deadline=timedelta(seconds=2))


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    async with listening(tls=self_signed()) as sink:
        with pytest.raises(NoAnswer, match="certificate"):
            await fetch(f"https://127.0.0.1:{sink.port}/", LOCAL)
        assert sink.requests == []
