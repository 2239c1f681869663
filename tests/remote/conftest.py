"""The same command line on the database and through a running API.

url       the address of an API of the test's database
here      runs a command on the database: here("jobs", "list")
there     runs it through the API, with an administrator's key
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Ran, Run, run
from tests.support.listening import key, served


@pytest.fixture
def url(dsn: str) -> Iterator[str]:
    with served(dsn) as address:
        yield address


@pytest.fixture
def here(dsn: str) -> Run:
    def on_database(*args: str, **options: Any) -> Ran:
        return run(*args, **{"dsn": dsn, **options})

    return on_database


@pytest.fixture
def there(url: str, db: psycopg.Connection[Any]) -> Run:
    secret = key(db)

    def through_api(*args: str, **options: Any) -> Ran:
        return run("--api", url, *args, **{"TASKFLOW_API_KEY": secret, **options})

    return through_api
