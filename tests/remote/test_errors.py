"""What goes wrong through the API: the same codes and exit codes, and what only the API can say."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, run
from tests.cli.stage import finished
from tests.support import factories
from tests.support.listening import key

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "args",
    [
        ("jobs", "show", "4711"),
        ("jobs", "cancel", "4711"),
        ("jobs", "retry", "4711"),
        ("jobs", "discard", "4711"),
        ("jobs", "reschedule", "4711", "1h"),
        ("jobs", "logs", "4711"),
        ("why", "4711"),
        ("operations", "show", "4711"),
        ("batches", "show", "4711"),
        ("workflow", "show", "4711"),
        ("schedules", "show", "nope"),
        ("schedules", "pause", "nope"),
        ("limits", "show", "nope"),
        ("tasks", "show", "nope"),
        ("dlq", "show", "abc"),
        ("schedules", "next", "--cron", "61 * * * *"),
        ("enqueue", "no spaces"),
        ("limits", "set", "x"),
        ("workflow", "start", "nope"),
    ],
)
def test_the_same_code_both_ways(here: Run, there: Run, args: tuple[str, ...]) -> None:
    local, remote = here(*args), there(*args)
    assert remote.code == local.code != 0, (local.err, remote.err)
    assert remote.err.split(" ")[0] == local.err.split(" ")[0], (local.err, remote.err)


def test_a_job_in_the_wrong_state(db: Any, here: Run, there: Run) -> None:
    (id,) = finished(db)
    for verb in ("retry", "discard", "cancel"):
        local, remote = here("jobs", verb, str(id)), there("jobs", verb, str(id))
        assert (remote.code, remote.err) == (local.code, local.err)
        assert remote.code == 5


def test_a_key_that_may_not_exits_with_4(db: Any, url: str) -> None:
    id = factories.enqueue(db)
    viewer = key(db, "viewer")
    assert run("--api", url, "jobs", "show", str(id), TASKFLOW_API_KEY=viewer).code == 0
    told = run("--api", url, "jobs", "cancel", str(id), TASKFLOW_API_KEY=viewer)
    assert told.code == 4
    assert told.err.startswith("TF171 ")


def test_a_key_that_is_none_exits_with_4_and_is_not_shown(url: str) -> None:
    told = run("--api", url, "-vv", "jobs", "list", TASKFLOW_API_KEY="tf_wrong-one")
    assert told.code == 4
    assert "TF198" in told.err
    assert "wrong-one" not in told.out + told.err


@pytest.mark.parametrize("bad", ["tf_two words", "tf_line\nbreak", "tf_ü"])
def test_a_key_that_no_header_can_carry_is_not_shown(url: str, bad: str) -> None:
    told = run("--api", url, "-vv", "jobs", "list", TASKFLOW_API_KEY=bad)
    assert told.code == 2
    assert "TF201" in told.err
    assert bad not in told.err


def test_nobody_there_exits_with_7() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        told = run("--api", address, "jobs", "list", TASKFLOW_API_KEY="tf_x")
    assert told.code == 7
    assert told.err.startswith("TF221 ")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://jobs.example.com", "http would send the key"),
        ("ftp://jobs.example.com", "is none"),
        ("https://", "is none"),
        ("https://ann:secret@jobs.example.com", "more than a host"),
        ("https://jobs.example.com/?key=secret", "more than a host"),
    ],
)
def test_addresses_that_are_not_taken(address: str, said: str) -> None:
    told = run("--api", address, "jobs", "list", TASKFLOW_API_KEY="tf_x")
    assert told.code == 2
    assert said in told.err
    assert "secret" not in told.err


def test_what_the_api_cannot_do_says_so() -> None:
    for args in (("db", "status"), ("doctor",), ("serve",), ("tenants", "list"),
                 ("worker", "taskflow.examples.shop:tf")):  # fmt: skip
        told = run("--api", NOWHERE, *args, TASKFLOW_API_KEY="tf_x")
        assert told.code == 2, (args, told)
        assert "TF220 this command needs the database" in told.err, (args, told)


def test_the_option_for_the_database_beats_the_setting_for_the_api(dsn: str, here: Run) -> None:
    environment = {"TASKFLOW_API_URL": NOWHERE, "TASKFLOW_API_KEY": "tf_x"}
    assert here("jobs", "list", **environment).code == 7
    assert here("--database-url", dsn, "jobs", "list", **environment).code == 0
    assert here("--database-url", dsn, "--api", NOWHERE, "jobs", "list").code == 2


def test_a_tenant_that_is_not_the_keys_is_refused(there: Run) -> None:
    assert there("jobs", "list", TASKFLOW_TENANT="default").code == 0
    told = there("jobs", "list", TASKFLOW_TENANT="acme")
    assert told.code == 2
    assert "TF201" in told.err


def test_the_key_file_must_be_its_owners_alone(
    db: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASKFLOW_API_KEY", raising=False)
    place = tmp_path / "taskflow" / "key"
    place.parent.mkdir()
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    told = run("--api", url, "jobs", "list", **environment)
    assert told.code == 2
    assert str(place) in told.err
    place.write_text(f"{key(db)}\n")
    place.chmod(0o644)
    told = run("--api", url, "jobs", "list", **environment)
    assert told.code == 2
    assert "chmod 600" in told.err
    place.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert run("--api", url, "jobs", "list", **environment).code == 0


def test_help_imports_no_client() -> None:
    seen = (
        "import sys; sys.argv = ['taskflow', '--help']\n"
        "from taskflow.cli.main import main\n"
        "try: main()\n"
        "except SystemExit:\n"
        "    print([m for m in sys.modules if m.startswith(('httpx', 'taskflow.remote'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
