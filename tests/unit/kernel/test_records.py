"""What a run may record: numbers, names, levels, odd log calls; and references to large results."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest

from taskflow.errors import ConfigurationError, InvalidName, InvalidOption
from taskflow.kernel import records
from taskflow.kernel.job import Claimed
from taskflow.kernel.joblog import JobLog
from taskflow.kernel.stored import Key, Reference, encode_reference, is_apart, reference_in
from tests.support.claimed import NOW, claimed

JOB = claimed()


class Heard:
    """A recorder that remembers."""

    def __init__(self, level: int = logging.INFO) -> None:
        self.level = level
        self.open: dict[Any, Any] = {}
        self.lines: list[tuple[int, str]] = []

    def progress(self, job: Claimed, done: float, total: float | None, note: str | None) -> None:
        raise NotImplementedError

    def log(self, job: Claimed, level: int, logger: str, message: str) -> None:
        assert job is JOB
        self.lines.append((level, message))

    def end(self, job: Claimed) -> None:
        raise NotImplementedError


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def log(heard: Heard) -> JobLog:
    return JobLog(JOB, heard)


class Unreadable:
    def __str__(self) -> str:
        raise RuntimeError("not today")


def test_progress_takes_numbers_and_cuts_its_note() -> None:
    assert records.check_progress(1, 3, None) == (1.0, 3.0, None)
    assert records.check_progress(0.5, None, "half") == (0.5, None, "half")
    assert records.check_progress(10**300, None, "a\0b\ud800c\x1b")[2] == "a\\x00b\ufffdc\\x1b"
    note = records.check_progress(1, 1, "one\nline " + "n" * 10_000)[2]
    assert note is not None
    assert note.startswith("one line nnn")
    assert len(note) in range(450, records.MAX_NOTE_BYTES + 1)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 10**400, 1.1e300, "1", None, True, [1]]
)
def test_anything_else_is_refused_with_the_way_out(value: Any) -> None:
    with pytest.raises(InvalidOption, match=r"Write ctx\.progress"):
        records.check_progress(value, None, None)
    if value is not None:
        with pytest.raises(InvalidOption, match="total is"):
            records.check_progress(1, value, None)


def test_progress_reads_as_people_say_it() -> None:
    def said(done: float, total: float | None = None, note: str | None = None) -> str:
        return str(records.Progress(done, total, note, 1, NOW))

    assert said(40.0, 100.0, "rendering") == "40 of 100: rendering"
    assert said(1_234_567.0) == "1,234,567"
    assert said(0.5, 1.25) == "0.5 of 1.25"


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "a\0", "\ud800", "a\u202eb", None, 7])
def test_bad_step_names(name: Any) -> None:
    with pytest.raises(InvalidName, match="1 to 200"):
        records.check_step_name(name)


def test_good_step_names() -> None:
    for name in ("charge", "x" * 200, "charge order 17", "Überweisung", "☃"):
        assert records.check_step_name(name) == name


def test_levels() -> None:
    assert records.level_number("Info") == logging.INFO
    assert records.level_number("off") > logging.CRITICAL
    with pytest.raises(ConfigurationError, match="Use one of debug"):
        records.level_number("loud")
    words = [records.level_word(level) for level in (0, 5, 10, 20, 25, 30, 40, 50, 99)]
    assert words == ["debug"] * 3 + ["info"] * 2 + ["warning", "error", "critical", "critical"]


def test_nowhere_keeps_nothing() -> None:
    records.NOWHERE.progress(JOB, 1, None, None)
    records.NOWHERE.log(JOB, logging.ERROR, "", "x")
    records.NOWHERE.end(JOB)
    assert not records.NOWHERE.open


# --- ctx.log --------------------------------------------------------------------------------------


def test_lines_reach_the_job_and_the_logging_module(
    heard: Heard, log: JobLog, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        log.info("order %d of %s", 7, "today")
    assert heard.lines == [(logging.INFO, "order 7 of today")]
    (record,) = caplog.records
    assert (record.getMessage(), record.name) == ("order 7 of today", "taskflow.job")
    assert (record.__dict__["job_id"], record.__dict__["task"]) == (7, "send")
    assert record.filename == "test_records.py", "where it was logged, not where we pass it on"


def test_the_job_keeps_what_the_logging_module_leaves_out(
    heard: Heard, log: JobLog, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        log.debug("no")
        log.info("yes")
        assert (log.isEnabledFor(logging.DEBUG), log.isEnabledFor(logging.INFO)) == (False, True)
    assert heard.lines == [(logging.INFO, "yes")]
    assert caplog.records == []


def test_what_is_named_joins_the_message(heard: Heard, log: JobLog) -> None:
    log.info("rendering", order=7, share="50 %")
    log.info("%d pages", 3, share="50 %", extra={"x": 1})
    assert [line for _, line in heard.lines] == [
        "rendering order=7 share='50 %'", "3 pages share='50 %'",
    ]  # fmt: skip


def test_tracebacks_are_kept(heard: Heard, log: JobLog) -> None:
    try:
        raise ValueError("odd")
    except ValueError as error:
        log.exception("it failed")
        log.warning("again", exc_info=error)
    for (_, text), first in zip(heard.lines, ("it failed", "again"), strict=False):
        assert text.startswith(f"{first}\nTraceback")
        assert text.endswith("ValueError: odd")


def test_arguments_that_do_not_fit_are_no_error(heard: Heard, log: JobLog) -> None:
    logging.raiseExceptions, before = False, logging.raiseExceptions
    try:
        log.info("%d pages", "three")
        log.info("%s", Unreadable())
    finally:
        logging.raiseExceptions = before
    assert [line.partition(" (")[0] for _, line in heard.lines] == ["%d pages", "%s"]


# --- references -----------------------------------------------------------------------------------


def test_a_reference_is_told_from_every_result() -> None:
    reference = Reference("postgres", 3, 100_000)
    raw = encode_reference(reference)
    assert reference_in(raw) == reference
    assert reference_in(msgspec.Raw(b'{"$stored": {"store": "s3", "bytes": 1, "claim_no": 2}}'))
    for other in (b"null", b"{}", b'{"$stored":7}', b'{"$stored":{},"more":1}', b'["$stored"]'):
        assert reference_in(other) is None
    assert reference_in(None) is None


def test_what_looks_like_a_reference_is_kept_apart_itself() -> None:
    assert is_apart(b'{"$stored":7}', 1000)
    assert is_apart(b"x" * 1001, 1000)
    assert not is_apart(b"x" * 1000, 1000)
    assert Key("acme", 7, 2).path == "acme/7/2"
