"""Runs a page's code blocks as its reader would, in order, in one directory with one database.

Every ```python, ```sql and ```bash block runs, unless its info string says otherwise:

    ```python file=app.py      is written there, to be imported or run by later blocks
    ```bash background         starts here and is ended with the page, worker logs and all
    ```bash skip=reason        is not run (words of the reason joined by "-")
    ```text output             is what the block before printed; `...` stands for anything

Python without a file runs with `python`, SQL with psql (stopping at errors), bash with `set -e`.
A page that begins with `<!-- snippets: embedded -->` has no DATABASE_URL and starts its own server.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from taskflow.store.psql import find_psql

RUNNABLE = ("python", "sql", "bash")
EMBEDDED = "<!-- snippets: embedded -->"
FENCE = re.compile(r"^(```+)([^\n`]*)\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
LONGEST_S = 60
LOG = ".background.log"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block and where it begins."""

    page: Path
    line: int
    language: str
    marks: Mapping[str, str]
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, *words = found[2].split() or [""]
        marks = {name: value for name, _, value in (word.partition("=") for word in words)}
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, language, marks, found[3])


@dataclass
class Reader:
    """Somebody who follows a page: a directory, an environment, and what they have started."""

    directory: Path
    environment: dict[str, str]
    printed: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, page: Path) -> None:
        for block in blocks(page):
            if block.language == "text" and "output" in block.marks:
                self.compare(block)
            elif block.language in RUNNABLE and "skip" not in block.marks:
                self.do(block)

    def do(self, block: Block) -> None:
        if name := block.marks.get("file"):
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif "background" in block.marks:
            self.start(block)
        else:
            self.run(block)

    def run(self, block: Block) -> None:
        done = subprocess.run(
            self.command(block), cwd=self.directory, env=self.environment, text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=LONGEST_S, check=False,
        )  # fmt: skip
        self.printed = done.stdout
        assert done.returncode == 0, (
            f"{block.where} ended with {done.returncode}\n{block.text}\n"
            f"{done.stdout}{done.stderr}{self.log()}"
        )

    def start(self, block: Block) -> None:
        with (self.directory / LOG).open("ab") as log:
            self.started.append(
                subprocess.Popen(
                    self.command(block), cwd=self.directory, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip

    def log(self) -> str:
        """What the background blocks have said."""
        path = self.directory / LOG
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self, block: Block) -> list[str]:
        if block.language == "python":
            return [sys.executable, "-c", block.text]
        if block.language == "sql":
            quiet = ["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c"]
            text = block.text
            if "DATABASE_URL" in self.environment:
                path = self.directory / ".snippet.sql"
                path.write_text(text, encoding="utf-8")
                return [str(find_psql()), *quiet[:-1], "-f", str(path)]
            return [sys.executable, "-m", "taskflow", "db", "psql", "--", *quiet, text]
        return ["bash", "-euo", "pipefail", "-c", block.text]

    def compare(self, block: Block) -> None:
        """Line by line and without trailing blanks; `...` in a line stands for anything, on a line
        of its own for any lines."""
        wanted = [line.rstrip() for line in block.text.strip().splitlines()]
        pattern = "".join(
            "(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
            for line in wanted
        )
        printed = "".join(f"{line.rstrip()}\n" for line in self.printed.strip().splitlines())
        assert re.fullmatch(pattern, printed), (
            f"{block.where} shows\n{block.text}\nbut this was printed:\n{self.printed}"
        )

    def close(self) -> None:
        """Ends what was started, in good order."""
        for process in reversed(self.started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        for process in self.started:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def read(page: Path, directory: Path, dsn: str | None, stack: ExitStack) -> None:
    """Follows a page to its end. Without a DSN it starts the embedded server of the directory."""
    reader = Reader(directory, environment(dsn))
    stack.callback(reader.close)
    reader.follow(page)


def environment(dsn: str | None) -> dict[str, str]:
    """A shell's, with taskflow and psql on PATH and, as psql has it, the database in PG*."""
    found = {
        name: value
        for name, value in os.environ.items()
        if name == "TASKFLOW_PG_BIN" or not name.startswith(("TASKFLOW_", "DATABASE_URL", "PG"))
    }
    programs = [str(Path(sys.executable).parent), str(find_psql().parent)]
    found["PATH"] = os.pathsep.join([*programs, found.get("PATH", "")])
    found["NO_COLOR"] = "1"
    if dsn is not None:
        parts = conninfo_to_dict(dsn)
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
                 "dbname": "PGDATABASE"}  # fmt: skip
        found |= {names[name]: str(value) for name, value in parts.items() if name in names}
        found["DATABASE_URL"] = dsn
    return found
