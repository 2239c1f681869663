"""What things may be called, and the words for priorities.

The same rules stand as CHECK constraints in the database; here they give the error before the
round trip, with the offending character named. Lengths fit index entries and channel names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from taskflow.errors import InvalidName, InvalidOption, nearest

NameKind = Literal["queue", "task", "tenant"]
Priority = Literal["critical", "high", "normal", "low"]

PRIORITIES: dict[Priority, int] = {name: level for level, name in enumerate(get_args(Priority))}
"""Stored as a smallint; a lower number is served first."""

MAX_TAGS = 50
MAX_TAG_LENGTH = 100

_SYSTEM = "lower-case letters, digits, '_', '.' and '-'"
_RULES: dict[str, tuple[re.Pattern[str], int, str]] = {
    "queue": (re.compile(r"[a-z0-9_.-]"), 63, _SYSTEM),
    "tenant": (re.compile(r"[a-z0-9_.-]"), 63, _SYSTEM),
    "task": (re.compile(r"[A-Za-z0-9_.:-]"), 200, "letters, digits, '_', '.', ':' and '-'"),
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_name(name: object, kind: NameKind) -> str:
    """`name` itself if it may name a queue, a task or a tenant; else raises `InvalidName`."""
    allowed, longest, words = _RULES[kind]
    hint = f"A {kind} name has 1 to {longest} characters: {words}."
    if not isinstance(name, str):
        raise InvalidName(f"expected a {kind} name as text, got {type(name).__name__}", hint)
    if not name:
        raise InvalidName(f"the {kind} name is empty", hint)
    if len(name) > longest:
        raise InvalidName(f"the {kind} name {name[:40]!a}... has {len(name):,} characters", hint)
    for character in name:
        if not allowed.fullmatch(character):
            raise InvalidName(f"the {kind} name {name!a} holds {character!a}", hint)
    return name


def check_tags(tags: Iterable[str]) -> list[str]:
    """The tags without repeats, in the order given; at most 50 of at most 100 characters."""
    if isinstance(tags, str):
        raise InvalidName(f"expected a list of tags, got the text {tags[:40]!a}", "Write [tag].")
    checked = list(dict.fromkeys(_check_tag(tag) for tag in tags))
    if len(checked) > MAX_TAGS:
        raise InvalidName(f"{len(checked):,} tags given", f"At most {MAX_TAGS} are allowed.")
    return checked


def _check_tag(tag: object) -> str:
    hint = f"A tag has 1 to {MAX_TAG_LENGTH} characters, none of them control characters."
    if not isinstance(tag, str):
        raise InvalidName(f"expected a tag as text, got {type(tag).__name__}", hint)
    if not 1 <= len(tag) <= MAX_TAG_LENGTH:
        raise InvalidName(f"the tag {tag[:40]!a} has {len(tag):,} characters", hint)
    if found := _CONTROL.search(tag):
        raise InvalidName(f"the tag {tag!a} holds {found[0]!a}", hint)
    return tag


def parse_priority(value: object) -> int:
    """The stored number of a priority, given as its word or that number (0 critical .. 3 low)."""
    if isinstance(value, str) and value in PRIORITIES:
        return PRIORITIES[value]
    if isinstance(value, int) and not isinstance(value, bool) and value in PRIORITIES.values():
        return int(value)
    close = nearest(value, PRIORITIES) if isinstance(value, str) else []
    raise InvalidOption(
        f"expected a priority, got {str(value)[:40]!a}",
        f'Did you mean "{close[0]}"?' if close else f"Use {', '.join(PRIORITIES)}, or 0 to 3.",
    )


def priority_name(level: int) -> str:
    """The word for a stored priority; a number without a word is given as digits."""
    return next((name for name, known in PRIORITIES.items() if known == level), str(level))
