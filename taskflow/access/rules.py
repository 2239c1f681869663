"""Who may do what: one table of permissions by role, and one of rules by route.

A route without a rule cannot be served, and a test fails for one. Rules are looked at before
anything is looked up, so that a refusal tells nothing of what exists.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from taskflow.errors import InvalidOption, nearest
from taskflow.kernel.access import INSTALLATION, Principal, Role

SUBJECTS: Final = (
    "jobs", "operations", "tasks", "queues", "workers", "schedules", "workflows", "dlq", "limits",
    "stats", "events", "webhooks", "users", "keys", "audit", "tenants", "batches",
)  # fmt: skip
_READABLE = frozenset(
    f"{s}:read" for s in SUBJECTS if s not in ("users", "keys", "audit", "tenants")
)
_OPERABLE = frozenset(
    f"{s}:write"
    for s in (
        "jobs", "operations", "queues", "workers", "schedules", "workflows", "dlq", "limits",
        "batches",
    )
)  # fmt: skip
PERMISSIONS: Final[dict[Role, frozenset[str]]] = {
    "producer": frozenset({"jobs:enqueue", "jobs:read", "tasks:read", "batches:read"}),
    "viewer": _READABLE - {"webhooks:read"},
    "operator": _READABLE | _OPERABLE | {"jobs:enqueue"},
    "admin": _READABLE
    | _OPERABLE
    | {"jobs:enqueue", "jobs:secrets"}
    | {"webhooks:write", "audit:read"}
    | {
        f"{subject}:{verb}"
        for subject in ("users", "keys", "tenants")
        for verb in ("read", "write")
    },
}
"""Each role's permissions. `jobs:secrets` shows what redaction hides from everybody else."""

BY_QUEUE: Final = frozenset({"jobs", "dlq", "queues", "operations", "tasks", "stats", "events"})
"""Subjects whose calls honour the queues that a principal is bound to; the others are refused to
it."""


WHOLE: Final = frozenset({"users:write", "keys:write", "tenants:write"})
"""Not for keys that are narrowed by scopes: they could make a key or a user that is not."""


JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"


class Rule(msgspec.Struct, frozen=True):
    """What a route asks for."""

    permission: str | None
    """None: anybody, without a credential."""
    is_costly: bool = False
    """Counts against the rate of addresses, as logins do."""
    installation: bool = False
    """Only for the tenant that runs the installation."""
    has_secret: bool = False
    """Its answer holds a secret that is shown once, so it is not kept for a repeated request."""
    takes_ticket: bool = False
    """A one-time ticket in the query may stand for the credential: for what a browser opens."""
    takes: tuple[str, ...] = (JSON,)
    """Types of bodies that it reads; none: any."""
    keeps_failures: bool = False
    """Its transaction is committed even where it refuses: a wrong password has to be counted."""
    is_bare: bool = False
    """Has no transaction around it: it streams, waits, or needs no database."""


LOGIN: Final = Rule(None, is_costly=True, has_secret=True, keeps_failures=True)


def _of(permission: str, **more: Any) -> Rule:
    return Rule(permission, **more)


RULES: Final[dict[str, Rule]] = {
    # jobs
    "jobs.list": _of("jobs:read"),
    "jobs.enqueue": _of("jobs:enqueue"),
    "jobs.enqueue_many": Rule("jobs:enqueue", takes=(JSON, NDJSON)),
    "jobs.get": _of("jobs:read"),
    "jobs.edit": _of("jobs:write"),
    "jobs.delete": _of("jobs:write"),
    "jobs.retry": _of("jobs:write"),
    "jobs.cancel": _of("jobs:write"),
    "jobs.reschedule": _of("jobs:write"),
    "jobs.discard": _of("jobs:write"),
    "jobs.attempts": _of("jobs:read"),
    "jobs.logs": _of("jobs:read"),
    "jobs.follow": _of("jobs:read", is_bare=True, takes_ticket=True),
    "jobs.lineage": _of("jobs:read"),
    "jobs.steps": _of("jobs:read"),
    "jobs.why": _of("jobs:read"),
    "jobs.result": _of("jobs:read", is_bare=True),
    # operations
    "operations.list": _of("operations:read"),
    "operations.start": _of("operations:write"),
    "operations.get": _of("operations:read"),
    "operations.items": _of("operations:read"),
    "operations.cancel": _of("operations:write"),
    "operations.undo": _of("operations:write"),
    # tasks, queues, workers
    "tasks.list": _of("tasks:read"),
    "tasks.get": _of("tasks:read"),
    "queues.list": _of("queues:read"),
    "queues.get": _of("queues:read"),
    "queues.pause": _of("queues:write"),
    "queues.resume": _of("queues:write"),
    "queues.purge": _of("queues:write"),
    "queues.stats": _of("queues:read"),
    "workers.list": _of("workers:read", installation=True),
    "workers.get": _of("workers:read", installation=True),
    "workers.drain": _of("workers:write", installation=True),
    # schedules
    "schedules.list": _of("schedules:read"),
    "schedules.create": _of("schedules:write"),
    "schedules.get": _of("schedules:read"),
    "schedules.put": _of("schedules:write"),
    "schedules.edit": _of("schedules:write"),
    "schedules.delete": _of("schedules:write"),
    "schedules.pause": _of("schedules:write"),
    "schedules.resume": _of("schedules:write"),
    "schedules.run": _of("schedules:write"),
    "schedules.backfill": _of("schedules:write"),
    "schedules.preview": _of("schedules:read"),
    "schedules.runs": _of("schedules:read"),
    "schedules.why": _of("schedules:read"),
    # workflows and batches
    "workflows.list": _of("workflows:read"),
    "workflows.start": _of("workflows:write"),
    "workflows.get": _of("workflows:read"),
    "workflows.graph": _of("workflows:read"),
    "workflows.nodes": _of("workflows:read"),
    "workflows.cancel": _of("workflows:write"),
    "workflows.retry": _of("workflows:write"),
    "workflows.signal": _of("workflows:write"),
    "workflows.why": _of("workflows:read"),
    "definitions.list": _of("workflows:read"),
    "definitions.get": _of("workflows:read"),
    "definitions.put": _of("workflows:write"),
    "batches.list": _of("batches:read"),
    "batches.get": _of("batches:read"),
    "batches.cancel": _of("batches:write"),
    # dead letters, limits
    "dlq.groups": _of("dlq:read"),
    "dlq.group": _of("dlq:read"),
    "dlq.jobs": _of("dlq:read"),
    "dlq.retry": _of("dlq:write"),
    "dlq.discard": _of("dlq:write"),
    "limits.list": _of("limits:read"),
    "limits.get": _of("limits:read"),
    "limits.put": _of("limits:write"),
    "limits.delete": _of("limits:write"),
    "limits.keys": _of("limits:read"),
    # webhooks
    "webhooks.list": _of("webhooks:read"),
    "webhooks.create": _of("webhooks:write", has_secret=True),
    "webhooks.get": _of("webhooks:read"),
    "webhooks.edit": _of("webhooks:write"),
    "webhooks.delete": _of("webhooks:write"),
    "webhooks.test": _of("webhooks:write"),
    "webhooks.rotate": _of("webhooks:write", has_secret=True),
    "webhooks.resend_failed": _of("webhooks:write"),
    "webhooks.deliveries": _of("webhooks:read"),
    "webhooks.delivery": _of("webhooks:read"),
    "webhooks.resend": _of("webhooks:write"),
    "webhooks.stats": _of("webhooks:read"),
    "webhooks.events": _of("webhooks:read"),
    "sources.list": _of("webhooks:read"),
    "sources.create": _of("webhooks:write", has_secret=True),
    "sources.delete": _of("webhooks:write"),
    "incoming.receive": Rule(None, takes=()),
    # access
    "auth.login": LOGIN,
    "auth.refresh": LOGIN,
    "auth.logout": LOGIN,
    "auth.setup": Rule(None, is_costly=True, has_secret=True),
    "auth.me": _of("me"),
    "auth.password": _of("me", is_costly=True, has_secret=True, keeps_failures=True),
    "auth.ticket": _of("me", has_secret=True),
    "users.list": _of("users:read"),
    "users.create": _of("users:write", has_secret=True),
    "users.get": _of("users:read"),
    "users.edit": _of("users:write"),
    "users.delete": _of("users:write"),
    "users.invite": _of("users:write", has_secret=True),
    "keys.list": _of("keys:read"),
    "keys.create": _of("keys:write", has_secret=True),
    "keys.get": _of("keys:read"),
    "keys.revoke": _of("keys:write"),
    "keys.rotate": _of("keys:write", has_secret=True),
    "audit.list": _of("audit:read"),
    "tenants.list": _of("tenants:read", installation=True),
    "tenants.put": _of("tenants:write", installation=True),
    "tenants.get": _of("tenants:read"),
    "tenants.invite": _of("tenants:write", installation=True, has_secret=True),
    # stats, events, health
    "stats.overview": _of("stats:read"),
    "stats.series": _of("stats:read"),
    "events.stream": _of("events:read", is_bare=True, takes_ticket=True),
    "events.socket": _of("events:read", is_bare=True, takes_ticket=True),
    "health.live": Rule(None, is_bare=True),
    "health.ready": Rule(None, is_bare=True),
    "health.details": _of("workers:read", installation=True),
    "docs.openapi": Rule(None, is_bare=True),
    "docs.page": Rule(None, is_bare=True),
    "docs.asset": Rule(None, is_bare=True),
    "docs.problem": Rule(None, is_bare=True),
    "pages.root": Rule(None, is_bare=True),
    "pages.setup": Rule(None, is_bare=True),
    "pages.style": Rule(None, is_bare=True),
    "pages.script": Rule(None, is_bare=True),
}
"""One line per route, by its name."""

OWN: Final = "me"
"""What everybody may who has any credential."""


def may(who: Principal, permission: str) -> bool:
    """Does the role allow it, and the scopes of the key?"""
    if permission == OWN:
        return True
    if permission not in PERMISSIONS[who.role]:
        return False
    return who.scopes is None or any(
        scope == permission or scope.startswith(f"{permission}:") for scope in who.scopes
    )


def refusal(rule: Rule, who: Principal) -> str | None:
    """Why this principal may not use the route at all; None: it may."""
    if rule.permission is None:
        return None
    if not may(who, rule.permission):
        return f"it takes {rule.permission}"
    if rule.installation and who.tenant != INSTALLATION:
        return f"it is for the tenant {INSTALLATION}, which runs the installation"
    if rule.permission in WHOLE and who.scopes is not None:
        return "a key that is narrowed by scopes makes no users and no keys"
    subject = rule.permission.partition(":")[0]
    if queues_for(who, rule.permission) is not None and subject not in (*BY_QUEUE, OWN):
        return "who is bound to queues may only do what is about queues and their jobs"
    return None


def queues_for(who: Principal, permission: str) -> tuple[str, ...] | None:
    """The queues in which it may do that; None: in all.

    Those that the principal is bound to, and of them those that the scopes of this permission name:
    "jobs:enqueue:email".
    """
    narrowed: set[str] | None = None
    if who.scopes is not None and permission not in who.scopes:
        prefix = f"{permission}:"
        narrowed = {s.removeprefix(prefix) for s in who.scopes if s.startswith(prefix)} or None
    if narrowed is None:
        return who.queues
    return tuple(sorted(narrowed if who.queues is None else narrowed & set(who.queues)))


def check_scopes(scopes: list[str], role: Role) -> list[str]:
    """The scopes themselves if a key of this role may have them; else raises `InvalidOption`."""
    for scope in scopes:
        subject, _, rest = scope.partition(":")
        verb, _, queue = rest.partition(":")
        permission = f"{subject}:{verb}"
        if permission not in PERMISSIONS["admin"]:
            close = nearest(scope, PERMISSIONS["admin"])
            hint = f'Did you mean "{close[0]}"?' if close else 'Write "jobs:read".'
            raise InvalidOption(f"scope {scope[:80]!a} is not known", hint)
        if permission not in PERMISSIONS[role]:
            raise InvalidOption(
                f"a key of role {role} cannot have the scope {scope[:80]}",
                "Give the key another role, or leave the scope out.",
            )
        if queue and subject not in BY_QUEUE:
            raise InvalidOption(
                f"the scope {permission} is not for single queues", f"Write {permission}."
            )
    return scopes
