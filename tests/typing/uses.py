"""Checked by mypy and basedpyright, never run: `# error` marks each line that both must refuse.

Everything else must pass both, in their strictest modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_type

from taskflow import (
    BatchHandle,
    Cancel,
    Context,
    Enqueued,
    Handle,
    Job,
    Node,
    Retry,
    Run,
    RunHandle,
    Schedule,
    Snooze,
    Task,
    Taskflow,
)
from taskflow.chains import Chain, Group, Part
from taskflow.kernel.schedule import Declaration

if TYPE_CHECKING:
    import psycopg

tf = Taskflow("postgresql://nobody@localhost/none")


# --- definitions: a leading Context goes, everything else stays -----------------------------------


@tf.task(queue="email", retry=Retry(8, backoff="exponential", cap="1h", give_up_on=[ValueError]))
async def send_receipt(ctx: Context, order_id: int, *, locale: str = "en") -> str:
    ctx.log.info("order %d for %s", order_id, locale)
    return "ok"


@tf.task()
def add(a: int, b: int = 0) -> int:
    return a + b


@tf.task(run_in="process", timeout="5m")
def crunch(ctx: Context, prices: Sequence[Decimal]) -> Decimal:
    return sum(prices, Decimal(ctx.attempt))


@tf.task()
async def tick() -> None: ...


@tf.task()
async def poll(url: str) -> Snooze | Cancel | int:
    return Snooze("5m") if url else 1


assert_type(send_receipt.enqueue(1), Handle[str])
assert_type(add.enqueue(1, b=2), Handle[int])
assert_type(crunch.enqueue([Decimal(1)]), Handle[Decimal])
assert_type(tick.enqueue(), Handle[None])
assert_type(poll.enqueue("x"), Handle[Snooze | Cancel | int])

# --- calls ----------------------------------------------------------------------------------------

send_receipt.enqueue(42)
send_receipt.enqueue(42, locale="de")
send_receipt.enqueue(order_id=42)
send_receipt.enqueue()  # error
send_receipt.enqueue("42")  # error
send_receipt.enqueue(42, "de")  # error
send_receipt.enqueue(42, local="de")  # error
send_receipt.enqueue(42, locale=5)  # error
send_receipt.enqueue(None, 42)  # error
add.enqueue(1, 2, 3)  # error
tick.enqueue(1)  # error

# --- options and connections keep the signature, and share no names with it -----------------------

bound = send_receipt.options(queue="bulk", delay="5m", priority="high")
assert_type(bound.enqueue(42, locale="de"), Handle[str])
bound.enqueue("42")  # error
bound.options(priorty="high")  # error
bound.options(priority="hihg")  # error
bound.options(delay=[5])  # error
tf.task(quue="x")  # error
bound.options(tags=["vip"]).enqueue(42, locale=None)  # error


def in_a_transaction(connection: psycopg.Connection[Any]) -> None:
    assert_type(send_receipt.on(connection).enqueue(42), Handle[str])
    assert_type(add.on(connection).options(delay=5).enqueue(1), Handle[int])
    send_receipt.on(connection).enqueue("42")  # error
    assert_type(add.enqueue_many([(1,), {"a": 2}]), Enqueued)
    add.enqueue_many(5)  # error


async def in_async_code(connection: psycopg.AsyncConnection[Any]) -> None:
    handle = await send_receipt.on(connection).aenqueue(42)
    assert_type(handle, Handle[str])
    assert_type(await handle.aresult(timeout=30), str)
    assert_type(await add.aenqueue(1), Handle[int])
    await send_receipt.aenqueue("42")  # error
    assert_type(await add.aenqueue_many([(1,)]), Enqueued)


# --- schedules ------------------------------------------------------------------------------------

assert_type(tf.schedule("a", add, {"a": 1}, cron="0 8 * * *", overlap="skip"), Declaration)
tf.schedule("b", send_receipt.options(queue="bulk"), (42,), every="5m", tags=["x"])
tf.schedule("c", "elsewhere.task", at=datetime.now(UTC), catch_up="all", catch_up_span=60)
tf.schedule("d", add, crom="0 8 * * *")  # error
tf.schedule("e", add, every="5m", overlap="skp")  # error
tf.schedule("f", add, at="tomorrow")  # error
assert_type(tf.client.list_schedules(), list[Schedule])
assert_type(tf.client.put_schedule("a", "add", {"a": 1}, every=300), datetime | None)
tf.client.put_schedule("a", every=[5])  # error
tf.client.pause_schedule(5)  # error

# --- handles and verbs ----------------------------------------------------------------------------

assert_type(add.enqueue(1).result(), int)
assert_type(add.enqueue(1).wait(timeout="5s"), Job)
wrong: str = add.enqueue(1).result()  # error
assert_type(tf.handle(5), Handle[Any])
assert_type(tf.client.get(5), Job | None)
assert_type(tf.client.cancel(5, "why"), str)
tf.client.cancel("5")  # error
tf.client.cancel(5, because="why")  # error


async def verbs() -> None:
    assert_type(await tf.aclient.get(5), Job | None)
    await tf.aclient.retry("5")  # error


# --- the handler's side ---------------------------------------------------------------------------


@tf.task()
async def write(ctx: Context) -> None:
    async with ctx.transaction() as connection:
        await connection.execute("select 1")


@tf.task()
def write_blocking(ctx: Context) -> None:
    with ctx.transaction(result=5) as connection:
        connection.execute("select 1")
        connection.no_such_verb()  # error


def takes_a_task(task: Task[[int], int]) -> None:
    assert_type(task.enqueue(1), Handle[int])


@tf.task()
def double(n: int) -> int:
    return 2 * n


takes_a_task(double)
takes_a_task(tick)  # error


@tf.task(run_in="nowhere")  # error
def misplaced() -> None: ...


# --- durable steps: typed by their function, or by what is asked for ------------------------------


async def charge(order_id: int) -> Decimal:
    return Decimal(order_id)


def draw() -> int:
    return 7


def loose() -> dict[str, object]:
    return {}


async def steps(ctx: Context) -> None:
    assert_type(await ctx.step("charge", charge, 17), Decimal)
    assert_type(await ctx.astep("charge", charge, 17), Decimal)
    assert_type(await ctx.astep("draw", draw), int)
    assert_type(await ctx.astep("other", loose, result_type=Decimal), Decimal)
    assert_type(await ctx.step("large", charge, 17, result_type=Decimal), Decimal)
    await ctx.step("draw", draw)  # error
    ctx.step("charge", charge, 17)  # error
    ctx.step(charge, 17)  # error
    ctx.progress(1, 3, "rendering")
    ctx.progress("1")  # error


def plain_steps(ctx: Context) -> None:
    assert_type(ctx.step("draw", draw), int)
    assert_type(ctx.step("other", loose, result_type=Decimal), Decimal)


# --- workflows: an edge is a value of the type that the task before it returns --------------------


@tf.task()
async def fetch(region: str) -> list[int]:
    return [1]


@tf.task()
async def merge(parts: Sequence[list[int]], note: str = "") -> float:
    return 1.0


@tf.task()
async def tell(total: float) -> None: ...


flow = tf.flow("nightly")
parts = [flow.add(fetch, region=region) for region in ("eu", "us")]
assert_type(parts[0], Node[list[int]])
total = flow.add(merge, [part.out for part in parts])
assert_type(total.out, float)
flow.add(tell.options(queue="mail"), total.out).after(parts[0]).when("$.input.tell == true")
each = flow.add(tell, flow.item).for_each(parts[0].out, max_parallel=3)
assert_type(each, Node[list[None]])
flow.add(tell, parts[0].out)  # error
flow.add(merge, parts[0].out)  # error
flow.add(fetch)  # error
flow.add(fetch, place="eu")  # error
flow.add(fetch, "eu").compensate(tell, "x")  # error
flow.add(fetch, "eu").on_failure("stop")  # error
flow.add(fetch, "eu").after("merge")  # error
flow.start({"region": "eu"}, key="monday")
flow.start(5)  # error

assert_type(fetch.s("eu"), Part[list[int]])
assert_type(fetch.s("eu") | tell.s(), Chain[None])
assert_type(tf.chain(fetch.s("eu"), merge.s()), Chain[float])
assert_type(tf.group([fetch.s("eu"), fetch.s("us")]), Group[list[int]])
assert_type(tf.group([fetch.s("eu")]).then(merge.s()).enqueue(), RunHandle[float])
assert_type(tf.group([fetch.s("eu")]).enqueue().result(), list[list[int]])
fetch.si(5)  # error
fetch.s("eu") | 5  # error

with tf.batch("import", on_success=tell.s(1.0)) as batch:
    batch.add(fetch, "eu")
    batch.add(fetch, 5)  # error
    batch.add_many(fetch, [("eu",)])
assert_type(batch.handle, BatchHandle)
tf.batch(on_end=tell.s(1.0))  # error


async def runs() -> None:
    run = await flow.astart()
    assert_type(run, RunHandle[Any])
    assert_type(await run.await_end(timeout="5s"), Run)
    await run.asignal(5)  # error
    assert_type(await (fetch.s("eu") | merge.s()).aenqueue(), RunHandle[float])


# --- handlers of many jobs: the task takes one of them --------------------------------------------


@tf.batch_handler(size=50, queue="search")
async def index(rows: list[tuple[int, str]]) -> list[str | Exception]:
    return [text for _, text in rows]


@tf.batch_handler()
def count(contexts: list[Context], words: list[str]) -> list[int]:
    return [context.attempt for context in contexts]


@tf.batch_handler()
def store(words: list[str]) -> None: ...


assert_type(index.enqueue((1, "a")), Handle[str])
assert_type(count.enqueue("a"), Handle[int])
assert_type(store.enqueue("a"), Handle[None])
index.enqueue("a")  # error
count.enqueue(["a"])  # error


@tf.batch_handler()  # error
def single(word: str) -> None: ...
