"""Finds the SQL that taskflow is made of: in the wheel as taskflow/_sql, in a checkout as sql/."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


@cache
def sql_root() -> Path:
    """The folder that holds functions/, views/ and grants.sql."""
    return _first(PACKAGE / "_sql", PACKAGE.parent / "sql")


@cache
def migrations_root() -> Path:
    """The folder that Alembic runs from."""
    return _first(PACKAGE / "_migrations", PACKAGE.parent / "migrations")


@cache
def revisions() -> tuple[str, ...]:
    """The migrations' revisions in order: the number that each file's name begins with."""
    files = (migrations_root() / "versions").glob("[0-9]*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


@dataclass(frozen=True, slots=True)
class SqlObject:
    """One function or view: the file's stem is its name in schema taskflow."""

    name: str
    text: str

    @property
    def source_hash(self) -> str:
        return hashlib.md5(self.text.encode(), usedforsecurity=False).hexdigest()


@cache
def functions() -> tuple[SqlObject, ...]:
    return _objects("functions")


@cache
def views() -> tuple[SqlObject, ...]:
    return _objects("views")


@cache
def grants() -> str:
    return (sql_root() / "grants.sql").read_text(encoding="utf-8")


def _objects(folder: str) -> tuple[SqlObject, ...]:
    files = sorted((sql_root() / folder).glob("*.sql"))
    return tuple(SqlObject(file.stem, file.read_text(encoding="utf-8")) for file in files)


def _first(*candidates: Path) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"none of these folders is there: {', '.join(map(str, candidates))}")
