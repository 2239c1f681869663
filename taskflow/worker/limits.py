"""What a worker is told at its start: the slots of each queue, and when to end by itself."""

from __future__ import annotations

import msgspec

from taskflow.errors import InvalidOption
from taskflow.kernel.names import check_name


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a worker ends by itself; None is never."""

    burst: bool = False
    """Stop when nothing that is due is left."""
    max_jobs: int | None = None
    max_memory_bytes: int | None = None


def parse_queues(text: str, slots: int) -> dict[str, int]:
    """ "email=10,default" as {"email": 10, "default": slots}."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if number and (not number.isdigit() or not 1 <= int(number) <= 10_000):
            raise InvalidOption(f"{part!r}: slots must be 1 to 10000", "Write name=slots.")
        found[check_name(name, "queue")] = int(number) if number else slots
    return found
