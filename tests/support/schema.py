"""sql/schema.sql: what a fresh database looks like, for reading and for reviewing changes.

`make schema` rewrites it, tests/meta/test_schema.py compares. Functions appear by their rights
only: their text is in sql/functions. Daily partitions are left out, they are other ones each day.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from taskflow.store.binaries import Binaries, list_binaries
from tests.support.db import Servers

FILE = Path(__file__).parents[2] / "sql" / "schema.sql"
MAJOR = 18
"""The version whose pg_dump writes the file; others would order or spell it differently."""

HEADER = f"""\
-- The schema as PostgreSQL {MAJOR} dumps it from a fresh database, functions by their rights only.
-- Written by `make schema`; do not edit.
"""


def find_dumper() -> Binaries | None:
    """An installation of the right version that has pg_dump."""
    return next(
        (
            found
            for found in list_binaries()
            if found.major == MAJOR and (found.directory / "pg_dump").exists()
        ),
        None,
    )


def dump(dsn: str, dumper: Binaries) -> str:
    """The normalised text for the database at `dsn`."""
    done = subprocess.run(
        [
            str(dumper.directory / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--schema=taskflow",
            "--exclude-table=taskflow.*_????????",
            dsn,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return HEADER + normalise(done.stdout)


def normalise(text: str) -> str:
    """Keeps the objects, drops what differs by version, by run, or stands elsewhere."""
    kept = []
    for entry in re.split(r"^--\n(?=-- Name: )", text, flags=re.MULTILINE)[1:]:
        heading, _, body = entry.partition("\n--\n")
        if "Type: FUNCTION" in heading:
            continue
        # Session settings and the closing remark of the dump follow the last object.
        lines = [line for line in body.splitlines() if not re.match(r"--|\\|SET |SELECT ", line)]
        kept.append("\n".join(lines).strip())
    return "\n" + "\n\n".join(filter(None, kept)) + "\n"


def main() -> int:
    dumper = find_dumper()
    if dumper is None:
        sys.stderr.write(f"No PostgreSQL {MAJOR} with pg_dump on this machine.\n")
        return 1
    servers = Servers()
    try:
        FILE.write_text(dump(servers.get().create(), dumper), encoding="utf-8")
    finally:
        servers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
