"""Results too large for the job's row: the reference that stands in their place, and the store.

The row then holds {"$stored": {...}}. A handler's own result of that form is stored apart too,
whatever its size, so a reference is never mistaken for a result.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from taskflow.errors import TaskflowError

POSTGRES = "postgres"
"""The store that every database has; SQL can read it."""
_MARK = b'{"$stored"'


class ResultUnavailable(TaskflowError):
    """A result that is stored apart is gone, or in a store that is not at hand here."""

    code = "TF170"


class Key(msgspec.Struct, frozen=True):
    """Names one result: claims of one job never share a key, so a late one overwrites nothing."""

    tenant: str
    job_id: int
    claim_no: int

    @property
    def path(self) -> str:
        """For stores whose keys are texts."""
        return f"{self.tenant}/{self.job_id}/{self.claim_no}"


class Reference(msgspec.Struct, frozen=True):
    """Where a result is."""

    store: str
    claim_no: int
    bytes: int


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stored: Reference = msgspec.field(name="$stored")


class ResultStore(Protocol):
    """Keeps large results outside the queue's tables: give yours to `Taskflow.result_store`.

    Called from threads, blocking. A job's history ends after `history_retention`; what the store
    holds longer is its own affair.
    """

    name: str
    """Written into references: whoever reads a result must have a store of this name."""

    def put(self, key: Key, raw: bytes) -> None:
        """Keeps `raw`; the same key again replaces it."""

    def get(self, key: Key) -> bytes:
        """What was put. Raises `ResultUnavailable` when it is gone."""
        ...

    def delete(self, key: Key) -> None:
        """Forgets it: its settle was refused. No error when there is nothing."""


def is_apart(raw: bytes, limit: int) -> bool:
    """Does an encoded result belong in a store?"""
    return len(raw) > limit or raw.startswith(_MARK)


def reference_in(raw: bytes | msgspec.Raw | None) -> Reference | None:
    """The reference that a stored result is, None for one that stands there itself."""
    if raw is None or not bytes(raw).startswith(_MARK):
        return None
    try:
        return msgspec.json.decode(raw, type=_Envelope).stored
    except msgspec.MsgspecError:
        return None


def encode_reference(reference: Reference) -> bytes:
    return msgspec.json.encode(_Envelope(reference))
