"""task.on(django.db.connection): jobs in the transactions of Django, with little of it set up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from taskflow import TaskflowError
from tests.sdk.conftest import Tasks, code
from tests.support.factories import Connection, value


@pytest.fixture
def django_connection(dsn: str) -> Iterator[Any]:
    """Django's own `connection`, a proxy of the thread's: what everybody passes."""
    import django
    from django.conf import settings

    if not settings.configured:
        parts = conninfo_to_dict(dsn)
        database = {
            key.upper(): str(parts.get(key, "")) for key in ("user", "password", "host", "port")
        }
        database |= {"NAME": str(parts["dbname"]), "ENGINE": "django.db.backends.postgresql"}
        settings.configure(USE_TZ=True, DATABASES={"default": database})
        django.setup()
    from django.db import connection

    yield connection
    connection.close()


def count(db: Connection) -> Any:
    return value(db, "select count(*) from taskflow.job")


def test_commits_with_atomic(db: Connection, tasks: Tasks, django_connection: Any) -> None:
    from django.db import transaction

    with transaction.atomic():
        handle = tasks.greet.on(django_connection).enqueue("Ada", greeting="100% {ok} :name")
        done = tasks.add.on(django_connection).enqueue_many([(1,), ("x",), (2,)])
        assert [refused.position for refused in done.refused] == [1]
        assert count(db) == 0
    assert count(db) == 3
    assert value(db, "select args ->> 'greeting' from taskflow.job where id = %s", handle.id) == (
        "100% {ok} :name"
    )


def test_vanishes_with_atomic(db: Connection, tasks: Tasks, django_connection: Any) -> None:
    from django.db import transaction

    with transaction.atomic():
        tasks.add.on(django_connection).enqueue(1)
        transaction.set_rollback(True)
    assert count(db) == 0


def test_a_savepoint_takes_back_its_own(
    db: Connection, tasks: Tasks, django_connection: Any
) -> None:
    from django.db import transaction

    with transaction.atomic():
        tasks.add.on(django_connection).enqueue(1)
        with pytest.raises(TaskflowError) as refused, transaction.atomic():
            tasks.add.options(timeout="40d").on(django_connection).enqueue(2)
    assert code(refused) == "TF112"
    assert count(db) == 1


def test_autocommit(db: Connection, tasks: Tasks, django_connection: Any) -> None:
    tasks.add.on(django_connection).enqueue(1)
    assert count(db) == 1
