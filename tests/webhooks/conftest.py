"""Apps on the test's database, with times short enough to wait for.

make_app   make_app(lease="1s") is a Taskflow with these settings on top of `QUICK`
tf         make_app()
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from taskflow import Taskflow

MakeApp = Callable[..., Taskflow]

QUICK: dict[str, Any] = {
    "lease": "3s",
    "reap_interval": "100ms",
    "poll_interval": "500ms",
    "grace": "2s",
    "slots": 10,
    "connect_timeout": "3s",
}


@pytest.fixture
async def make_app(dsn: str) -> AsyncIterator[MakeApp]:
    made: list[Taskflow] = []

    def make(database_url: str = dsn, **settings: Any) -> Taskflow:
        app = Taskflow(database_url, **(QUICK | settings))
        made.append(app)
        return app

    yield make
    for app in made:
        await app.aclose()


@pytest.fixture
def tf(make_app: MakeApp) -> Taskflow:
    return make_app()
