"""Values as programs get them in JSON, from the command line and from the API alike.

Ids are digits in strings, since many a JSON reader makes floats of large numbers; times are in UTC;
what is stored as JSON stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

IS_ID = re.compile(r"(?:^|_)ids?$|^(?:after|held_by|waits_for|undoes|up_to)$")
"""Names under which a whole number is an id."""


def plain(value: Any, name: str = "") -> Any:
    """`value` made of what JSON has: ids as digits in strings, times in UTC."""
    if isinstance(value, msgspec.Raw):
        return value
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item, name) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value  # what the clocks of a zone show
    if isinstance(value, int) and not isinstance(value, bool) and IS_ID.search(name):
        return str(value)
    return value
