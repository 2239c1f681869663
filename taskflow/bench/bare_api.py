"""The bare framework: what requests cost before anything is asked who it is, counted or noted.

/framework decodes and encodes the same bodies and touches no database; /statement runs the one bare
statement that a request is about, on a connection of a pool, autocommit. Both run under the same
server as the API, with the same event loop and parser.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Litestar, Router, get, post
from litestar.params import JSONBody

from taskflow.app import Taskflow
from taskflow.bench.bare import INSERT
from taskflow.bench.load import body
from taskflow.calls import jobs
from taskflow.kernel.job import Job
from taskflow.kernel.listing import JobFilter, JobLine
from taskflow.store import filters
from taskflow.store.call import Call, each, scalar

INSERT_MANY = """
insert into taskflow.job (run_at, created_at, max_attempts, priority, tenant, queue, task,
                          created_by, args)
select clock_timestamp(), clock_timestamp(), 5, 2, 'default', 'default', 'bench.noop',
       session_user, a.args
  from jsonb_array_elements(%(args)s::jsonb) a (args)
returning id"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARGS = msgspec.json.encode(msgspec.json.decode(body(1))["args"])
JOB = Job(
    "default", 1_000_000, "available", "default", "bench.noop", "normal", 0, 5, 0, 0, NOW, NOW,
    None, None, None, None, None, None, False, None, None, None, "somebody", msgspec.Raw(ARGS),
    None, None, None, None, None, None,
)  # fmt: skip
LINE = JobLine(
    1_000_000, "available", "default", "bench.noop", "normal", 0, 5, NOW, NOW, None, None, None,
    None, None, None, None,
)  # fmt: skip


class OneBody(msgspec.Struct, kw_only=True):
    task: str
    args: dict[str, Any]


class ManyBody(msgspec.Struct, kw_only=True):
    items: list[OneBody]


class Placed(msgspec.Struct):
    id: str
    outcome: str = "enqueued"


class OnePlaced(msgspec.Struct):
    position: int
    id: str
    outcome: str = "enqueued"


class ManyPlaced(msgspec.Struct):
    data: list[OnePlaced]
    refused: int = 0

    @classmethod
    def of(cls, ids: list[str]) -> ManyPlaced:
        return cls([OnePlaced(position, id) for position, id in enumerate(ids)])


class Detail(msgspec.Struct):
    job: Job
    progress: None = None


class Lines(msgspec.Struct):
    data: list[JobLine]
    has_more: bool = True


def application() -> Litestar:
    """What the server's process makes."""
    app = Taskflow.from_env()
    return Litestar(
        route_handlers=[
            Router("/framework", route_handlers=[take_one, take_many, give_one, give_lines]),
            Router("/statement", route_handlers=statements(app)),
        ],
        on_shutdown=[app.aclose],
        openapi_config=None,
        logging_config=None,
    )


@post("/jobs")
async def take_one(data: JSONBody[OneBody]) -> Placed:
    msgspec.json.encode(data.args)
    return Placed("1000000")


@post("/jobs:enqueue_many")
async def take_many(data: JSONBody[ManyBody]) -> ManyPlaced:
    msgspec.json.encode([item.args for item in data.items])
    return ManyPlaced.of(["1000000"] * len(data.items))


@get("/jobs/{job_id:str}")
async def give_one(job_id: str) -> Detail:
    return Detail(msgspec.structs.replace(JOB, id=int(job_id)))


@get("/jobs")
async def give_lines(limit: int) -> Lines:
    return Lines([LINE] * limit)


def statements(app: Taskflow) -> list[Any]:
    """The same four, each with its one statement."""

    @post("/jobs")
    async def insert(data: JSONBody[OneBody]) -> Placed:
        args = msgspec.json.encode(data.args).decode()
        statement = INSERT.replace("%s", "%(args)s")
        return Placed(str(await app.arun(Call(statement, {"args": args}, scalar))))

    @post("/jobs:enqueue_many")
    async def insert_many(data: JSONBody[ManyBody]) -> ManyPlaced:
        args = msgspec.json.encode([item.args for item in data.items]).decode()
        return ManyPlaced.of(await app.arun(Call(INSERT_MANY, {"args": args}, each(str))))

    @get("/jobs/{job_id:str}")
    async def select(job_id: str) -> Detail:
        found = await app.arun(jobs.get(int(job_id), "default"))
        assert found is not None
        return Detail(found)

    @get("/jobs")
    async def select_lines(limit: int) -> Lines:
        found = await app.arun(filters.page(JobFilter(), limit + 1))
        return Lines(found[:limit])

    return [insert, insert_many, select, select_lines]
