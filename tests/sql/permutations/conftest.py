"""The fixture that walks through every order of a race."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Connect
from tests.support.permutations import Outcome, Sessions, Walk, orders, run, story

Connection = psycopg.Connection[Any]


@pytest.fixture
def walk(db: Connection, connect: Connect) -> Walk:
    """Stages a race anew for each order, runs it, and checks it."""

    def all_orders(stage: Callable[[], tuple[Sessions, Callable[[Outcome], None]]]) -> None:
        sessions, _ = stage()
        names = {name: list(steps) for name, steps in sessions.items()}
        connections = {name: connect(autocommit=False) for name in names}
        for order in orders(names):
            db.execute("delete from taskflow.job")
            db.execute("delete from taskflow.claim_batch")
            db.execute("delete from taskflow.queue")
            sessions, check = stage()
            outcome = run(order, sessions, connections, db)
            try:
                check(outcome)
            except BaseException as error:
                error.add_note(story(order, outcome))
                raise

    return all_orders
