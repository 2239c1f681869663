"""The queue's clock in a test: taskflow.now(), moved for this session only."""

from __future__ import annotations

from datetime import datetime, timedelta

from taskflow.calls import reads
from taskflow.errors import TimeOutOfRange
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.store.call import Call, nothing
from taskflow.store.database import Database


class Clock:
    """What the queue takes for the time; it goes on running from wherever it is set.

    Python's own clock stays: freeze that by other means where a handler asks it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offset = timedelta()

    def now(self) -> datetime:
        """The queue's time."""
        return self._database.run(reads.clock())

    def advance(self, by: Duration) -> datetime:
        """Moves the clock forward ("1h", seconds, a timedelta) and answers the new time."""
        return self._move(self._offset + parse_duration(by))

    def set(self, to: datetime) -> datetime:
        """Sets the clock, forward or back, and answers the new time."""
        if to.tzinfo is None:
            raise TimeOutOfRange(
                f"the time {to.isoformat()} has no time zone", "Write datetime(..., tzinfo=UTC)."
            )
        return self._move(self._offset + (to - self.now()))

    def _move(self, offset: timedelta) -> datetime:
        self._offset = offset
        self._database.run(
            Call(
                "select set_config('taskflow.clock_offset', %(offset)s, false)",
                {"offset": f"{offset / timedelta(microseconds=1):.0f} microseconds"},
                nothing,
            )
        )
        return self.now()
