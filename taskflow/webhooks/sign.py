"""Signatures of Standard Webhooks, both ways.

A signature is HMAC-SHA256 over `id.timestamp.body`, the very bytes of the body, in base64 behind
`v1,`. While a secret is being rotated there are two, and one that fits is enough.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from taskflow.kernel.webhooks import SecretInvalid, SignatureInvalid

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
MOST_SIGNATURES = 20
LEAST_BYTES, MOST_BYTES = 24, 64


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """One signature. Raises `SecretInvalid`."""
    signed = b"%b.%d.%b" % (id.encode("utf-8", "replace"), timestamp, body)
    digest = hmac.digest(key_of(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(secrets: Iterable[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What a request carries: id, time, and a signature by each secret."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, id, timestamp, body) for secret in secrets),
    }


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The id of a webhook that one of `secrets` has signed, not longer ago than `tolerance`, nor
    later than that from now. Raises `SignatureInvalid`."""
    given = {name.lower(): value for name, value in headers.items()}
    id, timestamp, signatures = (
        given.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature")
    )
    if not (id and timestamp and signatures):
        raise SignatureInvalid("webhook-id, webhook-timestamp or webhook-signature is missing")
    sent = check_time(timestamp, now, tolerance)
    found = [part for part in signatures.split()[:MOST_SIGNATURES] if part.startswith("v1,")]
    if not fits(found, [sign(secret, id, sent, body) for secret in secrets]):
        raise SignatureInvalid("no signature fits")
    return id


def fits(given: Iterable[str], expected: Sequence[str]) -> bool:
    """Is one of these signatures right? All are compared, so that time tells nothing of which."""
    found = False
    for one in given:
        for other in expected:
            found |= hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
    return found


def check_time(timestamp: str, now: datetime, tolerance: timedelta) -> int:
    """A time in seconds, if it is near enough."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise SignatureInvalid("the timestamp is not a number of seconds")
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise SignatureInvalid("the timestamp is too far from now", "Is it a repeat, or a clock?")
    return int(timestamp)


def key_of(secret: str) -> bytes:
    """The bytes of a secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (secret.startswith(PREFIX) and LEAST_BYTES <= len(key) <= MOST_BYTES):
        raise SecretInvalid("the secret is not whsec_ and 24 to 64 bytes in base64")
    return key
