"""What running jobs have recorded and nobody has written yet: bounded, and merged while it waits.

Of a job's progress only the last report is kept, so a job that reports a million times costs one
write a second. Lines beyond the bounds are dropped and counted; the count becomes a line itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from taskflow.kernel.fingerprint import clean
from taskflow.kernel.job import Claimed
from taskflow.kernel.records import MAX_LINE_BYTES, level_word

EVERY_S = 1.0
"""Pause between two writes for one job."""
SOON_S = 0.2
"""How long a job's first report, and what an ended job has left, wait for company."""
MOST_LINES = 1_000
"""Lines of one job that wait."""
MOST_JOB_BYTES = 1_000_000
"""Text of one job that waits."""
MOST_BYTES = 8_000_000
"""Text that waits, of all jobs together."""
MOST_JOBS = 10_000
"""Jobs of which something waits: short ones may end faster than their records are written."""
BATCH_LINES = 5_000
BATCH_JOBS = 500

Line = tuple[float, int, str, str]
"""(monotonic time, level, logger, message)."""


class Entry:
    """One run that has recorded something."""

    __slots__ = (
        "dropped", "due", "first", "is_full", "is_over", "job", "lines", "progress", "size",
    )  # fmt: skip

    def __init__(self, job: Claimed, due: float, *, is_over: bool) -> None:
        self.job = job
        self.due = due
        self.is_over = is_over
        self.is_full = False
        self.progress: tuple[float, float | None, str | None] | None = None
        self.lines: list[Line] = []
        self.size = 0
        self.dropped = 0
        # Of a run that is over, what was written before is not known: its lines go without numbers.
        self.first = None if is_over else 1

    @property
    def has_news(self) -> bool:
        return self.progress is not None or bool(self.lines) or self.dropped > 0


class Record:
    """What is written of one run at a time; may be sent again as it is."""

    def __init__(self, entry: Entry) -> None:
        self.job = entry.job
        self.progress, entry.progress = entry.progress, None
        self.lines, entry.lines = entry.lines, []
        if entry.dropped:
            said = f"{entry.dropped:,} lines were left out: they came faster than they were written"
            self.lines.append((time.monotonic(), -1, "", said))
        self.first = entry.first
        if entry.first is not None:
            entry.first += len(self.lines)
        entry.size = entry.dropped = 0

    def plain(self, now: float) -> dict[str, Any]:
        """In the form that the database takes."""
        found: dict[str, Any] = {
            "id": self.job.id, "claim_no": self.job.claim_no, "tenant": self.job.tenant,
        }  # fmt: skip
        if self.progress is not None:
            found["done"], found["total"], found["note"] = self.progress
        if self.lines:
            found["first"] = self.first
            found["lines"] = [
                {
                    "level": "cut" if level < 0 else level_word(level),
                    "logger": logger or None,
                    "message": message,
                    "age": round(now - at, 6),
                }
                for at, level, logger, message in self.lines
            ]
        return found


class Backlog:
    """The recorder of a worker's jobs. `on_news` is called when something new is due to be written.

    `is_running` tells a run from one that is over, whose tasks and threads may still talk.
    """

    def __init__(
        self,
        level: int,
        is_running: Callable[[Claimed], bool],
        on_news: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.level = level
        self.open: dict[tuple[int, int], Entry] = {}
        self.dropped = 0
        """Lines, and reports of jobs of which nothing else waits, that were left out so far."""
        self._is_running = is_running
        self.on_news = on_news
        self._clock = clock
        self._size = 0
        self._lock = threading.Lock()

    # --- from handlers ----------------------------------------------------------------------------

    def progress(self, job: Claimed, done: float, total: float | None, note: str | None) -> None:
        with self._lock:
            entry = self._entry(job)
            if entry is None:
                self.dropped += 1
                return
            is_news = not entry.has_news
            entry.progress = done, total, note
        if is_news:
            self.on_news()

    def log(self, job: Claimed, level: int, logger: str, message: str) -> None:
        line = self._clock(), level, clean(logger, 200), clean(message, MAX_LINE_BYTES)
        with self._lock:
            entry = self._entry(job)
            if entry is None:
                self.dropped += 1
                return
            if entry.is_full:
                return
            is_news = not entry.has_news
            if (
                len(entry.lines) >= MOST_LINES
                or entry.size >= MOST_JOB_BYTES
                or self._size >= MOST_BYTES
            ):
                entry.dropped += 1
                self.dropped += 1
            else:
                entry.lines.append(line)
                entry.size += len(line[3])
                self._size += len(line[3])
        if is_news:
            self.on_news()

    def end(self, job: Claimed) -> None:
        with self._lock:
            entry = self.open.get((job.id, job.claim_no))
            if entry is None:
                return
            entry.is_over = True
            if not entry.has_news:
                del self.open[job.id, job.claim_no]
                return
            entry.due = min(entry.due, self._clock() + SOON_S)
        self.on_news()

    # --- for the one who writes -------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When the next write is due, by the clock; None while there is nothing to write."""
        with self._lock:
            return min((entry.due for entry in self.open.values() if entry.has_news), default=None)

    def take(self, *, everything: bool = False) -> list[Record]:
        """What is due now and, if anything is, what is due soon; at most a batch."""
        due, now = self.next_due(), self._clock()
        if due is None or (due > now and not everything):
            return []
        taken: list[Record] = []
        lines = 0
        with self._lock:
            for key, entry in list(self.open.items()):
                if not entry.has_news or (entry.due > now + SOON_S and not everything):
                    continue
                if len(taken) >= BATCH_JOBS or lines >= BATCH_LINES:
                    break
                self._size -= entry.size
                record = Record(entry)
                taken.append(record)
                lines += len(record.lines)
                entry.due = now + EVERY_S
                if entry.is_over:
                    del self.open[key]
        return taken

    def close_log(self, id: int, claim_no: int) -> None:
        """The database takes no more lines of this run."""
        with self._lock:
            entry = self.open.get((id, claim_no))
            if entry is not None:
                entry.is_full = True
                self._size -= entry.size
                entry.lines, entry.size, entry.dropped = [], 0, 0

    def _entry(self, job: Claimed) -> Entry | None:
        key = job.id, job.claim_no
        entry = self.open.get(key)
        if entry is None and len(self.open) < MOST_JOBS:
            is_over = not self._is_running(job)
            entry = self.open[key] = Entry(job, self._clock() + SOON_S, is_over=is_over)
        return entry
