"""Progress and log lines through the SQL door: fences, bounds, odd text, batches, reading."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support.races import dead, running

Connection = psycopg.Connection[Any]


def report(db: Connection, job: Any, done: float, **options: Any) -> str:
    return str(f.call(db, "progress", id=job.id, claim_no=job.claim_no, done=done, **options))


def log(db: Connection, job: Any, *lines: Any, **options: Any) -> str:
    given = Jsonb(list(lines))
    return str(f.call(db, "log", id=job.id, claim_no=job.claim_no, lines=given, **options))


def write(db: Connection, *records: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in f.call_rows(db, "record_many", records=Jsonb(list(records)))]


def messages(db: Connection, job_id: int, **options: Any) -> list[str]:
    return [row.message for row in f.call_rows(db, "get_logs", id=job_id, **options)]


def progress(db: Connection, job_id: int) -> Any:
    found = f.call_rows(db, "get_progress", id=job_id)
    return tuple(found[0][:3]) if found else None


def set_limit(db: Connection, name: str, value: int) -> None:
    db.execute("update taskflow.config set value = %s where name = %s", (value, name))


def version(db: Connection, job_id: int) -> Any:
    return f.rows(db, "select ctid, xmin, xmax from taskflow.job where id = %s", job_id)


# --- the fence ------------------------------------------------------------------------------------


def test_f1_progress_and_lines_are_the_holders(db: Connection) -> None:
    _, (job,) = running(db)
    assert report(db, job, 40, total=100, note="rendering") == "applied"
    assert progress(db, job.id) == (40, 100, "rendering")
    assert report(db, job, 41) == "applied"
    assert progress(db, job.id) == (41, None, None), "each report replaces the one before"
    assert log(db, job, "one", "two") == "applied"
    assert messages(db, job.id) == ["one", "two"]
    assert progress(db, job.id) == (41, None, None), "lines are no report"


def test_f1_a_wrong_claim_writes_nothing(db: Connection) -> None:
    _, (job,) = running(db)
    for id_, claim_no, tenant in (
        (job.id, 0, "default"), (job.id, 2, "default"), (job.id + 1, 1, "default"),
        (job.id, 1, "acme"),
    ):  # fmt: skip
        wrong = {"id": id_, "claim_no": claim_no, "tenant": tenant}
        assert f.call(db, "progress", done=1, **wrong) == "stale"
        assert f.call(db, "log", lines=Jsonb(["x"]), **wrong) == "stale"
        assert write(db, {**wrong, "done": 1, "lines": ["x"]}) == [(id_, claim_no, "stale")]
    assert f.value(db, "select count(*) from taskflow.job_progress") == 0
    assert f.value(db, "select count(*) from taskflow.job_log") == 0


def test_f1_after_a_loss_the_old_claim_is_stale_for_ever(db: Connection) -> None:
    _, (old,) = running(db)
    report(db, old, 40)
    f.lose(db, [old])
    assert (report(db, old, 41), log(db, old, "late")) == ("stale", "stale")
    (new,) = f.claim(db, f.join(db))
    assert (report(db, old, 42), log(db, old, "late")) == ("stale", "stale")
    assert report(db, new, 1) == "applied"
    assert f.settle(db, new) == "applied"
    assert (report(db, old, 43), log(db, old, "late")) == ("stale", "stale")
    assert (progress(db, old.id), messages(db, old.id)) == ((1, None, None), [])


@pytest.mark.parametrize(
    "outcome", ["completed", "failed", "snoozed", "cancelled", "released", "discarded"]
)
def test_what_was_on_its_way_when_its_holder_settled_still_arrives(
    db: Connection, outcome: str
) -> None:
    _, (job,) = running(db)
    f.settle(db, job, outcome, delay=timedelta(hours=1))
    assert (report(db, job, 100), log(db, job, "last words")) == ("applied", "applied")
    assert progress(db, job.id) == (100, None, None)
    (line,) = f.call_rows(db, "get_logs", id=job.id)
    assert (line.message, line.claim_no) == ("last words", 1)
    assert line.attempt == (0 if outcome == "released" else 1)


def test_a_late_report_does_not_replace_that_of_the_next_attempt(db: Connection) -> None:
    _, (old,) = running(db)
    log(db, old, "a", "b")
    f.settle(db, old, "failed", delay=timedelta(0))
    (new,) = f.claim(db, f.join(db))
    report(db, new, 1, note="second")
    assert report(db, old, 99, note="first") == "applied"
    assert progress(db, new.id) == (1, None, "second")
    set_limit(db, "max_log_lines", 3)
    assert log(db, old, "c", "d") == "full", "its own bound counts its own lines"
    assert log(db, new, "e") == "applied"
    lines = f.call_rows(db, "get_logs", id=new.id)
    assert [(line.attempt, line.message) for line in lines if line.level != "cut"] == [
        (1, "a"), (1, "b"), (1, "c"), (2, "e"),
    ]  # fmt: skip


def test_a_new_attempt_starts_with_nothing_done(db: Connection) -> None:
    _, (old,) = running(db)
    report(db, old, 40, total=100, note="rendering")
    f.settle(db, old, "failed", delay=timedelta(0))
    assert progress(db, old.id) == (40, 100, "rendering"), "as far as the failed one came"
    (new,) = f.claim(db, f.join(db))
    assert "40" not in f.call_rows(db, "explain", id=new.id)[0].sentence
    log(db, new, "begins")
    assert progress(db, new.id) is None


def test_reports_never_touch_the_jobs_row(db: Connection) -> None:
    """A lock on it would make renewals pass it over; a new version would be dear."""
    _, (job,) = running(db)
    before = version(db, job.id)
    for done in range(5):
        report(db, job, done)
        log(db, job, "line")
    assert version(db, job.id) == before


# --- bounds ---------------------------------------------------------------------------------------


def test_lines_beyond_the_bound_are_cut_and_one_line_says_so(db: Connection) -> None:
    set_limit(db, "max_log_lines", 5)
    _, (job,) = running(db)
    assert log(db, job, *"abc") == "applied"
    assert log(db, job, *"defg") == "full"
    assert log(db, job, *"hi") == "full"
    assert report(db, job, 1) == "applied", "progress has no such bound"
    lines = f.call_rows(db, "get_logs", id=job.id)
    assert [line.message for line in lines[:5]] == list("abcde")
    assert [(line.level, "ends here" in line.message) for line in lines[5:]] == [("cut", True)]


def test_exactly_the_bound_is_not_cut(db: Connection) -> None:
    set_limit(db, "max_log_lines", 3)
    _, (job,) = running(db)
    assert log(db, job, *"abc") == "applied"
    assert messages(db, job.id) == list("abc")
    assert log(db, job, "d") == "full"
    assert [row.level for row in f.call_rows(db, "get_logs", id=job.id)] == ["info"] * 3 + ["cut"]


def test_text_beyond_the_bound_is_cut_too(db: Connection) -> None:
    set_limit(db, "max_log_bytes", 1000)
    _, (job,) = running(db)
    assert log(db, job, "x" * 600, "é" * 300, "small") == "full"
    assert log(db, job, "small") == "full", "what was left out counts, so that nothing has holes"
    assert [row.level for row in f.call_rows(db, "get_logs", id=job.id)] == ["info", "cut"]


def test_each_attempt_has_the_bound_to_itself(db: Connection) -> None:
    set_limit(db, "max_log_lines", 2)
    _, (job,) = running(db)
    assert log(db, job, *"abc") == "full"
    f.settle(db, job, "failed", delay=timedelta(0))
    (job,) = f.claim(db, f.join(db))
    assert log(db, job, *"de") == "applied"
    assert messages(db, job.id, attempt=2) == list("de")
    assert len(messages(db, job.id, attempt=1)) == 3
    assert len(messages(db, job.id)) == 5


def test_a_long_line_and_a_long_note_are_cut(db: Connection) -> None:
    _, (job,) = running(db)
    report(db, job, 1, note="n" * 10_000)
    log(db, job, "m" * 1_000_000, {"message": "x", "logger": "l" * 10_000})
    assert len(progress(db, job.id)[2]) == 500
    long, short = f.call_rows(db, "get_logs", id=job.id)
    assert (len(long.message), len(short.logger)) == (8192, 200)


# --- odd content ----------------------------------------------------------------------------------


def test_control_and_direction_characters_become_a_mark(db: Connection) -> None:
    """Attack 29: a line must not recolour the terminal, nor look like two."""
    _, (job,) = running(db)
    nasty = "a\x1b[31mb\rc\x07d\u202ee\u2028f\x9bg"
    report(db, job, 1, note=nasty)
    log(db, job, nasty, "two\n\tlines")
    marked = "a\ufffd[31mb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"
    assert progress(db, job.id)[2] == marked
    assert messages(db, job.id) == [marked, "two\n\tlines"]


def test_any_json_can_be_a_line(db: Connection) -> None:
    _, (job,) = running(db)
    odd: list[Any] = [
        7, None, True, [1], {"no": "message"}, {"message": None}, {"message": ["a"]},
        {"message": "m", "level": "loud", "age": "old"}, {"message": "m", "level": 7, "age": -5},
        {"message": "m", "level": "error", "age": 10**300},
    ]  # fmt: skip
    assert log(db, job, *odd) == "applied"
    lines = f.call_rows(db, "get_logs", id=job.id)
    assert [line.message for line in lines[:7]] == [
        "7", "", "true", "[1]", '{"no": "message"}', '{"message": null}', '["a"]',
    ]  # fmt: skip
    assert [line.level for line in lines] == ["info"] * 9 + ["error"]


def test_one_text_is_a_line_and_nothing_is_none(db: Connection) -> None:
    _, (job,) = running(db)
    one = {"id": job.id, "claim_no": 1}
    assert f.call(db, "log", lines='"only one"', **one) == "applied"
    assert f.call(db, "log", lines=None, **one) == "applied"
    assert f.call(db, "log", lines="[]", **one) == "applied"
    assert messages(db, job.id) == ["only one"]


def test_lines_have_the_time_at_which_they_were_said(db: Connection) -> None:
    _, (job,) = running(db)
    log(db, job, {"message": "before", "age": 90}, {"message": "now", "age": 0})
    before, now = f.call_rows(db, "get_logs", id=job.id)
    assert 89 < (now.logged_at - before.logged_at).total_seconds() < 91


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", 1.5e300, None])
def test_progress_is_a_number(db: Connection, number: Any) -> None:
    _, (job,) = running(db)
    for done, total in ((number, None), (1, number)):
        if total is None and done == 1:
            continue
        with pytest.raises(psycopg.Error) as error:
            f.call(db, "progress", id=job.id, claim_no=1, done=done, total=total)
        assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF111", True)
    assert progress(db, job.id) is None


# --- batches --------------------------------------------------------------------------------------


def test_a_batch_carries_many_jobs_and_tells_who_was_not_applied(db: Connection) -> None:
    set_limit(db, "max_log_lines", 2)
    _, (one, two, lost, chatty) = running(db, 4)
    f.lose(db, [one, two, lost, chatty])
    f.advance(db, 5)
    claimed = f.claim(db, f.join(db), 4)
    one, two, again, chatty = sorted(claimed, key=lambda job: job.id)
    answer = write(
        db,
        {"id": chatty.id, "claim_no": 2, "lines": list("abc")},
        {"id": one.id, "claim_no": 2, "done": 1, "total": 2, "note": "n", "lines": ["x"]},
        {"id": lost.id, "claim_no": 1, "done": 7, "lines": ["late"]},
        {"id": two.id, "claim_no": 2, "lines": ["y"]},
    )
    assert sorted(answer) == sorted([(lost.id, 1, "stale"), (chatty.id, 2, "full")])
    assert progress(db, one.id) == (1, 2, "n")
    assert (messages(db, one.id), messages(db, two.id)) == (["x"], ["y"])
    assert messages(db, again.id) == []


def test_c4_no_content_of_one_record_makes_a_batch_fail(db: Connection) -> None:
    _, (job, other) = running(db, 2)
    good = {"id": other.id, "claim_no": 1, "done": 1}
    bad: list[Any] = [
        None, 7, "x", [], {}, {"id": job.id}, {"id": "x", "claim_no": 1},
        {"id": -1, "claim_no": 1}, {"id": 10**30, "claim_no": 1}, {"id": 1.5, "claim_no": 1},
        {"id": [job.id], "claim_no": {}},
    ]  # fmt: skip
    assert write(db, *bad, good) == [(None, None, "refused")] * len(bad)
    strange = {
        "id": job.id, "claim_no": 1, "done": "much", "total": 10**309, "note": {"a": [1]},
        "lines": {"message": "one"}, "first": "first",
    }  # fmt: skip
    assert write(db, strange, {**good, "tenant": None}) == []
    assert (progress(db, other.id), messages(db, job.id)) == ((1, None, None), ["one"])
    assert progress(db, job.id) == (None, None, '{"a": [1]}')
    for records in (None, "7", "{}", '"x"', "[]"):
        assert f.call_rows(db, "record_many", records=records) == []


def test_u4_a_batch_sent_twice_is_written_once(db: Connection) -> None:
    """Its reply was lost, so the worker sends it again, and more behind it."""
    _, (job,) = running(db)
    first = {"id": job.id, "claim_no": 1, "first": 1, "lines": ["1", "2"], "done": 1}
    assert write(db, first) == []
    assert write(db, first) == []
    assert write(db, {"id": job.id, "claim_no": 1, "first": 2, "lines": ["2", "3", "4"]}) == []
    assert messages(db, job.id) == ["1", "2", "3", "4"]
    assert log(db, job, "5") == "applied"
    assert write(db, {"id": job.id, "claim_no": 1, "first": 6, "lines": ["6"]}) == []
    assert messages(db, job.id) == ["1", "2", "3", "4", "5", "6"]


# --- reading --------------------------------------------------------------------------------------


def test_a_log_is_followed_by_its_last_seq(db: Connection) -> None:
    _, (job, other) = running(db, 2)
    log(db, job, *"ab")
    log(db, other, "not this")
    seen = f.call_rows(db, "get_logs", id=job.id)
    assert f.call_rows(db, "get_logs", id=job.id, after_seq=seen[-1].seq) == []
    log(db, job, *"cd")
    more = f.call_rows(db, "get_logs", id=job.id, after_seq=seen[-1].seq)
    assert [line.message for line in (*seen, *more)] == list("abcd")
    assert messages(db, job.id, max_lines=3) == list("abc")
    assert messages(db, job.id, max_lines=0) == []
    assert messages(db, job.id, max_lines=-1) == []
    assert messages(db, job.id, tenant="acme") == []


def test_explain_says_how_far_a_running_job_is(db: Connection) -> None:
    _, (job,) = running(db)
    report(db, job, 40, total=100, note="rendering")
    cause, sentence, detail = f.call_rows(db, "explain", id=job.id)[0]
    assert (cause, sentence.endswith(" 40 of 100: rendering.")) == ("running", True)
    assert (detail["done"], detail["note"], detail["worker"]) == (40, "rendering", "w")
    f.advance(db, 120)
    assert "rendering, as of 2m ago." in f.call_rows(db, "explain", id=job.id)[0].sentence
    report(db, job, 0.5)
    assert f.call_rows(db, "explain", id=job.id)[0].sentence.endswith(" 0.5.")


def test_a_dead_job_keeps_what_it_has_said(db: Connection) -> None:
    _, (job,) = running(db, max_attempts=1)
    report(db, job, 40, total=100)
    f.settle(db, job, "failed")
    assert f.state(db, job.id) == "dead"
    assert progress(db, job.id) == (40, 100, None)
    assert progress(db, dead(db)) is None
    assert progress(db, 2**60) is None


def test_lines_are_plain_json_for_any_caller(db: Connection) -> None:
    """From psql, with nothing but text."""
    _, (job,) = running(db)
    line = json.dumps([{"level": "warning", "logger": "psql", "message": "by hand"}])
    said = f.value(db, f"select taskflow.log({job.id}, 1, '{line}')")
    assert said == "applied"
    (found,) = f.call_rows(db, "get_logs", id=job.id)
    assert (found.level, found.logger, found.message) == ("warning", "psql", "by hand")
