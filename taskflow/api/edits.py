"""Editing what others may edit, too: If-Match against the version that is there."""

from __future__ import annotations

from taskflow.api.problems import PreconditionMissing
from taskflow.api.session import Session
from taskflow.kernel.access import VersionConflict


def check_match(session: Session, tag: str) -> None:
    """Raises `PreconditionMissing` without If-Match, `VersionConflict` where it is out of date."""
    if session.if_match is None:
        raise PreconditionMissing(
            "If-Match is missing", "Read it first, and send its ETag in If-Match; * for any."
        )
    if session.if_match != "*" and tag not in [t.strip() for t in session.if_match.split(",")]:
        raise VersionConflict("it has changed since you read it", "Read it again.")
