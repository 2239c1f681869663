"""Runs Calls on connections that belong to the caller, inside the caller's transaction.

Known by the package their class comes from, so none of these libraries is imported here: psycopg
(both colours), SQLAlchemy Connection and Session (both), Django's connection wrapper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, TypeVar

import psycopg

from taskflow.errors import InvalidOption, from_sqlstate
from taskflow.store.call import Call, arun, run, translate

T = TypeVar("T")
Kind = Literal["psycopg", "psycopg-async", "sqlalchemy", "sqlalchemy-async", "django"]


def kind_of(connection: object) -> Kind:
    """What sort of connection this is. Raises `InvalidOption` for one that nobody knows."""
    if isinstance(connection, psycopg.AsyncConnection):
        return "psycopg-async"
    if isinstance(connection, psycopg.Connection):
        return "psycopg"
    packages = {base.__module__ for base in type(connection).__mro__}
    if any(module.startswith("sqlalchemy.") for module in packages):
        is_async = any(module.startswith("sqlalchemy.ext.asyncio") for module in packages)
        return "sqlalchemy-async" if is_async else "sqlalchemy"
    if any(module.startswith("django.") for module in packages) and hasattr(connection, "cursor"):
        return "django"
    raise InvalidOption(
        f"cannot enqueue on a {type(connection).__module__}.{type(connection).__qualname__}",
        "Pass a psycopg connection, a SQLAlchemy Connection or Session, or Django's connection.",
    )


def run_on(connection: Any, call: Call[T]) -> T:
    """Runs a Call on a blocking connection of any kind."""
    kind = kind_of(connection)
    if kind == "psycopg":
        return run(connection, call)
    if kind == "django":
        with _explained():
            return _on_django(connection, call)
    if kind == "sqlalchemy":
        with _explained():
            return call.decode(_execute(connection, call).fetchall())
    raise InvalidOption(
        f"this {kind} connection is async", "Use aenqueue(), or a blocking connection."
    )


async def arun_on(connection: Any, call: Call[T]) -> T:
    """Runs a Call on an async connection, or on a blocking one that the caller chose to use."""
    kind = kind_of(connection)
    if kind == "psycopg-async":
        return await arun(connection, call)
    if kind == "sqlalchemy-async":
        with _explained():
            return call.decode((await _execute(connection, call)).fetchall())
    return run_on(connection, call)


def _execute(connection: Any, call: Call[Any]) -> Any:
    return connection.execute(_text(call.statement), dict(call.parameters))


@cache
def _text(statement: str) -> Any:
    """The statement in SQLAlchemy's notation, which then speaks any driver's.

    In parentheses: it would not find the parameter in :name::text.
    """
    from sqlalchemy import text

    return text(re.sub(r"%\((\w+)\)s", r"(:\1)", statement).replace("%%", "%"))


def _on_django(connection: Any, call: Call[T]) -> T:
    with connection.cursor() as cursor:
        cursor.execute(call.statement, dict(call.parameters))
        return call.decode(cursor.fetchall() if cursor.description else ())


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        explained = _driver_error(error)
        if explained is error:
            raise
        raise explained from error


def _driver_error(error: Exception) -> Exception:
    """taskflow's error behind a library's wrapper and whatever driver, or the wrapper itself."""
    original = getattr(error, "orig", None)
    for candidate in (error, getattr(original, "__cause__", None), original, error.__cause__):
        if isinstance(candidate, psycopg.Error):
            translated = translate(candidate)
            return translated if translated is not candidate else error
        state = getattr(candidate, "sqlstate", None) or getattr(candidate, "pgcode", None)
        if isinstance(state, str) and state.startswith("TF"):
            told = getattr(candidate, "diag", None)  # psycopg2; asyncpg has plain attributes
            message = getattr(told, "message_primary", None) or getattr(
                candidate, "message", candidate
            )
            hint = getattr(told, "message_hint", None) or getattr(candidate, "hint", None)
            return from_sqlstate(state, str(message), hint)
    return error
