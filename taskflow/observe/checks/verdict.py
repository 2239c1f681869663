"""What a check answers, and what it looks through."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

from taskflow.app import Taskflow
from taskflow.store import call as calls
from taskflow.store.call import Call
from taskflow.store.pool import connect

T = TypeVar("T")
Status = Literal["pass", "warn", "fail"]


class Verdict(NamedTuple):
    """One line of the report."""

    name: str
    status: Status
    said: str
    fix: str = ""
    """A command or a sentence; empty where nothing is to be done."""
    group: str = ""
    is_last: bool = False
    """Nothing that follows can be checked."""


class Sight:
    """One connection for all checks."""

    def __init__(self, app: Taskflow) -> None:
        self.app = app

    @cached_property
    def connection(self) -> Any:
        return connect(self.app.dsn, self.app.connection_settings("taskflow doctor"))

    def run(self, call: Call[T]) -> T:
        return calls.run(self.connection, call)

    def close(self) -> None:
        if "connection" in self.__dict__:
            self.connection.close()


Check = Callable[[Sight], Verdict]


def shown_bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024:
            return f"{size:,.0f} {unit}"
        size /= 1024
    return f"{size:,.1f} TB"


def ok(name: str, said: str) -> Verdict:
    return Verdict(name, "pass", said)


def warn(name: str, said: str, fix: str) -> Verdict:
    return Verdict(name, "warn", said, fix)


def fail(name: str, said: str, fix: str, *, is_last: bool = False) -> Verdict:
    return Verdict(name, "fail", said, fix, is_last=is_last)
