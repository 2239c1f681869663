"""Every order in which the steps of a few sessions can run, each tried on a real server.

A step that waits for a lock is left waiting, found out by pg_blocking_pids, and the order goes on;
steps of a session that waits queue up behind it. So no order needs a sleep, and none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.support import factories as f
from tests.support.waiting import blockers

Connection = psycopg.Connection[Any]
Step = Callable[[Connection], Any]
Order = tuple[str, ...]

LOOK_SECONDS = 0.004
"""After how long a step that has not ended is looked at: is it blocked?"""

LIMIT_LOOKS = 5_000

LATE_SECONDS = 60
"""A lease of 30 s has run out by then and its second look is due."""


@dataclass
class Outcome:
    """What each step answered, by its name; an error counts as an answer."""

    answers: dict[str, Any] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)

    def __getitem__(self, step: str) -> Any:
        answer = self.answers[step]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def code(self, step: str) -> str | None:
        """The SQLSTATE that a step failed with, None if it did not fail."""
        answer = self.answers[step]
        return answer.sqlstate if isinstance(answer, psycopg.Error) else None


Sessions = dict[str, dict[str, Step]]
"""The steps of each session by name, in their order."""

Walk = Callable[[Callable[[], tuple[Sessions, Callable[[Outcome], None]]]], None]


def orders(sessions: Mapping[str, Sequence[str]]) -> Iterator[Order]:
    """All interleavings that keep each session's own order; names of steps."""
    if not any(sessions.values()):
        yield ()
    for name, steps in sessions.items():
        if steps:
            rest = {**sessions, name: steps[1:]}
            yield from ((steps[0], *more) for more in orders(rest))


def run(
    order: Order,
    sessions: Sessions,
    connections: Mapping[str, Connection],
    watcher: Connection,
) -> Outcome:
    """Runs one order; every session has a connection and a transaction of its own.

    Deadlocks fail at once: no pair of our statements may have one.
    """
    outcome = Outcome()
    with ExitStack() as stack:
        lines = {name: stack.enter_context(ThreadPoolExecutor(1)) for name in sessions}
        waiting: dict[str, Future[None]] = {}
        for step in order:
            name = next(name for name, steps in sessions.items() if step in steps)
            work = lines[name].submit(_do, outcome, step, sessions[name][step], connections[name])
            waiting[name] = work  # a later step of the session ends after its earlier ones
            _settle_down(outcome, step, work, watcher, connections[name])
        for work in waiting.values():
            work.result(20)
        for name in sessions:
            connections[name].rollback()
            connections[name].execute("reset all")
            connections[name].commit()
    for step, answer in outcome.answers.items():
        assert outcome.code(step) != "40P01", f"{order}: {step} deadlocked: {answer}"
    return outcome


def _do(outcome: Outcome, name: str, step: Step, connection: Connection) -> None:
    try:
        outcome.answers[name] = step(connection)
    except psycopg.Error as error:
        outcome.answers[name] = error


def _settle_down(
    outcome: Outcome, step: str, work: Future[None], watcher: Connection, connection: Connection
) -> None:
    """Return when the step has ended or waits for another session."""
    for _ in range(LIMIT_LOOKS):
        try:
            work.result(LOOK_SECONDS)
        except NotYet:
            if blockers(watcher, connection.info.backend_pid):
                outcome.blocked.append(step)
                return
        else:
            return
    raise AssertionError(f"{step} neither ends nor waits for a lock")


def story(order: Order, outcome: Outcome) -> str:
    """What happened, for the reader of a failure."""
    steps = [f"{step} -> {outcome.answers.get(step)!r}" for step in order]
    return f"order: {'; '.join(steps)}; blocked: {outcome.blocked}"


def verb(name: str, step: Step, end: Step | None = None) -> dict[str, Step]:
    """A session of one verb in a transaction that then ends, by default with commit."""
    return {name: step, f"{name} ends": end or commit}


def late(step: Step) -> Step:
    """The step with the clock moved past the second look."""

    def moved(connection: Connection) -> Any:
        connection.execute(f"set taskflow.clock_offset = '{LATE_SECONDS} s'")
        return step(connection)

    return moved


def commit(connection: Connection) -> None:
    connection.commit()


def rollback(connection: Connection) -> None:
    connection.rollback()


def check_whole(db: Connection, jobs: Sequence[int]) -> dict[int, Any]:
    """What must hold after anything: every job is in one place, and no row contradicts another."""
    found = {number: f.rows(db, "select * from taskflow.job_view where id = %s", number)
             for number in jobs}  # fmt: skip
    for number, places in found.items():
        assert len(places) == 1, f"job {number} is in {len(places)} places"
    broken = f.rows(
        db,
        "select * from taskflow.job j where (j.state = 'running') <> (j.lease_until is not null)"
        " or (j.state = 'running') <> (j.worker_id is not null) or j.attempt > j.max_attempts",
    )
    assert broken == []
    unled = f.rows(
        db,
        "select j.id from taskflow.job j where j.state = 'running' and not exists ("
        " select from taskflow.claim_batch b where j.id = any (b.job_ids)"
        " and b.worker_id = j.worker_id and b.tenant = j.tenant)",
    )
    assert unled == [], "a running job that the reaper cannot find"
    doubled = f.rows(
        db,
        "select job_id, claim_no from taskflow.attempt group by 1, 2 having count(*) > 1"
        " union all select id, 0 from taskflow.job_history group by 1 having count(*) > 1",
    )
    assert doubled == []
    return {number: places[0] for number, places in found.items()}
