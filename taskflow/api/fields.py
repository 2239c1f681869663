"""The kinds of values that routes take: ids, limits, cursors, times."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Annotated

from litestar.params import PathParameter, QueryParameter

from taskflow.api.answers import MOST
from taskflow.api.problems import InvalidRequest
from taskflow.errors import InvalidName, TaskflowError
from taskflow.kernel.names import NameKind, check_name

LARGEST_ID = 2**63 - 1

IdPath = Annotated[
    str, PathParameter(pattern=r"^[1-9][0-9]{0,18}$", description="An id: digits, as a text.")
]
NamePath = Annotated[str, PathParameter(min_length=1, max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="Most lines of the page.")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=2000, description="`page.next` of the page before.")
]
Below = Annotated[
    int | None, QueryParameter(ge=1, le=LARGEST_ID, description="Only what has a lower id.")
]
Words = Annotated[
    str | None, QueryParameter(max_length=2000, description="One or more, separated by commas.")
]
States = Annotated[
    str | None,
    QueryParameter(name="state", max_length=200, description="One or more, separated by commas."),
]
JobIds = Annotated[
    str | None,
    QueryParameter(name="id", max_length=4000, description="One or more, separated by commas."),
]
Text = Annotated[str | None, QueryParameter(max_length=200)]
Time = Annotated[
    datetime | None, QueryParameter(description="RFC 3339; without an offset it is UTC.")
]
Number = Annotated[int, QueryParameter(ge=0, le=LARGEST_ID)]
MaybeNumber = Annotated[int | None, QueryParameter(ge=0, le=2**31 - 1)]
Counted = Annotated[
    bool, QueryParameter(name="count", description="Count what fits the filter, up to 10,000.")
]
Flag = Annotated[bool, QueryParameter()]


def number(text: str) -> int | None:
    """An id as a number; None for one that no row can have."""
    found = int(text)
    return found if found <= LARGEST_ID else None


def ident(text: str, missing: Callable[[int], TaskflowError]) -> int:
    """An id as a number; raises what `missing` makes for one that no row can have."""
    found = number(text)
    if found is None:
        raise missing(int(text))
    return found


def words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def choices(text: str | None, known: Collection[str], field: str) -> tuple[str, ...]:
    """Words that are all among the known ones. Raises `InvalidRequest`."""
    chosen = words(text)
    for word in chosen:
        if word not in known:
            raise InvalidRequest.at(field, f"{word[:40]!a} is none of {', '.join(sorted(known))}")
    return chosen


def names(text: str | None, kind: NameKind, field: str) -> tuple[str, ...]:
    """Names that may exist. Raises `InvalidRequest`."""
    try:
        return tuple(check_name(word, kind) for word in words(text))
    except InvalidName as error:
        raise InvalidRequest.at(field, error.message) from None


def required_time(value: datetime, field: str) -> datetime:
    found = time(value, field)
    assert found is not None
    return found


def time(value: datetime | None, field: str) -> datetime | None:
    """A time with its offset, in years that the database has."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not 1970 <= aware.year <= 9000:
        raise InvalidRequest.at(field, "expected a time between 1970 and 9000")
    return aware
