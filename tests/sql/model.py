"""What the queue should do, in plain dicts: the oracle of test_state_machine.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PRIORITIES = ("critical", "high", "normal", "low")
LIVE = ("ready", "running")
MAX_LOST = 3
Claim = tuple[int, int]
"""(job id, claim number)"""


@dataclass
class Job:
    id: int
    queue: str
    priority: int
    run_at: datetime
    key: str | None
    max_attempts: int
    deadline: datetime | None
    state: str = "ready"
    attempt: int = 0
    lost: int = 0
    claim_no: int = 0
    lease_until: datetime | None = None
    worker: int | None = None
    cancel_requested: bool = False
    suspected_at: datetime | None = None
    """When a reaper first saw this lease expired."""
    is_aside: bool = False
    """A suspect that waits to run without others."""

    @property
    def is_suspect(self) -> bool:
        return self.lost >= MAX_LOST - 1

    def seen(self) -> tuple[Any, ...]:
        """What the database must show of it."""
        return (self.queue, self.priority, self.attempt, self.lost, self.claim_no,
                self.cancel_requested and self.state == "running",
                self.is_aside and self.state == "ready", self.state)  # fmt: skip


@dataclass
class Model:
    jobs: dict[int, Job] = field(default_factory=dict)
    paused: dict[str, datetime | None] = field(default_factory=dict)
    """Queue -> until when; None is until resumed."""
    ended: dict[Claim, str] = field(default_factory=dict)
    """How each claim ended: settled, released or lost."""

    def live(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.state in LIVE]

    def holder_of(self, key: str, queue: str) -> Job | None:
        return next((job for job in self.live() if (job.key, job.queue) == (key, queue)), None)

    def is_paused(self, queue: str, now: datetime) -> bool:
        until = self.paused.get(queue, now)
        return until is None or until > now

    def due(self, queue: str, priority: int, now: datetime, after: Any = None) -> list[Job]:
        """What a claim finds, in its order."""
        if self.is_paused(queue, now):
            return []
        found = [
            job
            for job in self.jobs.values()
            if (job.state, job.queue, job.priority) == ("ready", queue, priority)
            and not job.is_aside
            and job.run_at <= now
            and (job.deadline is None or job.deadline > now)
            and (after is None or (job.run_at, job.id) > after)
        ]
        return sorted(found, key=lambda job: (job.run_at, job.id))

    def claim(self, job: Job, worker: int, lease_until: datetime) -> None:
        job.state, job.worker, job.lease_until = "running", worker, lease_until
        job.claim_no += 1
        job.attempt += 1
        job.suspected_at = None

    def answer_to_settle(self, claim: Claim) -> str:
        """applied, already or stale."""
        job = self.jobs[claim[0]]
        if job.state == "running" and job.claim_no == claim[1]:
            return "applied"
        end = self.ended.get(claim)
        if end == "released":  # leaves no trace but the job's own claim number
            return "already" if job.claim_no == claim[1] else "stale"
        return "already" if end == "settled" else "stale"

    def settle(self, claim: Claim, outcome: str) -> None:
        """The transition; the run time of a job put back is read from the database."""
        job = self.jobs[claim[0]]
        self.ended[claim] = "released" if outcome == "released" else "settled"
        if outcome == "completed":
            self._leave(job, "succeeded")
        elif outcome == "cancelled" or (job.cancel_requested and outcome != "discarded"):
            self._leave(job, "cancelled")
        elif outcome == "discarded" or (outcome == "failed" and job.attempt >= job.max_attempts):
            self._leave(job, "dead")
        else:
            self.put_back(job, outcome)

    def lose(self, job: Job) -> None:
        self.ended[job.id, job.claim_no] = "lost"
        if job.cancel_requested:
            self._leave(job, "cancelled")
        elif job.lost + 1 >= MAX_LOST:
            self._leave(job, "dead")
        else:
            self.put_back(job, "lost")

    def put_back(self, job: Job, outcome: str) -> None:
        job.state, job.worker, job.lease_until, job.suspected_at = "ready", None, None, None
        if outcome != "failed":
            job.attempt = max(job.attempt - 1, 0)
        if outcome != "released":
            job.deadline = None
        job.lost = {"lost": job.lost + 1, "released": job.lost}.get(outcome, 0)
        job.is_aside = job.is_suspect

    def admit(self, queue: str, now: datetime) -> None:
        """Lets the first suspect of a queue run, unless one runs or one as urgent is due."""
        suspects = [job for job in self.live() if job.queue == queue and job.is_suspect]
        ready = [job for job in suspects if job.state == "ready"]
        waiting = [job for job in ready if job.is_aside and job.run_at <= now]
        if not waiting or self.is_paused(queue, now):
            return
        first = min(waiting, key=lambda job: (job.priority, job.id))
        for job in ready:
            job.is_aside = job.is_aside or job.priority > first.priority
        if all(job.is_aside or (job.state == "ready" and job.run_at > now) for job in suspects):
            first.is_aside = False

    def retry(self, job: Job) -> None:
        job.state, job.attempt, job.lost, job.is_aside = "ready", 0, 0, False
        job.cancel_requested, job.deadline = False, None

    def _leave(self, job: Job, state: str) -> None:
        job.state = state
        job.suspected_at = job.lease_until = None
