"""Shares of slots: by weight while there is work, all that is free when others have none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskflow.errors import InvalidOption
from taskflow.worker import Weight, parse_queues
from taskflow.worker.limits import slots_of
from taskflow.worker.sharing import fill

NAMES = st.sampled_from("abcd")


@pytest.mark.parametrize(
    ("free", "held", "weights", "expected"),
    [
        (8, {}, {"a": 3, "b": 1}, {"a": 6, "b": 2}),
        (1, {"a": 6, "b": 1}, {"a": 3, "b": 1}, {"b": 1}),
        (1, {"a": 5, "b": 2}, {"a": 3, "b": 1}, {"a": 1}),
        (2, {"a": 8}, {"a": 3, "b": 1}, {"b": 2}),
        (5, {"a": 3}, {"a": 1}, {"a": 5}),
        (1, {}, {"a": 1, "b": 1, "c": 1}, {"a": 1}),
        (3, {}, {}, {}),
        (0, {}, {"a": 1}, {}),
    ],
)
def test_the_queue_furthest_below_its_share_comes_first(
    free: int, held: dict[str, int], weights: dict[str, int], expected: dict[str, int]
) -> None:
    caps = dict.fromkeys(weights, free)
    given = fill(free, Counter(held), weights, caps)
    assert {name: count for name, count in given.items() if count} == expected


@given(
    st.integers(1, 5000),
    st.dictionaries(NAMES, st.integers(0, 5000)),
    st.dictionaries(NAMES, st.tuples(st.integers(1, 10_000), st.integers(0, 5000)), min_size=1),
)
def test_all_that_is_free_and_wanted_is_given_and_no_more(
    free: int, held: dict[str, int], queues: dict[str, tuple[int, int]]
) -> None:
    weights = {name: weight for name, (weight, _) in queues.items()}
    caps = {name: min(cap, free) for name, (_, cap) in queues.items()}
    given = fill(free, Counter(held), weights, caps)
    assert sum(given.values()) == min(free, sum(caps.values()))
    assert all(0 <= count <= caps[name] for name, count in given.items())


def test_what_cannot_run_leaves_its_share_to_others() -> None:
    assert fill(20, Counter(), {"a": 1, "b": 1}, {"a": 2, "b": 20}) == {"a": 2, "b": 18}


@pytest.mark.parametrize("share", [0, -1, 10_001, True, 1.5])
def test_weights_are_bounded(share: Any) -> None:
    with pytest.raises(InvalidOption, match="a weight is 1 to 10000"):
        Weight(share)


def test_weights_are_written_with_a_colon() -> None:
    served = parse_queues("mail=10, billing:3,reports:1,default", 100)
    assert served == {
        "mail": 10, "billing": Weight(3), "reports": Weight(1), "default": 100,
    }  # fmt: skip
    assert slots_of(served, 100) == {"mail": 10, "billing": 75, "reports": 25, "default": 100}


@pytest.mark.parametrize("text", ["a:0", "a:", "a=x", "a:1.5", "a=10001", "a:²"])
def test_what_is_no_number_of_slots_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="slots and weights are 1 to 10000"):
        parse_queues(text, 100)
