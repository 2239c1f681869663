"""The live hub: many look on, few questions are asked.

Woken by what workers say once a second, or by the clock every five, it asks one question for each
kind of topic and tenant, over all that viewers of that tenant look at, and tells what has changed.
At most `MOST_QUESTIONS` a second, whatever the number of viewers: what is left waits its turn. No
viewers, no questions. Viewers are kept by tenant, so none hears of another's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal, Protocol

from taskflow.kernel.live import Event
from taskflow.observe.topics import MOST_NAMES, SOURCES, InvalidTopic, Source, kind_of
from taskflow.observe.viewer import MOST_WAITING, Viewer
from taskflow.store.call import Call, first_line

logger = logging.getLogger("taskflow.hub")
MOST_QUESTIONS = 5
MOST_EVENTS = 10_000
"""Events kept for viewers that come back."""
MOST_TOPICS = 250
MOST_JOBS = 200
PATIENCE_S = 10.0
"""Longest wait for an answer."""
Ask = Callable[[str, Call[Any]], Awaitable[Any]]
"""Runs a Call for a tenant, with whatever rights it should have."""
Asked = tuple[str, str, int]
"""Tenant, kind, and from which of its topics on."""


class Told(Protocol):
    """Who passes notifications on; see `store.listen.Listener`."""

    is_listening: bool

    def subscribe(self, topic: str, subscriber: Callable[[str], None], /) -> Callable[[], None]: ...


class Hub:
    """`open` a viewer and read its events. All in one event loop, from `open` to `close`."""

    def __init__(
        self,
        ask: Ask,
        listener: Told,
        sources: Mapping[str, Source] = SOURCES,
        *,
        pause_s: float = 1.0,
        look_every_s: float = 5.0,
    ) -> None:
        self._ask = ask
        self._listener = listener
        self._sources = sources
        self._pause_s = pause_s
        self._look_every_s = look_every_s
        self._epoch = f"{time.time_ns() // 1_000_000:x}"
        self._count = 0
        self._kept: deque[tuple[str, Event]] = deque(maxlen=MOST_EVENTS)
        self._watched: dict[tuple[str, str], dict[str, set[Viewer]]] = {}
        """By tenant and kind, the viewers of each topic."""
        self._latest: dict[tuple[str, str], Event] = {}
        """By tenant and topic, while somebody looks at it."""
        self._due: dict[Asked, None] = {}
        """What to ask next, in the order in which it became due."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._undo = listener.subscribe("active", self._heard)
        self.viewers: set[Viewer] = set()
        self.questions = self.resyncs = 0
        self.last_error: Exception | None = None

    @property
    def mode(self) -> Literal["listening", "polling"]:
        """Do notifications arrive? Else what changes shows within five seconds."""
        return "listening" if self._listener.is_listening else "polling"

    # --- viewers ----------------------------------------------------------------------------------

    def open(self, tenant: str, topics: Collection[str], after: str | None = None) -> Viewer:
        """A viewer of these topics. It first gets what is known of them, or, with `after`, what has
        happened since the event of that id; one `resync` if that is not known any more."""
        viewer = Viewer(tenant, self._resync, self._forget)
        self.watch(viewer, topics, is_told=after is None)
        self.viewers.add(viewer)
        if after is not None:
            missed = self._since(tenant, viewer.topics, after)
            viewer.put_all([self._resync()] if missed is None else missed)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_looking(), name="taskflow-hub")
        return viewer

    def watch(self, viewer: Viewer, topics: Collection[str], *, is_told: bool = True) -> None:
        """Adds topics, all or none of them; tells what is known of them. Raises `InvalidTopic`."""
        wanted = {topic: kind_of(topic, self._sources) for topic in topics}
        added = wanted.keys() - viewer.topics
        jobs = sum(topic.startswith("job:") for topic in viewer.topics | added)
        if jobs > MOST_JOBS or len(viewer.topics) + len(added) > MOST_TOPICS:
            raise InvalidTopic(
                f"at most {MOST_JOBS} jobs and {MOST_TOPICS} topics for one viewer",
                "Look at fewer, or open another viewer.",
            )
        for topic in sorted(added):
            viewer.topics.add(topic)
            found = self._watched.setdefault((viewer.tenant, wanted[topic]), {})
            found.setdefault(topic, set()).add(viewer)
            latest = self._latest.get((viewer.tenant, topic))
            if latest is None:
                self._note(viewer.tenant, [wanted[topic]])
            elif is_told:
                viewer.put(latest)

    def unwatch(self, viewer: Viewer, topics: Collection[str]) -> None:
        """Takes topics away again; those that nobody else looks at are not asked for any more."""
        for topic in viewer.topics.intersection(topics):
            viewer.topics.discard(topic)
            place = (viewer.tenant, topic.partition(":")[0])
            watchers = self._watched[place][topic]
            watchers.discard(viewer)
            if not watchers:
                del self._watched[place][topic]
                self._latest.pop((viewer.tenant, topic), None)
            if not self._watched[place]:
                del self._watched[place]

    def nudge(self, tenant: str, topics: Iterable[str] = ()) -> None:
        """Something of this tenant has changed: these topics, or any. Looks within a second."""
        self._note(tenant, {topic.partition(":")[0] for topic in topics} or self._sources)

    async def close(self) -> None:
        """Ends all viewers."""
        self._undo()
        for viewer in list(self.viewers):
            viewer.close()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _forget(self, viewer: Viewer) -> None:
        self.unwatch(viewer, set(viewer.topics))
        self.viewers.discard(viewer)
        if not self.viewers:
            self._due.clear()
            self._news.set()

    # --- looking ----------------------------------------------------------------------------------

    def _heard(self, payload: str) -> None:
        """ "active TENANT/QUEUE ...", with * for any; "active" alone after a reconnect. Anybody may
        send one, so it is no more than a hint, and costs no more than a look at what is watched."""
        tenants = {topic.partition("/")[0] for topic in payload.split()[1:]}
        told = [kind for kind, source in self._sources.items() if source.is_told]
        for tenant in {tenant for tenant, _ in self._watched}:
            if not tenants or "*" in tenants or tenant in tenants:
                self._note(tenant, told)

    def _note(self, tenant: str, kinds: Iterable[str]) -> None:
        for kind in kinds:
            if topics := self._watched.get((tenant, kind)):
                asked = self._sources[kind].is_part_of or kind
                count = len(topics) if self._sources[asked].is_named else 1
                for place in range(0, count, MOST_NAMES):
                    self._due.setdefault((tenant, asked, place))
                self._news.set()

    async def _keep_looking(self) -> None:
        """While there are viewers: looks where there is news, and at everything now and then."""
        looked_at_all = time.monotonic()
        while self.viewers:
            left = looked_at_all + self._look_every_s - time.monotonic()
            if not self._due and left > 0:
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._news.wait()
            if time.monotonic() - looked_at_all >= self._look_every_s:
                looked_at_all = time.monotonic()
                for tenant, kind in list(self._watched):
                    self._note(tenant, [kind])
            next_at = time.monotonic() + self._pause_s
            await self._look()
            await asyncio.sleep(max(next_at - time.monotonic(), 0))

    async def _look(self) -> None:
        """Asks what is due, as many questions as a second may have."""
        for asked in list(islice(self._due, MOST_QUESTIONS)):
            self._due.pop(asked, None)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._ask_for(*asked)
            except Exception as error:  # noqa: BLE001 - one bad answer must not end them all
                if self.last_error is None:
                    logger.warning("a live look failed, will try again: %s", first_line(error))
                self.last_error = error
                return  # the next look at everything tries again
            self.last_error = None

    async def _ask_for(self, tenant: str, kind: str, place: int) -> None:
        source = self._sources[kind]
        kinds = [k for k, part in self._sources.items() if kind in (k, part.is_part_of)]
        topics = {topic for known in kinds for topic in self._watched.get((tenant, known), ())}
        if not topics:
            return
        chosen: list[str] = []
        if source.is_named:
            chosen = sorted(topics)[place : place + MOST_NAMES]
            if not chosen:
                return
        known = {
            topic: self._latest[tenant, topic].data
            for topic in chosen
            if (tenant, topic) in self._latest
        }
        self.questions += 1
        names = [topic.partition(":")[2] for topic in chosen]
        found = source.read(await self._ask(tenant, source.ask(tenant, names, known)))
        for topic in topics & found.keys():
            self._tell(tenant, topic, found[topic])

    # --- telling ----------------------------------------------------------------------------------

    def _tell(self, tenant: str, topic: str, fact: Any) -> None:
        """Passes on what is not known yet; who watched and has gone meanwhile is not told."""
        kind = topic.partition(":")[0]
        viewers = self._watched.get((tenant, kind), {}).get(topic)
        latest = self._latest.get((tenant, topic))
        if not viewers or (latest is not None and latest.data == fact):
            return
        self._count += 1
        event = self._event(f"{kind}.changed", topic, fact)
        self._kept.append((tenant, event))
        self._latest[tenant, topic] = event
        for viewer in viewers:
            if not viewer.put(event):
                self.resyncs += 1

    def _resync(self) -> Event:
        """What tells a viewer to read everything anew, by other ways than this one."""
        return self._event("resync", "", None)

    def _event(self, what: str, topic: str, fact: Any) -> Event:
        return Event(f"{self._epoch}-{self._count}", what, topic, datetime.now(UTC), fact)

    def _since(self, tenant: str, topics: Collection[str], after: str) -> list[Event] | None:
        """What these topics have told since an event; None when that is not known any more."""
        epoch, _, digits = after.partition("-")
        if epoch != self._epoch or not digits.isdecimal() or len(digits) > 18:
            return None
        missed = self._count - int(digits)
        if not 0 <= missed <= len(self._kept):
            return None
        events = [
            event
            for owner, event in islice(self._kept, len(self._kept) - missed, None)
            if owner == tenant and event.topic in topics
        ]
        return events if len(events) <= MOST_WAITING else None
