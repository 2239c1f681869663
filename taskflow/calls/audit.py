"""The audit trail of the API, and the answers that it keeps for requests that are repeated."""

from __future__ import annotations

from typing import Any

import msgspec

from taskflow.kernel import codec
from taskflow.kernel.access import AuditLine, Principal
from taskflow.store.call import Call, each, nothing

_AUDIT = (
    "id, at, actor, actor_kind, actor_id, address, request, action, method, path, status, target,"
    " detail::text"
)


def note_audit(
    who: Principal | None,
    *,
    address: str,
    request_id: str,
    action: str,
    method: str,
    path: str,
    status: int,
    target: str | None = None,
    detail: Any = None,
) -> Call[None]:
    """Adds a line to the audit trail."""
    return Call(
        "select taskflow.note_audit(%(actor)s, %(kind)s, %(id)s::bigint, %(address)s,"
        " %(request)s, %(action)s, %(method)s, %(path)s, %(status)s::integer, %(target)s,"
        " %(detail)s::jsonb, %(tenant)s)",
        {
            "actor": who.actor if who else "anonymous", "kind": who.kind if who else "anonymous",
            "id": who.id if who else None, "address": address, "request": request_id,
            "action": action, "method": method, "path": path, "status": status, "target": target,
            "detail": None if detail is None else codec.encode(detail).decode(),
            "tenant": who.tenant if who else None,
        },
        nothing,
    )  # fmt: skip


def audit(
    tenant: str,
    limit: int,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
) -> Call[list[AuditLine]]:
    """The audit trail, the newest line first, below the id `before`."""
    return Call(
        f"select {_AUDIT} from taskflow.audit where tenant = %(tenant)s"
        " and (%(before)s::bigint is null or id < %(before)s)"
        " and (%(actor)s::text is null or actor = %(actor)s)"
        " and (%(action)s::text is null or action = %(action)s) order by id desc limit %(limit)s",
        {"tenant": tenant, "limit": limit, "before": before, "actor": actor, "action": action},
        each(_audit_line),
    )


def _audit_line(*columns: Any) -> AuditLine:
    *values, detail = columns
    values.append(None if detail is None else codec.decode(detail))
    return AuditLine(*values)


class KeptAnswer(msgspec.Struct, frozen=True):
    """What became of an earlier request with the same Idempotency-Key."""

    standing: str
    """new, busy, mismatch or replay."""
    status: int | None
    headers: dict[str, str] | None
    body: bytes | None


def find_answer(actor: str, route: str, key: str, request_hash: bytes) -> Call[KeptAnswer]:
    """Looks for the answer to an earlier request, and locks the key."""
    return Call(
        "select standing, status, headers, body from taskflow.find_answer(%(actor)s, %(route)s,"
        " %(key)s, %(hash)s::bytea)",
        {"actor": actor, "route": route, "key": key, "hash": request_hash},
        lambda rows: KeptAnswer(
            rows[0][0],
            rows[0][1],
            codec.decode(rows[0][2]) if rows[0][2] else None,
            None if rows[0][3] is None else bytes(rows[0][3]),
        ),
    )


def keep_answer(
    actor: str,
    route: str,
    key: str,
    request_hash: bytes,
    *,
    status: int,
    headers: dict[str, str],
    body: bytes | None,
) -> Call[None]:
    """Keeps an answer for requests that repeat this one."""
    return Call(
        "select taskflow.keep_answer(%(actor)s, %(route)s, %(key)s, %(hash)s::bytea,"
        " %(status)s::integer, %(headers)s::jsonb, %(body)s::bytea)",
        {
            "actor": actor, "route": route, "key": key, "hash": request_hash, "status": status,
            "headers": msgspec.json.encode(headers).decode(), "body": body,
        },
        nothing,
    )  # fmt: skip
