"""What the database can keep: the limits, and the walk that finds a value beyond them.

The trick: `survey` goes level by level without keeping paths, so it costs well under a microsecond
for a small payload; only when there is something to complain about does `inspect` walk again with
paths. Neither recurses, and both stop at the first lower bound that exceeds the limit, so cycles,
20,000 levels, 100 MB, or a list that holds itself a million times over end at once.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from taskflow.errors import (
    InvalidJson,
    LoneSurrogate,
    NotFinite,
    NulCharacter,
    NumberOutOfRange,
    PayloadTooDeep,
    PayloadTooLarge,
    TaskflowError,
    UnstorableValue,
    UnsupportedType,
)

MAX_BYTES = 1_048_576
"""Default limit of one encoded value."""
MAX_DEPTH = 64
"""Deepest nesting of objects and arrays; Postgres and Python both fail somewhere past 1,000."""
MAX_DIGITS = 1_000
"""Most digits of one integer or decimal. Python itself reads at most 4,300."""
MAX_EXPONENT = 400
"""Largest decimal exponent either way: `1e100000` is 8 bytes in and 100,008 bytes out of jsonb."""

_FIXED = frozenset({int, bool, type(None), datetime, date, time, timedelta, UUID})
_LEAVES = _FIXED | {str, float, Decimal, bytes}
_TEXT = frozenset({str})
_KEYS = (str, int, float, Enum, date, time, timedelta, UUID, Decimal, bytes)


def is_flat(value: object, limit: int) -> bool:
    """Is it a plain scalar, or a dict of such, each of which fits? Then it needs no survey."""
    if type(value) is not dict:
        return type(value) in _FIXED
    for key, member in value.items():
        kind = type(member)
        if type(key) is not str:
            return False
        if kind is str:
            if len(member) > limit:
                return False
        elif kind is float:
            if member - member != 0.0:  # true for NaN and the infinities only
                return False
        elif kind not in _FIXED:
            return False
    return True


def survey(root: object, limit: int) -> None:
    """Refuse what is too deep, surely too large, or an odd scalar, before anything is encoded."""
    try:
        _measure(root, limit, MAX_DEPTH)
    except (PayloadTooDeep, PayloadTooLarge) as error:
        raise type(error).at(_blame(root, limit), error.message, error.hint) from None
    except UnstorableValue:
        inspect(root)
        raise


def inspect(root: object, check: Callable[[Any], None] | None = None) -> None:
    """Check each scalar and key of a value that is not too deep; errors carry the path."""
    check = check or check_scalar
    stack = [_Node(root, None, "")]
    while stack:
        node = stack.pop()
        try:
            parts = _parts(node.value)
            if parts is None:
                check(node.value)
            elif isinstance(parts, dict):
                _check_keys(parts)
                for key in parts:
                    check(key)
        except UnstorableValue as error:
            raise type(error).at(node.path, error.message, error.hint) from None
        stack.extend(_nodes(node, parts))


def check_scalar(value: Any) -> None:
    """Refuse one text or number that JSON or Postgres cannot keep; the error carries no path."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NotFinite(f"{value} has no JSON form", "Use None, or a text.")
    elif isinstance(value, int):
        # Bits, because counting the digits of the numbers refused takes quadratic time.
        if value.bit_length() >= 3_322 and abs(value) >= 10**MAX_DIGITS:
            raise NumberOutOfRange(f"an integer has more than {MAX_DIGITS:,} digits", _AS_TEXT)
    elif isinstance(value, Decimal):
        _check_decimal(value)
    elif isinstance(value, msgspec.Raw):
        _check_raw(bytes(value))


_AS_TEXT = "Pass it as text."
_read_exactly = msgspec.json.Decoder(float_hook=Decimal).decode


def _check_raw(text: bytes) -> None:
    """Refuse what JSON text that goes out as it is holds; a float would hide its exponent."""
    try:
        value = _read_exactly(text)
    except RecursionError:
        raise too_deep() from None
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        raise unreadable(text, error) from None
    _measure(value, len(text), MAX_DEPTH)
    inspect(value)


def unreadable(raw: bytes | str, error: Exception) -> TaskflowError:
    """Why a JSON text was not taken, where msgspec's own words would lead astray."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    if "out of range" in str(error) or isinstance(error, ArithmeticError):
        said = f"a number has an exponent beyond {MAX_EXPONENT} or more than 4,300 digits"
        return NumberOutOfRange(said, _AS_TEXT)
    if "\\ud" in text.lower():
        try:
            inspect(json.loads(text))  # takes lone surrogates, so that they can be shown
        except UnstorableValue as found:
            return found
        except (ValueError, RecursionError):
            pass
    return InvalidJson(f"not the JSON that was expected: {error}")


def _check_decimal(value: Decimal) -> None:
    if not value.is_finite():
        raise NotFinite(f"Decimal {value} has no JSON form", "Use None, or a text.")
    if len(value.as_tuple().digits) > MAX_DIGITS:
        raise NumberOutOfRange(f"a decimal has more than {MAX_DIGITS:,} digits", _AS_TEXT)
    if abs(value.adjusted()) > MAX_EXPONENT:
        raise NumberOutOfRange(
            f"a decimal has the exponent {value.adjusted():,}, the limit is {MAX_EXPONENT}",
            _AS_TEXT,
        )


def _check_text(text: str) -> None:
    if "\0" in text:
        raise NulCharacter(
            "a text holds the character U+0000, which Postgres cannot store",
            'Remove it with text.replace("\\0", ""), or pass bytes.',
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise LoneSurrogate(
                f"a text holds the lone surrogate {text[error.start]!a}, not a character",
                'Clean it with text.encode("utf-8", "replace").decode().',
            ) from None


def _check_keys(members: dict[Any, Any]) -> None:
    """Keys become text: refuse those that cannot, and mixtures, where one may hide another."""
    kinds = set(map(type, members))
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise UnsupportedType(f"the keys are of mixed types ({names})", "Use text keys.")
    if kinds and (bool in kinds or not issubclass(next(iter(kinds)), _KEYS)):
        raise UnsupportedType(f"the keys are of type {kinds.pop().__name__}", "Use text keys.")


def too_large(size: int | None, limit: int) -> PayloadTooLarge:
    said = f"{size:,} bytes" if size is not None else "more than that"
    return PayloadTooLarge(
        f"the limit is {limit:,} bytes of JSON, this takes {said}",
        "Store the large part elsewhere and pass its key.",
    )


def too_deep() -> PayloadTooDeep:
    return PayloadTooDeep(f"the value is nested more than {MAX_DEPTH} levels deep", "Flatten it.")


def _measure(root: object, limit: int, max_depth: int) -> None:
    room, depth, level = limit, 0, [root]
    while level:
        depth += 1
        below: list[Any] = []
        for value in level:
            parts = _parts(value)
            if parts is None:
                room -= _odd_size(value)
            elif depth > max_depth:
                raise too_deep()
            elif (room := room - 2 * len(parts)) >= 0:
                members = parts
                if isinstance(parts, dict):
                    room -= _keys_size(parts)
                    members = parts.values()
                room -= _members_size(members, below)
            if room < 0:
                raise too_large(None, limit)
        level = below


def _members_size(members: Iterable[Any], below: list[Any]) -> int:
    """A lower bound for the plain members; all others join the next level."""
    size = 0
    for member in members:
        kind = type(member)
        if kind is str:
            size += len(member)
        elif kind is float:
            if member - member != 0.0:
                below.append(member)
        elif kind not in _FIXED:
            below.append(member)
    return size


def _keys_size(members: dict[Any, Any]) -> int:
    if not _TEXT.issuperset(map(type, members)):
        _check_keys(members)
        return sum(map(_odd_size, members))
    return sum(map(len, members))


def _odd_size(value: Any) -> int:
    check_scalar(value)
    return len(value) if isinstance(value, str | bytes | bytearray | memoryview) else 0


def _parts(value: Any) -> Collection[Any] | None:
    """The parts of a container as msgspec will see them; None for a scalar."""
    kind = type(value)
    if kind is dict or kind is list:
        return value  # type: ignore[no-any-return]
    if kind in _LEAVES:
        return None
    if isinstance(value, list | tuple | dict | set | frozenset | deque):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name, None) for name in value.__struct_fields__}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name, None) for name in value.__dataclass_fields__}
    if is_pydantic(kind):
        return value.model_dump(mode="json")  # type: ignore[no-any-return]
    return None


def is_pydantic(kind: Any) -> bool:
    """Is this a pydantic model? Told by its shape, so that pydantic is never imported here."""
    return isinstance(kind, type) and hasattr(kind, "__pydantic_core_schema__")


class _Node:
    """A value on the walk, linked to the container that holds it, so that paths cost nothing."""

    __slots__ = ("parent", "step", "value")

    def __init__(self, value: Any, parent: _Node | None, step: str) -> None:
        self.value, self.parent, self.step = value, parent, step

    @property
    def path(self) -> str:
        steps: list[str] = []
        node: _Node | None = self
        while node is not None:
            steps.append(node.step)
            node = node.parent
        path = "".join(reversed(steps)).removeprefix(".")
        return path if len(path) <= 200 else f"{path[:99]}...{path[-98:]}"


def _nodes(parent: _Node, parts: Collection[Any] | None) -> Iterator[_Node]:
    if isinstance(parts, dict):
        for key, value in parts.items():
            plain = type(key) is str and key.isidentifier()
            yield _Node(value, parent, f".{key}" if plain else f"[{ascii(key)[:60]}]")
    elif parts is not None:
        for index, value in enumerate(parts):
            yield _Node(value, parent, f"[{index}]")


def _blame(root: object, limit: int) -> str:
    """The path of the first part that is by itself too large or too deep, a few levels down."""
    node = _Node(root, None, "")
    for level in range(1, 9):
        for child in islice(_nodes(node, _parts(node.value)), 1_000):
            try:
                _measure(child.value, limit, MAX_DEPTH - level)
            except UnstorableValue:
                node = child
                break
        else:
            break
    return node.path
