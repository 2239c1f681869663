"""Arguments: they come back as what they were, and what cannot be stored is refused at the door."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from taskflow import Context, InvalidArguments, Task, Taskflow, TaskflowError
from tests.sdk.conftest import Tasks, code
from tests.support.factories import Connection, value
from tests.support.serving import serving


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Address:
    street: str
    since: date


class Order(msgspec.Struct):
    id: UUID
    total: Decimal
    address: Address
    paid_at: datetime | None = None


ORDER = Order(
    UUID("12345678-1234-5678-1234-567812345678"),
    Decimal("19.9900000000000000000001"),
    Address("Hauptstraße 1 🚀", date(2024, 2, 29)),
    datetime(2026, 1, 1, 12, tzinfo=UTC),
)


async def test_everything_comes_back_as_itself(tf: Taskflow) -> None:
    seen: list[Any] = []

    @tf.task()
    async def ship(
        ctx: Context,
        order: Order,
        colours: list[Colour],
        when: datetime,
        wait: timedelta,
        prices: dict[str, Decimal],
        raw: bytes = b"",
        extra: Any = None,
    ) -> Order:
        seen.append((order, colours, when, wait, prices, raw, extra))
        return order

    when = datetime(2026, 3, 1, 0, 0, 0, 123456, tzinfo=UTC)
    given = (ORDER, [Colour.BLUE], when, timedelta(hours=36), {"a": Decimal("0.10")}, b"\x00\xff")
    async with serving(tf):
        handle = await ship.aenqueue(*given, extra={"deep": [1, 2.5, None, "é"]})
        assert await handle.aresult(timeout=10) == ORDER
    assert seen == [(*given, {"deep": [1, 2.5, None, "é"]})]
    assert type(seen[0][4]["a"]) is Decimal


async def test_large_numbers_survive(tf: Taskflow) -> None:
    @tf.task()
    async def echo(n: int, x: float) -> tuple[int, float]:
        return n, x

    async with serving(tf):
        for n, x in [(2**63, 1e-300), (-(10**50), 0.1), (2**53 + 1, 1.7976931348623157e299)]:
            handle = await echo.aenqueue(n, x)
            assert await handle.aresult(timeout=10) == (n, x)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.fixture
def anything(tf: Taskflow) -> Task[..., Any]:
    @tf.task()
    async def take(payload: Any, other: int = 0) -> None: ...

    return take


BAD: dict[str, tuple[Any, str, str]] = {
    "NUL": ({"a": ["x\x00y"]}, "TF105", "payload.a[0]"),
    "NUL in a key": ({"a\x00": 1}, "TF105", "payload"),
    "lone surrogate": ({"a": "\ud800"}, "TF106", "payload.a"),
    "NaN": ([1.0, float("nan")], "TF107", "payload[1]"),
    "infinity": (float("-inf"), "TF107", "payload"),
    "a Decimal NaN": (Decimal("NaN"), "TF107", "payload"),
    "exponent bomb": (Decimal("1e1000000"), "TF116", "payload"),
    "digit bomb": (10**5000, "TF116", "payload"),
    "an exponent bomb as JSON": (msgspec.Raw(b"1e999999"), "TF116", "payload"),
    "one that Python cannot read": ([msgspec.Raw(b"1e9999999999999999999")], "TF116", "payload[0]"),
    "NUL as JSON": (msgspec.Raw(rb'["\u0000"]'), "TF105", "payload"),
    "lone surrogate as JSON": (msgspec.Raw(rb'"\ud800"'), "TF106", "payload"),
    "20,000 levels as JSON": (msgspec.Raw(b"[" * 20_000 + b"]" * 20_000), "TF115", "64 levels"),
    "no JSON": (msgspec.Raw(b"{x"), "TF109", "not the JSON"),
    "an object": ({"a": object()}, "TF108", "payload.a"),
    "a function": (print, "TF108", "payload"),
    "a set of objects": ({1, object()}, "TF108", "payload"),
    "65 levels": (nested(65), "TF115", "64 levels"),
    "20,000 levels": (nested(20_000), "TF115", "64 levels"),
    "too large": ("x" * 2_000_000, "TF114", "1,048,576 bytes"),
    "too many": (list(range(400_000)), "TF114", "1,048,576 bytes"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_stored(db: Connection, anything: Task[..., Any], bad: str) -> None:
    given, expected, said = BAD[bad]
    with pytest.raises(TaskflowError) as refused:
        anything.enqueue(given)
    assert code(refused) == expected, refused.value
    assert said in str(refused.value)
    assert len(str(refused.value)) < 400
    done = anything.enqueue_many([(1,), (given,), (2,)])
    assert [(refusal.position, refusal.code) for refusal in done.refused] == [(1, expected)]
    assert value(db, "select count(*) from taskflow.job") == 2


def test_a_circle(anything: Task[..., Any]) -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(TaskflowError) as refused:
        anything.enqueue(circle)
    assert code(refused) == "TF115"


@pytest.mark.parametrize("size", [100_000_000])
def test_a_hundred_megabytes_are_refused_without_copying_them(
    anything: Task[..., Any], size: int
) -> None:
    import tracemalloc

    text = "x" * size
    tracemalloc.start()
    with pytest.raises(TaskflowError) as refused:
        anything.enqueue(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert code(refused) == "TF114"
    assert peak < 10_000_000


def test_limits_are_settings(dsn: str, db: Connection) -> None:
    app = Taskflow(dsn, max_args_bytes=100)

    @app.task()
    def take(text: str) -> None: ...

    with pytest.raises(TaskflowError, match="the limit is 100 bytes"):
        take.enqueue("x" * 100)
    take.enqueue("x" * 80)
    app.close()


def test_a_limit_of_the_database_counts_too(db: Connection, anything: Task[..., Any]) -> None:
    db.execute("update taskflow.config set value = '50' where name = 'max_args_bytes'")
    with pytest.raises(TaskflowError, match="TF114 arguments take"):
        anything.enqueue("x" * 60)


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        (("x",), {}, 'argument "a": expected int, got'),
        ((1.5,), {}, 'argument "a": expected int'),
        ((True,), {}, 'argument "a": expected int'),
        ((None,), {}, 'argument "a": expected int'),
        ((1, "2"), {}, 'argument "b": expected int'),
        (("x", "y"), {}, 'argument "b"'),
        ((), {}, 'argument "a": missing'),
        ((1, 2, 3), {}, "takes 2 positional arguments, got 3"),
        ((1,), {"a": 1}, "given twice"),
        ((1,), {"bb": 1}, 'unknown, did you mean "b"?'),
        ((), {"a": {"x": [1]}}, 'argument "a": expected int, got'),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(
    tasks: Tasks, args: tuple[Any, ...], kwargs: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        tasks.add.enqueue(*args, **kwargs)
    assert said in str(refused.value)
    assert "The task takes (a: int, b: int = 0)." in str(refused.value)


def test_wrong_parts_are_named_by_their_path(tf: Taskflow) -> None:
    @tf.task()
    async def ship(orders: list[Order]) -> None: ...

    broken = msgspec.to_builtins(ORDER) | {"address": {"street": 5, "since": "2024-02-29"}}
    with pytest.raises(InvalidArguments) as refused:
        ship.enqueue([ORDER, broken])
    assert "orders[1].address.street" in str(refused.value)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts on a plain recursion")
async def test_a_result_that_cannot_be_stored_ends_that_job_alone(tf: Taskflow) -> None:
    @tf.task(max_attempts=1)
    async def give(what: str) -> Any:
        return {"deep": nested(20_000), "nan": float("nan"), "object": object(), "fine": 1}[what]

    async with serving(tf):
        handles = {what: await give.aenqueue(what) for what in ("deep", "nan", "object", "fine")}
        assert await handles.pop("fine").aresult(timeout=10) == 1
        for handle in handles.values():
            with pytest.raises(TaskflowError, match=r"UnstorableResult.*cannot be stored"):
                await handle.aresult(timeout=10)
