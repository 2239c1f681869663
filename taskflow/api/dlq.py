"""/dlq: dead jobs by the kind of their failure, and what to do about a whole kind."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody

from taskflow.api.answers import Page, paged, read_cursor
from taskflow.api.fields import Cursor, Limit, NamePath, Time, Words, names
from taskflow.api.jobs import job_filter
from taskflow.api.operations import begin, preview, within
from taskflow.api.session import Injected, Session
from taskflow.calls import reads
from taskflow.errors import JobNotFound
from taskflow.kernel.listing import DeadGroup, JobFilter, JobLine
from taskflow.kernel.operations import OperationVerb
from taskflow.store import filters

LATEST = 10


class GroupBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to do about a group."""

    rate: int | None = None
    """Jobs a second, at most."""
    reason: str | None = None
    dry_run: bool = False


class GroupDetail(msgspec.Struct, frozen=True):
    """A kind of failure with its latest jobs, and where the last of them failed."""

    group: DeadGroup
    latest: list[JobLine]
    traceback: str | None


@get("/dlq/groups", name="dlq.groups")
async def list_groups(
    session: Injected,
    task: Words = None,
    queue: Words = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeadGroup]:
    """List kinds of failure, the largest group first."""
    tasks = names(task, "task", "task")
    queues = within(session, names(queue, "queue", "queue"))
    scope = f"groups {session.tenant} {tasks} {queues}"
    last = read_cursor(session.signer, scope, cursor)
    count, _, fingerprint = (last or "").partition(" ")
    after = (int(count), fingerprint) if last else None
    found = await session.run(
        reads.dead_groups(session.tenant, limit + 1, tasks, queues, after=after)
    )
    return paged(session, found, limit, scope, lambda line: f"{line.count} {line.fingerprint}")


@get("/dlq/groups/{fingerprint:str}", name="dlq.group")
async def get_group(session: Injected, fingerprint: NamePath) -> GroupDetail:
    """Show one kind of failure: how often, since when, and its latest jobs."""
    group = await known(session, fingerprint)
    latest = await session.run(filters.page(jobs_of(session, group), LATEST))
    sample = await session.run(reads.whole([group.sample_id], session.tenant))
    return GroupDetail(group, latest, sample[0].traceback if sample else None)


@get("/dlq/jobs", name="dlq.jobs")
async def list_jobs(
    session: Injected,
    task: Words = None,
    queue: Words = None,
    tag: Words = None,
    fingerprint: Words = None,
    created_after: Time = None,
    created_before: Time = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[JobLine]:
    """List dead jobs, the newest first."""
    wanted = job_filter(
        session, state="dead", task=task, queue=queue, tag=tag, fingerprint=fingerprint,
        after=created_after, before=created_before,
    )  # fmt: skip
    scope = f"dead {session.tenant} {wanted}"
    last = read_cursor(session.signer, scope, cursor)
    found = await session.run(filters.page(wanted, limit + 1, int(last) if last else None))
    return paged(session, found, limit, scope, lambda line: line.id)


@post("/dlq/groups/{fingerprint:str}/retry", name="dlq.retry", status_code=202)
async def retry(
    session: Injected, fingerprint: NamePath, data: JSONBody[GroupBody | None] = None
) -> Response[Any]:
    """Begin an operation that runs the jobs of a group again, with all their attempts."""
    return await act(session, fingerprint, "retry", data or GroupBody())


@post("/dlq/groups/{fingerprint:str}/discard", name="dlq.discard", status_code=202)
async def discard(
    session: Injected, fingerprint: NamePath, data: JSONBody[GroupBody | None] = None
) -> Response[Any]:
    """Begin an operation that gives the jobs of a group up for good: they end as cancelled."""
    return await act(session, fingerprint, "discard", data or GroupBody())


async def act(
    session: Session, fingerprint: str, verb: OperationVerb, given: GroupBody
) -> Response[Any]:
    wanted = jobs_of(session, await known(session, fingerprint))
    if given.dry_run:
        return await preview(session, wanted)
    return await begin(session, verb, wanted, rate=given.rate, reason=given.reason)


async def known(session: Session, fingerprint: str) -> DeadGroup:
    """A group of which the caller may see jobs."""
    found = await session.run(
        reads.dead_groups(session.tenant, 1, (), within(session, ()), fingerprint=fingerprint)
    )
    if not found:
        raise JobNotFound(
            f'no dead job has the fingerprint "{fingerprint}"', "See GET /dlq/groups."
        )
    return found[0]


def jobs_of(session: Session, group: DeadGroup) -> JobFilter:
    return JobFilter(
        tenant=session.tenant,
        states=("dead",),
        queues=within(session, ()),
        fingerprints=(group.fingerprint,),
    )


ROUTES = [list_groups, get_group, list_jobs, retry, discard]
