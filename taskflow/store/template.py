"""Databases for test runs: one migrated template on a server, and copies of it in some 30 ms.

Each copy is held by an advisory lock of its run, so that whoever comes later can tell the copies
of runs that were killed, and drops them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskflow.store import load, migrate
from taskflow.store.pool import connect

PREFIX = "taskflow_pytest_"
OURS = f"^{PREFIX}(template_[0-9a-f]{{12}}(_making)?|[0-9]+_[0-9a-f]{{8}})$"
"""Databases that this module makes, and so may drop."""
DIRECTORY = Path(".taskflow/test")
LOCK_KEY = 7_265_737_106_574
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings for a server whose data nobody will miss."""


@contextmanager
def database_for_tests(url: str | None = None, directory: Path = DIRECTORY) -> Iterator[str]:
    """The DSN of a migrated, empty database on the server of `url`, dropped at the end.

    Without `url`, on an embedded server in `directory`, started if need be.
    """
    if url:
        with _copy(url) as dsn:
            yield dsn
        return
    from taskflow.store import embedded

    server = embedded.start(directory, settings=FAST)
    try:
        with _copy(server.dsn) as dsn:
            yield dsn
    finally:
        server.close()


@contextmanager
def _copy(url: str) -> Iterator[str]:
    settings = {"autocommit": True, "application_name": "taskflow testing"}
    with connect(url, settings) as admin:
        admin.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        template = _template(admin, url)
        name = f"{PREFIX}{os.getpid()}_{secrets.token_hex(4)}"
        admin.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [name])
        admin.execute(_statement("create database {} template {}", name, template))
        admin.execute("select pg_advisory_unlock(%s)", [LOCK_KEY])
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            admin.execute(_statement("drop database if exists {} with (force)", name))


def _template(admin: psycopg.Connection[Any], url: str) -> str:
    """The template of this version, made if need be; drops what other runs left behind."""
    template = f"{PREFIX}template_{_version()}"
    names = [name for (name,) in admin.execute(
        "select datname from pg_database where datname ~ %s", [OURS]
    )]  # fmt: skip
    for name in names:
        if name != template and _is_left_over(admin, name):
            admin.execute(_statement("drop database if exists {} with (force)", name))
    if template not in names:
        making = f"{template}_making"
        admin.execute(_statement("create database {} template template0", making))
        migrate.upgrade(make_conninfo(url, dbname=making))
        admin.execute(_statement("alter database {} rename to {}", making, template))
    return template


def _is_left_over(admin: psycopg.Connection[Any], name: str) -> bool:
    if name.startswith(f"{PREFIX}template_"):
        return True
    row = admin.execute(
        "select pg_try_advisory_lock(k) and pg_advisory_unlock(k)"
        " from hashtextextended(%s, 0) k", [name]
    ).fetchone()  # fmt: skip
    return row == (True,)


def _version() -> str:
    """Names what a template holds: it changes with every migration and every function."""
    texts = [migrate.head(), load.grants(), *(o.text for o in (*load.views(), *load.functions()))]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:12]


def _statement(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))
