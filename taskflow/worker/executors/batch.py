"""Runs the jobs of a `BatchTask` together: those claimed within its `wait` share one handler call.

Each job keeps its own run in its own slot and waits here for its part of the answer. Until the
handler begins, a job can be taken out. From then on it stays to the end of the call, stopped or
not, so that no retry of it runs beside; the call is interrupted when all of its jobs are stopped.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Any

from taskflow.context import Context, Interrupted, stop_error
from taskflow.errors import LeaseLost, RunError, TaskTimeout
from taskflow.kernel.outcome import Cancel
from taskflow.kernel.records import running_job
from taskflow.task import Task
from taskflow.together import BatchTask, is_error
from taskflow.worker.executors.thread import ThreadExecutor
from taskflow.worker.places import Places
from taskflow.worker.run import Run

NO_BOUND = sys.maxsize // 4
"""Handlers on the loop are in no pool's way: the slots are the only bound of their jobs."""
TOGETHER_S = 0.05
"""Jobs that are told to stop within this time interrupt their call once."""
Ended = tuple[Any, TracebackType | None]
"""What a job's part of the answer is, and where it was raised if it is an exception."""
OF_ONE_JOB = (Cancel, LeaseLost, TaskTimeout, asyncio.CancelledError)
"""What is raised where one job is to stop; see `share_of`."""


class Member:
    """One job of a call."""

    def __init__(self, value: Any, context: Context, run: Run) -> None:
        self.value = value
        self.context = context
        self.run = run
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()


class Gathering:
    """The jobs of one call, before it begins and while it runs."""

    def __init__(self, task: BatchTask[..., Any]) -> None:
        self.task = task
        self.members: list[Member] = []
        self.timer: asyncio.TimerHandle | None = None
        self.call: asyncio.Task[None] | None = None
        self.thread: Future[Any] | None = None
        self._has_begun = False
        self._interrupted_at = 0.0
        self._lock = threading.Lock()

    def take_out(self, member: Member) -> bool:
        """Takes a job out before the handler begins, and ends its wait; False: it is too late."""
        with self._lock:
            if self._has_begun or member not in self.members:
                return False
            self.members.remove(member)
        member.ended.cancel()
        if not self.members and self.thread is not None:
            self.thread.cancel()
        return True

    def begin(self) -> list[Member]:
        """The handler begins, in this thread: nobody is taken out any more."""
        with self._lock:
            self._has_begun = True
        for member in self.members:
            member.run.begin()
        if self.members:
            running_job.set(self.members[0].context.claimed)
        return self.members

    def is_wanted(self) -> bool:
        """Is there a job of it that has neither ended nor is to stop?"""
        return any(not (m.context.cancelled or m.context.is_settled) for m in self.members)

    def is_given_up(self) -> bool:
        return self._has_begun and all(
            member.run.is_given_up or member.context.is_settled for member in self.members
        )

    def interrupt(self) -> None:
        """A job was told to stop. The call is, where it waits next, when none of them wants it;
        once for all that are told together."""
        if self.call is None or not self._has_begun or not self.task.signature.is_async:
            return
        now = time.monotonic()
        if not self.is_wanted() and now - self._interrupted_at >= TOGETHER_S:
            self._interrupted_at = now
            self.call.cancel()


class BatchExecutor:
    """Gathers jobs by their task, and calls its handler: on the loop, or in one of `threads`.

    `bound` is how many jobs to hold that run or are about to. `is_full(queue)` tells that no other
    job of the queue can come while these wait, and none waits longer than `longest_wait` seconds.
    """

    def __init__(
        self,
        threads: ThreadExecutor,
        *,
        longest_wait: float,
        is_full: Callable[[str], bool],
        bound: int = NO_BOUND,
    ) -> None:
        self.places = Places(bound)
        self._threads = threads
        self._longest_wait = longest_wait
        self._is_full = is_full
        self._open: dict[BatchTask[..., Any], Gathering] = {}
        self._calls: dict[asyncio.Task[None], Gathering] = {}

    @property
    def lost(self) -> int:
        """How many calls go on, though all of their jobs were given up."""
        return sum(gathering.is_given_up() for gathering in self._calls.values())

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        assert isinstance(task, BatchTask)
        ((value,), _) = task.signature.bind(context.raw_args)
        gathering = self._gathering(task)
        member = Member(value, context, run)
        gathering.members.append(member)
        run.withdraw = partial(gathering.take_out, member)
        run.interrupt_with = gathering.interrupt
        run.is_kept = gathering.is_wanted
        if len(gathering.members) >= task.size or self._is_full(context.queue):
            self._begin(gathering)
        try:
            found, where = await member.ended
        except asyncio.CancelledError:
            gathering.take_out(member)
            raise
        if is_error(found):
            raise found.with_traceback(where)
        return found

    def close(self) -> None:
        for gathering in self._open.values():
            if gathering.timer is not None:
                gathering.timer.cancel()
        self._open.clear()
        for call in self._calls:
            if not call.cancelling():  # else it is cleaning up
                call.cancel()

    def _gathering(self, task: BatchTask[..., Any]) -> Gathering:
        """The next call of this task."""
        found = self._open.get(task)
        if found is None:
            found = self._open[task] = Gathering(task)
            wait = min(task.wait, self._longest_wait)
            found.timer = asyncio.get_running_loop().call_later(wait, self._begin, found)
        return found

    def _begin(self, gathering: Gathering) -> None:
        """Lets the call begin; jobs that come from here on are the next one's."""
        assert gathering.timer is not None
        gathering.timer.cancel()
        del self._open[gathering.task]
        if gathering.members:
            call = asyncio.get_running_loop().create_task(self._call(gathering))
            gathering.call, self._calls[call] = call, gathering
            call.add_done_callback(self._calls.pop)

    async def _call(self, gathering: Gathering) -> None:
        try:
            answer = await self._answer(gathering)
            parts = gathering.task.answers(answer, len(gathering.members))
        except BaseException as error:  # noqa: BLE001 - handlers are the user's code
            for member in gathering.members:
                tell(member, error, gathering.members)
        else:
            for member, part in zip(gathering.members, parts, strict=True):
                tell(member, part)

    async def _answer(self, gathering: Gathering) -> Any:
        task = gathering.task

        def call(members: list[Member]) -> Any:
            return task.call([m.context for m in members], [m.value for m in members])

        if task.signature.is_async:
            members = gathering.begin()
            return await call(members) if members else []

        def work() -> Any:
            members = gathering.begin()
            return call(members) if members else []

        for member in gathering.members:
            member.run.waits_since = time.monotonic()  # for the thread, from here on
        gathering.thread = self._threads.submit(work)
        return await asyncio.wrap_future(gathering.thread)


def tell(member: Member, part: Any, raised_for: list[Member] | None = None) -> None:
    """Ends a job's wait, whatever that is which the handler gave or raised."""
    if member.ended.done():
        return
    try:
        if raised_for is not None:
            part = share_of(part, member, raised_for)
        where = object.__getattribute__(part, "__traceback__") if is_error(part) else None
    except BaseException as mistake:  # noqa: BLE001 - a class of the user's that breaks who looks
        part, where = mistake, mistake.__traceback__
    member.ended.set_result((part, where))


def share_of(error: BaseException, member: Member, members: list[Member]) -> BaseException:
    """What an exception of the handler is for one of its jobs.

    What says that one job should stop (`ctx.raise_if_cancelled()`, a lease that a transaction found
    lost) ends that one; the others have done nothing wrong, and go back without an attempt.
    """
    if not issubclass(type(error), OF_ONE_JOB):
        return error
    stopped = member.context.stop_reason
    if stopped is not None:
        return stop_error(stopped, member.context.job_id)
    named = error.job_id if isinstance(error, RunError) else None
    if named == member.context.job_id:
        return error
    if named is None and not any(other.context.cancelled for other in members):
        return error  # the handler's own word for all of them
    return Interrupted.of(
        member.context.job_id, f"job {member.context.job_id}: another job of its call was stopped"
    )
