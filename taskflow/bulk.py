"""Many jobs of one task: encoded chunk by chunk, and the answers put together by position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskflow.calls import jobs
from taskflow.kernel.job import Enqueued, Options, Refusal

if TYPE_CHECKING:
    from taskflow.store.call import Call
    from taskflow.task import Task

CHUNK = 5_000


class Bulk:
    """`calls()` encodes as it goes, so that the server can work meanwhile; then `joined`."""

    def __init__(
        self,
        task: Task[..., Any],
        options: Options,
        items: Sequence[tuple[Any, ...] | Mapping[str, Any]],
    ) -> None:
        self._task = task
        self._options = options
        self._items = items
        self._refused: list[Refusal] = []

    def calls(self) -> Iterator[Call[Enqueued]]:
        """A Call per chunk; items whose arguments are refused here are left out of it."""
        limit = self._task.app.settings.max_args_bytes
        for start in range(0, len(self._items), CHUNK):
            chunk = self._items[start : start + CHUNK]
            encoded, errors = self._task.signature.encode_many(chunk, limit)
            self._refused += [Refusal(start + at, e.code, e.message) for at, e in errors]
            if len(errors) < len(chunk):
                yield jobs.enqueue_many(
                    self._task.name, encoded, self._options, version=self._task.version
                )

    def joined(self, parts: Sequence[Enqueued]) -> Enqueued:
        """The chunks' answers as one, with positions counted over the whole call."""
        ids = [id for part in parts for id in part.ids]
        refused = list(self._refused)
        if not refused:
            places: Sequence[int] = range(len(self._items))
            placed = ids
        else:
            out = {refusal.position for refusal in refused}
            places = [at for at in range(len(self._items)) if at not in out]
            placed = [None] * len(self._items)
            for place, id in zip(places, ids, strict=True):
                placed[place] = id
        outcomes = ["refused"] * len(self._items) if any(part.outcomes for part in parts) else []
        if outcomes:
            said = [outcome for part in parts for outcome in part.outcomes]
            for place, outcome in zip(places, said, strict=True):
                outcomes[place] = outcome
        start = 0
        for part in parts:
            refused += [
                Refusal(places[start + found.position], found.code, found.message)
                for found in part.refused
            ]
            start += len(part.ids)
        return Enqueued(placed, sorted(refused, key=lambda refusal: refusal.position), outcomes)
