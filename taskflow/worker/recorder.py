"""Writes what running jobs have recorded, from a thread and a connection of its own.

Handlers never wait for it, nor does it wait for the event loop that they may be blocking. Both are
made when a job first records something, and the connection is given back when none has for a while.
A batch whose reply was lost is sent again as it is; the database passes over the lines it has.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from taskflow.calls import records
from taskflow.store.call import DriverError, run
from taskflow.store.cut import cut
from taskflow.store.database import Connection
from taskflow.store.link import UNSTORABLE
from taskflow.store.pool import Settings, connect
from taskflow.worker.backlog import Backlog, Record

logger = logging.getLogger("taskflow.worker")
IDLE_S = 30.0
"""An unused connection is closed after this."""
PATIENCE_S = 10.0
"""Longest wait for an answer: a network that swallows packets never says that it does."""
LONGEST_PAUSE_S = 5.0
TELL_EVERY_S = 60.0
"""Pause between two warnings of lines that were left out."""
LAST_WRITE_S = 2.0
"""Time to write what is left at the end."""


class Recorder:
    """Empties a backlog. Gives itself to it as `on_news`."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        backlog: Backlog,
        touch: Callable[[Iterable[str]], None] = lambda _queues: None,
    ) -> None:
        self._dsn = dsn
        self._settings = settings
        self._backlog = backlog
        self._touch = touch
        backlog.on_news = self.nudge
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._unsent: list[Record] = []
        self._pause_s = 0.0
        self._retry_at = 0.0
        self._told = 0
        self._tell_at = 0.0
        self.writes = 0
        """Statements sent so far."""

    def nudge(self) -> None:
        """There is something new."""
        if self._thread is None:
            self._start()
        self._wake.set()

    def flush(self) -> None:
        """Writes all there is, in the calling thread."""
        with self._writing:
            self._write(everything=True)

    def stop(self) -> None:
        """Writes what is left, for a while, and ends the thread."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(LAST_WRITE_S)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopped.is_set():
                thread = threading.Thread(target=self._run, name="taskflow-record", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            if self._stopped.is_set():
                break  # between the two: that wake-up was the last
            if not self._wake.wait(self._patience()) and not self._has_work():
                with self._writing:
                    self._close()  # idle
            elif self._is_due():
                with self._writing:
                    self._write()
        with self._writing:
            self._write(everything=True)
            self._close()

    def _has_work(self) -> bool:
        return self._due() is not None

    def _is_due(self) -> bool:
        due = self._due()
        return due is not None and due <= time.monotonic()

    def _due(self) -> float | None:
        return self._retry_at if self._unsent else self._backlog.next_due()

    def _patience(self) -> float | None:
        due = self._due()
        if due is not None:
            return max(due - time.monotonic(), 0.0)
        return IDLE_S if self._connection is not None else None

    def _write(self, *, everything: bool = False) -> None:
        while batch := self._unsent or self._backlog.take(everything=everything):
            self._unsent = batch
            try:
                answers = self._send(batch)
            except UNSTORABLE as error:
                logger.error("records of %d jobs cannot be stored: %s", len(batch), error)
            except Exception as error:  # noqa: BLE001 - a thread that ended here would lose it all
                if not self._pause_s:
                    logger.warning("progress and logs could not be written, will try: %s", error)
                self._pause_s = min(self._pause_s * 2 or 0.25, LONGEST_PAUSE_S)
                self._retry_at = time.monotonic() + self._pause_s
                self._close()
                return
            else:
                for id, claim_no, status in answers:
                    if status == "full" and id is not None and claim_no is not None:
                        self._backlog.close_log(id, claim_no)
                self._touch({record.job.queue for record in batch})
            self._pause_s = 0.0
            self._unsent = []
            self._tell_dropped()

    def _send(self, batch: list[Record]) -> records.NotApplied:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn, self._settings)
        now = time.monotonic()
        call = records.record_many([record.plain(now) for record in batch])
        timer = threading.Timer(PATIENCE_S, cut, (self._connection,))
        timer.daemon = True
        timer.start()
        try:
            self.writes += 1
            return run(self._connection, call)
        finally:
            timer.cancel()

    def _tell_dropped(self) -> None:
        dropped, now = self._backlog.dropped, time.monotonic()
        if dropped > self._told and now > self._tell_at:
            logger.warning("%d log lines were left out: more than can be written", dropped)
            self._told, self._tell_at = dropped, now + TELL_EVERY_S

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(DriverError):
                self._connection.close()
            self._connection = None
