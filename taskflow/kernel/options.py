"""Options of a job, checked where they are given: one check per option, none left to the database.

What only the database can know (is the deadline after the run time by its clock?) stays there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypedDict

import msgspec

from taskflow.errors import InvalidOption, TimeOutOfRange, UnknownOption, nearest
from taskflow.kernel import codec
from taskflow.kernel.durations import Duration, format_duration, parse_duration
from taskflow.kernel.job import Options
from taskflow.kernel.names import Priority, check_name, check_tags, parse_priority, priority_name

MAX_ATTEMPTS = 1_000
MAX_KEY_BYTES = 500
MAX_META_BYTES = 65_536
MAX_PARENTS = 10_000
SHORTEST_TIMEOUT = timedelta(milliseconds=1)
EITHER = (("run_at", "delay"), ("unique_key", "unique_by"))
"""Options that say the same thing in two ways: giving one takes the other's default back."""
REPLACEABLE = (
    "args", "priority", "run_at", "max_attempts", "timeout", "deadline", "tags", "meta",
)  # fmt: skip


class HasId(Protocol):
    """A handle, or anything else that knows the id of a job."""

    @property
    def id(self) -> int: ...


class Given(TypedDict, total=False):
    """Options as a caller may write them; type checkers hold `options()` and `@task()` to it."""

    queue: str | None
    priority: Priority | int | None
    run_at: datetime | None
    delay: Duration | None
    max_attempts: int | None
    timeout: Duration | None
    unique_key: str | None
    tags: Iterable[str] | None
    meta: Mapping[str, Any] | None
    tenant: str | None
    deadline: datetime | None
    unique_by: Iterable[str] | Literal["*"] | None
    unique_scope: Literal["queue", "task", "tenant"] | None
    unique_while: Literal["live", "waiting"] | None
    unique_for: Duration | None
    on_conflict: Literal["existing", "raise", "replace", "merge"] | None
    replace: Iterable[str] | None
    depends_on: Iterable[HasId | int] | HasId | int | None
    on_parent_failure: Literal["cancel", "continue"] | None


def make_options(base: Options, given: Mapping[str, Any]) -> Options:
    """`base` with `given` laid over it; None leaves a thing as it is.

    One of `EITHER` takes the place of the other: a task with a default delay can be given a run_at.
    Raises `UnknownOption` with the nearest name, and for values `InvalidOption`, `InvalidName`,
    `TimeOutOfRange` or an `UnstorableValue`.
    """
    known = Options.__struct_fields__
    for name in given:
        if name not in known:
            raise UnknownOption.named(name, known)
    checked = {
        name: CHECKS[name](name, value) for name, value in given.items() if value is not None
    }
    instead: dict[str, None] = {}
    for one, other in EITHER:
        if one in checked and other in checked:
            raise InvalidOption(f"{one} and {other} are both given", "Give one of them.")
        if one in checked or other in checked:
            instead[other if one in checked else one] = None
    return msgspec.structs.replace(base, **instead, **checked)


def _duration(name: str, value: Any) -> Any:
    return parse_duration(value, what=name)


def _timeout(name: str, value: Any) -> timedelta:
    found = parse_duration(value, what=name)
    if found < SHORTEST_TIMEOUT:
        raise TimeOutOfRange(
            f"{name} is {format_duration(found)}, it must be 1 ms or more",
            "Leave it out for a job that may run as long as it likes.",
        )
    return found


def _moment(name: str, value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise _wrong(name, "a datetime", value, "For a pause from now, use delay.")
    if value.utcoffset() is None:
        raise InvalidOption(
            f"{name} has no time zone", "Write datetime.now(timezone.utc) + timedelta(...)."
        )
    return value


def _attempts(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "a number", value, f"Write 1 to {MAX_ATTEMPTS}.")
    if not 1 <= value <= MAX_ATTEMPTS:
        shown = value if abs(value) < 10**12 else "far out"
        raise InvalidOption(
            f"{name} is {shown}, it must be 1 to {MAX_ATTEMPTS}",
            "A handler may snooze as often as it likes: that counts no attempt.",
        )
    return int(value)


def _key(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, "a text", value, "Write a key such as f'import {id}'.")
    codec.encode({name: value})  # refuses NUL and lone surrogates
    size = len(value.encode())
    if not 1 <= size <= MAX_KEY_BYTES:
        raise InvalidOption(
            f"{name} has {size:,} bytes, it must have 1 to {MAX_KEY_BYTES}",
            "Use a hash of a longer key.",
        )
    return value


def _tags(name: str, value: Any) -> list[str]:
    if not isinstance(value, str | list | tuple | set | frozenset):
        raise _wrong(name, "a list of texts", value, 'Write tags=["vip"].')
    return check_tags(value)


def _meta(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, "a dict", value, 'Write meta={"name": value}.')
    codec.encode({name: value}, limit=MAX_META_BYTES)  # named, so that errors say where
    return value


def _names(name: str, value: Any) -> list[str]:
    """Names of arguments; "*" is all of them."""
    names = _listed(name, value, 'Write unique_by=("order_id",), or "*" for all.')
    if not 1 <= len(names) <= 50 or not all(isinstance(found, str) for found in names):
        raise InvalidOption(
            f"{name} must name 1 to 50 arguments",
            'Write unique_by=("order_id",), or "*" for all.',
        )
    codec.encode({name: names})  # refuses NUL and lone surrogates
    return names


def _fields(name: str, value: Any) -> list[str]:
    found = _listed(name, value, 'Write replace=["args", "run_at"].')
    for field in found:
        if field not in REPLACEABLE:
            raise InvalidOption(
                f"{name}: {field!r} cannot be replaced", f"Name some of {', '.join(REPLACEABLE)}."
            )
    return found


def _ids(name: str, value: Any) -> list[int]:
    """Handles or ids, one or many."""
    given = value if isinstance(value, Iterable) else [value]
    ids = [found if isinstance(found, int) else getattr(found, "id", None) for found in given]
    if not all(isinstance(id, int) and not isinstance(id, bool) for id in ids):
        raise _wrong(name, "handles or ids of jobs", value, "Write depends_on=[handle, 4711].")
    if not 1 <= len(ids) <= MAX_PARENTS:
        raise InvalidOption(
            f"{name} holds {len(ids):,} jobs, it must hold 1 to {MAX_PARENTS:,}",
            "Leave it out for a job that waits for none.",
        )
    return [id for id in ids if id is not None]


def _one_of(*choices: str) -> Callable[[str, Any], str]:
    known = f"{', '.join(choices[:-1])} or {choices[-1]}"

    def check(name: str, value: Any) -> str:
        if value not in choices:
            close = nearest(value, choices) if isinstance(value, str) else []
            raise InvalidOption(
                f"{name} is {str(value)[:40]!a}, it must be {known}",
                f'Did you mean "{close[0]}"?' if close else f'Write {name}="{choices[0]}".',
            )
        return str(value)

    return check


def _listed(name: str, value: Any, hint: str) -> list[Any]:
    if not isinstance(value, Iterable):
        raise _wrong(name, "a list of texts", value, hint)
    return [value] if isinstance(value, str) else list(value)


def _wrong(name: str, expected: str, value: Any, hint: str) -> InvalidOption:
    return InvalidOption(f"{name}: expected {expected}, got {type(value).__name__}", hint)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "queue": lambda _, value: check_name(value, "queue"),
    "priority": lambda _, value: priority_name(parse_priority(value)),
    "run_at": _moment,
    "delay": _duration,
    "max_attempts": _attempts,
    "timeout": _timeout,
    "unique_key": _key,
    "tags": _tags,
    "meta": _meta,
    "tenant": lambda _, value: check_name(value, "tenant"),
    "deadline": _moment,
    "unique_by": _names,
    "unique_scope": _one_of("queue", "task", "tenant"),
    "unique_while": _one_of("live", "waiting"),
    "unique_for": _duration,
    "on_conflict": _one_of("existing", "raise", "replace", "merge"),
    "replace": _fields,
    "depends_on": _ids,
    "on_parent_failure": _one_of("cancel", "continue"),
}
