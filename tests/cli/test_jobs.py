"""Looking at jobs and acting on them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from taskflow.calls import bulk
from taskflow.cli.jobs_export import cell
from tests.cli.conftest import Run
from tests.cli.stage import dead, finished, running, worker
from tests.support import factories


def ids(done: Any) -> list[int]:
    return [int(line["id"]) for line in done.ok().json]


@pytest.fixture
def one_of_each(db: Any) -> dict[str, int]:
    cancelled = factories.enqueue(db)
    factories.call(db, "cancel", id=cancelled)
    found = {
        "cancelled": cancelled,
        "succeeded": finished(db)[0],
        "dead": dead(db)[0],
        "running": running(db)[0].id,
        "available": factories.enqueue(db, "mail", queue="post", tags=["vip"]),
        "scheduled": factories.enqueue(db, delay="1 hour"),
        "retrying": factories.enqueue(db, queue="again"),
    }
    (job,) = factories.claim(db, factories.join(db, "again"), 1, "again")
    factories.settle(db, job, "failed", delay="1 hour")
    return found


@pytest.mark.parametrize(
    "state",
    ["succeeded", "dead", "cancelled", "running", "available", "scheduled", "retrying"],
)
def test_list_by_state(cli: Run, one_of_each: dict[str, int], state: str) -> None:
    assert ids(cli("jobs", "list", "--state", state, "--json")) == [one_of_each[state]]


def test_list_is_newest_first_over_all_states(cli: Run, one_of_each: dict[str, int]) -> None:
    assert ids(cli("jobs", "list", "--json")) == sorted(one_of_each.values(), reverse=True)


def test_list_by_task_queue_tag_and_id(cli: Run, one_of_each: dict[str, int]) -> None:
    wanted = [one_of_each["available"]]
    for words in (["-t", "mail"], ["-q", "post"], ["--tag", "vip"], ["--id", str(wanted[0])]):
        assert ids(cli("jobs", "list", "--json", *words)) == wanted
    assert ids(cli("jobs", "list", "--json", "-t", "mail", "-q", "again")) == []


def test_list_by_time(cli: Run, db: Any) -> None:
    made = []
    for hours in (-5, -3, -1):
        factories.advance(db, hours * 3600)
        made.append(factories.enqueue(db))
        factories.advance(db, -hours * 3600)
    assert ids(cli("jobs", "list", "--json", "--since", "4h")) == made[:0:-1]
    assert ids(cli("jobs", "list", "--json", "--until", "2h")) == made[1::-1]
    assert ids(cli("jobs", "list", "--json", "--since", "4h", "--until", "2h")) == [made[1]]


def test_pages_join_without_gap_or_repeat(cli: Run, db: Any) -> None:
    factories.enqueue_many(db, 4)
    finished(db, 3)
    dead(db, 2)
    whole = ids(cli("jobs", "list", "--json"))
    seen: list[int] = []
    while True:
        after = ["--after", str(seen[-1])] if seen else []
        done = cli("jobs", "list", "--json", "-n", "2", *after)
        seen += ids(done)
        if "More: --after" not in done.err:
            break
        assert f"--after {seen[-1]}" in done.err
    assert seen == whole
    assert len(seen) == 9


def test_a_narrow_terminal_keeps_ids_whole(cli: Run, db: Any) -> None:
    id = factories.enqueue(db, "a.very.long.task.name." + "x" * 100)
    assert str(id) in cli("jobs", "list", COLUMNS="40").ok().out.split()


def test_what_a_job_says_cannot_steer_the_terminal(cli: Run, db: Any) -> None:
    error = {"class": "E", "message": "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\r\nover"}
    (id,) = dead(db, error=error)
    for words in (["jobs", "list"], ["jobs", "show", str(id)], ["dlq", "groups"], ["why", str(id)]):
        shown = cli(*words, "--color", "never").ok().out
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown), words
        assert "\\x1b[2J" in shown


def test_show_tells_attempts_and_the_error(cli: Run, db: Any) -> None:
    (id,) = dead(db, args=Jsonb({"order_id": 42}))
    shown = cli("jobs", "show", str(id)).ok().out
    for word in ("dead", '"order_id": 42', "SMTPError: 550 no such user", "Traceback: boom"):
        assert word in shown
    told = cli("jobs", "show", str(id), "--json").ok().json
    assert told["args"] == {"order_id": 42}
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["failed"]


def test_why_says_the_sentence_first(cli: Run, db: Any) -> None:
    id = factories.enqueue(db, queue="lonely")
    assert "No worker is alive" in cli("why", str(id)).ok().out.splitlines()[0]
    factories.join(db, "other")
    told = cli("why", str(id), "--json").ok().json
    assert told["causes"][0]["cause"] == "no_worker_for_queue"
    assert told["answer"] == told["causes"][0]["sentence"]
    factories.call(db, "pause_queue", queue="lonely", reason="SMTP is down")
    shown = cli("why", str(id)).ok().out
    assert "paused" in shown.splitlines()[0]
    assert "SMTP is down" in shown


def test_why_says_what_would_change_it(cli: Run, db: Any) -> None:
    id = factories.enqueue(db, queue="lonely")
    factories.call(db, "pause_queue", queue="lonely")
    told = cli("why", str(id), "--json").ok().json
    assert told["way_out"] == "taskflow queues resume lonely"
    assert [cause["way_out"] for cause in told["causes"]] == [
        "taskflow queues resume lonely",
        "taskflow worker APP -q lonely",
    ]
    assert all("way_out" not in (cause["detail"] or {}) for cause in told["causes"])
    words = [line.split() for line in cli("why", str(id)).ok().out.splitlines()]
    assert ["way", "out", "taskflow", "queues", "resume", "lonely"] in words
    assert ["taskflow", "worker", "APP", "-q", "lonely"] in words


def test_why_tells_numbers_as_what_they_are(cli: Run, db: Any) -> None:
    factories.enqueue_many(db, 1_200)
    id = factories.enqueue(db)
    held = factories.enqueue(db, queue="one")
    factories.claim(db, worker(db, "one", pid=29_534), 1, "one")
    worker(db, "default")
    shown = cli("why", str(id)).ok().out
    assert "1,200 jobs of queue default come first." in shown
    assert "1,200" in shown.partition("\n\n")[2]
    shown = cli("why", str(held)).ok().out
    assert "29534" in shown
    assert "29,534" not in shown


def test_why_ends_a_dead_job_s_sentence_once(cli: Run, db: Any) -> None:
    error = {"class": "taskflow.errors.InvalidArguments", "message": "TF118 no such argument."}
    (id,) = dead(db, error=error)
    shown = cli("why", str(id), COLUMNS="200").ok().out
    assert shown.splitlines()[0].endswith("no such argument.")


# --- acting ---------------------------------------------------------------------------------------


def test_verbs_on_ids_act_at_once(cli: Run, db: Any) -> None:
    first, second = dead(db, 2)
    assert "2 jobs retried" in cli("jobs", "retry", str(first), str(second)).ok().out
    assert factories.state(db, first) == "available"
    cli("jobs", "reschedule", str(first), "2h").ok()
    assert factories.state(db, first) == "scheduled"
    cli("jobs", "cancel", str(first), "--reason", "not today").ok()
    assert factories.job(db, first).reason == "not today"
    cli("jobs", "discard", str(second)).ok()
    assert factories.state(db, second) == "cancelled"


def test_a_running_job_is_asked_to_stop(cli: Run, db: Any) -> None:
    (job,) = running(db)
    assert "asked to stop" in cli("jobs", "cancel", str(job.id)).ok().out


def test_one_refusal_does_not_stop_the_others(cli: Run, db: Any) -> None:
    good, gone = dead(db)[0], finished(db)[0]
    done = cli("jobs", "retry", str(gone), str(good), "999", "--json")
    assert done.code == 5
    assert done.json["done"] == 1
    assert [(item["id"], item["code"]) for item in done.json["refused"]] == [
        (str(gone), "TF121"),
        ("999", "TF120"),
    ]
    assert factories.state(db, good) == "available"


def test_a_filter_needs_a_yes(cli: Run, db: Any) -> None:
    found = dead(db, 3)
    done = cli("jobs", "discard", "--state", "dead")
    assert done.code == 2
    assert "3 jobs" in done.err
    assert "--yes" in done.err
    assert [factories.state(db, id) for id in found] == ["dead"] * 3
    assert "3 jobs discarded" in cli("jobs", "discard", "--state", "dead", "--yes").ok().out


def test_a_dry_run_only_looks(cli: Run, db: Any) -> None:
    (id,) = dead(db)
    assert "Would retry 1 job matching state dead" in cli("jobs", "retry", "--all", "--dry-run").out
    told = cli("jobs", "retry", "--all", "--dry-run", "--json").ok().json
    assert told == {"dry_run": True, "verb": "retry", "jobs": 1, "matching": "state dead"}
    assert factories.state(db, id) == "dead"


def test_nothing_to_do_is_no_dry_run(cli: Run, db: Any) -> None:
    assert (
        "No jobs matching state dead; nothing to retry." in cli("jobs", "retry", "--all").ok().out
    )
    told = cli("jobs", "retry", "--all", "--json").ok().json
    assert told == {"verb": "retry", "done": 0, "outcomes": {}, "refused": []}


def test_a_reschedule_can_be_looked_at_first(cli: Run, db: Any) -> None:
    id = factories.enqueue(db)
    done = cli("jobs", "reschedule", str(id), "2h", "--dry-run").ok()
    assert "Would make job" in done.out
    assert "it is available" in done.out
    told = cli("jobs", "reschedule", str(id), "2h", "--dry-run", "--json").ok().json
    assert (told["dry_run"], told["state"]) == (True, "available")
    assert factories.state(db, id) == "available"
    assert cli("jobs", "reschedule", str(finished(db)[0]), "2h", "--dry-run").code == 5
    assert cli("jobs", "reschedule", "999", "2h", "--dry-run").code == 3


def test_a_job_moved_into_the_past_is_due_now(cli: Run, db: Any) -> None:
    id = factories.enqueue(db, delay="1 hour")
    assert cli("jobs", "reschedule", str(id), "2025-01-01").ok().out == f"Job {id} is due now.\n"
    (line,) = cli("queues", "list", "--json").ok().json
    assert line["oldest_due_at"] > "2026"


def test_a_filter_acts_on_the_states_that_the_verb_is_for(cli: Run, db: Any) -> None:
    gone, waiting, held = finished(db)[0], factories.enqueue(db), running(db, queue="q")[0].id
    cli("jobs", "cancel", "--all", "--yes").ok()
    assert factories.state(db, gone) == "succeeded"
    assert factories.state(db, waiting) == "cancelled"
    assert factories.job(db, held).cancel_requested
    assert cli("jobs", "retry", "--state", "succeeded").code == 2


def test_bulk_goes_over_many_pages(cli: Run, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskflow.cli.bulk.PAGE", 7)
    monkeypatch.setattr("taskflow.cli.bulk.CHUNK", 3)
    found = factories.enqueue_many(db, 20)
    stubborn = running(db, queue="default")  # a job that runs is refused, not the handful around it
    done = cli("jobs", "discard", "-q", "default", "--state", "available", "--yes", "--json").ok()
    assert done.json["done"] == 20
    assert factories.state(db, stubborn[0].id) == "running"
    assert sum(factories.state(db, id) == "cancelled" for id in found) >= 19


def test_a_taken_unique_key_is_told_and_passed_over(cli: Run, db: Any) -> None:
    (id,) = dead(db, unique_key="k")
    other = dead(db, fingerprint="0" * 32)[0]
    factories.enqueue(db, unique_key="k")
    done = cli("dlq", "requeue", "--all", "--yes").ok()
    assert "1 job requeued" in done.out
    assert "TF123" in done.err
    assert factories.state(db, id) == "dead"
    assert factories.state(db, other) == "available"


def test_what_takes_long_says_how_far_it_is(
    cli: Run, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskflow.cli.progress.LINE_EVERY", 0)
    factories.enqueue_many(db, 250)
    done = cli("jobs", "cancel", "--all", "--yes").ok()
    assert "cancel: 200 of 250, " in done.err
    assert "/s, " in done.err
    assert done.out == "250 jobs cancelled.\n"


def test_what_is_broken_off_says_where(cli: Run, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.enqueue_many(db, 250)
    real, calls = bulk.each, iter([True, True])

    def interrupted(*args: Any) -> Any:
        if next(calls, False):
            return real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk, "each", interrupted)
    done = cli("jobs", "cancel", "--all", "--yes")
    assert done.code == 130
    assert "stopped at 200 of 250" in done.err


# --- export ---------------------------------------------------------------------------------------


def test_export_streams_whole_jobs(cli: Run, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskflow.cli.jobs_export.PAGE", 2)
    made = factories.enqueue_many(db, 5)
    lines = [json.loads(line) for line in cli("jobs", "export").ok().out.splitlines()]
    assert [line["id"] for line in lines] == [str(id) for id in reversed(made)]
    assert lines[0]["args"] == {"n": 4}
    assert len(cli("jobs", "export", "--limit", "3").ok().out.splitlines()) == 3
    assert len(cli("jobs", "export", "--json").ok().json) == 5


def test_export_as_csv_is_inert(cli: Run, db: Any) -> None:
    dead(db, error={"class": "=HYPERLINK(0)", "message": "+1\n@x", "traceback": "-2"})
    (row,) = csv.DictReader(io.StringIO(cli("jobs", "export", "--format", "csv").ok().out))
    assert row["error_class"] == "'=HYPERLINK(0)"
    assert row["error_message"] == "'+1\n@x"
    assert row["traceback"] == "'-2"
    assert row["attempt"] == "1"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_no_text_begins_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(-5) == -5
