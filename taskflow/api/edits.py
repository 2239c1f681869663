"""Editing what others may edit, too: versions as ETags, and the conditions on them (RFC 9110)."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from litestar.params import HeaderParameter

from taskflow.api.problems import PreconditionMissing
from taskflow.api.session import Session
from taskflow.kernel.access import VersionConflict
from taskflow.kernel.wire import plain

IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="if-none-match", max_length=2000, description='"*" makes it only if there is none yet.'
    ),
]


def tag_of(*parts: Any) -> str:
    """A strong ETag: another one wherever one of the parts is another."""
    text = msgspec.json.encode(plain(list(parts)))
    return f'"{hashlib.sha256(text).hexdigest()[:32]}"'


def check_match(session: Session, tag: str) -> None:
    """Raises `PreconditionMissing` without If-Match, `VersionConflict` where it is out of date."""
    if session.if_match is None:
        raise PreconditionMissing(
            "If-Match is missing", "Read it first, and send its ETag in If-Match; * for any."
        )
    if session.if_match != "*" and tag not in [t.strip() for t in session.if_match.split(",")]:
        raise VersionConflict("it has changed since you read it", "Read it again.")


def check_put(session: Session, tag: str | None, if_none_match: str | None) -> None:
    """The condition of a PUT: `tag` is the version that is there, None for nothing.

    What is there is replaced with If-Match only; what is not there is made, unless If-Match says
    that the caller has seen it.
    """
    if tag is None:
        if session.if_match is not None:
            raise VersionConflict("it is not there any more", "Leave If-Match out to make it.")
    elif if_none_match is not None and if_none_match.strip() == "*":
        raise VersionConflict("it is there already", "Send If-Match to replace it.")
    else:
        check_match(session, tag)
