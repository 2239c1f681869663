"""Options of a job, checked where they are given: one check per option, none left to the database.

What only the database can know (is the deadline after the run time by its clock?) stays there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

import msgspec

from taskflow.errors import InvalidOption, UnknownOption
from taskflow.kernel import codec
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.kernel.job import Options
from taskflow.kernel.names import Priority, check_name, check_tags, parse_priority, priority_name

MAX_ATTEMPTS = 1_000
MAX_KEY_BYTES = 500
MAX_META_BYTES = 65_536


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


def make_options(base: Options, given: Mapping[str, Any]) -> Options:
    """`base` with `given` laid over it; None leaves a thing as it is.

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
    if "delay" in checked and "run_at" in checked:
        raise InvalidOption("run_at and delay are both given", "Give one of them.")
    return msgspec.structs.replace(base, **checked)


def _duration(name: str, value: Any) -> Any:
    return parse_duration(value, what=name)


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
        raise _wrong(name, "a number", value)
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
        raise _wrong(name, "a list of texts", value)
    return check_tags(value)


def _meta(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, "a dict", value)
    codec.encode({name: value}, limit=MAX_META_BYTES)  # named, so that errors say where
    return value


def _wrong(name: str, expected: str, value: Any, hint: str = "") -> InvalidOption:
    return InvalidOption(f"{name}: expected {expected}, got {type(value).__name__}", hint)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "queue": lambda _, value: check_name(value, "queue"),
    "priority": lambda _, value: priority_name(parse_priority(value)),
    "run_at": _moment,
    "delay": _duration,
    "max_attempts": _attempts,
    "timeout": _duration,
    "unique_key": _key,
    "tags": _tags,
    "meta": _meta,
    "tenant": lambda _, value: check_name(value, "tenant"),
    "deadline": _moment,
}
