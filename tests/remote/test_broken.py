"""Servers that say "not now" and connections that break: what is sent again, and what is not."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from taskflow.cli.tree import global_options
from tests.cli.conftest import run
from tests.support import factories
from tests.support.listening import key, listening, served


class Refusing:
    """Says "not now" to the first few requests."""

    def __init__(self, app: Any, times: int, status: int = 503) -> None:
        self._app = app
        self._left = times
        self._status = status
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.asked += 1
        if scope["type"] != "http" or self._left == 0:
            await self._app(scope, receive, send)
            return
        self._left -= 1
        headers = [(b"retry-after", b"0"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": b"not now"})


class Breaking:
    """Serves the first few requests of a method, and breaks the connection within the answer."""

    def __init__(self, app: Any, method: str, times: int = 1) -> None:
        self._app = app
        self._method = method
        self._left = times
        self.keys: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == self._method:
            sent = dict(scope["headers"])
            self.keys.append(sent.get(b"idempotency-key", b"").decode())
            if self._left:
                self._left -= 1

                async def swallow(message: Any) -> None:
                    """The answer is made and committed, and never sent."""

                await self._app(scope, receive, swallow)
                cut = [(b"content-length", b"100")]
                await send({"type": "http.response.start", "status": 200, "headers": cut})
                await send({"type": "http.response.body", "body": b"{", "more_body": True})
                return  # an answer that is not complete: the server closes the connection
        await self._app(scope, receive, send)


@pytest.fixture(autouse=True)
def hushed(caplog: pytest.LogCaptureFixture) -> None:
    """Servers complain of what the tests do to them."""
    caplog.set_level(logging.CRITICAL, "uvicorn.error")


@pytest.mark.parametrize("status", [503, 429])
def test_a_server_that_says_not_now_twice_is_asked_again(dsn: str, db: Any, status: int) -> None:
    with served(dsn, lambda app: Refusing(app, 2, status)) as url:
        told = run("--api", url, "enqueue", "a.b", "--force", TASKFLOW_API_KEY=key(db))
    assert told.code == 0, told
    assert factories.value(db, "select count(*) from taskflow.job") == 1


def test_a_server_that_always_says_not_now_is_left_alone_in_the_end(db: Any) -> None:
    refusing = Refusing(None, -1)
    with listening(refusing, lifespan="off") as url:
        told = run("--api", url, "jobs", "list", TASKFLOW_API_KEY="tf_x")
    assert told.code != 0
    assert refusing.asked == 4


def test_a_post_whose_answer_was_lost_is_not_done_twice(dsn: str, db: Any) -> None:
    made: list[Breaking] = []

    def wrap(app: Any) -> Any:
        made.append(Breaking(app, "POST"))
        return made[0]

    with served(dsn, wrap) as url:
        told = run("--api", url, "enqueue", "a.b", "--force", TASKFLOW_API_KEY=key(db))
    assert told.code == 0, told
    assert len(made[0].keys) == 2
    assert len(set(made[0].keys)) == 1
    assert len(made[0].keys[0]) == 32
    assert factories.value(db, "select array_agg(id) from taskflow.job") == [int(told.out)]


def test_a_delete_whose_answer_was_lost_is_left_to_the_caller(dsn: str, db: Any) -> None:
    secret = key(db)
    with served(dsn, lambda app: Breaking(app, "DELETE")) as url:
        environment = {"TASKFLOW_API_KEY": secret}
        run("--api", url, "limits", "set", "x", "-q", "a", "--concurrency", "1", **environment).ok()
        told = run("--api", url, "limits", "delete", "x", **environment)
    assert told.code == 7
    assert "may or may not" in told.err


def test_no_key_where_others_may_look(dsn: str, db: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the command line, nor in logs of any level, nor in what a failure prints."""
    caplog.set_level(logging.DEBUG)
    secret = key(db)
    with served(dsn, lambda app: Breaking(app, "GET", 4)) as url:
        told = run("--api", url, "-vv", "jobs", "list", TASKFLOW_API_KEY=secret)
    assert told.code == 7
    assert secret not in told.out + told.err
    assert secret not in caplog.text
    assert not [param for param in global_options() if "key" in (param.name or "")]
