"""Unique jobs, jobs that wait for others, and limits, through the SDK."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from taskflow import Rate, ResultTimeout, Taskflow, TaskflowError
from tests.sdk.conftest import Tasks, code
from tests.support import factories as f
from tests.support.serving import eventually

Connection = psycopg.Connection[Any]


async def test_a_handle_says_whether_its_job_is_new(tasks: Tasks) -> None:
    unique = tasks.add.options(unique_by="a")
    first = await unique.aenqueue(1, 2)
    again = await unique.aenqueue(1, 3)
    assert (first.outcome, again.outcome, again.id) == ("enqueued", "existing", first.id)
    assert (await unique.aenqueue(2, 3)).outcome == "enqueued"


async def test_debounce_throttle_and_merge(tf: Taskflow, db: Connection) -> None:
    @tf.task(name="index")
    async def index(ids: list[int]) -> None: ...

    once = index.options(unique_key="all", delay="1m")
    first = await once.options(on_conflict="replace").aenqueue([1])
    assert (await once.options(on_conflict="replace").aenqueue([2])).outcome == "replaced"
    assert (await once.options(on_conflict="merge").aenqueue([3])).outcome == "merged"
    throttled = once.options(on_conflict="replace", replace="priority", priority="high")
    assert (await throttled.aenqueue([9])).outcome == "replaced"
    job = f.job(db, first.id)
    assert (job.args, job.priority) == ({"ids": [2, 3]}, "high")


async def test_bulk_tells_what_became_of_each(tasks: Tasks) -> None:
    done = await tasks.add.options(unique_by="*").aenqueue_many([(1,), (1,), ("x",), (2,)])
    assert done.outcomes == ["enqueued", "existing", "refused", "enqueued"]
    assert done.ids[0] == done.ids[1]
    assert done.ids[2] is None


async def test_depends_on_takes_handles_and_ids(tasks: Tasks, db: Connection) -> None:
    first = await tasks.add.aenqueue(1)
    second = await tasks.add.aenqueue(2)
    one = await tasks.add.options(depends_on=first).aenqueue(3)
    both = await tasks.add.options(depends_on=[first, second.id]).aenqueue(4)
    assert await one.astate() == "blocked"
    waits = f.value(db, "select waits_for from taskflow.job where id = %s", both.id)
    assert waits == 2


@pytest.mark.parametrize(
    "options",
    [
        {"unique_key": "k", "unique_by": "a"},
        {"unique_scope": "galaxy"},
        {"on_conflict": "explode"},
        {"replace": "id"},
        {"depends_on": []},
        {"depends_on": ["x"]},
        {"unique_by": []},
        {"unique_for": "soon"},
        {"unique_by": "a\0"},
    ],
)
def test_bad_ties_are_refused_before_anything_is_sent(
    tasks: Tasks, options: dict[str, Any]
) -> None:
    with pytest.raises(TaskflowError) as error:
        tasks.add.options(**options)
    assert code(error) in ("TF111", "TF112", "TF106", "TF105")


# --- limits outside of jobs -----------------------------------------------------------------------


async def test_a_rate_is_waited_for(tf: Taskflow) -> None:
    smtp = tf.limit("smtp", Rate.of(2, "200ms"))
    await smtp.aput()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(5):
        await smtp.acquire("a.test")
    assert loop.time() - begun >= 0.4
    await smtp.acquire("b.test", timeout="50ms")


async def test_a_concurrency_is_given_back_at_the_end_of_the_block(tf: Taskflow) -> None:
    gpu = tf.limit("gpu", concurrency=1)
    await gpu.aput()
    async with gpu.acquire():
        with pytest.raises(ResultTimeout, match="gpu"):
            await gpu.acquire(timeout="100ms")
    async with gpu.acquire(timeout="1s"):
        pass


async def test_a_block_that_lasts_longer_than_its_lease_keeps_its_permit(
    tf: Taskflow, db: Connection
) -> None:
    gpu = tf.limit("gpu", concurrency=1)
    await gpu.aput()
    async with gpu.acquire(lease="1s"):
        until = "select max(until) from taskflow.limit_permit"
        first = f.value(db, until)
        await eventually(lambda: f.value(db, until) != first)
        assert f.value(db, until) - first > timedelta(milliseconds=200)


def test_limits_work_in_blocking_code(tf: Taskflow) -> None:
    limit = tf.limit("gpu", concurrency=1)
    limit.put()
    with limit.acquire(), pytest.raises(ResultTimeout), limit.acquire(timeout="50ms"):
        pass
    with tf.limit("gpu").acquire(timeout="1s"):
        pass
    tf.close()


async def test_an_unknown_limit_says_so(tf: Taskflow) -> None:
    with pytest.raises(TaskflowError) as error:
        await tf.limit("nobody").acquire()
    assert code(error) == "TF135"


async def test_limits_are_made_and_removed_at_run_time(tf: Taskflow) -> None:
    limit = tf.limit("each", queue="q", key="{a}", ordered=True)
    assert limit.rule is not None
    await tf.aclient.put_limit(limit.rule)
    assert await tf.aclient.delete_limit("each") is True
    assert await tf.aclient.delete_limit("each") is False
