"""What a session hears on channel taskflow, told without waiting for silence."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import psycopg

MARK = "end of test"


class Listener:
    """Collects notifications; `heard` sends a mark behind them and reads up to it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        self._connection.execute("listen taskflow")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.execute("unlisten taskflow")

    def heard(self) -> list[str]:
        """Every payload since the last call, in the order of the commits that sent them."""
        self._connection.execute("select pg_notify('taskflow', %s)", (MARK,))
        payloads: list[str] = []
        for notification in self._connection.notifies(timeout=10):
            if notification.payload == MARK:
                return payloads
            payloads.append(notification.payload)
        raise AssertionError("the mark did not arrive")
