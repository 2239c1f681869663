from __future__ import annotations

import datetime as dt
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskflow.errors import InvalidOption, TimeOutOfRange
from taskflow.kernel import Cancel, Discard, Outcome, RetryLater, Snooze

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OUTCOMES = [
    Snooze("10m"),
    Snooze(timedelta(minutes=10), reason="too early"),
    Snooze(until=NOON),
    Cancel("order is gone"),
    Cancel(),
    Discard("malformed"),
    RetryLater(30, "rate limited"),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=repr)
def test_outcomes_pickle_compare_and_show_themselves(outcome: Outcome) -> None:
    copy = pickle.loads(pickle.dumps(outcome))
    assert copy == outcome
    assert hash(copy) == hash(outcome)
    assert vars(copy) == vars(outcome)
    assert str(copy) == outcome.reason
    names: dict[str, Any] = {kind.__name__: kind for kind in (Snooze, Cancel, Discard, RetryLater)}
    assert eval(repr(outcome), names | {"datetime": dt}) == outcome


def test_outcomes_of_other_kind_or_content_differ() -> None:
    assert len(set(OUTCOMES)) == len(OUTCOMES)
    assert Cancel("x") != Discard("x")
    assert Cancel("x") != "x"


def test_an_outcome_may_be_raised_and_noted() -> None:
    with pytest.raises(Cancel) as caught:
        raise Cancel("gone")
    caught.value.add_note("seen on the way")
    assert caught.value == Cancel("gone")
    assert hash(caught.value) == hash(Cancel("gone"))
    assert pickle.loads(pickle.dumps(caught.value)) == Cancel("gone")


def test_snooze_takes_either_a_delay_or_an_aware_time() -> None:
    assert Snooze("10m").delay == timedelta(minutes=10)
    assert Snooze(until=NOON).until == NOON
    for options in ({}, {"delay": 1, "until": NOON}, {"until": datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises(InvalidOption):
            Snooze(**options)
    with pytest.raises(TimeOutOfRange):
        Snooze(-1)


class Forgetful(Snooze):
    """Does not call the base's __init__."""

    def __init__(self, order: int) -> None:
        self.order = order


def test_a_subclass_that_forgets_its_base_has_the_defaults() -> None:
    outcome = Forgetful(7)
    assert (outcome.reason, outcome.delay, outcome.until) == ("", None, None)
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_retry_later_offers_its_delay_as_retry_after() -> None:
    assert RetryLater("5m").retry_after == timedelta(minutes=5)
