"""A handle for a run of a workflow: to look at it, wait for it, signal, retry or cancel it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from taskflow.calls import flows
from taskflow.kernel import codec
from taskflow.kernel.durations import Duration
from taskflow.kernel.flow import Run, RunState, Step
from taskflow.kernel.flow_errors import RunCancelled, RunFailed, RunNotFound
from taskflow.waits import Wait

if TYPE_CHECKING:
    from taskflow.app import Taskflow

R = TypeVar("R")


class RunHandle(Generic[R]):
    """One run. Blocking verbs have plain names, their async twins a leading "a".

    `R` is what the run gives; one that was looked up by its id alone gives plain JSON.
    """

    def __init__(
        self,
        app: Taskflow,
        id: int,
        tenant: str,
        decode: Callable[[bytes], Any] = codec.decode,
        outcome: str = "started",
    ) -> None:
        self._app = app
        self._decode = decode
        self.id = id
        self.tenant = tenant
        self.outcome = outcome
        """started, or existing: a run with this key was there already."""

    def __repr__(self) -> str:
        return f"<RunHandle of run {self.id}>"

    def run(self) -> Run:
        """The whole run as it is now. Raises `RunNotFound` if never committed, or pruned."""
        return self._found(self._app.run(flows.get_run(self.id, self.tenant)))

    async def arun(self) -> Run:
        return self._found(await self._app.arun(flows.get_run(self.id, self.tenant)))

    def state(self) -> RunState:
        """running, succeeded, failed, cancelled or compensating."""
        return self.run().state

    async def astate(self) -> RunState:
        return (await self.arun()).state

    def steps(self, max_steps: int = 1000) -> list[Step]:
        """Its steps in the order of the nodes, at most 10,000."""
        return self._app.run(flows.get_steps(self.id, self.tenant, max_steps))

    async def asteps(self, max_steps: int = 1000) -> list[Step]:
        return await self._app.arun(flows.get_steps(self.id, self.tenant, max_steps))

    def signal(self, name: str, payload: Any = None) -> str:
        """Sends a signal: "taken" by a step that waited for it, or "kept" for one."""
        return self._app.run(flows.signal(self.id, name, payload, self.tenant))

    async def asignal(self, name: str, payload: Any = None) -> str:
        return await self._app.arun(flows.signal(self.id, name, payload, self.tenant))

    def cancel(self, reason: str | None = None) -> str:
        """Calls it off: "cancelled", "requested" (its running jobs are asked to stop) or
        "finished"."""
        return self._app.run(flows.cancel_run(self.id, reason, self.tenant))

    async def acancel(self, reason: str | None = None) -> str:
        return await self._app.arun(flows.cancel_run(self.id, reason, self.tenant))

    def retry(self) -> None:
        """Runs it again from the steps that failed."""
        self._app.run(flows.retry_run(self.id, self.tenant))

    async def aretry(self) -> None:
        await self._app.arun(flows.retry_run(self.id, self.tenant))

    def wait(self, timeout: Duration | None = None) -> Run:
        """The run once it has ended. Raises `ResultTimeout` after `timeout`; the run goes on."""
        return self._found(self._wait(timeout).until(self._look, self._is_over))

    async def await_end(self, timeout: Duration | None = None) -> Run:
        """`wait` for async code."""
        return self._found(await self._wait(timeout).auntil(self._look, self._is_over))

    def result(self, timeout: Duration | None = None) -> R:
        """What the run gives, waiting for it. Raises `RunFailed`, `RunCancelled` or
        `ResultTimeout`."""
        return self._outcome(self.wait(timeout))

    async def aresult(self, timeout: Duration | None = None) -> R:
        return self._outcome(await self.await_end(timeout))

    def _wait(self, timeout: Duration | None) -> Wait:
        return Wait(self._app, "run", self.id, self.tenant, timeout)

    def _look(self) -> Any:
        return flows.get_run(self.id, self.tenant)

    @staticmethod
    def _is_over(run: Run | None) -> bool:
        return run is None or run.is_finished

    def _found(self, run: Run | None) -> Run:
        if run is None:
            raise RunNotFound(
                f"run {self.id} does not exist",
                "Its transaction was not committed (yet), or its retention is over.",
            )
        return run

    def _outcome(self, run: Run) -> R:
        if run.state == "failed":
            raise RunFailed.of(self.id, f"run {self.id} failed: {run.reason}")
        if run.state == "cancelled":
            raise RunCancelled.of(self.id, f"run {self.id} was cancelled: {run.reason}")
        result: R = self._decode(bytes(run.output) if run.output is not None else b"null")
        return result
