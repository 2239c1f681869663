"""The live hub: few questions for many viewers, no gap unsaid, nothing told to strangers."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow import Context, Taskflow
from taskflow.calls import stats
from taskflow.kernel.live import Event
from taskflow.observe.hub import MOST_EVENTS, MOST_JOBS, MOST_TOPICS, Hub
from taskflow.observe.topics import SOURCES, InvalidTopic, Source
from taskflow.observe.viewer import MOST_WAITING, Viewer
from taskflow.store.call import Call, scalar
from taskflow.store.listen import Listener
from tests.support import factories as f
from tests.support.proxy import Proxy
from tests.support.serving import eventually, serving

Connection = psycopg.Connection[Any]
QUICK: Any = {"pause_s": 0.05, "look_every_s": 0.2}


class Notices:
    """Stands for the listener: a test says what arrives."""

    def __init__(self) -> None:
        self.is_listening = True
        self.tell: Callable[[str], None] = lambda _payload: None

    def subscribe(self, _topic: str, subscriber: Callable[[str], None], /) -> Callable[[], None]:
        self.tell = subscriber
        return lambda: None


class World:
    """Facts by tenant and topic in place of a database; counts what is asked."""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.sources = {
            kind: Source(
                self._asking(kind),
                lambda found: found,
                source.is_named, source.is_number, source.is_told, source.is_part_of,
            )
            for kind, source in SOURCES.items()
        }  # fmt: skip

    def _asking(self, kind: Any) -> Callable[..., Call[Any]]:
        return lambda _tenant, names, _known: Call(kind, {"names": names}, scalar)

    async def ask(self, tenant: str, call: Call[Any]) -> Any:
        self.asked.append((tenant, call.statement))
        if self.error is not None:
            raise self.error
        return dict(self.facts.get(tenant, {}))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
async def hub(world: World, notices: Notices) -> AsyncIterator[Hub]:
    """One that looks only when it is told to."""
    made = Hub(world.ask, notices, world.sources, pause_s=0.02, look_every_s=1000)
    yield made
    await made.close()


async def turn(hub: Hub) -> None:
    """Until the hub has asked all that is due."""
    await eventually(lambda: not hub._due)
    asked = -1
    while asked != hub.questions:
        asked = hub.questions
        await asyncio.sleep(0)


def told(viewer: Viewer) -> list[Any]:
    return [(event.topic, event.data) for event in viewer.take()]


# --- what is told ---------------------------------------------------------------------------------


async def test_a_viewer_gets_the_state_and_then_what_changes(
    hub: Hub, world: World, notices: Notices
) -> None:
    world.facts["default"] = {"job:1": "ready", "job:2": "ready"}
    viewer = hub.open("default", ["job:1"])
    assert (await viewer.next()).data == "ready"
    world.facts["default"]["job:1"] = "running"
    world.facts["default"]["job:2"] = "running"
    notices.tell("active default/q")
    event = await viewer.next()
    assert (event.type, event.topic, event.data) == ("job.changed", "job:1", "running")
    notices.tell("active default/q")
    await turn(hub)
    assert viewer.take() == [], "nothing has changed"


async def test_one_who_comes_later_gets_what_is_known_at_once(hub: Hub, world: World) -> None:
    world.facts["default"] = {"job:1": "ready"}
    first = hub.open("default", ["job:1"])
    event = await first.next()
    asked = len(world.asked)
    second = hub.open("default", ["job:1"])
    assert second.take() == [event]
    await turn(hub)
    assert len(world.asked) == asked


async def test_many_wake_ups_are_one_look(hub: Hub, world: World, notices: Notices) -> None:
    world.facts["default"] = {"job:1": 0}
    viewer = hub.open("default", ["job:1"])
    await viewer.next()
    asked = len(world.asked)
    for n in range(1000):
        world.facts["default"]["job:1"] = n
        notices.tell("active default/q")
    await turn(hub)
    assert told(viewer) == [("job:1", 999)]
    assert len(world.asked) == asked + 1


async def test_a_wake_up_of_another_tenant_asks_nothing(
    hub: Hub, world: World, notices: Notices
) -> None:
    world.facts = {"a": {"job:1": 1}, "b": {"job:1": 2}}
    viewer, other = hub.open("a", ["job:1", "stats"]), hub.open("b", ["job:1"])
    await viewer.next()
    await other.next()
    await turn(hub)
    world.asked.clear()
    notices.tell("active b/q")
    await turn(hub)
    assert world.asked == [("b", "job")]
    notices.tell("active */q")
    await turn(hub)
    assert Counter(tenant for tenant, _ in world.asked) == {"a": 2, "b": 2}


async def test_no_viewer_hears_of_another_tenant(hub: Hub, world: World, notices: Notices) -> None:
    """The same topics in both, and one whose ids it sees go by while it reconnects."""
    topics = ["job:1", "queues", "queue:q", "run:1", "stats", "workers"]
    world.facts = {t: dict.fromkeys(topics, f"{t} 0") for t in ("a", "b")}
    viewers = {t: [hub.open(t, topics) for _ in range(3)] for t in ("a", "b")}
    heard: dict[str, list[Event]] = {"a": [], "b": []}
    for n in range(20):
        world.facts[("a", "b")[n % 2]] = dict.fromkeys(topics, f"{('a', 'b')[n % 2]} {n}")
        hub.nudge("a")
        hub.nudge("b")
        await turn(hub)
        for tenant, those in viewers.items():
            heard[tenant] += [event for viewer in those for event in viewer.take()]
        viewers["a"].append(hub.open("a", topics, after=f"{hub._epoch}-{n}"))
    assert all(len(events) > 100 for events in heard.values())
    for tenant, events in heard.items():
        assert {event.data[0] for event in events} == {tenant}


async def test_topics_come_and_go(hub: Hub, world: World, notices: Notices) -> None:
    world.facts["default"] = {"job:1": 1, "job:2": 1}
    viewer = hub.open("default", ["job:1"])
    await viewer.next()
    hub.watch(viewer, ["job:2"])
    assert (await viewer.next()).topic == "job:2"
    hub.unwatch(viewer, ["job:1"])
    world.facts["default"] = {"job:1": 2, "job:2": 2}
    notices.tell("active *")
    assert (await viewer.next()).topic == "job:2"
    viewer.close()
    assert (hub._watched, hub._latest, hub._due, hub.viewers) == ({}, {}, {}, set())
    with pytest.raises(StopAsyncIteration):
        await viewer.next()


@pytest.mark.parametrize(
    "topics",
    [
        ["job"], ["job:"], ["job:x"], ["job:0"], ["job:1 "], ["job:" + "9" * 30], ["queues:q"],
        ["queue:"], ["queue:Ä"], ["stats:"], ["campaign:1"], [""],
        [f"job:{n + 1}" for n in range(MOST_JOBS + 1)],
        [f"queue:{n}" for n in range(MOST_TOPICS + 1)],
    ],
)  # fmt: skip
async def test_what_is_no_topic_or_too_many_is_refused(hub: Hub, topics: list[str]) -> None:
    with pytest.raises(InvalidTopic) as caught:
        hub.open("default", topics)
    assert caught.value.code == "TF189"
    assert (hub._watched, hub.viewers) == ({}, set())


# --- coming back, and being slow ------------------------------------------------------------------


async def test_who_comes_back_gets_what_they_missed(
    hub: Hub, world: World, notices: Notices
) -> None:
    world.facts["default"] = {"job:1": 0, "job:2": 0}
    keeper = hub.open("default", ["job:1", "job:2"])
    viewer = hub.open("default", ["job:1"])
    last = await viewer.next()
    viewer.close()
    for n in (1, 2, 3):
        world.facts["default"] = {"job:1": n, "job:2": n}
        notices.tell("active default/q")
        await turn(hub)
    back = hub.open("default", ["job:1"], after=last.id)
    assert told(back) == [("job:1", 1), ("job:1", 2), ("job:1", 3)]
    ids = [int(event.id.partition("-")[2]) for event in keeper.take()]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids) == 8


async def test_who_comes_back_to_what_nobody_watched_gets_its_state(hub: Hub, world: World) -> None:
    world.facts["default"] = {"job:1": 0}
    viewer = hub.open("default", ["job:1"])
    last = await viewer.next()
    viewer.close()
    world.facts["default"] = {"job:1": 5}
    assert (await hub.open("default", ["job:1"], after=last.id).next()).data == 5


@pytest.mark.parametrize("after", ["", "x", "other-1", "{epoch}-999", "{epoch}--1", "{epoch}-x"])
async def test_an_unknown_id_means_begin_anew(hub: Hub, after: str) -> None:
    viewer = hub.open("default", ["job:1"], after=after.format(epoch=hub._epoch))
    assert [event.type for event in viewer.take()] == ["resync"]


async def test_too_old_an_id_means_begin_anew(hub: Hub, world: World) -> None:
    viewer = hub.open("default", ["job:1"])
    for n in range(MOST_EVENTS + 10):
        hub._tell("default", "job:1", n)
    viewer.close()
    oldest = hub._count - MOST_EVENTS
    kept = hub.open("default", ["job:2"], after=f"{hub._epoch}-{oldest}")
    assert kept.take() == []
    gone = hub.open("default", ["job:2"], after=f"{hub._epoch}-{oldest - 1}")
    assert [event.type for event in gone.take()] == ["resync"]
    many = hub.open("default", ["job:1"], after=f"{hub._epoch}-{oldest}")
    assert [event.type for event in many.take()] == ["resync"], "more than fit"


async def test_a_slow_viewer_is_told_to_begin_anew_and_holds_up_nobody(hub: Hub) -> None:
    slow, quick = hub.open("default", ["job:1"]), hub.open("default", ["job:1"])
    for n in range(MOST_WAITING + 3):
        hub._tell("default", "job:1", n)
        assert told(quick) == [("job:1", n)]
    waiting = slow.take()
    assert [event.type for event in waiting] == ["resync", "job.changed", "job.changed"]
    assert hub.resyncs == 1
    back = hub.open("default", ["job:1"], after=waiting[0].id)
    assert [event.data for event in back.take()] == [MOST_WAITING + 1, MOST_WAITING + 2]


# --- what it costs --------------------------------------------------------------------------------


async def test_without_viewers_nothing_is_asked(world: World, notices: Notices) -> None:
    hub = Hub(world.ask, notices, world.sources, pause_s=0.01, look_every_s=0.02)
    notices.tell("active *")
    hub.nudge("default", ["stats"])
    viewer = hub.open("default", ["stats"])
    await eventually(lambda: len(world.asked) > 3)
    viewer.close()
    await eventually(lambda: hub._task is not None and hub._task.done())
    asked = len(world.asked)
    notices.tell("active *")
    hub.nudge("default")
    assert (hub._task is None or hub._task.done(), len(world.asked)) == (True, asked)
    await hub.close()


async def test_200_viewers_of_20_tenants_cost_five_questions_a_second(
    world: World, notices: Notices
) -> None:
    """At the rates of production, with everybody looking at everything and news all the time."""
    hub = Hub(world.ask, notices, world.sources)
    begun = time.monotonic()
    for n in range(200):
        tenant = f"tenant{n % 20}"
        world.facts[tenant] = {"stats": 1}
        jobs = [f"job:{n * 200 + m + 1}" for m in range(150)]
        hub.open(tenant, [*jobs, "stats", "queues", "workers", f"run:{n + 1}"])
    looks = 0

    def busy() -> bool:
        nonlocal looks
        looks += 1
        notices.tell("active *")
        return time.monotonic() - begun > 3.5

    await eventually(busy)
    seconds = time.monotonic() - begun
    assert looks > 50
    assert 5 <= len(world.asked) <= 5 * (int(seconds) + 1)
    assert len(set(world.asked)) == len(world.asked), "each had its turn before any had a second"
    await hub.close()


async def test_2000_idle_viewers_are_cheap(world: World, notices: Notices) -> None:
    world.facts["default"] = {"stats": 0}
    hub = Hub(world.ask, notices, world.sources, pause_s=0.01, look_every_s=1000)
    before = len(asyncio.all_tasks())
    tracemalloc.start()
    try:
        viewers = [hub.open("default", ["stats", f"job:{n + 1}"]) for n in range(2000)]
        per_viewer = tracemalloc.get_traced_memory()[0] / len(viewers)
    finally:
        tracemalloc.stop()
    assert per_viewer < 4_000, "bytes"
    assert len(asyncio.all_tasks()) == before + 1, "one for all of them"
    await turn(hub)
    for viewer in viewers:
        viewer.take()
    begun = time.process_time()
    world.facts["default"] = {"stats": 1}
    hub.nudge("default", ["stats"])
    await eventually(lambda: viewers[-1]._waiting)
    assert time.process_time() - begun < 0.5
    assert all(told(viewer) == [("stats", 1)] for viewer in viewers)
    await hub.close()


async def test_an_error_is_noted_and_tried_again(world: World, notices: Notices) -> None:
    world.facts["default"] = {"stats": 1}
    world.error = OSError("gone")
    hub = Hub(world.ask, notices, world.sources, **QUICK)
    viewer = hub.open("default", ["stats"])
    await eventually(lambda: hub.last_error is world.error)
    world.error = None
    assert (await asyncio.wait_for(viewer.next(), 10)).data == 1
    assert hub.last_error is None
    await hub.close()


# --- with a database ------------------------------------------------------------------------------


@pytest.fixture
async def tf(dsn: str) -> AsyncIterator[Taskflow]:
    app = Taskflow(dsn, lease="3s", poll_interval="500ms", grace="2s", slots=4)
    yield app
    await app.aclose()


@pytest.fixture
async def live(tf: Taskflow) -> AsyncIterator[Hub]:
    async def ask(_tenant: str, call: Call[Any]) -> Any:
        return await tf.arun(call)

    hub = Hub(ask, tf.listener(), **QUICK)
    yield hub
    await hub.close()


async def until_told(viewer: Viewer, topic: str, condition: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(15):
        async for event in viewer:
            if event.topic == topic and condition(event.data):
                return event.data
    raise AssertionError("the viewer was closed")


async def test_a_job_is_followed_to_its_end(tf: Taskflow, live: Hub, db: Connection) -> None:
    go_on = asyncio.Event()

    @tf.task(name="slow", queue="q")
    async def slow(ctx: Context) -> None:
        ctx.progress(1, 4, "begun")
        await go_on.wait()

    handle = await slow.aenqueue()
    other = f.enqueue(db, queue="q", tenant="acme")
    topics = [f"job:{handle.id}", f"job:{other}", "queues", "queue:q", "workers", "stats"]
    viewer = live.open("default", topics)
    job = f"job:{handle.id}"
    await until_told(viewer, job, lambda said: said.state == "available")
    async with serving(tf, {"q": 2}, settled=False):
        await until_told(viewer, job, lambda said: (said.state, said.done) == ("running", 1))
        go_on.set()
        ended = await until_told(viewer, job, lambda said: said.state == "succeeded")
        assert ended.finished_at is not None
        await until_told(viewer, "stats", lambda said: said.throughput > 0)
        await until_told(viewer, "workers", lambda said: said[0].queues == ["q"])
    assert ("default", f"job:{other}") not in live._latest, "another tenant's"


async def test_dead_and_retried_jobs_are_followed(live: Hub, db: Connection) -> None:
    id = f.enqueue(db, queue="q")
    (job,) = f.claim(db, f.join(db, "q"), 1, "q")
    f.settle(db, job, "discarded", reason="no")
    viewer = live.open("default", [f"job:{id}"])
    await until_told(viewer, f"job:{id}", lambda said: said.state == "dead")
    f.call(db, "retry", id=id)
    await until_told(viewer, f"job:{id}", lambda said: said.state == "available")


async def test_a_pause_shows_and_a_flush_wakes(live: Hub, db: Connection) -> None:
    f.join(db, "q")
    viewer = live.open("default", ["queue:q"])
    await until_told(viewer, "queue:q", lambda said: said.paused_at is None)
    f.call(db, "pause_queue", queue="q", reason="lunch")
    await until_told(viewer, "queue:q", lambda said: said.pause_reason == "lunch")


async def test_a_lost_listener_means_polling_and_then_listening_again(
    tf: Taskflow, dsn: str, db: Connection
) -> None:
    """Its connection breaks, and four more before they listen."""
    async with Proxy(dsn) as proxy:
        listener = Listener(proxy.dsn, tf.connection_settings("hub"))
        hub = Hub(lambda _tenant, call: tf.arun(call), listener, **QUICK)
        viewer = hub.open("default", ["queue:q"])
        listener.start()
        await eventually(lambda: hub.mode == "listening")
        cuts = [proxy.cut("listen taskflow", "before") for _ in range(4)]
        proxy.cut_all()
        await eventually(lambda: hub.mode == "polling")
        f.join(db, "q")
        assert await until_told(viewer, "queue:q", lambda said: said.workers == 1)
        assert not cuts[-1].is_set(), "still polling"
        await eventually(lambda: hub.mode == "listening", seconds=20)
        assert cuts[-1].is_set()
        await hub.close()
        await listener.stop()


async def test_a_flush_wakes_the_hub_long_before_the_clock(tf: Taskflow, db: Connection) -> None:
    f.join(db, "q")
    hub = Hub(lambda _tenant, call: tf.arun(call), tf.listener(), pause_s=0.05, look_every_s=1000)
    await eventually(lambda: hub.mode == "listening")
    viewer = hub.open("default", ["queue:q"])
    await until_told(viewer, "queue:q", lambda said: said.workers == 1)
    f.enqueue(db, queue="q")
    f.call(db, "flush_stats", worker_id=1, lines=Jsonb([]), topics=["default/q"])
    assert await until_told(viewer, "queue:q", lambda said: said.available == 1)
    await hub.close()


async def test_behind_a_pooler_it_polls(dsn: str, db: Connection) -> None:
    async with Taskflow(dsn, pooled=True) as app:
        hub = Hub(lambda _tenant, call: app.arun(call), app.listener(), **QUICK)
        viewer = hub.open("default", ["queue:q"])
        f.join(db, "q")
        assert await until_told(viewer, "queue:q", lambda said: said.workers == 1)
        assert hub.mode == "polling"
        await hub.close()


async def test_every_question_can_be_asked(tf: Taskflow, db: Connection) -> None:
    """Of nothing, and by a worker's role, as the statements' columns are those of their structs."""
    for kind, source in SOURCES.items():
        names = ["1", "2"] if source.is_number else ["q"]
        assert source.read(await tf.arun(source.ask("default", names, {}))) is not None, kind
    assert await tf.arun(stats.queues("default")) == []
