"""The committed schema is the real one, and every table keeps the house's rules."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support import factories as f
from tests.support.db import TestServer
from tests.support.schema import FILE, dump, find_dumper

Connection = psycopg.Connection[Any]

TABLES = """
select c.oid, c.relname as name from pg_class c
 where c.relnamespace = 'taskflow'::regnamespace and c.relkind in ('r', 'p')
   and c.relname <> 'alembic_version' and not c.relispartition
"""


def test_the_committed_schema_is_what_a_fresh_database_has(
    fresh_dsn: str, server: TestServer
) -> None:
    dumper = find_dumper()
    if dumper is None or not server.is_embedded:
        pytest.skip("no PostgreSQL 18 with pg_dump on this machine")
    assert dump(fresh_dsn, dumper) == FILE.read_text(encoding="utf-8"), "run `make schema`"


def test_every_table_has_a_tenant(db: Connection) -> None:
    """So that one day the data can be spread by it, and row-level rights can name it."""
    for table in f.rows(db, TABLES):
        (column,) = f.rows(
            db,
            "select format_type(a.atttypid, a.atttypmod) as type, a.attnotnull,"
            " pg_get_expr(d.adbin, d.adrelid) as fallback from pg_attribute a"
            " left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum"
            " where a.attrelid = %s and a.attname = 'tenant'",
            table.oid,
        ) or [None]  # fmt: skip
        assert column is not None, table.name
        assert (column.type, column.attnotnull) == ("text", True), table.name
        assert column.fallback == "'default'::text", table.name


def test_every_unique_index_begins_with_the_tenant(db: Connection) -> None:
    """A key that did not would tell one tenant of another's rows."""
    indexes = f.rows(
        db,
        "select i.indexrelid::regclass::text as name, a.attname as first from pg_index i"
        " join pg_class c on c.oid = i.indrelid"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]"
        " where c.relnamespace = 'taskflow'::regnamespace and i.indisunique"
        " and c.relname <> 'alembic_version'",
    )
    assert len(indexes) >= 8
    assert [row.name for row in indexes if row.first != "tenant"] == []


def test_hot_tables_have_no_triggers_no_foreign_keys_and_no_rules(db: Connection) -> None:
    assert f.rows(db, "select t.tgname, t.tgrelid::regclass::text from pg_trigger t"
                      " join pg_class c on c.oid = t.tgrelid"
                      " where c.relnamespace = 'taskflow'::regnamespace") == []  # fmt: skip


def test_no_index_of_job_mentions_what_a_claim_writes(db: Connection) -> None:
    """Else a claim would no longer be a HOT update."""
    definitions = f.rows(db, "select pg_get_indexdef(indexrelid) as text from pg_index"
                             " where indrelid = 'taskflow.job'::regclass")  # fmt: skip
    written = ("state", "claim_no", "attempt", "lease_until", "started_at", "worker_id")
    for definition in definitions:
        assert not any(column in definition.text for column in written), definition.text


def test_hot_names_compare_by_bytes(db: Connection) -> None:
    """An index under a language's collation breaks when the system's library changes."""
    indexed = f.rows(
        db,
        "select distinct c.relname, a.attname from pg_index i"
        " join pg_class c on c.oid = i.indrelid"
        " join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)"
        " join pg_collation l on l.oid = a.attcollation"
        " where c.relnamespace = 'taskflow'::regnamespace and l.collname <> 'C'"
        " and c.relname <> 'alembic_version'",
    )
    assert indexed == []
