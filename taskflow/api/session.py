"""What a handler works with: the caller, and one transaction that is bound to its tenant.

Handlers only run Calls and return values. The transaction is begun before them and committed after
their answer is made, by `door.py`, so that the change, its line in the audit trail and the kept
answer are one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from litestar.di import NamedDependency

from taskflow.access.rules import may, queues_for
from taskflow.access.tokens import Signer
from taskflow.app import Taskflow
from taskflow.calls import access, jobs
from taskflow.errors import JobNotFound
from taskflow.kernel.access import NotAllowed, Principal
from taskflow.kernel.job import Job
from taskflow.store.call import Call, arun
from taskflow.store.database import AsyncConnection
from taskflow.store.listen import Listener

T = TypeVar("T")


class Session:
    """One request's way to the database."""

    def __init__(
        self,
        app: Taskflow,
        signer: Signer | None,
        who: Principal | None,
        address: str,
        permission: str | None,
    ) -> None:
        self.app = app
        self._signer = signer
        self.address = address
        self.request_id = ""
        self.traceparent: str | None = None
        self.target: str | None = None
        """What the call was about, for the audit trail; the path's parameters unless set."""
        self.if_match: str | None = None
        self.token_version: int | None = None
        """Of the user who asks; a key has none."""
        self.is_secure = False
        """Did the request come over TLS?"""
        self.acted_as: Principal | None = None
        """Who it was, where that only came out on the way: at a login."""
        self.detail: Any = None
        """More for the audit trail."""
        self.next_cursor: str | None = None
        """Where the next page of a list begins, for the Link header."""
        self.etag: str | None = None
        """The version of what is answered, for If-Match."""
        self.connection: AsyncConnection | None = None
        self._who = who
        self._permission = permission

    @property
    def who(self) -> Principal:
        """The caller, on routes that ask for one."""
        assert self._who is not None
        return self._who

    @property
    def signer(self) -> Signer:
        """What signs; there is none on routes that look at nothing."""
        assert self._signer is not None
        return self._signer

    @property
    def principal(self) -> Principal | None:
        return self._who

    @property
    def tenant(self) -> str:
        return self.who.tenant

    @property
    def queues(self) -> tuple[str, ...] | None:
        """The queues that this call may touch; None: all."""
        return queues_for(self.who, self._permission) if self._permission else self.who.queues

    @property
    def sees_secrets(self) -> bool:
        return may(self.who, "jobs:secrets")

    async def run(self, call: Call[T]) -> T:
        """Runs a Call in the request's transaction; on routes that stream, in one of its own."""
        if self.connection is not None:
            return await arun(self.connection, call)
        return await run_bound(self.app, self.binding(), call)

    arun = run

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the request's transaction that is undone alone where it raises."""
        assert self.connection is not None
        async with self.connection.transaction():
            yield

    def listener(self) -> Listener:
        return self.app.listener()

    def binding(self) -> Call[None]:
        """Binds a transaction to the caller; to nobody's tenant on routes for everybody."""
        timeout = self.app.settings.api_timeout
        if self._who is None:
            return access.bind("", None, "anonymous", timeout)
        return access.bind(self.tenant, self.queues, self.who.actor, timeout)

    async def job(self, id: int) -> Job:
        """A job that the caller may see, else `JobNotFound`: what is not its own does not exist."""
        found = await self.run(jobs.get(id, self.tenant))
        if found is None or (self.queues is not None and found.queue not in self.queues):
            raise no_job(id)
        return found

    async def lock(self, what: str) -> None:
        """Makes the editors of one thing wait for each other."""
        await self.run(access.lock(what))

    def check_queue(self, queue: str) -> None:
        """Raises `NotAllowed` for a queue that the caller is not bound to."""
        if self.queues is not None and queue not in self.queues:
            raise NotAllowed(
                f"queue {queue} is not among yours: {', '.join(self.queues)}",
                "An administrator can change the queues of a user or a key.",
            )


async def run_bound(app: Taskflow, binding: Call[None], call: Call[T]) -> T:
    """Runs a Call in a transaction of its own, bound as `calls.access.bind` says."""
    async with app.database.aconnection() as connection, connection.transaction():
        await arun(connection, binding)
        return await arun(connection, call)


Injected = NamedDependency[Session]
"""How a handler asks for its session."""


def no_job(id: int | str) -> JobNotFound:
    return JobNotFound(
        f"job {id} does not exist", "It was never committed, or its retention is over."
    )
