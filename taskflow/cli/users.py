"""`taskflow users` and `taskflow audit`: who may log in to the API, and who did what."""

from __future__ import annotations

from datetime import datetime, timedelta

import rich_click as click
from rich.text import Text

from taskflow.access.tokens import make_token
from taskflow.calls import audit, people
from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import ID, QUEUE, Word, fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Command, Group
from taskflow.kernel.access import ROLES, AuditLine, Role, User

LINK_LIFETIME = timedelta(days=3)
COLUMNS = (
    Column("Id", right=True),
    Column("Name"),
    Column("Role"),
    Column("Queues", cut=True),
    Column("Logged in", right=True),
    Column("State"),
)
AUDIT_COLUMNS = (
    Column("When", right=True),
    Column("Who", cut=True),
    Column("What"),
    Column("Which", cut=True),
    Column("Status", right=True),
    Column("From", cut=True),
)


@click.command(
    cls=Group, examples=["taskflow users create ann --role operator", "taskflow users list"]
)
def users() -> None:
    """Make, list and change users of the REST API."""


@users.command(
    "create",
    examples=[
        "taskflow users create ann --role operator",
        "taskflow users create bob --role viewer --queue mail",
    ],
)
@click.argument("name")
@click.option(
    "--role",
    type=Word(ROLES),
    default="viewer",
    metavar="ROLE",
    help=f"One of {', '.join(ROLES)}; viewer unless said.",
)
@click.option(
    "--queue",
    "-q",
    "queues",
    type=QUEUE,
    multiple=True,
    metavar="NAME",
    help="Bind the user to this queue. Repeat for more.",
)
@click.pass_obj
def create(invocation: Invocation, name: str, role: Role, queues: tuple[str, ...]) -> None:
    """Make a user, and print the token of a link by which a password is set."""
    call = people.put_user(name, role, queues or None, tenant=invocation.tenant)
    _invite(invocation, invocation.run(call))


@users.command(examples=["taskflow users invite 3", "taskflow users invite 3 --json"])
@click.argument("id", type=ID)
@click.pass_obj
def invite(invocation: Invocation, id: int) -> None:
    """Print a new token by which a user sets a password; the one before ends."""
    _invite(invocation, id)


@users.command("list", examples=["taskflow users list", "taskflow users list --json"])
@fields_of(User)
@click.pass_obj
def list_users(invocation: Invocation, fields: list[str] | None) -> None:
    """List the users of the tenant."""
    found = invocation.run(people.users(invocation.tenant))
    invocation.answer_list(
        found, fields, lambda: shapes.table(COLUMNS, [_row(u, invocation.now) for u in found])
    )
    if not found and not invocation.is_json:
        invocation.talk("No users yet: taskflow users create NAME.", "dim")


@users.command("set", examples=["taskflow users set 3 --role viewer", "taskflow users set 3 --off"])
@click.argument("id", type=ID)
@click.option("--role", type=Word(ROLES), metavar="ROLE", help="Another role.")
@click.option("--off/--on", "disabled", default=None, help="Switch the user off, or on again.")
@click.pass_obj
def set_user(invocation: Invocation, id: int, role: Role | None, disabled: bool | None) -> None:
    """Change a user; ends what it has logged in."""
    invocation.run(people.put_user(role=role, disabled=disabled, id=id, tenant=invocation.tenant))
    (user,) = invocation.run(people.users(invocation.tenant, id))
    invocation.answer(user, lambda: shapes.table(COLUMNS, [_row(user, invocation.now)]))


@click.command(
    cls=Command,
    name="audit",
    examples=["taskflow audit", "taskflow audit --actor user:ann --limit 100"],
)
@click.option("--actor", metavar="WHO", help="Of this one only: user:ann, key:shop.")
@click.option("--action", metavar="WHAT", help="Of this kind only: jobs.cancel.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    metavar="N",
    help="Most lines; 50 unless said.",
)
@click.pass_obj
def show_audit(invocation: Invocation, actor: str | None, action: str | None, limit: int) -> None:
    """Read who changed what through the API, the newest line first."""
    call = audit.audit(invocation.tenant, limit, None, actor, action)
    found = invocation.run(call)
    rows = [_audit_row(line, invocation.now) for line in found]
    invocation.answer(found, lambda: shapes.table(AUDIT_COLUMNS, rows) if rows else "")


def _invite(invocation: Invocation, id: int) -> None:
    secret = make_token()
    invocation.run(people.invite(secret.hash, LINK_LIFETIME, id, tenant=invocation.tenant))
    invocation.answer_plainly({"id": id, "token": secret.text}, [f"/setup#{secret.text}"])
    if not invocation.is_json:
        said = "Open this under the API's address, within three days. It works once."
        invocation.talk(said, "dim")


def _row(user: User, now: datetime) -> list[str | Text]:
    return [
        str(user.id), shapes.safe(user.name), user.role,
        ", ".join(user.queues) if user.queues is not None else "all",
        shapes.ago(user.last_login_at, now) or "never", "off" if user.disabled_at else "on",
    ]  # fmt: skip


def _audit_row(line: AuditLine, now: datetime) -> list[str | Text]:
    return [
        shapes.ago(line.at, now), shapes.safe(line.actor), line.action,
        shapes.safe(line.target or ""), str(line.status), shapes.safe(line.address or ""),
    ]  # fmt: skip
