from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskflow.errors import UnknownTask
from taskflow.kernel import encode, fingerprint
from taskflow.kernel.fingerprint import MAX_MESSAGE_BYTES, MAX_TRACEBACK_BYTES, normalise


def caught(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - any kind is reported
        return error
    raise AssertionError("nothing was raised")


def find_order(number: int) -> None:
    raise LookupError(f"order {number} of 'customer {number}' not found")


def find_invoice(number: int) -> None:
    raise LookupError(f"order {number} of 'customer {number}' not found")


def test_errors_that_differ_in_numbers_and_quotes_are_one_group() -> None:
    first, second = (fingerprint(caught(lambda n=n: find_order(n))) for n in (17, 1800))  # type: ignore[misc]
    assert first.message != second.message
    assert first.normalised == "order <n> of <text> not found"
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 16


def test_another_place_or_class_is_another_group() -> None:
    order = fingerprint(caught(lambda: find_order(1)))
    invoice = fingerprint(caught(lambda: find_invoice(1)))
    assert order.frame.endswith(":find_order")
    assert invoice.frame.endswith(":find_invoice")
    assert order.fingerprint != invoice.fingerprint
    assert order.fingerprint != fingerprint(KeyError("x")).fingerprint


def test_the_frame_is_the_applications_not_the_librarys() -> None:
    report = fingerprint(caught(lambda: json.loads("{")))
    assert report.frame.endswith("<lambda>")
    assert report.error_class == "json.decoder.JSONDecodeError"
    assert "json/decoder.py" in report.traceback


def test_taskflows_own_frames_do_not_count() -> None:
    assert fingerprint(caught(lambda: encode(object()))).frame.endswith("<lambda>")


def test_an_error_that_was_never_raised_has_no_frame() -> None:
    report = fingerprint(UnknownTask("x"))
    assert report.frame == ""
    assert report.error_class == "taskflow.errors.UnknownTask"
    assert fingerprint(ValueError("x")).error_class == "ValueError"


@pytest.mark.parametrize(
    ("message", "normalised"),
    [
        ("job 12 took 3.5 s", "job <n> took <n> s"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <uuid>"),
        ("<object at 0x7f5cfd2c49d0>", "<object at <hex>>"),
        ("commit deadbeef01 missing", "commit <hex> missing"),
        ("a facade was added", "a facade was added"),
        ("key \"a b\" and 'c'", "key <text> and <text>"),
        ("line\n  break", "line break"),
    ],
)
def test_normalising(message: str, normalised: str) -> None:
    assert normalise(message) == normalised


def test_texts_are_cleaned_for_postgres_logs_and_terminals() -> None:
    report = fingerprint(ValueError("a\0b\x1b[31m\ud800\u202e\r\nnext\ttab"))
    assert report.message == "a\\x00b\\x1b[31m\ufffd\\u202e\\r\nnext\ttab"


def test_long_texts_keep_head_and_tail() -> None:
    report = fingerprint(ValueError("first" + "é" * 100_000 + "last"))
    assert len(report.message.encode()) <= MAX_MESSAGE_BYTES
    assert report.message.startswith("first")
    assert report.message.endswith("last")
    assert "... cut ..." in report.message


def test_a_deep_recursion_is_reported_small() -> None:
    def down(n: int) -> int:
        return up(n + 1)

    def up(n: int) -> int:
        return down(n + 1)

    report = fingerprint(caught(lambda: down(0)))
    assert report.error_class == "RecursionError"
    assert len(report.traceback.encode()) <= MAX_TRACEBACK_BYTES
    assert report.traceback.startswith("Traceback")
    assert "RecursionError" in report.traceback[-200:]


def test_causes_are_in_the_traceback() -> None:
    def fail() -> None:
        try:
            find_order(1)
        except LookupError as error:
            raise RuntimeError("while mailing") from error

    text = fingerprint(caught(fail)).traceback
    assert "LookupError" in text
    assert "direct cause" in text


class Hostile(Exception):
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __str__(self) -> str:
        raise self.error("no text")

    __repr__ = __str__


class NotText(Exception):
    __str__ = cast("Any", lambda self: 5)


class Odd(Exception):
    __module__ = None  # type: ignore[assignment]


def cyclic() -> BaseException:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    return first


@pytest.mark.parametrize(
    "error",
    [
        Hostile(ValueError),
        Hostile(RecursionError),
        Hostile(KeyboardInterrupt),
        NotText(),
        Odd("x"),
        cyclic(),
        ExceptionGroup("many", [ValueError(1), Hostile(OSError)]),
        SystemExit(3),
        SyntaxError("bad", ("f.py", 1, 1, "\0", 1, 1)),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_exception_makes_it_raise(error: BaseException) -> None:
    for report in (fingerprint(error), fingerprint(caught(lambda: raise_(error)))):
        assert len(report.fingerprint) == 16
        encode(report)


def raise_(error: BaseException) -> None:
    raise error


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters() | st.sampled_from("\0\ud800\u202e'\""), max_size=300))
def test_any_text_gives_a_report_that_can_be_stored(text: str) -> None:
    report = fingerprint(caught(lambda: raise_(RuntimeError(text))))
    assert msgspec.json.decode(encode(report), type=type(report)) == report


@pytest.mark.parametrize("unit", ["a1b2c3d4", "'", '"x', "0x", "1.", "12345678-", " \n", "\0"])
def test_no_message_takes_long(unit: str) -> None:
    error = ValueError(unit * 1_000_000)
    begun = time.process_time()
    fingerprint(error)
    assert time.process_time() - begun < 1


def test_the_traceback_begins_at_the_handler_not_at_the_worker_that_called_it() -> None:
    def handler() -> None:
        raise ValueError("no")

    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(handler).exception()
    assert error is not None
    text = fingerprint(error).traceback
    assert "thread.py" not in text
    assert "in handler" in text
    assert "ValueError: no" in text


def test_a_traceback_without_a_frame_of_the_users_is_kept_whole() -> None:
    with pytest.raises(ValueError) as raised:
        json.loads("{")
    trace = raised.value.__traceback__
    assert trace is not None
    text = fingerprint(raised.value.with_traceback(trace.tb_next)).traceback
    assert "decoder.py" in text
