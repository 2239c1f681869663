"""Values as programs get them in JSON, from the command line and from the API alike.

Ids are digits in strings, since many a JSON reader makes floats of large numbers; times are in UTC;
what is stored as JSON stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

IS_ID = re.compile(r"(?:^|_)ids?$|^(?:after|held_by|waits_for|undoes|up_to)$")
"""Names under which a whole number is an id."""


def plain(value: Any, name: str = "") -> Any:
    """`value` made of what JSON has: ids as digits in strings, times in UTC.

    A page of jobs is a thousand values, so the commonest kinds are asked for first.
    """
    kind = type(value)
    if kind is str or kind is bool or kind is float or value is None or kind is msgspec.Raw:
        return value
    if kind is int:
        return str(value) if _names_id(name) else value
    if kind is datetime:
        return value.astimezone(UTC) if value.tzinfo else value  # what the clocks of a zone show
    if isinstance(value, msgspec.Struct):
        return {field: plain(getattr(value, field), field) for field in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item, name) for item in value]
    return value


@lru_cache(maxsize=2_048)
def _names_id(name: str) -> bool:
    return IS_ID.search(name) is not None
