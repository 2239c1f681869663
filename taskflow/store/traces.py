"""What a server leaves in its directory: the pid file and the log; and the end of an orphan.

The trick: `postmaster.pid` in the data directory is the server's own word on who it is and whether
it accepts connections, so nothing here needs a connection. Standard library only, because the
detached supervisor runs this without the rest of the package.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from taskflow.errors import TaskflowError


class ServerFailed(TaskflowError):
    """The embedded PostgreSQL server could not be created, started or stopped."""

    code = "TF208"


def end_orphan(data: Path) -> None:
    """End a server left by a dead supervisor and clear a pid file that no server stands behind.

    Call it only while holding the directory's `owner` lock. A recycled pid (usual after a container
    restarts) would make postgres refuse to start; the file goes once its pid is known not to be a
    server on this data. Postgres itself still refuses while old backends hold its shared memory.
    """
    pid = recorded_pid(data)
    if pid is None:
        return
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if not is_server(pid, data):
            break
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            break
        except PermissionError:
            raise ServerFailed(
                f"A server of another user (process {pid}) still runs on {data}.",
                "Stop it as that user, or choose another directory.",
            ) from None
        _wait_until(lambda: not is_server(pid, data), 10)
    if recorded_pid(data) == pid:
        (data / "postmaster.pid").unlink(missing_ok=True)


def recorded_pid(data: Path) -> int | None:
    """Return the pid that the data directory names as its server, alive or not."""
    lines = pid_file(data)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def is_server(pid: int, data: Path) -> bool:
    """Is process `pid` a live server on `data`? False for zombies and for recycled pids."""
    return b"-D " + os.fsencode(data) + b" " in command_of(pid)


def command_of(pid: int) -> bytes:
    """Return the command line of a live process; nothing for a zombie that init has yet to reap."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            return b""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, check=False).stdout


def tail(log: Path, start: int = 0, lines: int = 15) -> str:
    """Return the last lines written to `log` since position `start`."""
    try:
        with log.open("rb") as source:
            source.seek(max(start, log_size(log) - 8192))
            text = source.read().decode(errors="replace")
    except OSError:
        text = ""
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def log_size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _wait_until(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
