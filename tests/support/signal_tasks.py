"""Tasks for worker processes: each tells that it started by a row in table `started`."""

from __future__ import annotations

import asyncio
import os
import threading

from taskflow import Context, Taskflow

tf = Taskflow("postgresql://nobody@127.0.0.1:1/nowhere")


async def tell(ctx: Context) -> None:
    async with tf.database.aconnection() as connection:
        await connection.execute(
            "insert into started (job_id, pid) values (%s, %s)", (ctx.job_id, os.getpid())
        )


@tf.task()
async def quick(ctx: Context) -> int:
    await tell(ctx)
    return os.getpid()


@tf.task()
async def take(ctx: Context, seconds: float) -> None:
    await tell(ctx)
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except TimeoutError:
        return


@tf.task()
def deaf(ctx: Context) -> None:
    """A thread that does not listen."""
    with tf.database.connection() as connection:
        connection.execute("insert into started (job_id) values (%s)", (ctx.job_id,))
    threading.Event().wait(3600)
