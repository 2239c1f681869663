"""The servers and databases that tests run on.

A server is started once per run and its schema migrated once, into a template; every further
database is a copy of that template, which takes a few ten milliseconds. Order for the server:
TASKFLOW_TEST_DATABASE_URL, a container (TASKFLOW_TEST_CONTAINERS=1), the embedded server.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskflow.store import embedded, migrate
from taskflow.store.binaries import OLDEST, list_binaries
from tests.support.waiting import until

URL_VARIABLE = "TASKFLOW_TEST_DATABASE_URL"
CONTAINERS_VARIABLE = "TASKFLOW_TEST_CONTAINERS"
IMAGE = "postgres:18"
NEWEST, OLDEST_NAME = "newest", f"pg{OLDEST}"

FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
    "max_connections": "80",
    "max_wal_size": "2GB",
    "max_locks_per_transaction": "256",
}
"""Settings for a server whose data nobody will miss."""


@dataclass
class TestServer:
    """One running server with a migrated template, and the databases made from it."""

    __test__ = False

    admin_dsn: str
    is_embedded: bool
    _numbers: Iterator[int] = field(default_factory=count)
    _made: list[str] = field(default_factory=list)
    _template: str = ""

    def create(self, *, migrated: bool = True) -> str:
        """Make a database, with the schema or empty, and return its DSN."""
        if migrated and not self._template:
            template = self._create("template0")
            migrate.upgrade(template)
            self._template = psycopg.conninfo.conninfo_to_dict(template)["dbname"] or ""  # type: ignore[assignment]
        return self._create(self._template if migrated else "template0")

    def drop(self, dsn: str) -> None:
        """Remove a database that `create` made, whoever is connected to it."""
        name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
        self._made.remove(name)
        with self._admin() as admin:
            admin.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )

    def drop_all(self) -> None:
        for name in list(self._made):
            self.drop(make_conninfo(self.admin_dsn, dbname=name))

    def _create(self, template: str) -> str:
        # The process id keeps runs apart that share one server.
        name = f"taskflow_test_{os.getpid()}_{next(self._numbers)}"
        with self._admin() as admin:
            admin.execute(
                sql.SQL("create database {} template {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        self._made.append(name)
        return make_conninfo(self.admin_dsn, dbname=name)

    @contextlib.contextmanager
    def _admin(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.admin_dsn, autocommit=True) as connection:
            yield connection


class Servers:
    """The servers of this run, each started when first asked for and ended by `close`."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._servers: dict[str, TestServer] = {}
        self._databases: dict[str, str] = {}
        self._sessions: dict[str, psycopg.Connection[Any]] = {}

    def get(self, name: str = NEWEST) -> TestServer:
        if name not in self._servers:
            server = self._stack.enter_context(_serve(name))
            self._stack.callback(server.drop_all)
            self._servers[name] = server
        return self._servers[name]

    def database(self, name: str = NEWEST) -> str:
        """The database that the tests of this run share on a server; `clean` lies between them."""
        if name not in self._databases:
            self._databases[name] = self.get(name).create()
        return self._databases[name]

    def session(self, name: str = NEWEST) -> psycopg.Connection[Any]:
        """The session that tests share: ours are compiled in it, which takes 15 ms in a new one."""
        if name not in self._sessions or self._sessions[name].closed:
            self._sessions[name] = psycopg.connect(self.database(name), autocommit=True)
        return self._sessions[name]

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._stack.close()


def why_no_oldest() -> str:
    """Why the matrix has no oldest server here; empty when it has."""
    if os.environ.get(URL_VARIABLE):
        return f"{URL_VARIABLE} decides the server"
    if all(found.major != OLDEST for found in list_binaries()):
        return f"no PostgreSQL {OLDEST} on this machine"
    return ""


@contextlib.contextmanager
def _serve(name: str) -> Iterator[TestServer]:
    if url := os.environ.get(URL_VARIABLE):
        yield TestServer(url, is_embedded=False)
    elif name == NEWEST and (container := _container()):
        with container() as dsn:
            yield TestServer(dsn, is_embedded=False)
    else:
        # Outside pytest's own temporary folder: that one keeps the last three runs, 60 MB each.
        directory = Path(tempfile.mkdtemp(prefix="taskflow-test-"))
        try:
            version = OLDEST if name == OLDEST_NAME else None
            with embedded.start(directory / "pg", version=version, settings=FAST) as server:
                yield TestServer(server.dsn, is_embedded=True)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _container() -> Callable[[], contextlib.AbstractContextManager[str]] | None:
    if os.environ.get(CONTAINERS_VARIABLE) != "1" or not shutil.which("docker"):
        return None
    answered = subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=30)
    if answered.returncode:
        return None

    @contextlib.contextmanager
    def run() -> Iterator[str]:
        postgres = importlib.import_module("testcontainers.postgres")
        with postgres.PostgresContainer(IMAGE, driver=None) as container:
            yield container.get_connection_url()

    return run


RESET: LiteralString = """
reset session authorization; reset all; unlisten *; discard temp; discard sequences;
select pg_advisory_unlock_all();
"""


def reset(session: psycopg.Connection[Any]) -> None:
    """Undo what a test did to its session; all but its compiled functions."""
    session.rollback()
    session.autocommit = True
    session.execute(RESET)


QUIET: LiteralString = """
select count(*) = 0 from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid() and state = 'active'
   and backend_type = 'client backend'
"""

EMPTIED: LiteralString = """
select c.relname from pg_class c
 where c.relnamespace = 'taskflow'::regnamespace and c.relkind in ('r', 'p')
   and not c.relispartition and c.relname not in ('config', 'sql_object', 'alembic_version')
"""

RESTORE_CONFIG: LiteralString = """
delete from taskflow.config c where not exists (
  select from taskflow_test.config k where k.tenant = c.tenant and k.name = c.name);
insert into taskflow.config select * from taskflow_test.config
on conflict (tenant, name) do update set value = excluded.value
 where config.value is distinct from excluded.value;
"""

DROP_OLD_PARTITIONS: LiteralString = """
do $$
declare
  v_name text;
begin
  for v_name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where c.relnamespace = 'taskflow'::regnamespace
       and taskflow.partition_day(c.relname) not between current_date - 6 and current_date + 7
  loop
    execute format('drop table taskflow.%I', v_name);
  end loop;
end
$$
"""

KEEP: LiteralString = """
-- one claim in twenty serves overdue jobs first: the tests of that ask for it
update taskflow.config set value = '0' where name = 'starving_share';
create schema taskflow_test;
create table taskflow_test.config as select * from taskflow.config;
"""


def clean(session: psycopg.Connection[Any]) -> None:
    """Empty every table of the queue and put the settings back: 2 ms, against 60 ms of TRUNCATE.

    A statement that the test before has cancelled may still run in its server process: it is waited
    for, since what it writes would be this test's. A test that left a transaction open makes this
    fail after 10 s, and it should. Table by table, so that it waits for nobody with locks in hand.
    """
    if session.execute("select to_regnamespace('taskflow_test')").fetchone() == (None,):
        session.execute(KEEP)
    until(lambda: session.execute(QUIET).fetchone() == (True,), what="no statement runs")
    session.execute("set lock_timeout = '10s'")
    for (table,) in session.execute(EMPTIED).fetchall():
        session.execute(sql.SQL("delete from taskflow.{}").format(sql.Identifier(table)))
    session.execute(RESTORE_CONFIG)
    session.execute(DROP_OLD_PARTITIONS)
    session.execute("reset lock_timeout")
