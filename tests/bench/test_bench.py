"""`taskflow bench` works from end to end, and nothing is left of it afterwards."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from taskflow.bench import measures
from taskflow.bench.workloads import BY_NAME_ONLY, WORKLOADS
from tests.support.db import TestServer
from tests.support.waiting import until

LONGEST_S = 120


@pytest.fixture
def admin(server: TestServer) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.admin_dsn, autocommit=True) as connection:
        yield connection


def start(server: TestServer, place: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "taskflow", "bench", "--database-url", server.admin_dsn]
    return subprocess.Popen(
        [*command, *options],
        cwd=place,
        env=os.environ | {"TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def databases(admin: psycopg.Connection[Any]) -> list[str]:
    found = admin.execute("select datname from pg_database where datname like 'taskflow_bench%'")
    return [name for (name,) in found]


def sessions(admin: psycopg.Connection[Any]) -> int:
    found = admin.execute(
        "select count(*) from pg_stat_activity where datname like 'taskflow_bench%'"
    ).fetchone()
    assert found is not None
    return int(found[0])


def players(place: Path) -> list[int]:
    """Processes that run in a directory of the benchmark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(place):
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_every_workload_gives_figures_and_leaves_nothing(
    server: TestServer, admin: psycopg.Connection[Any], tmp_path: Path
) -> None:
    run = start(server, tmp_path, "--quick", "--json")
    out, err = run.communicate(timeout=LONGEST_S)
    assert run.returncode == 0, err

    found = msgspec.json.decode(out)
    assert found["server"]["settings"]["fsync"] in ("on", "off")
    assert found["machine"]["cores"]
    assert {line["workload"] for line in found["lines"]} == set(WORKLOADS) - BY_NAME_ONLY
    for line in found["lines"]:
        ours = line["taskflow"]
        assert ours["min"] <= ours["median"] <= ours["max"], line
        assert all(math.isfinite(value) for value in ours.values()), line
        assert (line["reference"] is None) == (line["beside"] is None), line
        if line["unit"] == "jobs/s":
            assert line["ratio"] > 0, line

    assert all(f"{name}, load" in err for name in set(WORKLOADS) - BY_NAME_ONLY), (
        "progress goes to stderr"
    )
    assert databases(admin) == []
    assert players(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_pages_are_measured_over_what_was_filled_in(
    server: TestServer, admin: psycopg.Connection[Any], tmp_path: Path
) -> None:
    sizes = ("--finished", "20000", "--live", "2000")
    run = start(server, tmp_path, "--only", "pages", *sizes, "--plans", "--json")
    out, err = run.communicate(timeout=LONGEST_S)
    assert run.returncode == 0, err
    lines = msgspec.json.decode(out)["lines"]
    assert {line["what"].rpartition(", ")[2] for line in lines} == {"p50", "p95", "p99"}
    assert all(line["taskflow"]["median"] > 0 for line in lines)
    assert "filled 20,000 of 20,000 finished jobs" in err
    assert err.count("Execution Time") == len(lines) / 3, "each plan is shown where all are asked"
    assert databases(admin) == []
    assert players(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    server: TestServer, admin: psycopg.Connection[Any], tmp_path: Path, number: signal.Signals
) -> None:
    run = start(server, tmp_path, "--only", "idle", "--seconds", "60")
    # a worker of its own, besides the connection that looks on
    until(lambda: sessions(admin) > 2, seconds=30, what="a worker is at it")
    run.send_signal(number)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert databases(admin) == []
    assert players(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_fails_is_told_and_leaves_nothing(
    server: TestServer, admin: psycopg.Connection[Any], tmp_path: Path
) -> None:
    run = start(server, tmp_path, "--only", "idle", "--seconds", "60")
    until(lambda: sessions(admin) > 2, seconds=30, what="a worker is at it")
    for name in databases(admin):
        admin.execute(f'drop database "{name}" with (force)'.encode())
    _, err = run.communicate(timeout=LONGEST_S)
    assert run.returncode != 0, err
    assert players(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_unknown_workloads_are_refused_with_those_there_are(
    server: TestServer, tmp_path: Path
) -> None:
    run = start(server, tmp_path, "--only", "drian")
    _, err = run.communicate(timeout=30)
    assert run.returncode == 2
    assert "drain" in err


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert measures.percentile(values, 0.5) == 50
    assert measures.percentile(values, 0.99) == 99
    assert measures.percentile([3.0], 0.99) == 3.0


def test_tenths_take_the_course_between_two_batches_as_even() -> None:
    even = measures.rates_by_tenths(0.0, [(10.0, 1000)])
    assert even == pytest.approx([100.0] * 10)
    slowing = measures.rates_by_tenths(0.0, [(1.0, 500), (11.0, 500)])
    assert slowing == pytest.approx([500.0] * 5 + [50.0] * 5)
