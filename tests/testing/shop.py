"""A small app under test. Its own database does not exist: what reached for it would fail."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

from taskflow import Cancel, Context, Retry, Snooze, Taskflow

tf = Taskflow("postgresql://nobody@127.0.0.1:1/none", connect_timeout=2)
sold: list[Any] = []


class OutOfStockError(Exception):
    """What a handler may raise."""


@tf.task(queue="mail", retry=Retry(3, jitter=0))
async def receipt(ctx: Context, order_id: int, *, locale: str = "en") -> str:
    sold.append((order_id, ctx.attempt))
    if order_id < 0 and ctx.attempt == 1:
        raise OutOfStockError(order_id)
    return f"{order_id} {locale}"


@tf.task()
def order(ctx: Context, price: Decimal) -> Decimal:
    """Writes and enqueues in its own transaction."""
    sold.append(threading.current_thread())
    with ctx.transaction(result=price * 2) as connection:
        connection.execute("create temp table if not exists orders (price numeric)")
        connection.execute("insert into orders values (%s)", [price])
        receipt.on(connection).enqueue(int(price))
    return price * 2


@tf.task()
async def aorder(ctx: Context, price: Decimal) -> None:
    async with ctx.transaction() as connection:
        await connection.execute("create temp table if not exists orders (price numeric)")
        await connection.execute("insert into orders values (%s)", [price])
        await receipt.on(connection).aenqueue(int(price))


@tf.task()
def restock(amount: int) -> int:
    """Blocking calls inside a handler."""
    receipt.enqueue_many([(n,) for n in range(amount)])
    return amount


@tf.task()
async def wait(ctx: Context, for_what: str) -> Snooze | Cancel:
    return Snooze("1h") if for_what == "delivery" else Cancel(f"no {for_what}")


@tf.task()
async def spoil(ctx: Context) -> None:
    """Fails inside its transaction: the database refuses a statement."""
    async with ctx.transaction() as connection:
        await connection.execute("create temp table spoilt ()")
        await connection.execute("select 1 / 0")


@tf.batch_handler(wait="1m")
async def labels(words: list[str]) -> list[str | Exception]:
    return [word.upper() if word else ValueError("no word") for word in words]


@tf.batch_handler(wait="1m")
def stamps(contexts: list[Context], words: list[str]) -> list[str]:
    sold.append(threading.current_thread())
    return [f"{word} {context.attempt}" for context, word in zip(contexts, words, strict=True)]
