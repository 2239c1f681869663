"""Schedules from Python: declared in code, made and changed at run time, in both colours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskflow import InvalidCron, ScheduleNotFound, Taskflow, TaskflowError
from taskflow.calls import schedules
from tests.sdk.conftest import Tasks, code
from tests.support import factories as f
from tests.support.clockwork import row

SOON = datetime.now(UTC) + timedelta(days=3)


def publish(tf: Taskflow) -> None:
    tf.run(schedules.publish(list(tf.schedules.values()), tf.settings.tenant))


def test_a_declaration_carries_everything_to_the_row(tf: Taskflow, tasks: Tasks, db: Any) -> None:
    tf.schedule("sum", tasks.add, {"a": 1}, cron="0 8 * * 1-5", tz="europe/berlin", jitter="5s",
                starts_at=SOON, ends_at=SOON + timedelta(days=9), max_runs=7, overlap="skip",
                catch_up="all", catch_up_span="2h", queue="bulk", priority="low", timeout="9s",
                max_attempts=2, tags={"b", "a"}, meta={"team": "shop"})  # fmt: skip
    publish(tf)
    found = row(db, "sum")
    assert (found.task, found.args, found.cron) == ("add", {"a": 1}, "0 8 * * 1-5")
    assert (found.time_zone, found.jitter) == ("Europe/Berlin", timedelta(seconds=5))
    assert (found.starts_at, found.ends_at) == (SOON, SOON + timedelta(days=9))
    assert (found.max_runs, found.overlap, found.catch_up) == (7, "skip", "all")
    assert (found.catch_up_span, found.queue) == (timedelta(hours=2), "bulk")
    assert (found.priority, found.timeout) == (3, timedelta(seconds=9))
    assert (found.max_attempts, found.tags, found.meta) == (2, ["a", "b"], {"team": "shop"})
    assert found.declared


def test_options_may_come_with_the_task(tf: Taskflow, tasks: Tasks, db: Any) -> None:
    tf.schedule("a", tasks.greet, {"name": "Ada"}, every="5m")
    tf.schedule("b", tasks.greet.options(queue="bulk", priority="high"), ("Ada",), every=90)
    tf.schedule("c", tasks.greet.options(queue="bulk"), ("Ada",), every=90, queue="mine")
    tf.schedule("d", "elsewhere.task", {"x": 1}, at=SOON, paused=True)
    publish(tf)
    # what workers publish of the task is left to be filled in at each tick
    assert (row(db, "a").queue, row(db, "a").tags) == (None, ["hello"])
    assert (row(db, "b").queue, row(db, "b").priority, row(db, "b").args) == (
        "bulk", 1, {"name": "Ada"},
    )  # fmt: skip
    assert row(db, "c").queue == "mine"
    assert (row(db, "d").task, row(db, "d").at) == ("elsewhere.task", SOON)
    assert row(db, "d").paused_at is not None


def test_an_unchanged_declaration_leaves_what_was_edited(
    tf: Taskflow, tasks: Tasks, db: Any
) -> None:
    options: dict[str, Any] = {"every": "1h", "tags": {"z", "y", "x"}, "jitter": 0.25}
    tf.schedule("s", tasks.add, {"a": 1}, **options)
    publish(tf)
    tf.client.put_schedule("s", every="2h")
    publish(tf)
    assert row(db).every == timedelta(hours=2)
    tf.schedules.clear()
    tf.schedule("s", tasks.add, {"a": 2}, **options)
    publish(tf)
    assert (row(db).every, row(db).args) == (timedelta(hours=1), {"a": 2})


@pytest.mark.parametrize(
    ("options", "error_code", "said"),
    [
        ({"every": "1h", "args": {"a": "one"}}, "TF118", "int"),
        ({"every": "1h", "args": {"b": 2}}, "TF118", "a"),
        ({"crom": "* * * * *"}, "TF117", "cron"),
        ({"every": "soon"}, "TF111", "every"),
        ({"cron": 5}, "TF111", "cron"),
        ({"at": datetime(2030, 1, 1)}, "TF111", "time zone"),  # noqa: DTZ001
        ({"at": "2030-01-01"}, "TF111", "datetime"),
        ({"overlap": "skp"}, "TF111", '"skip"'),
        ({"catch_up": "lst"}, "TF111", '"last"'),
        ({"max_runs": -1}, "TF111", "max_runs"),
        ({"max_runs": True}, "TF111", "max_runs"),
        ({"paused": "yes"}, "TF111", "True or False"),
        ({"priority": "hihg"}, "TF111", '"high"'),
        ({"queue": "No Such"}, "TF110", "queue"),
        ({"meta": []}, "TF111", "dict"),
        ({"jitter": -1}, "TF112", "jitter"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_are_written(
    tf: Taskflow, tasks: Tasks, options: dict[str, Any], error_code: str, said: str
) -> None:
    args = options.pop("args", {"a": 1})
    with pytest.raises(TaskflowError) as error:
        tf.schedule("s", tasks.add, args, **options)
    assert code(error) == error_code
    assert said in str(error.value)
    assert tf.schedules == {}


def test_two_of_one_name_and_options_that_no_schedule_has(tf: Taskflow, tasks: Tasks) -> None:
    tf.schedule("s", tasks.add, {"a": 1}, every="1h")
    tf.schedule("s", tasks.add, {"a": 1}, every="1h")
    with pytest.raises(TaskflowError, match="TF101"):
        tf.schedule("s", tasks.add, {"a": 2}, every="1h")
    with pytest.raises(TaskflowError, match="TF111"):
        tf.schedule("u", tasks.add.options(unique_key="k"), {"a": 1}, every="1h")
    with pytest.raises(TaskflowError, match="TF111"):
        tf.schedule("u", "elsewhere", (1,), every="1h")


def test_a_bad_declaration_stops_the_publishing_and_names_itself(
    tf: Taskflow, tasks: Tasks
) -> None:
    tf.schedule("nightly", tasks.add, {"a": 1}, cron="0 25 * * *")
    with pytest.raises(InvalidCron) as error:
        publish(tf)
    assert "schedule 'nightly': hour \"25\"" in str(error.value)


def test_the_blocking_verbs(tf: Taskflow, tasks: Tasks, db: Any) -> None:
    client = tf.client
    due = client.put_schedule("s", "add", {"a": 1}, cron="0 8 * * *", tz="Asia/Tokyo")
    assert due is not None
    assert (due.astimezone(UTC).hour, due.minute) == (23, 0)
    (found,) = client.list_schedules()
    assert (found.name, found.state, found.times) == ("s", "active", "0 8 * * *")
    assert found.time_zone == "Asia/Tokyo"
    client.pause_schedule("s", "why not")
    assert client.list_schedules("s")[0].pause_reason == "why not"
    assert client.explain_schedule("s")[0].cause == "paused"
    assert client.resume_schedule("s") is True
    id = client.run_schedule_now("s")
    job = client.get(id)
    assert job is not None
    assert job.task == "add"
    (line,) = client.schedule_ticks("s")
    assert (line.status, line.job_id) == ("run", id)
    now = datetime.now(UTC)
    filled = client.backfill_schedule("s", now - timedelta(days=3), now, dry_run=True)
    assert [line.status for line in filled] == ["would run"] * 3
    assert len(client.backfill_schedule("s", now - timedelta(days=3), now)) == 3
    ticks = client.preview_schedule("s", count=2)
    assert [tick.local_at.hour for tick in ticks] == [8, 8]
    assert client.preview_schedule(cron="@daily", tz="Asia/Tokyo", count=1)[0].local_at.hour == 0
    client.delete_schedule("s")
    with pytest.raises(ScheduleNotFound):
        client.pause_schedule("s")
    with pytest.raises(InvalidCron):
        client.put_schedule("s", "add", cron="* * *")


async def test_the_async_verbs(tf: Taskflow, tasks: Tasks) -> None:
    client = tf.aclient
    await client.put_schedule("s", "add", {"a": 1}, every="5m", overlap="queue")
    await client.put_schedule("s", max_runs=3)
    (found,) = await client.list_schedules()
    assert (found.times, found.overlap, found.max_runs) == ("every 00:05:00", "queue", 3)
    await client.put_schedule("s", max_runs=0)
    assert (await client.list_schedules())[0].max_runs is None
    await client.run_schedule_now("s")
    with pytest.raises(TaskflowError, match="TF121"):
        await client.run_schedule_now("s")
    await client.delete_schedule("s")
    assert await client.list_schedules() == []


def test_schedules_are_of_the_app_s_tenant(dsn: str, db: Any) -> None:
    with Taskflow(dsn, tenant="acme") as app:
        app.client.put_schedule("s", "add", every="5m")
        app.schedule("declared", "add", every="5m")
        publish(app)
        assert len(app.client.list_schedules()) == 2
    assert f.value(db, "select array_agg(distinct tenant) from taskflow.schedule") == ["acme"]
