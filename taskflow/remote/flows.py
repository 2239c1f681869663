"""Workflows, their runs, and batches on the REST API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from taskflow.calls import batches, flows
from taskflow.calls.batches import Called
from taskflow.kernel.flow import (
    Batch,
    Run,
    RunLine,
    Saved,
    Started,
    Step,
    StepCount,
    Workflow,
    WorkflowLine,
)
from taskflow.kernel.flow_errors import (
    BatchNotFound,
    RunNotFound,
    RunStateConflict,
    WorkflowNotFound,
)
from taskflow.kernel.job import Cause
from taskflow.remote.jobs import Done
from taskflow.remote.script import (
    NO_END,
    NeedsDatabase,
    Request,
    Script,
    at,
    get,
    listed,
    or_none,
    post,
    read,
    stands_for,
    whole,
)

MADE = 201


@stands_for(flows.save_workflow)
def save_workflow(
    name: str, definition: Mapping[str, Any] | bytes, tenant: str | None = None
) -> Script[Saved]:
    answer = yield Request("PUT", at("workflow_definitions", name), body=_json(definition))
    outcome = "saved" if answer.status == MADE else "unchanged"
    return Saved(answer.read(Workflow).version, outcome)


@stands_for(flows.start_workflow)
def start_workflow(
    name: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002 - one name for it in SQL, JSON and Python
    version: int | None = None,
    key: str | None = None,
    tenant: str | None = None,
) -> Script[Started]:
    asked = post("/workflows", name=name, input=input or {}, version=version, key=key)
    return read(Started, asked)


@stands_for(flows.run_definition)
def run_definition(
    definition: Mapping[str, Any] | bytes,
    input: Mapping[str, Any] | bytes | None = None,  # noqa: A002
    tenant: str | None = None,
) -> Script[Started]:
    asked = post("/workflows", definition=_json(definition), input=_json(input or {}))
    return read(Started, asked)


@stands_for(flows.get_workflow)
def get_workflow(
    name: str, version: int | None = None, tenant: str | None = None
) -> Script[Workflow | None]:
    asked = get(at("workflow_definitions", name), version=version)
    return or_none(read(Workflow, asked), WorkflowNotFound)


@stands_for(flows.list_workflows)
def list_workflows(
    tenant: str, limit: int = 1000, after: str | None = None
) -> Script[list[WorkflowLine]]:
    most = limit if after is None else NO_END
    lines = yield from listed(WorkflowLine, "/workflow_definitions", most)
    return [line for line in lines if after is None or line.name > after][:limit]


@stands_for(flows.run_lines)
def run_lines(
    tenant: str,
    *,
    workflow: str | None = None,
    states: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> Script[list[RunLine]]:
    return listed(
        RunLine, "/workflows", limit, workflow=workflow, state=tuple(states), below=before
    )


@stands_for(flows.get_run)
def get_run(id: int, tenant: str | None = None) -> Script[Run | None]:
    return or_none(read(Run, get(at("workflows", id))), RunNotFound)


@stands_for(flows.get_steps)
def get_steps(
    run_id: int,
    tenant: str | None = None,
    max_steps: int = 1000,
    after: tuple[int, int] | None = None,
) -> Script[list[Step]]:
    most = max_steps if after is None else NO_END
    steps = yield from or_none(listed(Step, at("workflows", run_id, "nodes"), most), RunNotFound)
    return [s for s in steps or () if after is None or (s.no, s.place) > after][:max_steps]


@stands_for(flows.cancel_run)
def cancel_run(id: int, reason: str | None = None, tenant: str | None = None) -> Script[str]:
    try:
        return (yield from read(Done, post(at("workflows", id, "cancel"), reason=reason))).outcome
    except RunStateConflict:
        return "finished"


@stands_for(flows.retry_run)
def retry_run(id: int, tenant: str | None = None) -> Script[None]:
    yield post(at("workflows", id, "retry"))


@stands_for(flows.signal)
def signal(run_id: int, name: str, payload: Any = None, tenant: str | None = None) -> Script[str]:
    asked = post(at("workflows", run_id, "signal"), name=name, payload=payload)
    return (yield from read(Done, asked)).outcome


@stands_for(flows.explain_run)
def explain_run(id: int, node: str | None = None, tenant: str | None = None) -> Script[list[Cause]]:
    return whole(Cause, at("workflows", id, "why"), node=node)


@stands_for(flows.definition_of)
def definition_of(run_id: int, tenant: str) -> Script[Any]:
    run = yield from get_run(run_id)
    if run is None:
        return None
    if run.workflow is None:
        raise NeedsDatabase(
            f"run {run_id} is of a definition without a name, which the REST API does not show",
            "Leave --api out; or GET /workflows/{id}/graph draws it.",
        )
    saved = yield from get_workflow(run.workflow, run.version)
    return msgspec.json.decode(saved.definition) if saved else None


@stands_for(flows.count_steps)
def count_steps(run_id: int, tenant: str) -> Script[list[StepCount]]:
    steps = yield from get_steps(run_id, max_steps=NO_END)
    counted = Counter((s.node, s.item_no >= 0, s.state) for s in steps if not s.is_compensation)
    return [StepCount(*what, count) for what, count in sorted(counted.items())]


# --- batches --------------------------------------------------------------------------------------


@stands_for(batches.list_batches)
def list_batches(
    tenant: str, *, states: Sequence[str] = (), before: int | None = None, limit: int = 50
) -> Script[list[Batch]]:
    return listed(Batch, "/batches", limit, state=tuple(states), below=before)


@stands_for(batches.get_batch)
def get_batch(id: int, tenant: str | None = None) -> Script[Batch | None]:
    return or_none(read(Batch, get(at("batches", id))), BatchNotFound)


@stands_for(batches.cancel_batch)
def cancel_batch(id: int, reason: str | None = None, tenant: str | None = None) -> Script[Called]:
    return read(Called, post(at("batches", id, "cancel"), reason=reason))


def _json(value: Mapping[str, Any] | bytes) -> Any:
    return msgspec.Raw(value) if isinstance(value, bytes) else value
