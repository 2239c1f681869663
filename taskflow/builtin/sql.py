"""taskflow.sql: runs a statement of the setting `sql_statements`, by its name.

Who may enqueue jobs may not therefore run any SQL: only what the worker's owner has written down,
and values go in as parameters. It runs in the job's own transaction, so it is done exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from taskflow.context import Context
from taskflow.errors import InvalidArguments, nearest
from taskflow.kernel import codec
from taskflow.kernel.job import Options
from taskflow.kernel.retry import Retry
from taskflow.task import Task

if TYPE_CHECKING:
    from taskflow.app import Taskflow

MOST_ROWS = 1000
RETRY = Retry(5, give_up_on=(InvalidArguments,))


class Rows(TypedDict):
    """What a statement gave: rows as objects, at most 1,000 of them."""

    count: int
    """How many rows it has written or found."""
    rows: list[dict[str, Any]]


def add_to(app: Taskflow) -> None:
    options = Options(max_attempts=RETRY.max_attempts)
    app.register(Task(app, sql, name="taskflow.sql", options=options, retry=RETRY, run_in="async"))


async def sql(ctx: Context, statement: str, params: dict[str, Any] | None = None) -> Rows:
    """Runs the statement of this name with `params` for its %(name)s; answers count and rows.

    The rows are stored after the commit: should the worker die in between, they are lost, while
    what the statement has written stands.
    """
    statements = ctx.app.settings.sql_statements
    if statement not in statements:
        close = nearest(statement, statements)
        raise InvalidArguments.listing(
            [("statement", f"{statement[:60]!a} is not in sql_statements")],
            f"Did you mean {close[0]}?" if close else "List it in the settings of the worker.",
        )
    values = {name: _parameter(value) for name, value in (params or {}).items()}
    async with ctx.transaction() as connection:
        cursor = await connection.execute(statements[statement].encode(), values)
        names = [column.name for column in cursor.description or ()]
        found = await cursor.fetchmany(MOST_ROWS) if names else []
    return {"count": cursor.rowcount, "rows": [dict(zip(names, row, strict=True)) for row in found]}


def _parameter(value: Any) -> Any:
    """Objects go in as JSON text; the statement casts them."""
    return codec.encode(value).decode() if isinstance(value, dict) else value
