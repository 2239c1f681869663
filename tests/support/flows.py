"""Workflows for tests: saves them, starts them, and runs the jobs of their steps as workers do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.support import factories as f

Connection = psycopg.Connection[Any]
Ends = Callable[[Any], Any] | Mapping[str, Any]
"""What becomes of a job, by its task or by a function of it: a result, or a `Failed`."""
NOTHING: Mapping[str, Any] = {}


class Failed:
    """The job's attempt fails."""

    def __init__(self, message: str = "broken", outcome: str = "discarded") -> None:
        self.message = message
        self.outcome = outcome


def save(db: Connection, name: str, nodes: Mapping[str, Any], output: Any = None) -> int:
    """The version under which it is saved."""
    (row,) = f.call_rows(db, "save_workflow", name=name, definition=definition(nodes, output))
    return int(row.version)


def definition(nodes: Mapping[str, Any], output: Any = None) -> dict[str, Any]:
    return {"nodes": dict(nodes)} | ({} if output is None else {"output": output})


def start(db: Connection, name: str, data: Any = None, **options: Any) -> int:
    (row,) = f.call_rows(db, "start_workflow", name=name, input=Jsonb(data or {}), **options)
    return int(row.id)


def launch(db: Connection, nodes: Mapping[str, Any], output: Any = None, data: Any = None) -> int:
    """A run of a definition without a name."""
    given = {"definition": definition(nodes, output), "input": Jsonb(data or {})}
    return int(f.call(db, "run_definition", **given))


def run(db: Connection, run_id: int) -> Any:
    (found,) = f.rows(db, "select * from taskflow.run_view where id = %s", run_id)
    return found


def steps(db: Connection, run_id: int) -> list[Any]:
    return f.rows(
        db, "select * from taskflow.step_view where run_id = %s order by no, place", run_id
    )


def states(db: Connection, run_id: int) -> dict[str, str]:
    """State by node, the items of one as node[0], its compensation as ~node."""
    return {name(step): step.state for step in steps(db, run_id)}


def name(step: Any) -> str:
    item = f"[{step.item_no}]" if step.item_no >= 0 else ""
    return f"{'~' if step.is_compensation else ''}{step.node}{item}"


def results(db: Connection, run_id: int) -> dict[str, Any]:
    return {name(step): step.result for step in steps(db, run_id)}


def work(
    db: Connection, ends: Ends = NOTHING, *, worker: int | None = None, at_most: int = 10**6
) -> int:
    """Runs due jobs until none is left, a batch at a time; answers how many."""
    worker = worker or f.join(db)
    count = 0
    while count < at_most and (jobs := f.claim(db, worker, min(1000, at_most - count))):
        count += len(jobs)
        settle(db, jobs, ends)
    return count


def settle(db: Connection, jobs: list[Any], ends: Ends = NOTHING) -> None:
    """Ends claimed jobs in one round trip, as a worker does."""
    good: list[tuple[Any, Any]] = []
    others: list[dict[str, Any]] = []
    for job in jobs:
        end = ends(job) if callable(ends) else ends.get(job.task)
        if isinstance(end, Failed):
            others.append({"id": job.id, "claim_no": job.claim_no, "tenant": job.tenant,
                           "outcome": end.outcome, "reason": end.message})  # fmt: skip
        else:
            good.append((job, end))
    refused = f.call_rows(
        db, "settle_many", ids=[job.id for job, _ in good],
        claim_nos=[job.claim_no for job, _ in good], results=Jsonb([end for _, end in good]),
        others=Jsonb(others) if others else None, tenants=[job.tenant for job, _ in good],
    )  # fmt: skip
    assert refused == []


OPEN = ("pending", "waiting", "scheduled")


def check_run(db: Connection, run_id: int) -> str:
    """W3: what is stored of a run is what follows from its steps and their jobs. The state."""
    found = run(db, run_id)
    stored = f.rows(
        db,
        "select s.*, n.needs, n.fate, n.name from taskflow.workflow_step s"
        " join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id"
        " join taskflow.workflow_node n on n.tenant = r.tenant"
        " and n.workflow_id = r.workflow_id and n.no = s.node where s.run_id = %s",
        run_id,
    )
    nodes = {step.node: step for step in stored if step.place == -1}

    def is_done(step: Any) -> bool:
        accepted = step.fate == "continue" and (step.state == "failed" or step.error is not None)
        return step.state in ("succeeded", "skipped") or accepted

    counts = dict.fromkeys(("succeeded", "skipped", "failed", "cancelled", "compensated"), 0)
    for step in stored:
        if step.state in counts:
            counts[step.state] += 1
        if step.place == -1 and step.state == "pending":
            left = sum(not is_done(nodes[no]) for no in step.needs)
            assert step.remaining == left, f"{step.name} waits for {step.remaining}, not {left}"
            assert left > 0, f"{step.name} should have been let go"
        if step.job_id is not None:
            check_job(db, step, found)
    assert {name: getattr(found, name) for name in counts} == counts
    assert found.total == len(stored)
    is_open = any(step.state in OPEN for step in stored)
    assert is_open == (found.finished_at is None), (found.state, counts)
    for step in stored:
        if step.child_id is not None:
            check_run(db, step.child_id)
    return str(found.state)


def check_job(db: Connection, step: Any, found: Any) -> None:
    """A step and its job tell the same story."""
    job = f.job(db, step.job_id)
    assert job is not None
    ended = {"succeeded": "succeeded", "dead": "failed", "cancelled": "cancelled"}.get(job.state)
    if step.state == "compensated":
        assert ended == "succeeded"
    else:
        assert step.state == (ended or "scheduled"), (step.name, step.state, job.state)
    if ended is None:
        followed = f.value(db, "select is_followed from taskflow.job where id = %s", step.job_id)
        assert followed, "nobody would be told of the end"
    assert (found.state, ended) != ("succeeded", None)
