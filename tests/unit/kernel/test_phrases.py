"""Counts with their nouns."""

from __future__ import annotations

from taskflow.kernel.phrases import plural


def test_one_is_no_plural() -> None:
    said = [plural(count, "job") for count in (0, 1, 2, 12_480)]
    assert said == ["0 jobs", "1 job", "2 jobs", "12,480 jobs"]
