"""A script is what a verb is on the REST API: requests, one after the other, and a result.

The trick: a script is a generator that yields requests and is sent answers. It opens nothing, so it
is written once for sync and async code, as the Calls are, and `TABLE` holds one for each builder of
Calls that the API can stand in for. Type checkers hold both to the same parameters and result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Literal, ParamSpec, TypeVar
from urllib.parse import quote

import msgspec

from taskflow.errors import TaskflowError
from taskflow.remote.decode import decode
from taskflow.store.call import Call

P = ParamSpec("P")
T = TypeVar("T")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
PAGE = 200
"""Most lines that the API gives at once."""
NO_END = 2**31
_LIST: dict[type, Any] = {}


class NeedsDatabase(TaskflowError):
    """A command or a verb cannot be done through the REST API."""

    code = "TF220"


class UnreadableAnswer(TaskflowError):
    """What answers at the address of the API is not the API, or not of a version that fits."""

    code = "TF222"


class Request(msgspec.Struct, frozen=True):
    """One request, as it stands below /api/v1."""

    method: Method
    path: str
    query: Mapping[str, Any] = {}
    body: Any = None
    if_match: str | None = None


class Pause(msgspec.Struct, frozen=True):
    """A script that wants to go on later yields one in the place of a request."""

    seconds: float


class Answer(msgspec.Struct, frozen=True):
    """What came back for one that was served."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    def read(self, kind: type[T]) -> T:
        """The content as a value of the kernel; ids stand as texts in it."""
        try:
            return decode(self.content, kind)
        except msgspec.MsgspecError as error:
            raise UnreadableAnswer(
                f"the API answered what this version cannot read: {error}",
                "Is it the address of taskflow serve, and of about the same version?",
            ) from None


Script = Generator[Request | Pause, Answer, T]
TABLE: dict[Callable[..., Any], Callable[..., Script[Any]]] = {}
"""By builder of Calls: what it is on the API."""


def stands_for(
    builder: Callable[P, Call[T]],
) -> Callable[[Callable[P, Script[T]]], Callable[P, Script[T]]]:
    """Enters a script into the table."""

    def enter(script: Callable[P, Script[T]]) -> Callable[P, Script[T]]:
        TABLE[builder] = script
        return script

    return enter


def script_of(call: Call[T]) -> Script[T]:
    """What a Call is on the API. Raises `NeedsDatabase` for one that it has no route for."""
    origin = call.origin
    script = TABLE.get(origin.builder) if origin is not None else None
    if origin is None or script is None:
        raise NeedsDatabase(
            "this command needs the database: it does not go through the REST API",
            "Leave --api out, and TASKFLOW_API_URL.",
        )
    found: Script[T] = script(*origin.arguments, **origin.options)
    return found


def at(*parts: object) -> str:
    """A path of parts, each of which may hold any character."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def get(path: str, **query: Any) -> Request:
    """A GET; what is None or empty is left out of its query."""
    return Request("GET", path, _query(query))


def post(path: str, **body: Any) -> Request:
    """A POST of what is not None."""
    return Request("POST", path, body={n: v for n, v in body.items() if v is not None})


def read(kind: type[T], request: Request) -> Script[T]:
    """One request, read as `kind`."""
    answer = yield request
    return answer.read(kind)


def listed(kind: type[T], path: str, most: int = NO_END, **query: Any) -> Script[list[T]]:
    """The lines of a list, page after page, up to `most`."""
    found: list[T] = []
    cursor: str | None = None
    while True:
        limit = max(1, min(most - len(found), PAGE))
        answer = yield get(path, **query, limit=limit, cursor=cursor)
        page = answer.read(_page_of(kind))
        found += page.data
        cursor = page.page.next
        if cursor is None or len(found) >= most:
            return found[:most]


def whole(kind: type[T], path: str, **query: Any) -> Script[list[T]]:
    """The lines of a list that comes in one piece."""
    answer = yield get(path, **query)
    found: list[T] = answer.read(_page_of(kind)).data
    return found


def or_none(script: Script[T], *missing: type[TaskflowError]) -> Script[T | None]:
    """The script's result, None where the API says that there is no such thing."""
    try:
        return (yield from script)
    except missing:
        return None


class Onward(msgspec.Struct, frozen=True):
    next: str | None = None


def _page_of(kind: type[Any]) -> Any:
    """The shape of a page of these, made once for each kind."""
    if kind not in _LIST:
        _LIST[kind] = msgspec.defstruct(
            f"{kind.__name__}Page",
            [("data", list[kind]), ("page", Onward, Onward())],  # type: ignore[valid-type]
        )
    return _LIST[kind]


def _query(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in given.items():
        if value is None or value == ():
            continue
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, tuple | list):
            if any("," in str(item) for item in value):
                raise NeedsDatabase(f"the REST API cannot ask for a {name} with a comma in it")
            found[name] = ",".join(map(str, value))
        else:
            found[name] = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return found
