"""The command as a process of its own: streams, signals, pipes, and its own small server."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskflow.store import embedded
from taskflow.store.psql import find_psql
from tests.cli.stage import dead
from tests.support import factories
from tests.support.waiting import until

COMMAND = [sys.executable, "-m", "taskflow"]


def environment(dsn: str | None, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TASKFLOW_")}
    kept.pop("DATABASE_URL", None)
    return {**kept, **({"TASKFLOW_DATABASE_URL": dsn} if dsn else {}), **more}


def process(dsn: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *args], env=environment(dsn), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_data_on_stdout_talk_on_stderr(dsn: str, db: Any) -> None:
    factories.enqueue_many(db, 3)
    with process(dsn, "jobs", "list", "--json", "--limit", "2") as done:
        out, err = done.communicate(timeout=30)
    assert done.returncode == 0
    assert len(json.loads(out)) == 2
    assert err.startswith("More: --after")


def test_a_broken_pipe_is_quiet(dsn: str, db: Any) -> None:
    for _ in range(4):
        factories.enqueue_many(db, 5_000)
    with process(dsn, "jobs", "export") as done:
        assert done.stdout is not None
        assert done.stdout.readline()
        done.stdout.close()
        assert done.stderr is not None
        said = done.stderr.read()
        code = done.wait(timeout=30)
    assert (said, code) == ("", 141)


def test_interrupt_ends_with_130_and_one_word(dsn: str) -> None:
    with process(dsn, "enqueue", "t", "{}", "--wait") as done:
        assert done.stderr is not None
        until(lambda: "waiting" in (done.stderr.readline() if done.stderr else ""))
        done.send_signal(signal.SIGINT)
        _, err = done.communicate(timeout=30)
    assert done.returncode == 130
    assert err.strip() == "Interrupted."


def test_nothing_to_ask_never_hangs(dsn: str, db: Any) -> None:
    dead(db)
    for more in ([], ["--no-input"]):
        with process(dsn, "dlq", "discard", "--all", *more) as done:
            _, err = done.communicate(timeout=30)
        assert done.returncode == 2
        assert "--yes" in err


def test_many_jobs_are_agreed_to_by_typing_their_number(
    dsn: str, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.enqueue_many(db, 1_200)
    for answer, code in (("y\n", 1), ("1,200\n", 0)):
        said = on_terminal(dsn, answer, "jobs", "cancel", "-q", "default")
        assert said["code"] == code, said
        assert "1,200 jobs" in said["shown"]
    assert factories.value(db, "select count(*) from taskflow.job") == 0


def test_few_jobs_are_agreed_to_by_yes(dsn: str, db: Any) -> None:
    factories.enqueue_many(db, 2)
    assert on_terminal(dsn, "n\n", "jobs", "cancel", "--all")["code"] == 1
    assert on_terminal(dsn, "y\n", "jobs", "cancel", "--all")["code"] == 0
    assert on_terminal(dsn, "y\n", "jobs", "cancel", "--all", "--no-input")["code"] in (0, 2)


def test_top_is_left_with_q(dsn: str, db: Any) -> None:
    factories.enqueue(db, queue="post")
    said = on_terminal(dsn, "q", "top", after="post")
    assert said["code"] == 0


def on_terminal(dsn: str, answer: str, *args: str, after: str = "") -> dict[str, Any]:
    """Runs a command on a terminal of its own and types `answer` once it has said something."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child becomes the command
        os.execve(
            sys.executable, [*COMMAND, *args],
            environment(dsn, TERM="xterm", COLUMNS="100", LINES="40"),
        )  # fmt: skip
    shown, typed = "", False
    while select.select([terminal], [], [], 20)[0]:
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        shown += read.decode(errors="replace")
        if not typed and (after in shown if after else shown.rstrip().endswith((":", "]"))):
            os.write(terminal, answer.encode())
            typed = True
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "shown": shown}


@pytest.mark.parametrize(
    ("color", "variables", "expected"),
    [
        ("always", {}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {}, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(dsn: str, db: Any, color: str, variables: dict[str, str], expected: bool) -> None:
    dead(db)
    done = subprocess.run(
        [*COMMAND, "jobs", "list", "--color", color],
        env={**environment(dsn), **variables}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ("\x1b[" in done.stdout) is expected


@pytest.mark.slow
def test_the_embedded_server_is_kept_for_others_and_its_address_given(tmp_path: Path) -> None:
    def ask(*args: str, **more: str) -> str:
        done = subprocess.run(
            args, env=environment(None, **more), cwd=tmp_path, capture_output=True, text=True,
            check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    keeper = subprocess.Popen(
        [*COMMAND, "db", "start"], env=environment(None), cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        with keeper:
            assert keeper.stdout is not None
            url = keeper.stdout.readline().strip()
            assert ask(*COMMAND, "db", "url").strip() == url
            script = 'eval "$("$@" db url --env)"; exec "$PSQL" -XAtc "select 6 * 7"'
            answer = ask("bash", "-c", script, "bash", *COMMAND, PSQL=str(find_psql()))
            assert answer == "42\n"
            keeper.send_signal(signal.SIGINT)
            _, said = keeper.communicate(timeout=30)
        assert keeper.returncode == 0
        assert "until Ctrl-C" in said
    finally:
        embedded.stop(tmp_path / ".taskflow/postgres")


@pytest.mark.slow
def test_without_a_database_the_directory_s_own_server(tmp_path: Path) -> None:
    try:
        first = subprocess.run(
            [*COMMAND, "enqueue", "hello", "{}"], env=environment(None), cwd=tmp_path,
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        assert first.stdout.strip() == "1"
        assert "Starting embedded PostgreSQL" in first.stderr
        second = subprocess.run(
            [*COMMAND, "jobs", "list", "--json"], env=environment(None), cwd=tmp_path,
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        assert [job["task"] for job in json.loads(second.stdout)] == ["hello"]
    finally:
        embedded.stop(tmp_path / ".taskflow/postgres")
