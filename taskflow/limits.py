"""A limit as users hold it: declared beside the tasks, and used outside of jobs.

`acquire()` waits for room. It may be awaited, or be the head of an `async with` or a `with`; as a
block it keeps its permit for as long as the block runs, however long that is.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Generator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from taskflow.calls import limits
from taskflow.errors import ResultTimeout, TaskflowError
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.kernel.limits import LimitRule, Permit

if TYPE_CHECKING:
    from taskflow.app import Taskflow

logger = logging.getLogger("taskflow")
LONGEST_PAUSE_S = 1.0


class Limit:
    """A limit of an app. With a rule it is published when a worker starts."""

    def __init__(self, app: Taskflow, name: str, rule: LimitRule | None = None) -> None:
        self.app = app
        self.name = name
        self.rule = rule

    def __repr__(self) -> str:
        return f"<Limit {self.name}>"

    def acquire(
        self,
        key: str = "",
        *,
        weight: int = 1,
        timeout: Duration | None = None,
        lease: Duration = "1m",
    ) -> Acquiring:
        """Waits until the limit has room for `key`, and uses it.

        `await limit.acquire("example.com")` for a rate; `async with limit.acquire(...):` or `with`
        for a concurrency, which is given back at the end. A process that dies gives it back after
        `lease`. Raises `ResultTimeout` when there is no room within `timeout`.
        """
        return Acquiring(
            self,
            key,
            weight,
            None if timeout is None else parse_duration(timeout, what="timeout"),
            parse_duration(lease, what="lease"),
        )

    def put(self) -> None:
        """Publishes the rule now; workers do it when they start."""
        self.app.run(limits.put(self._own_rule(), self.app.settings.tenant))

    async def aput(self) -> None:
        await self.app.arun(limits.put(self._own_rule(), self.app.settings.tenant))

    def _own_rule(self) -> LimitRule:
        if self.rule is None:
            raise TaskflowError(
                f"limit {self.name} has no rule here", "Give tf.limit() a rate or a concurrency."
            )
        return self.rule


class Acquiring:
    """An `acquire()` under way; the two colours of waiting for it."""

    def __init__(
        self, limit: Limit, key: str, weight: int, timeout: timedelta | None, lease: timedelta
    ) -> None:
        self._limit = limit
        self._key = key
        self._weight = weight
        self._timeout = timeout
        self._lease = lease
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._keeping: asyncio.Task[None] | None = None
        self.permit_id = 0
        """The permit once it is there; 0 where nothing has to be given back."""

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._acquire().__await__()

    async def __aenter__(self) -> Self:
        await self._acquire()
        if self.permit_id:
            self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        await self.arelease()

    def __enter__(self) -> Self:
        deadline = self._deadline()
        while (pause := self._taken(self._limit.app.run(self._call()))) is not None:
            time.sleep(self._next_pause(pause, deadline))
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Gives the permit back; a second time does nothing."""
        permit_id, self.permit_id = self.permit_id, 0
        if permit_id:
            self._limit.app.run(limits.release(permit_id, self._tenant))

    async def arelease(self) -> None:
        permit_id, self.permit_id = self.permit_id, 0
        if permit_id:
            await self._limit.app.arun(limits.release(permit_id, self._tenant))

    @property
    def _tenant(self) -> str:
        return self._limit.app.settings.tenant

    async def _acquire(self) -> Self:
        deadline = self._deadline()
        while True:
            pause = self._taken(await self._limit.app.arun(self._call()))
            if pause is None:
                return self
            await asyncio.sleep(self._next_pause(pause, deadline))

    async def _keep(self) -> None:
        """Renews the permit while the block runs."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                call = limits.renew(self.permit_id, self._lease, self._tenant)
                if not await self._limit.app.arun(call):
                    logger.warning("a permit of limit %s ran out while in use", self._limit.name)
                    return
            except TaskflowError as error:
                logger.warning("a permit of limit %s is not renewed: %s", self._limit.name, error)

    def _call(self) -> Any:
        return limits.take(
            self._limit.name,
            self._key,
            weight=self._weight,
            lease=self._lease,
            holder=self._holder,
            tenant=self._tenant,
        )

    def _taken(self, answer: Permit) -> float | None:
        """Notes the permit; or how many seconds to wait before asking again."""
        if answer.id is not None:
            self.permit_id = answer.id
            return None
        return answer.retry_after.total_seconds() if answer.retry_after else LONGEST_PAUSE_S

    def _deadline(self) -> float:
        wait = self._timeout.total_seconds() if self._timeout is not None else float("inf")
        return time.monotonic() + wait

    def _next_pause(self, pause: float, deadline: float) -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ResultTimeout(
                f"limit {self._limit.name} had no room in time", "Ask again later, or raise it."
            )
        return min(pause, LONGEST_PAUSE_S, left)
