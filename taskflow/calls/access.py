"""The first statements of a request to the API, and logging in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from taskflow.kernel.access import Login, Principal, Standing, TokenOwner
from taskflow.store.call import Call, first, nothing, scalar


class Credential(NamedTuple):
    """What a request shows: one of them, or nothing."""

    key_hash: bytes | None = None
    tenant: str | None = None
    user_id: int | None = None
    token_version: int | None = None
    ticket_hash: bytes | None = None


def open_request(address: str, credential: Credential, *, is_costly: bool) -> Call[Standing]:
    """Who asks, and whether the rate allows it; counts the request."""
    return Call(
        "select standing, tenant, kind, id, name, role, scopes, queues, version,"
        " rate, used, reset_s from taskflow.open_request(%(address)s, %(key)s::bytea, %(tenant)s,"
        " %(user)s::bigint, %(version)s::integer, %(ticket)s::bytea, %(costly)s)",
        {
            "address": address,
            "key": credential.key_hash,
            "tenant": credential.tenant,
            "user": credential.user_id,
            "version": credential.token_version,
            "ticket": credential.ticket_hash,
            "costly": is_costly,
        },
        lambda rows: Standing(*rows[0]),
    )


def still_stand(who: Sequence[tuple[str, str, int, int | None]]) -> Call[list[bool]]:
    """Who of (tenant, kind, id, token version) may still be here."""
    return Call(
        "select taskflow.still_stand(%(tenants)s::text[], %(kinds)s::text[], %(ids)s::bigint[],"
        " %(versions)s::integer[])",
        {
            "tenants": [one[0] for one in who],
            "kinds": [one[1] for one in who],
            "ids": [one[2] for one in who],
            "versions": [one[3] for one in who],
        },
        scalar,
    )


def bind(tenant: str, queues: Sequence[str] | None, actor: str, timeout: timedelta) -> Call[None]:
    """Binds the transaction to a tenant and to the API's role; the database holds it to that.

    Lists are walks of an index that stop at the page's end. The planner cannot know how many rows a
    policy leaves and takes it for next to none, for which it would rather read all that match into
    a bitmap and sort them: 220 instead of 29 ms for the scheduled ones of a million. So no bitmaps.
    """
    return Call(
        "select set_config('role', 'taskflow_api', true),"
        " set_config('taskflow.tenant', %(tenant)s, true),"
        " set_config('taskflow.queues', coalesce(%(queues)s::text[]::text, ''), true),"
        " set_config('taskflow.actor', %(actor)s, true),"
        " set_config('statement_timeout', %(timeout)s, true),"
        " set_config('enable_bitmapscan', 'off', true)",
        {
            "tenant": tenant,
            "queues": None if queues is None else list(queues),
            "actor": actor,
            "timeout": f"{timeout.total_seconds() * 1000:.0f}",
        },
        nothing,
    )


def lock(what: str) -> Call[None]:
    """Makes the editors of one thing wait for each other until the end of the transaction."""
    return Call(
        "select pg_advisory_xact_lock(hashtextextended(taskflow.bound_tenant() || %(what)s, 9))",
        {"what": what},
        nothing,
    )


# --- logging in -----------------------------------------------------------------------------------


def find_login(tenant: str, name: str) -> Call[Login | None]:
    return Call(
        "select id, password_hash, locked_s from taskflow.find_login(%(tenant)s, %(name)s)",
        {"tenant": tenant, "name": name},
        first(Login),
    )


def find_user(tenant: str, id: int) -> Call[Principal | None]:
    """A user who has just shown who it is."""
    return Call(
        "select name, role, queues from taskflow.find_user(%(tenant)s, %(id)s::bigint)",
        {"tenant": tenant, "id": id},
        first(
            lambda name, role, queues: Principal(
                tenant, "user", id, name, role, None, None if queues is None else tuple(queues)
            )
        ),
    )


def note_login(
    tenant: str, id: int, *, succeeded: bool, checked: str | None = None
) -> Call[int | None]:
    """Counts a login; answers the version that the user's tokens carry, None where the password is
    not `checked` any more."""
    return Call(
        "select taskflow.note_login(%(tenant)s, %(id)s::bigint, %(succeeded)s, %(checked)s)",
        {"tenant": tenant, "id": id, "succeeded": succeeded, "checked": checked},
        scalar,
    )


def issue_token(
    tenant: str,
    kind: str,
    hash: bytes,  # noqa: A002 - what it is
    lifetime: timedelta,
    *,
    user_id: int | None = None,
    key_id: int | None = None,
    family: str | None = None,
) -> Call[None]:
    """Keeps the hash of a secret that works once: kind "refresh", "link" or "ticket"."""
    return Call(
        "select taskflow.issue_token(%(tenant)s, %(kind)s, %(hash)s::bytea, %(lifetime)s::interval,"
        " %(user)s::bigint, %(key)s::bigint, %(family)s)",
        {
            "tenant": tenant, "kind": kind, "hash": hash, "lifetime": lifetime, "user": user_id,
            "key": key_id, "family": family,
        },
        nothing,
    )  # fmt: skip


def use_token(kind: str, hash: bytes) -> Call[TokenOwner | None]:  # noqa: A002
    """Uses a token up; None for one that does not work."""
    return Call(
        "select tenant, user_id, name, role, queues, token_version, family"
        " from taskflow.use_token(%(kind)s, %(hash)s::bytea)",
        {"kind": kind, "hash": hash},
        first(TokenOwner),
    )


def end_session(hash: bytes) -> Call[None]:  # noqa: A002
    """Ends the login that a refresh token belongs to."""
    return Call("select taskflow.end_session(%(hash)s::bytea)", {"hash": hash}, nothing)


def set_password(
    tenant: str, id: int, password_hash: str, checked: str | None = None
) -> Call[int | None]:
    """Sets a password and ends all logins; answers the new version of the user's tokens."""
    return Call(
        "select taskflow.set_password(%(tenant)s, %(id)s::bigint, %(hash)s, %(checked)s)",
        {"tenant": tenant, "id": id, "hash": password_hash, "checked": checked},
        scalar,
    )


def first_admin(hash: bytes, lifetime: timedelta) -> Call[str | None]:  # noqa: A002
    """Makes the first user; answers its name while nobody has a password yet."""
    return Call(
        "select taskflow.first_admin(%(hash)s::bytea, %(lifetime)s::interval)",
        {"hash": hash, "lifetime": lifetime},
        scalar,
    )


def signing_keys(fresh: bytes) -> Call[Sequence[tuple[int, bytes]]]:
    """The keys that tokens are signed with, the newest first; `fresh` becomes the very first."""
    return Call(
        "select id, secret from taskflow.signing_keys(%(fresh)s::bytea)",
        {"fresh": fresh},
        lambda rows: [(row[0], bytes(row[1])) for row in rows],
    )
