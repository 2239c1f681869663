"""Verbs on webhooks that we send: endpoints and their deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from taskflow.kernel import codec
from taskflow.kernel.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    Event,
    Parcel,
    Saved,
    Stats,
    Verdict,
)
from taskflow.store.call import Call, each, first, scalar

_ENDPOINT = (
    "select e.id, e.url, e.description, e.types, e.queues, e.tasks,"
    " array(select k from jsonb_object_keys(e.headers) k order by k), e.queue, e.created_at,"
    " e.created_by, e.updated_at, e.disabled_at, e.disabled_reason, e.failing_since, e.version"
    " from taskflow.webhook_endpoint e where e.tenant = %(tenant)s"
)
_DELIVERY = (
    "select d.id, d.endpoint_id, d.event_id, v.type, d.state, d.attempts, d.last_status,"
    " d.last_error, d.last_duration_ms, d.created_at, d.finished_at,"
    " case when d.state = 'pending' then (select j.run_at from taskflow.job j"
    " where j.tenant = d.tenant and j.id = d.job_id and j.lease_until is null) end, d.job_id"
    " from taskflow.webhook_delivery d"
    " left join taskflow.webhook_event v on v.tenant = d.tenant and v.id = d.event_id"
    " where d.tenant = %(tenant)s"
)


class EndpointOptions(TypedDict, total=False):
    """What an endpoint is made of; left out: the default, or what it was."""

    description: str | None
    types: Sequence[str] | None
    queues: Sequence[str] | None
    tasks: Sequence[str] | None
    headers: Mapping[str, str] | None
    queue: str | None
    secret: str | None


# --- endpoints ------------------------------------------------------------------------------------


def put(
    url: str | None = None,
    id: int | None = None,
    *,
    expected_version: int | None = None,
    tenant: str | None = None,
    **options: Unpack[EndpointOptions],
) -> Call[Saved]:
    """Makes an endpoint, or edits the one of this id."""
    headers = options.get("headers")
    return Call(
        "select webhook_id, version, new_secret from taskflow.put_webhook(%(url)s::text,"
        " %(id)s::bigint, %(description)s::text, %(types)s::text[], %(queues)s::text[],"
        " %(tasks)s::text[], %(headers)s::jsonb, %(queue)s::text, %(secret)s::text,"
        " %(expected_version)s::integer, %(tenant)s::text)",
        {
            "url": url,
            "id": id,
            "description": options.get("description"),
            "types": _list(options.get("types")),
            "queues": _list(options.get("queues")),
            "tasks": _list(options.get("tasks")),
            "headers": None if headers is None else codec.encode(dict(headers)).decode(),
            "queue": options.get("queue"),
            "secret": options.get("secret"),
            "expected_version": expected_version,
            "tenant": tenant,
        },
        lambda rows: Saved(*rows[0]),
    )


def get(id: int, tenant: str) -> Call[Endpoint | None]:
    return Call(f"{_ENDPOINT} and e.id = %(id)s", {"id": id, "tenant": tenant}, first(Endpoint))


def listed(tenant: str, *, after: int = 0, limit: int = 100) -> Call[list[Endpoint]]:
    """In the order in which they were made."""
    return Call(
        f"{_ENDPOINT} and e.id > %(after)s order by e.id limit %(limit)s",
        {"tenant": tenant, "after": after, "limit": limit},
        each(Endpoint),
    )


def delete(
    id: int, *, expected_version: int | None = None, tenant: str | None = None
) -> Call[bool]:
    """Answers whether there was one."""
    return Call(
        "select taskflow.delete_webhook(%(id)s::bigint, %(expected_version)s::integer, %(tenant)s)",
        {"id": id, "expected_version": expected_version, "tenant": tenant},
        scalar,
    )


def secret(id: int, tenant: str | None = None) -> Call[str]:
    """The secret that signs what the endpoint gets: show it to its owner only."""
    return Call(
        "select taskflow.webhook_secret(%(id)s::bigint, %(tenant)s)",
        {"id": id, "tenant": tenant},
        scalar,
    )


def rotate_secret(
    id: int,
    overlap: timedelta = timedelta(days=1),
    secret: str | None = None,
    tenant: str | None = None,
) -> Call[str]:
    """Answers the new secret; for `overlap` the old one signs as well."""
    return Call(
        "select taskflow.rotate_webhook_secret(%(id)s::bigint, %(overlap)s::interval,"
        " %(secret)s::text, %(tenant)s)",
        {"id": id, "overlap": overlap, "secret": secret, "tenant": tenant},
        scalar,
    )


def disable(id: int, reason: str | None = None, tenant: str | None = None) -> Call[bool]:
    """Answers whether it was enabled."""
    return Call(
        "select taskflow.disable_webhook(%(id)s::bigint, %(reason)s::text, %(tenant)s)",
        {"id": id, "reason": reason, "tenant": tenant},
        scalar,
    )


def enable(id: int, tenant: str | None = None) -> Call[bool]:
    """Answers whether it was disabled."""
    return Call(
        "select taskflow.enable_webhook(%(id)s::bigint, %(tenant)s)",
        {"id": id, "tenant": tenant},
        scalar,
    )


def send_test(id: int, tenant: str | None = None) -> Call[int]:
    """Sends webhook.test to this endpoint, once; answers the delivery's id."""
    return Call(
        "select taskflow.test_webhook(%(id)s::bigint, %(tenant)s)",
        {"id": id, "tenant": tenant},
        scalar,
    )


def stats(id: int, since: datetime | None = None, tenant: str | None = None) -> Call[Stats]:
    """How it has fared since a time, by default for a day."""
    return Call(
        "select pending, delivered, failed, gone, skipped, attempts, median_ms, p95_ms,"
        " last_delivered_at from taskflow.webhook_stats(%(id)s::bigint, %(since)s::timestamptz,"
        " %(tenant)s)",
        {"id": id, "since": since, "tenant": tenant},
        lambda rows: Stats(*rows[0]),
    )


# --- deliveries -----------------------------------------------------------------------------------


def deliveries(
    tenant: str,
    *,
    endpoint_id: int | None = None,
    states: Sequence[DeliveryState] = (),
    before: int | None = None,
    limit: int = 50,
) -> Call[list[Delivery]]:
    """The newest first; `before` is the last id of the page before."""
    return Call(
        f"{_DELIVERY} and (%(endpoint)s::bigint is null or d.endpoint_id = %(endpoint)s)"
        " and (%(states)s::text[] = '{}' or d.state = any (%(states)s::text[]))"
        " and (%(before)s::bigint is null or d.id < %(before)s) order by d.id desc limit %(limit)s",
        {
            "tenant": tenant,
            "endpoint": endpoint_id,
            "states": list(states),
            "before": before,
            "limit": limit,
        },
        each(Delivery),
    )


def delivery(id: int, tenant: str) -> Call[Delivery | None]:
    return Call(f"{_DELIVERY} and d.id = %(id)s", {"id": id, "tenant": tenant}, first(Delivery))


def attempts(delivery_id: int, tenant: str) -> Call[list[Attempt]]:
    """Every try of a delivery, in order."""
    return Call(
        "select a.attempt, a.finished_at, a.status, a.error, a.duration_ms, a.response_head"
        " from taskflow.webhook_attempt a where a.tenant = %(tenant)s"
        " and a.delivery_id = %(id)s order by a.attempt",
        {"tenant": tenant, "id": delivery_id},
        each(Attempt),
    )


def event(id: int, tenant: str) -> Call[Event | None]:
    return Call(
        "select v.id, v.type, v.occurred_at, v.data::text from taskflow.webhook_event v"
        " where v.tenant = %(tenant)s and v.id = %(id)s",
        {"tenant": tenant, "id": id},
        first(lambda id, kind, at, told: Event(id, kind, at, codec.decode(told))),
    )


def resend(delivery_id: int, tenant: str | None = None) -> Call[int]:
    """Sends its event again; answers the new delivery's id."""
    return Call(
        "select taskflow.resend_delivery(%(id)s::bigint, %(tenant)s)",
        {"id": delivery_id, "tenant": tenant},
        scalar,
    )


def resend_failed(
    id: int, since: datetime, *, max_deliveries: int = 1000, tenant: str | None = None
) -> Call[int]:
    """Sends again what an endpoint did not get since a time; answers how many."""
    return Call(
        "select taskflow.resend_failed(%(id)s::bigint, %(since)s::timestamptz,"
        " %(most)s::integer, %(tenant)s)",
        {"id": id, "since": since, "most": max_deliveries, "tenant": tenant},
        scalar,
    )


def open_delivery(id: int, job_id: int, tenant: str) -> Call[Parcel | None]:
    """For a worker: what to send; None when there is nothing to do any more."""
    return Call(
        "select url, headers::text, secrets, event_id, body, sent_at"
        " from taskflow.open_delivery(%(id)s::bigint, %(job_id)s::bigint, %(tenant)s)",
        {"id": id, "job_id": job_id, "tenant": tenant},
        first(
            lambda url, headers, secrets, event_id, body, sent_at: Parcel(
                url, codec.decode(headers), secrets, event_id, body, sent_at
            )
        ),
    )


def note_delivery(
    id: int,
    tenant: str,
    *,
    status: int | None,
    error: str | None,
    duration_ms: int,
    response_head: str | None,
    is_last: bool,
) -> Call[Verdict]:
    """For a worker: writes one attempt down; answers what it means."""
    return Call(
        "select taskflow.note_delivery(%(id)s::bigint, %(status)s::integer, %(error)s::text,"
        " %(duration_ms)s::integer, %(response_head)s::text, %(is_last)s, %(tenant)s)",
        {
            "id": id,
            "status": status,
            "error": error,
            "duration_ms": duration_ms,
            "response_head": response_head,
            "is_last": is_last,
            "tenant": tenant,
        },
        scalar,
    )


def _list(given: Sequence[str] | None) -> list[str] | None:
    return None if given is None else list(given)
