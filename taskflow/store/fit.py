"""Does the database's schema fit this version? Asked by every worker at its start.

Apart from migrate.py, which answers the same with Alembic and SQLAlchemy: loading those made an
idle worker hold 71 instead of 46 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from taskflow.errors import SchemaMismatch, SchemaMissing, ServerTooOld
from taskflow.kernel.phrases import plural
from taskflow.store import load
from taskflow.store.call import translate
from taskflow.store.pool import readable

OLDEST_SERVER = 150000


def open_checked(dsn: str) -> psycopg.Connection[Any]:
    """A connection to a server that is new enough; raises `ServerTooOld`."""
    try:
        connection = psycopg.connect(readable(dsn), prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise translate(error) from error
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.server_version // 10000
        connection.close()
        raise ServerTooOld(
            f"the server is PostgreSQL {version}, taskflow needs 15 or newer",
            "Upgrade the server.",
        )
    return connection


def require_current(dsn: str) -> None:
    """Raises `SchemaMissing` or `SchemaMismatch` unless the database fits this version."""
    with open_checked(dsn) as connection:
        revision = _revision(connection)
        check_revision(revision)
        rows = connection.execute("select name, source_hash from taskflow.sql_object").fetchall()
    check_objects(dict(rows))


def check_revision(revision: str | None) -> None:
    """Raises `SchemaMissing` or `SchemaMismatch` unless tables are as this version needs them."""
    steps = load.revisions()
    if revision is None:
        raise SchemaMissing("the database has no taskflow schema", "Run taskflow db upgrade.")
    if revision not in steps:
        raise unknown_revision(revision)
    if revision != steps[-1]:
        raise SchemaMismatch.between(int(revision), int(steps[-1]))


def check_objects(recorded: Mapping[str, str]) -> None:
    """Raises `SchemaMismatch` unless functions and views are those of this version."""
    objects = (*load.views(), *load.functions())
    changed = [item for item in objects if recorded.get(item.name) != item.source_hash]
    if changed:
        raise SchemaMismatch(
            f"{plural(len(changed), 'function')} in the database older than this version",
            "Run taskflow db upgrade.",
        )


def unknown_revision(revision: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"the schema is at {revision}, which this version does not know",
        "Upgrade the taskflow-pg package.",
    )


def _revision(connection: psycopg.Connection[Any]) -> str | None:
    if connection.execute("select to_regclass('taskflow.alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from taskflow.alembic_version").fetchone()
    return None if row is None else str(row[0])
