"""Verbs of the API's own: credentials, users, keys, tenants, the audit trail, kept answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from taskflow.kernel import codec
from taskflow.kernel.access import (
    ApiKey,
    AuditLine,
    Login,
    Principal,
    Role,
    Standing,
    Tenant,
    TokenOwner,
    User,
)
from taskflow.store.call import Call, each, first, nothing, scalar

_USER = (
    "id, name, role, queues, disabled_at, last_login_at, locked_until, created_at, created_by,"
    " version"
)
_KEY = (
    "id, name, prefix, role, scopes, queues, rate, user_id, expires_at, revoked_at,"
    " previous_until, last_used_at, last_used_from, created_at, created_by"
)
_TENANT = (
    "tenant, created_at, created_by, disabled_at, max_live_jobs, max_requests,"
    " max_storage_bytes, live_jobs, storage_bytes, measured_at, version"
)
_AUDIT = (
    "id, at, actor, actor_kind, actor_id, address, request, action, method, path, status, target,"
    " detail::text"
)


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
        "select standing, tenant, kind, id, name, role, scopes, queues, rate, used, reset_s"
        " from taskflow.open_request(%(address)s, %(key)s::bytea, %(tenant)s, %(user)s::bigint,"
        " %(version)s::integer, %(ticket)s::bytea, %(costly)s)",
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


def note_login(tenant: str, id: int, *, succeeded: bool) -> Call[int | None]:
    """Counts a login; answers the version that the user's tokens carry."""
    return Call(
        "select taskflow.note_login(%(tenant)s, %(id)s::bigint, %(succeeded)s)",
        {"tenant": tenant, "id": id, "succeeded": succeeded},
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


def set_password(tenant: str, id: int, password_hash: str) -> Call[int | None]:
    """Sets a password and ends all logins; answers the new version of the user's tokens."""
    return Call(
        "select taskflow.set_password(%(tenant)s, %(id)s::bigint, %(hash)s)",
        {"tenant": tenant, "id": id, "hash": password_hash},
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


# --- users, keys, tenants -------------------------------------------------------------------------


def users(tenant: str, id: int | None = None) -> Call[list[User]]:
    """The users of a tenant by name, or the one of this id."""
    return Call(
        f"select {_USER} from taskflow.api_user where tenant = %(tenant)s"
        " and (%(id)s::bigint is null or id = %(id)s) order by name limit 1000",
        {"tenant": tenant, "id": id},
        each(User),
    )


def put_user(
    name: str | None = None,
    role: Role | None = None,
    queues: Sequence[str] | None = None,
    *,
    disabled: bool | None = None,
    id: int | None = None,
    expected: int | None = None,
    tenant: str | None = None,
) -> Call[int]:
    """Makes a user or changes one; answers its id. None leaves a thing as it is."""
    return Call(
        "select taskflow.put_user(%(name)s, %(role)s, %(queues)s::text[], %(disabled)s::boolean,"
        " %(id)s::bigint, %(expected)s::integer, %(tenant)s)",
        {
            "name": name, "role": role, "queues": None if queues is None else list(queues),
            "disabled": disabled, "id": id, "expected": expected, "tenant": tenant,
        },
        scalar,
    )  # fmt: skip


def delete_user(id: int, tenant: str | None = None) -> Call[None]:
    """Removes a user and switches its keys off."""
    return Call(
        "select taskflow.delete_user(%(id)s::bigint, %(tenant)s)",
        {"id": id, "tenant": tenant},
        nothing,
    )


def invite(
    hash: bytes,  # noqa: A002
    lifetime: timedelta,
    user_id: int | None = None,
    for_tenant: str | None = None,
    tenant: str | None = None,
) -> Call[int]:
    """Keeps a link by which a user sets a password; for a tenant: by its first administrator."""
    return Call(
        "select taskflow.invite(%(hash)s::bytea, %(lifetime)s::interval, %(user)s::bigint,"
        " %(for_tenant)s, %(tenant)s)",
        {
            "hash": hash,
            "lifetime": lifetime,
            "user": user_id,
            "for_tenant": for_tenant,
            "tenant": tenant,
        },
        scalar,
    )


def keys(tenant: str, id: int | None = None) -> Call[list[ApiKey]]:
    """The keys of a tenant, the newest first, or the one of this id."""
    return Call(
        f"select {_KEY} from taskflow.api_key where tenant = %(tenant)s"
        " and (%(id)s::bigint is null or id = %(id)s) order by id desc limit 1000",
        {"tenant": tenant, "id": id},
        each(ApiKey),
    )


def create_key(
    name: str,
    prefix: str,
    hash: bytes,  # noqa: A002
    role: Role,
    *,
    scopes: Sequence[str] | None = None,
    queues: Sequence[str] | None = None,
    rate: int | None = None,
    user_id: int | None = None,
    expires_at: datetime | None = None,
    tenant: str | None = None,
) -> Call[int]:
    """Keeps a key by the hash of its secret; answers its id."""
    return Call(
        "select taskflow.create_key(%(name)s, %(prefix)s, %(hash)s::bytea, %(role)s,"
        " %(scopes)s::text[], %(queues)s::text[], %(rate)s::integer, %(user)s::bigint,"
        " %(expires_at)s::timestamptz, %(tenant)s)",
        {
            "name": name, "prefix": prefix, "hash": hash, "role": role,
            "scopes": None if scopes is None else list(scopes),
            "queues": None if queues is None else list(queues), "rate": rate, "user": user_id,
            "expires_at": expires_at, "tenant": tenant,
        },
        scalar,
    )  # fmt: skip


def rotate_key(
    id: int,
    prefix: str,
    hash: bytes,  # noqa: A002
    overlap: timedelta,
    tenant: str | None = None,
) -> Call[None]:
    """Gives a key a new secret; the old one works on for `overlap`."""
    return Call(
        "select taskflow.rotate_key(%(id)s::bigint, %(prefix)s, %(hash)s::bytea,"
        " %(overlap)s::interval, %(tenant)s)",
        {"id": id, "prefix": prefix, "hash": hash, "overlap": overlap, "tenant": tenant},
        nothing,
    )


def revoke_key(id: int, tenant: str | None = None) -> Call[None]:
    """Switches a key off for good, at once."""
    return Call(
        "select taskflow.revoke_key(%(id)s::bigint, %(tenant)s)",
        {"id": id, "tenant": tenant},
        nothing,
    )


def tenants(name: str | None = None) -> Call[list[Tenant]]:
    """The tenants that the caller may see: its own, all of them for operators in SQL."""
    return Call(
        f"select {_TENANT} from taskflow.tenant where %(name)s::text is null or tenant = %(name)s"
        " order by tenant limit 10000",
        {"name": name},
        each(Tenant),
    )


def put_tenant(
    name: str,
    *,
    max_live_jobs: int | None = None,
    max_requests: int | None = None,
    max_storage_bytes: int | None = None,
    disabled: bool | None = None,
    expected: int | None = None,
) -> Call[bool]:
    """Makes a tenant or changes its quotas (0 takes one back); answers whether it is new."""
    return Call(
        "select taskflow.put_tenant(%(name)s, %(jobs)s::integer, %(requests)s::integer,"
        " %(bytes)s::bigint, %(disabled)s::boolean, %(expected)s::integer)",
        {
            "name": name, "jobs": max_live_jobs, "requests": max_requests,
            "bytes": max_storage_bytes, "disabled": disabled, "expected": expected,
        },
        scalar,
    )  # fmt: skip


# --- the audit trail and kept answers -------------------------------------------------------------


def note_audit(
    who: Principal | None,
    *,
    address: str,
    request_id: str,
    action: str,
    method: str,
    path: str,
    status: int,
    target: str | None = None,
    detail: Any = None,
) -> Call[None]:
    """Adds a line to the audit trail."""
    return Call(
        "select taskflow.note_audit(%(actor)s, %(kind)s, %(id)s::bigint, %(address)s,"
        " %(request)s, %(action)s, %(method)s, %(path)s, %(status)s::integer, %(target)s,"
        " %(detail)s::jsonb, %(tenant)s)",
        {
            "actor": who.actor if who else "anonymous", "kind": who.kind if who else "anonymous",
            "id": who.id if who else None, "address": address, "request": request_id,
            "action": action, "method": method, "path": path, "status": status, "target": target,
            "detail": None if detail is None else codec.encode(detail).decode(),
            "tenant": who.tenant if who else None,
        },
        nothing,
    )  # fmt: skip


def audit(
    tenant: str,
    limit: int,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> Call[list[AuditLine]]:
    """The audit trail, the newest line first, below the id `before`."""
    return Call(
        f"select {_AUDIT} from taskflow.audit where tenant = %(tenant)s"
        " and (%(before)s::bigint is null or id < %(before)s)"
        " and (%(actor)s::text is null or actor = %(actor)s)"
        " and (%(action)s::text is null or action = %(action)s) order by id desc limit %(limit)s",
        {"tenant": tenant, "limit": limit, "before": before, "actor": actor, "action": action},
        each(_audit_line),
    )


def _audit_line(*columns: Any) -> AuditLine:
    *values, detail = columns
    values.append(None if detail is None else codec.decode(detail))
    return AuditLine(*values)


class KeptAnswer(msgspec.Struct, frozen=True):
    """What became of an earlier request with the same Idempotency-Key."""

    standing: str
    """new, busy, mismatch or replay."""
    status: int | None
    headers: dict[str, str] | None
    body: bytes | None


def find_answer(actor: str, route: str, key: str, request_hash: bytes) -> Call[KeptAnswer]:
    """Looks for the answer to an earlier request, and locks the key."""
    return Call(
        "select standing, status, headers, body from taskflow.find_answer(%(actor)s, %(route)s,"
        " %(key)s, %(hash)s::bytea)",
        {"actor": actor, "route": route, "key": key, "hash": request_hash},
        lambda rows: KeptAnswer(
            rows[0][0],
            rows[0][1],
            codec.decode(rows[0][2]) if rows[0][2] else None,
            None if rows[0][3] is None else bytes(rows[0][3]),
        ),
    )


def keep_answer(
    actor: str,
    route: str,
    key: str,
    request_hash: bytes,
    *,
    status: int,
    headers: dict[str, str],
    body: bytes | None,
) -> Call[None]:
    """Keeps an answer for requests that repeat this one."""
    return Call(
        "select taskflow.keep_answer(%(actor)s, %(route)s, %(key)s, %(hash)s::bytea,"
        " %(status)s::integer, %(headers)s::jsonb, %(body)s::bytea)",
        {
            "actor": actor, "route": route, "key": key, "hash": request_hash, "status": status,
            "headers": msgspec.json.encode(headers).decode(), "body": body,
        },
        nothing,
    )  # fmt: skip
