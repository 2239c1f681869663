from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import math
import time
import uuid
from collections import OrderedDict, deque
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskflow import errors
from taskflow.errors import TaskflowError, UnstorableResult, UnstorableValue
from taskflow.kernel import MAX_DEPTH, decode, encode, encode_result

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(["\0", "\ud800", "\udfff", "\\", '"', "\u2028", "\U0001f600", "\x1b"]),
    ),
    max_size=12,
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**1100), 10**1100),
    st.floats(),
    NASTY,
    st.sampled_from(["\\u0000", "null", "9" * 1500]),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NASTY, inner, max_size=5)
)


def storable(value: Any) -> bool:
    """The reference: slow, recursive, and independent of what it checks."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < 10**1000
    if isinstance(value, dict):
        return all(storable(k) and storable(v) for k, v in value.items())
    return all(map(storable, value)) if isinstance(value, list) else True


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_comes_back_exactly_or_is_refused(value: Any) -> None:
    try:
        out = encode(value)
    except UnstorableValue:
        assert not storable(value)
    else:
        assert storable(value)
        back = decode(out)
        assert back == value
        assert json.dumps(back) == json.dumps(value)
        assert decode(out.decode()) == value
        assert decode(memoryview(out)) == value


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_decode_of_anything_gives_a_value_or_a_taskflow_error(raw: bytes | str) -> None:
    with contextlib.suppress(TaskflowError):
        decode(raw)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Line:
    quantity: int
    due: date | None = None


class Order(msgspec.Struct):
    lines: list[Line]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)),
        (datetime, datetime(2026, 11, 23, 8)),  # noqa: DTZ001 - naive ones stay naive
        (date, date(2026, 11, 23)),
        (clock_time, clock_time(8, 30)),
        (timedelta, timedelta(days=-1, microseconds=1)),
        (uuid.UUID, uuid.UUID(int=7)),
        (Decimal, Decimal("1.500")),
        (bytes, b"\0\xff"),
        (Colour, Colour.RED),
        (Line, Line(3, date(2026, 1, 1))),
        (Order, Order([Line(1), Line(2)])),
        (set[int], {1, 2}),
        (tuple[int, str], (1, "a")),
        (dict[int, str], {1: "a"}),
        (dict[uuid.UUID, int], {uuid.UUID(int=7): 1}),
    ],
)
def test_rich_values_come_back_through_their_type(kind: Any, value: Any) -> None:
    assert decode(encode(value), kind) == value


@pytest.mark.parametrize(
    ("value", "expected", "path"),
    [
        ({"a": {"b": [1, "x\0"]}}, errors.NulCharacter, "a.b[1]"),
        ({"a": "x\0"}, errors.NulCharacter, "a"),
        ({"a": {"b\0": 1}}, errors.NulCharacter, "a"),
        ({"a": ["\ud800"]}, errors.LoneSurrogate, "a[0]"),
        ({"a b": {"\udc00": 1}}, errors.LoneSurrogate, "['a b']"),
        ({"a": math.nan}, errors.NotFinite, "a"),
        ([[1.0, -math.inf]], errors.NotFinite, "[0][1]"),
        ({"a": Decimal("sNaN")}, errors.NotFinite, "a"),
        ({"a": Line(math.nan)}, errors.NotFinite, "a.quantity"),  # type: ignore[arg-type]
        ({"a": 10**1000}, errors.NumberOutOfRange, "a"),
        ({"a": [-(10**5000)]}, errors.NumberOutOfRange, "a[0]"),
        ({"a": 1 << 10**7}, errors.NumberOutOfRange, "a"),
        ({"a": Decimal("1E+401")}, errors.NumberOutOfRange, "a"),
        ({"a": Decimal("1E-100000")}, errors.NumberOutOfRange, "a"),
        ({"a": Decimal("1" * 1001)}, errors.NumberOutOfRange, "a"),
        ({"a": [object()]}, errors.UnsupportedType, "a[0]"),
        ({"a": {(1, 2): 3}}, errors.UnsupportedType, "a"),
        ({True: 1}, errors.UnsupportedType, ""),
        ({"a": {1: "x", "1": "y"}}, errors.UnsupportedType, "a"),
        ({"a": "x" * 2_000_000}, errors.PayloadTooLarge, "a"),
        ({"a": [{"b": "x" * 2_000_000}]}, errors.PayloadTooLarge, "a[0].b"),
    ],
)
def test_each_refusal_has_its_class_and_the_path(
    value: Any, expected: type[UnstorableValue], path: str
) -> None:
    with pytest.raises(expected) as caught:
        encode(value)
    assert type(caught.value) is expected
    assert caught.value.path == path
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        {"a": 10**1000 - 1},
        {"a": "9" * 5_000},
        {"a": "\\u0000"},
        {"a": Decimal("1E+400")},
        {"a": 1.7976931348623157e308, "b": -0.0, "c": 5e-324},
        {"a": None, "b": "null", "c": "NaN"},
    ],
)
def test_what_only_looks_suspicious_is_accepted(value: Any) -> None:
    assert encode(value)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_depth_is_limited_exactly_both_ways() -> None:
    assert decode(encode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(errors.PayloadTooDeep):
        encode(nested(MAX_DEPTH + 1))
    with pytest.raises(errors.PayloadTooDeep):
        decode("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_twenty_thousand_levels_are_refused_without_recursion() -> None:
    for value in (nested(20_000), {"a": nested(20_000)}):
        with pytest.raises(errors.PayloadTooDeep):
            encode(value)
    with pytest.raises(errors.PayloadTooDeep):
        decode("[" * 20_000 + "]" * 20_000)


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(errors.PayloadTooDeep):
        encode(value)


def test_size_is_limited_exactly() -> None:
    assert len(encode("x" * 98, limit=100)) == 100
    with pytest.raises(errors.PayloadTooLarge, match="100 bytes"):
        encode("x" * 99, limit=100)


def test_huge_values_are_refused_before_they_are_encoded() -> None:
    shared: Any = ["x" * 1_000] * 1_000
    for _ in range(3):
        shared = [shared] * 1_000  # a petabyte of JSON in a few kilobytes of memory
    begun = time.process_time()
    for value in (shared, {"a": shared}, {"a": {"b": bytes(10_000_000)}}):
        with pytest.raises(errors.PayloadTooLarge):
            encode(value)
    assert time.process_time() - begun < 10


class Label(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


class Count(int):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Label("x"), "x"),
        (Count(3), 3),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": [1]}), {"a": [1]}),
        (deque([1, 2]), [1, 2]),
    ],
)
def test_kin_of_plain_types_are_stored_as_these(value: Any, expected: Any) -> None:
    assert decode(encode({"value": value})) == {"value": expected}


class Model:
    """Shaped like a pydantic model, which is all that the codec asks for."""

    __pydantic_core_schema__: Any = None

    def __init__(self, number: int) -> None:
        self.number = number

    def model_dump(self, mode: str) -> dict[str, int]:
        assert mode == "json"
        return {"number": self.number}

    @classmethod
    def model_validate(cls, value: dict[str, int]) -> Model:
        return cls(**value)


def test_pydantic_models_come_back_through_their_type() -> None:
    back = decode(encode({"m": Model(3)}), dict[str, Model])
    assert back["m"].number == 3


@pytest.mark.parametrize("value", [object(), "\0", math.nan, nested(100), "x" * 2_000_000])
def test_a_result_that_cannot_be_stored_has_one_class(value: object) -> None:
    with pytest.raises(UnstorableResult, match="the result cannot be stored") as caught:
        encode_result(value)
    assert isinstance(caught.value.__cause__, UnstorableValue)


def test_a_result_that_is_no_json_at_all_too() -> None:
    with pytest.raises(UnstorableResult, match="TF109"):
        encode_result(msgspec.Raw(b"{x"))


@pytest.mark.parametrize("raw", [b"", b"{", b'"\xff"', b"NaN", b"{'a': 1}", b'[NaN, "\\ud800"'])
def test_text_that_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(errors.InvalidJson):
        decode(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"1e999", errors.NumberOutOfRange),
        (b"[1e99999999999999999999]", errors.NumberOutOfRange),
        (b"1" * 5_000, errors.NumberOutOfRange),
        (b'"\\ud800"', errors.LoneSurrogate),
        (b'{"a": ["\\uDC00x"]}', errors.LoneSurrogate),
    ],
)
def test_json_that_cannot_be_kept_is_told_from_what_is_no_json(
    raw: bytes, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        decode(raw)
    with pytest.raises(expected):
        encode({"a": msgspec.Raw(raw)})
