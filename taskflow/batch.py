"""Batches in Python: jobs that are counted together, with callbacks when the last has ended.

    with tf.batch("import", on_success=report.s("ok")) as batch:
        batch.add(load, 1)
        batch.add_many(load, [(2,), (3,)])
    batch.handle.wait()

Nothing is sent before the block ends; then the batch and all its jobs are one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypedDict, Unpack

import msgspec

from taskflow.bulk import CHUNK
from taskflow.calls import batches
from taskflow.errors import InvalidOption, SyncCallInLoop, TaskflowError
from taskflow.flow import task_call
from taskflow.kernel.durations import Duration
from taskflow.kernel.flow import Batch
from taskflow.kernel.flow_errors import BatchNotFound
from taskflow.store import guest
from taskflow.waits import Wait

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.chains import Part
    from taskflow.kernel.job import Enqueued
    from taskflow.store.call import Call
    from taskflow.task import Enqueuer

P = ParamSpec("P")
Item = tuple[Any, ...] | Mapping[str, Any]


class BatchHandle:
    """One batch. Blocking verbs have plain names, their async twins a leading "a"."""

    def __init__(self, app: Taskflow, id: int, tenant: str) -> None:
        self._app = app
        self.id = id
        self.tenant = tenant

    def __repr__(self) -> str:
        return f"<BatchHandle of batch {self.id}>"

    def batch(self) -> Batch:
        """The batch with its counts now. Raises `BatchNotFound`."""
        return self._found(self._app.run(batches.get_batch(self.id, self.tenant)))

    async def abatch(self) -> Batch:
        return self._found(await self._app.arun(batches.get_batch(self.id, self.tenant)))

    def wait(self, timeout: Duration | None = None) -> Batch:
        """The batch once its last job has ended. Raises `ResultTimeout`; the batch goes on."""
        return self._found(self._wait(timeout).until(self._look, self._is_over))

    async def await_end(self, timeout: Duration | None = None) -> Batch:
        """`wait` for async code."""
        return self._found(await self._wait(timeout).auntil(self._look, self._is_over))

    def cancel(self, reason: str | None = None) -> batches.Called:
        """Cancels what waits and asks what runs to stop; call again while jobs remain."""
        return self._app.run(batches.cancel_batch(self.id, reason, self.tenant))

    async def acancel(self, reason: str | None = None) -> batches.Called:
        return await self._app.arun(batches.cancel_batch(self.id, reason, self.tenant))

    def _wait(self, timeout: Duration | None) -> Wait:
        return Wait(self._app, "batch", self.id, self.tenant, timeout)

    def _look(self) -> Call[Batch | None]:
        return batches.get_batch(self.id, self.tenant)

    @staticmethod
    def _is_over(batch: Batch | None) -> bool:
        return batch is None or batch.is_finished

    def _found(self, batch: Batch | None) -> Batch:
        if batch is None:
            raise BatchNotFound(
                f"batch {self.id} does not exist",
                "Its transaction was not committed (yet), or its retention is over.",
            )
        return batch


class BatchOptions(TypedDict, total=False):
    """What a batch may be given; callbacks are calls, `task.s(...)`."""

    on_success: Part[Any] | None
    on_failure: Part[Any] | None
    on_finish: Part[Any] | None
    meta: Mapping[str, Any] | None
    conn: Any


class BatchDraft:
    """A batch that is being put together; `handle` is there once it was sent."""

    def __init__(self, app: Taskflow, name: str | None, **given: Unpack[BatchOptions]) -> None:
        self._app = app
        self._conn = given.get("conn")
        self._tenant = app.settings.tenant
        self._create = batches.create_batch(
            name,
            on_success=_callback(given.get("on_success")),
            on_failure=_callback(given.get("on_failure")),
            on_finish=_callback(given.get("on_finish")),
            meta=given.get("meta"),
            tenant=self._tenant,
        )
        self._jobs: list[tuple[Enqueuer[..., Any], list[Item]]] = []
        self._handle: BatchHandle | None = None

    @property
    def handle(self) -> BatchHandle:
        if self._handle is None:
            raise TaskflowError("the batch was not sent yet", "Leave the with block first.")
        return self._handle

    def add(self, task: Enqueuer[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """One more job. Its arguments are checked at once."""
        task.task.signature.encode(args, kwargs, self._app.settings.max_args_bytes)
        item = task.task.signature.gather(args, kwargs)
        if self._jobs and self._jobs[-1][0] is task:
            self._jobs[-1][1].append(item)
        else:
            self._jobs.append((task, [item]))

    def add_many(self, task: Enqueuer[..., Any], items: Sequence[Item]) -> None:
        """One more job for each item, a tuple of positional or a dict of named arguments."""
        self._jobs.append((task, list(items)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        if self._conn is None and self._app.is_blocking_loop():
            raise SyncCallInLoop.calling("with tf.batch()", "async with tf.batch()")
        with ExitStack() as stack:
            connection = self._conn
            if connection is None:
                connection = stack.enter_context(self._app.database.connection())
                stack.enter_context(connection.transaction())
            id = guest.run_on(connection, self._create)
            for call in self._enqueues(id):
                _check(guest.run_on(connection, call))
            guest.run_on(connection, batches.close_batch(id, self._tenant))
        self._handle = BatchHandle(self._app, id, self._tenant)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        if self._conn is not None:
            await self._send(self._conn)
            return
        async with self._app.database.aconnection() as connection, connection.transaction():
            await self._send(connection)

    async def _send(self, connection: Any) -> None:
        id = await guest.arun_on(connection, self._create)
        for call in self._enqueues(id):
            _check(await guest.arun_on(connection, call))
        await guest.arun_on(connection, batches.close_batch(id, self._tenant))
        self._handle = BatchHandle(self._app, id, self._tenant)

    def _enqueues(self, id: int) -> Iterator[Call[Enqueued]]:
        limit = self._app.settings.max_args_bytes
        for task, items in self._jobs:
            options = msgspec.structs.replace(task.given, tenant=self._tenant)
            if options.unique_key is not None and len(items) > 1:
                raise InvalidOption("one unique_key cannot serve many jobs", "Use unique_by.")
            keys = [options.unique_key] if options.unique_key else None
            for start in range(0, len(items), CHUNK):
                args, errors = task.task.signature.encode_many(items[start : start + CHUNK], limit)
                if errors:
                    raise errors[0][1]
                yield batches.enqueue_in(id, task.task.name, args, options, keys)


def _callback(part: Part[Any] | None) -> dict[str, Any] | None:
    return None if part is None else task_call(part.task, part.args, part.kwargs)[0]


def _check(enqueued: Enqueued) -> None:
    """One that the database refuses takes the whole batch back."""
    for refusal in enqueued.refused:
        raise TaskflowError(f"job {refusal.position} of a batch was refused: {refusal.message}")
