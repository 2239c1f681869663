"""What a worker is told at its start: the slots of each queue, and when to end by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from taskflow.errors import InvalidOption
from taskflow.kernel.names import check_name

MOST = 10_000
"""Slots of a queue, and its weight, at most."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a worker ends by itself; None is never."""

    burst: bool = False
    """Stop when nothing that is due is left."""
    max_jobs: int | None = None
    max_memory_bytes: int | None = None


class Weight(msgspec.Struct, frozen=True):
    """A queue's part of the slots that it shares with others."""

    share: int

    def __post_init__(self) -> None:
        if type(self.share) is not int or not 1 <= self.share <= MOST:
            raise InvalidOption(f"a weight is 1 to {MOST}, not {self.share!r}", "Write Weight(3).")


def parse_queues(text: str, slots: int) -> dict[str, int | Weight]:
    """ "email=10,default" as {"email": 10, "default": slots}; "a:3,b:1" share `slots`."""
    found: dict[str, int | Weight] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, sign, number = re.fullmatch(r"([^=:]*)([=:]?)(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]
        if sign and not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST):
            raise InvalidOption(
                f"{part!r}: slots and weights are 1 to {MOST}", "Write name=slots or name:weight."
            )
        count = int(number) if sign else slots
        found[check_name(name, "queue")] = Weight(count) if sign == ":" else count
    return found


def slots_of(queues: Mapping[str, int | Weight], shared: int) -> dict[str, int]:
    """How many slots each queue has, or has of those that are shared while all have jobs."""
    total = sum(queue.share for queue in queues.values() if isinstance(queue, Weight))
    return {
        name: max(shared * queue.share // total, 1) if isinstance(queue, Weight) else queue
        for name, queue in queues.items()
    }
