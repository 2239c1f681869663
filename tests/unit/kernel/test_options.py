"""Options of a job: what cannot be is refused with the way to say it right."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from taskflow.errors import InvalidOption, TaskflowError, TimeOutOfRange
from taskflow.kernel.job import Options
from taskflow.kernel.options import CHECKS, make_options

WRONG: list[tuple[str, Any]] = [
    *((name, object()) for name in CHECKS),
    ("meta", [1]),
    ("tags", 5),
    ("max_attempts", "many"),
    ("max_attempts", 0),
    ("run_at", datetime(2026, 1, 1)),  # noqa: DTZ001 - without a zone on purpose
    ("unique_by", []),
    ("unique_by", [1]),
    ("replace", ["queue"]),
    ("depends_on", []),
    ("depends_on", ["seven"]),
    ("on_conflict", ["merge"]),
    ("unique_scope", "nowhere"),
    ("unique_key", ""),
    ("priority", "urgent"),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_every_refusal_says_what_to_do(name: str, value: Any) -> None:
    with pytest.raises(TaskflowError) as refused:
        make_options(Options(), {name: value})
    assert refused.value.message
    assert refused.value.hint


def test_a_word_that_is_nearly_right_is_named() -> None:
    with pytest.raises(InvalidOption, match=r'must be existing, raise, .*Did you mean "replace"'):
        make_options(Options(), {"on_conflict": "replaced"})


def test_a_time_that_lies_back_is_out_of_range() -> None:
    with pytest.raises(TimeOutOfRange, match="delay: '-5m' is out of range"):
        make_options(Options(), {"delay": "-5m"})
