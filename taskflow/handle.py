"""A handle: what enqueue gives back, to look at a job, wait for it, or call it off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from taskflow import results
from taskflow.calls import jobs, records
from taskflow.errors import JobCancelled, JobFailed, JobNotFound, ResultTimeout
from taskflow.kernel import codec
from taskflow.kernel.durations import Duration
from taskflow.kernel.job import Job, State
from taskflow.kernel.phrases import plural
from taskflow.kernel.records import Progress
from taskflow.kernel.stored import Key, reference_in
from taskflow.waits import Wait

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.store.call import Call

R = TypeVar("R")
RESULT_PATIENCE_S = 5.0
"""How long to wait for a result that its handler's own transaction has left open: the handler may
have more to do before it returns, or may have died with its worker."""


class Handle(Generic[R]):
    """One enqueued job. Blocking verbs have plain names, their async twins a leading "a".

    `R` is what the handler returns; a job looked up by its id alone gives plain JSON.
    """

    def __init__(
        self,
        app: Taskflow,
        id: int,
        tenant: str,
        decode: Any = codec.decode,
        outcome: str = "enqueued",
    ) -> None:
        self._app = app
        self._decode = decode
        self.id = id
        self.tenant = tenant
        self.outcome = outcome
        """enqueued, or what became of the holder of its unique key: existing, replaced, merged."""

    def __repr__(self) -> str:
        return f"<Handle of job {self.id}>"

    def job(self) -> Job:
        """The whole job as it is now. Raises `JobNotFound` if never committed, or pruned."""
        return self._found(self._app.run(jobs.get(self.id, self.tenant)))

    async def ajob(self) -> Job:
        return self._found(await self._app.arun(jobs.get(self.id, self.tenant)))

    def state(self) -> State:
        """scheduled, available, running, retrying, succeeded, cancelled or dead."""
        return self.job().state

    async def astate(self) -> State:
        return (await self.ajob()).state

    def cancel(self, reason: str | None = None) -> str:
        """Calls the job off: "cancelled", "requested" (it runs; asked to stop) or "finished"."""
        return self._app.run(jobs.cancel(self.id, reason, self.tenant))

    async def acancel(self, reason: str | None = None) -> str:
        return await self._app.arun(jobs.cancel(self.id, reason, self.tenant))

    def wait(self, timeout: Duration | None = None) -> Job:
        """The job once it has finished. Raises `ResultTimeout` after `timeout`; the job goes on.

        The result of a handler that returns after its own transaction comes a little later: it is
        waited for, at most 5 s.

        Woken by a notification; see `Wait` for when it is lost.
        """
        wait = self._wait(timeout)
        return self._with_result(self._found(wait.until(self._look, _is_over)), wait.deadline)

    async def await_end(self, timeout: Duration | None = None) -> Job:
        """`wait` for async code."""
        wait = self._wait(timeout)
        found = self._found(await wait.auntil(self._look, _is_over))
        return await self._awith_result(found, wait.deadline)

    def result(self, timeout: Duration | None = None) -> R:
        """What the handler returned, waiting for it. Raises `JobFailed`, `JobCancelled` or
        `ResultTimeout`, also for a job that has succeeded but whose result does not come."""
        raw = self._outcome(self.wait(timeout))
        if (found := reference_in(raw)) is not None:
            raw = results.fetch(self._app, Key(self.tenant, self.id, found.claim_no), found)
        result: R = self._decode(raw)
        return result

    async def aresult(self, timeout: Duration | None = None) -> R:
        raw = self._outcome(await self.await_end(timeout))
        if (found := reference_in(raw)) is not None:
            raw = await results.afetch(self._app, Key(self.tenant, self.id, found.claim_no), found)
        result: R = self._decode(raw)
        return result

    def progress(self) -> Progress | None:
        """How far it is, as its handler last said; None before it has said anything."""
        return self._app.run(records.get_progress(self.id, self.tenant))

    async def aprogress(self) -> Progress | None:
        return await self._app.arun(records.get_progress(self.id, self.tenant))

    def _wait(self, timeout: Duration | None) -> Wait:
        return Wait(self._app, "job", self.id, self.tenant, timeout)

    def _look(self) -> Call[Job | None]:
        return jobs.get(self.id, self.tenant)

    def _with_result(self, job: Job, deadline: float) -> Job:
        for pause in _looks_for_result(deadline):
            if not job.awaits_result:
                break
            time.sleep(pause)
            job = self.job()
        return job

    async def _awith_result(self, job: Job, deadline: float) -> Job:
        for pause in _looks_for_result(deadline):
            if not job.awaits_result:
                break
            await asyncio.sleep(pause)
            job = await self.ajob()
        return job

    def _found(self, job: Job | None) -> Job:
        if job is None:
            raise JobNotFound(
                f"job {self.id} does not exist",
                "Its transaction was not committed (yet), or its retention is over.",
            )
        return job

    def _outcome(self, job: Job) -> bytes:
        """The result as it stands in the job's row."""
        if job.state == "dead":
            said = f"{job.error_class}: {job.error_message}" if job.error_class else job.reason
            raise JobFailed.of(
                self.id, f"job {self.id} is dead after {plural(job.attempt, 'attempt')}: {said}"
            )
        if job.state == "cancelled":
            raise JobCancelled.of(self.id, f"job {self.id} was cancelled: {job.reason}")
        if job.awaits_result:
            raise ResultTimeout.of(
                self.id,
                f"job {self.id} has succeeded, but its result has not come",
                "Its handler has not returned since its transaction, or died with its worker."
                " ctx.transaction(result=...) stores a result in the same commit.",
            )
        return bytes(job.result) if job.result is not None else b"null"


def _looks_for_result(deadline: float) -> Iterator[float]:
    """Growing pauses between looks: the result is a round trip away, as a rule."""
    end = min(deadline, time.monotonic() + RESULT_PATIENCE_S)
    pause = 0.002
    while (left := end - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 2, 0.25)


def _is_over(job: Job | None) -> bool:
    return job is None or job.is_finished
