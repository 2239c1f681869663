"""A Call is one statement with its parameters and the way to read its rows: a frozen value.

Everything above builds Calls; only the drivers here touch a connection. That is how each verb is
written once for sync, async and the connections of other libraries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, LiteralString, NamedTuple, ParamSpec, TypeVar

import psycopg
from psycopg.rows import tuple_row

from taskflow.errors import (
    DatabaseUnreachable,
    NulCharacter,
    SchemaMismatch,
    SchemaMissing,
    from_sqlstate,
    knows_sqlstate,
)

P = ParamSpec("P")
T = TypeVar("T")
Row = Sequence[Any]
DriverError = psycopg.Error
"""What the driver raises and `translate` leaves as it is, for rooms that do not know the driver."""


class Origin(NamedTuple):
    """What a Call was made of, for those who have another way than its statement: remote/."""

    builder: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One statement with named parameters, and the function that makes a `T` of its rows."""

    statement: LiteralString
    parameters: Mapping[str, Any]
    decode: Callable[[Sequence[Row]], T]
    is_planned_anew: bool = False
    """Its plan depends on its values too much to be kept: one that is best for a tenant with all
    of the jobs takes 1,500 instead of 9 ms for one with a hundred. So it is not prepared."""
    origin: Origin | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def prepare(self) -> bool | None:
        return False if self.is_planned_anew else None


def remembered(builder: Callable[P, Call[T]]) -> Callable[P, Call[T]]:
    """The builder, with its Calls knowing what they were made of.

    Costs 0.5 us for each Call, so the worker's own verbs do without.
    """

    @wraps(builder)
    def build(*args: P.args, **kwargs: P.kwargs) -> Call[T]:
        call = builder(*args, **kwargs)
        object.__setattr__(call, "origin", Origin(build, args, kwargs))  # it is frozen, not shared
        return call

    return build


def run(connection: psycopg.Connection[Any], call: Call[T]) -> T:
    """Runs a Call on a psycopg connection, in whatever transaction that connection is."""
    with translated(), _cursor(connection) as cursor:
        cursor.execute(call.statement, call.parameters, prepare=call.prepare)
        return call.decode(cursor.fetchall() if cursor.description else ())


async def arun(
    connection: psycopg.AsyncConnection[Any], call: Call[T], *, binary: bool = False
) -> T:
    """Runs a Call on an async psycopg connection; `binary` is cheaper for many rows of numbers."""
    with translated():
        async with _async_cursor(connection) as cursor:
            await cursor.execute(
                call.statement, call.parameters, binary=binary, prepare=call.prepare
            )
            return call.decode(await cursor.fetchall() if cursor.description else ())


IN_FLIGHT = 2
"""Statements of a `run_many` that are on their way at once; more would only fill memory."""


def run_many(connection: psycopg.Connection[Any], calls: Iterable[Call[T]]) -> list[T]:
    """Calls in one transaction, all or none; each is built while the server works on the last."""
    answers: list[T] = []
    under_way: deque[tuple[Call[T], psycopg.Cursor[Any]]] = deque()
    with translated(), connection.transaction(), connection.pipeline():
        for call in calls:
            cursor = _cursor(connection)
            cursor.execute(call.statement, call.parameters)
            under_way.append((call, cursor))
            if len(under_way) > IN_FLIGHT:
                sent, answered = under_way.popleft()
                answers.append(sent.decode(answered.fetchall()))
        answers += [sent.decode(answered.fetchall()) for sent, answered in under_way]
    return answers


async def arun_many(connection: psycopg.AsyncConnection[Any], calls: Iterable[Call[T]]) -> list[T]:
    """`run_many` for async connections."""
    answers: list[T] = []
    under_way: deque[tuple[Call[T], psycopg.AsyncCursor[Any]]] = deque()
    with translated():
        async with connection.transaction(), connection.pipeline():
            for call in calls:
                cursor = _async_cursor(connection)
                await cursor.execute(call.statement, call.parameters)
                under_way.append((call, cursor))
                if len(under_way) > IN_FLIGHT:
                    sent, answered = under_way.popleft()
                    answers.append(sent.decode(await answered.fetchall()))
            for sent, answered in under_way:
                answers.append(sent.decode(await answered.fetchall()))
    return answers


def _cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[Row]:
    """A plain cursor: the caller's `cursor_factory` may take no named parameters."""
    _check_open(connection)
    return psycopg.Cursor(connection, row_factory=tuple_row)


def _async_cursor(connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Row]:
    _check_open(connection)
    return psycopg.AsyncCursor(connection, row_factory=tuple_row)


def _check_open(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """What `connection.cursor()` checks; the cursor itself would complain of itself."""
    if connection.closed:
        raise psycopg.OperationalError("the connection is closed")


@contextmanager
def translated() -> Iterator[None]:
    """Turns the driver's errors into taskflow's own; the original stays as the cause."""
    try:
        yield
    except psycopg.Error as error:
        explained = translate(error)
        if explained is error:
            raise  # `from` itself would make it its own cause
        raise explained from error


def translate(error: psycopg.Error) -> Exception:
    """taskflow's error for a driver's, or the same one where it is not ours to explain."""
    state = error.sqlstate
    if state in ("42883", "42P01", "42703") and "taskflow." in str(error):
        return SchemaMismatch(
            f"the schema in the database does not fit this version: {error.diag.message_primary}",
            "Run taskflow db upgrade.",
        )
    if state == "3F000" and "taskflow" in str(error):
        return SchemaMissing("the database has no taskflow schema", "Run taskflow db upgrade.")
    if state and state != "3F000" and knows_sqlstate(state):
        return from_sqlstate(
            state, error.diag.message_primary or str(error), error.diag.message_hint
        )
    if isinstance(error, psycopg.DataError) and not state and "NUL" in str(error):
        return NulCharacter("a text holds a NUL character", "PostgreSQL cannot store it.")
    if isinstance(error, psycopg.OperationalError) and not state:
        return DatabaseUnreachable(
            f"the connection to the database failed: {first_line(error)}",
            "If it broke during a write, that write may or may not have been committed.",
        )
    return error


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


# --- decoders -------------------------------------------------------------------------------------


def scalar(rows: Sequence[Row]) -> Any:
    """The one value of the one row."""
    return rows[0][0]


def nothing(rows: Sequence[Row]) -> None:
    """For statements whose answer says nothing."""


def each(make: Callable[..., T]) -> Callable[[Sequence[Row]], list[T]]:
    """Every row as `make(*columns)`."""
    return lambda rows: [make(*row) for row in rows]


def first(make: Callable[..., T]) -> Callable[[Sequence[Row]], T | None]:
    """The first row as `make(*columns)`, None when there is none."""
    return lambda rows: make(*rows[0]) if rows else None
