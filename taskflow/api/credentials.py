"""What a request shows of itself, and what the database makes of it: the caller, or a refusal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from taskflow.access.rules import Rule, refusal
from taskflow.access.tokens import KEY_MARK, Signer, digest
from taskflow.api.edge import Asgi
from taskflow.api.problems import InvalidRequest
from taskflow.calls.access import Credential
from taskflow.errors import nearest
from taskflow.kernel.access import NotAllowed, NotAuthenticated, Principal, RateLimited, Standing

TICKET = "ticket"
UNCOUNTED = Standing("anonymous", None, None, None, None, None, None, None, None, 0, 0, 0)
"""Of requests for what everybody may see without a look at the database."""


def admitted(standing: Standing, rule: Rule) -> Principal | None:
    """The caller, if it may use the route. Raises one of kernel/access.py."""
    if standing.standing == "limited":
        raise RateLimited(
            f"more than {standing.rate} requests a minute", f"Wait {standing.reset_s:.0f} s."
        )
    if rule.permission is None:
        return principal_of(standing) if standing.standing == "ok" else None
    if standing.standing != "ok":
        said = {
            "anonymous": "no credential was sent",
            "unknown": "the credential is not known",
            "expired": "the credential has expired",
            "disabled": "the user, key or tenant is switched off",
        }[standing.standing]
        raise NotAuthenticated(
            said, "Send Authorization: Bearer TOKEN, from a login or an API key."
        )
    who = principal_of(standing)
    if reason := refusal(rule, who):
        raise NotAllowed(f"{who.actor} may not do this: {reason}")
    return who


def principal_of(standing: Standing) -> Principal:
    assert standing.tenant is not None
    assert standing.kind is not None
    assert standing.id is not None
    assert standing.name is not None
    assert standing.role is not None
    return Principal(
        standing.tenant, standing.kind, standing.id, standing.name, standing.role,
        None if standing.scopes is None else tuple(standing.scopes),
        None if standing.queues is None else tuple(standing.queues),
    )  # fmt: skip


def credential_of(scope: Asgi, signer: Signer, *, takes_ticket: bool) -> tuple[Credential, bool]:
    """What the request shows, and whether it shows anything."""
    sent = header(scope, b"authorization")
    if sent is None:
        ticket = query(scope).get(TICKET) if takes_ticket else None
        return (Credential(ticket_hash=digest(ticket)), True) if ticket else (Credential(), False)
    kind, _, token = sent.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token.isascii():
        return Credential(), True
    if token.startswith(KEY_MARK):
        return Credential(key_hash=digest(token)), True
    claims = signer.read(token)
    if claims is None:
        return Credential(), True
    return Credential(
        tenant=claims.tenant, user_id=claims.user_id, token_version=claims.token_version
    ), True


def rate_headers(standing: Standing) -> dict[str, str]:
    """RateLimit-Policy and RateLimit as the IETF draft has them."""
    if standing is UNCOUNTED:
        return {}
    left = max(standing.rate - standing.used, 0)
    return {
        "ratelimit-policy": f'"default";q={standing.rate};w=60',
        "ratelimit": f'"default";r={left};t={standing.reset_s:.0f}',
    }


def refusal_headers(standing: Standing) -> dict[str, str]:
    if standing.standing == "limited":
        return {"retry-after": str(max(round(standing.reset_s), 1))}
    return {"www-authenticate": 'Bearer realm="taskflow"'}


def header(scope: Asgi, name: bytes) -> str | None:
    for found, value in scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return None


def query(scope: Asgi) -> Mapping[str, str]:
    text = scope.get("query_string", b"").decode("latin-1")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise InvalidRequest("more than 100 query parameters") from None


def check_query(scope: Asgi, known: Collection[str], rule: Rule) -> None:
    """Raises `InvalidRequest` for a query parameter that the route does not know.

    A misspelt filter would be no filter, and a list of everything.
    """
    for name in query(scope):
        if name not in known and not (rule.takes_ticket and name == TICKET):
            close = nearest(name, known)
            hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(sorted(known))}"
            said = f"is not a parameter of this route; {hint if known else 'it takes none'}"
            raise InvalidRequest.at(name[:40], said)
