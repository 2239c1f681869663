"""Passwords: argon2id with OWASP's least parameters (19 MiB, 2 passes, 1 lane), hashed in a thread.

A hash takes about 30 ms of a core; on the loop itself it would stop all other requests for as long,
and an attacker could stall the API with logins. No more than two run at once for the same reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from taskflow.errors import InvalidOption
from taskflow.kernel.access import RateLimited

LEAST, MOST = 12, 256
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_NOBODY = _HASHER.hash("a password that nobody has, checked for names that nobody has")
_TURNS = asyncio.Semaphore(2)
_MOST_WAITING = 20
"""They hold a connection each while they wait, so that more would stop everybody else."""
_waiting = 0


def check_length(password: str) -> None:
    """Raises `InvalidOption` for a password too short or too long."""
    if not LEAST <= len(password) <= MOST:
        raise InvalidOption(
            f"a password has {LEAST} to {MOST} characters", "A sentence is easy to remember."
        )


async def make_hash(password: str) -> str:
    """What is stored of a password. Raises `InvalidOption` as `check_length`, `RateLimited`."""
    check_length(password)
    async with _turn():
        return await asyncio.to_thread(_HASHER.hash, password)


async def fits(password: str, stored: str | None) -> bool:
    """Is it the password of this hash? Takes as long for None, so that nobody learns who exists.

    Raises `RateLimited` where too many passwords wait to be checked.
    """
    async with _turn():
        matches = await asyncio.to_thread(_verify, password[:MOST], stored or _NOBODY)
    return matches and stored is not None


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    global _waiting  # noqa: PLW0603 -- of the process, as the semaphore is
    if _waiting >= _MOST_WAITING:
        raise RateLimited("too many logins at once", "Try again in a moment.")
    _waiting += 1
    try:
        async with _TURNS:
            yield
    finally:
        _waiting -= 1


def _verify(password: str, stored: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
