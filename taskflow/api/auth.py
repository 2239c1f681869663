"""/auth: logging in and out, the first password, tickets for what a browser opens by itself.

A login gives an access token for some minutes, and in a cookie that no script can read a refresh
token that works once. One that is used a second time was stolen, or its successor was: all that
came of that login is ended then.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import CookieParameter, HeaderParameter, JSONBody

from taskflow.access import passwords
from taskflow.access.tokens import Claims, digest, make_token
from taskflow.api.answers import JsonResponse
from taskflow.api.session import Injected, Session
from taskflow.calls import access
from taskflow.kernel.access import INSTALLATION, NotAllowed, NotAuthenticated, Principal, Role

COOKIE = "taskflow_refresh"
COOKIE_PATH = "/api/v1/auth"
TICKET_LIFETIME = timedelta(seconds=30)
LINK_LIFETIME = timedelta(days=3)

RefreshToken = Annotated[str | None, CookieParameter(name=COOKIE, max_length=100)]
Origin = Annotated[str | None, HeaderParameter(name="origin", max_length=300)]
Host = Annotated[str | None, HeaderParameter(name="host", max_length=300)]


class LoginBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    password: str
    tenant: str = INSTALLATION


class SetupBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The token of a one-time link, and the password to set with it: 12 to 256 characters."""

    token: str
    password: str


class PasswordBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    current: str
    new: str


class Me(msgspec.Struct, frozen=True):
    """Whoever asks."""

    tenant: str
    kind: str
    id: int
    name: str
    role: Role
    scopes: list[str] | None
    queues: list[str] | None


class Granted(msgspec.Struct, frozen=True):
    """What a login gives. The refresh token comes in a cookie."""

    access_token: str
    token_type: str
    expires_in: int
    """Seconds."""
    me: Me


class Ticket(msgspec.Struct, frozen=True):
    """Stands for the caller once, in `?ticket=` of a stream."""

    ticket: str
    expires_in: int


@post("/auth/login", name="auth.login", status_code=200)
async def login(session: Injected, data: JSONBody[LoginBody]) -> Response[Granted]:
    """Log in. The same answer, after the same time, whatever is wrong with it."""
    known = await session.run(access.find_login(data.tenant, data.name))
    stored = known.password_hash if known and known.locked_s == 0 else None
    matches = await passwords.fits(data.password, stored)
    version = None
    if known is not None and known.locked_s == 0:
        checked = stored if matches else None
        call = access.note_login(data.tenant, known.id, succeeded=matches, checked=checked)
        version = await session.run(call)
    session.target = data.name[:100]
    if known is None or not matches or version is None:
        raise NotAuthenticated(
            "name or password is wrong, or too many wrong ones came before", "Wait a little."
        )
    return await grant(session, data.tenant, known.id, version, secrets.token_hex(16))


@post("/auth/refresh", name="auth.refresh", status_code=200)
async def refresh(
    session: Injected, token: RefreshToken = None, origin: Origin = None, host: Host = None
) -> Response[Granted]:
    """Trade the refresh token of the cookie for a new one and a new access token."""
    check_origin(session, origin, host)
    owner = await session.run(access.use_token("refresh", digest(token or "")))
    if owner is None or owner.family is None:
        raise NotAuthenticated("the login is over", "Log in again.")
    return await grant(session, owner.tenant, owner.user_id, owner.token_version, owner.family)


@post("/auth/logout", name="auth.logout", status_code=204)
async def logout(
    session: Injected, token: RefreshToken = None, origin: Origin = None, host: Host = None
) -> Response[None]:
    """End this login."""
    check_origin(session, origin, host)
    if token is not None:
        await session.run(access.end_session(digest(token)))
    gone = Cookie(key=COOKIE, path=COOKIE_PATH, max_age=0, httponly=True, samesite="strict")
    return Response(None, status_code=204, cookies=[gone])


@post("/auth/setup", name="auth.setup", status_code=200)
async def setup(session: Injected, data: JSONBody[SetupBody]) -> Response[Granted]:
    """Set a password by a one-time link, and log in."""
    passwords.check_length(data.password)
    owner = await session.run(access.use_token("link", digest(data.token)))
    if owner is None:
        raise NotAuthenticated("the link is used up, or too old", "Ask for another one.")
    hashed = await passwords.make_hash(data.password)
    version = await session.run(access.set_password(owner.tenant, owner.user_id, hashed))
    if version is None:
        raise NotAuthenticated("the user is switched off", "Ask an administrator.")
    return await grant(session, owner.tenant, owner.user_id, version, secrets.token_hex(16))


@get("/me", name="auth.me")
async def me(session: Injected) -> Me:
    """Say who asks."""
    return me_of(session.who)


@post("/auth/password", name="auth.password", status_code=200)
async def change_password(session: Injected, data: JSONBody[PasswordBody]) -> Response[Granted]:
    """Set another password. Ends all other logins."""
    who = session.who
    if who.kind != "user":
        raise NotAllowed("a key has no password", "Rotate the key instead.")
    known = await session.run(access.find_login(who.tenant, who.name))
    stored = known.password_hash if known and known.locked_s == 0 else None
    matches = await passwords.fits(data.current, stored)
    if known is not None and known.locked_s == 0:
        await session.run(access.note_login(who.tenant, who.id, succeeded=matches))
    if not matches:
        raise NotAllowed("the current password is another one", "Try again.")
    hashed = await passwords.make_hash(data.new)
    call = access.set_password(who.tenant, who.id, hashed, stored)
    version = await session.run(call)
    if version is None:
        raise NotAllowed("the password was changed at the same time", "Log in with the new one.")
    return await grant(session, who.tenant, who.id, version, secrets.token_hex(16))


@post("/auth/ticket", name="auth.ticket", status_code=201)
async def ticket(session: Injected) -> Ticket:
    """Get a ticket for a stream that a browser opens, which can send no header."""
    secret = make_token()
    who = session.who
    await session.run(
        access.issue_token(
            who.tenant, "ticket", secret.hash, TICKET_LIFETIME,
            user_id=who.id if who.kind == "user" else None,
            key_id=who.id if who.kind == "key" else None,
        )
    )  # fmt: skip
    return Ticket(secret.text, int(TICKET_LIFETIME.total_seconds()))


async def grant(
    session: Session, tenant: str, user_id: int, version: int, family: str
) -> Response[Granted]:
    """An access token and a refresh token for a user who has shown who it is."""
    settings = session.app.settings
    secret = make_token()
    found = await session.run(access.find_user(tenant, user_id))
    assert found is not None
    session.acted_as = found
    await session.run(
        access.issue_token(
            tenant, "refresh", secret.hash, settings.api_session_lifetime, user_id=user_id,
            family=family,
        )
    )  # fmt: skip
    token = session.signer.issue(Claims(tenant, user_id, version), settings.api_token_lifetime)
    lifetime = int(settings.api_token_lifetime.total_seconds())
    granted = Granted(token, "Bearer", lifetime, me_of(found))
    cookie = Cookie(
        key=COOKIE, value=secret.text, path=COOKIE_PATH, httponly=True, samesite="strict",
        secure=session.is_secure, max_age=int(settings.api_session_lifetime.total_seconds()),
    )  # fmt: skip
    return JsonResponse(granted, cookies=[cookie])


def check_origin(session: Session, origin: str | None, host: str | None) -> None:
    """Refuses a cookie that a page of another site sends. Browsers always name the origin of a
    POST."""
    if origin is None:
        return
    known = [word.strip() for word in session.app.settings.api_cors.split(",")]
    if origin.partition("://")[2] != host and origin not in known:
        raise NotAllowed("this page may not use the login's cookie", "See the setting api_cors.")


def me_of(who: Principal) -> Me:
    return Me(
        who.tenant, who.kind, who.id, who.name, who.role,
        None if who.scopes is None else list(who.scopes),
        None if who.queues is None else list(who.queues),
    )  # fmt: skip


ROUTES: list[Any] = [login, refresh, logout, setup, me, change_password, ticket]
