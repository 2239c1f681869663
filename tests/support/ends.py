"""How jobs have ended, in the order of their ids."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.support import factories as f
from tests.support.serving import eventually

Connection = psycopg.Connection[Any]
LEFT = "select count(*) from taskflow.job"
ENDS = """
select id, state::text, result, reason from taskflow.job_history
 union all select id, 'dead', null, coalesce(reason, '') || ' ' || coalesce(error_class, '')
  from taskflow.dead_job
 union all select id, state::text, null, null from taskflow.job order by id"""


def ends(db: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row)[1:] for row in f.rows(db, ENDS)]


def column(db: Connection, statement: str) -> list[Any]:
    return [row[0] for row in f.rows(db, statement)]


async def all_gone(db: Connection) -> None:
    await eventually(lambda: f.value(db, LEFT) == 0, what="all jobs have ended")
