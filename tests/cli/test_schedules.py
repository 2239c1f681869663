"""`taskflow schedules`, and what `doctor` says of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.stage import publish, worker
from tests.cli.test_doctor import verdicts
from tests.support import factories
from tests.support.clockwork import fire, ledger, put, row


@pytest.fixture(autouse=True)
def task(db: Any) -> None:
    publish(db, "mail.digest")


def test_put_makes_and_edits_and_shows_what_comes(cli: Run, db: Any) -> None:
    done = cli(
        "schedules", "put", "digest", "mail.digest", '{"full": true}', "--cron", "30 2 * * *",
        "--tz", "Europe/Berlin", "--overlap", "skip", "--tag", "a", "--jitter", "10s",
        "--queue", "bulk", "--max-runs", "9", "--ends", "5w", COLUMNS="120",
    ).ok()  # fmt: skip
    assert "In Europe/Berlin" in done.out
    assert done.out.count("02:30:00") == 5
    found = row(db, "digest")
    assert (found.args, found.overlap, found.queue) == ({"full": True}, "skip", "bulk")
    cli("schedules", "put", "digest", "--every", "1h", "--max-runs", "0").ok()
    assert (row(db, "digest").kind, row(db, "digest").max_runs) == ("interval", None)
    assert row(db, "digest").overlap == "skip"
    told = cli("schedules", "put", "once", "mail.digest", "--at", "2h", "--paused", "--json").ok()
    assert (told.json["state"], told.json["kind"]) == ("paused", "once")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["put", "s", "mail.digest", "--cron", "61 * * * *"], 2, "TF151"),
        (["put", "s", "mail.digest", "--cron", "0 8 * * *", "--tz", "berlin"], 2, "Europe/Berlin"),
        (["put", "s", "mail.digest"], 2, "cron, every and at"),
        (["put", "s", "mail.dgest", "--every", "5m"], 3, '"mail.digest"'),
        (["put", "s", "mail.digest", "--every", "5m", "--overlap", "skp"], 2, '"skip"'),
        (["put", "s", "mail.digest", "[1]", "--every", "5m"], 2, "object"),
        (["show", "dgest"], 3, '"digest"'),
        (["ticks", "dgest"], 3, '"digest"'),
        (["pause", "dgest"], 3, '"digest"'),
        (["next"], 2, "--cron"),
        (["next", "digest", "--tz", "UTC"], 2, "--tz"),
        (["next", "--cron", "* *"], 2, "TF151"),
        (["resume", "digest"], 5, "was not paused"),
        (["backfill", "digest"], 2, "--from"),
        (["backfill", "digest", "--from", "90d"], 2, "TF112"),
        (["backfill", "digest", "--from", "2h"], 2, "--yes"),
        (["delete", "digest"], 2, "--yes"),
    ],
)
def test_slips_have_a_code_and_a_way_out(
    cli: Run, db: Any, words: list[str], code: int, said: str
) -> None:
    put(db, "digest", cron="@hourly")
    done = cli("schedules", *words)
    assert done.code == code, done.err
    assert said in done.err
    assert done.out == ""


def test_list_and_show(cli: Run, db: Any) -> None:
    assert "No schedules" in cli("schedules", "list").ok().err
    put(db, "digest", cron="0 8 * * *", time_zone="Asia/Tokyo", args={"full": True})
    put(db, "beat", every="1 min", overlap="skip")
    for _ in range(2):
        factories.advance(db, 60)
        fire(db)
    shown = cli("schedules", "list", COLUMNS="200").ok().out
    for word in ("digest", "0 8 * * *", "Asia/Tokyo", "every 00:01:00", "overlap: job"):
        assert word in shown
    told = cli("schedules", "show", "beat", "--json").ok().json
    assert [line["status"] for line in told["ticks"]] == ["skipped", "run"]
    assert {cause["cause"] for cause in told["causes"]} >= {"active", "overlap", "last_skipped"}
    shown = cli("schedules", "show", "digest", COLUMNS="120").ok().out
    for word in ("The next tick is in", "Asia/Tokyo", '"full": true', "catch-up", "08:00:00"):
        assert word in shown
    shown = cli("schedules", "ticks", "beat", COLUMNS="120").ok().out
    for word in ("skipped", "run", "overlap"):
        assert word in shown


def test_next_shows_the_local_time_over_a_change_of_the_clocks(cli: Run) -> None:
    words = ["--cron", "30 2 * * *", "--tz", "Europe/Berlin", "--after", "2026-10-24T12:00"]
    lines = cli("schedules", "next", *words, "-n", "2", "--json").ok().json
    assert [line["tick_at"] for line in lines] == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    assert [line["local_at"] for line in lines] == ["2026-10-25T02:30:00", "2026-10-26T02:30:00"]
    assert "Sun 2026-10-25 02:30:00" in cli("schedules", "next", *words).ok().out


def test_pause_resume_run_and_delete(cli: Run, db: Any) -> None:
    put(db, "digest", cron="@hourly", overlap="skip")
    cli("schedules", "pause", "digest", "--reason", "holidays").ok()
    assert "holidays" in cli("schedules", "list", COLUMNS="160").ok().out
    assert "active again; its next tick is in" in cli("schedules", "resume", "digest").ok().out
    id = int(cli("schedules", "run", "digest").ok().out)
    assert factories.state(db, id) == "available"
    assert cli("schedules", "run", "digest").code == 5
    assert "deleted" in cli("schedules", "delete", "digest", "--yes").ok().out
    assert cli("schedules", "ticks", "digest").ok().out.count("run now") == 1
    assert cli("schedules", "delete", "digest", "--yes").code == 3


def test_backfill_shows_before_it_acts(cli: Run, db: Any) -> None:
    put(db, "digest", cron="@hourly")
    words = ["schedules", "backfill", "digest", "--from", "3h"]
    assert cli(*words, "--dry-run").ok().out.count("would run") == 3
    assert ledger(db, "digest") == []
    lines = cli(*words, "--yes", "--json").ok().json
    assert [line["status"] for line in lines] == ["run"] * 3
    assert "No tick" in cli(*words, "--yes").ok().err


# --- doctor ---------------------------------------------------------------------------------------


def test_doctor_finds_what_nobody_fires(cli: Run, db: Any, dsn: str) -> None:
    put(db, "beat", every="1 min")
    assert verdicts(dsn)["schedules"].status == "pass"
    db.execute("update taskflow.schedule set next_at = now() - interval '5 min'")
    found = verdicts(dsn)["schedules"]
    assert (found.status, "beat (for 5m" in found.said) == ("fail", True)


def test_doctor_finds_what_was_missed_broken_or_left_behind(cli: Run, db: Any, dsn: str) -> None:
    put(db, "beat", every="1 min", catch_up="none")
    db.execute("update taskflow.schedule set next_at = now() - interval '30 s'")
    fire(db)
    found = verdicts(dsn)["schedules"]
    assert (found.status, "beat (1)" in found.said) == ("warn", True)
    db.execute("delete from taskflow.schedule_tick")
    factories.call(db, "publish_schedules",
                   declarations='[{"name": "old", "task": "t", "every": "1 h"}]')  # fmt: skip
    assert verdicts(dsn)["schedules"].status == "pass"
    worker(db)
    found = verdicts(dsn)["schedules"]
    assert (found.status, "old" in found.said) == ("warn", True)
    db.execute("update taskflow.schedule set paused_at = now(), paused_by = 'taskflow'"
               " where name = 'beat'")  # fmt: skip
    found = verdicts(dsn)["schedules"]
    assert (found.status, "beat" in found.said) == ("fail", True)
