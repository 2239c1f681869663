"""Schedules: what is refused, with the way out; declarations from code; who may do what."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.conftest import Connect
from tests.support import factories as f
from tests.support.clockwork import MONDAY, at, fire, jobs, put, ran, row, set_clock, short

Connection = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def noon(db: Connection) -> None:
    """Monday, 23 November 2026, 12:00 UTC."""
    set_clock(db, MONDAY)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "TF110", "name"),
    ({"name": None}, "TF110", "name"),
    ({"name": "a b"}, "TF110", "name"),
    ({"name": "x" * 201}, "TF110", "name"),
    ({"task": None}, "TF111", "no task"),
    ({"task": "a b"}, "TF110", "task name"),
    ({"every": None}, "TF111", "0 of cron, every and at"),
    ({"cron": "* * * * *"}, "TF111", "2 of cron, every and at"),
    ({"every": None, "cron": "61 * * * *"}, "TF151", "61"),
    ({"every": None, "cron": "0 0 31 2 *"}, "TF151", "never fires"),
    ({"every": None, "cron": "@every soon"}, "TF111", "cannot be read"),
    ({"every": None, "cron": "@every 1 mon"}, "TF112", "every"),
    ({"every": "0.9 s"}, "TF112", "every"),
    ({"every": "-1 h"}, "TF112", "every"),
    ({"every": "1 month"}, "TF112", "every"),
    ({"every": "1 year"}, "TF112", "every"),
    ({"every": "100000 days"}, "TF112", "every"),
    ({"every": None, "at": at("2026-11-23T11:59")}, "TF112", "no tick to come"),
    ({"every": None, "at": at("2040-01-01T00:00")}, "TF112", "ten years"),
    ({"every": None, "at": "infinity"}, "TF112", "ten years"),
    ({"time_zone": "Mars/Olympus"}, "TF111", "time zone"),
    ({"time_zone": "berlin"}, "TF111", "time zone"),
    ({"time_zone": ""}, "TF111", "time zone"),
    ({"time_zone": "EST5EDT4,M1"}, "TF111", "time zone"),
    ({"args": "[]"}, "TF113", "object"),
    ({"args": {"x": "y" * 1_100_000}}, "TF114", "bytes"),
    ({"queue": "No Such"}, "TF110", "queue"),
    ({"priority": "hihg"}, "TF111", "priority"),
    ({"max_attempts": 1001}, "TF111", "max_attempts"),
    ({"max_attempts": -1}, "TF111", "max_attempts"),
    ({"timeout": "31 days"}, "TF112", "timeout"),
    ({"tags": ["x" * 101]}, "TF111", "tags"),
    ({"meta": "[]"}, "TF111", "meta"),
    ({"meta": '"x"'}, "TF111", "meta"),
    ({"meta": {"x": "y" * 65_530}}, "TF111", "meta"),
    ({"jitter": "2 days"}, "TF112", "jitter"),
    ({"jitter": "-1 s"}, "TF112", "jitter"),
    ({"catch_up_span": "-1 s"}, "TF112", "span"),
    ({"starts_at": at("2040-01-01T00:00")}, "TF112", "ten years"),
    ({"starts_at": at("2027-01-02T00:00"), "ends_at": at("2027-01-01T00:00")}, "TF112", "before"),
    ({"ends_at": at("2026-11-23T12:30")}, "TF112", "no tick to come"),
    ({"max_runs": -1}, "TF111", "max_runs"),
    ({"overlap": "alow"}, "TF111", "alow"),
    ({"catch_up": "some"}, "TF111", "some"),
    ({"tenant": "No Such"}, "TF110", "tenant"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "code", "said"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_is_refused_with_the_way_out(
    db: Connection, options: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(psycopg.Error) as error:
        put(db, **{"every": "1 h", **options})
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == (code, True)
    assert said in (error.value.diag.message_primary or "")
    assert f.rows(db, "select * from taskflow.schedule") == []


GOOD: list[dict[str, Any]] = [
    {"name": "a.B-c_9:x" + "y" * 191},
    {"every": "1 s"},
    {"every": "3650 days"},
    {"every": None, "at": at("2036-11-01T00:00")},
    {"every": None, "cron": "0 0 29 2 *"},
    {"every": None, "cron": ",".join(map(str, range(60))) + " * * * *"},
    {"jitter": "1 day", "catch_up_span": "10 years"},
    {"max_runs": 2_147_483_647},
    {"meta": {"m": "x" * 65_000}, "tags": ["é" * 100] * 50},
    {"time_zone": "utc"},
    {"time_zone": "Asia/Kathmandu"},
    {"starts_at": at("2000-01-01T00:00")},
]


@pytest.mark.parametrize("options", GOOD, ids=range(len(GOOD)))
def test_the_edge_of_what_is_accepted(db: Connection, options: dict[str, Any]) -> None:
    assert put(db, **{"every": "1 h", **options}) is not None


@pytest.mark.parametrize(
    "verb",
    ["pause_schedule", "resume_schedule", "run_schedule_now", "delete_schedule",
     "explain_schedule"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["nope", "", None])
def test_an_unknown_schedule_is_told_so(db: Connection, verb: str, name: str | None) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, verb, name=name)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF150", True)


def test_the_nearest_time_zone_is_named(db: Connection) -> None:
    with pytest.raises(psycopg.Error) as error:
        put(db, cron="* * * * *", time_zone="new york")
    assert error.value.diag.message_hint == "Did you mean America/New_York?"


def test_a_tenant_has_a_limit_of_schedules(db: Connection) -> None:
    db.execute("update taskflow.config set value = '2' where name = 'max_schedules'")
    put(db, "a", every="1 h")
    put(db, "b", every="1 h")
    with pytest.raises(psycopg.Error) as error:
        put(db, "c", every="1 h")
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF122", True)
    put(db, "a", every="2 h")
    put(db, "c", every="1 h", tenant="acme")


def test_long_texts_of_operators_are_cut(db: Connection) -> None:
    put(db, every="1 min")
    f.call(db, "pause_schedule", name="s", reason="r" * 100_000)
    assert len(row(db).pause_reason) == 1000
    set_clock(db, "2026-11-23T12:05")
    f.call(db, "resume_schedule", name="s")
    assert f.value(db, "select max(length(reason)) from taskflow.schedule_tick") == 1000


# --- declarations ---------------------------------------------------------------------------------


def publish(db: Connection, *declarations: dict[str, Any]) -> None:
    f.call(db, "publish_schedules", declarations=json.dumps(declarations))


DIGEST = {"name": "digest", "task": "t", "cron": "0 8 * * *", "time_zone": "Europe/Berlin"}


def test_a_declaration_is_applied_once_and_again_when_it_changes(db: Connection) -> None:
    publish(db, DIGEST, {"name": "sync", "task": "t", "every": "5 minutes", "args": {"a": None}})
    digest = row(db, "digest")
    assert (digest.declared, short(digest.next_at)) == (True, "11-24 07:00")
    assert row(db, "sync").args == {"a": None}
    f.call(db, "put_schedule", name="digest", cron="0 9 * * *", queue="q")
    publish(db, DIGEST)
    assert (row(db, "digest").cron, row(db, "digest").queue) == ("0 9 * * *", "q")
    publish(db, DIGEST | {"cron": "0 10 * * *"})
    assert (row(db, "digest").cron, row(db, "digest").queue) == ("0 10 * * *", None)


def test_an_unchanged_declaration_waits_for_nobody(db: Connection, connect: Connect) -> None:
    """Else one forgotten transaction would keep workers from starting."""
    publish(db, DIGEST)
    holder = connect(autocommit=False)
    f.call(holder, "pause_schedule", name="digest")
    db.execute("set lock_timeout = '1s'")
    publish(db, DIGEST)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        publish(db, DIGEST | {"queue": "q"})


def test_a_changed_declaration_keeps_pause_count_ledger_and_beat(db: Connection) -> None:
    sync = {"name": "s", "task": "t", "every": "10 minutes"}
    publish(db, sync)
    set_clock(db, "2026-11-23T12:10")
    fire(db)
    f.call(db, "pause_schedule", name="s", reason="by hand")
    publish(db, sync | {"overlap": "skip"})
    found = row(db)
    assert (found.overlap, found.pause_reason, found.runs) == ("skip", "by hand", 1)
    assert (ran(db), short(found.next_at)) == (["12:10"], "12:20")


def test_paused_is_for_a_new_declaration_only(db: Connection) -> None:
    publish(db, DIGEST | {"paused": True})
    assert row(db, "digest").paused_at is not None
    f.call(db, "resume_schedule", name="digest")
    publish(db, DIGEST | {"paused": True, "queue": "q"})
    assert (row(db, "digest").paused_at, row(db, "digest").queue) == (None, "q")


def test_a_declared_time_that_has_passed_stops_no_worker(db: Connection) -> None:
    publish(db, {"name": "launch", "task": "t", "at": "2026-11-01T00:00:00+00:00"})
    assert row(db, "launch").next_at is None
    assert (fire(db), jobs(db)) == (0, [])


def test_a_declaration_that_is_gone_from_the_code_stays_and_shows(db: Connection) -> None:
    f.join(db)
    publish(db, DIGEST, {"name": "old", "task": "t", "every": "1 day"})
    assert f.value(db, "select bool_or(is_orphaned) from taskflow.schedule_view") is False
    set_clock(db, "2026-11-23T12:30")  # the next release: its workers replace the older ones
    f.join(db)
    publish(db, DIGEST)
    orphans = "select array_agg(name) from taskflow.schedule_view where is_orphaned"
    assert f.value(db, orphans) == ["old"]
    causes = f.call_rows(db, "explain_schedule", name="old")
    assert causes[-1].cause == "not_declared"


def test_a_bad_declaration_says_which_and_changes_nothing(db: Connection) -> None:
    for bad, code in (
        ({"cron": "61 * * * *"}, "TF151"),
        ({"cron": "* * * * *", "time_zone": "Berlin"}, "TF111"),
        ({"crom": "* * * * *"}, "TF111"),
        ({"every": "soon"}, "TF111"),
        ({"at": "tomorrow-ish"}, "TF111"),
        ({"every": "5 min", "next_at": "2020-01-01"}, "TF111"),
    ):
        with pytest.raises(psycopg.Error) as error:
            publish(db, DIGEST, {"name": "worse", "task": "t", **bad})
        assert error.value.sqlstate == code
        assert "schedule 'worse': " in (error.value.diag.message_primary or "")
        assert error.value.diag.message_hint
    assert f.rows(db, "select * from taskflow.schedule") == []


# --- roles ----------------------------------------------------------------------------------------


def test_an_operator_makes_schedules_and_a_worker_only_fires(
    db: Connection, connect: Connect, dsn: str
) -> None:
    sessions = {}
    for group in ("producer", "worker", "operator"):
        name = f"sched_{group}"
        db.execute(f"drop role if exists {name}")
        db.execute(f"create role {name} login password 'x' in role taskflow_{group}")
        sessions[group] = connect(make_conninfo(dsn, user=name, password="x"))
    try:
        put(sessions["operator"], every="1 h", args={"a": 1})
        f.call(sessions["operator"], "run_schedule_now", name="s")
        for group in ("producer", "worker"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                put(sessions[group], every="1 h")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fire(sessions["producer"])
        assert fire(sessions["worker"]) == 0
        db.execute(
            "update taskflow.schedule set next_at = anchor_at, anchor_at = anchor_at - every"
            " where anchor_at <= now()"
        )
        assert fire(sessions["worker"]) == 1
        assert {job.created_by for job in jobs(db)} == {"sched_operator"}
        sessions["worker"].execute("set taskflow.clock_offset = '1 day'")
        assert fire(sessions["worker"]) == 0  # a moved clock would fire all there is
        f.rows(sessions["worker"], "select * from taskflow.schedule_view")
        f.call_rows(sessions["worker"], "preview_schedule", cron="* * * * *")
        assert f.value(sessions["worker"], "select taskflow.cron_next('* * * * *', now())")
    finally:
        for group, session in sessions.items():
            session.close()
            db.execute(f"drop role sched_{group}")
