"""Random walks over every verb against a model in plain dicts, compared after each step.

About 10,000 steps, the same ones each time; TASKFLOW_TEST_STEPS=200000 walks other ways for longer.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg.types.json import Jsonb

from tests.sql.model import PRIORITIES, Claim, Job, Model
from tests.support import factories as f
from tests.support.db import NEWEST, clean

Connection = psycopg.Connection[Any]

STEPS = int(os.environ.get("TASKFLOW_TEST_STEPS", "0"))
STEPS_A_WALK = 50
OUTCOMES = ("completed", "failed", "snoozed", "cancelled", "released", "discarded")
QUEUES = ("a", "b")
LEASE = timedelta(seconds=30)

queues = st.sampled_from(QUEUES)
delays = st.sampled_from([0, 0, 0, 100, 1000])
number = st.integers(0, 10_000)
verbs = st.sampled_from(["cancel", "retry", "discard", "requeue", "reschedule"])


class QueueMachine(RuleBasedStateMachine):
    """`pick` numbers choose among what there is, so that shrinking stays simple."""

    def __init__(self, db: Connection) -> None:
        super().__init__()
        self.db = db
        self.model = Model()
        self.workers: list[int] = []
        self.claims: list[Claim] = []
        self.held: dict[int, dict[int, int]] = {}
        self.positions: dict[int, dict[str, dict[str, Any]]] = {}
        self.batches: dict[int, int] = {}

    @initialize()
    def start(self) -> None:
        clean(self.db)
        self.db.execute("set taskflow.clock_offset = '0'")
        self.workers = [f.join(self.db, *QUEUES) for _ in range(2)]
        self.add_jobs(3, "a")

    # --- helpers ----------------------------------------------------------------------------------

    def now(self) -> datetime:
        return f.value(self.db, "select taskflow.now()")  # type: ignore[no-any-return]

    def job(self, pick: int) -> Job:
        return list(self.model.jobs.values())[pick % len(self.model.jobs)]

    def refused(self, code: str, verb: str, **options: Any) -> None:
        with pytest.raises(psycopg.Error) as error:
            f.call(self.db, verb, **options)
        assert error.value.sqlstate == code, error.value

    def read_run_at(self, job: Job) -> None:
        job.run_at = f.job(self.db, job.id).run_at

    # --- producers and operators ------------------------------------------------------------------

    @rule(queue=queues, priority=st.sampled_from(PRIORITIES), delay=delays,
          key=st.sampled_from([None, None, "k", "l"]), attempts=st.integers(1, 3),
          patience=st.sampled_from([None, None, None, 50, 2000]))  # fmt: skip
    def enqueue(
        self, queue: str, priority: str, delay: int, key: str | None, attempts: int,
        patience: int | None,
    ) -> None:  # fmt: skip
        deadline = self.now() + timedelta(seconds=delay + patience) if patience else None
        holder = self.model.holder_of(key, queue) if key else None
        id_ = f.enqueue(self.db, queue=queue, priority=priority, delay=timedelta(seconds=delay),
                        unique_key=key, max_attempts=attempts, deadline=deadline)  # fmt: skip
        if holder:
            assert id_ == holder.id
            return
        assert id_ not in self.model.jobs
        job = Job(id_, queue, PRIORITIES.index(priority), self.now(), key, attempts, deadline)
        self.model.jobs[id_] = job
        self.read_run_at(job)

    @rule(count=st.integers(1, 4), queue=queues)
    def enqueue_many(self, count: int, queue: str) -> None:
        self.add_jobs(count, queue)

    def add_jobs(self, count: int, queue: str) -> None:
        for id_ in f.enqueue_many(self.db, count, queue=queue):
            self.model.jobs[id_] = job = Job(id_, queue, 2, self.now(), None, 5, None)
            self.read_run_at(job)

    @precondition(lambda self: self.model.jobs)
    @rule(pick=number, delay=delays, queue=queues, verb=verbs)
    def operate(self, pick: int, delay: int, queue: str, verb: str) -> None:
        """One rule, so that operators do not outnumber the workers."""
        if verb == "requeue":
            self.requeue(queue, 1 + pick % 3)
        elif verb == "reschedule":
            self.reschedule(self.job(pick), delay)
        else:
            {"cancel": self.cancel, "retry": self.retry, "discard": self.discard}[verb](
                self.job(pick)
            )

    def cancel(self, job: Job) -> None:
        answer = f.call(self.db, "cancel", id=job.id)
        if job.state == "running":
            job.cancel_requested = True
            assert answer == "requested"
        elif job.state == "ready":
            job.state = "cancelled"
            assert answer == "cancelled"
        else:
            assert answer == "finished"

    def retry(self, job: Job) -> None:
        holder = self.model.holder_of(job.key, job.queue) if job.key else None
        if job.state in ("running", "succeeded"):
            self.refused("TF121", "retry", id=job.id)
        elif job.state in ("dead", "cancelled") and holder:
            self.refused("TF123", "retry", id=job.id)
        else:
            f.call(self.db, "retry", id=job.id)
            if job.state != "ready":
                self.model.retry(job)
            self.read_run_at(job)

    def discard(self, job: Job) -> None:
        if job.state in ("dead", "ready"):
            f.call(self.db, "discard", id=job.id)
            job.state = "cancelled"
        else:
            self.refused("TF121", "discard", id=job.id)

    def requeue(self, queue: str, most: int) -> None:
        dead = sorted(job.id for job in self.model.jobs.values()
                      if (job.state, job.queue) == ("dead", queue))[:most]  # fmt: skip
        (answer,) = f.call_rows(self.db, "requeue", queue=queue, max_jobs=most)
        back = 0
        for job in (self.model.jobs[id_] for id_ in dead):
            if job.key is None or self.model.holder_of(job.key, queue) is None:
                self.model.retry(job)
                self.read_run_at(job)
                back += 1
        assert (answer.requeued, answer.conflicts) == (back, len(dead) - back)

    def reschedule(self, job: Job, delay: int) -> None:
        run_at = self.now() + timedelta(seconds=delay)
        if job.state == "ready":
            f.call(self.db, "reschedule", id=job.id, run_at=run_at)
            job.run_at = run_at
        else:
            self.refused("TF121", "reschedule", id=job.id, run_at=run_at)

    @rule(queue=queues, seconds=st.sampled_from([None, 50, 500]))
    def pause_or_resume(self, queue: str, seconds: int | None) -> None:
        if self.model.paused:
            for name in list(self.model.paused):
                self.resume(name)
            return
        until = self.now() + timedelta(seconds=seconds) if seconds else None
        f.call(self.db, "pause_queue", queue=queue, resume_at=until)
        self.model.paused[queue] = until

    def resume(self, queue: str) -> None:
        f.call(self.db, "resume_queue", queue=queue)
        self.model.paused.pop(queue, None)

    # --- workers ----------------------------------------------------------------------------------

    @rule(pick=number, count=st.integers(1, 4), both=st.booleans(), walk=st.booleans())
    def claim_some(self, pick: int, count: int, both: bool, walk: bool) -> None:
        self.claim(pick, count, both=both, walk=walk)

    def claim(self, pick: int, count: int, *, both: bool, walk: bool) -> None:
        worker = self.workers[pick % len(self.workers)]
        asked = QUEUES if both else QUEUES[:1]
        positions = self.positions.setdefault(worker, {}) if walk else {}
        now = self.now()
        expected: list[Job] = []
        for queue in asked:
            places = positions.get(queue, {})
            found = [
                job
                for priority in range(4)
                for job in self.model.due(queue, priority, now, _place(places.get(str(priority))))
            ]
            expected += found[:count]
        got = f.claim(self.db, worker, count, *asked, after=positions or None)
        assert [row.id for row in got] == [job.id for job in expected]
        for row in got:
            self.model.claim(self.model.jobs[row.id], worker, row.lease_until)
            assert timedelta(0) <= row.lease_until - now - LEASE < timedelta(seconds=5)
            self.claims.append((row.id, row.claim_no))
            self.held.setdefault(worker, {})[row.id] = row.claim_no
            self.batches[worker] = row.batch_id
            place = [row.run_at.isoformat(), row.id]
            self.positions.setdefault(worker, {}).setdefault(row.queue, {})[str(row.priority)] = (
                place
            )

    @rule(pick=number, roll_call=st.booleans())
    def renew(self, pick: int, roll_call: bool) -> None:
        worker = self.workers[pick % len(self.workers)]
        held = self.held.setdefault(worker, {})
        ids, fences = list(held), list(held.values())
        batch = self.batches.get(worker) if roll_call else None
        answer = f.call_rows(self.db, "renew", worker_id=worker, ids=ids, claim_nos=fences,
                             up_to_batch=batch)  # fmt: skip
        expected = {}
        for id_, fence in held.items():
            job = self.model.jobs[id_]
            if self.model.answer_to_settle((id_, fence)) != "applied":
                expected[id_] = "lost"
                continue
            job.lease_until, job.suspected_at = self.now() + LEASE, None
            if job.cancel_requested:
                expected[id_] = "cancel"
        assert {row.id: row.verdict for row in answer} == expected
        for id_ in [id_ for id_, verdict in expected.items() if verdict == "lost"]:
            del held[id_]

    @precondition(lambda self: self.claims)
    @rule(pick=number, recent=st.booleans(), outcome=st.sampled_from(OUTCOMES),
          delay=st.sampled_from([None, 0, 100]))  # fmt: skip
    def settle_one(self, pick: int, recent: bool, outcome: str, delay: int | None) -> None:
        self.settle(pick, recent=recent, outcome=outcome, delay=delay)

    def settle(self, pick: int, *, recent: bool, outcome: str, delay: int | None) -> None:
        if not self.claims:
            return
        claims = self.claims[-4:] if recent else self.claims
        claim = claims[pick % len(claims)]
        expected = self.model.answer_to_settle(claim)
        wait = None if delay is None else timedelta(seconds=delay)
        answer = f.call(self.db, "settle", id=claim[0], claim_no=claim[1], outcome=outcome,
                        delay=wait)  # fmt: skip
        assert answer == expected
        if answer == "applied":
            job = self.model.jobs[claim[0]]
            self.model.settle(claim, outcome)
            self.forget(claim)
            if job.state == "ready":
                self.read_run_at(job)

    @precondition(lambda self: self.claims)
    @rule(picks=st.lists(number, min_size=1, max_size=6))
    def settle_many(self, picks: list[int]) -> None:
        batch = list(dict.fromkeys(self.claims[-(1 + pick % len(self.claims))] for pick in picks))
        expected = {claim: self.model.answer_to_settle(claim) for claim in batch}
        ids, fences = [claim[0] for claim in batch], [claim[1] for claim in batch]
        answer = f.call_rows(self.db, "settle_many", ids=ids, claim_nos=fences,
                             results=Jsonb([{"n": n} for n in ids]))  # fmt: skip
        refused = {(row.id, row.claim_no): row.status for row in answer}
        for claim, status in expected.items():
            assert refused.pop(claim, "applied") == status
            if status == "applied":
                self.model.settle(claim, "completed")
                self.forget(claim)
        assert refused == {}

    def forget(self, claim: Claim) -> None:
        for held in self.held.values():
            if held.get(claim[0]) == claim[1]:
                del held[claim[0]]

    @rule(pick=number)
    def work(self, pick: int) -> None:
        """What a worker does most: claim a few, end most of them well."""
        self.claim(pick, 1 + pick % 4, both=True, walk=pick % 3 == 0)
        for step in range(pick % 3):
            self.settle(
                pick + step,
                recent=True,
                outcome=OUTCOMES[(pick >> step) % len(OUTCOMES)],
                delay=None,
            )

    @rule(pick=number)
    def kill(self, pick: int) -> None:
        """The process is gone; another one starts. Its settles may still arrive, late."""
        place = pick % len(self.workers)
        self.workers[place] = f.join(self.db, *QUEUES)

    @rule(pick=number, keep=st.integers(0, 3))
    def disown(self, pick: int, keep: int) -> None:
        worker = self.workers[pick % len(self.workers)]
        known = list(self.held.get(worker, {}))[:keep]
        self.db.execute("select taskflow.disown(%s, %s::bigint[])", (worker, known))
        for job in self.model.jobs.values():
            if job.state == "running" and job.worker == worker and job.id not in known:
                claim = (job.id, job.claim_no)
                self.model.settle(claim, "released")
                self.forget(claim)

    # --- time and upkeep --------------------------------------------------------------------------

    @rule(what=st.sampled_from(["advance", "advance", "reap", "reap", "crash", "maintain"]),
          seconds=st.sampled_from([7, 16, 40, 120, 1500]), pick=number)  # fmt: skip
    def time_passes(self, what: str, seconds: int, pick: int) -> None:
        if what == "advance":
            f.advance(self.db, seconds)
        elif what == "reap":
            self.look(must_take=False)
        elif what == "maintain":
            self.maintain()
        else:
            self.claim(pick, 4, both=True, walk=False)
            self.take_all()

    def take_all(self) -> None:
        """Nobody renews any more: three rounds take everything, each loss seen twice before."""
        f.advance(self.db, 31)
        for _ in range(3):
            self.look(must_take=False)
            f.advance(self.db, 16)
        self.look(must_take=True)

    def look(self, *, must_take: bool) -> None:
        now = self.now()
        taken = f.call(self.db, "reap")
        rows = f.rows(self.db, "select job_id, claim_no from taskflow.attempt where outcome='lost'")
        lost = [(row.job_id, row.claim_no) for row in rows]
        new = [claim for claim in lost if self.model.ended.get(claim) != "lost"]
        for id_, fence in new:
            job = self.model.jobs[id_]
            assert (job.state, job.claim_no) == ("running", fence)
            assert job.lease_until is not None
            assert job.lease_until <= self.now()
            assert job.suspected_at is not None, "lost at the first look"
            assert self.now() - job.suspected_at >= timedelta(seconds=15)
            before = job.run_at
            self.model.lose(job)
            if job.state == "ready":
                self.read_run_at(job)
                assert job.run_at == before or job.run_at <= self.now() + timedelta(seconds=5)
        for queue in QUEUES:
            self.model.admit(queue, now)
        expired = [
            job
            for job in self.model.jobs.values()
            if job.state == "ready" and job.deadline and job.deadline <= now
        ]
        for job in expired:
            job.state = "dead"
        assert taken == len(new) + len(expired)
        for job in self.model.jobs.values():
            if job.state == "running" and job.lease_until is not None and job.lease_until <= now:
                assert not must_take, f"{job} was not taken"
                job.suspected_at = job.suspected_at or now

    def maintain(self) -> None:
        f.maintain(self.db)
        now = self.now()
        for queue in [q for q, until in self.model.paused.items() if until and until <= now]:
            del self.model.paused[queue]

    # --- after every step -------------------------------------------------------------------------

    @invariant()
    def the_database_agrees(self) -> None:
        rows = f.rows(
            self.db,
            "select id, queue, taskflow.priority_no(priority) as priority, attempt, lost, claim_no,"
            " cancel_requested and state = 'running' as cancelling,"
            " v.id in (select j.id from taskflow.job j where j.priority >= 10) as is_aside,"
            " case when state in ('scheduled', 'blocked', 'retrying', 'available') then 'ready'"
            " else state end as state"
            " from taskflow.job_view v",
        )
        assert len(rows) == len({row.id for row in rows}), "a job is in two places"
        assert {row.id: tuple(row[1:]) for row in rows} == {
            job.id: job.seen() for job in self.model.jobs.values()
        }

    @invariant()
    def every_running_job_is_led_to(self) -> None:
        unled = f.rows(
            self.db,
            "select j.id from taskflow.job j where j.state = 'running' and not exists ("
            " select from taskflow.claim_batch b where b.worker_id = j.worker_id"
            " and j.id = any (b.job_ids))",
        )
        assert unled == []


def _place(position: Any) -> Any:
    return (datetime.fromisoformat(position[0]), position[1]) if position else None


@pytest.mark.slow
def test_the_queue_behaves_as_the_model_says(db: Connection, server_name: str) -> None:
    steps = STEPS or (9_000 if server_name == NEWEST else 1_000)

    class Here(QueueMachine):
        def __init__(self) -> None:
            super().__init__(db)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=steps // STEPS_A_WALK,
            stateful_step_count=STEPS_A_WALK,
            derandomize=not STEPS,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
