"""The embedded server under the accidents it must survive: kills, races, stale files, root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from taskflow.errors import ConfigurationError
from taskflow.store import embedded, traces
from taskflow.store.binaries import ENVIRONMENT, find_binaries, list_binaries
from taskflow.store.embedded import Server
from taskflow.store.rootless import NO_NAMESPACE
from taskflow.store.server_directory import BOOT
from taskflow.store.traces import ServerFailed
from tests.support.waiting import until

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
SHORT = timedelta(seconds=0.3)

# A process of its own that holds a share until its stdin ends. Like the supervisor it avoids the
# packages' __init__, so that it starts fast and under any Python with just the standard library.
CLIENT = (
    BOOT.partition("from taskflow")[0]
    + f"""
from datetime import timedelta
from pathlib import Path
from taskflow.store import embedded
server = embedded.start(
    Path(sys.argv[3]), settings={FAST!r}, grace=timedelta(seconds=0.3), announce=None
)
print(server.pid, server.dsn, flush=True)
sys.stdin.read()
"""
)
PACKAGES = [str(Path(embedded.__file__).parent.parent), str(Path(embedded.__file__).parent)]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "pg"
    yield directory
    embedded.stop(directory)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    parent = Path(tempfile.mkdtemp(prefix="taskflow-"))
    parent.chmod(0o755)
    yield parent / "pg"
    embedded.stop(parent / "pg")
    shutil.rmtree(parent)


@pytest.fixture
def client() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    with contextlib.ExitStack() as stack:

        def begin(
            directory: Path, python: str = sys.executable, user: int | None = None
        ) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [python, "-c", CLIENT, *PACKAGES, str(directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd="/",
                user=user,
                extra_groups=None if user is None else [],
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def start(directory: Path, **options: object) -> Server:
    settings = FAST | dict(options.pop("settings", {}))  # type: ignore[call-overload]
    return embedded.start(directory, settings=settings, grace=SHORT, **options)  # type: ignore[arg-type]


def first_line(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def ask(server: Server, sql: str) -> str:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute(sql).fetchone()
    return str(row[0]) if row else ""


def remember(server: Server, text: str) -> None:
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS memory (line text)")
        connection.execute("INSERT INTO memory VALUES (%s)", (text,))


def is_down(directory: Path) -> bool:
    return not embedded.status(directory).running


def test_start_announces_itself_and_stop_leaves_nothing_behind(place: Path) -> None:
    lines: list[str] = []
    server = embedded.start(place, announce=lines.append)
    assert lines == [f"Starting embedded PostgreSQL {server.version} in {place} ..."]
    assert ask(server, "SHOW fsync") == "on"
    assert embedded.status(place).dsn == server.dsn
    assert oct(place.stat().st_mode & 0o777) == "0o700"
    assert oct((place / "password").stat().st_mode & 0o777) == "0o600"
    pid = server.pid
    server.stop()
    assert is_down(place)
    assert not traces.is_server(pid, place / "data")


def test_settings_reach_the_server(place: Path) -> None:
    with start(place, settings={"wal_level": "logical"}) as server:
        assert ask(server, "SHOW wal_level") == "logical"
        assert ask(server, "SHOW jit") == "off"


def test_a_wrong_password_is_refused(place: Path) -> None:
    with start(place) as server:
        stranger = server.dsn.replace(":", ":x", 2).replace("x//", "//")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(stranger)


def test_ten_processes_starting_at_once_share_one_server(
    place: Path, client: Callable[..., subprocess.Popen[str]]
) -> None:
    answers = [first_line(process) for process in [client(place) for _ in range(10)]]
    assert len({tuple(answer) for answer in answers}) == 1


def test_a_second_share_keeps_the_server_up(place: Path) -> None:
    first = start(place)
    announced: list[str] = []
    second = start(place, announce=announced.append)
    assert announced == []
    first.stop()
    assert ask(second, "SELECT 1") == "1"
    second.stop()
    assert is_down(place)


def test_the_server_stops_after_its_last_user_is_killed(
    place: Path, client: Callable[..., subprocess.Popen[str]]
) -> None:
    process = client(place)
    pid = int(first_line(process)[0])
    process.kill()
    until(lambda: is_down(place), what="the server noticed that its user is gone")
    assert not traces.is_server(pid, place / "data")


def test_a_killed_postmaster_comes_back_with_its_data_on_the_same_port(place: Path) -> None:
    with start(place) as server:
        dsn = server.dsn
        for line in ("one", "two", "three"):
            remember(server, line)
            killed = server.kill_postmaster()
            server.wait_ready(other_than=killed)
        assert ask(server, "SELECT string_agg(line, ' ') FROM memory") == "one two three"
        assert server.dsn == dsn


def test_a_killed_supervisor_is_replaced_by_whoever_asks_next(place: Path) -> None:
    with start(place) as server:
        remember(server, "kept")
        dsn, pid, supervisor = server.dsn, server.pid, server.supervisor
        os.kill(supervisor, signal.SIGKILL)
        until(lambda: is_down(place), what="the supervisor's lock is free")
        server.wait_ready()
        assert server.supervisor != supervisor
        assert server.pid != pid
        assert server.dsn == dsn
        assert ask(server, "SELECT line FROM memory") == "kept"


def test_supervisor_and_postmaster_killed_together(place: Path) -> None:
    with start(place) as server:
        remember(server, "kept")
        pid = server.pid
        os.kill(server.supervisor, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        until(lambda: is_down(place) and not traces.is_server(pid, place / "data"))
        with start(place) as again:
            assert ask(again, "SELECT line FROM memory") == "kept"


def test_an_orphaned_server_is_ended(tmp_path: Path) -> None:
    stand_in = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()", "-D", str(tmp_path), "-c", "x=1"]
    )
    (tmp_path / "postmaster.pid").write_text(f"{stand_in.pid}\n")
    until(lambda: traces.is_server(stand_in.pid, tmp_path))
    traces.end_orphan(tmp_path)
    assert stand_in.wait(10) != 0
    assert not (tmp_path / "postmaster.pid").exists()


def test_a_pid_file_naming_a_stranger_is_no_obstacle(place: Path) -> None:
    start(place).stop()
    stale = f"{os.getpid()}\n{place / 'data'}\n0\n5432\n\n127.0.0.1\n  1 1\nready\n"
    (place / "data" / "postmaster.pid").write_text(stale)
    with start(place) as server:
        assert ask(server, "SELECT 1") == "1"


def test_restart_keeps_the_address(place: Path) -> None:
    with start(place) as server:
        dsn, pid = server.dsn, server.pid
        server.restart()
        assert server.pid != pid
        assert server.dsn == dsn
        assert ask(server, "SELECT 1") == "1"


def test_the_port_is_kept_between_runs_unless_somebody_took_it(place: Path) -> None:
    with start(place):
        port = embedded.status(place).port
    with start(place):
        assert embedded.status(place).port == port
    with socket.create_server(("127.0.0.1", port)), start(place) as server:
        assert embedded.status(place).port != port
        assert ask(server, "SELECT 1") == "1"


def test_removing_the_directory_ends_the_server(place: Path) -> None:
    server = start(place)
    pid = server.pid
    shutil.rmtree(place)
    until(lambda: not traces.is_server(pid, place / "data"), what="the server ended")
    server.close()


def test_a_path_too_long_for_sockets_works(tmp_path: Path) -> None:
    place = tmp_path / "-".join(["long"] * 40)
    with start(place) as server:
        assert ask(server, "SELECT 1") == "1"


def test_a_server_that_cannot_start_shows_its_log(place: Path) -> None:
    with pytest.raises(ServerFailed, match='invalid value for parameter "work_mem"'):
        start(place, settings={"work_mem": "plenty"})
    with start(place) as server:
        assert ask(server, "SELECT 1") == "1"


def test_an_impossible_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServerFailed, match="must be writable"):
        start(tmp_path / "file" / "pg")


@pytest.mark.parametrize("major", [15, 16, 17, 18])
def test_each_version_at_hand_runs(place: Path, major: int) -> None:
    if all(found.major != major for found in list_binaries()):
        pytest.skip(f"no PostgreSQL {major} on this machine")
    start(place, version=major).stop()
    with start(place) as server:  # the cluster's version wins over the newest found
        assert server.version.startswith(f"{major}.")
        assert ask(server, "SHOW server_version").startswith(f"{major}.")
        assert ask(server, "SELECT lower('Ä') || pg_encoding_to_char(6)").endswith("UTF8")
    with pytest.raises(ConfigurationError, match="holds a cluster"):
        start(place, version=99)


def test_a_wrong_explicit_directory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    with pytest.raises(ConfigurationError, match="No working `postgres`"):
        find_binaries()


def test_a_missing_version_names_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match=r"PostgreSQL 9 is needed.*found"):
        find_binaries(9)


@as_root
def test_root_without_namespaces_becomes_another_user_with_copied_programs(
    open_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = find_binaries().directory.parent
    package = installed.parent
    if not (package / "__init__.py").exists():
        pytest.skip("only a wheel's install tree can be copied")
    private = tmp_path / package.name
    shutil.copytree(installed, private / installed.name)
    libraries = package.with_name(package.name + ".libs")
    shutil.copytree(libraries, tmp_path / libraries.name)
    tmp_path.chmod(0o700)
    monkeypatch.setenv(ENVIRONMENT, str(private / installed.name / "bin"))
    monkeypatch.setenv(NO_NAMESPACE, "1")
    with start(open_place) as server:
        assert ask(server, "SELECT 1") == "1"
        assert (open_place / "data").stat().st_uid != 0
        assert (open_place / "install").exists()


@as_root
def test_root_without_any_way_is_told_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_NAMESPACE, "1")
    place.parent.chmod(0o700)
    with pytest.raises(ServerFailed, match="does not run as root"):
        start(place)


@as_root
def test_an_ordinary_user_needs_nothing_special(
    open_place: Path, client: Callable[..., subprocess.Popen[str]]
) -> None:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    nobody = pwd.getpwnam("nobody").pw_uid
    binaries = find_binaries().directory / "postgres"
    for command in ([python or "false", "-c", "import tomllib"], [str(binaries), "--version"]):
        if subprocess.run(command, user=nobody, extra_groups=[], check=False, cwd="/").returncode:
            pytest.skip(f"nobody may not run {command[0]}")
    open_place.mkdir()
    os.chown(open_place, nobody, -1)
    process = client(open_place, python=str(python), user=nobody)
    _, dsn = first_line(process)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (open_place / "data").stat().st_uid == nobody
