"""Checks webhooks that come in, by the scheme of their sender, and makes job arguments of them.

The id by which repeats are known must be one that is signed, else who has one webhook could send it
again under other ids. GitHub does not sign the id that it gives, so there the body stands for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from taskflow.errors import InvalidArguments
from taskflow.kernel import codec
from taskflow.kernel.webhooks import Gate, SignatureInvalid
from taskflow.webhooks import sign

MAX_BODY = 1 << 20
_PLAIN = re.compile(r"[!-~]{1,200}")


def check(gate: Gate, headers: Mapping[str, str], body: bytes) -> tuple[str, bytes]:
    """The webhook's id, and the arguments of the job that it starts.

    `body` must be the bytes as they came. Raises `SignatureInvalid`, and `InvalidArguments` for a
    body that is not a JSON object.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if len(body) > MAX_BODY:
        raise InvalidArguments.listing([("", f"the body has more than {MAX_BODY} bytes")], "")
    if gate.scheme == "standard":
        id = sign.verify(gate.secrets, given, body, gate.checked_at, gate.tolerance)
        return id, codec.encode(_args(gate, given, _decoded(body)))
    if gate.scheme == "github":
        _check_github(gate, given, body)
    else:
        _check_stripe(gate, given, body)
    content = _decoded(body)
    own = _own_id(content) if gate.scheme == "stripe" else None
    return own or hashlib.sha256(body).hexdigest(), codec.encode(_args(gate, given, content))


def _check_github(gate: Gate, headers: Mapping[str, str], body: bytes) -> None:
    kind, _, given = headers.get("x-hub-signature-256", "").partition("=")
    expected = [_digest(secret, body) for secret in gate.secrets]
    if kind != "sha256" or not sign.fits([given], expected):
        raise SignatureInvalid("x-hub-signature-256 is missing or does not fit")


def _check_stripe(gate: Gate, headers: Mapping[str, str], body: bytes) -> None:
    parts = [part.strip().partition("=") for part in headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"][: sign.MOST_SIGNATURES]
    if len(times) != 1 or not given:
        raise SignatureInvalid("stripe-signature is missing, or has no t or no v1")
    sent = sign.check_time(times[0], gate.checked_at, gate.tolerance)
    expected = [_digest(secret, b"%d.%b" % (sent, body)) for secret in gate.secrets]
    if not sign.fits(given, expected):
        raise SignatureInvalid("no signature fits")


def _digest(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, hashlib.sha256).hex()


def _decoded(body: bytes) -> dict[str, Any]:
    content = codec.decode(body)
    if not isinstance(content, dict):
        raise InvalidArguments.listing([("", "the body is not a JSON object")], "")
    return content


def _own_id(content: dict[str, Any]) -> str | None:
    id = content.get("id")
    return id if isinstance(id, str) and _PLAIN.fullmatch(id) else None


def _args(gate: Gate, headers: Mapping[str, str], content: dict[str, Any]) -> dict[str, Any]:
    if gate.mapping == "body":
        return content
    passed = {name: headers[name] for name in gate.headers if name in headers}
    return {"body": content, "headers": passed}
