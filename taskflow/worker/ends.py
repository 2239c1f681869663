"""Ends of attempts on their way to the database: a batch of them, and the result that comes late.

Both are parcels: they say what to send, whose ends they hold, and how to cut them in half.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from taskflow.calls import leases
from taskflow.kernel.job import Claimed
from taskflow.store.call import Call

LARGEST_BATCH = 4_000
LARGEST_BYTES = 16_000_000


class Parcel(Protocol):
    """Ends that are sent in one statement."""

    def __len__(self) -> int: ...

    @property
    def jobs(self) -> list[Claimed]: ...

    def call(self) -> Call[leases.Refused]: ...

    def halves(self) -> tuple[Parcel, Parcel]: ...


@dataclass(slots=True)
class Batch:
    """Ends to be written together. `results` is parallel to `done`, None while all are null."""

    done: list[Claimed] = field(default_factory=list)
    results: list[str] | None = None
    others: list[tuple[Claimed, dict[str, Any]]] = field(default_factory=list)
    bytes: int = 0

    def __len__(self) -> int:
        return len(self.done) + len(self.others)

    @property
    def is_full(self) -> bool:
        return len(self) >= LARGEST_BATCH or self.bytes >= LARGEST_BYTES

    @property
    def jobs(self) -> list[Claimed]:
        return [*self.done, *(job for job, _ in self.others)]

    def halves(self) -> tuple[Batch, Batch]:
        """The same ends in two batches; of more than one, neither is empty."""
        done, results, others = len(self.done) // 2, self.results, len(self.others) // 2
        if len(self.done) % 2:
            others += len(self.others) % 2  # the odd ones to different sides
        return (
            Batch(self.done[:done], results and results[:done], self.others[:others]),
            Batch(self.done[done:], results and results[done:], self.others[others:]),
        )

    def call(self) -> Call[leases.Refused]:
        others = msgspec.json.encode([other for _, other in self.others]) if self.others else None
        plain = all(job.tenant == "default" for job in self.done)
        return leases.settle_many(
            [job.id for job in self.done],
            [job.claim_no for job in self.done],
            f"[{','.join(self.results)}]" if self.results else None,
            others,
            None if plain else [job.tenant for job in self.done],
        )


@dataclass(slots=True)
class LateResult:
    """What a handler returned after its own transaction had settled the job; None: nothing."""

    job: Claimed
    result: bytes | None

    def __len__(self) -> int:
        return 1

    @property
    def jobs(self) -> list[Claimed]:
        return [self.job]

    def halves(self) -> tuple[Parcel, Parcel]:
        raise AssertionError("one result has no halves")

    def call(self) -> Call[leases.Refused]:
        job = self.job
        return leases.set_result(job.id, job.claim_no, self.result, job.tenant)
