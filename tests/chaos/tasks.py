"""What the workers of a chaos run do; the names tell the checker what to expect of them.

ledger*   write (job, claim) in the job's own transaction
outside*  write to this process's own file when they start and when they end
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


TASKS = (write, write_in_thread, touch, flaky)


async def pause(ms: int) -> None:
    try:
        await asyncio.wait_for(asyncio.Event().wait(), ms / 1000)
    except TimeoutError:
        return
