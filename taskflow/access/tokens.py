"""Secrets that are handed out: API keys, access tokens (JWT), and tokens that work once.

Of every secret but the signing key the database holds a SHA-256 only. That is enough, as they are
256 random bits: there is nothing to guess. Access tokens are JWTs (RFC 7519) signed with HS256, the
one algorithm that is accepted, by the key that their header names among our own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import jwt

KEY_MARK = "tf_"
PREFIX_LENGTH = 11
ISSUER, AUDIENCE = "taskflow", "taskflow-api"
LONGEST = 4_096
"""No token of ours is longer; others are not looked at."""
LEEWAY = timedelta(seconds=5)
"""How far the clocks of two processes of the API may be apart."""


class Secret(NamedTuple):
    """A fresh secret: its text, for whoever asked, and its hash, for the database."""

    text: str
    hash: bytes

    @property
    def prefix(self) -> str:
        return self.text[:PREFIX_LENGTH]


class Claims(NamedTuple):
    """What an access token says, once its signature holds."""

    tenant: str
    user_id: int
    token_version: int


def make_key() -> Secret:
    """An API key: "tf_" and 256 random bits."""
    return _secret(KEY_MARK)


def make_token() -> Secret:
    """A token that works once."""
    return _secret("")


def digest(text: str) -> bytes:
    """What the database holds of a secret."""
    return hashlib.sha256(text.encode()).digest()


class Signer:
    """Signs and reads access tokens and cursors with the installation's keys, the newest first."""

    def __init__(self, keys: Sequence[tuple[int, bytes]]) -> None:
        self._keys = {str(id): secret for id, secret in keys}
        self._newest = str(keys[0][0])

    def issue(self, claims: Claims, lifetime: timedelta) -> str:
        now = datetime.now(UTC)
        return jwt.encode(
            {
                "iss": ISSUER, "aud": AUDIENCE, "typ": "access", "iat": now, "nbf": now,
                "exp": now + lifetime, "sub": f"{claims.tenant}/{claims.user_id}",
                "ver": claims.token_version,
            },
            self._keys[self._newest], algorithm="HS256", headers={"kid": self._newest},
        )  # fmt: skip

    def read(self, token: str) -> Claims | None:
        """What a token says; None for one that is not ours, not for this, or not valid now."""
        if len(token) > LONGEST:
            return None
        try:
            key = self._keys[str(jwt.get_unverified_header(token)["kid"])]
            found = jwt.decode(
                token, key, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY,
                options={"require": ["exp", "iat", "nbf", "aud", "iss", "sub"]},
            )  # fmt: skip
            if found.get("typ") != "access":
                return None
            tenant, _, user_id = str(found["sub"]).rpartition("/")
            return Claims(tenant, int(user_id), int(found["ver"]))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            return None

    def sign(self, text: bytes) -> bytes:
        """Half of an HMAC-SHA256: a seal on what clients carry for us, such as cursors."""
        return hmac.new(self._keys[self._newest], b"cursor\0" + text, hashlib.sha256).digest()[:16]

    def is_signed(self, text: bytes, seal: bytes) -> bool:
        return any(
            hmac.compare_digest(
                hmac.new(key, b"cursor\0" + text, hashlib.sha256).digest()[:16], seal
            )
            for key in self._keys.values()
        )


def _secret(mark: str) -> Secret:
    text = mark + urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return Secret(text, digest(text))
