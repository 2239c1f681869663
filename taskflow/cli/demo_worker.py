"""The demo's worker: a process of its own, its log kept as it comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self

from taskflow.cli import shapes

APP = "taskflow.examples.shop:tf"
QUEUES = ("demo=50", "demo-slow=6")
LINES = 500
STOP_S = 10.0
_PREFIX = re.compile(r"^\S+ (\d\d:\d\d:\d\d),\d+ (\w+) +(\S+): ")


class DemoWorker:
    """`with DemoWorker(dsn) as worker:`; ends with the block, or with this process."""

    def __init__(self, dsn: str) -> None:
        self.log: deque[str] = deque(maxlen=LINES)
        self._dsn = dsn

    def __enter__(self) -> Self:
        queues = [part for queue in QUEUES for part in ("-q", queue)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "taskflow.cli.tethered", "worker", APP, *queues,
             "--grace", "1s", "--name", "demo", "--log-level", "info"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | {"TASKFLOW_DATABASE_URL": self._dsn},
            start_new_session=True,  # Ctrl-C comes to us, and we tell it
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.kill()
            self._process.wait()
        self._reader.join(1)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def events(self, count: int) -> list[tuple[str, str, str]]:
        """The latest lines of its log as (time, level, text)."""
        return [split(line) for line in list(self.log)[-count:]]

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(shapes.safe(line.rstrip()))


def split(line: str) -> tuple[str, str, str]:
    """A line of the worker's log as (time, level, text); what has another form is text."""
    found = _PREFIX.match(line)
    return (found[1], found[2], line[found.end() :]) if found else ("", "", line)
