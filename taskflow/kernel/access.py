"""Who may ask the API for what, as values; and what goes wrong with that.

A principal is whoever a credential belongs to: a user, or a key of a program. It belongs to one
tenant, has one role, and may be bound to some queues.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from taskflow.errors import TaskflowError

Role = Literal["producer", "viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("producer", "viewer", "operator", "admin")
INSTALLATION = "default"
"""The tenant whose administrators run the installation: they make tenants and see its workers."""


class NotAuthenticated(TaskflowError):
    """The request carries no credential that is valid."""

    code = "TF198"


class NotAllowed(TaskflowError):
    """The user or key may not do this."""

    code = "TF171"


class RateLimited(TaskflowError):
    """The user, key, address or tenant has sent more requests than it may."""

    code = "TF172"


class UserNotFound(TaskflowError):
    """No user has this id."""

    code = "TF190"


class LastAdmin(TaskflowError):
    """A tenant would be left without an administrator."""

    code = "TF191"


class NameTaken(TaskflowError):
    """Something has this name already."""

    code = "TF192"


class VersionConflict(TaskflowError):
    """It has changed since the caller read it."""

    code = "TF193"


class KeyNotFound(TaskflowError):
    """No API key has this id, or it is revoked."""

    code = "TF194"


class QuotaExceeded(TaskflowError):
    """The tenant has as many live jobs, or stores as much, as it may."""

    code = "TF196"


class TenantNotFound(TaskflowError):
    """No tenant has this name."""

    code = "TF197"


class Standing(msgspec.Struct, frozen=True):
    """What the database says of a request at first: who asks, and how much it may."""

    standing: Literal["ok", "anonymous", "limited", "unknown", "expired", "disabled"]
    tenant: str | None
    kind: Literal["user", "key"] | None
    id: int | None
    name: str | None
    role: Role | None
    scopes: list[str] | None
    queues: list[str] | None
    version: int | None
    """Of a user's tokens now."""
    rate: int
    """Requests a minute."""
    used: int
    reset_s: float


class Principal(msgspec.Struct, frozen=True):
    """Whoever a request comes from."""

    tenant: str
    kind: Literal["user", "key"]
    id: int
    name: str
    role: Role
    scopes: tuple[str, ...] | None = None
    """What a key is narrowed to: "jobs:read", or "jobs:enqueue:email" for one queue; None: all of
    its role."""
    queues: tuple[str, ...] | None = None
    """The queues that it is bound to; None: all."""

    @property
    def actor(self) -> str:
        """As it stands in `created_by` and in the audit trail: "user:ann", "key:deploy"."""
        return f"{self.kind}:{self.name}"


class Login(msgspec.Struct, frozen=True):
    id: int
    password_hash: str | None
    locked_s: float


class TokenOwner(msgspec.Struct, frozen=True):
    """Whose a token is that works once."""

    tenant: str
    user_id: int
    name: str
    role: Role
    queues: list[str] | None
    token_version: int
    family: str | None


class User(msgspec.Struct, frozen=True):
    """Somebody who logs in."""

    id: int
    name: str
    role: Role
    queues: list[str] | None
    disabled_at: datetime | None
    last_login_at: datetime | None
    locked_until: datetime | None
    created_at: datetime
    created_by: str
    version: int


class ApiKey(msgspec.Struct, frozen=True):
    """A key of a program, without its secret."""

    id: int
    name: str
    prefix: str
    """How its secret begins."""
    role: Role
    scopes: list[str] | None
    queues: list[str] | None
    rate: int | None
    """Requests a minute; None: the installation's api_rate."""
    user_id: int | None
    """Whose it is; it goes off with the user."""
    expires_at: datetime | None
    revoked_at: datetime | None
    previous_until: datetime | None
    """Until when the secret before the last rotation works."""
    last_used_at: datetime | None
    last_used_from: str | None
    created_at: datetime
    created_by: str


class Tenant(msgspec.Struct, frozen=True):
    """A tenant with its quotas; None does not restrict."""

    name: str
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    max_live_jobs: int | None
    max_requests: int | None
    """Requests a minute, of all its users and keys."""
    max_storage_bytes: int | None
    live_jobs: int | None
    storage_bytes: int | None
    measured_at: datetime | None
    version: int


class AuditLine(msgspec.Struct, frozen=True):
    """One call that changed something, or tried to."""

    id: int
    at: datetime
    actor: str
    actor_kind: str
    actor_id: int | None
    address: str | None
    request_id: str | None
    action: str
    method: str
    path: str
    status: int
    target: str | None
    detail: Any
