"""What streams share: the hub, who may look at what, and ending the streams of those who may no
more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
from litestar.di import NamedDependency

from taskflow.access.rules import may, queues_for
from taskflow.api.fields import number
from taskflow.api.problems import TooSlow
from taskflow.api.session import Session, no_job, run_bound
from taskflow.app import Taskflow
from taskflow.calls import access, jobs
from taskflow.errors import TaskflowError
from taskflow.kernel.access import INSTALLATION, NotAllowed, Principal, RateLimited
from taskflow.kernel.live import Event
from taskflow.kernel.wire import plain
from taskflow.observe.hub import MOST_TOPICS, Hub
from taskflow.observe.topics import InvalidTopic
from taskflow.observe.viewer import Viewer
from taskflow.store.call import Call, DriverError

log = logging.getLogger("taskflow.api")
LOOK_EVERY_S = 30.0
"""How long a stream may outlive the right to it."""
MOST_VIEWERS, MOST_OF_ONE = 5_000, 500
"""Streams of a process, and of one user or key: programs may serve many browsers with one."""
PERMISSIONS = {
    "job": "jobs:read", "queue": "queues:read", "queues": "queues:read", "run": "workflows:read",
    "workers": "workers:read", "stats": "stats:read",
}  # fmt: skip
"""What a topic takes, by the part before its colon."""
TIMEOUT = timedelta(seconds=5)


class Follower:
    """A stream that looks for itself instead of through the hub."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    def close(self) -> None:
        self.is_over.set()


class Streams:
    """The hub of a process, and whose each open stream is."""

    def __init__(self, app: Taskflow) -> None:
        self._app = app
        self._hub: Hub | None = None
        self._owners: dict[Viewer | Follower, tuple[str, str, int, int | None]] = {}
        self._watch: asyncio.Task[None] | None = None
        self.is_stopping = asyncio.Event()
        """Set when the server was told to stop: whoever waits answers now."""

    @property
    def hub(self) -> Hub:
        """Made in the loop that serves, when it is first asked for."""
        if self._hub is None:
            self._hub = Hub(self._ask, self._app.listener())
        return self._hub

    async def open(self, session: Session, topics: Sequence[str], after: str | None) -> Viewer:
        """A viewer of topics that the caller may look at. Raises `NotAllowed`, `InvalidTopic`."""
        await check_topics(session, topics)
        owner = self._owner(session)
        viewer = self.hub.open(session.tenant, topics, after)
        self._admit(viewer, owner)
        return viewer

    def follow(self, session: Session) -> Follower:
        """A stream that is counted and ended as viewers are. Raises `RateLimited`."""
        follower = Follower()
        self._admit(follower, self._owner(session))
        return follower

    def nudge(self, tenant: str) -> None:
        """A call has changed something of a tenant: who looks on is told within a second."""
        if self._hub is not None and self._owners:
            self._hub.nudge(tenant)

    def end(self, viewer: Viewer | Follower) -> None:
        self._owners.pop(viewer, None)
        viewer.close()

    def stop(self) -> None:
        """Ends all streams and all waits: a server that is to stop waits for its connections."""
        self.is_stopping.set()
        for viewer in list(self._owners):
            self.end(viewer)

    async def close(self) -> None:
        self.stop()
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        if self._hub is not None:
            await self._hub.close()
        self._owners.clear()

    def _owner(self, session: Session) -> tuple[str, str, int, int | None]:
        """Whose a new stream is; raises where there are enough of them."""
        if len(self._owners) >= MOST_VIEWERS:
            raise TooSlow(f"{MOST_VIEWERS:,} streams are open here", "Try again later.")
        who = session.who
        owner = (who.tenant, who.kind, who.id, session.token_version)
        if sum(1 for one in self._owners.values() if one[:3] == owner[:3]) >= MOST_OF_ONE:
            raise RateLimited(f"you have {MOST_OF_ONE} streams open", "Close some.")
        return owner

    def _admit(self, viewer: Viewer | Follower, owner: tuple[str, str, int, int | None]) -> None:
        self._owners[viewer] = owner
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._end_the_disowned(), name="taskflow-streams")

    async def _ask(self, tenant: str, call: Call[Any]) -> Any:
        return await run_bound(self._app, access.bind(tenant, None, "hub", TIMEOUT), call)

    async def _end_the_disowned(self) -> None:
        """One question for all streams, now and then."""
        while self._owners:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look_at_owners()

    async def look_at_owners(self) -> None:
        """Ends the streams whose callers would not be let in any more."""
        found = dict(self._owners)
        owners = sorted(set(found.values()), key=str)
        try:
            stands = await self._app.arun(access.still_stand(owners))
        except (TaskflowError, DriverError) as error:
            log.warning("who may still look on could not be asked: %s", error)
            return
        gone = {who for who, is_there in zip(owners, stands, strict=True) if not is_there}
        for viewer, who in found.items():
            if who in gone:
                self.end(viewer)


async def check_topics(session: Session, given: Sequence[str]) -> None:
    """Raises `NotAllowed` for a topic that is not the caller's to look at."""
    topics = set(given)
    if len(topics) > MOST_TOPICS:
        raise InvalidTopic(f"at most {MOST_TOPICS} topics at once", "Ask for fewer.")
    for topic in topics:
        kind, _, name = topic.partition(":")
        permission = PERMISSIONS.get(kind)
        if permission is None:
            continue  # the hub says what there is
        bounds = queues_for(session.who, permission)
        if not may(session.who, permission) or not is_in_bounds(session.who, bounds, kind, name):
            raise NotAllowed(f"topic {topic[:80]} is not yours to look at", "")
    bounds = queues_for(session.who, "jobs:read")
    if bounds is not None:
        for topic in topics:
            if topic.startswith("job:") and topic[4:].isdecimal() and number(topic[4:]) is not None:
                job = await session.run(jobs.get(int(topic[4:]), session.tenant))
                if job is None or job.queue not in bounds:
                    raise no_job(topic[4:])


def is_in_bounds(who: Principal, bounds: Collection[str] | None, kind: str, name: str) -> bool:
    """Workers are the installation's; who is bound to queues looks at those, and at their jobs."""
    if kind == "workers":
        return who.tenant == INSTALLATION and bounds is None
    if bounds is None or kind == "job":
        return True
    return kind == "queue" and name in bounds


def encoded(event: Event) -> bytes:
    return msgspec.json.encode(plain(event))


async def server_sent(streams: Streams, viewer: Viewer) -> AsyncIterator[bytes]:
    """Events as text/event-stream has them."""
    try:
        yield b"retry: 2000\n\n"
        async for event in viewer:
            head = f"id: {event.id}\nevent: {event.type}\ndata: ".encode()
            yield head + encoded(event) + b"\n\n"
    finally:
        streams.end(viewer)


Live = NamedDependency[Streams]
