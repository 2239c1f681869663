"""`taskflow db psql`, and scripts: the ways in that a page's first example takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from taskflow.store.psql import invocation_of


def taskflow(*arguments: str, dsn: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "taskflow", *arguments],
        env=os.environ | {"TASKFLOW_DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_psql_opens_the_apps_database_and_its_exit_code_is_ours(dsn: str) -> None:
    done = taskflow("db", "psql", "--", "-XAtc", "select current_database()", dsn=dsn)
    assert done.stdout.strip() == conninfo_to_dict(dsn)["dbname"]
    assert done.returncode == 0
    assert taskflow("db", "psql", "--", "-XAtc", "select 1/0", dsn=dsn).returncode == 1


def test_the_password_is_not_on_the_command_line() -> None:
    command, secret = invocation_of("postgresql://me:hush%21@127.0.0.1:5/shop")
    assert "hush" not in " ".join(command)
    assert secret == {"PGPASSWORD": "hush!"}


def test_a_script_and_the_worker_that_imports_it_name_its_tasks_alike(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(
        "from taskflow import Taskflow\n"
        "tf = Taskflow('postgresql://nobody@127.0.0.1:1/nowhere')\n"
        "@tf.task()\n"
        "def ship() -> None: ...\n"
        "print(*tf.tasks)\n"
    )
    for how in (["orders.py"], ["-m", "orders"], ["-c", "import orders"]):
        said = subprocess.run(
            [sys.executable, *how], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert said.stdout.split() == ["orders.ship"], how
    typed = subprocess.run(
        [sys.executable, "-"], cwd=tmp_path, capture_output=True, text=True, check=True,
        input=(tmp_path / "orders.py").read_text(),
    )  # fmt: skip
    assert typed.stdout.split() == ["ship"]
