"""Rooms import only downwards, and each third-party library stays in the rooms that own it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT, files, imports, shown

FENCES = {
    "psycopg": ("store", "contrib", "bench"),
    "psycopg_pool": ("store", "contrib"),
    "alembic": ("store/migrate.py",),
    "sqlalchemy": ("store", "contrib"),
    "litestar": ("api", "dashboard", "contrib", "bench/bare_api.py"),
    "jinja2": ("dashboard", "campaigns/render.py"),
    "opentelemetry": ("observe",),
    "prometheus_client": ("observe",),
    "structlog": ("observe",),
    "aiosmtplib": ("builtin", "campaigns"),
    "httpcore": ("webhooks",),
    "obstore": ("files",),
    "pebble": ("worker",),
    "uvloop": ("worker", "cli"),
    "rich": ("cli",),
    "rich_click": ("cli",),
    "click": ("cli",),
    "pytest": ("testing",),
    "django": ("contrib",),
    "fastapi": ("contrib",),
    "flask": ("contrib",),
}
"""Library: the rooms or files, below taskflow/, that may import it. A kernel needs none of them."""


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_rooms_import_only_downwards() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_layers_have_no_exemptions() -> None:
    assert "ignore_imports" not in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("importer", "imported"), [("kernel", "store"), ("calls", "worker"), ("worker", "observe")]
)
def test_the_contract_bites(tmp_path: Path, importer: str, imported: str) -> None:
    """Rooms are optional in the contract; one that is there must still be held to it."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ("", importer, imported):
        (tmp_path / "taskflow" / room).mkdir(exist_ok=True)
        (tmp_path / "taskflow" / room / "__init__.py").touch()
    (tmp_path / "taskflow" / importer / "__init__.py").write_text(f"import taskflow.{imported}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"taskflow.{importer} is not allowed to import taskflow.{imported}" in done.stdout


@pytest.mark.parametrize("library", sorted(FENCES))
def test_libraries_stay_in_their_rooms(library: str) -> None:
    allowed = tuple(f"taskflow/{room}" for room in FENCES[library])
    strays = [
        f"{shown(path)}:{line} imports {module}; allowed in {', '.join(allowed)}"
        for path in files("taskflow", "*.py")
        for line, module in imports(path)
        if module.partition(".")[0] == library and not is_inside(shown(path), allowed)
    ]
    assert not strays, "\n".join(strays)


def is_inside(path: str, allowed: tuple[str, ...]) -> bool:
    return any(path == room or path.startswith(f"{room}/") for room in allowed)
