"""Runs CPU-bound handlers in child processes, which can really be killed.

Pebble keeps the pool: it starts a new child for one that was killed or died. A child imports the
handler by its module and name, so it must be importable there; nothing is pickled but plain bytes
and what the handler raises.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from typing import Any

import msgspec
import pebble

from taskflow.app import Taskflow
from taskflow.context import Context, claim_from_payload, context_payload
from taskflow.errors import InvalidDefinition, RunError
from taskflow.kernel import codec
from taskflow.kernel.job import Claimed
from taskflow.kernel.records import OFF, level_number, running_job
from taskflow.settings import Settings
from taskflow.task import Task
from taskflow.worker.backlog import Backlog
from taskflow.worker.capture import Capture
from taskflow.worker.places import Places
from taskflow.worker.recorder import Recorder
from taskflow.worker.run import Run

TERM_S = 3.0
LOOK_S = 0.01


class WorkerProcessDied(RunError):
    """The child process that ran the job ended: a crash, or the kernel's memory killer."""

    code = "TF308"


class ProcessExecutor:
    """A pool of child processes, started at first use."""

    def __init__(self, processes: int) -> None:
        self._processes = processes or os.cpu_count() or 1
        self._pool: pebble.ProcessPool | None = None
        self.places = Places(self._processes)
        self._turns = asyncio.Semaphore(self._processes)

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        async with self._turns:
            run.waits_since = None
            future = self._started().schedule(
                _run_in_child,
                args=(*_where(task), context_payload(context.claimed), self._settings_of(task)),
            )
            self._begin_with(future, run)
            try:
                answer = await asyncio.wrap_future(future)
            except asyncio.CancelledError:
                future.cancel()  # type: ignore[no-untyped-call]  # TERM, then KILL after TERM_S
                raise
            except BrokenProcessPool as error:
                self._pool = None  # it takes no more work; the next job starts another
                raise WorkerProcessDied.of(
                    context.job_id, f"the processes of job {context.job_id}'s pool broke: {error}"
                ) from None
            except (pebble.ProcessExpired, CancelledError) as error:
                raise WorkerProcessDied.of(
                    context.job_id, f"the process that ran job {context.job_id} died: {error}"
                ) from None
        raw, context.is_settled, context.is_result_pending = answer
        return None if raw is None else codec.decode(raw)

    def _begin_with(self, future: Any, run: Run) -> None:
        """Begins the run when its child does, which may have to start first: a second or more that
        would count as the job's. The pool tells nobody, so this looks until then."""
        if future.running():
            run.begin()
        elif not future.done():
            asyncio.get_running_loop().call_later(LOOK_S, self._begin_with, future, run)

    def _settings_of(self, task: Task[..., Any]) -> bytes:
        """This process's settings, which the child would not find by itself: options of the command
        line, a database that was started on demand."""
        settings = msgspec.structs.replace(task.app.settings, database_url=task.app.dsn)
        return msgspec.msgpack.encode(settings)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join(TERM_S)

    def _started(self) -> pebble.ProcessPool:
        if self._pool is None:
            # spawn: a fork would copy this process's threads' locks and its connections
            self._pool = pebble.ProcessPool(
                self._processes,
                context=multiprocessing.get_context("spawn"),
                initializer=_ignore_interrupt,
            )
        return self._pool


def _where(task: Task[..., Any]) -> tuple[str, str]:
    module, name = task.fn.__module__, task.fn.__qualname__
    if "<locals>" in name:
        raise InvalidDefinition(
            f"{name} is defined inside a function, where a child process cannot find it",
            "Define it at module level.",
        )
    return module, name


def _ignore_interrupt() -> None:
    """Ctrl-C goes to the whole process group; the worker decides what becomes of its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_in_child(
    module: str, name: str, payload: bytes, settings: bytes
) -> tuple[bytes | None, bool, bool]:
    """The result as JSON, and what the handler's own transaction left in its context."""
    task: Any = importlib.import_module(module)
    for part in name.split("."):
        task = getattr(task, part)
    if not isinstance(task, Task):
        raise InvalidDefinition(f"{module}.{name} is not a task in the child process")
    wanted = msgspec.msgpack.decode(settings, type=Settings)
    if task.app.settings != wanted:
        task.app.reconfigure(**msgspec.structs.asdict(wanted))
    claimed = claim_from_payload(payload)
    notes = _notes(task.app)
    context = Context(task.app, claimed, notes.backlog)
    try:
        with notes.of(claimed):
            value = task.handle(context)
        if isinstance(value, BaseException):
            raise value
    except BaseException as error:  # noqa: BLE001 - handlers are the user's code
        raise _portable(error) from None
    limit = task.app.settings.max_result_bytes
    raw = None if value is None else codec.encode_result(value, limit=limit)
    return raw, context.is_settled, context.is_result_pending


class _Notes:
    """What the jobs of a child record. It writes that itself, as the worker does for its own: a way
    back through the parent would have to survive being killed in the middle of a message."""

    def __init__(self, app: Taskflow) -> None:
        self._running: Claimed | None = None
        level = level_number(app.settings.job_log_level)
        self.backlog = Backlog(level, lambda job: job is self._running)
        self._recorder = Recorder(
            app.dsn, app.connection_settings("taskflow records"), self.backlog
        )
        if level < OFF:
            logging.root.addHandler(Capture(self.backlog, lambda job: job is self._running))
            if logging.root.level == logging.WARNING:
                # nobody has configured logging here, as the worker's program may have
                logging.root.setLevel(level)

    @contextmanager
    def of(self, job: Claimed) -> Iterator[None]:
        """Notes what is recorded inside the block, and has it written at its end."""
        self._running = job
        token = running_job.set(job)
        try:
            yield
        finally:
            running_job.reset(token)
            self._running = None
            if self.backlog.open:
                self.backlog.end(job)
                self._recorder.flush()


@cache
def _notes(app: Taskflow) -> _Notes:
    return _Notes(app)


def _portable(error: BaseException) -> BaseException:
    """The error itself if it survives the way to the parent: one that does not breaks the pool."""
    if isinstance(error, StopIteration):  # no future takes one
        return RuntimeError("the handler raised StopIteration")
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever the user's class raises
        kind = type(error)
        return RuntimeError(f"{kind.__module__}.{kind.__qualname__}: {error}")
    return error
