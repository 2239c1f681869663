"""The kit's fixtures on the servers of this run; `shop` is the app that its tests play with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskflow import Taskflow
from tests.support.db import Servers
from tests.testing import shop


@pytest.fixture(scope="session")
def taskflow_dsn(servers: Servers) -> Iterator[str]:
    server = servers.get()
    dsn = server.create()
    yield dsn
    server.drop(dsn)


@pytest.fixture(scope="session")
def taskflow_app() -> Taskflow:
    return shop.tf


@pytest.fixture(autouse=True)
def nothing_sold() -> None:
    shop.sold.clear()
