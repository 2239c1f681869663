"""Every error that taskflow raises: one tree, one stable code per class.

The trick: all classes share one constructor, `(message, hint)`, so they pickle, and so the database
can raise them too: SQLSTATE `TF118` *is* the code TF118. Extra fields are set by the named
constructors (`UnknownTask.named(...)`). TF1xx is the caller's mistake, TF2xx the environment,
TF3xx how a run ended.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar, Self


class TaskflowError(Exception):
    """Something went wrong in taskflow; every class below is one of these.

    `code` is stable and may be matched on; `message` says what was expected and what was found,
    `hint` what to do about it.
    """

    code: ClassVar[str] = "TF000"

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(message, hint)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" in cls.__dict__:
            known = CODES.setdefault(cls.code, cls)
            if known is not cls and known.__qualname__ != cls.__qualname__:
                raise TypeError(
                    f"code {cls.code} of {cls.__name__} already belongs to {known.__name__}"
                )

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else ""

    @property
    def hint(self) -> str:
        return str(self.args[1]) if len(self.args) > 1 else ""

    def __str__(self) -> str:
        text = f"{self.code} {self.message}".rstrip()
        if not self.hint:
            return text
        return f"{text}{'' if text.endswith(('.', '?', '!')) else '.'} {self.hint}"


CODES: dict[str, type[TaskflowError]] = {"TF000": TaskflowError}
"""Every code and its class, in definition order; the error reference is generated from it."""


def meanings() -> dict[str, str]:
    """One line per code, taken from the class docstrings, sorted by code."""
    return {code: (CODES[code].__doc__ or "").partition("\n")[0] for code in sorted(CODES)}


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The known names that look most like `name`, best first; compares without case."""
    folded = {candidate.casefold(): candidate for candidate in known}
    return [
        folded[m]
        for m in difflib.get_close_matches(name.casefold()[:200], folded, n=count, cutoff=0.6)
    ]


# --- TF1xx: the caller's mistake ------------------------------------------------------------------


class InvalidDefinition(TaskflowError):
    """A function cannot become a task, or a task is defined in a way that cannot work."""

    code = "TF101"


class SyncCallInLoop(TaskflowError):
    """A blocking call was made inside a running event loop."""

    code = "TF102"

    @classmethod
    def calling(cls, call: str, instead: str) -> Self:
        """`calling("enqueue()", "await send_receipt.aenqueue(42)")`."""
        return cls(f"{call} was called inside a running event loop", f"Use {instead}.")


class UnstorableValue(TaskflowError):
    """A value cannot be stored as JSON in the database; `path` says where it stands."""

    code = "TF119"
    path: str = ""

    @classmethod
    def at(cls, path: str, message: str, hint: str = "") -> Self:
        error = cls(f"{message} (at {path})" if path else message, hint)
        error.path = path
        return error


class NulCharacter(UnstorableValue):
    """A text holds the character U+0000, which Postgres cannot store."""

    code = "TF105"


class LoneSurrogate(UnstorableValue):
    """A text holds half of a surrogate pair, which UTF-8 cannot express."""

    code = "TF106"


class NotFinite(UnstorableValue):
    """A number is NaN or infinite, which JSON cannot express."""

    code = "TF107"


class UnsupportedType(UnstorableValue):
    """A value is of a type that has no JSON form."""

    code = "TF108"


class InvalidJson(TaskflowError):
    """A text that should be JSON is not, or does not have the expected shape."""

    code = "TF109"


class InvalidName(TaskflowError):
    """A name of a queue, task, tenant or tag has characters or a length that it may not have."""

    code = "TF110"


class InvalidOption(TaskflowError):
    """An option has a value that it cannot take."""

    code = "TF111"


class TimeOutOfRange(TaskflowError):
    """A time or a duration lies outside the range that taskflow accepts."""

    code = "TF112"


class ArgumentsNotObject(TaskflowError):
    """The arguments of a job are not a JSON object of named values."""

    code = "TF113"


class PayloadTooLarge(UnstorableValue):
    """Arguments or a result are larger than the limit."""

    code = "TF114"


class PayloadTooDeep(UnstorableValue):
    """Arguments or a result are nested deeper than the limit."""

    code = "TF115"


class NumberOutOfRange(UnstorableValue):
    """A number has more digits, or a larger exponent, than the limit."""

    code = "TF116"


class UnknownOption(TaskflowError):
    """An option does not exist."""

    code = "TF117"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        names = sorted(known)
        close = nearest(name, names)
        return cls(
            f'unknown option "{name}"',
            f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(names)}.",
        )


class InvalidArguments(TaskflowError):
    """The arguments of a job do not fit its task; `errors` lists (path, message) for each."""

    code = "TF118"
    errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def listing(cls, errors: Iterable[tuple[str, str]], hint: str = "") -> Self:
        """One error that names every argument that is wrong, not only the first."""
        found = tuple(errors)
        error = cls(
            "; ".join(f'argument "{path}": {text}' if path else text for path, text in found), hint
        )
        error.errors = found
        return error


class JobNotFound(TaskflowError):
    """No job has this id, or it was pruned after its retention."""

    code = "TF120"


class JobStateConflict(TaskflowError):
    """The job is not in a state that allows this."""

    code = "TF121"


class TooManyItems(TaskflowError):
    """One call carries more items than the limit."""

    code = "TF122"


class UniqueConflict(TaskflowError):
    """A live job holds the unique key that this one needs."""

    code = "TF123"


class QueueNotFound(TaskflowError):
    """No queue has this name."""

    code = "TF130"


class UnknownTask(TaskflowError):
    """No task with this name is registered; `similar` lists near misses."""

    code = "TF131"
    similar: tuple[str, ...] = ()

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        close = nearest(name, known, count=3)
        names = ", ".join(f'"{other}"' for other in close)
        said = f'task "{name}" is not registered in this process'
        error = cls(
            f"{said}; known similar: {names}" if close else said, "Run taskflow tasks list."
        )
        error.similar = tuple(close)
        return error


class DuplicateTask(TaskflowError):
    """Two tasks were defined under one name."""

    code = "TF132"


class WorkerNotRegistered(TaskflowError):
    """A worker acts under an id that is not, or no longer, registered."""

    code = "TF140"


# --- TF2xx: the environment and the database ------------------------------------------------------


class ConfigurationError(TaskflowError):
    """A setting is missing, malformed, or contradicts another one."""

    code = "TF201"


class DatabaseUnreachable(TaskflowError):
    """The database does not answer, or it refused the connection."""

    code = "TF202"


class SchemaMissing(TaskflowError):
    """The database has no taskflow schema yet."""

    code = "TF203"


class SchemaMismatch(TaskflowError):
    """The schema in the database is older or newer than this version of taskflow can use."""

    code = "TF204"

    @classmethod
    def between(cls, found: int, needed: int) -> Self:
        said = f"schema is at {found}, this version needs {needed}"
        return cls(
            said,
            "Run taskflow db upgrade." if found < needed else "Upgrade the taskflow-pg package.",
        )


class ReadOnlyDatabase(TaskflowError):
    """The database accepts no writes: a standby, or a primary that just stepped down."""

    code = "TF205"


class ServerTooOld(TaskflowError):
    """The Postgres server is older than the oldest supported version."""

    code = "TF206"


class PoolerWithoutListen(TaskflowError):
    """The connection goes through a pooler that does not keep sessions, so LISTEN cannot work."""

    code = "TF207"


# --- TF3xx: how a run ended -----------------------------------------------------------------------


class RunError(TaskflowError):
    """A job did not give a result; `job_id` says which."""

    code = "TF300"
    job_id: int | None = None

    @classmethod
    def of(cls, job_id: int, message: str, hint: str = "") -> Self:
        error = cls(message, hint)
        error.job_id = job_id
        return error


class JobFailed(RunError):
    """The job that was waited for is dead: its attempts are spent."""

    code = "TF301"


class JobCancelled(RunError):
    """The job that was waited for was cancelled."""

    code = "TF302"


class ResultTimeout(RunError):
    """The job that was waited for did not finish in time; it goes on."""

    code = "TF303"


class LeaseLost(RunError):
    """This worker no longer holds the job, and another may run it already."""

    code = "TF304"


class TaskTimeout(RunError):
    """The handler ran longer than the timeout of its task."""

    code = "TF305"


class UnstorableResult(RunError):
    """The handler returned something that cannot be stored."""

    code = "TF306"


# --- from the database ----------------------------------------------------------------------------

SQLSTATES: dict[str, type[TaskflowError]] = {
    "08": DatabaseUnreachable,  # connection exceptions, the whole class
    "25006": ReadOnlyDatabase,
    "53300": DatabaseUnreachable,  # too many connections
    "57P01": DatabaseUnreachable,  # admin_shutdown
    "57P02": DatabaseUnreachable,  # crash_shutdown
    "57P03": DatabaseUnreachable,  # cannot_connect_now
    "3F000": SchemaMissing,  # invalid_schema_name
}
"""Postgres' own states that have a class here; those of class TF are the codes themselves."""


def knows_sqlstate(code: str | None) -> bool:
    """Is this state one that `from_sqlstate` turns into a class of its own?"""
    return bool(code) and (code in CODES or code in SQLSTATES or str(code)[:2] in ("08", "TF"))


def from_sqlstate(code: str | None, message: str, hint: str | None = None) -> TaskflowError:
    """The error for a state that the database raised; an unknown one is a plain `TaskflowError`."""
    state = code or ""
    found = CODES.get(state) or SQLSTATES.get(state) or SQLSTATES.get(state[:2])
    if found is None:
        # A newer schema may raise a TF code that this version does not know: keep it readable.
        return TaskflowError(f"{state} {message}".strip(), hint or "")
    if issubclass(found, InvalidArguments):
        return found.listing([("", message)], hint or "")
    return found(message, hint or "")
