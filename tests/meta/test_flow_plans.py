"""Advancing finds each step by its key, whatever the planner believes of the tables.

With the join turned round, ten thousand steps that ended together took a hundred seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support import flows
from tests.support.db import Servers
from tests.support.plans import Plan, Planner

Connection = psycopg.Connection[Any]

WIDTH = 300
TABLES = ("job", "dependency", "workflow_run", "workflow_step", "workflow_node", "batch_job")
KEYED = ("run_id", "job_id", "workflow_id", "(id =", "batch_id", "parent_id")
"""What the condition of a look-up names beside the tenant."""


@pytest.fixture(params=["never analyzed", "analyzed empty", "analyzed full"])
def held(
    request: pytest.FixtureRequest, servers: Servers
) -> Iterator[tuple[Connection, list[Any]]]:
    """A wide run that reads its results, half of it claimed and in a batch, and what is known."""
    server = servers.get()
    if not server.is_embedded:
        pytest.skip("needs a superuser")
    dsn = server.create()
    with psycopg.connect(dsn, autocommit=True) as db:
        for table in TABLES:
            db.execute(f"alter table taskflow.{table} set (autovacuum_enabled = off)")
        if request.param == "analyzed empty":
            analyze(db)
        names = [f"n{i}" for i in range(WIDTH)]
        nodes: dict[str, Any] = {name: {"task": "t"} for name in names}
        nodes |= {f"m{i}": {"task": "t", "needs": [f"n{i}"]} for i in range(WIDTH)}
        nodes["end"] = {"task": "t", "needs": names, "args": {
            "all": [{"$path": f"$.steps.{name}.result"} for name in names]}}  # fmt: skip
        flows.launch(db, nodes)
        for _ in range(20):
            flows.launch(db, nodes)
        jobs = f.claim(db, f.join(db), WIDTH // 2)
        batch = f.call(db, "create_batch")
        f.call(db, "put_in_batch", batch_id=batch, ids=[job.id for job in jobs])
        if request.param == "analyzed full":
            analyze(db)
        yield db, jobs
    server.drop(dsn)


def analyze(db: Connection) -> None:
    db.execute("vacuum analyze " + ", ".join(f"taskflow.{table}" for table in TABLES))


def strays(plans: list[Plan]) -> list[str]:
    """Scans of these tables that are no look-up of single rows."""
    found = []
    for plan in plans:
        for node in plan.nodes:
            relation = str(node.get("Relation Name", ""))
            if relation not in TABLES or node["Node Type"] in ("ModifyTable", "Tid Scan"):
                continue
            condition = str(node.get("Index Cond", "") or node.get("Recheck Cond", ""))
            if not any(key in condition for key in KEYED):
                found.append(f"{node['Node Type']} of {relation} ({condition}): {plan.query[:100]}")
    return found


def test_steps_that_end_together_are_looked_up_one_by_one(
    held: tuple[Connection, list[Any]],
) -> None:
    db, jobs = held
    ids, fences = [job.id for job in jobs], [job.claim_no for job in jobs]
    results = Jsonb([1 for _ in jobs])
    planner = Planner(db)
    plans = planner.plans(
        "select taskflow.settle_many(%s::bigint[], %s::bigint[], %s)", ids, fences, results
    )
    for part in ("ended as (", "with counted as", "insert into taskflow.job (id", "m.ended_as"):
        assert any(part in plan.query for plan in plans), f"no statement with {part!r}"
    assert strays(plans) == []


def test_jobs_that_waited_for_them_are_looked_up_one_by_one(
    held: tuple[Connection, list[Any]],
) -> None:
    db, _ = held
    f.enqueue_many(db, WIDTH, queue="first")
    parents = f.claim(db, f.join(db, "first"), WIDTH, "first")
    for parent in parents:
        f.enqueue(db, depends_on=[parent.id], queue="then")
    ids, fences = [job.id for job in parents], [job.claim_no for job in parents]
    planner = Planner(db)
    settle = "select taskflow.settle_many(%s::bigint[], %s::bigint[])"
    plans = planner.plans(settle, ids, fences)
    assert any("with released as" in plan.query for plan in plans)
    assert strays(plans) == []


def test_the_jobs_of_a_cancelled_run_are_looked_up_one_by_one(
    held: tuple[Connection, list[Any]],
) -> None:
    db, jobs = held
    run = f.value(db, "select run_id from taskflow.workflow_step where job_id = %s", jobs[0].id)
    plans = Planner(db).plans("select taskflow.cancel_run(%s)", run)
    assert any("with held as" in plan.query for plan in plans)
    assert [stray for stray in strays(plans) if " of job " in stray] == []


def test_the_tables_are_not_even_asked_for_a_plain_job(held: tuple[Connection, list[Any]]) -> None:
    db, _ = held
    f.enqueue(db, queue="plain")
    (job,) = f.claim(db, f.join(db, "plain"), 1, "plain")
    planner = Planner(db)
    plans = planner.plans(
        "select taskflow.settle_many(%s::bigint[], %s::bigint[])", [job.id], [job.claim_no]
    )
    touched = {str(node.get("Relation Name", "")) for plan in plans for node in plan.nodes}
    assert not {name for name in touched if name.startswith(("workflow", "batch", "dependency"))}


def test_a_wide_run_is_reopened_in_proportion_to_its_steps(db: Connection) -> None:
    """Joined the wrong way round it took minutes; it takes a third of a second."""
    names = [f"n{i}" for i in range(9_998)]
    nodes: dict[str, Any] = {"root": {"task": "t"}}
    nodes |= {name: {"task": "t", "needs": ["root"]} for name in names}
    nodes["end"] = {"task": "t", "needs": names}
    run = flows.launch(db, nodes)
    flows.work(db, at_most=1)
    f.call(db, "cancel_run", id=run)
    db.execute("set statement_timeout = '6s'")
    f.call(db, "retry_run", id=run)
    assert flows.run(db, run).state == "running"
