"""A worker process: composes the parts, runs until told to stop, and stops in good order.

The main loop is one decision: is there anything to settle or to claim? Then a turn of the exchange;
else sleep until a notification, a finished job, or the poll interval.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from taskflow import __version__, builtin, results
from taskflow.app import Taskflow
from taskflow.calls import leases, schedules, workers
from taskflow.kernel.job import Claimed
from taskflow.kernel.names import check_name
from taskflow.kernel.phrases import plural
from taskflow.kernel.records import level_number
from taskflow.store.link import Link, LinkDown
from taskflow.task import published
from taskflow.worker import operations
from taskflow.worker.backlog import Backlog
from taskflow.worker.capture import capturing
from taskflow.worker.claiming import Claiming
from taskflow.worker.executors import Executor
from taskflow.worker.executors.all import make_executors
from taskflow.worker.fetcher import Fetcher
from taskflow.worker.hand import Hand
from taskflow.worker.jams import Jams
from taskflow.worker.limits import Limits, Weight, parse_queues, slots_of
from taskflow.worker.memory import resident_bytes
from taskflow.worker.recorder import Recorder
from taskflow.worker.renewer import Renewer
from taskflow.worker.runner import Runner
from taskflow.worker.settler import Settler
from taskflow.worker.sharing import make_pools
from taskflow.worker.slots import QueueSlots
from taskflow.worker.tally import Tally
from taskflow.worker.upkeep import Upkeep
from taskflow.worker.waiting import Wakeups

logger = logging.getLogger("taskflow.worker")
LONGEST_SLEEP_S = 1.0
STOP_PATIENCE = timedelta(seconds=1)
"""Time for handlers that were told to stop, on top of the grace time."""
MOST_UNSETTLED = 20_000
"""Ends not yet in the database above which nothing is claimed: a crash would run them all again."""

SHORTEST_PATIENCE_S = 1.0
"""For an answer, with short leases: locks must have the time to show as such."""

LAST_SETTLES = timedelta(seconds=5)
"""Time to write the last ends when the database does not answer; their leases run out instead."""


class Worker:
    """Serves queues with the tasks of an app.

    `queues` maps names to slots, the jobs run at once, or to a `Weight`: such queues share the
    setting `slots` (default: the settings' queues). `run()` serves
    until `stop()`; `stop()` twice, or `stop(now=True)`, does not wait for running jobs.
    """

    def __init__(
        self,
        app: Taskflow,
        queues: Mapping[str, int | Weight] | None = None,
        *,
        priorities: Sequence[int] = (0, 1, 2, 3),
        limits: Limits | None = None,
        name: str | None = None,
    ) -> None:
        self.app = app
        self.settings = app.settings
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self.limits = limits or Limits()
        operations.add_to(app)
        builtin.add_to(app)
        self._priorities = tuple(priorities)
        self._served = dict(queues or parse_queues(self.settings.queues, self.settings.slots))
        self.slots_by_queue = slots_of(self._served, self.settings.slots)
        for queue in self.slots_by_queue:
            check_name(queue, "queue")
        self.id = 0
        self.hand = Hand()
        self.tally = Tally(self.settings.lease)
        self.settler = Settler(self.hand, self._note_end, self._forget_result, tally=self.tally)
        self.is_draining = False
        self._is_hasty = False
        self.reached_limit = self.was_forgotten = self.left_behind = False
        self._failure: BaseException | None = None
        self._news: asyncio.Event | None = None
        self.pools: list[QueueSlots] = []
        self.queues: dict[str, QueueSlots] = {}
        """By queue, the pool that it is served from."""
        self.executors: dict[str, Executor] = {}

    # --- life -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serves until stopped. Raises what makes serving impossible; jobs never raise here."""
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        dsn = await self.app.adsn()
        self.id = await self._join()
        self._compose(dsn)
        logger.info(
            "worker %d (%s) serves %s", self.id, self.name,
            ", ".join(f"{queue}={slots}" for queue, slots in self.slots_by_queue.items()),
        )  # fmt: skip
        self._chores = [
            asyncio.create_task(self.settler.keep_settling(self.settles)),
            asyncio.create_task(self.settler.stragglers.keep_settling(self.settles_apart)),
            asyncio.create_task(self.renewer.watch()),
        ]
        for chore in self._chores:
            chore.add_done_callback(self._chore_ended)
        self.renewer.start()
        self.upkeep.start()
        try:
            with capturing(self.backlog, self.hand.is_running):
                await self._serve()
                await self._drain()
        finally:
            await self._close()
        if self._failure is not None:
            raise self._failure

    def stop(self, *, now: bool = False) -> None:
        """Asks the worker to stop: it claims no more, hands back what has not begun, and gives
        running jobs the grace time. A second call, or `now`, ends the grace."""
        if self.is_draining or now:
            self._is_hasty = True
        if not self.is_draining:
            logger.info("worker %d stops", self.id)
        self.is_draining = True
        self._nudge()

    @property
    def running(self) -> int:
        """Jobs that run now, without those that wait for a thread or a child process."""
        return self._busy_slots - sum(e.places.waiting for e in self.executors.values())

    @property
    def _busy_slots(self) -> int:
        return sum(pool.running for pool in self.pools)

    def _compose(self, dsn: str) -> None:
        settings = self.settings
        connection = self.app.connection_settings(f"taskflow worker {self.id}")
        self.executors = make_executors(self.app, lambda queue: self.queues[queue].is_full)
        self.backlog = Backlog(level_number(settings.job_log_level), self.hand.is_running)
        records = self.app.connection_settings(f"taskflow records {self.id}")
        self.recorder = Recorder(dsn, records, self.backlog, self.tally.touch)
        self.runner = Runner(
            self.app, self.hand, self.settler, self.executors, settings.unknown_task_delay,
            recorder=self.backlog,
        )  # fmt: skip
        self.pools = make_pools(self._served, settings.slots, self.runner.run, self._nudge)
        self.queues = {
            name: next(pool for pool in self.pools if name in pool.names) for name in self._served
        }
        self.fetcher = Fetcher(
            self.id, self.queues, settings.lease, priorities=self._priorities,
            prefetch=settings.prefetch, jams=Jams(self.app.tasks, self.executors, self.pools),
            refused=self.runner.unknown_tasks,
        )  # fmt: skip
        self.claiming = Claiming(
            self.id, self.hand, self.queues, self.fetcher, self.settler, touch=self.tally.touch
        )
        patience_s = max(settings.lease.total_seconds(), SHORTEST_PATIENCE_S)
        self.claims = Link(dsn, connection, self.claiming.hand_back_unknown, patience_s=patience_s)
        self.settles = Link(dsn, connection, patience_s=patience_s)
        self.settles_apart = Link(dsn, connection, patience_s=patience_s)
        self.wakeups = Wakeups(self.app, self.claims, self.id, list(self.queues), self._nudge)
        self.renewer = Renewer(
            dsn, connection, self.id, self.hand, settings.lease,
            report=self.report,
            stop_job=lambda job, reason: self._soon(self._stop_job, job, reason),
            on_unregistered=lambda: self._soon(self._rejoin),
            on_drain=lambda: self._soon(self._stop_once),
        )  # fmt: skip
        # the usual way for a running job to learn of a cancel; a third of the lease is the bound
        self._unsubscribe = self.app.listener().subscribe(
            f"cancel {self.id}", lambda _payload: self.renewer.hurry()
        )
        self.upkeep = Upkeep(
            self.app, settings.lease, lambda: self.tally.flush(self.app.arun, self.id)
        )

    async def _join(self) -> int:
        await self.app.arun(
            workers.publish_tasks([published(*named) for named in self.app.tasks.items()])
        )
        for limit in self.app.limits.values():
            await limit.aput()
        id = await self.app.arun(
            workers.join(
                self.name,
                queues=list(self.slots_by_queue),
                slots=list(self.slots_by_queue.values()),
                tasks=sorted(self.app.tasks),
                lease=self.settings.lease,
                host=socket.gethostname(),
                pid=os.getpid(),
                version=__version__,
            )
        )  # fmt: skip
        if self.app.schedules:
            # after joining: a schedule that was declared before every live worker began is orphaned
            await self.app.arun(
                schedules.publish(list(self.app.schedules.values()), self.settings.tenant)
            )
        return id

    # --- serving ----------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Claims whenever slots will run dry and there may be work; sleeps between."""
        assert self._news is not None
        while not self.is_draining:
            self._news.clear()
            room = self._room()
            wanted = self.claiming.wanted() if room > 0 else 0
            if wanted and (self.fetcher.may_find_more or self._is_look_due()):
                await self.claiming.claim(self.claims, self.wakeups, room)
            elif self._is_done():
                self.stop()
            else:
                # without room there is nothing to look for: a slot that becomes free is news
                await self._sleep(self.wakeups.patience() if wanted else LONGEST_SLEEP_S)

    async def _sleep(self, seconds: float) -> None:
        """Until something happens, at most `seconds`."""
        assert self._news is not None
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def _room(self) -> int:
        """How many jobs may still be claimed before a limit ends this worker."""
        limits = self.limits
        if limits.max_memory_bytes and resident_bytes() > limits.max_memory_bytes:
            logger.info("worker %d uses more memory than allowed", self.id)
            self.reached_limit = True
            self.stop()
            return 0
        room = MOST_UNSETTLED - self.settler.unconfirmed
        return (
            room if limits.max_jobs is None else min(room, limits.max_jobs - self.claiming.claimed)
        )

    def _is_done(self) -> bool:
        if self.hand.held:
            return False
        if self.limits.max_jobs is not None and self.claiming.claimed >= self.limits.max_jobs:
            self.reached_limit = True
            return True
        return self.limits.burst and self.claiming.is_exhausted

    def _is_look_due(self) -> bool:
        """By the clock or a wake-up; and behind a burst's last job, which may have enqueued one."""
        is_last = self.limits.burst and not self.hand.held and not self.claiming.is_exhausted
        return is_last or self.wakeups.is_due()

    def _note_end(self) -> None:
        self.wakeups.note_end()
        self._nudge()

    def _nudge(self) -> None:
        if self._news is not None:
            self._news.set()

    def _soon(self, work: Any, *args: Any) -> None:
        """From the renewer's thread into the loop, if it still runs."""
        try:
            self._loop.call_soon_threadsafe(work, *args)
        except RuntimeError:
            return

    def _chore_ended(self, chore: asyncio.Task[None]) -> None:
        """A mistake of ours: without its chores a worker only looks alive."""
        if not chore.cancelled() and (error := chore.exception()) is not None:
            logger.error("worker %d cannot go on", self.id, exc_info=error)
            self._failure = error
            self.stop(now=True)

    def _stop_job(self, job: Claimed, reason: str) -> None:
        if reason == "lease lost":
            self.queues[job.queue].forget(job)
        self.hand.stop(job, reason)

    def _forget_result(self, job: Claimed, result: str) -> None:
        self._loop.run_in_executor(None, results.forget, self.app, job, result.encode())

    def _stop_once(self) -> None:
        """Somebody asked for it, maybe more than once: none of that ends the grace."""
        if not self.is_draining:
            self.stop()

    def _rejoin(self) -> None:
        """Somebody removed this worker's row: it must not go on under an id that nobody knows."""
        logger.error("worker %d is not registered any more; stopping", self.id)
        self.was_forgotten = True
        self.stop()

    # --- stopping ---------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Hands back the unstarted, waits the grace time, stops the rest, settles everything."""
        for pool in self.pools:
            for job in pool.take_unstarted():
                self.settler.ended(job, "released")
        self.hand.hand_back_waiting()
        await self._sleep_while(
            lambda: bool(self._busy_slots) and not self._is_hasty, self.settings.grace
        )
        for job in self.hand.running():
            self.hand.stop(job, "shutdown")
        await self._sleep_while(lambda: bool(self._busy_slots), STOP_PATIENCE)
        await self._sleep_while(
            lambda: bool(self.settler.unconfirmed), min(self.settings.lease / 2, LAST_SETTLES)
        )
        self.claims.patience_s = self.settles.patience_s = SHORTEST_PATIENCE_S
        # threads cannot be stopped: their jobs go back now, and what they still do is refused
        stuck = self.hand.running()
        self.left_behind = bool(self.hand.runs)  # also runs whose jobs were given up before
        if stuck:
            logger.warning("%s did not stop in time; handed back", plural(len(stuck), "job"))
            with suppress(LinkDown):
                await self.claims.run(leases.release(stuck))

    async def _sleep_while(self, condition: Callable[[], bool], longest: timedelta) -> None:
        assert self._news is not None
        deadline = time.monotonic() + longest.total_seconds()
        while condition() and (left := deadline - time.monotonic()) > 0:
            self._news.clear()
            await self._sleep(min(left, 0.2))

    async def _close(self) -> None:
        await self.upkeep.stop()
        await self.tally.flush_last(self.app.arun, self.id)
        await asyncio.to_thread(self.renewer.stop)
        self.wakeups.close()
        self._unsubscribe()
        if self.claims.is_up:
            with suppress(LinkDown):
                await self.claims.run(workers.leave(self.id))
        for chore in self._chores:
            chore.cancel()
        for pool in self.pools:
            await pool.close()
        for executor in self.executors.values():
            executor.close()
        await asyncio.to_thread(self.recorder.stop)
        for link in (self.claims, self.settles, self.settles_apart):
            await link.close()
        counts = self.settler.finished, self.settler.failed
        logger.info("worker %d ended: %d finished, %d failed", self.id, *counts)

    # --- telling ----------------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """What the worker's row shows of it."""
        return {
            "running": self.running,
            "finished": self.settler.finished,
            "failed": self.settler.failed,
            "stale": self.settler.stale,
            "memory_bytes": resident_bytes(),
            "listening": self.wakeups.is_listening,
            "state": "draining" if self.is_draining else "running",
            "unknown_tasks": sorted(self.runner.unknown_tasks),
        }

    def health(self) -> dict[str, Any]:
        """For the health port: alive while the leases are kept and the loop turns."""
        if not self.id:
            return {"status": "starting"}
        silent_s = time.monotonic() - self.renewer.last_renewal
        return {
            "status": "ok" if silent_s < self.settings.lease.total_seconds() else "failing",
            "connected": self.claims.is_up,
            "seconds_since_renewal": round(silent_s, 1),
            "upkeep_error": str(self.upkeep.last_error) if self.upkeep.last_error else None,
            **self.report(),
        }
