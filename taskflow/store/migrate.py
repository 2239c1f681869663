"""Brings the schema to this version: Alembic steps first, then every function that changed.

All of it is one transaction under one advisory lock, so ten processes may start at once and a
failure leaves nothing half done. Functions are plain `create or replace` files; a table keeps the
hash of the text each was made from and of what the server made of it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from taskflow.errors import InvalidOption, TaskflowError
from taskflow.store import load
from taskflow.store.fit import open_checked, unknown_revision
from taskflow.store.load import SqlObject

LOCK_KEY = 7_265_737_106_573
ATTEMPTS_AT_LOCKS = 5
FIRST_UPKEEP = "select taskflow.maintain(), taskflow.maintain()"
"""Makes the first days' partitions while nobody inserts; one call for each of the two tables."""


class SchemaLocked(TaskflowError):
    """A migration could not get the lock on a table in time, and changed nothing."""

    code = "TF209"


class SchemaInUse(TaskflowError):
    """Something outside the schema depends on an object that a migration has to drop."""

    code = "TF211"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What the database holds against what this version needs."""

    revision: str | None
    head: str
    changed: tuple[str, ...]
    """Functions and views whose text is newer here than in the database."""

    @property
    def is_current(self) -> bool:
        return self.revision == self.head and not self.changed


def upgrade(dsn: str, revision: str = "head") -> SchemaStatus:
    """Migrates to `revision` and re-applies changed functions. Safe to repeat and to race.

    A step that cannot get its lock within two seconds gives up, so that it never holds up the
    queue behind it; the whole is tried again up to five times, then raises
    `SchemaLocked` with nothing changed.
    """
    for attempt in range(ATTEMPTS_AT_LOCKS):
        try:
            with _connected(dsn) as connection:
                found = _status(connection).revision
                if found is not None and found not in load.revisions():
                    raise unknown_revision(found)
                connection.exec_driver_sql("create schema if not exists taskflow")
                command.upgrade(_config(connection), revision)
                if revision == "head":
                    _apply_objects(connection)
                return _status(connection)
        except sqlalchemy.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
            if attempt + 1 == ATTEMPTS_AT_LOCKS:
                raise SchemaLocked(
                    f"another session kept a table locked through {ATTEMPTS_AT_LOCKS} tries",
                    "End long transactions (see pg_stat_activity), then run it again; nothing was"
                    " changed.",
                ) from error
    raise AssertionError("unreachable")


def downgrade(dsn: str, revision: str) -> SchemaStatus:
    """Runs the steps back to `revision` ("base" removes everything, jobs included)."""
    with _connected(dsn) as connection:
        command.downgrade(_config(connection), revision)
        if revision == "base":
            connection.exec_driver_sql("drop schema if exists taskflow cascade")
            return SchemaStatus(None, head(), ())
        return _status(connection)


def steps_up(revision: str | None) -> tuple[str, ...]:
    """The steps that `upgrade` would take from here."""
    known = load.revisions()
    if revision is not None and revision not in known:
        raise unknown_revision(revision)
    return known if revision is None else known[known.index(revision) + 1 :]


def steps_down(dsn: str, revision: str) -> tuple[str, ...]:
    """The steps that `downgrade` would take back, in its order; changes nothing.

    Raises `InvalidOption` for a revision that does not exist or lies above, and `SchemaMismatch`
    for a schema of a newer version, whose steps only that one knows.
    """
    known = ("base", *load.revisions())
    if revision not in known:
        raise InvalidOption(
            f"there is no revision {revision[:40]!a}", f"There is {', '.join(known)}."
        )
    found = status(dsn).revision or "base"
    if found not in known:
        raise unknown_revision(found)
    if known.index(revision) > known.index(found):
        at = "not installed" if found == "base" else f"at {found}"
        raise InvalidOption(
            f"the schema is {at}, which is below {revision}", "Run taskflow db upgrade."
        )
    return known[known.index(found) : known.index(revision) : -1]


def status(dsn: str) -> SchemaStatus:
    """What is there; changes nothing."""
    with _connected(dsn, locked=False) as connection:
        return _status(connection)


def verify(dsn: str) -> list[str]:
    """Every difference between the database and this version, as sentences; empty is good."""
    with _connected(dsn, locked=False) as connection:
        found = _status(connection)
        if found.revision is None:
            return ["The schema is not installed."]
        problems = []
        if found.revision != found.head:
            problems.append(f"The schema is at {found.revision}, this version needs {found.head}.")
        problems += [f"{name} is older in the database than here." for name in found.changed]
        recorded, present = _recorded(connection), _server_hashes(connection)
        problems += [
            f"{name} was changed in the database by hand."
            for name, server_hash in present.items()
            if name in recorded and recorded[name][1] != server_hash
        ]
        problems += [
            f"{item.name} is missing in the database."
            for item in (*load.views(), *load.functions())
            if item.name in recorded and item.name not in present
        ]
        problems += [
            f"Index {name} is invalid; drop it and run taskflow db upgrade."
            for (name,) in connection.exec_driver_sql(
                "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid"
                " where c.relnamespace = 'taskflow'::regnamespace and not i.indisvalid"
                " and c.relkind = 'i'"
            )
        ]
        return problems


def sql() -> str:
    """The whole upgrade from nothing as one script, for a DBA to run. Connects to nothing."""
    steps = io.StringIO()
    config = _config(None, output=steps)
    command.upgrade(config, "head", sql=True)
    parts = ["create schema if not exists taskflow;", _without_transaction(steps.getvalue())]
    parts += ["set local check_function_bodies = off;"]
    parts += [item.text for item in _ordered_objects()]
    parts += [load.grants(), f"{_recording()};", f"{FIRST_UPKEEP};"]
    body = "\n\n".join(part.strip() for part in parts)
    return f"begin;\n\n{body}\n\ncommit;\n"


def head() -> str:
    """The revision that this version needs."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


@contextmanager
def _connected(dsn: str, *, locked: bool = True) -> Iterator[sqlalchemy.Connection]:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: open_checked(dsn), poolclass=sqlalchemy.NullPool
    )
    with engine.begin() as connection:
        if locked:
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({LOCK_KEY})")
            connection.exec_driver_sql("set local lock_timeout = '2s'")
        yield connection


def _config(connection: sqlalchemy.Connection | None, output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(load.migrations_root()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _status(connection: sqlalchemy.Connection) -> SchemaStatus:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "taskflow"})
    revision = context.get_current_revision()
    recorded = _recorded(connection) if revision else {}
    changed = [
        item.name
        for item in (*load.views(), *load.functions())
        if recorded.get(item.name, ("", ""))[0] != item.source_hash
    ]
    return SchemaStatus(revision, head(), tuple(changed) if revision else ())


def _recorded(connection: sqlalchemy.Connection) -> dict[str, tuple[str, str]]:
    """(source hash, server hash) by name."""
    rows = connection.exec_driver_sql(
        "select name, source_hash, server_hash from taskflow.sql_object"
    )
    return {name: (source, server) for name, source, server in rows}


def _ordered_objects() -> Iterator[SqlObject]:
    """All of them in an order that can be applied: what a view calls, the views, the rest."""
    view_text = " ".join(view.text for view in load.views())
    called = [item for item in load.functions() if f"taskflow.{item.name}(" in view_text]
    yield from called
    yield from load.views()
    yield from (item for item in load.functions() if item not in called)


def _apply_objects(connection: sqlalchemy.Connection) -> None:
    changed = set(_status(connection).changed)
    if not changed:
        _execute(connection, load.grants())  # a restore may have come without the roles
        return
    _execute(connection, "set local check_function_bodies = off")
    retired: list[str] = []
    for item in _ordered_objects():
        if item in load.views():
            # a view goes on calling what it called when it was made, under whatever name
            if item.name in changed or retired:
                changed |= _apply_view(connection, item)
        elif item.name in changed:
            retired += _apply_function(connection, item)
    for signature in retired:
        _drop(connection, f"function {signature}")
    _execute(connection, load.grants())
    connection.exec_driver_sql(_recording())
    connection.exec_driver_sql(FIRST_UPKEEP)


def _apply_function(connection: sqlalchemy.Connection, item: SqlObject) -> list[str]:
    """Makes one function; answers what its old forms are called now, if it could not replace them.

    A new signature makes a second function, and another result type none at all. So the old form
    gets another name first, under which views still call it, and is dropped when they do not.
    """
    before = _signatures(connection, item.name)
    if _replaces(connection, item, before):
        return []
    for signature in before:
        _execute(connection, f"alter function {signature} rename to {_retired(item.name)}")
    _execute(connection, item.text)
    return _signatures(connection, _retired(item.name))


def _replaces(connection: sqlalchemy.Connection, item: SqlObject, before: list[str]) -> bool:
    """Tries `create or replace`; takes it back where it left the old form beside the new one."""
    attempt = connection.begin_nested()
    try:
        _execute(connection, item.text)
    except sqlalchemy.exc.ProgrammingError as error:
        attempt.rollback()
        if getattr(error.orig, "sqlstate", None) != "42P13":
            raise
        return False
    if len(before) > 1 or (before and _signatures(connection, item.name) != before):
        attempt.rollback()
        return False
    attempt.commit()
    return True


def _apply_view(connection: sqlalchemy.Connection, item: SqlObject) -> set[str]:
    """Makes one view; one whose columns cannot be changed in place is dropped first.

    With it go those of our functions that answer its rows: their names are the answer.
    """
    try:
        with connection.begin_nested():
            _execute(connection, item.text)
    except sqlalchemy.exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != "42P16":
            raise
    else:
        return set()
    users = connection.exec_driver_sql(
        "select p.proname::text, p.oid::regprocedure::text from pg_proc p"
        " where p.pronamespace = 'taskflow'::regnamespace and p.oid in (select d.objid"
        " from pg_depend d join pg_type t on t.oid = d.refobjid"
        " where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_type'::regclass"
        " and t.typrelid = %(view)s::regclass)",
        {"view": f"taskflow.{item.name}"},
    ).all()
    for _, signature in users:
        _drop(connection, f"function {signature}")
    _drop(connection, f"view taskflow.{item.name}")
    _execute(connection, item.text)
    return {name for name, _ in users}


def _drop(connection: sqlalchemy.Connection, what: str) -> None:
    try:
        _execute(connection, f"drop {what}")
    except sqlalchemy.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "2BP01":
            raise
        detail = getattr(getattr(error.orig, "diag", None), "message_detail", None) or ""
        raise SchemaInUse(
            f"an older {what} is still in use: {' '.join(detail.split())}",
            "Drop what depends on it, run it again, and make it anew; nothing was changed.",
        ) from error


def _retired(name: str) -> str:
    return f"{name[:56]}_before"


def _execute(connection: sqlalchemy.Connection, text: str) -> None:
    """Runs SQL as it stands: the percent signs of format() are no placeholders."""
    connection.exec_driver_sql(text, execution_options={"no_parameters": True})


def _signatures(connection: sqlalchemy.Connection, name: str) -> list[str]:
    rows = connection.exec_driver_sql(
        "select oid::regprocedure::text from pg_proc"
        " where pronamespace = 'taskflow'::regnamespace and proname = %(name)s order by 1",
        {"name": name},
    )
    return [signature for (signature,) in rows]


SERVER_HASHES = (
    "select proname as name, md5(pg_get_functiondef(oid)) as hash from pg_proc"
    " where pronamespace = 'taskflow'::regnamespace and prokind = 'f'"
    " union all select relname, md5(pg_get_viewdef(oid)) from pg_class"
    " where relnamespace = 'taskflow'::regnamespace and relkind = 'v'"
)


def _server_hashes(connection: sqlalchemy.Connection) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.exec_driver_sql(SERVER_HASHES)}


def _recording() -> str:
    """The statement that notes what every object was made from."""
    values = ", ".join(
        f"('{item.name}', '{item.source_hash}')" for item in (*load.views(), *load.functions())
    )
    return (
        "insert into taskflow.sql_object (name, source_hash, server_hash)"
        f" select v.name, v.hash, s.hash from (values {values}) v (name, hash)"
        f" join ({SERVER_HASHES}) s using (name)"
        " on conflict (tenant, name) do update"
        " set source_hash = excluded.source_hash, server_hash = excluded.server_hash"
    )


def _without_transaction(script: str) -> str:
    return re.sub(r"^(BEGIN|COMMIT);\s*$", "", script, flags=re.MULTILINE)
