"""Webhooks in the database: events with what they tell, deliveries as jobs, and endpoints."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from taskflow.kernel.webhooks import EVENTS
from tests.conftest import Connect
from tests.support import factories as f
from tests.support import flows, hooks
from tests.support.hooks import deliveries, endpoint, finish, note, open_delivery, put, told, types

Connection = psycopg.Connection[Any]


# --- what is told ---------------------------------------------------------------------------------


def test_the_catalogue_is_the_same_on_both_sides(db: Connection) -> None:
    assert tuple(f.call(db, "webhook_types")) == EVENTS


def test_the_end_of_a_job_is_told_without_what_may_be_secret(db: Connection) -> None:
    put(db)
    (id,) = f.enqueue_many(db, 1, "shop.pay", tags=["a"], max_attempts=1)
    f.claim(db, f.join(db))
    db.execute('update taskflow.job set args = \'{"card": "canary"}\'')
    f.call(db, "settle", id=id, claim_no=1, outcome="failed", error=hooks.SECRET_ERROR)
    ((kind, data),) = told(db)
    assert kind == "job.dead"
    assert (data["id"], data["task"], data["queue"], data["state"], data["attempt"]) == (
        str(id), "shop.pay", "default", "dead", 1)  # fmt: skip
    assert (data["tags"], data["reason"], data["error_class"]) == (["a"], "failed", "CardDeclined")
    assert set(data) == {"id", "task", "queue", "state", "attempt", "tags", "created_at",
                         "started_at", "finished_at", "reason", "error_class"}  # fmt: skip
    (delivery,) = deliveries(db)
    assert "canary" not in open_delivery(db, delivery.id).body


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [("completed", "job.succeeded"), ("failed", "job.dead"), ("cancelled", "job.cancelled"),
     ("discarded", "job.dead")],
)  # fmt: skip
def test_every_outcome_that_ends_a_job_is_told(db: Connection, outcome: str, kind: str) -> None:
    put(db)
    finish(db, outcome=outcome)
    assert types(db) == [kind]


@pytest.mark.parametrize("outcome", ["snoozed", "released", "failed"])
def test_what_does_not_end_a_job_is_not_told(db: Connection, outcome: str) -> None:
    put(db)
    finish(db, outcome=outcome, max_attempts=3)
    assert types(db) == []


def test_other_ends_of_jobs_are_told(db: Connection) -> None:
    put(db)
    waiting, late, discarded = (f.enqueue(db, f"t{n}", run_at=f.value(
        db, "select taskflow.now() + interval '1 hour'")) for n in range(3))  # fmt: skip
    f.call(db, "cancel", id=waiting)
    db.execute("update taskflow.job set deadline = taskflow.now() where id = %s", (late,))
    f.call(db, "reap")
    f.call(db, "discard", id=discarded)
    assert [(kind, data["id"]) for kind, data in told(db)] == [
        ("job.cancelled", str(waiting)), ("job.dead", str(late)), ("job.cancelled", str(discarded)),
    ]  # fmt: skip


def test_a_job_that_lost_its_workers_is_told_as_dead(db: Connection) -> None:
    put(db)
    f.enqueue(db)
    for _ in range(3):
        f.lose(db, f.claim(db, f.join(db)))
        f.advance(db, 60)
    ((kind, data),) = told(db)
    assert (kind, data["reason"], data["error_class"]) == ("job.dead", "lost", None)


def test_a_batch_is_told_with_one_insert_of_each_kind(db: Connection) -> None:
    """Whatever its size: counted by the server, over the statements inside the functions, too."""
    put(db)
    put(db)
    counts = []
    for size in (1, 50):
        f.enqueue_many(db, size)
        jobs = f.claim(db, f.join(db), size)
        counts.append(calls_of(db, jobs))
    assert counts[0] == counts[1] > 0
    assert len(deliveries(db)) == 2 * 51
    assert f.value(db, "select count(*) from taskflow.job where task = 'taskflow.deliver'") == 102


def calls_of(db: Connection, jobs: list[Any]) -> int:
    """How often settling them calls what tells endpoints, the functions inside of it included."""
    db.execute("set track_functions = 'all'")
    with db.transaction():  # inside of one, the server's counters of this session stand still else
        before = f.value(db, CALLS)
        hooks.settle_many(db, jobs)
        return int(f.value(db, CALLS) - before)


CALLS = """
select coalesce(sum(pg_stat_get_xact_function_calls(p.oid)), 0) from pg_proc p
 where p.pronamespace = 'taskflow'::regnamespace
   and p.proname in ('tell_endpoints', 'send_events', 'published_version', 'wake', 'has_limits')
"""


def test_a_settle_that_nobody_hears_calls_nothing_more(db: Connection) -> None:
    """Neither without endpoints, nor where none wants jobs that succeeded."""
    for types_wanted in (None, ["job.dead"]):
        if types_wanted:
            put(db, types=types_wanted)
        f.enqueue_many(db, 20)
        assert calls_of(db, f.claim(db, f.join(db), 20)) == 0
    assert told(db) == []


def test_runs_of_workflows_are_told(db: Connection) -> None:
    put(db, types=["workflow.*"])
    flows.save(db, "w", {"a": {"task": "t"}})
    for outcome in ("completed", "failed"):
        flows.start(db, "w")
        (job,) = f.claim(db, f.join(db))
        db.execute("update taskflow.job set max_attempts = 1 where id = %s", (job.id,))
        f.settle(db, job, outcome)
    run = flows.start(db, "w")
    f.call(db, "cancel_run", id=run)
    assert types(db) == ["workflow.succeeded", "workflow.failed", "workflow.cancelled"]
    assert told(db)[2][1]["id"] == str(run)
    assert told(db)[2][1]["workflow"] == "w"


def test_pauses_are_told(db: Connection) -> None:
    put(db)
    f.call(db, "pause_queue", queue="mail", reason="server down")
    f.call(db, "resume_queue", queue="mail")
    f.call(db, "resume_queue", queue="mail")
    f.call(db, "put_schedule", name="s", task="t", every="1 hour")
    f.call(db, "pause_schedule", name="s")
    f.call(db, "resume_schedule", name="s")
    assert types(db) == ["queue.paused", "queue.resumed", "schedule.paused", "schedule.resumed"]
    assert told(db)[0][1] == {"queue": "mail", "reason": "server down", "resume_at": None}


def test_a_pause_that_runs_out_is_told(db: Connection) -> None:
    put(db)
    until = f.value(db, "select taskflow.now() + interval '1 minute'")
    f.call(db, "pause_queue", queue="mail", resume_at=until)
    f.advance(db, 61)
    f.maintain(db)
    assert types(db) == ["queue.paused", "queue.resumed"]


def test_events_are_gone_with_what_they_tell(dsn: str, db: Connection, connect: Connect) -> None:
    put(db)
    f.enqueue(db)
    (job,) = f.claim(db, f.join(db))
    other = connect(autocommit=False)
    f.settle(other, job)
    assert types(other) == ["job.succeeded"]
    other.rollback()
    assert (told(db), deliveries(db)) == ([], [])
    assert f.value(db, "select count(*) from taskflow.job where task = 'taskflow.deliver'") == 0


def test_deliveries_make_no_deliveries(db: Connection) -> None:
    put(db)
    finish(db)
    for _ in range(2):
        worker = f.join(db, "hooks")
        for job in f.claim(db, worker, 10, "hooks"):
            f.call(db, "settle", id=job.id, claim_no=job.claim_no, outcome="discarded")
    assert types(db) == ["job.succeeded"]


# --- to whom --------------------------------------------------------------------------------------


def test_other_tenants_are_not_told(db: Connection) -> None:
    put(db, tenant="a")
    put(db, tenant="b")
    finish(db, tenant="b")
    assert (types(db, "a"), types(db, "b"), types(db)) == ([], ["job.succeeded"], [])
    assert [d.endpoint_id for d in deliveries(db, "b")] == [
        f.value(db, "select id from taskflow.webhook_endpoint where tenant = 'b'")]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"types": ["job.*"]}, 1),
        ({"types": ["job.succeeded", "job.dead"]}, 1),
        ({"types": ["*"]}, 1),
        ({"types": []}, 1),
        ({"types": ["job.dead"]}, 0),
        ({"types": ["workflow.*"]}, 0),
        ({"queues": ["mail"]}, 1),
        ({"queues": ["other"]}, 0),
        ({"tasks": ["t"]}, 1),
        ({"tasks": ["u"], "queues": ["mail"]}, 0),
    ],
)
def test_filters_choose_the_events(db: Connection, options: dict[str, Any], count: int) -> None:
    put(db, **options)
    finish(db, queue="mail")
    assert len(deliveries(db)) == count
    assert len(told(db)) == count  # an event that nobody wants is not written


def test_deliveries_wait_in_the_queue_of_the_endpoint_and_under_its_limits(db: Connection) -> None:
    put(db, queue="hooks")
    f.call(db, "set_limit", name="l", queue="hooks", concurrency=1)
    finish(db, 3)
    assert len(f.claim(db, f.join(db, "hooks"), 5, "hooks")) == 1


def test_a_disabled_endpoint_gets_nothing_and_what_waits_is_skipped(db: Connection) -> None:
    saved = put(db)
    finish(db)
    assert f.call(db, "disable_webhook", id=saved.webhook_id, reason="holiday") is True
    assert f.call(db, "disable_webhook", id=saved.webhook_id) is False
    finish(db)
    (delivery,) = deliveries(db)
    assert open_delivery(db, delivery.id) is None
    assert deliveries(db)[0].state == "skipped"
    assert f.call(db, "enable_webhook", id=saved.webhook_id) is True
    finish(db)
    assert len(deliveries(db)) == 2


def test_others_learn_that_an_endpoint_is_disabled(db: Connection) -> None:
    first, second = put(db, url="https://a.example.com/x?token=canary"), put(db)
    f.call(db, "disable_webhook", id=first.webhook_id, reason="holiday")
    told_of = {"webhook": str(first.webhook_id), "url": "https://a.example.com/x"}
    assert told(db) == [("webhook.disabled", told_of | {"reason": "holiday"})]
    assert [d.endpoint_id for d in deliveries(db)] == [second.webhook_id]


def test_a_test_goes_to_one_endpoint_even_if_disabled_and_is_tried_once(db: Connection) -> None:
    first, _ = put(db, types=["job.dead"]), put(db)
    f.call(db, "disable_webhook", id=first.webhook_id)
    sent = f.call(db, "test_webhook", id=first.webhook_id)
    delivery = next(d for d in deliveries(db) if d.id == sent)
    assert delivery.endpoint_id == first.webhook_id
    assert '"webhook.test"' in open_delivery(db, sent).body
    assert f.job(db, delivery.job_id).max_attempts == 1
    assert note(db, sent, 500, is_last=True) == "failed"
    assert endpoint(db, first.webhook_id).failing_since is None
