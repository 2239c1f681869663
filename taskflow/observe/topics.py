"""What one can look at, and how to ask for it: a source for each kind of topic.

A source asks once for all names that the viewers of a tenant look at, and answers by topic. A room
that has something of its own to show makes a `Source` and gives it to the hub.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskflow.calls import live, reads, stats
from taskflow.errors import TaskflowError
from taskflow.kernel.live import JobState
from taskflow.kernel.stats import Queue
from taskflow.store.call import Call

Topics = Mapping[str, Any]
"""What there is to say, by topic."""
MOST_NAMES = 1_000
"""Names in one question: more are asked for in turns."""
NUMBER = re.compile(r"[1-9][0-9]{0,18}")
NAME = re.compile(r"[a-z0-9_.-]{1,63}")


class InvalidTopic(TaskflowError):
    """A viewer asked for a topic that does not exist, or for too many."""

    code = "TF189"


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of topic. `ask` gets the tenant, the names behind the colon (all of them digits if
    `is_number`), and what is known by topic; `read` makes topics of its answer."""

    ask: Callable[[str, Sequence[str], Topics], Call[Any]]
    read: Callable[[Any], Topics]
    is_named: bool = False
    is_number: bool = False
    is_told: bool = True
    """Do notifications of workers say that it may have changed? Else only the clock does."""
    is_part_of: str | None = None
    """The kind whose question answers this one's, too."""

    def is_name(self, name: str) -> bool:
        if not self.is_named:
            return not name
        return bool((NUMBER if self.is_number else NAME).fullmatch(name))


def _ask_jobs(tenant: str, names: Sequence[str], known: Topics) -> Call[Any]:
    finished = []
    for name in names:
        job = known.get(f"job:{name}")
        if isinstance(job, JobState) and job.state == "succeeded":
            finished.append(int(name))
    return live.jobs(tenant, [int(name) for name in names], finished)


def _read_queues(found: list[Queue]) -> Topics:
    return {"queues": found, **{f"queue:{queue.name}": queue for queue in found}}


_queues = Source(lambda tenant, _names, _known: stats.queues(tenant), _read_queues)
SOURCES: Mapping[str, Source] = {
    "job": Source(
        _ask_jobs, lambda found: {f"job:{job.id}": job for job in found},
        is_named=True, is_number=True,
    ),
    "run": Source(
        lambda tenant, names, _known: live.runs(tenant, [int(name) for name in names]),
        lambda found: {f"run:{run.id}": run for run in found},
        is_named=True, is_number=True,
    ),
    "queues": _queues,
    "queue": Source(_queues.ask, _queues.read, is_named=True, is_part_of="queues"),
    "workers": Source(
        lambda _tenant, _names, _known: reads.workers(), lambda found: {"workers": found},
        is_told=False,
    ),
    "stats": Source(
        lambda tenant, _names, _known: stats.overview(tenant), lambda found: {"stats": found}
    ),
}  # fmt: skip
"""By the part of a topic before its colon."""


def kind_of(topic: str, sources: Mapping[str, Source]) -> str:
    """The kind of a topic; raises `InvalidTopic`."""
    kind, _, name = topic.partition(":")
    source = sources.get(kind)
    if source is None or not source.is_name(name) or (not name and ":" in topic):
        raise InvalidTopic(f"topic {topic[:80]!r} does not exist", _known_topics(sources))
    return kind


def _known_topics(sources: Mapping[str, Source]) -> str:
    ways = (
        f"{kind}:{'ID' if source.is_number else 'NAME'}" if source.is_named else kind
        for kind, source in sources.items()
    )
    return f"Use {', '.join(ways)}."
