"""/events (server-sent events) and /ws (WebSocket): the same topics, the same envelope.

A stream begins with what is known of its topics and goes on with what changes. Its events have ids;
a client that comes back names the last one it saw, and gets what it missed, or one `resync` where
that is not known any more: then it reads everything anew by the other routes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from taskflow.api.fields import words
from taskflow.api.live import Live, Streams, check_topics, encoded, server_sent
from taskflow.api.problems import InvalidRequest, explain, problem_of
from taskflow.api.session import Injected, Session
from taskflow.errors import TaskflowError
from taskflow.observe.viewer import Viewer
from taskflow.store.call import DriverError

Topics = Annotated[
    str,
    QueryParameter(
        max_length=8000, description="job:ID, run:ID, queue:NAME, queues, workers, stats; by comma."
    ),
]
After = Annotated[
    str | None, QueryParameter(max_length=60, description="The id of the last event that was seen.")
]
LastEventId = Annotated[str | None, HeaderParameter(name="last-event-id", max_length=60)]


class Wish(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a client says on the socket."""

    subscribe: list[str] = []
    unsubscribe: list[str] = []


@get("/events", name="events.stream", media_type="text/event-stream")
async def stream(
    session: Injected,
    streams: Live,
    topics: Topics = "stats",
    after: After = None,
    last_event_id: LastEventId = None,
) -> Stream:
    """Look on as server-sent events. A browser sends ?ticket= in place of a header."""
    viewer = await streams.open(session, words(topics), last_event_id or after)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(server_sent(streams, viewer), media_type="text/event-stream", headers=headers)


@websocket("/ws", name="events.socket")
async def socket(socket: WebSocket[Any, Any, Any], session: Injected, streams: Live) -> None:
    """Look on over a WebSocket: say {"subscribe": ["queues", "job:4711"]}, get events."""
    await socket.accept()
    viewer = await streams.open(session, (), None)
    sending = asyncio.create_task(_send_all(socket, viewer))
    try:
        while True:
            text = await socket.receive_text()
            await _heed(socket, session, streams, viewer, text)
    except WebSocketDisconnect:
        pass
    finally:
        streams.end(viewer)
        sending.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await sending


async def _heed(
    socket: WebSocket[Any, Any, Any], session: Session, streams: Streams, viewer: Viewer, text: str
) -> None:
    """Does what a client wishes; what cannot be is told as an event of type error."""
    try:
        try:
            wish = msgspec.json.decode(text, type=Wish)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f'expected {{"subscribe": [...]}}: {error}') from None
        await check_topics(session, wish.subscribe)
        streams.hub.unwatch(viewer, wish.unsubscribe)
        streams.hub.watch(viewer, wish.subscribe)
    except (TaskflowError, DriverError) as error:
        problem = problem_of(explain(error), "/api/v1/ws", session.request_id)
        await socket.send_json(msgspec.to_builtins({"type": "error", "data": problem}))


async def _send_all(socket: WebSocket[Any, Any, Any], viewer: Viewer) -> None:
    async for event in viewer:
        await socket.send_text(encoded(event).decode())
    await socket.close(code=1001)


ROUTES: list[Any] = [stream, socket]
