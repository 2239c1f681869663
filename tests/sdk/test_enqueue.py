"""enqueue and aenqueue through the app's pools, and the options a job can be given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskflow import Taskflow, TaskflowError
from taskflow.errors import DuplicateTask, InvalidDefinition, SyncCallInLoop, UnknownTask
from tests.sdk.conftest import Tasks, code
from tests.support.factories import Connection, job, value


def test_enqueue(db: Connection, tasks: Tasks) -> None:
    handle = tasks.greet.enqueue("Ada", greeting="Hi")
    found = job(db, handle.id)
    assert (found.task, found.queue, found.state) == ("greet", "mail", "available")
    assert found.args == {"name": "Ada", "greeting": "Hi"}
    assert (found.tags, found.tenant) == (["hello"], "default")


async def test_aenqueue(db: Connection, tasks: Tasks) -> None:
    handle = await tasks.add.aenqueue(1, b=2)
    assert job(db, handle.id).args == {"a": 1, "b": 2}


async def test_a_blocking_call_in_a_loop_says_what_to_write(tf: Taskflow, tasks: Tasks) -> None:
    handle = await tasks.add.aenqueue(1)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: tasks.add.enqueue(1), r"Use await add\.aenqueue\(\.\.\.\)"),
        (lambda: tasks.add.enqueue_many([(1,)]), r"Use await add\.aenqueue_many\(\.\.\.\)"),
        (handle.state, "async form"),
        (handle.result, "async form"),
        (lambda: tf.client.get(handle.id), "async form"),
    ]
    for call, hint in calls:
        with pytest.raises(SyncCallInLoop, match=hint) as refused:
            call()
        assert code(refused) == "TF102"


async def test_unless_that_is_allowed(dsn: str, db: Connection) -> None:
    app = Taskflow(dsn, allow_sync_in_loop=True)

    @app.task()
    def work() -> None: ...

    work.enqueue()
    assert value(db, "select count(*) from taskflow.job") == 1
    await app.aclose()


def test_every_option_arrives(db: Connection, tasks: Tasks) -> None:
    now = datetime.now(UTC)
    handle = tasks.add.options(
        queue="bulk",
        priority="critical",
        run_at=now + timedelta(minutes=5),
        deadline=now + timedelta(hours=1),
        max_attempts=9,
        timeout="90s",
        unique_key="k",
        tags=["a", "b", "a"],
        meta={"trace": "x"},
        tenant="acme",
    ).enqueue(1)
    found = job(db, handle.id)
    assert (found.queue, found.priority, found.max_attempts) == ("bulk", "critical", 9)
    assert found.run_at == now + timedelta(minutes=5)
    assert found.deadline == now + timedelta(hours=1)
    assert found.timeout == timedelta(seconds=90)
    assert (found.unique_key, found.tags, found.meta) == ("k", ["a", "b"], {"trace": "x"})
    assert found.tenant == handle.tenant == "acme"


def test_options_add_up_and_leave_the_task_alone(db: Connection, tasks: Tasks) -> None:
    slow = tasks.greet.options(queue="slow")
    handle = slow.options(priority="low").options(priority=1).enqueue("Ada")
    found = job(db, handle.id)
    assert (found.queue, found.priority, found.tags) == ("slow", "high", ["hello"])
    assert tasks.greet.defaults.queue == "mail"
    assert job(db, tasks.greet.enqueue("Bob").id).queue == "mail"


def test_a_unique_job_is_enqueued_once(tasks: Tasks) -> None:
    once = tasks.add.options(unique_key="import 7")
    assert once.enqueue(1).id == once.enqueue(2).id
    assert tasks.add.options(unique_key="import 8").enqueue(1).id != once.enqueue(3).id


@pytest.mark.parametrize(
    ("options", "expected", "said"),
    [
        ({"priorty": "high"}, "TF117", 'Did you mean "priority"?'),
        ({"que": "x"}, "TF117", 'Did you mean "queue"?'),
        ({"xyzzy": 1}, "TF117", "Known: deadline, delay"),
        ({"priority": "hihg"}, "TF111", 'Did you mean "high"?'),
        ({"priority": 4}, "TF111", "0 to 3"),
        ({"priority": True}, "TF111", "priority"),
        ({"queue": "E-Mail"}, "TF110", "holds 'E'"),
        ({"queue": ""}, "TF110", "empty"),
        ({"queue": "q" * 64}, "TF110", "64 characters"),
        ({"queue": "q\x00"}, "TF110", "holds '\\x00'"),
        ({"queue": 5}, "TF110", "got int"),
        ({"tenant": "a b"}, "TF110", "holds ' '"),
        ({"tags": "vip"}, "TF110", "Write [tag]"),
        ({"tags": 5}, "TF111", "tags"),
        ({"tags": ["a\nb"]}, "TF110", "\\n"),
        ({"tags": [str(n) for n in range(51)]}, "TF110", "51 tags"),
        ({"delay": "5 parsecs"}, "TF111", "5 parsecs"),
        ({"delay": "-5m"}, "TF112", "delay: '-5m' is out of range"),
        ({"delay": float("nan")}, "TF111", "nan"),
        ({"delay": timedelta(days=-1)}, "TF112", "delay"),
        ({"max_attempts": True}, "TF111", "got bool"),
        ({"delay": 1e300}, "TF112", "1e+300"),
        ({"timeout": "0s"}, "TF112", "1 ms"),
        ({"timeout": "40d"}, "TF112", "30 days"),
        ({"run_at": datetime(2030, 1, 1)}, "TF111", "no time zone"),  # noqa: DTZ001
        ({"run_at": "tomorrow"}, "TF111", "run_at"),
        ({"run_at": datetime(9999, 1, 1, tzinfo=UTC)}, "TF112", "ten years"),
        ({"run_at": datetime(1, 1, 1, tzinfo=UTC)}, "TF112", "ten years"),
        ({"deadline": datetime(2001, 1, 1, tzinfo=UTC)}, "TF112", "not after the run time"),
        ({"delay": "1m", "run_at": datetime(2030, 1, 1, tzinfo=UTC)}, "TF111", "both given"),
        ({"max_attempts": 0}, "TF111", "1 to 1000"),
        ({"max_attempts": 10**12}, "TF111", "1 to 1000"),
        ({"max_attempts": "three"}, "TF111", "max_attempts"),
        ({"unique_key": ""}, "TF111", "1 to 500"),
        ({"unique_key": "k" * 501}, "TF111", "1 to 500"),
        ({"unique_key": "a\x00b"}, "TF105", "unique_key"),
        ({"unique_key": 7}, "TF111", "unique_key"),
        ({"meta": {"a": "\ud800"}}, "TF106", "meta"),
        ({"meta": [1]}, "TF111", "meta: expected a dict, got list"),
        ({"meta": {"a": object()}}, "TF108", "meta.a"),
        ({"meta": {"a": "x" * 70_000}}, "TF114", "65,536 bytes"),
    ],
    ids=str,
)
def test_options_that_cannot_be(
    tasks: Tasks, db: Connection, options: dict[str, Any], expected: str, said: str
) -> None:
    with pytest.raises(TaskflowError) as refused:
        tasks.add.options(**options).enqueue(1)
    assert code(refused) == expected, refused.value
    assert said in str(refused.value)
    assert len(str(refused.value)) < 400
    assert value(db, "select count(*) from taskflow.job") == 0


def test_options_are_checked_at_definition(tf: Taskflow) -> None:
    with pytest.raises(TaskflowError, match='Did you mean "queue"'):
        tf.task(quue="x")  # type: ignore[call-arg]
    for timeout in ("50us", "0s", 0.0009):
        with pytest.raises(TaskflowError, match="must be 1 ms or more") as refused:
            tf.task(timeout=timeout)
        assert code(refused) == "TF112"
    tf.task(timeout="1ms")


def test_an_option_takes_the_place_of_its_other_form(tf: Taskflow, db: Connection) -> None:
    """The defaults of a task may be said in one way, and a job's own wish in the other."""

    @tf.task(name="late", delay="1m", unique_by="n")
    async def late(n: int) -> None: ...

    @tf.task(name="dated", run_at=datetime.now(UTC) + timedelta(hours=1), unique_key="one")
    async def dated(n: int) -> None: ...

    at = datetime.now(UTC) + timedelta(days=1)
    found = job(db, late.options(run_at=at, unique_key="mine").enqueue(1).id)
    assert (found.run_at, found.unique_key) == (at, "mine")
    found = job(db, dated.options(delay="2d", unique_by="n").enqueue(1).id)
    assert found.run_at > at
    assert found.unique_key not in (None, "one")
    again = late.options(run_at=at).options(delay="5m").enqueue(2)
    assert job(db, again.id).run_at < at
    with pytest.raises(TaskflowError, match="both given"):
        late.options(run_at=at, delay="5m")


def test_tasks_are_found_by_name_and_only_defined_once(tf: Taskflow, tasks: Tasks) -> None:
    assert tf.find_task("add") is tasks.add
    with pytest.raises(UnknownTask) as unknown:
        tf.find_task("ad")
    assert unknown.value.similar == ("add",)
    with pytest.raises(DuplicateTask, match="defined twice"):
        tf.task(name="add")(lambda: None)


def test_where_a_handler_runs_must_fit_it(tf: Taskflow) -> None:
    async def coroutine() -> None: ...

    with pytest.raises(InvalidDefinition, match="cannot run in 'thread'"):
        tf.task(run_in="thread")(coroutine)
    with pytest.raises(InvalidDefinition, match="cannot run in 'async'"):
        tf.task(run_in="async")(lambda: None)


def test_a_task_is_still_its_function(tasks: Tasks) -> None:
    assert tasks.add.fn.__name__ == tasks.add.__name__ == "add"
    assert tasks.greet(None, "Ada") == "Hello Ada"
