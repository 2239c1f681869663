"""Verbs on users, API keys and tenants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from taskflow.kernel.access import ApiKey, Role, Tenant, User
from taskflow.store.call import Call, each, nothing, scalar

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
