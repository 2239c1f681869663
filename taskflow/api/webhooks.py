"""/webhooks, /webhook_sources and /incoming: events that are sent out, and those of others that
come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, get_args

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import JSONBody

from taskflow.api.answers import Page, paged, read_cursor
from taskflow.api.edits import check_match
from taskflow.api.fields import Cursor, IdPath, Limit, NamePath, Words, choices, number, time
from taskflow.api.session import Injected, Session
from taskflow.calls import access, sources, webhooks
from taskflow.kernel.names import check_name
from taskflow.kernel.webhooks import (
    EVENTS,
    Attempt,
    Delivery,
    DeliveryNotFound,
    DeliveryState,
    Endpoint,
    EndpointNotFound,
    Event,
    Mapping,
    Received,
    Scheme,
    Source,
    SourceNotFound,
    Stats,
)
from taskflow.webhooks import incoming

Names = Annotated[list[str], msgspec.Meta(max_length=100)]


class EndpointBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An endpoint to make. No events, queues or tasks named: all of them."""

    url: str
    description: str | None = None
    events: Names | None = None
    """ "job.dead", or "job.*"; GET /webhooks/events lists them."""
    queues: Names | None = None
    tasks: Names | None = None
    headers: dict[str, str] | None = None
    """Sent along with each delivery; their values are not shown again."""
    queue: str | None = None
    """The queue whose workers deliver; default unless said."""


class EndpointEdit(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A merge patch; null leaves a thing as it is, an empty list means all."""

    url: str | None = None
    description: str | None = None
    events: Names | None = None
    queues: Names | None = None
    tasks: Names | None = None
    headers: dict[str, str] | None = None
    queue: str | None = None
    disabled: bool | None = None


class RotateSecretBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=2_592_000)] = 86_400
    """How long deliveries are signed with the old secret, too."""


class ResendBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    since: datetime
    max_deliveries: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000


class SourceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where webhooks of others come in: POST /incoming/TENANT/NAME starts a job of the task."""

    name: str
    task: str
    queue: str | None = None
    scheme: Scheme = "standard"
    mapping: Mapping = "body"
    headers: Names | None = None
    """Those that the job gets, where the mapping is envelope."""
    tolerance_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300
    secret: str | None = None
    """The sender's, where it gives one; else one is made."""


class NewEndpoint(msgspec.Struct, frozen=True):
    endpoint: Endpoint
    secret: str | None
    """Signs what it gets; shown once."""


class NewSecret(msgspec.Struct, frozen=True):
    secret: str
    """Shown once."""


class NewSource(msgspec.Struct, frozen=True):
    source: Source
    secret: str | None
    path: str
    """Where its webhooks go."""


class Resent(msgspec.Struct, frozen=True):
    deliveries: int


class DeliveryDetail(msgspec.Struct, frozen=True):
    """A delivery with its event and its tries."""

    delivery: Delivery
    event: Event | None
    attempts: list[Attempt]


@get("/webhooks/events", name="webhooks.events")
async def list_events() -> Page[str]:
    """List the types of events that can be sent."""
    return Page(list(EVENTS))


@get("/webhooks", name="webhooks.list")
async def list_endpoints(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[Endpoint]:
    """List the endpoints of the tenant."""
    scope = f"webhooks {session.tenant}"
    last = read_cursor(session.signer, scope, cursor)
    call = webhooks.listed(session.tenant, after=int(last or 0), limit=limit + 1)
    return paged(session, await session.run(call), limit, scope, lambda line: line.id)


@post("/webhooks", name="webhooks.create", status_code=201)
async def create_endpoint(session: Injected, data: JSONBody[EndpointBody]) -> NewEndpoint:
    """Make an endpoint. The secret that signs its deliveries is in the answer, this once."""
    saved = await session.run(webhooks.put(data.url, tenant=session.tenant, **options_of(data)))
    session.target = str(saved.id)
    return NewEndpoint(await endpoint_of(session, str(saved.id)), saved.secret)


@get("/webhooks/{endpoint_id:str}", name="webhooks.get")
async def get_endpoint(session: Injected, endpoint_id: IdPath) -> Endpoint:
    """Show an endpoint, without its secret."""
    found = await endpoint_of(session, endpoint_id)
    session.etag = f'"{found.version}"'
    return found


@patch("/webhooks/{endpoint_id:str}", name="webhooks.edit")
async def edit_endpoint(
    session: Injected, endpoint_id: IdPath, data: JSONBody[EndpointEdit]
) -> Endpoint:
    """Change an endpoint, switch it off or on again. Takes If-Match."""
    found = await endpoint_of(session, endpoint_id)
    check_match(session, f'"{found.version}"')
    options = options_of(data)
    if options or data.url is not None:
        call = webhooks.put(
            data.url, found.id, expected_version=found.version, tenant=session.tenant, **options
        )
        await session.run(call)
    if data.disabled:
        reason = f"switched off by {session.who.actor}"
        await session.run(webhooks.disable(found.id, reason, session.tenant))
    elif data.disabled is False:
        await session.run(webhooks.enable(found.id, session.tenant))
    return await get_endpoint.fn(session, endpoint_id)  # type: ignore[no-any-return]


@delete("/webhooks/{endpoint_id:str}", name="webhooks.delete")
async def delete_endpoint(session: Injected, endpoint_id: IdPath) -> None:
    """Remove an endpoint; what was on its way to it is not sent any more."""
    found = await endpoint_of(session, endpoint_id)
    await session.run(webhooks.delete(found.id, tenant=session.tenant))


@post("/webhooks/{endpoint_id:str}/test", name="webhooks.test", status_code=202)
async def send_test(session: Injected, endpoint_id: IdPath) -> Delivery:
    """Send an event webhook.test to this endpoint alone."""
    found = await endpoint_of(session, endpoint_id)
    id = await session.run(webhooks.send_test(found.id, session.tenant))
    return await delivery_of(session, str(id))


@post("/webhooks/{endpoint_id:str}/rotate_secret", name="webhooks.rotate", status_code=200)
async def rotate_secret(
    session: Injected, endpoint_id: IdPath, data: JSONBody[RotateSecretBody | None] = None
) -> NewSecret:
    """Give an endpoint a new secret; for a while its deliveries are signed with both."""
    found = await endpoint_of(session, endpoint_id)
    overlap = timedelta(seconds=(data or RotateSecretBody()).overlap_s)
    call = webhooks.rotate_secret(found.id, overlap, tenant=session.tenant)
    return NewSecret(await session.run(call))


@post("/webhooks/{endpoint_id:str}/resend_failed", name="webhooks.resend_failed", status_code=202)
async def resend_failed(
    session: Injected, endpoint_id: IdPath, data: JSONBody[ResendBody]
) -> Resent:
    """Send what has failed since a time once more."""
    found = await endpoint_of(session, endpoint_id)
    since = time(data.since, "/since")
    assert since is not None
    call = webhooks.resend_failed(
        found.id, since, max_deliveries=data.max_deliveries, tenant=session.tenant
    )
    return Resent(await session.run(call))


@get("/webhooks/{endpoint_id:str}/stats", name="webhooks.stats")
async def stats(session: Injected, endpoint_id: IdPath) -> Stats:
    """Say how an endpoint has fared in the last day."""
    found = await endpoint_of(session, endpoint_id)
    return await session.run(webhooks.stats(found.id, tenant=session.tenant))


@get("/webhooks/{endpoint_id:str}/deliveries", name="webhooks.deliveries")
async def list_deliveries(
    session: Injected,
    endpoint_id: IdPath,
    which: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Delivery]:
    """List what was sent to an endpoint, the newest first; `which` names states."""
    found = await endpoint_of(session, endpoint_id)
    states = choices(which, get_args(DeliveryState), "which")
    scope = f"deliveries {session.tenant} {found.id} {states}"
    last = read_cursor(session.signer, scope, cursor)
    lines = await session.run(
        webhooks.deliveries(
            session.tenant, endpoint_id=found.id, states=states,  # type: ignore[arg-type]
            before=int(last) if last else None, limit=limit + 1,
        )
    )  # fmt: skip
    return paged(session, lines, limit, scope, lambda line: line.id)


@get("/webhook_deliveries/{delivery_id:str}", name="webhooks.delivery")
async def get_delivery(session: Injected, delivery_id: IdPath) -> DeliveryDetail:
    """Show a delivery, its event and its tries. What receivers said is for administrators."""
    found = await delivery_of(session, delivery_id)
    tries = await session.run(webhooks.attempts(found.id, session.tenant))
    if not session.sees_secrets:
        tries = [msgspec.structs.replace(one, response_head=None) for one in tries]
    event = await session.run(webhooks.event(found.event_id, session.tenant))
    return DeliveryDetail(found, event, tries)


@post("/webhook_deliveries/{delivery_id:str}/resend", name="webhooks.resend", status_code=202)
async def resend(session: Injected, delivery_id: IdPath) -> Delivery:
    """Send an event once more, as a delivery of its own."""
    found = await delivery_of(session, delivery_id)
    id = await session.run(webhooks.resend(found.id, session.tenant))
    return await delivery_of(session, str(id))


# --- what comes in --------------------------------------------------------------------------------


@get("/webhook_sources", name="sources.list")
async def list_sources(session: Injected) -> Page[Source]:
    """List where webhooks of others come in."""
    return Page(await session.run(sources.listed(session.tenant, 1000)))


@post("/webhook_sources", name="sources.create", status_code=201)
async def create_source(session: Injected, data: JSONBody[SourceBody]) -> NewSource:
    """Make or change a source. The secret of a new one is in the answer, this once."""
    options: Any = {
        "task": data.task, "scheme": data.scheme, "mapping": data.mapping, "headers": data.headers,
        "queue": data.queue, "tolerance": timedelta(seconds=data.tolerance_s),
        "secret": data.secret,
    }  # fmt: skip
    secret = await session.run(sources.put(data.name, tenant=session.tenant, **options))
    found = await session.run(sources.get(data.name, session.tenant))
    assert found is not None
    session.target = data.name
    return NewSource(found, secret, f"/api/v1/incoming/{session.tenant}/{data.name}")


@delete("/webhook_sources/{name:str}", name="sources.delete")
async def delete_source(session: Injected, name: NamePath) -> None:
    """Remove a source; what comes for it is refused from now on."""
    if not name.isprintable() or not await session.run(sources.delete(name, session.tenant)):
        raise SourceNotFound(f"source {name[:63]!a} does not exist", "GET /webhook_sources.")


@post("/incoming/{tenant:str}/{name:str}", name="incoming.receive", status_code=202)
async def receive(
    session: Injected, request: Request[Any, Any, Any], tenant: NamePath, name: NamePath
) -> Received:
    """Take a webhook of somebody else: its signature is its credential, its id keeps it single."""
    check_name(tenant, "tenant")
    check_name(name, "queue")
    timeout = session.app.settings.api_timeout
    await session.run(access.bind(tenant, None, f"webhook:{name}", timeout))
    gate = await session.run(sources.gate(name, tenant))
    headers = {key.lower(): value for key, value in request.headers.items()}
    id, args = incoming.check(gate, headers, await request.body())
    session.target = f"{tenant}/{name}"
    return await session.run(sources.receive(name, id, args, tenant))


def options_of(data: EndpointBody | EndpointEdit) -> Any:
    """What `put` takes, of what was given."""
    given = {
        "description": data.description, "types": data.events, "queues": data.queues,
        "tasks": data.tasks, "headers": data.headers, "queue": data.queue,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


async def endpoint_of(session: Session, endpoint_id: str) -> Endpoint:
    id = number(endpoint_id)
    found = await session.run(webhooks.get(id, session.tenant)) if id is not None else None
    if found is None:
        raise EndpointNotFound(
            f"endpoint {endpoint_id} does not exist", "GET /webhooks lists them."
        )
    return found


async def delivery_of(session: Session, delivery_id: str) -> Delivery:
    id = number(delivery_id)
    found = await session.run(webhooks.delivery(id, session.tenant)) if id is not None else None
    if found is None:
        raise DeliveryNotFound(
            f"delivery {delivery_id} does not exist", "Its retention may be over."
        )
    return found


ROUTES: list[Any] = [
    list_events, list_endpoints, create_endpoint, get_endpoint, edit_endpoint, delete_endpoint,
    send_test, rotate_secret, resend_failed, stats, list_deliveries, get_delivery, resend,
    list_sources, create_source, delete_source, receive,
]  # fmt: skip
