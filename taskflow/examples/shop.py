"""A small shop's background jobs, one task for each kind of work; `taskflow demo` runs them.

Read it as an example of an app. By hand: `taskflow worker taskflow.examples.shop:tf -q demo`.
"""

from __future__ import annotations

import asyncio

from taskflow import Context, Retry, Taskflow

STEPS = 4
STEP_S = 0.7
DECLINED = "4000"

tf = Taskflow(builtin_tasks="echo, compute")


class CardDeclined(Exception):
    """What the payment provider says, every time."""


@tf.task(name="demo.greet", queue="demo")
async def greet(name: str) -> str:
    """Quick: nothing but the cost of a job."""
    return f"Hello, {name}"


@tf.task(name="demo.report", queue="demo-slow")
async def build_report(ctx: Context, month: int) -> int:
    """Slow, and says how far it is; cancelled or shut down, it stops at its next await."""
    for step in range(1, STEPS + 1):
        await asyncio.sleep(STEP_S)
        ctx.log.info("report %d: %d %%", month, 100 * step // STEPS)
    return month


@tf.task(name="demo.sync", queue="demo", retry=Retry(4, backoff="constant", base="1s"))
async def sync_stock(ctx: Context, shelf: str) -> int:
    """Fails twice, as networks do, then succeeds; `ctx.attempt` counts."""
    if ctx.attempt <= 2:
        raise ConnectionError(f"warehouse did not answer for shelf {shelf}")
    return ctx.attempt


@tf.task(name="demo.charge", queue="demo", retry=Retry(3, backoff="constant", base="1s"))
async def charge(order_id: int, card: str) -> None:
    """Fails until its attempts are spent: it ends in the dead-letter queue."""
    raise CardDeclined(f"card {card} of order {order_id} was declined")


@tf.task(name="demo.primes", queue="demo-slow", priority="high", run_in="process")
def count_primes(below: int) -> int:
    """Works the processor, in a process of its own, so the event loop stays free."""
    sieve = bytearray([1]) * below
    sieve[:2] = b"\0\0"
    for n in range(2, int(below**0.5) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, below, n)))
    return sum(sieve)


@tf.task(name="demo.receipt", queue="demo", retry=Retry(3, backoff="constant", base="1s"))
async def write_receipt(ctx: Context, order_id: int) -> None:
    """Exactly once: the row and the end of the job commit together, or neither does."""
    async with ctx.transaction() as connection:
        await connection.execute(
            "insert into taskflow_demo.receipt (job_id, order_id) values (%s, %s)",
            (ctx.job_id, order_id),
        )
        if order_id % 10 == 0 and ctx.attempt == 1:
            raise RuntimeError(f"failed right after writing the receipt of order {order_id}")


@tf.task(name="demo.newsletter", queue="demo")
async def send_newsletter() -> None:
    """Scheduled for tomorrow, so it is still waiting when the demo ends."""
