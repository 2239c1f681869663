"""/tenants and /audit: who shares the installation, and who did what in a tenant."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post, put
from litestar.params import JSONBody

from taskflow.access.tokens import make_token
from taskflow.api.answers import PREFIX, JsonResponse, Page, paged, read_cursor
from taskflow.api.auth import LINK_LIFETIME
from taskflow.api.edits import IfNoneMatch, check_put
from taskflow.api.fields import Cursor, Limit, NamePath, Text
from taskflow.api.session import Injected, Session
from taskflow.calls import audit, people
from taskflow.kernel.access import INSTALLATION, AuditLine, Tenant, TenantNotFound
from taskflow.kernel.names import check_name

Quota = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class TenantBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Quotas of a tenant; null leaves one as it is, 0 takes it back."""

    max_live_jobs: Quota | None = None
    max_requests: Quota | None = None
    """A minute."""
    max_storage_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    disabled: bool | None = None


class AdminInvited(msgspec.Struct, frozen=True):
    """The first administrator of a tenant, and the token that sets a password. It is shown once."""

    tenant: str
    name: str
    token: str
    expires_in: int


@get("/tenants", name="tenants.list")
async def list_tenants(session: Injected) -> Page[Tenant]:
    """List all tenants of the installation."""
    return Page(await session.run(people.tenants()))


@get("/tenants/{tenant:str}", name="tenants.get")
async def get_tenant(session: Injected, tenant: NamePath) -> Tenant:
    """Show a tenant with its quotas: one's own, or any for the installation's administrators."""
    found = await tenant_of(session, tenant)
    session.etag = f'"{found.version}"'
    return found


@put("/tenants/{tenant:str}", name="tenants.put")
async def put_tenant(
    session: Injected,
    tenant: NamePath,
    data: JSONBody[TenantBody],
    if_none_match: IfNoneMatch = None,
) -> Response[Tenant]:
    """Make a tenant, or change the quotas of one. Takes If-Match where there is one."""
    name = check_name(tenant, "tenant")
    await session.lock(f"tenant {name}")
    known = await session.run(people.tenants(name))
    check_put(session, f'"{known[0].version}"' if known else None, if_none_match)
    await session.run(
        people.put_tenant(
            name, max_live_jobs=data.max_live_jobs, max_requests=data.max_requests,
            max_storage_bytes=data.max_storage_bytes, disabled=data.disabled,
            expected=known[0].version if known else None,
        )
    )  # fmt: skip
    found = await tenant_of(session, name)
    session.etag = f'"{found.version}"'
    if known:
        return JsonResponse(found)
    return JsonResponse(found, status_code=201, headers={"location": f"{PREFIX}/tenants/{name}"})


@post("/tenants/{tenant:str}/invite", name="tenants.invite", status_code=201)
async def invite(session: Injected, tenant: NamePath) -> AdminInvited:
    """Make a tenant's first administrator, or a new link for it."""
    name = (await tenant_of(session, tenant)).name
    secret = make_token()
    await session.run(people.invite(secret.hash, LINK_LIFETIME, for_tenant=name))
    return AdminInvited(name, "admin", secret.text, int(LINK_LIFETIME.total_seconds()))


@get("/audit", name="audit.list")
async def read_audit(
    session: Injected,
    actor: Text = None,
    action: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditLine]:
    """Read the audit trail of the tenant, the newest line first."""
    scope = f"audit {session.tenant} {actor} {action}"
    last = read_cursor(session.signer, scope, cursor)
    before = int(last) if last else None
    found = await session.run(audit.audit(session.tenant, limit + 1, before, actor, action))
    return paged(session, found, limit, scope, lambda line: line.id)


async def tenant_of(session: Session, name: str) -> Tenant:
    found = await session.run(people.tenants(name)) if name.isprintable() else []
    if not found or (session.tenant not in (name, INSTALLATION)):
        raise TenantNotFound(f"tenant {name[:63]} does not exist", "An administrator can make it.")
    return found[0]


ROUTES: list[Any] = [list_tenants, get_tenant, put_tenant, invite, read_audit]
