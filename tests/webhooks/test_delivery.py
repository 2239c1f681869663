"""Delivering, end to end: a job ends, an endpoint is told, and the database knows how it went."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from standardwebhooks import Webhook

from taskflow.calls import webhooks as calls
from taskflow.store.call import run
from taskflow.webhooks import tasks
from tests.support import factories as f
from tests.support import hooks
from tests.support.hooks import finish, put
from tests.support.serving import eventually, serving
from tests.webhooks.sink import listening, plain
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


LOCAL: dict[str, Any] = {"webhook_allow": "127.0.0.0/8", "webhook_http": True}


async def test_the_end_of_a_job_is_told_signed(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(**LOCAL)

    @tf.task(name="shop.pay")
    async def pay(card: str) -> str:
        return "receipt of " + card

    async with listening() as sink:
        saved = put(
            db, sink.url, types=["job.succeeded"], queue="default", headers={"X-Team": "shop"}
        )
        handle = await pay.options(tags=["a"]).aenqueue("4000")
        async with serving(tf):
            await eventually(
                lambda: f.value(db, "select state from taskflow.webhook_delivery") == "delivered"
            )
    (request,) = sink.requests
    assert request.headers["x-team"] == "shop"
    told = Webhook(saved.new_secret).verify(request.body, request.headers)
    assert (told["type"], told["id"]) == ("job.succeeded", request.headers["webhook-id"])
    assert (told["data"]["id"], told["data"]["task"], told["data"]["tags"]) == (
        str(handle.id),
        "shop.pay",
        ["a"],
    )
    assert "4000" not in json.dumps(told)


async def test_what_fails_is_tried_again_by_the_policy_and_shown(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(**LOCAL)
    async with listening(plain(503, b"no \x1b[31m", Retry_After="900")) as sink:
        put(db, sink.url, queue="default")
        f.enqueue(db, "nobody.knows")
        f.call(db, "cancel", id=f.value(db, "select min(id) from taskflow.job"))
        async with serving(tf):
            await eventually(lambda: len(sink.requests) == 1 and waits(db) is not None)
    assert 900 <= waits(db) <= 990  # Retry-After, later than the policy's 5 s
    (seen,) = hooks.deliveries(db)
    assert (seen.state, seen.last_status, seen.response_head) == ("pending", 503, "no \ufffd[31m")
    sink_job = f.job(db, seen.job_id)
    assert (sink_job.state, sink_job.max_attempts) == ("retrying", 10)
    delivery = run(db, calls.delivery(seen.id, "default"))
    assert delivery is not None
    assert delivery.next_at == sink_job.run_at
    (attempt,) = run(db, calls.attempts(seen.id, "default"))
    assert (attempt.status, attempt.error) == (503, None)


def waits(db: Connection) -> Any:
    """Seconds until the delivery's next attempt, from its last."""
    return f.value(
        db,
        "select extract(epoch from j.run_at - a.finished_at) from taskflow.job j"
        " join taskflow.webhook_attempt a on true where j.task = 'taskflow.deliver'"
        " and j.state = 'ready'",
    )


async def test_an_endpoint_that_is_gone_ends_it(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(**LOCAL)
    async with listening(plain(410)) as sink:
        put(db, sink.url, queue="default")
        finish(db, 2)
        async with serving(tf):
            await eventually(lambda: not f.value(db, "select count(*) from taskflow.job"))
    assert len(sink.requests) <= 2
    assert hooks.endpoint(db, hooks.deliveries(db)[0].endpoint_id).disabled_at is not None
    states = {d.state for d in hooks.deliveries(db)}
    assert states <= {"gone", "skipped"}
    assert f.value(db, "select count(*) from taskflow.dead_job") == 0


async def test_an_address_inside_is_an_attempt_that_failed(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(webhook_http=True)
    async with listening() as sink:
        put(db, sink.url, queue="default")
        finish(db)
        async with serving(tf):
            await eventually(lambda: hooks.deliveries(db)[0].attempts == 1)
        assert sink.connections == 0
    (seen,) = hooks.deliveries(db)
    assert seen.last_status is None
    assert seen.last_error.startswith("TF184 127.0.0.1 leads to 127.0.0.1, which is not public")


async def test_what_an_endpoint_echoes_of_our_secrets_is_not_kept(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(**LOCAL)

    async def echo(writer: asyncio.StreamWriter) -> None:
        sent = sink.requests[-1].headers
        body = f"{sent['authorization']} whsec_AAAAAAAA {sent['webhook-id']}".encode()
        await plain(500, body)(writer)

    async with listening(echo) as sink:
        put(db, sink.url, queue="default", headers={"Authorization": "Bearer canary"})
        finish(db)
        async with serving(tf):
            await eventually(lambda: hooks.deliveries(db)[0].attempts == 1)
    (seen,) = hooks.deliveries(db)
    assert seen.response_head == f"[redacted] [redacted] evt_{seen.event_id}"


async def test_a_last_attempt_leaves_a_dead_letter(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(**LOCAL)
    async with listening(plain(500)) as sink:
        put(db, sink.url, queue="default")
        finish(db)
        db.execute("update taskflow.job set max_attempts = 1")
        async with serving(tf):
            await eventually(lambda: f.value(db, "select count(*) from taskflow.dead_job") == 1)
    assert hooks.deliveries(db)[0].state == "failed"
    assert f.value(db, "select error_class from taskflow.dead_job").endswith("DeliveryFailed")
    assert hooks.types(db) == ["job.succeeded"]  # its own end is told to nobody


def test_the_policy_takes_three_days() -> None:
    steps = [tasks.RETRY.delay(n, random=lambda: 0.5) for n in range(1, 11)]
    assert steps[-1] is None
    seconds = [step.total_seconds() for step in steps if step]
    assert seconds == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert 3 * 86_400 <= sum(seconds) < 3.5 * 86_400
    ninth = [tasks.RETRY.delay(9, random=lambda: drawn) for drawn in (0, 0.999_999)]  # noqa: B023
    assert [round(step.total_seconds() / 3600, 1) for step in ninth if step] == [21.6, 26.4]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("99999999999999", 3600), ("Wed, 21 Oct 2015 07:29:00 GMT", 60),
     ("Wed, 21 Oct 2015 07:00:00 GMT", 0), ("Wed, 21 Oct 2065 07:28:00 GMT", 3600), ("-5", None),
     ("soon", None), ("", None), (None, None), ("²", None)],
)  # fmt: skip
def test_retry_after_is_honoured_up_to_an_hour(header: str | None, seconds: int | None) -> None:
    now = datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
    asked = tasks.asked_delay(header, now)
    assert asked == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_worker_that_delivers_nothing_loads_no_http(dsn: str) -> None:
    code = (
        "import sys; from taskflow import Taskflow; from taskflow.worker import Worker;"
        "Worker(Taskflow(sys.argv[1]));"
        "sys.exit(bool({'httpcore', 'anyio', 'aiosmtplib'} & set(sys.modules)))"
    )
    done = await asyncio.create_subprocess_exec(sys.executable, "-c", code, dsn)
    assert await done.wait() == 0
