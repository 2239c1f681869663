"""Passwords: argon2id with OWASP's least parameters (19 MiB, 2 passes, 1 lane), hashed in a thread.

A hash takes about 30 ms of a core; on the loop itself it would stop all other requests for as long,
and an attacker could stall the API with logins. No more than two run at once for the same reason.
"""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from taskflow.errors import InvalidOption

LEAST, MOST = 12, 256
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_NOBODY = _HASHER.hash("a password that nobody has, checked for names that nobody has")
_TURNS = asyncio.Semaphore(2)


async def make_hash(password: str) -> str:
    """What is stored of a password. Raises `InvalidOption` for one too short or too long."""
    if not LEAST <= len(password) <= MOST:
        raise InvalidOption(
            f"a password has {LEAST} to {MOST} characters", "A sentence is easy to remember."
        )
    async with _TURNS:
        return await asyncio.to_thread(_HASHER.hash, password)


async def fits(password: str, stored: str | None) -> bool:
    """Is it the password of this hash? Takes as long for None, so that nobody learns who exists."""
    async with _TURNS:
        matches = await asyncio.to_thread(_verify, password[:MOST], stored or _NOBODY)
    return matches and stored is not None


def _verify(password: str, stored: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
