"""An exception as a report that can be stored, grouped and read.

The trick: the fingerprint hashes the class, the innermost frame of the application, and the message
with its numbers, ids and quoted texts replaced, so that "order 17 not found" and "order 18 not
found" are one group, and an upgrade of a library does not make a new one. Nothing here raises.
"""

from __future__ import annotations

import hashlib
import re
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

MAX_MESSAGE_BYTES = 4_096
MAX_TRACEBACK_BYTES = 16_384

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PLACEHOLDERS = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE), "<uuid>"),
    (re.compile(r"'[^'\n]{0,500}'|\"[^\"\n]{0,500}\""), "<text>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"[0-9]+(?:[.,:][0-9]+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


class ErrorReport(msgspec.Struct, frozen=True):
    """What is kept of an exception; every text is storable in Postgres as it stands."""

    error_class: str
    """Qualified name, without `builtins`."""
    message: str
    traceback: str
    frame: str
    """`module:function` of the innermost frame that is neither stdlib nor an installed package."""
    normalised: str
    fingerprint: str
    """16 hex digits; equal for errors of one kind."""


def fingerprint(error: BaseException) -> ErrorReport:
    """The report of `error`; works even if its `__str__` raises or its traceback is gone."""
    name = clean(_attempt(lambda: _class_name(error), "unknown"), 500)
    full = _attempt(lambda: str(error), f"<{name} whose text cannot be read>")
    message = clean(full, MAX_MESSAGE_BYTES)
    frame = clean(_attempt(lambda: _own_frame(error.__traceback__), ""), 500)
    normalised = _attempt(lambda: normalise(message), message)
    key = f"{name}\n{frame}\n{normalised}".encode("utf-8", "replace")
    return ErrorReport(
        error_class=name,
        message=message,
        traceback=clean(_attempt(lambda: _traceback_text(error), ""), MAX_TRACEBACK_BYTES),
        frame=frame,
        normalised=normalised,
        fingerprint=hashlib.sha256(key).hexdigest()[:16],
    )


def clean(text: str, limit: int) -> str:
    """`text` as Postgres, a log line and a terminal can take it, in at most `limit` UTF-8 bytes.

    Control and direction characters become escapes, lone surrogates U+FFFD; tab and newline stay.
    What is too long keeps its head and its tail.
    """
    if len(text) > 2 * limit:
        # Cut before the work, not after it: a message of 100 MB must not cost seconds.
        text = f"{text[:limit]}{text[-limit:]}"
    text = _SURROGATE.sub("\ufffd", text)
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    raw = text.encode()
    if len(raw) <= limit:
        return text
    mark = "\n... cut ...\n"
    half = (limit - len(mark)) // 2
    return raw[:half].decode(errors="ignore") + mark + raw[-half:].decode(errors="ignore")


def normalise(message: str) -> str:
    """The message without what differs between occurrences; at most its first 1,000 characters."""
    text = message[:1_000]
    for pattern, placeholder in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return text.strip()


def _attempt(read: Callable[[], str], fallback: str) -> str:
    """`read()`, or the fallback whatever happens: __str__ and the like are the user's code."""
    try:
        found = read()
        return found if type(found) is str else str.__str__(found)
    except BaseException:  # noqa: BLE001 - as the traceback module does for the same reason
        return fallback


def _class_name(error: BaseException) -> str:
    kind = type(error)
    module = str(kind.__module__)
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def _own_frame(trace: TracebackType | None) -> str:
    own: FrameType | None = None
    last: FrameType | None = None
    while trace is not None:
        last = trace.tb_frame
        if not _is_foreign(last.f_code.co_filename):
            own = last
        trace = trace.tb_next
    frame = own or last
    if frame is None:
        return ""
    module = frame.f_globals.get("__name__") or frame.f_code.co_filename
    return f"{module}:{frame.f_code.co_qualname}"


def _is_foreign(filename: str) -> bool:
    """Is this code of the standard library, of an installed package, or taskflow's own?"""
    return filename.startswith(_FOREIGN) or "site-packages" in filename


_FOREIGN = ("<frozen", sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))


def _traceback_text(error: BaseException) -> str:
    """The traceback from the handler's first frame on: how the worker called it says nothing."""
    trace = error.__traceback__
    while trace is not None and _is_foreign(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    # compact drops what formatting does not need; repeated frames of a recursion are folded.
    found = traceback.TracebackException(
        type(error), error, trace or error.__traceback__, compact=True
    )
    return "".join(found.format())
