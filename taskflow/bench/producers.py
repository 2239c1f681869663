"""Producers as users write them: the SDK's verbs with the shipped defaults."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from taskflow.bench.tasks import EMAIL, NOTE, mark, noop, tf
from taskflow.worker.serve import run_in_loop

WARM_UP = 20
"""Enqueues before the clock starts: connections are opened and statements prepared."""
FLOW_CHUNK = 100
FLOW_OPEN = 2_000
LOOK_EVERY_S = 0.002


def rows(count: int) -> list[tuple[Any, ...]]:
    """Arguments of `noop`, about 105 bytes of JSON each."""
    return [(1_000_000 + number, EMAIL, NOTE) for number in range(count)]


def one(count: int) -> float:
    """Seconds for `count` enqueues, one after the other."""
    for row in rows(WARM_UP):
        noop.enqueue(*row)
    given = rows(count)
    start = time.perf_counter()
    for row in given:
        noop.enqueue(*row)
    took = time.perf_counter() - start
    tf.close()
    return took


def many_clients(count: int, clients: int) -> float:
    """Seconds for `count` enqueues by `clients` coroutines at once, a connection for each."""

    async def client(given: list[tuple[Any, ...]]) -> None:
        for row in given:
            await noop.aenqueue(*row)

    async def main() -> float:
        took = await timed(client, count, clients)
        await tf.aclose()
        return took

    return run_in_loop(main())


async def timed(
    client: Callable[[list[tuple[Any, ...]]], Awaitable[None]], count: int, clients: int
) -> float:
    """Seconds that `clients` take together for `count` rows, after a warm-up of each."""
    await asyncio.gather(*(client(rows(WARM_UP)) for _ in range(clients)))
    shares = [rows(count)[at::clients] for at in range(clients)]
    start = time.perf_counter()
    await asyncio.gather(*map(client, shares))
    return time.perf_counter() - start


def bulk(count: int) -> float:
    """Seconds for one enqueue_many."""
    noop.enqueue_many(rows(WARM_UP))
    given = rows(count)
    start = time.perf_counter()
    noop.enqueue_many(given)
    took = time.perf_counter() - start
    tf.close()
    return took


def trickle(count: int, least_gap_s: float, most_gap_s: float) -> list[tuple[int, int, int]]:
    """(job, monotonic ns when enqueue was called, and when it came back), with random gaps."""
    told = []
    mark.enqueue()
    for _ in range(count):
        time.sleep(random.uniform(least_gap_s, most_gap_s))
        called = time.monotonic_ns()
        handle = mark.enqueue()
        told.append((handle.id, called, time.monotonic_ns()))
    tf.close()
    return told


def flow(seconds: float) -> int:
    """Enqueues for so long in chunks, with at most FLOW_OPEN jobs open; answers how many."""

    async def enqueue(chunk: list[tuple[Any, ...]]) -> int:
        found = await noop.aenqueue_many(chunk)
        last = found.ids[-1]
        assert last is not None
        return last

    async def main() -> int:
        try:
            return await keep_flowing(seconds, enqueue)
        finally:
            await tf.aclose()

    return run_in_loop(main())


async def keep_flowing(
    seconds: float, enqueue: Callable[[list[tuple[Any, ...]]], Awaitable[int]]
) -> int:
    """Enqueues chunk after chunk while few enough are open. `enqueue` answers the last id."""
    from taskflow.bench.bare import last_finished, open_connection

    chunk = rows(FLOW_CHUNK)
    count = finished = 0
    deadline = time.monotonic() + seconds
    async with await open_connection() as connection:
        while time.monotonic() < deadline:
            last = await enqueue(chunk)
            count += len(chunk)
            finished = finished or last - len(chunk)
            while last - finished > FLOW_OPEN - len(chunk) and time.monotonic() < deadline:
                finished = max(finished, await last_finished(connection))
                if last - finished > FLOW_OPEN - len(chunk):
                    await asyncio.sleep(LOOK_EVERY_S)
    return count
