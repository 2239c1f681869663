"""`ctx.log`: a logger whose lines stand in the job's log, whatever becomes of them elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from taskflow.kernel.job import Claimed
from taskflow.kernel.records import Recorder

logger = logging.getLogger("taskflow.job")
_OWN = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})
_format = logging.Formatter("%(message)s").format

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class JobLog(_Adapter):
    """Like any logger, and `log.info("rendered", pages=3)` adds what is named to the message.

    Records carry job, attempt, task and queue in `extra`.
    """

    def __init__(self, job: Claimed, recorder: Recorder) -> None:
        super().__init__(
            logger,
            {"job_id": job.id, "attempt": job.attempt, "task": job.task, "queue": job.queue},
        )
        self._job = job
        self._recorder = recorder

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name for it
        return level >= self._recorder.level or self.logger.isEnabledFor(level)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Sends the line through the logging module, as far as that is set to take it, and to the
        job's log from job_log_level on, however logging is set."""
        if named := [name for name in kwargs if name not in _OWN]:
            said = " ".join(f"{name}={kwargs.pop(name)!r}" for name in named)
            # a percent sign in a value is no placeholder
            msg = f"{msg} {said.replace('%', '%%') if args else said}"
        if level >= self._recorder.level:
            self._recorder.log(self._job, level, "", self._text(level, msg, args, kwargs))
        if self.logger.isEnabledFor(level):
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            super().log(level, msg, *args, **kwargs)

    def _text(
        self, level: int, msg: object, args: tuple[object, ...], kwargs: dict[str, Any]
    ) -> str:
        error = kwargs.get("exc_info")
        if isinstance(error, BaseException):
            error = type(error), error, error.__traceback__
        elif error and not isinstance(error, tuple):
            import sys

            error = sys.exc_info()
        record = logging.LogRecord(logger.name, level, "", 0, msg, args, error or None)
        return record_text(record)


def record_text(record: logging.LogRecord) -> str:
    """The message, and the traceback if it carries one; never an error, whatever its arguments."""
    try:
        return _format(record)
    except Exception as error:  # noqa: BLE001 - arguments that do not fit, or whose __str__ raises
        return f"{record.msg} (its arguments do not fit: {error!r})"
