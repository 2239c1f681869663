"""/jobs/{id}/result and /jobs/{id}/logs/follow: what one waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from taskflow import Taskflow
from taskflow.api import results
from taskflow.calls import records
from taskflow.store.call import run
from tests.api.conftest import Client
from tests.support import factories as f
from tests.support.serving import eventually

Connection = psycopg.Connection[Any]
WATCHED = "select count(*) from taskflow.watcher"


def claimed(db: Connection, **options: Any) -> Any:
    """A job that runs."""
    f.enqueue(db, max_attempts=1, **options)
    queue = options.get("queue", "default")
    (job,) = f.claim(db, f.join(db, queue), 1, queue)
    return job


async def test_a_result_is_there_once_the_job_has_ended(client: Client, db: Connection) -> None:
    viewer = client("viewer")
    job = claimed(db)
    running = await viewer.get(f"/jobs/{job.id}/result")
    assert (running.status_code, running.headers["retry-after"]) == (202, "1")
    assert running.json() == {"id": str(job.id), "state": "running", "result": None}
    f.settle(db, job, result=Jsonb({"sent": 3, "token": "t"}))
    ended = await viewer.get(f"/jobs/{job.id}/result")
    assert ended.status_code == 200
    assert ended.json()["result"] == {"sent": 3, "token": "[redacted]"}
    whole = await client("admin").get(f"/jobs/{job.id}/result")
    assert whole.json()["result"] == {"sent": 3, "token": "t"}


async def test_a_result_is_waited_for(client: Client, db: Connection) -> None:
    job = claimed(db)
    viewer = client("viewer")
    waiting = asyncio.create_task(viewer.get(f"/jobs/{job.id}/result", params={"wait": 30}))
    await eventually(lambda: f.value(db, WATCHED) == 1, what="the API waits")
    f.settle(db, job, result=Jsonb(7))
    answer = await asyncio.wait_for(waiting, 20)
    assert (answer.status_code, answer.json()["result"]) == (200, 7)


async def test_patience_has_an_end(client: Client, db: Connection) -> None:
    job = claimed(db)
    viewer = client("viewer")
    answer = await viewer.get(f"/jobs/{job.id}/result", params={"wait": 0.2})
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert (await viewer.get(f"/jobs/{job.id}/result", params={"wait": 61})).status_code == 400


@pytest.mark.parametrize(("outcome", "code"), [("failed", "TF301"), ("cancelled", "TF302")])
async def test_a_job_that_failed_has_no_result(
    client: Client, db: Connection, outcome: str, code: str
) -> None:
    job = claimed(db)
    f.settle(db, job, outcome, reason="because")
    answer = await client("viewer").get(f"/jobs/{job.id}/result", params={"wait": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert "because" in answer.json()["detail"]


async def test_a_result_in_pieces_is_put_together(client: Client, db: Connection) -> None:
    job = claimed(db)
    for place, piece in enumerate((b'["a",', b'"b"]')):
        put = records.put_result(job.id, job.claim_no, "default", place, piece)
        assert run(db, put) == "applied"
    stored = {"$stored": {"store": "postgres", "claim_no": job.claim_no, "bytes": 9}}
    f.settle(db, job, result=Jsonb(stored))
    answer = await client("viewer").get(f"/jobs/{job.id}/result")
    assert answer.json()["result"] == ["a", "b"]


async def test_results_of_others_do_not_exist(client: Client, db: Connection) -> None:
    job = claimed(db)
    f.settle(db, job, result=Jsonb(1))
    for other in (client("viewer", tenant="acme"), client("viewer", queues=["email"])):
        for path in ("result", "logs/follow"):
            answer = await other.get(f"/jobs/{job.id}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "TF120")


def events(text: str) -> list[tuple[str, str]]:
    """(event, id) of each message of a stream."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["event"], fields["id"]))
    return found


async def test_a_log_is_followed_to_the_jobs_end(
    client: Client, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(results, "LATE_LINES_S", 0.05)
    job = claimed(db)

    def say(text: str) -> None:
        lines = Jsonb([text])
        assert f.call(db, "log", id=job.id, claim_no=job.claim_no, lines=lines) == "applied"

    say("one")
    viewer = client("viewer")
    following = asyncio.create_task(viewer.get(f"/jobs/{job.id}/logs/follow"))
    say("two")
    f.settle(db, job)
    answer = await asyncio.wait_for(following, 20)
    assert answer.headers["content-type"].startswith("text/event-stream")
    kinds = [event for event, _ in events(answer.text)]
    assert kinds == ["log", "log", "end"]
    assert "one" in answer.text
    assert '"state":"succeeded"' in answer.text
    first = events(answer.text)[0][1]
    resumed = await viewer.get(f"/jobs/{job.id}/logs/follow", headers={"last-event-id": first})
    assert [event for event, _ in events(resumed.text)] == ["log", "end"]


async def test_a_stream_of_a_long_job_ends_in_time(
    client: Client, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(results, "PING_EVERY_S", 0.0)
    monkeypatch.setattr(results, "FOLLOW_FOR_S", 0.3)
    job = claimed(db)
    answer = await client("viewer").get(f"/jobs/{job.id}/logs/follow")
    assert ": still here" in answer.text
    assert events(answer.text) == []


async def test_waiting_holds_no_connection(client: Client, tf: Taskflow, db: Connection) -> None:
    """Twenty who wait, and a pool of four: others are served meanwhile."""
    job = claimed(db)
    viewer = client("viewer")
    url, asked = f"/jobs/{job.id}/result", {"wait": 30}
    waiting = [asyncio.create_task(viewer.get(url, params=asked)) for _ in range(20)]
    await eventually(lambda: f.value(db, WATCHED) == 1, what="the API waits")
    other = await asyncio.wait_for(viewer.get("/queues"), 10)
    assert other.status_code == 200
    f.settle(db, job, result=Jsonb(1))
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert {answer.status_code for answer in answers} == {200}
