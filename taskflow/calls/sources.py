"""Verbs on sources: where webhooks of others come in, and what they start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict, Unpack

from taskflow.kernel.webhooks import Gate, Mapping, Received, Scheme, Source
from taskflow.store.call import Call, each, first, scalar

_SOURCE = (
    "select s.name, s.scheme, s.task, s.queue, s.mapping, s.headers, s.tolerance, s.created_at,"
    " s.created_by, s.updated_at, s.version from taskflow.webhook_source s"
    " where s.tenant = %(tenant)s"
)


class SourceOptions(TypedDict, total=False):
    """What a source is made of; left out: the default, or what it was."""

    task: str | None
    scheme: Scheme | None
    mapping: Mapping | None
    headers: Sequence[str] | None
    queue: str | None
    tolerance: timedelta | None
    secret: str | None


def put(
    name: str, *, tenant: str | None = None, **options: Unpack[SourceOptions]
) -> Call[str | None]:
    """Makes or edits a source; answers the secret of a new one."""
    return Call(
        "select taskflow.put_source(%(name)s, %(task)s::text, %(scheme)s::text, %(mapping)s::text,"
        " %(headers)s::text[], %(queue)s::text, %(tolerance)s::interval, %(secret)s::text,"
        " %(tenant)s::text)",
        {
            "name": name,
            "task": options.get("task"),
            "scheme": options.get("scheme"),
            "mapping": options.get("mapping"),
            "headers": list(headers) if (headers := options.get("headers")) is not None else None,
            "queue": options.get("queue"),
            "tolerance": options.get("tolerance"),
            "secret": options.get("secret"),
            "tenant": tenant,
        },
        scalar,
    )


def get(name: str, tenant: str) -> Call[Source | None]:
    return Call(f"{_SOURCE} and s.name = %(name)s", {"name": name, "tenant": tenant}, first(Source))


def listed(tenant: str, limit: int = 100) -> Call[list[Source]]:
    return Call(
        f"{_SOURCE} order by s.name limit %(limit)s",
        {"tenant": tenant, "limit": limit},
        each(Source),
    )


def delete(name: str, tenant: str | None = None) -> Call[bool]:
    """Answers whether there was one."""
    return Call(
        "select taskflow.delete_source(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        scalar,
    )


def rotate_secret(
    name: str,
    overlap: timedelta = timedelta(days=1),
    secret: str | None = None,
    tenant: str | None = None,
) -> Call[str]:
    """Answers the new secret; for `overlap` signatures with the old one are good as well."""
    return Call(
        "select taskflow.rotate_source_secret(%(name)s, %(overlap)s::interval, %(secret)s::text,"
        " %(tenant)s)",
        {"name": name, "overlap": overlap, "secret": secret, "tenant": tenant},
        scalar,
    )


def gate(name: str, tenant: str | None = None) -> Call[Gate]:
    """What it takes to check what came in for this source. Raises `SourceNotFound`."""
    return Call(
        "select scheme, secrets, tolerance, headers, mapping, checked_at"
        " from taskflow.open_source(%(name)s, %(tenant)s)",
        {"name": name, "tenant": tenant},
        lambda rows: Gate(*rows[0]),
    )


def receive(source: str, webhook_id: str, args: bytes, tenant: str | None = None) -> Call[Received]:
    """Enqueues what a checked webhook starts, once for each id."""
    return Call(
        "select job_id, is_repeat from taskflow.receive_webhook(%(source)s, %(webhook_id)s,"
        " %(args)s::jsonb, %(tenant)s)",
        {"source": source, "webhook_id": webhook_id, "args": args.decode(), "tenant": tenant},
        lambda rows: Received(*rows[0]),
    )
