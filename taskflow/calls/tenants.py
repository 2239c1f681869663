"""Verbs on tenants: which role may name which."""

from __future__ import annotations

from taskflow.kernel.listing import TenantGrant
from taskflow.store.call import Call, each, nothing, scalar


def allow(role: str, tenant: str) -> Call[None]:
    """Lets a producer's role, and its members, name a tenant; with a first grant no longer any
    other. Raises `InvalidOption` for a role that does not exist."""
    return Call(
        "select taskflow.allow_tenant(%(role)s, %(tenant)s)",
        {"role": role, "tenant": tenant},
        nothing,
    )


def forbid(role: str, tenant: str) -> Call[bool]:
    """Takes a grant back; answers whether there was one."""
    return Call(
        "select taskflow.forbid_tenant(%(role)s, %(tenant)s)",
        {"role": role, "tenant": tenant},
        scalar,
    )


def grants() -> Call[list[TenantGrant]]:
    """All grants, by tenant and role."""
    return Call(
        "select t.tenant, t.role, exists (select from pg_roles r where r.rolname = t.role)"
        " from taskflow.tenant_role t order by 1, 2",
        {},
        each(TenantGrant),
    )
