"""Runs the jobs of a `BatchTask` together: those claimed within its `wait` share one handler call.

Each job keeps its own run in its own slot and only waits here for its part of the answer, so a
timeout, a cancel or a lost lease ends that job alone; the call goes on while any of its jobs wants
it. Before the call a job can be taken out again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

from taskflow.context import Context
from taskflow.kernel.records import running_job
from taskflow.task import Task
from taskflow.together import BatchTask
from taskflow.worker.executors.thread import ThreadExecutor
from taskflow.worker.places import Places
from taskflow.worker.run import Run

NO_BOUND = sys.maxsize // 4
"""Jobs that wait to be together are in no pool's way: the slots are their only bound."""
Ended = tuple[Any, TracebackType | None]
"""What a job's part of the answer is, and where it was raised if it is an exception."""


@dataclass(slots=True, eq=False)
class Member:
    """One job of a call."""

    value: Any
    context: Context
    run: Run
    ended: asyncio.Future[Ended]


@dataclass(slots=True, eq=False)
class Gathering:
    """The jobs of one call, before it begins and while it runs."""

    task: BatchTask[..., Any]
    members: list[Member] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None
    call: asyncio.Task[None] | None = None

    def take_out(self, member: Member) -> bool:
        """Takes a job out before the call begins, and ends its wait; False: it is too late."""
        if self.call is not None:
            return False
        self.members.remove(member)
        return member.ended.cancel()

    def leave(self) -> None:
        """A job was interrupted. The call ends with the last of them, where it waits next."""
        if self.call is not None and all(member.ended.done() for member in self.members):
            self.call.cancel()


class BatchExecutor:
    """Gathers jobs by their task, and calls its handler: on the loop, or in one of `threads`."""

    def __init__(self, threads: ThreadExecutor) -> None:
        self.places = Places(NO_BOUND)
        self._threads = threads
        self._open: dict[BatchTask[..., Any], Gathering] = {}
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self, task: Task[..., Any], context: Context, run: Run) -> Any:
        assert isinstance(task, BatchTask)
        ((value,), _) = task.signature.bind(context.raw_args)
        loop = asyncio.get_running_loop()
        gathering = self._open.get(task)
        if gathering is None:
            gathering = self._open[task] = Gathering(task)
            gathering.timer = loop.call_later(task.wait, self._begin, gathering)
        member = Member(value, context, run, loop.create_future())
        gathering.members.append(member)
        run.withdraw = partial(gathering.take_out, member)
        if len(gathering.members) >= task.size:
            self._begin(gathering)
        try:
            found, where = await member.ended
        except asyncio.CancelledError:
            gathering.leave()
            raise
        if isinstance(found, BaseException):
            raise found.with_traceback(where)
        return found

    def close(self) -> None:
        for call in self._calls:
            call.cancel()

    def _begin(self, gathering: Gathering) -> None:
        """Lets the call begin; jobs that come from here on are the next one's."""
        assert gathering.timer is not None
        gathering.timer.cancel()
        del self._open[gathering.task]
        if gathering.members:
            gathering.call = asyncio.get_running_loop().create_task(self._call(gathering))
            self._calls.add(gathering.call)
            gathering.call.add_done_callback(self._calls.discard)

    async def _call(self, gathering: Gathering) -> None:
        task, members = gathering.task, gathering.members
        running_job.set(members[0].context.claimed)
        try:
            answer = await self._answer(task, members)
            parts: Sequence[Any] = task.answers(answer, len(members))
        except BaseException as error:  # noqa: BLE001 - handlers are the user's code
            parts = [error] * len(members)
        for member, part in zip(members, parts, strict=True):
            if not member.ended.done():
                member.ended.set_result((part, getattr(part, "__traceback__", None)))

    async def _answer(self, task: BatchTask[..., Any], members: list[Member]) -> Any:
        args: list[Any] = [[member.value for member in members]]
        if task.signature.takes_context:
            args.insert(0, [member.context for member in members])
        if task.signature.is_async:
            for member in members:
                member.run.begin()
            return await task.fn(*args)

        def work() -> Any:
            for member in members:
                member.run.begin()
            return task.fn(*args)

        for member in members:
            member.run.is_interruptible = False
        return await asyncio.wrap_future(self._threads.submit(work))
