"""Pieces of sentences: counts with their nouns."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """ "1 job", "2 jobs", "12,480 jobs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
