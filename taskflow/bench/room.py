"""What every workload works with, and what it yields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from taskflow.bench.children import Nursery
from taskflow.bench.fill import Sizes
from taskflow.bench.scratch import Scratch

T = TypeVar("T")
PATIENCE_S = 120.0


class Figure(NamedTuple):
    """One measured thing, once."""

    what: str
    unit: str
    ours: float
    beside: str = ""
    """What the other figure is; empty when there is none."""
    theirs: float | None = None


class Room(NamedTuple):
    """What a workload works with."""

    scratch: Scratch
    scale: float
    seconds: float
    is_odd: bool
    """Does the other side go first this time?"""
    say: Callable[[str], None]
    sizes: Sizes = Sizes()
    shows_plans: bool = False

    def count(self, full: int, least: int = 1) -> int:
        return max(round(full * self.scale), least)

    def nursery(self) -> Nursery:
        return Nursery(self.scratch.place, self.scratch.dsn)

    def both(self, measure: Callable[[bool], T]) -> tuple[T, T]:
        """`measure(bare)` for ours and for the bare side, as (ours, bare)."""
        if self.is_odd:
            theirs = measure(True)
            return measure(False), theirs
        return measure(False), measure(True)

    def seconds_of(self, role: str, *, pool_size: int | None = None, **arguments: Any) -> float:
        """What a player answers, on an empty queue."""
        self.scratch.clear()
        with self.nursery() as nursery:
            child = nursery.player(role, pool_size=pool_size, **arguments)
            return float(child.answer(PATIENCE_S + 0.05 * arguments.get("count", 0)))
