"""/jobs:enqueue_many: up to 10,000 jobs in one call, with a result for each.

Items of one task with the same options go into one statement. A statement that fails is undone
alone, up to its savepoint, and its items say why; an atomic call then does nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from litestar import Request, post

from taskflow.access.rules import NDJSON
from taskflow.api import problems
from taskflow.api.fields import Flag
from taskflow.api.jobs import EnqueueBody
from taskflow.api.problems import BulkRefused, InvalidRequest
from taskflow.api.session import Injected, Session
from taskflow.calls import jobs
from taskflow.errors import DatabaseUnreachable, TaskflowError, TooManyItems
from taskflow.kernel import codec
from taskflow.kernel.job import Enqueued, Options
from taskflow.kernel.phrases import plural
from taskflow.store.call import DriverError

MOST_ITEMS = 10_000
MOST_KINDS = 500
"""Of tasks and options in one call: each takes a statement of its own."""
MOST_ERRORS = 1_000
"""Of an atomic call's errors, that many are told."""


class BulkBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Jobs to enqueue, each as for POST /jobs; read one by one, so that each has its own error."""

    items: list[msgspec.Raw]
    atomic: bool = False
    """All of them or none."""


class ItemResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one item: an id and an outcome, or a code and what is wrong."""

    position: int
    id: int | None = None
    outcome: str | None = None
    code: str | None = None
    message: str | None = None


class BulkResult(msgspec.Struct, frozen=True):
    data: list[ItemResult]
    refused: int


class Item(msgspec.Struct, frozen=True):
    position: int
    task: str
    args: bytes
    options: Options

    @property
    def group(self) -> bytes:
        """The same for items that one statement can enqueue."""
        shared = msgspec.structs.replace(self.options, unique_key=None)
        return msgspec.json.encode((self.task, shared))


@post("/jobs:enqueue_many", name="jobs.enqueue_many", status_code=200)
async def enqueue_many(
    session: Injected, request: Request[Any, Any, Any], atomic: Flag = False
) -> BulkResult:
    """Enqueue many jobs: {"items": [...], "atomic": bool}, or NDJSON with ?atomic=."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    whole = read(await request.body(), kind, atomic=atomic)
    results: list[ItemResult] = []
    groups: dict[bytes, list[Item]] = {}
    for found in items(session, whole.items):
        if isinstance(found, ItemResult):
            results.append(found)
        else:
            groups.setdefault(found.group, []).append(found)
    if len(groups) > MOST_KINDS:
        raise TooManyItems(
            f"items of {len(groups):,} kinds in one call, the limit is {MOST_KINDS}",
            "A kind is a task with its options; split the call, or sort the items by them first.",
        )
    for group in groups.values():
        results += await place(session, group)
    results.sort(key=lambda result: result.position)
    refused = [result for result in results if result.code is not None]
    if refused and whole.atomic:
        raise refusal(refused, len(results))
    session.target = plural(len(results) - len(refused), "job")
    return BulkResult(results, len(refused))


def read(body: bytes, kind: str, *, atomic: bool) -> BulkBody:
    """The items of a body, each still as it was sent. Raises `InvalidRequest`, `TooManyItems`."""
    if kind == NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        whole = BulkBody(items=[msgspec.Raw(line) for line in lines], atomic=atomic)
    else:
        try:
            whole = msgspec.json.decode(body, type=BulkBody)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidRequest.at("", str(error)) from None
    if len(whole.items) > MOST_ITEMS:
        raise TooManyItems(
            f"{len(whole.items):,} items in one call, the limit is {MOST_ITEMS:,}",
            "Split the call.",
        )
    return whole


def items(session: Session, sent: Iterable[msgspec.Raw]) -> Iterator[Item | ItemResult]:
    """Each item checked as far as that needs no database; what is wrong with it, if it is."""
    limit = session.app.settings.max_args_bytes
    decoder = msgspec.json.Decoder(EnqueueBody)
    for position, raw in enumerate(sent):
        try:
            body = decoder.decode(raw)
            options = body.options(session)
            if options.queue is not None:
                session.check_queue(options.queue)
            args = codec.encode(body.args, limit=limit)
            yield Item(position, body.task, args, options)
        except (msgspec.DecodeError, RecursionError) as error:
            yield ItemResult(position, code=InvalidRequest.code, message=str(error)[:1000])
        except TaskflowError as error:
            yield ItemResult(position, code=error.code, message=error.message)


async def place(session: Session, group: list[Item]) -> list[ItemResult]:
    """Enqueues items of one task with the same options; where that cannot be, says why."""
    first = group[0]
    keys: Any = [item.options.unique_key for item in group]
    call = jobs.enqueue_many(
        first.task,
        b"[" + b",".join(item.args for item in group) + b"]",
        msgspec.structs.replace(first.options, unique_key=None),
        keys if any(keys) else None,
    )
    try:
        async with session.savepoint():
            done = await session.run(call)
    except (TaskflowError, DriverError) as error:
        ours = problems.explain(error)
        if isinstance(ours, DatabaseUnreachable | problems.TooSlow | problems.InternalError):
            raise
        return [ItemResult(item.position, code=ours.code, message=ours.message) for item in group]
    return list(told(group, done))


def told(group: list[Item], done: Enqueued) -> Iterator[ItemResult]:
    refused = {refusal.position: refusal for refusal in done.refused}
    for at, (item, id) in enumerate(zip(group, done.ids, strict=True)):
        if at in refused:
            code, message = refused[at].code, refused[at].message
            yield ItemResult(item.position, code=code, message=message)
        else:
            yield ItemResult(item.position, id, done.outcomes[at] if done.outcomes else "enqueued")


def refusal(refused: list[ItemResult], count: int) -> BulkRefused:
    error = BulkRefused(
        f"{plural(len(refused), 'item')} of {count:,} cannot be enqueued, so none is",
        "Mend them, or send the call without atomic.",
    )
    error.items = tuple(
        (f"/items/{item.position}", item.code or "", item.message or "")
        for item in refused[:MOST_ERRORS]
    )
    return error


ROUTES = [enqueue_many]
