"""Answers of the API as values of the kernel.

msgspec reads no `Raw | None`: it takes it for None alone. So kinds that hold one are read by a
mirror of theirs, in which it is `Raw`, and are made of that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

T = TypeVar("T")
NULL = b"null"


class Reading(NamedTuple):
    """What to read a kind as, and how to make one of it; None where it is that already."""

    wire: Any
    make: Callable[[Any], Any] | None = None


def decode(content: bytes, kind: type[T]) -> T:
    """JSON as a value of `kind`; ids stand as texts in it. Raises `msgspec.MsgspecError`."""
    reading: Reading = reading_of(kind)  # type: ignore[arg-type]
    value = msgspec.json.decode(content, type=reading.wire, strict=False)
    found: T = value if reading.make is None else reading.make(value)
    return found


@cache
def reading_of(kind: Any) -> Reading:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _of_struct(kind)
    parts = get_args(kind)
    if get_origin(kind) in (Union, UnionType) and len(parts) == 2 and parts[1] is type(None):
        return _of_optional(parts[0], kind)
    if get_origin(kind) is list:
        (item,) = parts
        inner = reading_of(item)
        make = inner.make
        if make is not None:
            return Reading(list[inner.wire], lambda values: [make(value) for value in values])  # type: ignore[name-defined]
    return Reading(kind)


def _of_optional(inner: Any, kind: Any) -> Reading:
    if inner is msgspec.Raw:
        return Reading(inner, lambda raw: None if bytes(raw) == NULL else raw)
    reading = reading_of(inner)
    make = reading.make
    if make is None:
        return Reading(kind)
    return Reading(reading.wire | None, lambda value: None if value is None else make(value))


def _of_struct(kind: type[msgspec.Struct]) -> Reading:
    fields = msgspec.structs.fields(kind)
    readings = {field.name: reading_of(field.type) for field in fields}
    if all(reading.make is None for reading in readings.values()):
        return Reading(kind)
    mirror = msgspec.defstruct(
        kind.__name__,
        [(f.name, readings[f.name].wire, msgspec.field(default=f.default)) if not f.required
         else (f.name, readings[f.name].wire) for f in fields],
    )  # fmt: skip

    def make(value: Any) -> Any:
        return kind(
            **{
                name: part if reading.make is None else reading.make(part)
                for name, reading in readings.items()
                for part in (getattr(value, name),)
            }
        )

    return Reading(mirror, make)
