"""pytest fixtures: `taskflow`, and what it stands on.

    taskflow             the kit (see kit.py) in one transaction, rolled back after the test
    taskflow_app         your Taskflow: from the ini option, or overridden in conftest.py
    taskflow_connection  the psycopg connection of that transaction; override it to bring your own
    taskflow_dsn         a migrated, empty database of this run

pytest loads this file everywhere, so it imports nothing: a run that asks for none of these pays
for one small module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from taskflow import Taskflow
    from taskflow.store.database import Connection
    from taskflow.testing.kit import Kit

URL_VARIABLE = "TASKFLOW_TEST_DATABASE_URL"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("taskflow_app", 'your Taskflow as "module:name", for the taskflow fixture')


@pytest.fixture(scope="session")
def taskflow_dsn() -> Iterator[str]:
    """A migrated, empty database of this run, dropped at its end.

    On the server of TASKFLOW_TEST_DATABASE_URL, else on an embedded one in .taskflow/test.
    """
    from taskflow.store.template import database_for_tests

    with database_for_tests(os.environ.get(URL_VARIABLE)) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def taskflow_app(request: pytest.FixtureRequest) -> Taskflow:
    """The app under test."""
    path = request.config.getini("taskflow_app")
    if not path:
        pytest.fail(
            "the taskflow fixture does not know your app: set taskflow_app = module:name in the "
            "pytest configuration, or define a fixture taskflow_app that returns your Taskflow",
            pytrace=False,
        )
    from taskflow import load_app

    return load_app(path)


@pytest.fixture
def taskflow_connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """The connection whose transaction a test lives in."""
    from taskflow.testing.kit import open_connection

    with open_connection(request.getfixturevalue("taskflow_dsn")) as connection:
        yield connection


@pytest.fixture
def taskflow(taskflow_app: Taskflow, taskflow_connection: Any) -> Iterator[Kit]:
    """Your app in one transaction that is rolled back after the test, and the tools for it."""
    from taskflow.testing.kit import Kit

    with Kit(taskflow_app, taskflow_connection) as kit:
        yield kit
