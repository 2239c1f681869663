"""`Rest` and `AsyncRest`, against a running API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from psycopg.types.json import Jsonb

from taskflow.calls import health
from taskflow.errors import (
    InvalidName,
    InvalidOption,
    JobFailed,
    JobNotFound,
    ResultTimeout,
    UnknownOption,
)
from taskflow.kernel.access import NotAllowed
from taskflow.kernel.job import Job, Placed
from taskflow.kernel.limits import LimitRule
from taskflow.kernel.listing import JobFilter
from taskflow.remote import TABLE, NeedsDatabase
from taskflow.rest import AsyncRest, Rest
from tests.cli.stage import one_job_ends
from tests.support import factories
from tests.support.listening import key


@pytest.fixture
def rest(url: str, db: Any) -> Iterator[Rest]:
    with Rest(url, key(db)) as found:
        yield found


def test_a_job_from_one_end_to_the_other(dsn: str, db: Any, rest: Rest) -> None:
    with one_job_ends(dsn, "completed", result=Jsonb({"sent": 1.5})):
        placed = rest.enqueue("a.b", {"n": 1}, priority="high", tags=["vip"])
        assert isinstance(placed, Placed)
        assert rest.result(placed.id, timeout="20s") == {"sent": 1.5}
    job = rest.wait(placed.id)
    assert isinstance(job, Job)
    assert job == factories_job(db, placed.id)
    with pytest.raises(JobFailed), one_job_ends(dsn, "failed", error=Jsonb({"class": "E"})):
        rest.result(rest.enqueue("a.b", max_attempts=1).id, timeout="20s")
    with pytest.raises(ResultTimeout):
        rest.result(rest.enqueue("a.b", delay="1h").id, timeout="10ms")
    with pytest.raises(JobNotFound):
        rest.result(4_711_000)
    assert rest.get(4_711_000) is None


def factories_job(db: Any, id: int) -> Job | None:
    """The job as the database says it is."""
    from taskflow.calls import jobs
    from taskflow.store.call import run

    return run(db, jobs.get(id, "default"))


def test_many_jobs_and_a_list_that_is_read_on(rest: Rest) -> None:
    done = rest.enqueue_many("a.b", ({"n": n} for n in range(450)), queue="bulk")
    assert len(done.ids) == 450
    assert done.refused == []
    listed = rest.list_jobs(JobFilter(queues=("bulk",)), page=100)
    assert [line.id for line in listed] == sorted((id for id in done.ids if id), reverse=True)
    assert rest.cancel(done.ids[0] or 0, "no") == "cancelled"
    assert rest.cancel(done.ids[0] or 0) == "finished"


def test_one_of_many_is_refused(rest: Rest, db: Any) -> None:
    factories.enqueue(db)
    done = rest.enqueue_many("a.b", [{"n": 1}, {"n": 2}], unique_by="*")
    again = rest.enqueue_many("a.b", [{"n": 2}, {"n": 3}], unique_by="*")
    assert again.outcomes == ["existing", "enqueued"]
    assert again.ids[0] == done.ids[1]


def test_queues_limits_schedules_and_workflows(rest: Rest, db: Any) -> None:
    rest.enqueue("a.b", queue="mail")
    rest.pause_queue("mail", "SMTP is down")
    assert [(q.name, q.pause_reason) for q in rest.list_queues()] == [("mail", "SMTP is down")]
    assert rest.resume_queue("mail") is True
    rest.put_limit(LimitRule(name="smtp", queue="mail", rate=14, per=timedelta(seconds=1)))
    assert rest.delete_limit("smtp") is True
    assert rest.delete_limit("smtp") is False
    rest.put_schedule("digest", "a.b", {"to": 1}, cron="0 8 * * *", tz="Europe/Berlin")
    (found,) = rest.list_schedules()
    assert (found.name, found.time_zone, msgspec.json.decode(found.args)) == (
        "digest", "Europe/Berlin", {"to": 1},
    )  # fmt: skip
    assert rest.save_workflow("w", {"nodes": {"a": {"task": "t.a"}}}).outcome == "saved"
    started = rest.start_workflow("w", {"x": 1})
    run = rest.get_run(started.id)
    assert run is not None
    assert run.state == "running"
    assert rest.cancel_run(started.id) in ("cancelled", "requested")


def test_mistakes_are_told_before_anything_is_sent(rest: Rest) -> None:
    with pytest.raises(UnknownOption):
        rest.enqueue("a.b", quue="mail")  # type: ignore[call-arg]
    with pytest.raises(InvalidOption, match="tenant"):
        rest.enqueue("a.b", tenant="acme")
    with pytest.raises(InvalidOption, match="tenant"):
        rest.cancel(1, tenant="acme")
    with pytest.raises(NeedsDatabase):
        rest.run(health.server())


def test_errors_are_those_of_the_sdk(rest: Rest, url: str, db: Any) -> None:
    with pytest.raises(JobNotFound) as raised:
        rest.retry(4_711_000)
    assert raised.value.code == "TF120"
    with pytest.raises(InvalidName):
        rest.enqueue("no spaces")
    with Rest(url, key(db, "viewer")) as viewer, pytest.raises(NotAllowed):
        viewer.enqueue("a.b")


async def test_the_same_for_async_code(url: str, db: Any) -> None:
    async with AsyncRest(url, key(db)) as rest:
        placed = await rest.enqueue("a.b", {"n": 1}, queue="bulk")
        assert [line.id async for line in rest.list_jobs(JobFilter(queues=("bulk",)))] == [
            placed.id
        ]
        causes = await rest.explain(placed.id)
        assert causes[0].sentence
        assert await rest.cancel(placed.id) == "cancelled"
        with pytest.raises(JobNotFound):
            await rest.retry(4_711_000)


def test_both_colours_have_the_same_verbs() -> None:
    def verbs(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert verbs(Rest) == verbs(AsyncRest)


def test_every_entry_of_the_table_is_of_a_builder_that_remembers() -> None:
    assert len(TABLE) > 50
    assert [builder for builder in TABLE if not hasattr(builder, "__wrapped__")] == []
