"""How answers are written: ids as text, JSON as stored, secrets blotted out, lists by pages."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Response

from taskflow.access.tokens import Signer
from taskflow.api.problems import InvalidRequest
from taskflow.api.session import Session
from taskflow.kernel import codec
from taskflow.kernel.job import Job
from taskflow.kernel.wire import plain

T = TypeVar("T")
PREFIX = "/api/v1"
MOST = 200
"""Most lines of a page."""
BLOT = "[redacted]"
SENSITIVE = re.compile(
    r"passw(or)?d|passphrase|secret|token|authorization|credential|api_?key|private_?key|cookie|iban|"
    r"card_?number|cvv",
    re.IGNORECASE,
)
"""Names under which arguments and results are hidden from everybody but administrators."""
_CURSOR_MARK = "cur_"


class JsonResponse(Response[T]):
    """Encodes what handlers return as the wire has it."""

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:  # noqa: ARG002
        if isinstance(content, bytes):
            return content
        if isinstance(content, str) and "json" not in media_type:
            return content.encode()
        return b"" if content is None else msgspec.json.encode(plain(content))


class PageEnd(msgspec.Struct, frozen=True):
    next: str | None = None
    """The cursor of the next page; None on the last one."""
    has_more: bool = False


class Count(msgspec.Struct, frozen=True):
    value: int
    kind: str
    """exact, or at_least where counting stopped."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    data: list[T]
    page: PageEnd = PageEnd()
    count: Count | None = None


class Done(msgspec.Struct, frozen=True):
    """What became of a call that answers no more than that."""

    outcome: str


def paged(
    session: Session, found: list[T], limit: int, scope: str, last: Callable[[T], str | int]
) -> Page[T]:
    """A page of `found`, of which there is one more than `limit` if there are more pages.

    `last` gives the key of the line that a page ends with, `scope` all that the cursor is good for.
    """
    has_more = len(found) > limit
    lines = found[:limit]
    if has_more:
        session.next_cursor = make_cursor(session.signer, scope, str(last(lines[-1])))
    return Page(lines, PageEnd(session.next_cursor, has_more))


def make_cursor(signer: Signer, scope: str, last: str) -> str:
    """An opaque place in a list, bound to the list's filter and signed."""
    seal = signer.sign(f"{scope}\0{last}".encode())
    return _CURSOR_MARK + urlsafe_b64encode(seal + last.encode()).decode().rstrip("=")


def read_cursor(signer: Signer, scope: str, cursor: str | None) -> str | None:
    """The place that a cursor means. Raises `InvalidRequest` for one of another list or filter."""
    if cursor is None:
        return None
    try:
        text = cursor.removeprefix(_CURSOR_MARK)
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        seal, last = raw[:16], raw[16:].decode()
    except ValueError:
        raise bad_cursor() from None
    if not cursor.startswith(_CURSOR_MARK) or not signer.is_signed(
        f"{scope}\0{last}".encode(), seal
    ):
        raise bad_cursor()
    return last


def bad_cursor() -> InvalidRequest:
    return InvalidRequest.at("cursor", "it is not of this list with this filter; begin without one")


def shown(job: Job, *, sees_secrets: bool) -> Job:
    """The job as somebody may see it: what stands under a sensitive name is blotted out."""
    if sees_secrets:
        return job
    return msgspec.structs.replace(
        job,
        args=blotted(job.args),
        meta=job.meta and blotted(job.meta),
        result=job.result and blotted(job.result),
    )


def blotted(raw: msgspec.Raw) -> msgspec.Raw:
    """JSON with the values under sensitive names replaced; the very same where there is none."""
    text = bytes(raw)
    if SENSITIVE.search(text.decode()) is None:
        return raw
    return msgspec.Raw(codec.encode(blot(codec.decode(text))))


def blot(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: BLOT if SENSITIVE.search(str(name)) and item is not None else blot(item)
            for name, item in value.items()
        }
    return [blot(item) for item in value] if isinstance(value, list) else value


def check_unblotted(value: Any, pointer: str) -> None:
    """Raises `InvalidRequest` for what was read with secrets hidden and is sent back as it was
    read: it would take the place of the secret.
    """
    if value == BLOT:
        raise InvalidRequest.at(
            pointer, f"{BLOT} stands for a value that is hidden from you; an administrator sees it"
        )
    if isinstance(value, Mapping):
        for name, item in value.items():
            check_unblotted(item, f"{pointer}/{name}")
    elif isinstance(value, list):
        for item in value:
            check_unblotted(item, pointer)
