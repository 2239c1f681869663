"""Keeps the leases, from a thread and a connection of its own.

Neither a handler that blocks the event loop nor an exhausted pool can starve it. `watch`, in the
loop, looks at this process's own clock: a job whose lease ran out here (the database was away, its
row was locked, or the process was stopped) is stopped at once, since another worker may have it by
now. It also looks after runs that do not end when they should.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from taskflow.calls import leases
from taskflow.errors import WorkerNotRegistered
from taskflow.kernel.job import Claimed
from taskflow.store.call import DriverError, run
from taskflow.store.cut import cut
from taskflow.store.database import Connection
from taskflow.store.pool import Settings, connect
from taskflow.worker.hand import Hand

logger = logging.getLogger("taskflow.worker")
MARGIN = 0.1
"""Share of the lease kept back for clocks that run at different speeds and slow answers."""
HURRY_EVERY_S = 0.2
"""Anybody may send the notification that asks for a renewal now."""


class Renewer:
    """A thread that renews every third of the lease until `stop`."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        worker_id: int,
        hand: Hand,
        lease: timedelta,
        *,
        report: Callable[[], dict[str, Any]],
        stop_job: Callable[[Claimed, str], None],
        on_unregistered: Callable[[], None],
        on_drain: Callable[[], None],
    ) -> None:
        self._dsn = dsn
        self._settings = settings
        self._worker_id = worker_id
        self._hand = hand
        self._lease = lease
        self._lease_s = lease.total_seconds()
        self._report = report
        self._stop_job = stop_job
        self._on_unregistered = on_unregistered
        self._on_drain = on_drain
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="taskflow-renew", daemon=True)
        self.last_renewal = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        """Renews now: somebody asked a job of this worker to stop."""
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread; the leases in hand run out from here."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(1)

    async def watch(self) -> None:
        """Stops what is overdue, until cancelled. Not the thread's work: it may be waiting for a
        connection, and handlers can be stopped only when the loop turns anyhow."""
        while True:
            for job in self._hand.overdue(self._lease_s, self._lease_s * MARGIN):
                self._stop_job(job, "lease lost")
            self._hand.insist(self._lease_s)
            self._hand.hand_back_waiting(self._lease_s)
            await asyncio.sleep(min(self._lease_s / 12, 1.0))

    def _run(self) -> None:
        next_renewal = time.monotonic() + self._lease_s / 3
        hurried_at = 0.0
        while not self._stopped.is_set():
            hurried = self._wake.wait(min(self._lease_s / 12, 1.0))
            if hurried:
                pause_s = min(HURRY_EVERY_S, self._lease_s / 6)
                self._stopped.wait(hurried_at + pause_s - time.monotonic())
                hurried_at = time.monotonic()
            self._wake.clear()
            if self._stopped.is_set():
                break
            now = time.monotonic()
            if hurried or now >= next_renewal:
                renewed = self._renew_in_time(now)
                next_renewal = now + (
                    self._lease_s / 3 if renewed else min(1.0, self._lease_s / 12)
                )
        if self._connection is not None:
            with suppress(DriverError):
                self._connection.close()

    def _renew_in_time(self, sent_at: float) -> bool:
        """One renewal, whatever happens: a thread that ended here would lose every lease."""
        try:
            self._renew(sent_at)
        except WorkerNotRegistered:
            self._on_unregistered()
        except Exception as error:  # noqa: BLE001
            logger.warning("leases could not be renewed: %s", error)
            if self._connection is not None:
                with suppress(DriverError):
                    self._connection.close()
                self._connection = None
            return False
        return True

    def _renew(self, sent_at: float) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn, self._settings)
        held, batches = self._hand.roll_call()
        call = leases.renew(self._worker_id, held, self._lease, batches, self._report())
        # a network that swallows packets would hold this thread, and so every lease, for minutes
        timer = threading.Timer(self._lease_s / 3, cut, (self._connection,))
        timer.daemon = True
        timer.start()
        try:
            verdicts = run(self._connection, call)
        finally:
            timer.cancel()
        self.last_renewal = sent_at
        asked = {(job.id, job.claim_no): job for job in held}
        locked = {(id, claim_no) for id, claim_no, verdict in verdicts if verdict == "locked"}
        for fence, job in asked.items():
            if fence not in locked:  # those were passed over: their leases run on from before
                job.held_since = sent_at
        for id, claim_no, verdict in verdicts:
            if verdict == "drain":
                self._on_drain()
            elif verdict != "locked":
                reason = "lease lost" if verdict == "lost" else "cancelled"
                self._stop_job(asked[id, claim_no], reason)
