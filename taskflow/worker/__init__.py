"""The worker: claims jobs, runs their handlers, settles them."""

from taskflow.worker.limits import Limits, parse_queues
from taskflow.worker.worker import Worker

__all__ = ["Limits", "Worker", "parse_queues"]
