"""What waits to be written: merged, throttled by a clock, bounded, never lost in between."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from taskflow.kernel.job import Claimed
from taskflow.worker import backlog as room
from taskflow.worker.backlog import Backlog, Record
from tests.support.claimed import claimed

JOB = claimed()


class Stage:
    """A backlog with a clock and a list of running jobs that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.news = 0
        self.running = {(JOB.id, JOB.claim_no)}
        self.backlog = Backlog(
            logging.INFO,
            lambda job: (job.id, job.claim_no) in self.running,
            self.hear,
            lambda: self.now,
        )

    def hear(self) -> None:
        self.news += 1

    def take(self, after: float = 0.0, **options: Any) -> list[dict[str, Any]]:
        self.now += after
        return [record.plain(self.now) for record in self.backlog.take(**options)]

    def log(self, *messages: str, job: Claimed = JOB) -> None:
        for message in messages:
            self.backlog.log(job, logging.INFO, "shop", message)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def lines(records: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for record in records for line in record.get("lines", ())]


def test_a_million_reports_are_one_write_a_second(stage: Stage) -> None:
    writes = 0
    for n in range(1, 3001):  # three seconds, a report each millisecond
        stage.backlog.progress(JOB, n, 3000, None)
        writes += len(stage.take(0.001))
    assert writes in (3, 4)
    assert stage.news == writes + 1, "nobody is woken for a report that only replaces another"
    stage.backlog.end(JOB)
    (last,) = stage.take(room.SOON_S)
    assert (last["done"], last["total"]) == (3000, 3000), "the last one always arrives"
    assert not stage.backlog.open


def test_the_first_report_comes_soon_and_the_rest_once_a_second(stage: Stage) -> None:
    stage.backlog.progress(JOB, 1, None, None)
    assert stage.backlog.next_due() == stage.now + room.SOON_S
    assert stage.take(room.SOON_S / 2) == []
    assert [record["done"] for record in stage.take(room.SOON_S)] == [1]
    assert stage.backlog.next_due() is None
    stage.backlog.progress(JOB, 2, None, None)
    assert stage.take(room.EVERY_S / 2) == []
    assert [record["done"] for record in stage.take(room.EVERY_S)] == [2]


def test_an_ended_run_waits_for_nobody(stage: Stage) -> None:
    stage.backlog.progress(JOB, 1, None, None)
    stage.take(room.SOON_S)
    stage.log("last")
    stage.backlog.end(JOB)
    assert lines(stage.take(room.SOON_S)) == ["last"]
    stage.backlog.end(JOB)
    assert stage.take(10) == []


def test_lines_have_numbers_by_which_a_repeat_is_known(stage: Stage) -> None:
    stage.log("a", "b")
    (one,) = stage.take(1)
    stage.log("c")
    (two,) = stage.take(1)
    assert (one["first"], lines([one]), two["first"], lines([two])) == (1, ["a", "b"], 3, ["c"])
    assert "done" not in one
    assert one["lines"][0] == {"level": "info", "logger": "shop", "message": "a", "age": 1.0}


def test_what_is_taken_can_be_sent_again_as_it_is(stage: Stage) -> None:
    stage.log("a")
    stage.now += 1
    (record,) = stage.backlog.take()
    first = record.plain(stage.now)
    stage.log("b")
    again = record.plain(stage.now + 5)
    assert again["lines"][0].pop("age") == first["lines"][0].pop("age") + 5
    assert again == first


def test_runs_of_one_job_are_told_apart(stage: Stage) -> None:
    second = claimed(claim_no=3)
    stage.running.add((second.id, 3))
    stage.log("old")
    stage.log("new", job=second)
    stage.backlog.end(JOB)
    found = stage.take(1)
    assert [(record["claim_no"], lines([record])) for record in found] == [
        (2, ["old"]),
        (3, ["new"]),
    ]


def test_lines_of_one_job_are_bounded_and_the_rest_counted(stage: Stage) -> None:
    stage.log(*(str(n) for n in range(room.MOST_LINES + 5)))
    (record,) = stage.take(1)
    assert len(record["lines"]) == room.MOST_LINES + 1
    mark = record["lines"][-1]
    assert (mark["level"], mark["message"].startswith("5 lines were left out")) == ("cut", True)
    assert stage.backlog.dropped == 5
    stage.log("after")
    assert stage.take(1)[0]["first"] == room.MOST_LINES + 2


def test_text_of_all_jobs_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_BYTES", 20_000)
    for number in range(10):
        job = claimed(id=number)
        stage.running.add((number, job.claim_no))
        stage.log("x" * 8_000, job=job)
    kept = stage.take(1)
    assert sum("x" in line for line in lines(kept)) == 3
    assert stage.backlog.dropped == 7
    stage.log("fits again")
    assert lines(stage.take(1)) == ["fits again"]


def test_jobs_of_which_something_waits_are_bounded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may have one line only, and end before it is written."""
    monkeypatch.setattr(room, "MOST_JOBS", 3)
    for number in range(5):
        stage.log("one line", job=claimed(id=number))
        stage.backlog.progress(claimed(id=number), 1, None, None)
        stage.backlog.end(claimed(id=number))
    assert (len(stage.backlog.open), stage.backlog.dropped) == (3, 4)
    assert len(stage.take(1)) == 3
    stage.log("fits again")
    assert lines(stage.take(1)) == ["fits again"]


def test_a_line_is_cleaned_and_cut(stage: Stage) -> None:
    """Attacks 29 and 33: NUL, lone surrogates, escapes, a megabyte."""
    stage.log("a\0b\ud800c\x1b[31m", "x" * 1_000_000)
    nasty, long = lines(stage.take(1))
    assert nasty == "a\\x00b\ufffdc\\x1b[31m"
    assert len(long) in range(8000, 8193)


def test_a_full_log_takes_no_more_but_progress_goes_on(stage: Stage) -> None:
    stage.log("a")
    stage.take(1)
    stage.log("b")
    stage.backlog.close_log(JOB.id, JOB.claim_no)
    stage.log("c")
    assert stage.take(1) == []
    stage.backlog.progress(JOB, 1, None, None)
    assert [record["done"] for record in stage.take(1)] == [1]
    stage.backlog.close_log(99, 1)


def test_a_task_that_outlives_its_run_is_heard_without_numbers(stage: Stage) -> None:
    """What was written before is not known any more, and nothing is kept of it in memory."""
    stage.log("a")
    stage.backlog.end(JOB)
    stage.running.clear()
    stage.take(1)
    stage.log("late")
    (late,) = stage.take(1)
    assert (late["first"], lines([late])) == (None, ["late"])
    assert not stage.backlog.open


def test_batches_are_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BATCH_JOBS", 2)
    for number in range(5):
        job = claimed(id=number)
        stage.log("x", job=job)
    assert [len(stage.take(1)) for _ in range(4)] == [2, 2, 1, 0]


def test_everything_means_what_is_not_due_too(stage: Stage) -> None:
    stage.log("a")
    assert stage.take() == []
    assert lines(stage.take(everything=True)) == ["a"]


def test_many_threads_lose_nothing(stage: Stage) -> None:
    taken: list[Record] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            taken.extend(stage.backlog.take(everything=True))

    def talk(name: int) -> None:
        for n in range(500):
            stage.log(f"{name} {n}")

    writer = threading.Thread(target=write)
    talkers = [threading.Thread(target=talk, args=(name,)) for name in range(4)]
    writer.start()
    for thread in talkers:
        thread.start()
    for thread in talkers:
        thread.join()
    done.set()
    writer.join()
    taken.extend(stage.backlog.take(everything=True))
    records = [record.plain(stage.now) for record in taken]
    said = [line for line in lines(records) if "left out" not in line]
    assert len(said) + stage.backlog.dropped == 2000
    for name in range(4):
        own = [int(line.split()[1]) for line in said if line.startswith(f"{name} ")]
        assert own == sorted(own)
    numbers = [record["first"] for record in records]
    assert numbers == sorted(numbers)
