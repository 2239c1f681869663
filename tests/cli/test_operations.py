"""`taskflow operations`: a preview, a worker that does it, and taking it back."""

from __future__ import annotations

import asyncio
from typing import Any

from taskflow import Taskflow
from taskflow.worker import Limits, Worker
from tests.cli.conftest import Run
from tests.cli.stage import dead
from tests.support import factories as f


def work(dsn: str) -> None:
    """A worker that does what is due and ends."""

    async def main() -> None:
        tf = Taskflow(dsn)
        await asyncio.wait_for(Worker(tf, limits=Limits(burst=True)).run(), 20)
        await tf.aclose()

    asyncio.run(main())


def test_a_preview_shows_how_many_and_which(cli: Run, db: Any) -> None:
    jobs = dead(db, 3, task="mail")
    said = cli("operations", "start", "retry", "-t", "mail", "--dry-run").ok().out
    assert "Would retry 3 jobs matching" in said
    assert str(jobs[0]) in said
    assert f.value(db, "select count(*) from taskflow.operation") == 0


def test_dead_jobs_are_requeued_by_a_worker(cli: Run, db: Any, dsn: str) -> None:
    jobs = dead(db, 250, task="mail", queue="elsewhere")
    started = cli("operations", "start", "retry", "-t", "mail", "--yes", "--reason", "SMTP is back",
                  "--json").ok().json  # fmt: skip
    work(dsn)
    shown = cli("operations", "show", started["id"], "--json").ok().json
    operation = shown["operation"]
    assert (operation["state"], operation["done"], operation["refused"]) == ("done", 250, 0)
    assert operation["reason"] == "SMTP is back"
    assert {f.state(db, id) for id in jobs} == {"available"}
    (line,) = cli("operations", "list", "--json").ok().json
    assert line["expected"] == 250
    assert "250 of 250 done" in cli("operations", "show", started["id"]).ok().out


def test_a_rate_is_kept(cli: Run, db: Any, dsn: str) -> None:
    f.enqueue_many(db, 20, queue="elsewhere")
    cli("operations", "start", "cancel", "-q", "elsewhere", "--yes", "--rate", "20").ok()
    work(dsn)
    took = f.value(
        db, "select extract(epoch from finished_at - started_at)::float8 from taskflow.operation"
    )
    assert 0.7 <= took < 5


def test_it_is_taken_back(cli: Run, db: Any, dsn: str) -> None:
    jobs = f.enqueue_many(db, 5, queue="elsewhere")
    cli("operations", "start", "move", "-q", "elsewhere", "--to", "there", "--yes").ok()
    work(dsn)
    assert {f.job(db, id).queue for id in jobs} == {"there"}
    cli("operations", "undo", str(f.value(db, "select max(id) from taskflow.operation"))).ok()
    work(dsn)
    assert {f.job(db, id).queue for id in jobs} == {"elsewhere"}


def test_mistakes_are_told(cli: Run, db: Any) -> None:
    assert cli("operations", "start", "retry").code == 2
    assert "needs --to" in cli("operations", "start", "move", "-q", "a").err
    assert "does not take --to" in cli("operations", "start", "cancel", "-q", "a", "--to", "b").err
    assert cli("operations", "show", "999").code == 3
    assert cli("operations", "cancel", "999").code == 3
    f.enqueue(db)
    asked = cli("operations", "start", "cancel", "-q", "default")
    assert asked.code == 2
    assert "--yes" in asked.err
