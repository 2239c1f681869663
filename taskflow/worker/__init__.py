"""The worker: claims jobs, runs their handlers, settles them."""

from taskflow.worker.limits import Limits, Weight, parse_queues
from taskflow.worker.worker import Worker

__all__ = ["Limits", "Weight", "Worker", "parse_queues"]
