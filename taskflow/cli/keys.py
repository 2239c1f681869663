"""`taskflow keys`: the API's keys, straight in the database."""

from __future__ import annotations

from datetime import datetime, timedelta

import rich_click as click
from rich.text import Text

from taskflow.access.rules import check_scopes
from taskflow.access.tokens import make_key
from taskflow.calls import people
from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import AT, DURATION, ID, QUEUE, Word, fields_of
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.kernel.access import ROLES, ApiKey, Role

COLUMNS = (
    Column("Id", right=True),
    Column("Name"),
    Column("Begins"),
    Column("Role"),
    Column("Scopes", cut=True),
    Column("Queues", cut=True),
    Column("Used", right=True),
    Column("State"),
)


@click.command(
    cls=Group,
    examples=["taskflow keys create shop --role producer", "taskflow keys list"],
)
def keys() -> None:
    """Make, list, rotate and revoke keys of the REST API."""


@keys.command(
    "create",
    examples=[
        "taskflow keys create shop --role producer --queue mail",
        "taskflow keys create grafana --role viewer --scope stats:read --expires 90d",
    ],
)
@click.argument("name")
@click.option(
    "--role",
    type=Word(ROLES),
    default="producer",
    metavar="ROLE",
    help=f"One of {', '.join(ROLES)}; producer unless said.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help='Narrow it: "jobs:read", "jobs:enqueue:mail". Repeat for more.',
)
@click.option(
    "--queue",
    "-q",
    "queues",
    type=QUEUE,
    multiple=True,
    metavar="NAME",
    help="Bind it to this queue. Repeat for more.",
)
@click.option("--rate", type=click.IntRange(1), metavar="N", help="Requests a minute.")
@click.option("--expires", type=AT, metavar="TIME", help='When it ends: "90d", or a time.')
@click.pass_obj
def create(
    invocation: Invocation, name: str, *, role: Role, scopes: tuple[str, ...],
    queues: tuple[str, ...], rate: int | None, expires: datetime | None,
) -> None:  # fmt: skip
    """Make a key and print its secret, which is shown this once."""
    secret = make_key()
    id = invocation.run(
        people.create_key(
            name, secret.prefix, secret.hash, role,
            scopes=check_scopes(list(scopes), role) if scopes else None, queues=queues or None,
            rate=rate, expires_at=expires, tenant=invocation.tenant,
        )
    )  # fmt: skip
    _tell(invocation, id, name, secret.text)


@keys.command("list", examples=["taskflow keys list", "taskflow keys list --json"])
@fields_of(ApiKey)
@click.pass_obj
def list_keys(invocation: Invocation, fields: list[str] | None) -> None:
    """List the keys of the tenant, the newest first."""
    found = invocation.run(people.keys(invocation.tenant))
    invocation.answer_list(
        found, fields, lambda: shapes.table(COLUMNS, [_row(k, invocation.now) for k in found])
    )
    if not found and not invocation.is_json:
        invocation.talk("No keys yet: taskflow keys create NAME.", "dim")


@keys.command(examples=["taskflow keys rotate 3", "taskflow keys rotate 3 --overlap 1h"])
@click.argument("id", type=ID)
@click.option(
    "--overlap",
    type=DURATION,
    default="1d",
    metavar="TIME",
    help="How long the old secret works on; a day unless said.",
)
@click.pass_obj
def rotate(invocation: Invocation, id: int, overlap: timedelta) -> None:
    """Give a key a new secret and print it."""
    secret = make_key()
    call = people.rotate_key(id, secret.prefix, secret.hash, overlap, invocation.tenant)
    invocation.run(call)
    _tell(invocation, id, None, secret.text)


@keys.command(examples=["taskflow keys revoke 3", "taskflow keys revoke 3 --json"])
@click.argument("id", type=ID)
@click.pass_obj
def revoke(invocation: Invocation, id: int) -> None:
    """Switch a key off for good, at once."""
    invocation.run(people.revoke_key(id, invocation.tenant))
    invocation.answer({"id": id, "revoked": True}, lambda: f"Key {id} is off.")


def _tell(invocation: Invocation, id: int, name: str | None, secret: str) -> None:
    """The secret alone on stdout, so that it can be piped where it belongs."""
    invocation.answer_plainly({"id": id, "name": name, "secret": secret}, [secret])
    if not invocation.is_json:
        invocation.talk(f"Key {id}: this is shown once.", "dim")


def _row(key: ApiKey, now: datetime) -> list[str | Text]:
    state = "revoked" if key.revoked_at else "active"
    if key.expires_at and not key.revoked_at:
        state = "expired" if key.expires_at <= now else f"until {shapes.exact(key.expires_at)}"
    return [
        str(key.id), shapes.safe(key.name), key.prefix, key.role,
        ", ".join(key.scopes) if key.scopes is not None else "all",
        ", ".join(key.queues) if key.queues is not None else "all",
        shapes.ago(key.last_used_at, now) or "never", state,
    ]  # fmt: skip
