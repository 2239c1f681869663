from __future__ import annotations

import dataclasses
import enum
import functools
import typing
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskflow import errors
from taskflow.errors import InvalidArguments, InvalidDefinition
from taskflow.kernel import Signature, Snooze, decode


class Context:
    """Stands in for the worker's class, which is known by its name."""


class Line(msgspec.Struct):
    qty: int
    due: date | None = None


@dataclasses.dataclass
class Order:
    id: int
    lines: list[Line]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def two(a: int, b: int) -> int:
    return a + b


def send(ctx: Context, order_id: int, *, locale: str = "en") -> str | None:
    return f"{ctx}{order_id}{locale}"


def mixed(a, /, b=2, *, c: float = 1.5, **rest: int) -> None: ...  # type: ignore[no-untyped-def]


def rich(
    order: Order,
    when: datetime,
    key: uuid.UUID,
    price: Decimal,
    colour: Colour,
    wait: timedelta = timedelta(seconds=1),
    tags: frozenset[str] = frozenset(),
    size: Literal["s", "m"] = "s",
) -> None: ...


def refusal(call: Callable[[], object]) -> InvalidArguments:
    with pytest.raises(InvalidArguments) as caught:
        call()
    return caught.value


# --- binding --------------------------------------------------------------------------------------


def test_arguments_become_an_object_of_names() -> None:
    signature = Signature.of(two)
    assert decode(signature.encode((1, 2), {})) == {"a": 1, "b": 2}
    assert decode(signature.encode((1,), {"b": 2})) == {"a": 1, "b": 2}
    assert signature.bind(b'{"b":2,"a":1}') == ((1, 2), {})


def test_defaults_are_left_out_unless_given_and_filled_in_for_the_handler() -> None:
    signature = Signature.of(send)
    assert signature.encode((42,), {}) == b'{"order_id":42}'
    assert signature.encode((42,), {"locale": "en"}) == b'{"order_id":42,"locale":"en"}'
    assert signature.bind(b'{"order_id":42}') == ((42,), {"locale": "en"})


def test_a_mutable_default_is_the_handlers_own_object() -> None:
    default = [1, 2]

    def handler(items: list[int] = default) -> None: ...

    assert Signature.of(handler).bind(b"{}")[0][0] is default


def test_positional_only_keyword_only_and_extra_arguments() -> None:
    signature = Signature.of(mixed)
    assert signature.bind(signature.encode((1,), {"z": 3})) == ((1, 2), {"c": 1.5, "z": 3})
    assert signature.bind(signature.encode(("x", None), {"c": 2})) == (("x", None), {"c": 2.0})
    assert "must be given by position" in str(refusal(lambda: signature.encode((), {"a": 1})))
    wrong = refusal(lambda: signature.encode((1,), {"z": "3"}))
    assert wrong.errors == (("z", "expected int, got str '3'"),)
    wrong = refusal(lambda: signature.bind(b'{"a":1,"z":"3"}'))
    assert wrong.errors == (("z", "expected int, got str '3'"),)


def test_every_wrong_argument_is_named_at_once() -> None:
    signature = Signature.of(send)
    error = refusal(lambda: signature.encode((), {"oder_id": 1, "zzz": 2}))
    assert error.errors == (
        ("oder_id", 'unknown, did you mean "order_id"?'),
        ("zzz", "unknown"),
        ("order_id", "missing"),
    )
    assert error.hint == "The task takes (order_id: int, *, locale: str = 'en')."


def test_too_many_and_doubly_given_arguments_are_refused() -> None:
    signature = Signature.of(two)
    assert "takes 2 positional arguments, got 3" in str(
        refusal(lambda: signature.encode((1, 2, 3), {}))
    )
    assert "given twice" in str(refusal(lambda: signature.encode((1, 2), {"a": 3})))


# --- types ----------------------------------------------------------------------------------------


def test_the_error_shows_what_was_expected_and_found() -> None:
    error = refusal(lambda: Signature.of(send).encode(("42",), {}))
    assert str(error).startswith("TF118 argument \"order_id\": expected int, got str '42'. ")


def some_order(**changes: Any) -> dict[str, Any]:
    return {
        "order": Order(1, [Line(3), Line(4, date(2026, 1, 1))]),
        "when": datetime(2026, 11, 23, 8, tzinfo=UTC),
        "key": uuid.UUID(int=7),
        "price": Decimal("1.50"),
        "colour": Colour.BLUE,
    } | changes


def test_rich_arguments_arrive_as_their_types() -> None:
    signature = Signature.of(rich)
    sent = some_order(wait=timedelta(minutes=5), tags=frozenset({"x"}), size="m")
    args, kwargs = signature.bind(signature.encode((), sent))
    assert list(args) == list(sent.values())
    assert kwargs == {}


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"order": Order(1, [Line(1), Line("3")])}, "order.lines[1].qty", "got str '3'"),  # type: ignore[arg-type]
        ({"order": {"id": 1}}, "order", 'missing field "lines"'),
        ({"order": 3}, "order", "got int 3"),
        ({"when": "yesterday"}, "when", "invalid RFC3339 encoded datetime"),
        ({"price": "x"}, "price", "invalid decimal string"),
        ({"colour": "pink"}, "colour", "expected one of 'red', 'blue', got str 'pink'"),
        ({"size": "xl"}, "size", "expected one of 'm', 's', got str 'xl'"),
        ({"size": b"s"}, "size", "got bytes b's'"),
        ({"tags": {1}}, "tags[0]", "expected str, got"),
        ({"key": object}, "key", "expected UUID"),
    ],
)
def test_nested_mistakes_carry_the_full_path(change: dict[str, Any], path: str, said: str) -> None:
    error = refusal(lambda: Signature.of(rich).encode((), some_order(**change)))
    ((found, text),) = error.errors
    assert found == path
    assert said in text


@pytest.mark.parametrize("value", [True, 1.0, "1", None, b"1", Decimal(1), datetime.now(UTC)])
def test_nothing_but_an_int_is_an_int(value: object) -> None:
    refusal(lambda: Signature.of(two).encode((1, value), {}))


@pytest.mark.parametrize("value", [b"x", 1, Decimal(1), uuid.UUID(int=1), Colour.RED.name.encode()])
def test_nothing_is_turned_into_text_silently(value: object) -> None:
    refusal(lambda: Signature.of(send).encode((1,), {"locale": value}))


def test_what_json_would_change_is_refused_at_enqueue() -> None:
    """A Decimal is stored as text, which a float would not take back."""
    error = refusal(lambda: Signature.of(mixed).encode((1,), {"c": Decimal("1.5")}))
    assert error.errors == (("c", "expected float, got Decimal('1.5')"),)


def test_values_that_cannot_be_stored_keep_their_own_errors() -> None:
    signature = Signature.of(mixed)
    with pytest.raises(errors.NotFinite):
        signature.encode((float("nan"),), {})
    with pytest.raises(errors.PayloadTooLarge):
        signature.encode(("x" * 200,), {}, 100)


JSON_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats()


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "z"]), JSON_SCALARS, max_size=4))
def test_what_passes_at_enqueue_binds_in_the_worker(kwargs: dict[str, Any]) -> None:
    def handler(a: int, b: str | None, c: float = 0.5) -> None: ...

    signature = Signature.of(handler)
    try:
        raw = signature.encode((), kwargs)
    except errors.TaskflowError:
        return
    args, extra = signature.bind(raw)
    assert dict(zip("abc", args, strict=True)) == {"c": 0.5} | kwargs
    assert extra == {}


# --- stored arguments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a":1,"c":"3"}', InvalidArguments),
        (b'{"a":1,"b":"2"}', InvalidArguments),
        (b"[1,2]", errors.ArgumentsNotObject),
        (b'{"a":', errors.InvalidJson),
        (b'{"a":' + b"[" * 20_000, errors.PayloadTooDeep),
    ],
)
def test_stored_arguments_that_do_not_fit_are_refused(raw: bytes, expected: type) -> None:
    with pytest.raises(expected):
        Signature.of(two).bind(raw)


def test_stored_arguments_may_be_bytes_text_or_a_view() -> None:
    signature = Signature.of(two)
    raw = b'{"a":1,"b":2}'
    assert signature.bind(raw) == signature.bind(raw.decode()) == signature.bind(memoryview(raw))


# --- bulk -----------------------------------------------------------------------------------------


def test_bulk_gives_one_array_and_the_positions_of_the_refused() -> None:
    items: list[Any] = [(1,), ("2",), {"x": 3}, [4], (5, 6), (float("nan"),)]
    raw, refused = Signature.of(lambda x=0: x).encode_many([(1,), {"x": 3}])
    assert (raw, refused) == (b'[{"x":1},{"x":3}]', [])

    def one(x: int) -> None: ...

    raw, refused = Signature.of(one).encode_many(items)
    assert raw == b'[{"x":1},{"x":3}]'
    assert [position for position, _ in refused] == [1, 3, 4, 5]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(JSON_SCALARS, JSON_SCALARS), max_size=6))
def test_bulk_agrees_with_one_by_one(items: list[tuple[Any, Any]]) -> None:
    def handler(a: int | None, b: float | str) -> None: ...

    signature = Signature.of(handler)
    good: list[Any] = []
    bad: list[int] = []
    for position, item in enumerate(items):
        try:
            good.append(decode(signature.encode(item, {}, 40)))
        except errors.TaskflowError:
            bad.append(position)
    raw, refused = signature.encode_many(items, 40)
    assert decode(raw) == good
    assert [position for position, _ in refused] == bad


def test_empty_bulk_is_an_empty_array() -> None:
    assert Signature.of(two).encode_many([]) == (b"[]", [])


# --- definitions ----------------------------------------------------------------------------------


class Sender:
    def method(self, x: int) -> None: ...

    async def __call__(self, x: int) -> None: ...


def test_what_may_be_a_handler() -> None:
    assert str(Signature.of(Sender().method)) == "(x: int)"
    assert Signature.of(Sender()).is_async
    assert not Signature.of(two).is_async
    partial = Signature.of(functools.partial(two, b=3))
    assert partial.bind(partial.encode((1,), {})) == ((1,), {"b": 3})
    assert str(Signature.of(lambda x, y=1: x + y)) == "(x, y=1)"


def star(*ids: int) -> None: ...
def number(x: complex) -> None: ...
def callback(x: Callable[[], int]) -> None: ...
def missing(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def late(x: int, ctx: Context) -> None: ...
def two_texts(x: datetime | date) -> None: ...
def numbers() -> typing.Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (star, r"star takes \*ids, but arguments are stored by name"),
        (number, '"x" cannot be stored as JSON: complex has no JSON form'),
        (callback, "Callable has no JSON form"),
        (missing, "annotation 'Nowhere' of argument \"x\" cannot be resolved"),
        (late, 'the context "ctx" must come first'),
        (two_texts, "more than one str-like type"),
        (numbers, "is a generator"),
        (Sender.method, "looks like a method"),
        (Sender, "is not a function"),
        (3, "is not a function"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_at_definition(handler: Any, said: str) -> None:
    with pytest.raises(InvalidDefinition, match=said) as caught:
        Signature.of(handler)
    assert caught.value.hint or "must come first" in str(caught.value)


def by_class(ctx: Context, x: int) -> None: ...
def by_optional(ctx: Context | None, x: int) -> None: ...
def by_dotted_text(c: taskflow.Context[int], x: int) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def by_name(ctx, x: int) -> None: ...  # type: ignore[no-untyped-def]
def other_name(ctx: int, x: int) -> None: ...


@pytest.mark.parametrize(
    ("handler", "takes"),
    [
        (by_class, True),
        (by_optional, True),
        (by_dotted_text, True),
        (by_name, True),
        (other_name, False),
        (two, False),
    ],
)
def test_the_context_is_known_by_annotation_or_name(handler: Any, takes: bool) -> None:
    signature = Signature.of(handler)
    assert signature.takes_context is takes
    assert len(signature.shape.parameters) == (1 if takes else 2)


def test_local_classes_are_resolved_from_the_closure_or_as_told() -> None:
    class Local(msgspec.Struct):
        x: int

    def handler(item: Local) -> None:
        Local(item.x)

    def told(item: Local) -> None: ...

    assert Signature.of(handler).bind(b'{"item":{"x":1}}') == ((Local(1),), {})
    assert Signature.of(told, localns=locals()).bind(b'{"item":{"x":1}}') == ((Local(1),), {})


# --- results and schema ---------------------------------------------------------------------------


def gives_order() -> Order | Snooze: ...  # type: ignore[empty-body]
def gives_odd() -> complex: ...  # type: ignore[empty-body]


def test_results_come_back_as_annotated_without_outcomes() -> None:
    raw = b'{"id":1,"lines":[{"qty":2}]}'
    assert Signature.of(gives_order).decode_result(raw) == Order(1, [Line(2)])
    assert Signature.of(gives_odd).decode_result(b'"x"') == "x"


def test_a_result_of_an_older_type_comes_back_plain() -> None:
    assert Signature.of(gives_order).decode_result(b'{"old":1}') == {"old": 1}


def test_schema_names_types_defaults_and_what_is_required() -> None:
    schema = Signature.of(rich).schema()
    assert schema["required"] == ["order", "when", "key", "price", "colour"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["wait"] == {
        "type": "string",
        "format": "duration",
        "default": "PT1S",
    }
    assert set(schema["$defs"]) == {"Order", "Line", "Colour"}
    assert decode(msgspec.json.encode(schema)) == schema
    assert Signature.of(mixed).schema()["additionalProperties"] == {"type": "integer"}
