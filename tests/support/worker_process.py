"""A worker as a process of its own, for tests that signal, freeze and kill it.

    python -m tests.support.worker_process '{"app": "tests.support.signal_tasks:tf", ...}'

Keys: app, settings (of the app), queues, limits, health_port, processes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from taskflow.app import load_app
from taskflow.worker import Limits, Worker
from taskflow.worker.fleet import Fleet
from taskflow.worker.serve import run_in_loop, serve

ROOT = Path(__file__).parents[2]


def main(given: dict[str, Any]) -> int:
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s: %(message)s")
    if processes := given.pop("processes", 0):
        command = [sys.executable, "-m", "tests.support.worker_process", json.dumps(given)]
        return run_in_loop(start_fleet([command] * processes))
    app = load_app(given["app"])
    app.reconfigure(**given.get("settings", {}))
    worker = Worker(app, given.get("queues"), limits=Limits(**given.get("limits", {})))
    return run_in_loop(serve(worker, given.get("health_port")))


async def start_fleet(commands: list[list[str]]) -> int:
    return await Fleet(commands).run()


def start(*before: str, **given: Any) -> subprocess.Popen[bytes]:
    """Starts it, behind the words of `before` (such as unshare) if there are any."""
    command = [*before, sys.executable, "-m", "tests.support.worker_process", json.dumps(given)]
    log = open(given["log"], "ab") if "log" in given else None  # noqa: SIM115, PTH123
    try:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    finally:
        if log is not None:
            log.close()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
