"""Tests of the checker: with a fault planted in the protocol it must speak, without one be silent.

Each plays a short story as two workers would, at the SQL door, in a database of its own where one
function has lost a line. The same story without the fault leaves nothing to report.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.chaos import checker, evidence
from tests.conftest import Connect
from tests.support import factories as f

pytestmark = pytest.mark.chaos
Connection = psycopg.Connection[Any]
SECOND_LOOK = timedelta(seconds=0.2)
LEASE = timedelta(seconds=0.2)


class Story:
    """Two workers, A and B, who play in one database."""

    def __init__(self, dsn: str, connect: Connect) -> None:
        evidence.prepare(dsn)
        self.dsn = dsn
        self.db = connect(dsn)
        self.other = connect(dsn)
        self.a, self.b = f.join(self.db), f.join(self.db)

    def break_function(self, name: str, line: str, instead: str = "") -> None:
        """Replaces `line` in every function of that name."""
        found = f.rows(
            self.db,
            "select pg_get_functiondef(p.oid) as text from pg_proc p"
            " where p.pronamespace = 'taskflow'::regnamespace and p.proname = %s",
            name,
        )
        assert found, f"there is no function {name}"
        for row in found:
            assert line in row.text, f"{name} has no longer the line {line!r}"
            self.db.execute(row.text.replace(line, instead))

    def run(self, job: Any, *, who: Connection | None = None) -> str:
        """The job's own transaction: a row in the ledger, and its settle as the last statement."""
        connection = who or self.db
        connection.execute("begin")
        connection.execute("insert into ledger values (%s, %s)", (job.id, job.claim_no))
        status = f.settle(connection, job)
        connection.execute("commit" if status == "applied" else "rollback")
        return status

    def lose(self) -> None:
        """Waits for the leases to run out, and reaps as workers do."""
        pause(self.db, LEASE)
        for _ in range(3):
            f.call(self.db, "reap", second_look=SECOND_LOOK)
            pause(self.db, SECOND_LOOK)
        f.call(self.db, "reap", second_look=SECOND_LOOK)

    def verdict(self) -> list[str]:
        self.other.close()
        self.db.close()
        return checker.check(self.dsn, second_look=SECOND_LOOK)


def pause(db: Connection, time: timedelta) -> None:
    db.execute("select pg_sleep(extract(epoch from %s::interval) + 0.01)", (time,))


Play = Callable[[Story], None]
Fault = Callable[[Story], None]


def late_settle(story: Story) -> None:
    """A loses its lease, B takes the job, A comes back and settles, then B."""
    f.enqueue(story.db, "ledger")
    (first,) = f.claim(story.db, story.a, lease=LEASE)
    story.lose()
    (second,) = f.claim(story.db, story.b)
    story.run(first, who=story.other)
    story.run(second)


def quick_reaper(story: Story) -> None:
    """B's reaper comes by often while A, whose lease has just run out, is about to renew it."""
    f.enqueue(story.db, "ledger")
    (job,) = f.claim(story.db, story.a, lease=LEASE)
    pause(story.db, LEASE)
    f.call(story.db, "reap", second_look=SECOND_LOOK)
    f.call(story.db, "reap", second_look=SECOND_LOOK)
    f.renew(story.db, story.a, [job])
    if story.run(job) == "stale":
        (again,) = f.claim(story.db, story.b)
        story.run(again)


def two_claims(story: Story) -> None:
    """B claims while A's claim runs."""
    f.enqueue(story.db, "ledger")
    (job,) = f.claim(story.db, story.a)
    taken = f.claim(story.db, story.b)
    story.run(taken[0] if taken else job)


def claims_in_a_row(story: Story) -> None:
    """The job is handed back and claimed again."""
    f.enqueue(story.db, "ledger")
    (first,) = f.claim(story.db, story.a)
    f.settle(story.db, first, "released")
    (second,) = f.claim(story.db, story.b)
    story.run(second)


def one_key_twice(story: Story) -> None:
    """Two calls with one unique key."""
    ids = [f.enqueue(story.db, "ledger", unique_key="k") for _ in range(2)]
    for _ in set(ids):
        (job,) = f.claim(story.db, story.a)
        story.run(job)


def failures(story: Story) -> None:
    """A job that fails as often as it may."""
    id = f.enqueue(story.db, "ledger", max_attempts=2)
    for _ in range(4):
        for job in f.claim(story.db, story.a):
            f.settle(story.db, job, "failed", delay=timedelta(0))
    if f.state(story.db, id) != "dead":
        f.call(story.db, "cancel", id=id)


def a_crowd_of_one_key(story: Story) -> None:
    """More jobs of a key than may run at once, and two workers who want them all."""
    evidence.set_limits(story.db)
    for n in range(4):
        f.enqueue(story.db, "outside.plain", args={"ms": 5, "n": n})
    for _ in range(4):
        jobs = [*f.claim(story.db, story.a, 4), *f.claim(story.db, story.b, 4)]
        for job in jobs:
            f.settle(story.db, job, "completed")


def a_rush(story: Story) -> None:
    """More jobs than may start in a second, half of which fail and are at once due again."""
    evidence.set_limits(story.db)
    for n in range(evidence.STARTS + 10):
        f.enqueue(story.db, "outside.flaky", args={"n": n}, max_attempts=2)
    while f.value(story.db, "select count(*) from taskflow.job"):
        for job in f.claim(story.db, story.a, 20):
            if job.attempt == 1 and job.args["n"] % 2:
                f.settle(story.db, job, "failed", delay=timedelta(0))
            else:
                f.settle(story.db, job, "completed")


def a_clock(story: Story) -> None:
    """Two schedules fall due five times, and their jobs run."""
    evidence.set_schedules(story.db, 60)
    for seconds in range(1, 6):
        story.db.execute(f"set taskflow.clock_offset = '{seconds} s'")
        f.call_rows(story.db, "fire_schedules")
        work(story)


def a_family(story: Story) -> None:
    """Parents and children, of which each child waits for its parent."""
    for n in range(3):
        parent = f.enqueue(story.db, "outside.thing", args={"key": f"p{n}"})
        f.enqueue(story.db, "outside.after", args={"key": f"c{n}", "parent": parent},
                  depends_on=[parent])  # fmt: skip
    work(story)


def a_pipeline(story: Story) -> None:
    """Three runs, step by step."""
    evidence.save_workflow(story.db)
    for n in range(3):
        f.call_rows(story.db, "start_workflow", name="pipeline", input={"run": f"r{n}"})
    work(story)


def work(story: Story) -> None:
    """Both workers take what there is, newest first, until nothing is left."""
    while jobs := [*f.claim(story.db, story.a, 4), *f.claim(story.db, story.b, 4)]:
        for job in reversed(jobs):
            parts = job.args.get("parts")
            results = {"flow.split": [1, 2, 3], "flow.double": 2 * job.args.get("n", 0)}
            result = sum(parts) if parts else results.get(job.task)
            f.settle(story.db, job, "completed", result=Jsonb(result))


def no_slots(story: Story) -> None:
    story.break_function("limit_room", "v_cap is not null", "false")


def no_memory_of_starts(story: Story) -> None:
    story.break_function("limit_room", "s.at > at_time - rule.period", "false")


def no_fence(story: Story) -> None:
    story.break_function("settle", "and j.claim_no = settle.claim_no")


def no_second_look(story: Story) -> None:
    story.break_function(
        "reap", "v_batch.suspected_at is null or v_batch.suspected_at > v_now", "false"
    )
    story.break_function(
        "reap",
        "(j.lease_until <= v_batch.suspected_at or j.lease_until > v_batch.suspected_at + v_far)",
        "j.lease_until <= v_now",
    )


def claims_of_running(story: Story) -> None:
    story.break_function("claim", "and j.state = 'ready'")


def no_new_number(story: Story) -> None:
    story.break_function("claim", "claim_no = j.claim_no + 1", "claim_no = 1")


def keeps_the_live_row(story: Story) -> None:
    story.break_function(
        "archive",
        "delete from taskflow.job j where j.tenant = job.tenant and j.id = job.id;",
        "update taskflow.job j set state = 'ready', lease_until = null where j.id = job.id;",
    )


def no_unique_key(story: Story) -> None:
    story.db.execute("drop index taskflow.job_unique")
    story.break_function("meet_holder", "j.unique_key = new_job.unique_key;", "false;")


def no_counting(story: Story) -> None:
    story.break_function("put_back", "outcome when 'failed' then", "outcome when '' then")


def vanishing(story: Story) -> None:
    story.db.execute(
        "create function drop_it() returns trigger language plpgsql as 'begin return null; end';"
        " create trigger drop_it before insert on taskflow.job_history"
        " for each row execute function drop_it()"
    )


def forgets_ticks(story: Story) -> None:
    story.break_function("tick_after", ") + 1)::float8", ") + 2)::float8")


def a_job_without_its_tick(story: Story) -> None:
    line = "if not taskflow.note_tick(schedule, tick_at, at_time, 'run', reason, v_id) then"
    story.break_function("schedule_job", line, "if false then")


def waits_for_nobody(story: Story) -> None:
    story.db.execute(
        "create function let_go() returns trigger language plpgsql as $$begin"
        " new.waits_for := null; new.state := 'ready'; new.priority := new.priority % 10;"
        " return new; end$$;"
        " create trigger let_go before insert on taskflow.job"
        " for each row when (new.waits_for > 0) execute function let_go()"
    )


def forgets_the_last_step(story: Story) -> None:
    story.db.execute(
        "create function drop_it() returns trigger language plpgsql as 'begin return null; end';"
        " create trigger drop_it before insert on taskflow.job"
        " for each row when (new.task = 'flow.sum') execute function drop_it()"
    )


SABOTAGES: list[tuple[Play, Fault, str]] = [
    (late_settle, no_fence, "A2"),
    (quick_reaper, no_second_look, "A4"),
    (two_claims, claims_of_running, "A4"),
    (claims_in_a_row, no_new_number, "A4"),
    (claims_in_a_row, vanishing, "A1"),
    (claims_in_a_row, keeps_the_live_row, "A1"),
    (one_key_twice, no_unique_key, "A10"),
    (failures, no_counting, "A7"),
    (a_crowd_of_one_key, no_slots, "L1"),
    (a_rush, no_memory_of_starts, "L2"),
    (a_clock, forgets_ticks, "K1"),
    (a_clock, a_job_without_its_tick, "K1"),
    (a_family, waits_for_nobody, "W1"),
    (a_pipeline, forgets_the_last_step, "W2"),
]
PLAYS = sorted({play for play, _, _ in SABOTAGES}, key=lambda play: play.__name__)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_an_honest_story_leaves_nothing_to_report(
    fresh_dsn: str, connect: Connect, play: Play
) -> None:
    story = Story(fresh_dsn, connect)
    play(story)
    assert story.verdict() == []


@pytest.mark.parametrize(
    ("play", "fault", "rule"), SABOTAGES, ids=[fault.__name__ for _, fault, _ in SABOTAGES]
)
def test_a_planted_fault_is_found(
    fresh_dsn: str, connect: Connect, play: Play, fault: Fault, rule: str
) -> None:
    story = Story(fresh_dsn, connect)
    fault(story)
    play(story)
    found = story.verdict()
    assert any(line.startswith(f"{rule} ") for line in found), found
