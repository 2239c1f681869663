"""/users and /api_keys: who may come in, and as what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import JSONBody

from taskflow.access.rules import check_scopes
from taskflow.access.tokens import make_key, make_token
from taskflow.api.answers import Page
from taskflow.api.auth import LINK_LIFETIME
from taskflow.api.edits import check_match
from taskflow.api.fields import IdPath, number, time
from taskflow.api.session import Injected, Session
from taskflow.calls import people
from taskflow.errors import InvalidOption
from taskflow.kernel.access import ApiKey, KeyNotFound, Role, User, UserNotFound
from taskflow.kernel.names import check_name

Rate = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class UserBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A user to make; the answer has a one-time token by which a password is set."""

    name: str
    role: Role = "viewer"
    queues: list[str] | None = None
    """The queues it is bound to; none: all."""


class UserEdit(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A merge patch; null leaves a thing as it is, an empty list of queues means all."""

    role: Role | None = None
    queues: list[str] | None = None
    disabled: bool | None = None


class Invited(msgspec.Struct, frozen=True):
    """A user, and the token of the link that sets a password. It is shown once."""

    user: User
    token: str
    expires_in: int


class KeyBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A key to make. Its secret is in the answer, and nowhere afterwards."""

    name: str
    role: Role = "producer"
    scopes: list[str] | None = None
    """What it is narrowed to: "jobs:read", "jobs:enqueue:email"; none: all of its role."""
    queues: list[str] | None = None
    rate: Rate | None = None
    """Requests a minute."""
    expires_at: datetime | None = None


class RotateBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=2_592_000)] = 86_400
    """How long the old secret works on."""


class NewKey(msgspec.Struct, frozen=True):
    key: ApiKey
    secret: str
    """Shown once."""


@get("/users", name="users.list")
async def list_users(session: Injected) -> Page[User]:
    """List the users of the tenant."""
    return Page(await session.run(people.users(session.tenant)))


@post("/users", name="users.create", status_code=201)
async def create_user(session: Injected, data: JSONBody[UserBody]) -> Invited:
    """Make a user, and a link by which a password is set."""
    queues = checked_queues(data.queues)
    id = await session.run(people.put_user(data.name, data.role, queues, tenant=session.tenant))
    return await invited(session, id)


@get("/users/{user_id:str}", name="users.get")
async def get_user(session: Injected, user_id: IdPath) -> User:
    """Show a user."""
    user = await user_of(session, user_id)
    session.etag = f'"{user.version}"'
    return user


@patch("/users/{user_id:str}", name="users.edit")
async def edit_user(session: Injected, user_id: IdPath, data: JSONBody[UserEdit]) -> User:
    """Change a user, or switch it off. Ends what it has logged in. Takes If-Match."""
    user = await user_of(session, user_id)
    check_match(session, f'"{user.version}"')
    await session.run(
        people.put_user(
            role=data.role, queues=checked_queues(data.queues), disabled=data.disabled, id=user.id,
            expected=user.version, tenant=session.tenant,
        )
    )  # fmt: skip
    changed = await user_of(session, user_id)
    session.etag = f'"{changed.version}"'
    return changed


@delete("/users/{user_id:str}", name="users.delete")
async def delete_user(session: Injected, user_id: IdPath) -> None:
    """Remove a user; its keys are switched off."""
    user = await user_of(session, user_id)
    await session.run(people.delete_user(user.id, session.tenant))


@post("/users/{user_id:str}/invite", name="users.invite", status_code=201)
async def invite(session: Injected, user_id: IdPath) -> Invited:
    """Make a new link by which the user sets a password; the old link ends."""
    user = await user_of(session, user_id)
    return await invited(session, user.id)


@get("/api_keys", name="keys.list")
async def list_keys(session: Injected) -> Page[ApiKey]:
    """List the keys of the tenant, without their secrets."""
    return Page(await session.run(people.keys(session.tenant)))


@post("/api_keys", name="keys.create", status_code=201)
async def create_key(session: Injected, data: JSONBody[KeyBody]) -> NewKey:
    """Make a key."""
    secret = make_key()
    scopes = check_scopes(data.scopes, data.role) if data.scopes is not None else None
    expires = time(data.expires_at, "/expires_at")
    id = await session.run(
        people.create_key(
            data.name, secret.prefix, secret.hash, data.role, scopes=scopes,
            queues=checked_queues(data.queues), rate=data.rate, user_id=await owner_of(session),
            expires_at=expires, tenant=session.tenant,
        )
    )  # fmt: skip
    session.target = str(id)
    return NewKey(await key_of(session, str(id)), secret.text)


@get("/api_keys/{key_id:str}", name="keys.get")
async def get_key(session: Injected, key_id: IdPath) -> ApiKey:
    """Show a key, without its secret."""
    return await key_of(session, key_id)


@delete("/api_keys/{key_id:str}", name="keys.revoke")
async def revoke_key(session: Injected, key_id: IdPath) -> None:
    """Switch a key off for good, at once."""
    key = await key_of(session, key_id)
    await session.run(people.revoke_key(key.id, session.tenant))


@post("/api_keys/{key_id:str}/rotate", name="keys.rotate", status_code=200)
async def rotate_key(
    session: Injected, key_id: IdPath, data: JSONBody[RotateBody | None] = None
) -> NewKey:
    """Give a key a new secret; the old one works on for a day, or as long as you say."""
    key = await key_of(session, key_id)
    secret = make_key()
    overlap = timedelta(seconds=(data or RotateBody()).overlap_s)
    call = people.rotate_key(key.id, secret.prefix, secret.hash, overlap, session.tenant)
    await session.run(call)
    return NewKey(await key_of(session, key_id), secret.text)


async def user_of(session: Session, user_id: str) -> User:
    id = number(user_id)
    found = await session.run(people.users(session.tenant, id)) if id is not None else []
    if not found:
        raise UserNotFound(f"user {user_id} does not exist", "GET /api/v1/users lists them.")
    return found[0]


async def key_of(session: Session, key_id: str) -> ApiKey:
    id = number(key_id)
    found = await session.run(people.keys(session.tenant, id)) if id is not None else []
    if not found:
        raise KeyNotFound(f"key {key_id} does not exist", "GET /api/v1/api_keys lists them.")
    return found[0]


async def invited(session: Session, id: int) -> Invited:
    secret = make_token()
    await session.run(people.invite(secret.hash, LINK_LIFETIME, id))
    session.target = str(id)
    user = await user_of(session, str(id))
    return Invited(user, secret.text, int(LINK_LIFETIME.total_seconds()))


async def owner_of(session: Session) -> int | None:
    """Whose a new key is: of the user who makes it, or of the user whose key makes it."""
    who = session.who
    return who.id if who.kind == "user" else (await key_of(session, str(who.id))).user_id


def checked_queues(queues: list[str] | None) -> list[str] | None:
    if queues is not None and len(queues) > 100:
        raise InvalidOption("more than 100 queues", "Leave queues out for all.")
    return None if queues is None else [check_name(queue, "queue") for queue in queues]


ROUTES: list[Any] = [
    list_users, create_user, get_user, edit_user, delete_user, invite,
    list_keys, create_key, get_key, revoke_key, rotate_key,
]  # fmt: skip
