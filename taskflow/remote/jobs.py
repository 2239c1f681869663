"""Jobs on the REST API: enqueue, look, list, act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from taskflow.calls import bulk, jobs, reads, records
from taskflow.calls.bulk import Verb
from taskflow.errors import JobNotFound, JobStateConflict, QueueNotFound
from taskflow.kernel.access import NotAllowed
from taskflow.kernel.flow_errors import RunNotFound
from taskflow.kernel.job import FINISHED, Cause, Enqueued, Job, Options, Placed, Refusal, State
from taskflow.kernel.listing import AttemptLine, DeadGroup, JobFilter, JobLine, QueueLine
from taskflow.kernel.records import LogLine, Progress, StepLine
from taskflow.remote.script import (
    NO_END,
    PAGE,
    NeedsDatabase,
    Request,
    Script,
    at,
    get,
    listed,
    or_none,
    post,
    read,
    stands_for,
    whole,
)
from taskflow.store import filters

MOST_ITEMS = 10_000
"""Of one call, as the API takes them."""
STATES: tuple[State, ...] = State.__args__  # type: ignore[attr-defined]


class Detail(msgspec.Struct):
    """What GET /jobs/{id} answers."""

    job: Job
    progress: Progress | None


class Done(msgspec.Struct):
    outcome: str


class Item(msgspec.Struct):
    """What became of one of many."""

    id: int | None = None
    outcome: str | None = None
    code: str | None = None
    message: str | None = None


class Bulk(msgspec.Struct):
    data: list[Item]


class Result(msgspec.Struct):
    """What GET /jobs/{id}/result answers."""

    state: State
    result: msgspec.Raw


class Lines(msgspec.Struct):
    data: list[LogLine]


class Preview(msgspec.Struct):
    """What a dry run of an operation answers."""

    count: int
    sample: list[JobLine]


@stands_for(jobs.enqueue)
def enqueue(task: str, args: bytes, options: Options, version: int | None = None) -> Script[Placed]:
    _no_version(version)
    return read(Placed, post("/jobs", task=task, args=msgspec.Raw(args), **_body(options)))


@stands_for(jobs.enqueue_many)
def enqueue_many(
    task: str,
    args: bytes,
    options: Options,
    unique_keys: Sequence[str] | None = None,
    version: int | None = None,
) -> Script[Enqueued]:
    _no_version(version)
    shared = {"task": task, **_body(options)}
    items = [{**shared, "args": one} for one in msgspec.json.decode(args, type=list[msgspec.Raw])]
    for item, key in zip(items, unique_keys or (), strict=False):
        item["unique_key"] = key
    told: list[Item] = []
    for start in range(0, len(items), MOST_ITEMS):
        answer = yield from read(
            Bulk, post("/jobs:enqueue_many", items=items[start : start + MOST_ITEMS])
        )
        told += answer.data
    return Enqueued(
        [item.id for item in told],
        [
            Refusal(place, item.code, item.message or "")
            for place, item in enumerate(told)
            if item.code
        ],
        [item.outcome or "refused" for item in told] if unique_keys or options.is_tied else [],
    )


@stands_for(jobs.get)
def get_job(id: int, tenant: str | None = None) -> Script[Job | None]:
    found = yield from or_none(read(Detail, get(at("jobs", id))), JobNotFound)
    return found.job if found else None


@stands_for(records.get_result)
def get_result(id: int, tenant: str | None = None) -> Script[bytes | None]:
    """What a job returned, put together where it is stored apart."""
    found = yield from or_none(read(Result, get(at("jobs", id, "result"))), JobNotFound)
    return bytes(found.result) if found is not None and found.state == "succeeded" else None


@stands_for(records.get_progress)
def get_progress(id: int, tenant: str | None = None) -> Script[Progress | None]:
    found = yield from or_none(read(Detail, get(at("jobs", id))), JobNotFound)
    return found.progress if found else None


@stands_for(records.get_steps)
def get_steps(id: int, tenant: str | None = None) -> Script[list[StepLine]]:
    return (yield from or_none(whole(StepLine, at("jobs", id, "steps")), JobNotFound)) or []


@stands_for(reads.attempts)
def attempts(id: int, tenant: str) -> Script[list[AttemptLine]]:
    return (yield from or_none(whole(AttemptLine, at("jobs", id, "attempts")), JobNotFound)) or []


@stands_for(records.get_logs)
def get_logs(
    id: int,
    after_seq: int = 0,
    max_lines: int = 1_000,
    attempt: int | None = None,
    tenant: str | None = None,
) -> Script[list[LogLine]]:
    found: list[LogLine] = []
    while len(found) < max_lines:
        most = min(max_lines - len(found), PAGE)
        after = found[-1].seq if found else after_seq
        asked = get(at("jobs", id, "logs"), after=after, limit=most, attempt=attempt)
        lines = yield from or_none(read(Lines, asked), JobNotFound)
        found += lines.data if lines else ()
        if lines is None or len(lines.data) < most:
            break
    return found


@stands_for(reads.lineage)
def lineage(id: int, tenant: str) -> Script[tuple[list[int], list[int]]]:
    class Ties(msgspec.Struct):
        parents: list[int]
        children: list[int]

    found = yield from read(Ties, get(at("jobs", id, "lineage")))
    return found.parents, found.children


@stands_for(jobs.explain)
def explain(id: int, tenant: str | None = None) -> Script[list[Cause]]:
    """Of a job, or of a run, whose ids are of the same sequence."""
    causes = yield from or_none(whole(Cause, at("jobs", id, "why")), JobNotFound)
    if causes is None:
        # keys that see no workflows are told no more than that there is no such job
        causes = yield from or_none(
            whole(Cause, at("workflows", id, "why")), RunNotFound, NotAllowed
        )
    if causes is not None:
        return causes
    said = f"Job {id} is not known: it was never committed, or its retention is over."
    return [Cause("not_found", said, None)]


@stands_for(jobs.cancel)
def cancel(id: int, reason: str | None = None, tenant: str | None = None) -> Script[str]:
    try:
        done = yield from read(Done, post(at("jobs", id, "cancel"), reason=reason))
    except JobStateConflict:
        return "finished"
    return done.outcome


@stands_for(jobs.retry)
def retry(id: int, tenant: str | None = None) -> Script[None]:
    yield post(at("jobs", id, "retry"))


@stands_for(jobs.discard)
def discard(id: int, reason: str | None = None, tenant: str | None = None) -> Script[None]:
    yield post(at("jobs", id, "discard"), reason=reason)


@stands_for(jobs.reschedule)
def reschedule(id: int, run_at: datetime, tenant: str | None = None) -> Script[None]:
    yield post(at("jobs", id, "reschedule"), run_at=run_at)


@stands_for(jobs.move)
def move(id: int, queue: str, tenant: str | None = None) -> Script[None]:
    yield Request("PATCH", at("jobs", id), body={"queue": queue}, if_match="*")


@stands_for(jobs.set_priority)
def set_priority(id: int, priority: str, tenant: str | None = None) -> Script[None]:
    yield Request("PATCH", at("jobs", id), body={"priority": priority}, if_match="*")


@stands_for(bulk.each)
def each(
    verb: Verb, ids: Sequence[int], tenant: str, reason: str | None = None
) -> Script[list[str]]:
    """One job at a time: that all of them change or none is a promise of a transaction."""
    if len(ids) != 1:
        raise NeedsDatabase("several jobs at once need the database", "Do it job by job.")
    (id,) = ids
    if verb == "cancel":
        return [(yield from cancel(id, reason))]
    yield from retry(id) if verb == "retry" else discard(id, reason)
    return [""]


# --- lists ----------------------------------------------------------------------------------------


@stands_for(filters.page)
def page(wanted: JobFilter, limit: int, after: int | None = None) -> Script[list[JobLine]]:
    return listed(
        JobLine, "/jobs", limit, state=wanted.states, task=wanted.tasks, queue=wanted.queues,
        tag=wanted.tags, id=wanted.ids, fingerprint=wanted.fingerprints,
        created_after=wanted.since, created_before=wanted.until, below=after,
    )  # fmt: skip


@stands_for(filters.count)
def count(wanted: JobFilter) -> Script[tuple[int, int]]:
    """By the preview of an operation; its sample begins with the highest id."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
    given.pop("tenant", None)
    given["states"] = wanted.states or STATES
    given["ids"] = [str(id) for id in wanted.ids]
    asked = post("/operations", verb="cancel", filter=given, all=True, dry_run=True)
    found = yield from read(Preview, asked)
    return found.count, found.sample[0].id if found.sample else 0


@stands_for(filters.ids)
def ids(
    wanted: JobFilter, limit: int, after: int = 0, up_to: int | None = None
) -> Script[list[int]]:
    """The API lists the newest first, so all of them are read to begin with the oldest."""
    lines = yield from page(wanted, NO_END, None if up_to is None else up_to + 1)
    return sorted(line.id for line in lines if line.id > after)[:limit]


@stands_for(reads.dead_groups)
def dead_groups(
    tenant: str,
    limit: int,
    tasks: Sequence[str] = (),
    queues: Sequence[str] = (),
    prefix: str | None = None,
    *,
    fingerprint: str | None = None,
    after: tuple[int, str] | None = None,
) -> Script[list[DeadGroup]]:
    def is_wanted(group: DeadGroup) -> bool:
        return (
            group.fingerprint.startswith(prefix or "")
            and fingerprint in (None, group.fingerprint)
            and (after is None or (-group.count, group.fingerprint) > (-after[0], after[1]))
        )

    is_whole = prefix is None and fingerprint is None and after is None
    most = limit if is_whole else NO_END
    every = yield from listed(
        DeadGroup, "/dlq/groups", most, task=tuple(tasks), queue=tuple(queues)
    )
    return [group for group in every if is_wanted(group)][:limit]


@stands_for(reads.whole)
def whole_jobs(ids: Sequence[int], tenant: str) -> Script[list[Job]]:
    found = []
    for id in sorted(ids, reverse=True):
        job = yield from get_job(id)
        if job is not None:
            found.append(job)
    return found


@stands_for(reads.unserved_queue)
def unserved_queue(id: int, tenant: str) -> Script[str | None]:
    """None, too, for keys that may not look at queues."""
    try:
        job = yield from get_job(id)
        if job is None or job.state in FINISHED:
            return None
        line = yield from or_none(read(QueueLine, get(at("queues", job.queue))), QueueNotFound)
    except NotAllowed:
        return None
    return job.queue if line is not None and not line.workers else None


def _body(options: Options) -> dict[str, Any]:
    """The options by the API's names; the tenant is the key's."""
    given = {name: value for name, value in msgspec.structs.asdict(options).items() if value}
    given.pop("tenant", None)
    if options.depends_on:
        given["depends_on"] = [str(id) for id in options.depends_on]
    return given


def _no_version(version: int | None) -> None:
    if version is not None:
        raise NeedsDatabase("the REST API enqueues for the published version of a task only")
