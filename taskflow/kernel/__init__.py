"""Values and rules: pure, no input or output, only the standard library and msgspec."""

from taskflow.kernel.codec import decode, encode, encode_result
from taskflow.kernel.durations import Duration, format_duration, parse_duration
from taskflow.kernel.fingerprint import ErrorReport, fingerprint
from taskflow.kernel.names import (
    PRIORITIES,
    Priority,
    check_name,
    check_tags,
    parse_priority,
    priority_name,
)
from taskflow.kernel.outcome import Cancel, Discard, Outcome, RetryLater, Snooze
from taskflow.kernel.retry import Retry
from taskflow.kernel.signature import Signature
from taskflow.kernel.storable import MAX_BYTES, MAX_DEPTH

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "PRIORITIES",
    "Cancel",
    "Discard",
    "Duration",
    "ErrorReport",
    "Outcome",
    "Priority",
    "Retry",
    "RetryLater",
    "Signature",
    "Snooze",
    "check_name",
    "check_tags",
    "decode",
    "encode",
    "encode_result",
    "fingerprint",
    "format_duration",
    "parse_duration",
    "parse_priority",
    "priority_name",
]
