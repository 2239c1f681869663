"""The fixtures in a user's project: found by themselves, rolled back, light when unused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from taskflow.store.template import database_for_tests
from tests.support.db import Servers

pytest_plugins = ["pytester"]

APP = """
from taskflow import Taskflow
tf = Taskflow("postgresql://nobody@127.0.0.1:1/none", connect_timeout=2)

@tf.task(queue="mail")
async def send(order_id: int) -> int:
    return order_id
"""
TESTS = """
from shop_app import send

def test_checkout(taskflow):
    send.enqueue(42)
    taskflow.assert_enqueued(send, order_id=42, count=1)
    assert [ran.result for ran in taskflow.drain()] == [42]

def test_rolled_back(taskflow):
    taskflow.assert_not_enqueued(send)

def test_message(taskflow):
    send.enqueue(1)
    taskflow.assert_enqueued(send, order_id=2)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(shop_app=APP)
    return pytester


@pytest.fixture
def on_server(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> str:
    url = servers.get().admin_dsn
    monkeypatch.setenv("TASKFLOW_TEST_DATABASE_URL", url)
    return url


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select datname from pg_database where datname ~ '^taskflow_pytest_'"
        )
        return {name for (name,) in rows}


def test_a_project_that_names_its_app(project: pytest.Pytester, on_server: str) -> None:
    before = databases(on_server)
    project.makeini(
        "[pytest]\ntaskflow_app = shop_app:tf\npythonpath = .\nfilterwarnings = error\n"
    )
    project.makepyfile(TESTS)
    result = project.runpytest_subprocess("-p", "no:asyncio", "--strict-config")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*with order_id=2, found none*", "*shop_app.send(order_id=1)*"])
    result.stdout.no_fnmatch_line("*testing/kit.py*")
    # the template may have been made by an earlier test of this run
    left = databases(on_server) - before
    assert all(name.startswith("taskflow_pytest_template_") for name in left), left
    assert sum("_template_" in name for name in databases(on_server)) == 1


def test_a_project_that_overrides_the_fixture(project: pytest.Pytester, on_server: str) -> None:
    project.makeini("[pytest]\npythonpath = .\n")
    project.makeconftest(
        "import pytest, shop_app\n"
        "@pytest.fixture(scope='session')\n"
        "def taskflow_app():\n"
        "    return shop_app.tf\n"
    )
    project.makepyfile(TESTS)
    result = project.runpytest_subprocess("-p", "no:asyncio", "-k", "not message")
    result.assert_outcomes(passed=2)


def test_a_project_that_says_nothing_is_told_what_to_say(
    project: pytest.Pytester, on_server: str
) -> None:
    project.makepyfile("def test_it(taskflow): pass")
    result = project.runpytest_subprocess("-p", "no:asyncio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*set taskflow_app = module:name*"])


def test_unused_it_imports_nothing() -> None:
    """Every pytest run on a machine with taskflow loads the plugin."""
    code = (
        "import sys, pytest; before = set(sys.modules); import taskflow.testing.plugin\n"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('taskflow')))\n"
        "print(sorted(m for m in set(sys.modules) if m.startswith('taskflow')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others, ours = done.stdout.splitlines()
    assert others == "[]"
    assert ours == "['taskflow', 'taskflow.testing', 'taskflow.testing.plugin']"


def test_databases_left_over_by_killed_runs_are_dropped_and_no_others(on_server: str) -> None:
    with (
        psycopg.connect(on_server, autocommit=True) as admin,
        database_for_tests(on_server) as dsn,
    ):
        (mine,) = {name for name in databases(on_server) if name in dsn}
        admin.execute("create database taskflow_pytest_1_0123abcd")
        admin.execute("create database taskflow_pytest_of_somebody")
        with database_for_tests(on_server) as other:
            assert other != dsn
            found = databases(on_server)
        admin.execute("drop database taskflow_pytest_of_somebody")
    assert "taskflow_pytest_1_0123abcd" not in found
    assert {mine, "taskflow_pytest_of_somebody"} <= found


@pytest.mark.slow
def test_without_a_server_it_brings_one(tmp_path: Path) -> None:
    with database_for_tests(directory=tmp_path / "pg") as dsn, psycopg.connect(dsn) as connection:
        assert connection.execute("select count(*) from taskflow.job").fetchone() == (0,)
    from taskflow.store import embedded

    embedded.stop(tmp_path / "pg")
