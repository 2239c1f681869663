"""What the workers of a chaos run do; the names tell the checker what to expect of them.

ledger*   write (job, claim) in the job's own transaction
outside*  write to this process's own file when they start and when they end
flow*     are the steps of the workflow `pipeline`; see evidence.py
"""

from __future__ import annotations

import asyncio
import os
import threading
from functools import cache
from pathlib import Path

from taskflow import Context, Retry, Taskflow
from tests.chaos.evidence import Log

tf = Taskflow("postgresql://nobody@127.0.0.1:1/nowhere", pool_size=4)
STUBBORN = Retry(25, base="50ms", cap="500ms")
INSERT = "insert into ledger (job_id, claim_no) values (%s, %s)"


@cache
def effects() -> Log:
    return Log(Path(os.environ["CHAOS_DIRECTORY"]) / f"effects-{os.getpid()}.jsonl")


@tf.task(name="ledger.async", retry=STUBBORN)
async def write(ctx: Context, key: str, ms: int) -> None:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    await pause(ms)
    async with ctx.transaction() as connection:
        await connection.execute(INSERT, (ctx.job_id, ctx.claim_no))
        await pause(ms)


@tf.task(name="ledger.thread", retry=STUBBORN)
def write_in_thread(ctx: Context, key: str, ms: int) -> None:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    with ctx.transaction() as connection:
        connection.execute(INSERT, (ctx.job_id, ctx.claim_no))
        threading.Event().wait(ms / 1000)


@tf.task(name="outside.plain", retry=STUBBORN)
async def touch(ctx: Context, key: str, ms: int) -> str:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    await pause(ms)
    effects().write(what="end", job=ctx.job_id, claim=ctx.claim_no)
    return key


@tf.task(name="outside.flaky", retry=STUBBORN)
async def flaky(ctx: Context, key: str, ms: int) -> str:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    await pause(ms)
    if ctx.attempt < 3:
        raise ValueError(f"attempt {ctx.attempt}")
    return key


@tf.task(name="outside.after", retry=STUBBORN)
async def after(ctx: Context, key: str, ms: int, parent: int) -> None:
    """Waits for the job `parent`."""
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    await pause(ms)


@tf.task(name="outside.tick", retry=STUBBORN)
async def tick(ctx: Context, ms: int) -> None:
    """The job of a schedule."""
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    await pause(ms)


@tf.task(name="flow.split", retry=STUBBORN)
async def split(ctx: Context, run: str) -> list[int]:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    return [1, 2, 3]


@tf.task(name="flow.double", retry=STUBBORN)
async def double(ctx: Context, n: int) -> int:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    await pause(20)
    if n == ctx.attempt == 1:
        raise ValueError("the first part fails once")
    return 2 * n


@tf.task(name="flow.sum", retry=STUBBORN)
def add_up(ctx: Context, parts: list[int]) -> int:
    effects().write(what="start", job=ctx.job_id, claim=ctx.claim_no)
    return sum(parts)


TASKS = (write, write_in_thread, touch, flaky)


async def pause(ms: int) -> None:
    try:
        await asyncio.wait_for(asyncio.Event().wait(), ms / 1000)
    except TimeoutError:
        return
