"""Starts the processes that are measured and ends them, whatever happens to this one.

All run with the shipped defaults: no TASKFLOW_* variable of the caller reaches them, and their
directory holds no settings file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from taskflow.errors import TaskflowError

WORKER = ("taskflow", "worker", "taskflow.bench.tasks:tf", "--log-level", "warning")
SERVE = ("taskflow", "serve")
BARE_API = (
    "uvicorn", "taskflow.bench.bare_api:application", "--factory", "--log-level", "warning",
    "--no-access-log", "--no-server-header", "--no-proxy-headers",
)  # fmt: skip
PATIENCE_S = 10.0


class BenchFailed(TaskflowError):
    """A process of the benchmark ended in an error, or did not get done."""

    code = "TF210"


class Child:
    """One process; what it says lands in files of the benchmark's directory."""

    def __init__(self, place: Path, module: tuple[str, ...], environment: dict[str, str]) -> None:
        self.what = " ".join(module)
        with (
            tempfile.NamedTemporaryFile(dir=place, delete=False) as self._out,
            tempfile.NamedTemporaryFile(dir=place, delete=False) as self._err,
        ):
            # its own session: a Ctrl-C at the terminal reaches it through the parent only
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=self._err,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises if the process has ended in an error."""
        if self.process.poll():
            said = Path(self._err.name).read_text(errors="replace").strip()[-2000:]
            raise BenchFailed(f"{self.what} ended with {self.process.returncode}:\n{said}")

    def wait(self, timeout_s: float) -> None:
        """Waits for its end and raises unless it was a good one."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise BenchFailed(f"{self.what} was not done after {timeout_s:g} s") from None
        self.check()

    def answer(self, timeout_s: float) -> Any:
        """The JSON that it prints, once it has ended."""
        self.wait(timeout_s)
        return msgspec.json.decode(Path(self._out.name).read_bytes())


class Nursery:
    """Starts children on one database; those still there when its block ends are ended."""

    def __init__(self, place: Path, dsn: str) -> None:
        self._place = place
        self._dsn = dsn
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        running = [child.process for child in self._children]
        try:
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE_S)
        finally:  # a second Ctrl-C comes here
            for process in running:
                process.kill()
                process.wait()

    def worker(self, *options: str) -> Child:
        """`taskflow worker` as it ships."""
        return self._start((*WORKER, *options))

    def player(self, role: str, *, pool_size: int | None = None, **arguments: Any) -> Child:
        """A role of taskflow.bench.player."""
        extra = {"TASKFLOW_POOL_SIZE": str(pool_size)} if pool_size else {}
        given = msgspec.json.encode(arguments).decode()
        return self._start(("taskflow.bench.player", role, given), extra)

    def api(self, port: int) -> Child:
        """`taskflow serve` as it ships; the benchmark's own server may have but a superuser."""
        allowed = {"TASKFLOW_API_ALLOW_SUPERUSER": "yes"}
        return self._start((*SERVE, "--port", str(port)), allowed)

    def bare_api(self, port: int) -> Child:
        """The bare framework under the same server."""
        return self._start((*BARE_API, "--port", str(port)))

    def _start(self, module: tuple[str, ...], extra: dict[str, str] | None = None) -> Child:
        kept = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        # a checkout that is not installed is found from the benchmark's directory, too
        path = os.pathsep.join(filter(None, sys.path))
        ours = {"TASKFLOW_DATABASE_URL": self._dsn, "PYTHONPATH": path}
        child = Child(self._place, module, {**kept, **ours, **(extra or {})})
        self._children.append(child)
        return child


def _is_setting(name: str) -> bool:
    return name.startswith("TASKFLOW_") or name in ("DATABASE_URL", "PYTHONASYNCIODEBUG")
