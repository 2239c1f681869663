"""Pages of jobs: right whatever the filter, and cheap however many jobs there are."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, get_args

import psycopg
import pytest

from taskflow.calls import reads
from taskflow.kernel.job import State
from taskflow.kernel.listing import JobFilter, JobLine
from taskflow.store import filters, walks
from taskflow.store.call import Call, run
from tests.support import factories
from tests.support.db import TestServer

STATES: tuple[State, ...] = get_args(State)
MANY = 200_000


def page(db: Any, limit: int = 1_000, after: int | None = None, **wanted: Any) -> list[JobLine]:
    return run(db, filters.page(JobFilter(**wanted), limit, after))


@pytest.fixture
def mixed(db: Any) -> list[Any]:
    """A hundred jobs in every state, of three tasks and queues, over some hours."""
    dice = random.Random(7)
    worker = factories.join(db, "a", "b", "c")
    for number in range(100):
        factories.advance(db, 300)
        queue = dice.choice("abc")
        options = {"tags": ["odd"]} if number % 2 else {}
        delay = "10 hours" if dice.random() < 0.2 else None
        id = factories.enqueue(
            db, dice.choice(["x", "y", "z"]), queue=queue, delay=delay, max_attempts=2, **options
        )
        fate = dice.choice(["cancel", "claim", "claim", "complete", "complete", "fail", "", ""])
        if fate == "cancel":
            factories.call(db, "cancel", id=id)
        elif fate:
            for job in factories.claim(db, worker, 1, queue):
                if fate == "complete":
                    factories.settle(db, job)
                elif fate == "fail":
                    factories.settle(db, job, "failed", delay="0 seconds")
    # set aside: blocked where due, be they new or failed before
    db.execute(
        "update taskflow.job j set priority = 12"
        " from (select id, row_number() over (partition by attempt order by id) as place"
        " from taskflow.job where state = 'ready') n where n.id = j.id and n.place % 2 = 0"
    )
    return factories.rows(db, "select * from taskflow.job_view order by id desc")


def expected(jobs: list[Any], **wanted: Any) -> list[int]:
    """The same filter, said as plainly as can be."""
    return [
        job.id
        for job in jobs
        if job.state in (wanted.get("states") or STATES)
        and job.task in (wanted.get("tasks") or "xyz")
        and job.queue in (wanted.get("queues") or "abc")
        and (not wanted.get("tags") or set(wanted["tags"]) & set(job.tags or ()))
        and (not wanted.get("since") or job.created_at >= wanted["since"])
        and (not wanted.get("until") or job.created_at < wanted["until"])
    ]


def test_a_queue_counts_its_states_as_the_view_does(db: Any, mixed: list[Any]) -> None:
    lines = run(db, reads.queues("default"))
    assert [line.name for line in lines] == ["a", "b", "c"]
    for line in lines:
        states = Counter(job.state for job in mixed if job.queue == line.name)
        for state in ("available", "scheduled", "retrying", "blocked", "running"):
            assert getattr(line, state) == states[state], (line.name, state)


def test_every_filter_and_pair_of_filters(db: Any, mixed: list[Any]) -> None:
    times: list[datetime] = sorted(job.created_at for job in mixed)
    one: list[dict[str, Any]] = [
        *({"states": (state,)} for state in STATES),
        {"states": ("dead", "running", "scheduled")},
        {"tasks": ("x",)}, {"tasks": ("y", "z")}, {"queues": ("b",)}, {"tags": ("odd",)},
        {"since": times[70]}, {"until": times[30]}, {"since": times[20], "until": times[80]},
        {"since": times[-1] + timedelta(days=9)}, {"until": times[0] - timedelta(days=9)},
    ]  # fmt: skip
    assert {job.state for job in mixed} >= set(STATES) - {"dead"}
    for first, second in itertools.combinations_with_replacement(one, 2):
        wanted = {**first, **second}
        found = [line.id for line in page(db, **wanted)]
        assert found == expected(mixed, **wanted), wanted
        assert run(db, filters.count(JobFilter(**wanted)))[0] == len(found), wanted
        assert run(db, filters.ids(JobFilter(**wanted), 1_000)) == found[::-1], wanted


def test_a_tenant_sees_its_own(db: Any) -> None:
    factories.enqueue(db, tenant="other")
    mine = factories.enqueue(db)
    assert [line.id for line in page(db)] == [mine]
    assert len(page(db, tenant="other")) == 1


def test_filters_of_one_shape_share_a_statement_but_no_values() -> None:
    one = filters.page(JobFilter(tenant="a", tasks=("x", "y")), 3)
    other = filters.page(JobFilter(tenant="b", tasks=("z",)), 7)
    assert one.statement is other.statement
    assert {"tenant": "a", "tasks": ["x", "y"], "limit": 3}.items() <= one.parameters.items()
    assert {"tenant": "b", "tasks": ["z"], "limit": 7}.items() <= other.parameters.items()


def test_what_a_caller_writes_is_a_value(db: Any) -> None:
    factories.enqueue(db)
    evil = "x'; drop table taskflow.job; --%(a)s :b"
    for name in ("tasks", "queues", "tags", "fingerprints"):
        wanted: dict[str, Any] = {name: (evil,)}
        assert page(db, **wanted) == []
    assert len(page(db)) == 1


def test_bulk_leaves_alone_what_came_later(db: Any) -> None:
    first = factories.enqueue_many(db, 3)
    _, last = run(db, filters.count(JobFilter()))
    factories.enqueue_many(db, 3)
    assert run(db, filters.ids(JobFilter(), 10, 0, last)) == first


def test_many_scheduled_jobs_are_walked_and_few_are_named(
    db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = factories.enqueue_many(db, 12, delay="1 hour")
    factories.enqueue_many(db, 3)
    for cap in (5, 100):
        monkeypatch.setattr(walks, "FUTURE_CAP", cap)
        found = page(db, states=("scheduled",), limit=4)
        assert [line.id for line in found] == later[:-5:-1]


# --- cost -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(server: TestServer) -> Iterator[psycopg.Connection[Any]]:
    """A database with 200,000 jobs waiting and as many finished."""
    dsn = server.create()
    with psycopg.connect(dsn, autocommit=True) as db:
        columns = "run_at, created_at, max_attempts, priority, queue, task, created_by, args"
        series = (
            f"(select n, now() - ({MANY} - n) * interval '0.1 s' as t"
            f" from generate_series(1, {MANY}) n) g"
        )
        same = "t, t, 5, 2, 'q' || n % 3, 't', 'me', '{}'"
        db.execute(f"insert into taskflow.job ({columns}) select {same} from {series}")  # type: ignore[arg-type, unused-ignore]
        db.execute(
            f"insert into taskflow.job_history ({columns}, id, claim_no, finished_at, state,"  # type: ignore[arg-type, unused-ignore]
            f" attempt, lost) select {same}, {MANY} + n, 1, t, 'succeeded', 1, 0 from {series}"
        )
        db.execute("vacuum analyze")
        yield db
    server.drop(dsn)


def touched(db: psycopg.Connection[Any], call: Call[Any]) -> int:
    """Blocks that a statement reads: what it costs, on any machine."""
    row = db.execute(
        f"explain (analyze, buffers, format json) {call.statement}", call.parameters
    ).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return int(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        *(
            {"states": (state,)}
            for state in STATES
            if state not in ("retrying", "blocked", "cancelled")
        ),
        {"tasks": ("t",)},
        {"queues": ("q1",)},
        {"ids": (5, MANY + 5)},
        {"fingerprints": ("f",)},
        {"since": timedelta(hours=1)},
        {"until": timedelta(hours=4)},
    ],
    ids=str,
)
def test_a_page_costs_little_among_many_jobs(many: Any, wanted: dict[str, Any]) -> None:
    now = run(many, reads.clock())
    given: dict[str, Any] = {
        k: now - v if isinstance(v, timedelta) else v for k, v in wanted.items()
    }
    whole = touched(many, filters.count(JobFilter()))
    assert whole > 3_000
    assert touched(many, filters.page(JobFilter(**given), 50)) < 1_500


def test_queues_at_a_glance_cost_little_among_many_jobs(many: Any) -> None:
    found = run(many, reads.queues("default"))
    assert [line.available for line in found] == [10_001] * 3
    assert all(line.per_second > 0 for line in found)


def test_the_rate_is_that_of_the_last_minute(many: Any) -> None:
    # ten jobs a second finished, over three queues
    found = run(many, reads.queues("default"))
    assert sum(line.per_second for line in found) == pytest.approx(10, abs=3)
