"""Hearing what is logged must not change what the rest of the program sees of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys
from taskflow.worker.backlog import Backlog
from taskflow.worker.capture import capturing
{before}
one, other = (Backlog(logging.{level}, lambda job: True) for _ in "12")
with capturing(one, lambda job: True), capturing(other, lambda job: True):
    logging.getLogger("shop").info("quiet")
    logging.getLogger("shop").warning("loud")
    logging.getLogger("own").warning("to its own handler")
logging.getLogger("shop").warning("after")
assert not one.open, "no job runs, so nobody's lines are kept"
"""
CONFIGURED = "logging.basicConfig(format='configured %(message)s')"
OWN = "logging.getLogger('own').addHandler(logging.StreamHandler(sys.stderr))"


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("", ["loud", "to its own handler", "after"]),
        (OWN, ["loud", "to its own handler", "after"]),
        (CONFIGURED, ["configured loud", "configured to its own handler", "configured after"]),
    ],
    ids=["nothing configured", "a handler elsewhere", "configured"],
)
def test_the_program_sees_each_line_as_often_as_without_us(
    before: str, said: list[str], level: str
) -> None:
    script = SCRIPT.format(before=before, level=level)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == said
