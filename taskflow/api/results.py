"""What comes of a job while one waits: its result, and its log as it is written.

Both routes hold no connection between two looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response, get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from taskflow import results
from taskflow.api.answers import JsonResponse, blotted
from taskflow.api.fields import IdPath, Number
from taskflow.api.jobs import known
from taskflow.api.live import Follower, Live, Streams
from taskflow.api.session import Injected, Session, no_job
from taskflow.calls import jobs, records
from taskflow.errors import JobCancelled, JobFailed, ResultTimeout
from taskflow.kernel.job import Job
from taskflow.kernel.phrases import plural
from taskflow.kernel.stored import POSTGRES, Key, reference_in
from taskflow.kernel.wire import plain
from taskflow.waits import Wait

T = TypeVar("T")
LONGEST_WAIT_S = 60
LINES = 200
LOOK_EVERY_S = 1.0
LATE_LINES_S = 1.0
"""A worker may write the last lines of a run a little after its end."""
PING_EVERY_S = 15.0
FOLLOW_FOR_S = 600.0
"""Then the stream ends and whoever follows asks again, with a credential that is still good."""
Patience = Annotated[
    float, QueryParameter(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for its end.")
]
LastSeen = Annotated[
    str | None, HeaderParameter(name="last-event-id", pattern="^[0-9]{1,18}$", max_length=18)
]


class JobResult(msgspec.Struct, frozen=True):
    """What a job returned, and null while it has not."""

    id: int
    state: str
    result: msgspec.Raw | None = None


@get("/jobs/{job_id:str}/result", name="jobs.result")
async def result(
    session: Injected, streams: Live, job_id: IdPath, wait: Patience = 0
) -> Response[JobResult]:
    """Give what a job returned, waiting for its end: 202 while it goes on, 409 if it has failed."""
    job = await session.job(known(job_id))
    # a session runs Calls and has a listener, as an app does
    waiting = Wait(session, "job", job.id, session.tenant, wait)  # type: ignore[arg-type]
    try:
        looking = waiting.auntil(lambda: jobs.get(job.id, session.tenant), is_over)
        ended = await unless(streams.is_stopping, looking)
    except (ResultTimeout, TimeoutError):
        job = await session.job(job.id)
        return JsonResponse(
            JobResult(job.id, job.state), status_code=202, headers={"retry-after": "1"}
        )
    if ended is None:
        raise no_job(job.id)
    check_success(ended)
    raw = await whole(session, ended)
    return JsonResponse(
        JobResult(ended.id, ended.state, raw if session.sees_secrets else blotted(raw))
    )


@get("/jobs/{job_id:str}/logs/follow", name="jobs.follow")
async def follow(
    session: Injected,
    streams: Live,
    job_id: IdPath,
    after: Number = 0,
    last_event_id: LastSeen = None,
) -> ServerSentEvent:
    """Send a job's log as it is written: events "log" with the line's number as their id, and one
    "end" when the job has ended."""
    job = await session.job(known(job_id))
    first = int(last_event_id or after)
    return ServerSentEvent(followed(session, streams, streams.follow(session), job.id, first))


async def followed(
    session: Session, streams: Streams, follower: Follower, id: int, after: int
) -> AsyncIterator[ServerSentEventMessage]:
    try:
        async for sent in events(session, id, after, follower.is_over):
            yield sent
    finally:
        streams.end(follower)


async def events(
    session: Session, id: int, after: int, is_over: asyncio.Event
) -> AsyncIterator[ServerSentEventMessage]:
    begun = spoken = time.monotonic()
    has_ended = False
    while time.monotonic() < begun + FOLLOW_FOR_S and not is_over.is_set():
        # the job first: lines that are written in between are then in this look or the next
        job = await session.run(jobs.get(id, session.tenant))
        lines = await session.run(records.get_logs(id, after, LINES, None, session.tenant))
        for line in lines:
            after, spoken = line.seq, time.monotonic()
            yield message("log", line, str(line.seq))
        if len(lines) == LINES:
            continue
        if has_ended:
            yield message("end", {"id": id, "state": job.state if job else "gone"}, str(after))
            return
        has_ended = job is None or job.is_finished
        if time.monotonic() > spoken + PING_EVERY_S:
            spoken = time.monotonic()
            yield ServerSentEventMessage(comment="still here")
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_LINES_S if has_ended else LOOK_EVERY_S):
                await is_over.wait()


async def unless(stopping: asyncio.Event, looking: Coroutine[Any, Any, T]) -> T:
    """What a wait finds; raises `TimeoutError` when the server is told to stop."""
    found = asyncio.ensure_future(looking)
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait([found, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not found.done():
            raise TimeoutError
        return await found
    finally:
        found.cancel()
        stopped.cancel()


def message(event: str, content: Any, id: str) -> ServerSentEventMessage:
    return ServerSentEventMessage(msgspec.json.encode(plain(content)).decode(), event=event, id=id)


def is_over(job: Job | None) -> bool:
    return job is None or (job.is_finished and not job.awaits_result)


def check_success(job: Job) -> None:
    """Raises `JobFailed` or `JobCancelled`, as the SDK does."""
    if job.state == "dead":
        said = f"{job.error_class}: {job.error_message}" if job.error_class else job.reason
        raise JobFailed.of(
            job.id, f"job {job.id} is dead after {plural(job.attempt, 'attempt')}: {said}"
        )
    if job.state == "cancelled":
        raise JobCancelled.of(job.id, f"job {job.id} was cancelled: {job.reason}")


async def whole(session: Session, job: Job) -> msgspec.Raw:
    """The result, put together or fetched where the row has only a reference."""
    if job.result is None:
        return msgspec.Raw(b"null")
    found = reference_in(bytes(job.result))
    if found is None:
        return job.result
    if found.store == POSTGRES:
        raw = await session.run(records.get_result(job.id, session.tenant)) or b"null"
    else:
        key = Key(session.tenant, job.id, found.claim_no)
        raw = await results.afetch(session.app, key, found)
    return msgspec.Raw(raw)


ROUTES = [result, follow]
