"""The executors of a worker, by what a task's `run_in` says."""

from __future__ import annotations

from collections.abc import Callable

from taskflow.app import Taskflow
from taskflow.together import BatchTask
from taskflow.worker.executors import Executor
from taskflow.worker.executors.batch import BatchExecutor
from taskflow.worker.executors.process import ProcessExecutor
from taskflow.worker.executors.thread import ThreadExecutor


def make_executors(app: Taskflow, is_full: Callable[[str], bool]) -> dict[str, Executor]:
    """`is_full` tells whether all slots of a queue are taken."""
    settings = app.settings
    threads = ThreadExecutor(settings.threads)
    batches = [task for task in app.tasks.values() if isinstance(task, BatchTask)]
    sizes = [task.size for task in batches if task.run_in == "batch thread"]
    size = max(sizes, default=1)
    # a job that waits to be joined by others holds its lease: not for longer than half of one
    longest_wait = settings.lease.total_seconds() / 2
    in_threads = BatchExecutor(
        threads, bound=settings.threads * size, longest_wait=longest_wait, is_full=is_full
    )
    threads.places.lost_elsewhere = lambda: in_threads.lost
    in_threads.places.lost_elsewhere = lambda: (threads.places.lost + in_threads.lost) * size
    return {
        "thread": threads,
        "process": ProcessExecutor(settings.cpu_processes),
        "batch": BatchExecutor(threads, longest_wait=longest_wait, is_full=is_full),
        "batch thread": in_threads,
    }
