"""With no database configured, the embedded server of this directory is used, and said so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskflow.store import embedded
from tests.support.sources import ROOT

SCRIPT = """
from taskflow import Taskflow
tf = Taskflow()

@tf.task(name="add")
def add(a: int, b: int) -> int:
    return a + b

print(add.enqueue(1, 2).state())
tf.close()
"""


@pytest.fixture
def empty_directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.stop(tmp_path / ".taskflow/postgres")


def run(directory: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    environment = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("TASKFLOW_") and name != "DATABASE_URL"
    }
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=directory,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done, time.monotonic() - started


@pytest.mark.slow
def test_the_embedded_server_is_the_default(empty_directory: Path) -> None:
    first, _ = run(empty_directory)
    assert first.stdout == "available\n"
    assert first.stderr.startswith("Starting embedded PostgreSQL ")
    assert "./.taskflow/postgres" in first.stderr
    second, seconds = run(empty_directory)
    assert (second.stdout, second.stderr) == ("available\n", "")
    assert seconds < 2.5, "the server was still there, so the second run only connects"
