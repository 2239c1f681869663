"""Values to JSON bytes and back, refusing at the door what the database could not keep.

The trick: msgspec encodes first and the result is only searched for the few bytes that a forbidden
text or number must leave behind, about a microsecond in all; the value itself is walked
(`storable.py`) when it is nested, or when such bytes are found.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, TypeVar, overload

import msgspec

from taskflow.errors import InvalidJson, UnstorableResult, UnstorableValue, UnsupportedType
from taskflow.kernel.storable import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DIGITS,
    inspect,
    is_flat,
    is_pydantic,
    survey,
    too_deep,
    too_large,
    unreadable,
)

T = TypeVar("T")
Json = bytes | bytearray | memoryview | str
_Failures = (TypeError, ValueError, RecursionError, OverflowError)


def encode(value: object, *, limit: int = MAX_BYTES) -> bytes:
    """JSON bytes of `value`, at most `limit` of them.

    Besides what JSON knows, it takes datetime, date, time, timedelta, UUID, Decimal, bytes, Enum,
    dataclasses, `msgspec.Struct`, sets and tuples; they come back as themselves through an
    annotation. Raises a subclass of `UnstorableValue` that says where the offending part stands.
    """
    if not is_flat(value, limit):
        survey(value, limit)
    try:
        out = _encode(value)
    except _Failures as error:
        raise _explain(value, error) from None
    if len(out) > limit:
        raise too_large(len(out), limit)
    if is_suspicious(out):
        inspect(value)
    return out


def encode_result(value: object, *, limit: int = MAX_BYTES) -> bytes:
    """`encode` for what a handler returned: all that cannot be stored is an `UnstorableResult`."""
    try:
        return encode(value, limit=limit)
    except (UnstorableValue, InvalidJson) as error:
        said = f"the result cannot be stored: {error.message} ({error.code})"
        raise UnstorableResult(said, error.hint) from error


@overload
def decode(raw: Json) -> Any: ...
@overload
def decode(raw: Json, kind: type[T]) -> T: ...
def decode(raw: Json, kind: Any = Any) -> Any:
    """The value in a JSON text, typed if asked; raises `InvalidJson` or an `UnstorableValue`.

    Untyped, the result is what `encode` accepts, save for numbers of 1,000 to 4,300 digits.
    """
    try:
        value = msgspec.json.decode(raw, type=kind, dec_hook=dec_hook)
    except RecursionError:
        raise too_deep() from None
    except UnicodeError:
        raise InvalidJson("the text is not UTF-8") from None
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise unreadable(raw if isinstance(raw, str) else bytes(raw), error) from None
    text = raw if isinstance(raw, str) else bytes(raw).decode("utf-8", "replace")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        survey(value, 4 * len(text))
    return value


def is_suspicious(out: bytes) -> bool:
    """May this JSON hold a NUL character or a number that is too long? Never a false no."""
    return b"\\u0000" in out or (len(out) > MAX_DIGITS and _has_long_number(out))


def _has_long_number(out: bytes) -> bool:
    # Of MAX_DIGITS digits in a row one stands at a multiple of MAX_DIGITS, and half of them stand
    # to one side of it: looking there takes 0.1 ms for 1 MB, a regular expression 20 ms.
    half = MAX_DIGITS // 2
    return any(
        out[at : at + half].isdigit() or out[at - half + 1 : at + 1].isdigit()
        for at in range(MAX_DIGITS - 1, len(out), MAX_DIGITS)
        if 48 <= out[at] <= 57
    )


def enc_hook(value: Any) -> Any:
    """What msgspec does not know by itself: subclasses of scalars, mappings, deques, pydantic."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, deque):
        return list(value)
    if is_pydantic(type(value)):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__qualname__} has no JSON form")


def dec_hook(kind: Any, value: Any) -> Any:
    """The way back for those types of `enc_hook` that an annotation may name."""
    if is_pydantic(kind):
        return kind.model_validate(value)
    raise NotImplementedError(f"{kind} has no JSON form")


_encode = msgspec.json.Encoder(enc_hook=enc_hook).encode


def _explain(value: object, error: Exception) -> UnstorableValue:
    """The clear form of what msgspec said while encoding, with the path that it does not give."""
    if isinstance(error, RecursionError):
        return too_deep()
    try:
        inspect(value)
        inspect(value, _check_type)
    except UnstorableValue as found:
        return found
    return UnsupportedType(str(error).rstrip("."))


def _check_type(value: object) -> None:
    try:
        _encode(value)
    except _Failures as error:
        said = f"a value of type {type(value).__qualname__} cannot be stored as JSON"
        detail = "" if isinstance(error, TypeError) else f" ({error})"
        hint = "Pass plain values, a dataclass or a msgspec.Struct."
        raise UnsupportedType(said + detail, hint) from None
