from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskflow.errors import InvalidOption
from taskflow.kernel import Retry, RetryLater

SECOND = timedelta(seconds=1)
POLICIES = st.builds(
    Retry,
    st.integers(1, 10_000),
    backoff=st.sampled_from(["exponential", "linear", "constant"]),
    base=st.timedeltas(timedelta(0), timedelta(days=400)),
    factor=st.floats(1, 100),
    cap=st.timedeltas(timedelta(0), timedelta(days=400)),
    jitter=st.floats(0, 1),
)
DRAWS = st.floats(0, 1, exclude_max=True)


def middle() -> float:
    """A draw that leaves the delay as the formula has it."""
    return 0.5


def test_default_delays_double_from_one_second() -> None:
    policy = Retry(7)
    delays = [policy.delay(attempt, None, middle) for attempt in range(1, 8)]
    assert delays == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND, None]


def test_default_jitter_is_ten_percent_either_way() -> None:
    assert Retry().delay(1, None, lambda: 0.0) == 0.9 * SECOND
    highest = Retry().delay(1, None, lambda: 1 - 2**-53)
    assert highest is not None
    assert 1.09 * SECOND < highest <= 1.1 * SECOND


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ("constant", [2, 2, 2]),
        ("linear", [2, 4, 6]),
        ("exponential", [2, 6, 18]),
        (lambda attempt: f"{attempt}m", [60, 120, 180]),
    ],
)
def test_shapes_of_backoff(backoff: Any, expected: list[int]) -> None:
    policy = Retry(backoff=backoff, base="2s", factor=3)
    assert [policy.plain_delay(n) / SECOND for n in (1, 2, 3)] == expected


@given(POLICIES, st.integers(1, 10_000), DRAWS)
def test_delays_are_never_negative_nor_above_the_cap(
    policy: Retry, attempt: int, draw: float
) -> None:
    delay = policy.delay(attempt, ValueError(), lambda: draw)
    if attempt >= policy.max_attempts:
        assert delay is None
    else:
        assert delay is not None
        assert timedelta(0) <= delay <= policy.cap


@given(POLICIES, st.integers(1, 10_000))
def test_delays_grow_before_jitter(policy: Retry, attempt: int) -> None:
    assert policy.plain_delay(attempt) <= policy.plain_delay(attempt + 1)


class Limited(Exception):
    def __init__(self, retry_after: object) -> None:
        self.retry_after = retry_after


@pytest.mark.parametrize("asked", [90, 90.0, timedelta(seconds=90)])
def test_an_exception_may_ask_for_its_delay(asked: object) -> None:
    policy = Retry(cap="5s")
    assert policy.delay(1, Limited(asked), lambda: 0.0) == 90 * SECOND
    assert policy.delay(1, Limited(asked), lambda: 0.5) == 94.5 * SECOND
    assert policy.delay(5, Limited(asked)) is None


def test_what_is_asked_for_is_bounded_by_a_day() -> None:
    assert Retry(jitter=0).delay(1, Limited(10**9)) == timedelta(days=1)
    assert Retry(jitter=0).delay(1, Limited(float("inf"))) == timedelta(days=1)
    assert Retry(jitter=0, cap="3d").delay(1, Limited(10**9)) == timedelta(days=3)
    assert Retry(jitter=0).delay(1, Limited(-5)) == timedelta(0)


@pytest.mark.parametrize("asked", ["soon", None, True, float("nan"), 10**400, object()])
def test_nonsense_asked_for_is_ignored(asked: object) -> None:
    delay = Retry(jitter=0).delay(1, Limited(asked))
    assert delay in (SECOND, timedelta(days=1))


def test_retry_later_sets_the_delay() -> None:
    assert Retry(jitter=0).delay(1, RetryLater("10m")) == timedelta(minutes=10)


def test_giving_up_by_class() -> None:
    policy = Retry(give_up_on=[LookupError])
    assert policy.delay(1, KeyError()) is None
    assert policy.delay(1, ValueError()) is not None


def test_retrying_only_some_classes() -> None:
    policy = Retry(retry_on=OSError)
    assert policy.delay(1, TimeoutError()) is not None
    assert policy.delay(1, ValueError()) is None
    assert policy.delay(1) is not None


def test_the_nearest_rule_wins_over_everything_else() -> None:
    policy = Retry(
        3,
        jitter=0,
        give_up_on=LookupError,
        rules={
            Exception: "7s",
            OSError: None,
            TimeoutError: Retry(9, backoff="constant", base="1m", jitter=0),
        },
    )
    assert policy.delay(1, ValueError()) == 7 * SECOND
    assert policy.delay(1, KeyError()) == 7 * SECOND
    assert policy.delay(1, ConnectionError()) is None
    assert policy.delay(8, TimeoutError()) == 60 * SECOND
    assert policy.delay(9, TimeoutError()) is None
    assert policy.delay(3, ValueError()) is None


def test_the_jobs_own_number_of_attempts_stands_for_the_policys() -> None:
    policy = Retry(2, give_up_on=LookupError, rules={OSError: "7s", TimeoutError: Retry(3)})
    assert policy.delay(5, ValueError(), max_attempts=6) is not None
    assert policy.delay(6, ValueError(), max_attempts=6) is None
    assert policy.delay(1, ValueError(), max_attempts=1) is None
    assert policy.delay(5, ConnectionError(), max_attempts=6) is not None
    assert policy.delay(1, KeyError(), max_attempts=6) is None
    assert policy.delay(3, TimeoutError(), max_attempts=6) is None, "a rule has its own number"


def test_jitter_only_adds_to_what_was_asked_for() -> None:
    assert Retry(jitter=0.1).not_before(10 * SECOND, lambda: 0.0) == 10 * SECOND
    assert Retry(jitter=0.1, cap="1s").not_before(10 * SECOND, middle) == 10.5 * SECOND


def test_a_backoff_function_that_errs_costs_the_cap_not_the_retry() -> None:
    assert Retry(backoff=lambda _: "soon", cap="9s").plain_delay(1) == 9 * SECOND
    assert Retry(backoff=lambda n: 1 // (n - 1), cap="9s").plain_delay(1) == 9 * SECOND


def test_policies_are_values() -> None:
    assert Retry(3, base="1s") == Retry(3, base=1)
    assert len({Retry(3), Retry(3), Retry(4)}) == 2
    with pytest.raises(AttributeError):
        Retry().cap = SECOND  # type: ignore[misc]


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": 0},
        {"max_attempts": True},
        {"max_attempts": "3"},
        {"backoff": "fibonacci"},
        {"factor": 0.5},
        {"factor": float("nan")},
        {"jitter": 1.5},
        {"base": "soon"},
        {"give_up_on": ["ValueError"]},
        {"give_up_on": [int]},
        {"rules": {"ValueError": None}},
        {"rules": {ValueError: "soon"}},
    ],
)
def test_policies_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="Retry"):
        Retry(**options)
