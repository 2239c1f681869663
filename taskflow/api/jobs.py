"""/jobs: enqueue, list, look, and act on one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from litestar import delete, get, patch, post
from litestar.params import JSONBody

from taskflow.api.answers import Count, Done, Page, blotted, paged, read_cursor, shown
from taskflow.api.edits import check_match
from taskflow.api.fields import (
    Below,
    Counted,
    Cursor,
    IdPath,
    JobIds,
    Limit,
    MaybeNumber,
    Number,
    States,
    Time,
    Words,
    choices,
    ident,
    names,
    number,
    time,
    words,
)
from taskflow.api.problems import InvalidRequest
from taskflow.api.session import Injected, Session, no_job
from taskflow.calls import jobs, reads, records
from taskflow.errors import JobStateConflict
from taskflow.kernel import codec
from taskflow.kernel.job import Cause, Job, Options, Placed, State
from taskflow.kernel.listing import COUNT_CAP, AttemptLine, JobFilter, JobLine
from taskflow.kernel.options import make_options
from taskflow.kernel.records import LogLine, Progress, StepLine
from taskflow.store import filters

STATES = frozenset(State.__args__)  # type: ignore[attr-defined]


class EnqueueBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A job to enqueue. What is left out comes from the task's published defaults."""

    task: str
    args: dict[str, Any] = {}
    queue: str | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    run_at: datetime | None = None
    delay: timedelta | float | None = None
    """ISO 8601, "PT5M", or seconds."""
    max_attempts: int | None = None
    timeout: timedelta | float | None = None
    deadline: datetime | None = None
    tags: list[str] | None = None
    meta: dict[str, Any] | None = None
    unique_key: str | None = None
    unique_by: list[str] | None = None
    unique_scope: Literal["queue", "task", "tenant"] | None = None
    unique_while: Literal["live", "waiting"] | None = None
    unique_for: timedelta | float | None = None
    on_conflict: Literal["existing", "raise", "replace", "merge"] | None = None
    replace: list[str] | None = None
    depends_on: list[str] | None = None
    on_parent_failure: Literal["cancel", "continue"] | None = None

    def options(self, session: Session) -> Options:
        """The options, checked as the SDK checks them.

        The caller's `traceparent` goes with the job in its meta, for the handler to go on from.
        """
        given = {
            name: getattr(self, name)
            for name in Options.__struct_fields__
            if name not in ("tenant", "depends_on")
        }
        if self.depends_on is not None:
            given["depends_on"] = [parent_id(text) for text in self.depends_on]
        if session.traceparent is not None:
            given["meta"] = {"traceparent": session.traceparent, **(self.meta or {})}
        return msgspec.structs.replace(make_options(Options(), given), tenant=session.tenant)


class JobDetail(msgspec.Struct, frozen=True):
    """A job with how far it is, and with what `include` has asked for."""

    job: Job
    progress: Progress | None
    attempts: list[AttemptLine] | None = None
    logs: list[LogLine] | None = None
    """The first 200 lines."""


class EditBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A merge patch (RFC 7396) of what can be edited while a job waits."""

    run_at: datetime | None = None
    queue: str | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None


class ReasonBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    reason: str | None = None


class RescheduleBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    run_at: datetime


class Logs(msgspec.Struct, frozen=True):
    """Lines of a job's log; ask again with `after` of the last for what comes later."""

    data: list[LogLine]
    after: int


class Lineage(msgspec.Struct, frozen=True):
    """What a job waits for, and what waits for it."""

    parents: list[str]
    children: list[str]


@post("/jobs", name="jobs.enqueue", status_code=201)
async def enqueue(session: Injected, data: JSONBody[EnqueueBody]) -> Placed:
    """Enqueue a job. With a unique key that a live job holds, answers that one and says so."""
    options = data.options(session)
    if options.queue is not None:
        session.check_queue(options.queue)
    args = codec.encode(data.args, limit=session.app.settings.max_args_bytes)
    placed = await session.run(jobs.enqueue(data.task, args, options))
    session.target = str(placed.id)
    return placed


@get("/jobs", name="jobs.list")
async def list_jobs(
    session: Injected,
    in_state: States = None,
    task: Words = None,
    queue: Words = None,
    tag: Words = None,
    fingerprint: Words = None,
    job_id: JobIds = None,
    created_after: Time = None,
    created_before: Time = None,
    below: Below = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    with_count: Counted = False,
) -> Page[JobLine]:
    """List jobs, the newest first. With a count of all that fit, no further than 10,000."""
    wanted = job_filter(
        session, state=in_state, task=task, queue=queue, tag=tag, fingerprint=fingerprint,
        ids=job_id, after=created_after, before=created_before,
    )  # fmt: skip
    scope = f"jobs {session.tenant} {wanted}"
    last = read_cursor(session.signer, scope, cursor)
    found = await session.run(filters.page(wanted, limit + 1, int(last) if last else below))
    page = paged(session, found, limit, scope, lambda line: line.id)
    if not with_count:
        return page
    counted = await session.run(filters.capped_count(wanted, COUNT_CAP))
    kind = "at_least" if counted >= COUNT_CAP else "exact"
    return msgspec.structs.replace(page, count=Count(min(counted, COUNT_CAP - 1), kind))


def job_filter(
    session: Session,
    *,
    state: str | None = None,
    task: str | None = None,
    queue: str | None = None,
    tag: str | None = None,
    fingerprint: str | None = None,
    ids: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
) -> JobFilter:
    """The filter of a request, within the caller's tenant and queues."""
    states = choices(state, STATES, "state")
    wanted = names(queue, "queue", "queue")
    if session.queues is not None:
        wanted = tuple(q for q in wanted or session.queues if q in session.queues) or ("-",)
    return JobFilter(
        tenant=session.tenant,
        states=states,  # type: ignore[arg-type]
        tasks=names(task, "task", "task"),
        queues=wanted,
        tags=words(tag),
        fingerprints=words(fingerprint),
        ids=tuple(parent_id(text, "id") for text in words(ids)),
        since=time(after, "created_after"),
        until=time(before, "created_before"),
    )


@get("/jobs/{job_id:str}", name="jobs.get")
async def get_job(session: Injected, job_id: IdPath, include: Words = None) -> JobDetail:
    """Show a job with its arguments, result and progress; `include=attempts,logs` for more."""
    wanted = choices(include, ("attempts", "logs"), "include")
    job = await session.job(known(job_id))
    session.etag = tag_of(job)
    progress = await session.run(records.get_progress(job.id, session.tenant))
    detail = JobDetail(shown(job, sees_secrets=session.sees_secrets), progress)
    if "attempts" in wanted:
        tries = await session.run(reads.attempts(job.id, session.tenant))
        detail = msgspec.structs.replace(detail, attempts=tries)
    if "logs" in wanted:
        lines = await session.run(records.get_logs(job.id, 0, 200, None, session.tenant))
        detail = msgspec.structs.replace(detail, logs=lines)
    return detail


@patch("/jobs/{job_id:str}", name="jobs.edit")
async def edit(session: Injected, job_id: IdPath, data: JSONBody[EditBody]) -> JobDetail:
    """Change the time, queue or priority of a job that waits. Takes If-Match."""
    await session.lock(f"job {job_id}")
    job = await session.job(known(job_id))
    check_match(session, tag_of(job))
    if data.queue is not None:
        session.check_queue(data.queue)
        await session.run(jobs.move(job.id, data.queue, session.tenant))
    if data.priority is not None:
        await session.run(jobs.set_priority(job.id, data.priority, session.tenant))
    if data.run_at is not None:
        run_at = time(data.run_at, "run_at")
        assert run_at is not None
        await session.run(jobs.reschedule(job.id, run_at, session.tenant))
    return await get_job.fn(session, job_id)  # type: ignore[no-any-return]


@delete("/jobs/{job_id:str}", name="jobs.delete")
async def delete_job(session: Injected, job_id: IdPath) -> None:
    """Give a dead or waiting job up for good."""
    job = await session.job(known(job_id))
    await session.run(jobs.discard(job.id, None, session.tenant))


@post("/jobs/{job_id:str}/retry", name="jobs.retry", status_code=200)
async def retry(session: Injected, job_id: IdPath) -> Done:
    """Run a dead or cancelled job again, or one that waits for its retry at once."""
    job = await session.job(known(job_id))
    await session.run(jobs.retry(job.id, session.tenant))
    return Done("retried")


@post("/jobs/{job_id:str}/cancel", name="jobs.cancel", status_code=200)
async def cancel(
    session: Injected, job_id: IdPath, data: JSONBody[ReasonBody | None] = None
) -> Done:
    """Cancel a job: at once, or by asking the one that runs it to stop."""
    job = await session.job(known(job_id))
    outcome = await session.run(jobs.cancel(job.id, data.reason if data else None, session.tenant))
    if outcome == "finished":
        raise JobStateConflict(f"job {job.id} has finished", "Only live jobs can be cancelled.")
    return Done(outcome)


@post("/jobs/{job_id:str}/reschedule", name="jobs.reschedule", status_code=200)
async def reschedule(session: Injected, job_id: IdPath, data: JSONBody[RescheduleBody]) -> Done:
    """Move a waiting job to another time."""
    job = await session.job(known(job_id))
    run_at = time(data.run_at, "run_at")
    assert run_at is not None
    await session.run(jobs.reschedule(job.id, run_at, session.tenant))
    return Done("rescheduled")


@post("/jobs/{job_id:str}/discard", name="jobs.discard", status_code=200)
async def discard(
    session: Injected, job_id: IdPath, data: JSONBody[ReasonBody | None] = None
) -> Done:
    """Give a dead or waiting job up for good, and say why."""
    job = await session.job(known(job_id))
    await session.run(jobs.discard(job.id, data.reason if data else None, session.tenant))
    return Done("discarded")


@get("/jobs/{job_id:str}/attempts", name="jobs.attempts")
async def attempts(session: Injected, job_id: IdPath) -> Page[AttemptLine]:
    """List the attempts that did not simply succeed, the newest first."""
    job = await session.job(known(job_id))
    return Page(await session.run(reads.attempts(job.id, session.tenant)))


@get("/jobs/{job_id:str}/steps", name="jobs.steps")
async def steps(session: Injected, job_id: IdPath) -> Page[StepLine]:
    """List the durable steps that are saved."""
    job = await session.job(known(job_id))
    found = await session.run(records.get_steps(job.id, session.tenant))
    if not session.sees_secrets:
        found = [
            msgspec.structs.replace(step, result=step.result and blotted(step.result))
            for step in found
        ]
    return Page(found)


@get("/jobs/{job_id:str}/logs", name="jobs.logs")
async def logs(
    session: Injected,
    job_id: IdPath,
    after: Number = 0,
    limit: Limit = 200,
    attempt: MaybeNumber = None,
) -> Logs:
    """Read a job's log from a line on."""
    job = await session.job(known(job_id))
    found = await session.run(records.get_logs(job.id, after, limit, attempt, session.tenant))
    return Logs(found, found[-1].seq if found else after)


@get("/jobs/{job_id:str}/why", name="jobs.why")
async def why(session: Injected, job_id: IdPath) -> Page[Cause]:
    """Say why a job is where it is: the first cause is the answer."""
    job = await session.job(known(job_id))
    return Page(await session.run(jobs.explain(job.id, session.tenant)))


@get("/jobs/{job_id:str}/lineage", name="jobs.lineage")
async def lineage(session: Injected, job_id: IdPath) -> Lineage:
    """Say which jobs it waits for, and which wait for it."""
    job = await session.job(known(job_id))
    parents, children = await session.run(reads.lineage(job.id, session.tenant))
    return Lineage([str(id) for id in parents], [str(id) for id in children])


def known(job_id: str) -> int:
    return ident(job_id, no_job)


def parent_id(text: str, pointer: str = "/depends_on") -> int:
    if not (text.isascii() and text.isdigit()) or number(text) is None:
        raise InvalidRequest.at(pointer, f"{text[:40]!a} is no id")
    return int(text)


def tag_of(job: Job) -> str:
    """The version of what can be edited of a job."""
    marks = f"{job.claim_no}.{job.run_at.timestamp():.6f}.{job.queue}.{job.priority}.{job.state}"
    return f'"{job.id}.{marks}"'


ROUTES = [
    enqueue, list_jobs, get_job, edit, delete_job, retry, cancel, reschedule, discard, attempts,
    steps, logs, why, lineage,
]  # fmt: skip
