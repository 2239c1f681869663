"""The demo, as somebody meets it who has just installed taskflow: an empty directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskflow.store import embedded
from tests.support.waiting import until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A directory with nothing in it; its server is stopped afterwards."""
    yield tmp_path
    embedded.stop(tmp_path / embedded.DEFAULT_DIRECTORY)


def environment() -> dict[str, str]:
    """Without settings, but with the programs that the environment may name."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == "TASKFLOW_PG_BIN" or not name.startswith(("TASKFLOW_", "DATABASE_URL"))
    }


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "taskflow", "demo", *arguments],
        cwd=home, env=environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ask(home: Path, *arguments: str) -> Any:
    """Any other command in the same directory, as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "taskflow", *arguments, "--json"],
        cwd=home, env=environment(), capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return json.loads(done.stdout)


def workers_in(home: Path) -> list[str]:
    """Command lines of the workers that a demo in this directory has left behind."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text().replace("\0", " ")
            if "taskflow.examples.shop" in command and (process / "cwd").readlink() == home:
                found.append(command)
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc")
def test_it_runs_from_nothing_and_again_and_leaves_no_worker_behind(home: Path) -> None:
    first = start(home, "--for", "10s")
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    assert "Starting embedded PostgreSQL" in err
    assert "succeeded" in err  # a line of progress
    assert "jobs finished in" in out
    assert "4 runs failed after writing" in out
    assert workers_in(home) == []

    why = next(line.split() for line in out.splitlines() if "taskflow why" in line)
    assert "Scheduled" in ask(home, *why[1:])["answer"]
    assert {job["task"] for job in ask(home, "jobs", "list", "--state", "dead")} == {"demo.charge"}
    show = next(line.split() for line in out.splitlines() if "taskflow dlq show" in line)
    assert ask(home, *show[1:])["group"]["count"] == 3

    began = time.monotonic()
    second = start(home, "--for", "5s", "--json")
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert time.monotonic() - began < 12
    outcome = json.loads(out)
    assert outcome["receipts"]["orders"] == outcome["receipts"]["rows"]
    assert sum(line["count"] for line in outcome["counts"] if line["state"] == "succeeded") > 100
    assert workers_in(home) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_however_it_is_ended_its_worker_ends_too(
    home: Path, number: signal.Signals, code: int
) -> None:
    running = start(home)
    until(lambda: workers_in(home), seconds=30, what="the worker runs")
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == code, err
    assert "Traceback" not in err
    until(lambda: not workers_in(home), seconds=15, what="the worker is gone")
