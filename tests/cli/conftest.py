"""`cli(...)` runs the command line in this process, on the test's database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from taskflow.cli.main import cli as root


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ok(self) -> Ran:
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self


Run = Callable[..., Ran]


def run(*args: str, dsn: str | None = None, stdin: str | None = None, **env: str) -> Ran:
    """Runs `taskflow ARGS` with nothing on stdin that is a terminal."""
    variables: dict[str, str | None] = {
        "TASKFLOW_DATABASE_URL": dsn, "DATABASE_URL": None, "COLUMNS": "100", "NO_COLOR": None,
        **env,
    }  # fmt: skip
    done = CliRunner().invoke(root, list(args), input=stdin, env=variables, prog_name="taskflow")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def cli(dsn: str) -> Run:
    def on_database(*args: str, **options: Any) -> Ran:
        return run(*args, **{"dsn": dsn, **options})

    return on_database
