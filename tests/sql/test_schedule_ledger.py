"""One job per tick, whatever happens: sessions at once, kills, leaping clocks, a pruned ledger.

And what else the ledger is for: backfill and explain.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.clockwork import (
    MONDAY,
    at,
    fire,
    jobs,
    ledger,
    put,
    ran,
    row,
    set_clock,
    short,
)

Connection = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def noon(db: Connection) -> None:
    """Monday, 23 November 2026, 12:00 UTC."""
    set_clock(db, MONDAY)


def refused(db: Connection, function: str, **options: Any) -> str:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, function, **options)
    assert error.value.diag.message_hint
    return str(error.value.sqlstate)


def backfill(db: Connection, since: str, until: str, **options: Any) -> list[tuple[str, str]]:
    found = f.call_rows(
        db, "backfill_schedule", name="s", since=at(since), until=at(until), **options
    )
    return [(short(line.tick_at), line.status) for line in found]


# --- exactly one job per tick ---------------------------------------------------------------------


def test_k1_ten_sessions_at_once_make_one_job_per_tick(db: Connection, connect: Connect) -> None:
    for n in range(3):
        put(db, f"s{n}", every="1 min")
    rounds, sessions = 15, [connect() for _ in range(10)]
    barrier = threading.Barrier(len(sessions))
    fired: list[int] = []

    def work(session: Connection) -> None:
        for minute in range(1, rounds + 1):
            set_clock(session, f"2026-11-23T12:{minute:02}")
            barrier.wait(20)
            fired.append(fire(session))
            barrier.wait(20)

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(fired) == 3 * rounds
    made = [(job.meta["schedule"], job.meta["tick"]) for job in jobs(db)]
    assert len(set(made)) == len(made) == 3 * rounds
    for n in range(3):
        assert ran(db, f"s{n}") == [f"12:{minute:02}" for minute in range(1, rounds + 1)]


def test_k1_a_clock_that_leapt_back_fires_nothing_again(db: Connection) -> None:
    put(db, every="1 min")
    set_clock(db, "2026-11-23T12:03")
    fire(db)
    before = len(jobs(db))
    set_clock(db, "2026-11-23T12:01:30")
    assert fire(db) == 0
    put(db, args={"edited": True})
    assert short(row(db).next_at) == "12:04"
    f.call(db, "pause_schedule", name="s")
    f.call(db, "resume_schedule", name="s")
    assert (short(row(db).next_at), len(jobs(db))) == ("12:04", before)


def test_k1_a_schedule_made_again_fires_no_tick_of_the_old_one(db: Connection) -> None:
    put(db, cron="* * * * *")
    set_clock(db, "2026-11-23T12:02")
    fire(db)
    f.call(db, "delete_schedule", name="s")
    set_clock(db, "2026-11-23T12:01:30")
    put(db, cron="* * * * *")
    set_clock(db, "2026-11-23T12:02:05")
    assert (fire(db), short(row(db).next_at)) == (0, "12:03")
    set_clock(db, "2026-11-23T12:03")
    assert fire(db) == 1
    assert ran(db) == ["12:02", "12:03"]


def test_k1_p1_a_pruned_ledger_fires_no_tick_again(db: Connection) -> None:
    put(db, cron="* * * * *", catch_up="all")
    set_clock(db, "2026-11-23T12:03")
    fire(db)
    set_clock(db, "2026-12-24T12:00")
    fire(db)
    assert f.maintain(db)["ticks_removed"] == 3
    assert "12:03" not in ran(db)
    assert short(row(db).forgotten_at) == "12:03"
    set_clock(db, "2026-11-23T12:04")
    assert fire(db) == 0
    put(db, cron="*/1 * * * *")
    assert short(row(db).next_at) == "12-24 12:01"


def test_k1_a_tick_that_has_its_job_gets_no_other(db: Connection) -> None:
    put(db, cron="* * * * *")
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    with pytest.raises(psycopg.Error) as error:
        db.execute("select taskflow.schedule_job(s, %s, %s, null) from taskflow.schedule s",
                   (at("2026-11-23T12:01"), at("2026-11-23T12:01")))  # fmt: skip
    assert error.value.sqlstate == "40001"
    assert len(jobs(db)) == 1


def test_k4_who_fires_a_schedule_that_has_moved_on_takes_everything_back(db: Connection) -> None:
    put(db, cron="* * * * *")
    db.execute("create temp table stale as select * from taskflow.schedule")
    set_clock(db, "2026-11-23T12:01")
    assert fire(db) == 1
    db.execute("delete from taskflow.schedule_tick")  # not even the ledger knows
    with pytest.raises(psycopg.Error) as error:
        db.execute("select taskflow.fire_one(jsonb_populate_record(null::taskflow.schedule,"
                   " to_jsonb(s)), taskflow.now()) from stale s")  # fmt: skip
    assert error.value.sqlstate == "40001"
    assert len(jobs(db)) == 1
    db.execute("drop table stale")


def test_u5_tick_job_and_next_time_are_one_transaction(db: Connection, connect: Connect) -> None:
    put(db, cron="* * * * *")
    worker, watcher = connect(autocommit=False), connect()
    set_clock(worker, "2026-11-23T12:01")
    assert fire(worker) == 1
    assert (len(jobs(db)), ledger(db), short(row(db).next_at)) == (0, [], "12:01")
    worker.rollback()
    assert (len(jobs(db)), ledger(db), short(row(db).next_at)) == (0, [], "12:01")
    set_clock(watcher, "2026-11-23T12:01:05")
    assert fire(watcher) == 1
    assert (len(jobs(db)), ran(db), short(row(db).next_at)) == (1, ["12:01"], "12:02")


def test_u5_a_session_killed_between_firing_and_commit_leaves_the_tick_to_another(
    db: Connection, connect: Connect
) -> None:
    put(db, cron="* * * * *")
    doomed = connect(autocommit=False)
    set_clock(doomed, "2026-11-23T12:01")
    assert fire(doomed) == 1
    set_clock(db, "2026-11-23T12:01:10")
    assert fire(db) == 0  # its row is locked, and nobody waits for it
    db.execute("select pg_terminate_backend(%s, 5000)", (doomed.info.backend_pid,))
    assert fire(db) == 1
    assert (len(jobs(db)), ran(db)) == (1, ["12:01"])


def test_a_job_that_somebody_holds_keeps_neither_its_schedule_nor_others_waiting_for_long(
    db: Connection, connect: Connect
) -> None:
    put(db, "held", every="1 min", overlap="cancel_old")
    put(db, "other", every="1 min")
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    holder = connect(autocommit=False)
    holder.execute("select from taskflow.job for update")
    set_clock(db, "2026-11-23T12:02")
    assert fire(db) == 1
    assert (ran(db, "held"), ran(db, "other")) == (["12:01"], ["12:01", "12:02"])
    assert short(row(db, "held").next_at) == "12:02"
    holder.rollback()
    assert fire(db) == 1
    assert ran(db, "held") == ["12:01", "12:02"]


def test_k3_a_night_job_runs_once_in_each_night_of_a_change(db: Connection) -> None:
    for day, utc_time in (("2027-03-28", "01:00"), ("2027-10-31", "00:30")):
        set_clock(db, f"{day}T00:00")
        put(db, cron="30 2 * * *", time_zone="Europe/Berlin")
        for step in range(24):  # every ten minutes of four hours
            set_clock(db, f"{day}T0{step // 6}:{step % 6}0:01")
            fire(db)
        assert [tick for tick in ran(db) if tick.startswith(day[5:])] == [f"{day[5:]} {utc_time}"]


# --- backfill -------------------------------------------------------------------------------------


def test_a_backfill_makes_what_is_missing_and_can_be_looked_at_before(db: Connection) -> None:
    put(db, cron="@hourly", catch_up="none", args={"a": 1})
    set_clock(db, "2026-11-23T13:00")
    fire(db)
    set_clock(db, "2026-11-23T16:30")
    fire(db)
    f.call(db, "pause_schedule", name="s")
    set_clock(db, "2026-11-23T18:30")
    f.call(db, "resume_schedule", name="s")
    span = ("2026-11-23T09:00", "2026-11-23T18:00")
    expected = [(f"{hour:02}:00", "would run") for hour in range(9, 18)]
    expected[4] = ("13:00", "run already")
    before = ledger(db)
    assert backfill(db, *span, dry_run=True) == expected
    assert (ledger(db), len(jobs(db))) == (before, 1)
    made = [(tick, status.replace("would run", "run")) for tick, status in expected]
    assert backfill(db, *span) == made
    assert backfill(db, *span) == [(tick, "run already") for tick, _ in made]
    assert len(jobs(db)) == 9
    assert {job.args["a"] for job in jobs(db)} == {1}
    assert ran(db) == [f"{hour:02}:00" for hour in range(9, 18)]
    assert row(db).runs == 1
    who = f.value(db, "select session_user")
    assert ledger(db)[0] == ("09:00", "run", f"backfilled by {who}")


def test_a_backfill_s_end_is_open_and_its_begin_closed(db: Connection) -> None:
    put(db, cron="@hourly")
    found = backfill(db, "2026-11-23T09:00", "2026-11-23T11:00", dry_run=True)
    assert [tick for tick, _ in found] == ["09:00", "10:00"]


def test_a_backfill_of_an_interval_keeps_its_beat(db: Connection) -> None:
    put(db, every="25 min")
    found = backfill(db, "2026-11-23T11:00", "2026-11-23T12:00", dry_run=True)
    assert [tick for tick, _ in found] == ["11:10", "11:35"]


def test_a_tick_that_a_backfill_made_before_its_time_came_is_not_made_again(db: Connection) -> None:
    put(db, every="1 min", catch_up="all")
    set_clock(db, "2026-11-23T12:02:05")
    assert backfill(db, "2026-11-23T12:01", "2026-11-23T12:02") == [("12:01", "run")]
    assert fire(db) == 1
    assert ran(db) == ["12:01", "12:02"]


def test_a_pause_that_was_backfilled_is_not_overwritten(db: Connection) -> None:
    put(db, every="1 min")
    f.call(db, "pause_schedule", name="s")
    set_clock(db, "2026-11-23T12:03:05")
    backfill(db, "2026-11-23T12:01", "2026-11-23T12:02")
    f.call(db, "resume_schedule", name="s")
    assert ran(db) == ["12:01"]
    assert ledger(db)[1][:2] == ("12:02", "skipped")
    assert backfill(db, "2026-11-23T12:01", "2026-11-23T12:02") == [("12:01", "run already")]


def test_a_waiting_tick_is_left_to_wait(db: Connection) -> None:
    put(db, every="1 min", overlap="queue")
    for minute in (1, 2):
        set_clock(db, f"2026-11-23T12:0{minute}")
        fire(db)
    set_clock(db, "2026-11-23T12:02:30")
    found = backfill(db, "2026-11-23T12:01", "2026-11-23T12:02:30")
    assert found == [("12:01", "run already"), ("12:02", "queued")]


def test_a_backfill_has_limits(db: Connection) -> None:
    put(db, cron="@hourly")

    def code(since: str, until: str) -> str:
        return refused(db, "backfill_schedule", name="s", since=at(since), until=at(until))

    assert code("2026-11-23T09:00", "2026-11-23T12:30") == "TF112"  # not over yet
    assert code("2026-11-23T09:00", "2026-11-23T09:00") == "TF112"
    assert code("2026-10-01T09:00", "2026-10-02T09:00") == "TF112"  # longer ago than the ledger
    db.execute("update taskflow.config set value = '5' where name = 'max_catch_up'")
    assert code("2026-11-23T01:00", "2026-11-23T07:00") == "TF122"
    assert len(backfill(db, "2026-11-23T01:00", "2026-11-23T06:00")) == 5


def test_a_backfill_never_goes_behind_what_was_pruned(db: Connection) -> None:
    put(db, cron="@daily")
    set_clock(db, "2026-11-24T00:00")
    fire(db)
    db.execute("update taskflow.config set value = '1 day' where name = 'tick_retention'")
    set_clock(db, "2026-11-26T00:00")
    f.maintain(db)
    db.execute("update taskflow.config set value = '90 days' where name = 'tick_retention'")
    span = {"since": at("2026-11-24T00:00"), "until": at("2026-11-25T00:00")}
    assert refused(db, "backfill_schedule", name="s", **span) == "TF112"


def test_pruning_keeps_what_waits_and_what_is_young(db: Connection) -> None:
    put(db, every="1 min", overlap="queue")
    for minute in (1, 2, 3):
        set_clock(db, f"2026-11-23T12:0{minute}")
        fire(db)
    set_clock(db, "2026-12-23T12:02:30")
    f.maintain(db)
    assert [status for _, status, _ in ledger(db)] == ["queued", "skipped"]


# --- explain, view, preview -----------------------------------------------------------------------


def causes(db: Connection) -> dict[str, str]:
    found = f.call_rows(db, "explain_schedule", name="s")
    assert len(found) >= 1
    return {line.cause: line.sentence for line in found}


def test_explain_says_when_and_what_the_last_tick_was(db: Connection) -> None:
    put(db, cron="0 14 * * *", time_zone="Europe/Berlin")
    assert causes(db) == {
        "active": "The next tick is in 00:59:59, at 2026-11-23T13:00:00Z, which is"
        " 2026-11-23 14:00:00 in Europe/Berlin."
    }
    set_clock(db, "2026-11-23T13:00:05")
    fire(db)
    (job,) = jobs(db)
    said = causes(db)["last_run"]
    assert said == f"The last tick, of 2026-11-23T13:00:00Z, made job {job.id}, 00:00:05 late."


def test_explain_stages_each_cause(db: Connection) -> None:
    put(db, every="1 min", overlap="queue", ends_at=at("2026-11-23T12:02:30"))
    set_clock(db, "2026-11-23T12:01")
    fire(db)
    assert "lets one tick wait" in causes(db)["overlap"]
    set_clock(db, "2026-11-23T12:02")
    fire(db)
    assert "waits for the end of job" in causes(db)["queued"]
    f.call(db, "pause_schedule", name="s", reason="deploy")
    assert next(iter(causes(db))) == "paused"
    assert causes(db)["paused"].endswith(" ago: deploy.")
    f.call(db, "resume_schedule", name="s")
    f.call(db, "cancel", id=jobs(db)[0].id)
    fire(db)
    assert causes(db)["ended"] == "It ended at 2026-11-23T12:02:30Z."
    put(db, ends_at="infinity", max_runs=2)
    assert causes(db)["ended"] == "It has made its 2 jobs."


def test_explain_says_that_nobody_fires_it(db: Connection) -> None:
    put(db, cron="* * * * *")
    set_clock(db, "2026-11-23T12:05")
    assert "no worker is alive" in causes(db)["overdue"]
    f.join(db)
    assert "the log of a worker" in causes(db)["overdue"]
    assert f.value(db, "select state from taskflow.schedule_view") == "overdue"


def test_the_view_shows_the_times_in_words(db: Connection) -> None:
    put(db, "a", cron="0 8 * * *")
    put(db, "b", every="90 min")
    put(db, "c", at=at("2026-11-24T00:00"))
    found = f.rows(db, "select times, kind, state from taskflow.schedule_view order by name")
    assert [tuple(line) for line in found] == [
        ("0 8 * * *", "cron", "active"),
        ("every 01:30:00", "interval", "active"),
        ("at 2026-11-24T00:00:00Z", "once", "active"),
    ]


def test_preview_shows_ticks_and_what_the_clocks_there_show(db: Connection) -> None:
    found = f.call_rows(
        db, "preview_schedule", cron="30 2 * * *", time_zone="europe/berlin", count=3,
        after=at("2027-03-26T12:00"),
    )  # fmt: skip
    assert [(short(line.tick_at), f"{line.local_at:%d %H:%M}") for line in found] == [
        ("03-27 01:30", "27 02:30"), ("03-28 01:00", "28 03:00"), ("03-29 00:30", "29 02:30"),
    ]  # fmt: skip
    put(db, every="1 h", max_runs=2)
    assert [short(line.tick_at) for line in f.call_rows(db, "preview_schedule", name="s")] == [
        "13:00", "14:00",
    ]  # fmt: skip
    assert refused(db, "preview_schedule", name="nope") == "TF150"
    assert refused(db, "preview_schedule", cron="* * * * *", count=1001) == "TF122"
    assert refused(db, "preview_schedule", cron="x") == "TF151"
    assert refused(db, "preview_schedule", cron="* * * * *", time_zone="Berlin") == "TF111"
    assert refused(db, "preview_schedule") == "TF111"


def test_an_idle_look_is_an_index_probe(db: Connection) -> None:
    """Ten thousand schedules of which none is due cost no more than one."""
    db.execute("update taskflow.config set value = '20000' where name = 'max_schedules'")
    put(db, cron="@daily")
    db.execute(
        "insert into taskflow.schedule select (jsonb_populate_record(s, jsonb_build_object("
        "'name', 's' || n))).* from taskflow.schedule s, generate_series(1, 10000) n"
    )
    db.execute("analyze taskflow.schedule")
    for condition in ("s.next_at <= now()", "s.next_at is not null"):
        lines = db.execute(
            f"explain select * from taskflow.schedule s where {condition} and s.paused_at is null"
            " order by s.next_at limit 50"
        ).fetchall()
        plan = "\n".join(line[0] for line in lines)
        assert "schedule_due" in plan
        assert "Seq Scan" not in plan
    assert fire(db) == 0
    assert f.value(db, "select taskflow.due_in()") > timedelta(hours=11).total_seconds()
