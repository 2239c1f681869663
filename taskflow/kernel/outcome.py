"""What a handler may say about its own run, other than returning a result.

Each may be returned or raised, whichever reads better: `return Snooze("10m")` at the end of a
handler, `raise Cancel("order is gone")` from deep inside. They pickle, so that a process executor
can hand them back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from taskflow.errors import InvalidOption
from taskflow.kernel.durations import Duration, parse_duration


class Outcome(Exception):
    """Base of the outcomes below; not an error, though it can be raised.

    Its fields have defaults in the class: a subclass may forget to call `super().__init__`.
    """

    reason: str = ""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def _fields(self) -> dict[str, Any]:
        # A raised outcome may have been given __notes__ on its way.
        return {name: value for name, value in vars(self).items() if not name.startswith("__")}

    def __repr__(self) -> str:
        given = {name: value for name, value in self._fields().items() if value not in (None, "")}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    def _key(self) -> tuple[Any, ...]:
        return (type(self), *self._fields().items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._fields())


class Snooze(Outcome):
    """Run this job again later, without counting the attempt: it was not yet time.

    Give either `delay`, a duration from now, or `until`, an aware datetime.
    """

    delay: timedelta | None = None
    until: datetime | None = None

    def __init__(
        self, delay: Duration | None = None, *, until: datetime | None = None, reason: str = ""
    ) -> None:
        super().__init__(reason)
        if (delay is None) == (until is None):
            raise InvalidOption("Snooze takes either delay or until", 'Write Snooze("10m").')
        if until is not None and until.utcoffset() is None:
            raise InvalidOption(
                f"Snooze: until={until.isoformat()} has no time zone",
                "Use an aware datetime, such as datetime.now(UTC) + timedelta(hours=1).",
            )
        self.delay = None if delay is None else parse_duration(delay, what="Snooze delay")
        self.until = until


class Cancel(Outcome):
    """End this job as cancelled: what it was for no longer exists. No retry, no dead job."""


class Discard(Outcome):
    """End this job as dead at once, without the attempts that are left: it can never succeed."""


class RateLimited(Snooze):
    """The peer said "not now": run this job again later, and hold its key until then.

    No other job under the same key of the limit starts before that time, and the attempt is not
    counted. `limit` names one; default: all limits that hold for the job. For a job under none it
    is a `Snooze`.
    """

    limit: str | None

    def __init__(
        self,
        delay: Duration | None = None,
        *,
        until: datetime | None = None,
        limit: str | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(delay, until=until, reason=reason)
        self.limit = limit


class RetryLater(Outcome):
    """Count this attempt as failed and run the next one after `delay`, whatever the policy says.

    For a peer that answers "not before": its time goes to `delay`, and jitter only adds to it.
    Attempts stay limited.
    """

    delay: timedelta | None = None

    def __init__(self, delay: Duration, reason: str = "") -> None:
        super().__init__(reason)
        self.delay = parse_duration(delay, what="RetryLater delay")

    @property
    def retry_after(self) -> timedelta | None:
        """The attribute that `Retry.delay` honours on any exception."""
        return self.delay


def _rebuild(kind: type[Outcome], fields: dict[str, Any]) -> Outcome:
    outcome = kind.__new__(kind, fields.get("reason", ""))
    vars(outcome).update(fields)
    return outcome
