"""`taskflow tenants`: which role may enqueue for which tenant."""

from __future__ import annotations

import rich_click as click

from taskflow.calls import tenants as calls
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.kernel.listing import TenantGrant


@click.command(
    cls=Group, examples=["taskflow tenants list", "taskflow tenants allow shop_website acme"]
)
def tenants() -> None:
    """Which database roles may enqueue for which tenant.

    A producer's role without a grant may name the tenant `default` only; with one or more exactly
    those. Workers, operators and the schema's owner may name all.
    """


@tenants.command("list", examples=["taskflow tenants list", "taskflow tenants list --json"])
@fields_of(TenantGrant)
@click.pass_obj
def list_grants(invocation: Invocation, fields: list[str] | None) -> None:
    """List the grants."""
    found = invocation.run(calls.grants())
    columns = (Column("Tenant", cut=True), Column("Role", cut=True), Column("Note"))
    rows = [(g.tenant, g.role, "" if g.role_exists else "no such role any more") for g in found]
    invocation.answer_list(found, fields, lambda: shapes.table(columns, rows) if rows else "")
    if not found and not invocation.is_json:
        invocation.talk("No grants: producers may name the tenant default only.", "dim")


@tenants.command(
    examples=[
        "taskflow tenants allow shop_website acme",
        "taskflow tenants allow shop_website default",
    ]
)
@click.argument("role")
@click.argument("tenant")
@click.pass_obj
def allow(invocation: Invocation, role: str, tenant: str) -> None:
    """Let ROLE and its members enqueue for TENANT."""
    invocation.run(calls.allow(role, tenant))
    invocation.answer(
        {"role": role, "tenant": tenant, "allowed": True},
        lambda: f"Role {role} may enqueue for tenant {tenant}.",
    )


@tenants.command(
    examples=[
        "taskflow tenants forbid shop_website acme",
        "taskflow tenants forbid shop_website acme --json",
    ]
)
@click.argument("role")
@click.argument("tenant")
@click.pass_obj
def forbid(invocation: Invocation, role: str, tenant: str) -> None:
    """Take a grant back."""
    was_allowed = invocation.run(calls.forbid(role, tenant))
    invocation.answer(
        {"role": role, "tenant": tenant, "allowed": False, "was_allowed": was_allowed},
        lambda: f"Role {role} may no longer enqueue for tenant {tenant}." if was_allowed else "",
    )
    if not was_allowed:
        invocation.talk(f"Role {role} had no grant for tenant {tenant}.")
        raise exits.Stop(exits.CONFLICT)
