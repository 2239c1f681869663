"""The shortest programs that do the same to the same tables: what ours is measured against.

No handlers, retries, leases kept, timeouts, health or shutdown: prepared statements on connections
that do nothing else, and for claims and settles the queue's own SQL functions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from taskflow.bench.producers import WARM_UP, keep_flowing, rows, timed
from taskflow.bench.tasks import tf
from taskflow.worker.serve import run_in_loop

Row = tuple[Any, ...]
BATCH = 1_000
IDLE_S = 0.002
COPY_LINES = 5_000
INSERT = """
insert into taskflow.job (run_at, created_at, max_attempts, priority, tenant, queue, task,
                          created_by, args)
values (clock_timestamp(), clock_timestamp(), 5, 2, 'default', 'default', 'bench.noop',
        session_user, %s::jsonb)
returning id"""
COPY = """
copy taskflow.job (run_at, created_at, max_attempts, priority, tenant, queue, task, created_by,
                   args) from stdin"""
CLAIM = """
select id, claim_no, tenant, queue, task, args::text, attempt, max_attempts, priority, run_at
  from taskflow.claim(%s::bigint, '{default}', array[%s]::integer[], '10 minutes',
                      after => %s::jsonb)"""
SETTLE = "select id from taskflow.settle_many(%s::bigint[], %s::bigint[], %s::jsonb)"
LAST_FINISHED = """
select max(h.id) from taskflow.job_history h
 where h.finished_at >= date_trunc('day', clock_timestamp(), 'UTC')
   and h.ctid >= (
     select format('(%s,0)', greatest(pg_relation_size(coalesce(
              to_regclass(to_char(clock_timestamp() at time zone 'UTC',
                                  '"taskflow.job_history_"YYYYMMDD')),
              'taskflow.job_history_default'))
            / current_setting('block_size')::integer - 64, 0))::tid)"""
"""Jobs finish nearly in order, and history grows at its end: 64 blocks tell how far the worker is,
where counting live jobs reads all that were deleted since the last vacuum."""


async def open_connection() -> psycopg.AsyncConnection[Any]:
    """An async connection as the SDK's own are: autocommit, everything prepared."""
    return await psycopg.AsyncConnection.connect(
        await tf.adsn(), **tf.connection_settings("taskflow bench")
    )


async def last_finished(connection: psycopg.AsyncConnection[Any]) -> int:
    """The highest id that has finished; 0 for none."""
    cursor = await connection.execute(LAST_FINISHED)
    found = await cursor.fetchone()
    return int(found[0] or 0) if found else 0


def _json(row: Row) -> str:
    return msgspec.json.encode({"order_id": row[0], "email": row[1], "note": row[2]}).decode()


# --- enqueue --------------------------------------------------------------------------------------


def insert_one(count: int) -> float:
    """Seconds for `count` INSERTs, one after the other."""
    with psycopg.connect(tf.dsn, **tf.connection_settings("taskflow bench")) as connection:
        for row in rows(WARM_UP):
            connection.execute(INSERT, (_json(row),)).fetchone()
        given = rows(count)
        start = time.perf_counter()
        for row in given:
            connection.execute(INSERT, (_json(row),)).fetchone()
        return time.perf_counter() - start


def insert_many_clients(count: int, clients: int) -> float:
    """Seconds for `count` INSERTs by `clients` coroutines at once, a connection for each."""

    async def main() -> float:
        free = [await open_connection() for _ in range(clients)]

        async def client(given: list[Row]) -> None:
            connection = free.pop()
            for row in given:
                cursor = await connection.execute(INSERT, (_json(row),))
                await cursor.fetchone()
            free.append(connection)

        took = await timed(client, count, clients)
        for connection in free:
            await connection.close()
        return took

    return run_in_loop(main())


def copy(count: int) -> float:
    """Seconds for one COPY of the rows that `enqueue_many` makes, in one transaction."""
    given = rows(count)
    with psycopg.connect(tf.dsn, **tf.connection_settings("taskflow bench")) as connection:
        user = connection.info.user
        start = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(COPY) as stream:
            for at in range(0, count, COPY_LINES):
                now = time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime())
                head = f"{now}\t{now}\t5\t2\tdefault\tdefault\tbench.noop\t{user}\t"
                chunk = given[at : at + COPY_LINES]
                stream.write("".join(f"{head}{_json(row)}\n" for row in chunk))
        return time.perf_counter() - start


# --- claim and settle -----------------------------------------------------------------------------


class Loop:
    """Claims on one connection while the batch before is settled on another."""

    def __init__(
        self, claims: psycopg.AsyncConnection[Any], settles: psycopg.AsyncConnection[Any]
    ) -> None:
        self._claims = claims
        self._settles = settles
        self._worker_id = 0
        self._after: dict[str, dict[str, tuple[str, int]]] = {}

    async def join(self) -> None:
        cursor = await self._claims.execute(
            "select taskflow.join_worker('bare', lease => '10 minutes')"
        )
        self._worker_id = (await cursor.fetchone() or (0,))[0]

    async def claim(self, *, sweep: bool = False) -> list[Row]:
        after = msgspec.json.encode(self._after).decode() if self._after and not sweep else None
        async with self._claims.cursor() as cursor:
            await cursor.execute(CLAIM, (self._worker_id, BATCH, after), binary=True)
            found = await cursor.fetchall()
        if found:
            *_, priority, run_at = found[-1]
            self._after = {"default": {str(priority): (run_at.isoformat(), found[-1][0])}}
        return found

    async def settle(self, jobs: Sequence[Row], results: str | None = None) -> None:
        ids, claim_nos = (
            "{" + ",".join(map(str, column)) + "}"
            for column in ([job[0] for job in jobs], [job[1] for job in jobs])
        )
        async with self._settles.cursor() as cursor:
            await cursor.execute(SETTLE, (ids, claim_nos, results))
            await cursor.fetchall()


async def _noop(*_: object) -> None:
    """A handler, and nothing around it."""


async def _one_by_one(jobs: Sequence[Row]) -> None:
    for job in jobs:
        await _noop(job)


async def _at_once(jobs: Sequence[Row]) -> None:
    """As one would write it by hand for real handlers: a task and a timeout for each."""

    async def run(job: Row) -> None:
        async with asyncio.timeout(60):
            await _noop(job)

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(run(job))


def drain(tasks: bool = False, forever: bool = False) -> dict[str, float]:
    """Runs jobs until there are none; the next claim is under way while a batch runs.

    `tasks` gives each job a task and a timeout of its own. Answers the monotonic time at which the
    first batch was there, and the CPU seconds since.
    """
    run = _at_once if tasks else _one_by_one

    async def main() -> dict[str, float]:
        async with await open_connection() as claims, await open_connection() as settles:
            loop = Loop(claims, settles)
            await loop.join()
            jobs = await loop.claim(sweep=True)
            first_s, cpu_s = time.monotonic(), time.process_time()
            while True:
                coming = asyncio.create_task(loop.claim(sweep=not jobs))
                await run(jobs)
                if jobs:
                    await loop.settle(jobs)
                was_sweep = not jobs
                jobs = await coming
                if not jobs and was_sweep:
                    if not forever:
                        break
                    await asyncio.sleep(IDLE_S)
            return {"first_s": first_s, "cpu_s": time.process_time() - cpu_s}

    return run_in_loop(main())


def answer() -> None:
    """Claims at each notification, until ended; a job's result is the time of its claim."""

    async def main() -> None:
        async with (
            await open_connection() as claims,
            await open_connection() as settles,
            await open_connection() as ear,
        ):
            loop = Loop(claims, settles)
            await loop.join()
            await ear.execute("listen taskflow")
            await claims.execute(
                "select taskflow.wait_for_work(%s, '{default}', '1 hour')", (loop._worker_id,)
            )
            async for _ in ear.notifies():
                if jobs := await loop.claim(sweep=True):
                    told = msgspec.json.encode([[time.monotonic_ns(), 0]] * len(jobs)).decode()
                    await loop.settle(jobs, told)

    run_in_loop(main())


def flow(seconds: float) -> int:
    """The producer of `producers.flow`, on the SQL function itself."""

    async def main() -> int:
        async with await open_connection() as connection:

            async def enqueue(chunk: list[Row]) -> int:
                args = f"[{','.join(map(_json, chunk))}]"
                cursor = await connection.execute(
                    "select ids[cardinality(ids)] from taskflow.enqueue_many('bench.noop',"
                    " %s::jsonb)",
                    (args,),
                )
                return int((await cursor.fetchone() or (0,))[0])

            return await keep_flowing(seconds, enqueue)

    return run_in_loop(main())
