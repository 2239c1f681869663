"""What a run cost: CPU time, memory, write-ahead log, statements; and the arithmetic of figures.

CPU and memory come from /proc, in ticks of 10 ms; where there is none (or the server is on another
machine) they are left out.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

PROC = Path("/proc")
SHOWN_SETTINGS = (
    "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size",
    "wal_level", "data_checksums",
)  # fmt: skip


class Meter(NamedTuple):
    """Readings of the server; costs are differences of two."""

    wal_bytes: int
    claims: int
    """Calls of taskflow.claim so far."""
    cpu_s: float | None

    @classmethod
    def read(cls, connection: psycopg.Connection[Any]) -> Meter:
        row = connection.execute(
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,"
            " (select last_value from taskflow.claim_batch_id_seq)"
        ).fetchone()
        assert row is not None
        return cls(row[0], row[1], server_cpu_s(connection))


def server_cpu_s(connection: psycopg.Connection[Any]) -> float | None:
    """CPU seconds of all the server's processes, the ended ones included."""
    backend = connection.info.backend_pid
    try:
        command = (PROC / str(backend) / "cmdline").read_bytes()
        if connection.info.dbname.encode() not in command:
            return None  # another machine's process id
        postmaster = int(_stat(backend)[1])
        children = (PROC / f"{postmaster}/task/{postmaster}/children").read_text().split()
        ticks = sum(map(int, _stat(postmaster)[11:15]))  # its own, and of children it has reaped
        return (ticks + sum(map(_ticks, children))) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def process_cpu_s(pid: int) -> float | None:
    """CPU seconds of one process so far."""
    try:
        return sum(map(int, _stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def resident_mb(pid: int) -> float | None:
    """Megabytes of memory that a process holds."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second may hold blanks."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _ticks(pid: str) -> int:
    try:
        return sum(map(int, _stat(pid)[11:13]))
    except OSError:
        return 0  # it ended in between


# --- figures --------------------------------------------------------------------------------------


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def rates_by_tenths(start_s: float, batches: Iterable[tuple[float, int]]) -> list[float]:
    """Jobs per second in each tenth of the jobs, from (time, jobs finished then), in order.

    Batches end at once, so the course between two of them is taken as even.
    """
    points = [(start_s, 0)]
    for time_s, count in batches:
        points.append((time_s, points[-1][1] + count))
    total = points[-1][1]
    edges = [_time_of(points, total * tenth / 10) for tenth in range(11)]
    return [total / 10 / max(after - before, 1e-9) for before, after in pairwise(edges)]


def _time_of(points: Sequence[tuple[float, int]], count: float) -> float:
    """When `count` jobs had finished."""
    for (before_s, before), (after_s, after) in pairwise(points):
        if count <= after:
            return before_s + (after_s - before_s) * (count - before) / (after - before)
    return points[-1][0]


# --- circumstances --------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory_bytes() / 1e9, 1),
        "python": platform.python_version(),
        "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__})",
    }


def server(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """The server's version and the settings that decide what a commit costs."""
    rows = connection.execute(
        "select name, current_setting(name) from pg_settings where name = any (%s)",
        [list(SHOWN_SETTINGS)],
    ).fetchall()
    found = dict(rows)
    settings = {name: found[name] for name in SHOWN_SETTINGS if name in found}
    version = connection.info.parameter_status("server_version") or "?"
    return {"version": version, "settings": settings}


def memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def load_average() -> float:
    """Processes that wanted to run, over the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
