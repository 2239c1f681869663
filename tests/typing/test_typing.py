"""mypy and basedpyright see what a caller gets wrong, and nothing wrong with what is right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT

USES = Path(__file__).with_name("uses.py")
EXPECTED = {
    number
    for number, line in enumerate(USES.read_text(encoding="utf-8").splitlines(), 1)
    if line.endswith("# error")
}
BIN = Path(sys.executable).parent


def report(found: dict[int, str]) -> str:
    missed = [f"line {number}: no error" for number in sorted(EXPECTED - found.keys())]
    extra = [f"line {number}: {found[number]}" for number in sorted(found.keys() - EXPECTED)]
    return "\n".join(missed + extra)


@pytest.mark.slow
def test_mypy() -> None:
    done = subprocess.run(
        [BIN / "mypy", "--strict", "--no-error-summary", "--no-pretty", str(USES)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    lines = [re.match(r".*uses\.py:(\d+): error: (.*)", line) for line in done.stdout.splitlines()]
    found = {int(match[1]): match[2] for match in lines if match}
    assert found.keys() == EXPECTED, report(found) + done.stderr


@pytest.mark.slow
def test_basedpyright(tmp_path: Path) -> None:
    config = tmp_path / "pyrightconfig.json"
    settings = {
        "include": [str(USES)],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "reportUnusedCoroutine": "error",
        "reportMissingModuleSource": "none",
    }
    config.write_text(json.dumps(settings))
    done = subprocess.run(
        [BIN / "basedpyright", "--outputjson", "-p", str(config), "--pythonpath", sys.executable],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    found = {
        problem["range"]["start"]["line"] + 1: problem["message"]
        for problem in answer["generalDiagnostics"]
        if problem["severity"] == "error"
    }
    assert answer["summary"]["filesAnalyzed"] == 1
    assert found.keys() == EXPECTED, report(found) + done.stderr
