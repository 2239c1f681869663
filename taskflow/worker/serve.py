"""Runs one worker as the whole of a process: event loop, signals, health port, exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from taskflow.store.fit import require_current
from taskflow.worker.fleet import IN_FLEET, RECYCLED
from taskflow.worker.health import serve_health
from taskflow.worker.shutdown import stopping_on_signals
from taskflow.worker.worker import Worker

T = TypeVar("T")


async def serve(worker: Worker, health_port: int | None = None) -> int:
    """Until the worker ends; answers the exit code.

    Ends the process itself if threads are left that no signal reaches: Python would wait for them
    for ever at its exit, and their jobs have gone back.
    """
    server = None
    with stopping_on_signals(worker.stop):
        if health_port is not None:
            server = await serve_health(health_port, worker.health)
        try:
            await asyncio.to_thread(require_current, await worker.app.adsn())
            await worker.run()
        finally:
            if server is not None:
                server.close()
            await worker.app.aclose()
    code = 1 if worker.was_forgotten else 0
    if worker.reached_limit and os.environ.get(IN_FLEET):
        code = RECYCLED
    if worker.left_behind:
        logging.shutdown()
        os._exit(code)
    return code


def run_in_loop(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in the fastest event loop at hand: uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
