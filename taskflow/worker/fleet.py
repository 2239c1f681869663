"""Several worker processes under one parent, which passes signals on and replaces those that die.

Children are whole worker commands of their own: a crash takes one down, and nothing is shared but
the terminal.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from taskflow.worker.shutdown import stopping_on_signals

logger = logging.getLogger("taskflow.worker")
RECYCLED = 75
"""Exit code of a child that reached --max-jobs or --max-memory and wants a successor."""
IN_FLEET = "TASKFLOW_IN_FLEET"
SHORTEST_LIFE_S = 5.0
"""A child that lives shorter than this is started again only after a pause."""


class Fleet:
    """One child for each of `commands`."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._commands = commands
        self._children: set[asyncio.subprocess.Process] = set()
        self._stopped = asyncio.Event()

    async def run(self) -> int:
        """Until all children have ended; answers the first exit code that is not 0."""
        with stopping_on_signals(self.stop):
            codes = await asyncio.gather(*map(self._keep_one, self._commands))
        return next((code for code in codes if code), 0)

    def stop(self) -> None:
        """Passes the signal on; the second one too, which for the children means now."""
        self._stopped.set()
        for child in self._children:
            if child.returncode is None:
                child.send_signal(signal.SIGTERM)

    @property
    def _stopping(self) -> bool:
        return self._stopped.is_set()

    async def _keep_one(self, command: Sequence[str]) -> int:
        pause = 1.0
        while True:
            started = time.monotonic()
            # its own session: a Ctrl-C at the terminal reaches the children through the parent only
            child = await asyncio.create_subprocess_exec(
                *command, start_new_session=True, env=os.environ | {IN_FLEET: "1"}
            )
            self._children.add(child)
            if self._stopping:
                child.send_signal(signal.SIGTERM)
            code = await child.wait()
            self._children.discard(child)
            if self._stopping:  # told so before it could listen to signals, it died of this one
                return 0 if code == -signal.SIGTERM else code
            if code in (0, 2, 7):
                return code
            if code == RECYCLED:
                continue
            logger.error("worker process %d ended with %d; starting another", child.pid, code)
            pause = 1.0 if time.monotonic() - started > SHORTEST_LIFE_S else min(pause * 2, 30.0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), pause)
                return 0
