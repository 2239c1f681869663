from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskflow.errors import InvalidName, InvalidOption
from taskflow.kernel import PRIORITIES, check_name, check_tags, parse_priority, priority_name
from taskflow.kernel.names import NameKind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("default", "queue"),
        ("a.b-c_9", "queue"),
        ("x" * 63, "queue"),
        ("Mail.send:v2-b", "task"),
        ("T" * 200, "task"),
        ("acme", "tenant"),
    ],
)
def test_good_names_are_given_back(name: str, kind: NameKind) -> None:
    assert check_name(name, kind) == name


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("", "queue", "is empty"),
        ("x" * 64, "queue", "has 64 characters"),
        ("Mail", "queue", "holds 'M'"),
        ("a b", "task", "holds ' '"),
        ("ok\n", "queue", r"holds '\\n'"),
        ("caf\u00e9", "task", r"holds '\\xe9'"),
        ("a\0", "tenant", r"holds '\\x00'"),
        ("a:b", "queue", "holds ':'"),
        ("x" * 201, "task", "has 201 characters"),
        (None, "queue", "got NoneType"),
    ],
)
def test_bad_names_say_what_is_wrong(name: Any, kind: NameKind, said: str) -> None:
    with pytest.raises(InvalidName, match=said):
        check_name(name, kind)


@given(st.text(max_size=70))
def test_any_accepted_queue_name_is_plain(name: str) -> None:
    try:
        check_name(name, "queue")
    except InvalidName:
        return
    assert name.isascii()
    assert name == name.lower()
    assert 1 <= len(name) <= 63


def test_tags_lose_repeats_and_keep_their_order() -> None:
    assert check_tags(["vip", "Zürich, 2nd floor", "vip"]) == ["vip", "Zürich, 2nd floor"]


@pytest.mark.parametrize(
    "tags",
    ["vip", [""], ["x" * 101], ["a\nb"], ["a\0"], ["\ud800"], [1], [str(i) for i in range(51)]],
)
def test_bad_tags_are_refused(tags: Any) -> None:
    with pytest.raises(InvalidName):
        check_tags(tags)


def test_priorities_are_words_or_their_numbers() -> None:
    assert PRIORITIES == {"critical": 0, "high": 1, "normal": 2, "low": 3}
    for word, level in PRIORITIES.items():
        assert parse_priority(word) == parse_priority(level) == level
        assert priority_name(level) == word
    assert priority_name(7) == "7"


@pytest.mark.parametrize("value", ["hgh", "", 4, -1, True, 1.5, None, []])
def test_other_priorities_are_refused(value: object) -> None:
    with pytest.raises(InvalidOption, match="expected a priority"):
        parse_priority(value)


def test_a_misspelt_priority_gets_a_suggestion() -> None:
    with pytest.raises(InvalidOption, match='Did you mean "critical"'):
        parse_priority("critcal")
