"""What people look at, on top of millions of jobs: the server's time and that of the whole request.

The server's time is that of the statement, sent as the API sends it: as its role, in a transaction
bound to a tenant, prepared on a connection that has asked the same before, so that a plan that only
turns bad once it is generic shows too.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import psycopg

from taskflow.access.tokens import make_key
from taskflow.bench import measures
from taskflow.bench.children import BenchFailed
from taskflow.bench.fill import (
    BUSY_QUEUE,
    BUSY_TASK,
    COMMON_TAG,
    DAYS,
    RARE_TAG,
    SMALL_TENANT,
    fill,
)
from taskflow.bench.rest import API, UNLIMITED, free_port, until_listening
from taskflow.bench.room import PATIENCE_S, Figure, Room
from taskflow.calls import access, audit, flows, people, queues, reads, stats
from taskflow.kernel.job import State
from taskflow.kernel.listing import JobFilter
from taskflow.store import filters
from taskflow.store.call import Call, run

LIMIT = 50
LOOKS = 50
"""How often each is asked, after some that warm it up."""
WARM_UP = 8
LONGEST_S = 20.0
"""After so long one is no longer repeated: it is known to be slow."""
FAR = 20
"""How many pages on a far one is."""
GOAL_MS = 150.0
TIMEOUT = timedelta(seconds=60)
SPANS = (("an hour", timedelta(hours=1)), ("a week", timedelta(7)), ("90 days", timedelta(90)))
SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
STATES: tuple[State, ...] = (
    "available", "scheduled", "running", "retrying", "blocked", "succeeded", "cancelled", "dead",
)  # fmt: skip


class Read(NamedTuple):
    """A route with the Call that it makes."""

    what: str
    path: str
    call: Call[Any]
    tenant: str = "default"
    page: int = 1
    """Which page of it, by cursor."""


def catalogue(now: datetime) -> Iterator[Read]:
    """Every read that is measured."""
    yield jobs("jobs")
    for state in STATES:
        yield jobs(f"jobs, {state}", state=state)
    yield jobs("jobs of a queue", queue=BUSY_QUEUE)
    yield jobs("jobs of a task", task=BUSY_TASK)
    yield jobs("dead jobs of a task", task=BUSY_TASK, state="dead")
    yield jobs("jobs with a tag", tag=COMMON_TAG)
    yield jobs("jobs with a rare tag", tag=RARE_TAG)
    yield jobs("jobs of a task and no queue of it", task=BUSY_TASK, queue="none")
    yield jobs("jobs created in the last hour", created_after=now - timedelta(hours=1))
    yield jobs(
        "jobs created before half of the time", created_before=now - timedelta(days=DAYS / 2)
    )
    for page, name in ((2, "second"), (FAR, "20th")):
        yield jobs("jobs", page=page)._replace(what=f"jobs, {name} page")
        yield jobs("jobs", page=page, state="succeeded")._replace(
            what=f"jobs, succeeded, {name} page"
        )
    yield jobs("small tenant: jobs", SMALL_TENANT)
    for one in ("available", "succeeded", "dead"):
        yield jobs(f"small tenant: jobs, {one}", SMALL_TENANT, state=one)
    yield jobs("small tenant: jobs of a queue", SMALL_TENANT, queue=BUSY_QUEUE)
    yield Read("small tenant: queues", "/queues", queues.own(SMALL_TENANT), SMALL_TENANT)
    overview = stats.overview(SMALL_TENANT)
    yield Read("small tenant: statistics", "/stats/overview", overview, SMALL_TENANT)
    yield Read("audit", f"/audit?limit={LIMIT}", audit.audit("default", LIMIT + 1))
    yield Read("queues", "/queues", reads.queues("default"))
    yield Read("tasks", "/tasks", reads.tasks())
    yield Read("dead letters by kind", "/dlq/groups", reads.dead_groups("default", LIMIT + 1))
    yield Read("workflows", "/workflows", flows.list_runs("default", limit=LIMIT + 1))
    yield Read("statistics, overview", "/stats/overview", stats.overview("default"))
    for name, span in SPANS:
        since = now - span
        call = stats.series("default", "run_p95", "queue", since=since, until=now)
        asked = {"metric": "run_p95", "by": "queue", "since": since.isoformat()}
        yield Read(f"statistics, {name} by queue", f"/stats/series?{urlencode(asked)}", call)


def jobs(what: str, tenant: str = "default", page: int = 1, **given: Any) -> Read:
    """A list of jobs with one value for each of its filters."""
    names = {
        "state": "states", "queue": "queues", "task": "tasks", "tag": "tags",
        "created_after": "since", "created_before": "until",
    }  # fmt: skip
    fields: dict[str, Any] = {
        names[name]: value if isinstance(value, datetime) else (value,)
        for name, value in given.items()
    }
    asked = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in given.items()}
    call = filters.page(JobFilter(tenant=tenant, **fields), LIMIT + 1)
    return Read(what, f"/jobs?{urlencode({'limit': LIMIT, **asked})}", call, tenant, page)


def pages(room: Room) -> Iterator[Figure]:
    """Fills the database, then asks for each page as often as it takes to know its slowest."""
    room.scratch.clear()
    sizes = room.sizes._replace(
        finished=room.count(room.sizes.finished, 1_000), live=room.count(room.sizes.live, 1_000)
    )
    fill(room.scratch.connection, sizes, room.say)
    keys = {tenant: make_api_key(room, tenant) for tenant in ("default", SMALL_TENANT)}
    now = datetime.now(UTC)
    with room.nursery() as nursery:
        port = free_port()
        until_listening(nursery.api(port), port)
        browser = Browser(port, keys)
        with psycopg.connect(room.scratch.dsn, autocommit=True, prepare_threshold=0) as connection:
            for read in catalogue(now):
                server = sorted(timed(lambda read=read: ask(connection, read)))  # type: ignore[misc]
                path = browser.path_of(read)
                whole = timed(lambda read=read, path=path: browser.get(path, read.tenant))  # type: ignore[misc]
                for name, share in SHARES:
                    yield Figure(
                        f"{read.what}, {name}", "ms", measures.percentile(whole, share),
                        "its statement", measures.percentile(server, share),
                    )  # fmt: skip
                if room.shows_plans or measures.percentile(server, 0.95) > GOAL_MS:
                    for line in [f"{read.what}: {read.path}", *plan(connection, read)]:
                        room.say(line)


class Browser:
    """Asks the API over one connection, as a person's browser would."""

    def __init__(self, port: int, keys: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._keys = keys

    def get(self, path: str, tenant: str) -> tuple[float, Any]:
        """(milliseconds, the answer)"""
        start = time.perf_counter()
        self._connection.request(
            "GET", API + path, headers={"authorization": f"Bearer {self._keys[tenant]}"}
        )
        answer = self._connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - start) * 1e3
        if answer.status != 200:
            raise BenchFailed(f"{path}: {answer.status} {body[:500].decode()}")
        return took_ms, msgspec.json.decode(body)

    def path_of(self, read: Read) -> str:
        """Its path with the cursor of its page, as followed from the first one."""
        self._connection.close()  # the server has hung up while the statement was looked at
        path = read.path
        for _ in range(read.page - 1):
            _, answer = self.get(path, read.tenant)
            if answer["page"]["next"] is None:
                break  # a small database has no such page
            path = f"{read.path}&{urlencode({'cursor': answer['page']['next']})}"
        return path


def ask(connection: psycopg.Connection[Any], read: Read) -> tuple[float, Any]:
    """(milliseconds, the rows) of the statement alone."""
    with connection.transaction():
        run(connection, access.bind(read.tenant, None, "bench", TIMEOUT))
        start = time.perf_counter()
        found = run(connection, read.call)
        return (time.perf_counter() - start) * 1e3, found


def timed(look: Callable[[], tuple[float, Any]]) -> list[float]:
    """Milliseconds of each look, without those that warm it up."""
    deadline = time.monotonic() + LONGEST_S
    for _ in range(WARM_UP):
        took, _ = look()
        if time.monotonic() > deadline:
            return [took]
    times = []
    for _ in range(LOOKS):
        times.append(look()[0])
        if time.monotonic() > deadline:
            break
    return times


def plan(connection: psycopg.Connection[Any], read: Read) -> list[str]:
    """How the server goes about it."""
    with connection.transaction():
        run(connection, access.bind(read.tenant, None, "bench", TIMEOUT))
        found = connection.execute(
            f"explain (analyze, buffers) {read.call.statement}".encode(), read.call.parameters
        )
        return [f"    {line}" for line in chain.from_iterable(found)]


def make_api_key(room: Room, tenant: str) -> str:
    secret = make_key()
    call = people.create_key(
        "bench", secret.prefix, secret.hash, "admin", rate=UNLIMITED, tenant=tenant
    )
    run(room.scratch.connection, call)
    return secret.text
