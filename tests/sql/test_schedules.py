"""Schedules: making and editing them, and what becomes of their ticks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.clockwork import (
    MONDAY,
    at,
    end,
    fire,
    jobs,
    ledger,
    put,
    ran,
    row,
    set_clock,
    short,
)
from tests.support.notices import Listener

Connection = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def noon(db: Connection) -> None:
    """Monday, 23 November 2026, 12:00 UTC."""
    set_clock(db, MONDAY)


# --- making and editing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "ticks"),
    [
        ({"cron": "*/5 * * * *"}, ["12:05", "12:10", "12:15"]),
        ({"cron": "30 8 * * *", "time_zone": "america/new_york"}, ["13:30", "11-24 13:30"]),
        ({"every": "90 min"}, ["13:30", "15:00", "16:30"]),
        ({"cron": "@every 90m"}, ["13:30", "15:00", "16:30"]),
        ({"every": "1 day"}, ["11-24 12:00", "11-25 12:00"]),
        ({"every": "1 h", "starts_at": at("2026-11-23T18:15")}, ["18:15", "19:15"]),
        ({"every": "1 h", "starts_at": at("2026-11-20T18:15")}, ["12:15", "13:15"]),
        ({"cron": "@hourly", "starts_at": at("2026-11-23T18:00")}, ["18:00", "19:00"]),
        ({"cron": "@hourly", "ends_at": at("2026-11-23T14:00")}, ["13:00", "14:00", "-"]),
        ({"cron": "@hourly", "max_runs": 2}, ["13:00", "14:00", "-"]),
        ({"at": at("2026-11-23T12:34:56")}, ["12:34:56", "-"]),
    ],
)
def test_a_schedule_fires_at_its_times(
    db: Connection, times: dict[str, Any], ticks: list[str]
) -> None:
    found = short(put(db, **times))
    for expected, following in zip(ticks, [*ticks[1:], None], strict=True):
        assert found == expected
        if expected == "-":
            break
        set_clock(db, row(db).next_at.isoformat()[:19])
        assert fire(db) == 1
        found = short(row(db).next_at)
        assert following in (found, None)
    assert ran(db) == [tick for tick in ticks if tick != "-"]


def test_its_jobs_carry_its_options_and_where_they_come_from(db: Connection) -> None:
    db.execute("""select taskflow.publish_tasks('[{"name": "t", "queue": "mail", "max_attempts": 7,
                  "timeout": "9 seconds"}]')""")
    put(db, "plain", every="1 min")
    put(
        db, "rich", every="1 min", args={"a": None, "tick": 1}, queue="bulk", priority="high",
        max_attempts=3, timeout="5 s", tags=["x", "y"], meta={"team": "shop", "tick": "no"},
    )  # fmt: skip
    set_clock(db, "2026-11-23T12:01")
    assert fire(db) == 2
    plain, rich = jobs(db)
    assert (plain.queue, plain.max_attempts, plain.timeout) == ("mail", 7, timedelta(seconds=9))
    assert (plain.args, plain.tags) == ({}, None)
    assert plain.meta == {"schedule": "plain", "tick": "2026-11-23T12:01:00Z"}
    assert (rich.queue, rich.priority, rich.max_attempts) == ("bulk", 1, 3)
    assert (rich.timeout, rich.tags) == (timedelta(seconds=5), ["x", "y"])
    assert rich.args == {"a": None, "tick": 1}
    assert rich.meta == {"team": "shop", "schedule": "rich", "tick": "2026-11-23T12:01:00Z"}


def test_a_task_s_new_defaults_hold_from_the_next_tick(db: Connection) -> None:
    put(db, every="1 min")
    db.execute("""select taskflow.publish_tasks('[{"name": "t", "queue": "later"}]')""")
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    assert jobs(db)[0].queue == "later"


def test_editing_keeps_what_is_not_given_the_ledger_and_the_count(db: Connection) -> None:
    put(db, cron="*/5 * * * *", time_zone="Europe/Berlin", args={"a": 1}, max_runs=9, jitter="2 s",
        queue="q", ends_at=at("2027-01-01T00:00"), overlap="skip")  # fmt: skip
    set_clock(db, "2026-11-23T12:05")
    fire(db)
    before = row(db)
    assert short(put(db, task=None, cron="0 9 * * *")) == "11-24 08:00"
    after = row(db)
    changed = {name for name in before._fields if getattr(before, name) != getattr(after, name)}
    assert changed <= {"cron", "next_at", "updated_at"}
    assert (after.runs, ran(db)) == (1, ["12:05"])
    put(db, task="t2", every="10 s")
    assert (row(db).task, row(db).cron, row(db).kind) == ("t2", None, "interval")


def test_zero_an_empty_text_and_infinity_take_an_option_back(db: Connection) -> None:
    given: dict[str, Any] = {
        "max_runs": 3, "jitter": "2 s", "queue": "q", "starts_at": at("2026-11-24T00:00"),
        "ends_at": at("2027-01-01T00:00"), "max_attempts": 3, "timeout": "5 s", "tags": ["x"],
        "meta": {"a": 1}, "catch_up_span": "1 h",
    }  # fmt: skip
    put(db, every="1 min", **given)
    assert all(getattr(row(db), name) is not None for name in given)
    put(db, max_runs=0, jitter="0", queue="", starts_at="infinity", ends_at="infinity",
        max_attempts=0, timeout="0", tags=[], meta={}, catch_up_span="0")  # fmt: skip
    assert all(getattr(row(db), name) is None for name in given)


def test_an_interval_keeps_its_beat_when_other_things_are_edited(db: Connection) -> None:
    put(db, every="10 min")
    set_clock(db, "2026-11-23T12:07")
    assert short(put(db, args={"a": 1})) == "12:10"
    assert short(put(db, every="5 min")) == "12:12"


def test_a_tick_that_is_due_is_fired_before_an_edit(db: Connection) -> None:
    put(db, every="10 min", args={"version": 1})
    set_clock(db, "2026-11-23T12:10:01")
    put(db, args={"version": 2}, every="1 min")
    assert (ran(db), jobs(db)[0].args) == (["12:10"], {"version": 1})
    assert short(row(db).next_at) == "12:11:01"


def test_a_late_tick_does_not_make_the_next_one_late(db: Connection) -> None:
    put(db, every="1 min")
    for second in ("12:01:07", "12:02:03", "12:03:09"):
        set_clock(db, f"2026-11-23T{second}")
        fire(db)
    assert ran(db) == ["12:01", "12:02", "12:03"]
    late = f.rows(db, "select late_by from taskflow.schedule_tick order by tick_at")
    assert [int(line.late_by.total_seconds()) for line in late] == [7, 3, 9]


def test_jitter_spreads_jobs_and_falls_on_the_same_moment_each_time(db: Connection) -> None:
    names = [f"s{n}" for n in range(30)]
    for name in names:
        put(db, name, every="1 min", jitter="10 s")
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    delays = [(job.run_at - at("2026-11-23T12:01")).total_seconds() for job in jobs(db)]
    assert all(0 <= delay <= 10 for delay in delays)
    assert max(delays) - min(delays) > 3
    anew = "select taskflow.schedule_job(s, %s, %s, 'x') from taskflow.schedule s where name = 's7'"
    tick, now = at("2026-11-23T12:02"), at("2026-11-23T12:01")
    first = f.job(db, f.value(db, anew, tick, now)).run_at
    db.execute("delete from taskflow.schedule_tick where schedule = 's7'")
    assert f.job(db, f.value(db, anew, tick, now)).run_at == first > tick


def test_a_fired_job_wakes_a_worker_that_waits(db: Connection, connect: Connect) -> None:
    put(db, every="1 min")
    set_clock(db, "2026-11-23T12:01")
    f.call(db, "wait_for_work", worker_id=f.join(db), queues=["default"])
    with Listener(connect()) as listener:
        assert fire(db) == 1
        assert listener.heard() == ["queue default"]


def test_schedules_are_of_their_tenant(db: Connection) -> None:
    put(db, every="1 min", tenant="acme")
    put(db, every="5 min")
    set_clock(db, "2026-11-23T12:05")
    assert fire(db) == 2
    assert sorted(job.tenant for job in jobs(db)) == ["acme", "default"]
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "pause_schedule", name="s", tenant="other")
    assert error.value.sqlstate == "TF150"
    f.call(db, "delete_schedule", name="s", tenant="acme")
    assert row(db).tenant == "default"


# --- K2: missed ticks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "runs", "missed"),
    [
        ({"catch_up": "none"}, [], ["13:00", "14:00", "15:00"]),
        ({"catch_up": "last"}, ["15:00"], ["13:00", "14:00"]),
        ({}, ["15:00"], ["13:00", "14:00"]),
        ({"catch_up": "last", "catch_up_span": "20 min"}, [], ["13:00", "14:00", "15:00"]),
        ({"catch_up": "all"}, ["13:00", "14:00", "15:00"], []),
        ({"catch_up": "all", "catch_up_span": "100 min"}, ["14:00", "15:00"], ["13:00"]),
    ],
)
def test_k2_missed_ticks_are_made_up_for_by_policy_and_all_recorded(
    db: Connection, options: dict[str, Any], runs: list[str], missed: list[str]
) -> None:
    put(db, cron="@hourly", **options)
    set_clock(db, "2026-11-23T15:30")
    assert fire(db) == len(runs)
    assert ran(db) == runs
    assert [tick for tick, status, why in ledger(db) if (status, why) == ("skipped", "missed")] == (
        missed
    )
    assert {why for _, status, why in ledger(db) if status == "run"} <= {"caught up"}
    assert short(row(db).next_at) == "16:00"
    assert fire(db) == 0


@pytest.mark.parametrize("catch_up", ["none", "last", "all"])
def test_k2_within_the_grace_a_tick_is_not_missed(db: Connection, catch_up: str) -> None:
    put(db, cron="*/3 * * * * *", catch_up=catch_up)
    set_clock(db, "2026-11-23T12:00:09")
    assert fire(db) == 3
    assert ran(db) == ["12:00:03", "12:00:06", "12:00:09"]


def test_k2_after_the_grace_the_newest_that_is_on_time_counts_as_the_last(db: Connection) -> None:
    put(db, cron="@hourly")
    set_clock(db, "2026-11-23T15:00:02")
    assert fire(db) == 1
    assert ran(db) == ["15:00"]


def test_k2_a_month_of_missed_seconds_costs_one_line(db: Connection) -> None:
    """2.5 million ticks: a hundred are listed, the rest is a range, found without counting."""
    put(db, every="1 s", catch_up="last")
    set_clock(db, "2026-12-23T12:00:30")
    assert fire(db) >= 10
    lines = f.rows(db, "select * from taskflow.schedule_tick where status = 'skipped'"
                       " order by tick_at")  # fmt: skip
    assert len(lines) == 101
    assert [line.until_at for line in lines[:-1]] == [None] * 100
    assert (short(lines[-1].tick_at), short(lines[-1].until_at)[:11]) == ("12:01:41", "12-23 12:00")
    assert ran(db)[0] == "12-23 12:00:21"


def test_k2_all_has_a_limit_and_says_so(db: Connection) -> None:
    db.execute("update taskflow.config set value = '7' where name = 'max_catch_up'")
    put(db, every="1 min", catch_up="all")
    set_clock(db, "2026-11-23T18:00:30")
    assert fire(db) == 7
    assert ran(db)[-1] == "12:07"
    skipped = [line for line in ledger(db) if line[1] == "skipped"]
    assert {why for _, _, why in skipped} == {"more than 7 at a time"}
    assert len(skipped) == 101
    assert short(row(db).next_at) == "18:01"


def test_a_time_that_passed_while_nobody_looked_is_made_up_for(db: Connection) -> None:
    put(db, "late", at=at("2026-11-23T13:00"))
    put(db, "never", at=at("2026-11-23T13:00"), catch_up="none")
    set_clock(db, "2026-11-23T15:30")
    assert fire(db) == 1
    assert (ran(db, "late"), ledger(db, "never")) == (["13:00"], [("13:00", "skipped", "missed")])
    assert [row(db, name).next_at for name in ("late", "never")] == [None, None]


# --- overlap --------------------------------------------------------------------------------------


def overlapping(db: Connection, overlap: str, **options: Any) -> Any:
    """A schedule whose first job lives when its second tick comes; that job as it was before."""
    put(db, every="1 min", overlap=overlap, **options)
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    (first,) = jobs(db)
    set_clock(db, "2026-11-23T12:02")
    fire(db)
    return first


def test_overlap_allow_lets_both_live(db: Connection) -> None:
    overlapping(db, "allow")
    assert (len(jobs(db)), ran(db)) == (2, ["12:01", "12:02"])


def test_overlap_skip_passes_the_tick_over_while_a_job_lives(db: Connection) -> None:
    first = overlapping(db, "skip").id
    assert ledger(db)[1] == ("12:02", "skipped", f"overlap: job {first} is available")
    worker = f.join(db)
    (job,) = f.claim(db, worker)
    set_clock(db, "2026-11-23T12:03")
    fire(db)
    assert ledger(db)[2][2] == f"overlap: job {first} is running"
    f.settle(db, job, "failed", delay=timedelta(hours=1))
    set_clock(db, "2026-11-23T12:04")
    fire(db)
    assert ledger(db)[3][2] == f"overlap: job {first} is retrying"
    f.call(db, "cancel", id=first)
    set_clock(db, "2026-11-23T12:05")
    assert fire(db) == 1
    assert ran(db) == ["12:01", "12:05"]


def test_overlap_queue_lets_one_tick_wait_for_the_end(db: Connection) -> None:
    first = overlapping(db, "queue").id
    assert ledger(db)[1] == ("12:02", "queued", f"job {first} is available")
    set_clock(db, "2026-11-23T12:03")
    assert fire(db) == 0
    assert ledger(db)[2][1:] == (
        "skipped",
        "overlap: the tick of 2026-11-23T12:02:00Z waits already",
    )
    assert f.value(db, "select taskflow.due_in()") <= 1
    end(db, first)
    set_clock(db, "2026-11-23T12:03:30")
    assert fire(db) == 1
    assert ledger(db)[1] == ("12:02", "run", "waited for the job before")
    (second,) = jobs(db)
    assert second.meta["tick"] == "2026-11-23T12:02:00Z"
    assert (row(db).queued_at, row(db).runs) == (None, 2)
    assert f.value(db, "select late_by from taskflow.schedule_tick where job_id = %s",
                   second.id) > timedelta(seconds=89)  # fmt: skip


def test_overlap_queue_never_starts_a_job_before_the_end_of_another(db: Connection) -> None:
    put(db, every="1 min", overlap="queue", catch_up="all")
    for minute in range(1, 9):
        set_clock(db, f"2026-11-23T12:0{minute}")
        fire(db)
        assert len(jobs(db)) == 1
        if minute % 3 == 0:
            end(db, jobs(db)[0].id)
            fire(db)
            assert len(jobs(db)) == 1
    assert ran(db) == ["12:01", "12:02", "12:04"]


def test_overlap_cancel_old_replaces_the_job_before(db: Connection) -> None:
    first = overlapping(db, "cancel_old")
    (second,) = jobs(db)
    assert ran(db) == ["12:01", "12:02"]
    assert (first.state, f.state(db, first.id)) == ("ready", "cancelled")
    assert f.job(db, first.id).reason == "replaced by the tick of 2026-11-23T12:02:00Z"
    f.claim(db, f.join(db))
    set_clock(db, "2026-11-23T12:03")
    assert fire(db) == 1
    assert f.job(db, second.id).cancel_requested
    assert ledger(db)[2][1:] == ("run", f"replaced job {second.id}")


def test_a_waiting_tick_counts_as_one_of_max_runs(db: Connection) -> None:
    first = overlapping(db, "queue", max_runs=2).id
    assert row(db).next_at is None
    end(db, first)
    assert fire(db) == 1
    assert (row(db).runs, row(db).queued_at) == (2, None)
    state = f.value(db, "select state from taskflow.schedule_view")
    assert state == "ended"


# --- pause, resume, run now, delete ---------------------------------------------------------------


def test_a_paused_schedule_makes_nothing_and_its_ticks_are_one_line(db: Connection) -> None:
    put(db, cron="@hourly", catch_up="all")
    f.call(db, "pause_schedule", name="s", reason="holidays")
    set_clock(db, "2026-11-23T17:30")
    assert fire(db) == 0
    assert f.value(db, "select taskflow.due_in()") is None
    assert f.call(db, "resume_schedule", name="s") is True
    assert f.call(db, "resume_schedule", name="s") is False
    (line,) = f.rows(db, "select * from taskflow.schedule_tick")
    assert (short(line.tick_at), line.status) == ("13:00", "skipped")
    assert line.reason == f"paused by {f.value(db, 'select session_user')}: holidays"
    assert at("2026-11-23T17:00") < line.until_at < at("2026-11-23T17:31")
    assert (fire(db), short(row(db).next_at)) == (0, "18:00")
    set_clock(db, "2026-11-23T18:00")
    assert fire(db) == 1


def test_a_pause_shorter_than_a_tick_misses_none(db: Connection) -> None:
    put(db, cron="@hourly")
    f.call(db, "pause_schedule", name="s")
    set_clock(db, "2026-11-23T12:30")
    f.call(db, "resume_schedule", name="s")
    assert (ledger(db), short(row(db).next_at)) == ([], "13:00")


def test_a_waiting_tick_stays_over_a_pause(db: Connection) -> None:
    first = overlapping(db, "queue").id
    f.call(db, "pause_schedule", name="s")
    end(db, first)
    assert fire(db) == 0
    f.call(db, "resume_schedule", name="s")
    assert fire(db) == 1


def test_put_can_pause_and_resume(db: Connection) -> None:
    put(db, cron="@hourly", paused=True)
    assert row(db).paused_at is not None
    put(db, cron="@daily")
    assert row(db).paused_at is not None
    put(db, paused=False)
    assert (row(db).paused_at, short(row(db).next_at)) == (None, "11-24 00:00")


def test_run_now_is_beside_the_ticks(db: Connection) -> None:
    put(db, cron="@hourly", max_runs=1, jitter="1 h", args={"a": 1})
    f.call(db, "pause_schedule", name="s")
    job = f.call(db, "run_schedule_now", name="s")
    assert (f.state(db, job), f.job(db, job).args) == ("available", {"a": 1})
    assert f.job(db, job).meta["schedule"] == "s"
    assert ledger(db)[0][1:] == ("run", f"run now by {f.value(db, 'select session_user')}")
    assert (row(db).runs, short(row(db).next_at)) == (0, "13:00")


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_run_now_keeps_the_overlap_policy(db: Connection, overlap: str) -> None:
    put(db, cron="@hourly", overlap=overlap)
    job = f.call(db, "run_schedule_now", name="s")
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "run_schedule_now", name="s")
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF121", True)
    end(db, job)
    f.call(db, "run_schedule_now", name="s")
    set_clock(db, "2026-11-23T13:00")
    fire(db)
    assert len(jobs(db)) == 1


def test_run_now_replaces_where_the_policy_says_so(db: Connection) -> None:
    put(db, cron="@hourly", overlap="cancel_old")
    first = f.call(db, "run_schedule_now", name="s")
    second = f.call(db, "run_schedule_now", name="s")
    assert (f.state(db, first), f.state(db, second)) == ("cancelled", "available")


def test_a_deleted_schedule_leaves_its_jobs_and_its_ledger(db: Connection) -> None:
    put(db, every="1 min")
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    f.call(db, "delete_schedule", name="s")
    set_clock(db, "2026-11-23T12:02")
    assert (fire(db), len(jobs(db)), ran(db)) == (0, 1, ["12:01"])


# --- one schedule cannot hurt the others ----------------------------------------------------------


def test_a_job_that_is_refused_costs_its_tick_and_not_the_schedule(db: Connection) -> None:
    put(db, "bad", every="1 min", args={"text": "x" * 500})
    put(db, "good", every="1 min")
    db.execute("update taskflow.config set value = '100' where name = 'max_args_bytes'")
    set_clock(db, "2026-11-23T12:01")
    assert fire(db) == 1
    assert ledger(db, "bad")[0][1:] == (
        "skipped", "refused: TF114 arguments take 512 bytes, the limit is 100",
    )  # fmt: skip
    db.execute("update taskflow.config set value = '1000' where name = 'max_args_bytes'")
    set_clock(db, "2026-11-23T12:02")
    assert fire(db) == 2
    assert row(db, "bad").runs == 1


def test_a_schedule_that_cannot_be_computed_is_paused_with_the_error(db: Connection) -> None:
    put(db, "bad", cron="* * * * *")
    put(db, "good", cron="* * * * *")
    db.execute("update taskflow.schedule set time_zone = 'Mars/Olympus' where name = 'bad'")
    set_clock(db, "2026-11-23T12:01")
    assert fire(db) == 1
    bad = row(db, "bad")
    assert (bad.paused_by, bad.paused_at is not None) == ("taskflow", True)
    assert bad.pause_reason.startswith("error 22023: ")
    assert ledger(db, "bad") == []


def test_many_schedules_are_fired_in_several_calls(db: Connection) -> None:
    for n in range(120):
        put(db, f"s{n}", every="1 min")
    set_clock(db, "2026-11-23T12:01")
    (first,) = f.call_rows(db, "fire_schedules")
    assert (first.fired, first.due_in <= 0) == (50, True)
    assert [fire(db), fire(db), fire(db)] == [50, 20, 0]


def test_due_in_says_when_to_come_back(db: Connection) -> None:
    assert f.value(db, "select taskflow.due_in()") is None
    put(db, every="1 h")
    put(db, "sooner", every="10 min")
    (answer,) = f.call_rows(db, "fire_schedules")
    assert answer.fired == 0
    assert 590 < answer.due_in <= 600
