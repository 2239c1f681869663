"""Verbs on workflows and their runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import msgspec

from taskflow.kernel import codec, flow_errors
from taskflow.kernel.flow import (
    Run,
    RunLine,
    Saved,
    Started,
    Step,
    StepCount,
    Workflow,
    WorkflowLine,
)
from taskflow.kernel.job import Cause
from taskflow.store.call import Call, Row, each, first, nothing, scalar

R = TypeVar("R")
assert flow_errors.InvalidWorkflow.code  # imported so that the database's codes are known
_RUN_LINE = (
    "tenant, id, workflow, version, state, ending, key, reason, total, succeeded, skipped, failed,"
    " cancelled, compensated, created_at, finished_at, created_by, root_id, parent_id"
)
_RUN = f"{_RUN_LINE}, input::text, output::text"
_STEP = (
    "run_id, no, node, item_no, is_compensation, kind, target, state, job_id, child_id, attempt,"
    " due_at, started_at, finished_at, error, result::text"
)


def save_workflow(
    name: str, definition: Mapping[str, Any] | bytes, tenant: str | None = None
) -> Call[Saved]:
    """Keeps a definition under a name; one that is the same as the latest makes no new version."""
    return Call(
        "select version, outcome from taskflow.save_workflow(%(name)s, %(definition)s::jsonb,"
        " %(tenant)s)",
        {"name": name, "definition": _json(definition), "tenant": tenant},
        lambda rows: Saved(*rows[0]),
    )


def start_workflow(
    name: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002 - one name for it in SQL, JSON and Python
    version: int | None = None,
    key: str | None = None,
    tenant: str | None = None,
) -> Call[Started]:
    """Starts a run of a saved workflow; with a key that a run has already, answers that run."""
    return Call(
        "select id, outcome from taskflow.start_workflow(%(name)s, %(input)s::jsonb,"
        " %(version)s::integer, %(key)s, %(tenant)s)",
        {
            "name": name,
            "input": _json(input or {}),
            "version": version,
            "key": key,
            "tenant": tenant,
        },
        lambda rows: Started(*rows[0]),
    )


def save_and_start(
    name: str, definition: bytes, input_: bytes, key: str | None, tenant: str | None
) -> Call[Started]:
    """Both in one statement: what a flow in code does each time."""
    return Call(
        "select r.id, r.outcome from taskflow.save_workflow(%(name)s, %(definition)s::jsonb,"
        " %(tenant)s) s cross join lateral taskflow.start_workflow(%(name)s, %(input)s::jsonb,"
        " s.version, %(key)s, %(tenant)s) r",
        {
            "name": name,
            "definition": definition.decode(),
            "input": input_.decode(),
            "key": key,
            "tenant": tenant,
        },
        lambda rows: Started(*rows[0]),
    )


def run_definition(
    definition: Mapping[str, Any] | bytes,
    input: Mapping[str, Any] | bytes | None = None,  # noqa: A002
    tenant: str | None = None,
) -> Call[Started]:
    """Starts a run of a definition that is kept under no name."""
    return Call(
        "select taskflow.run_definition(%(definition)s::jsonb, %(input)s::jsonb, %(tenant)s)",
        {"definition": _json(definition), "input": _json(input or {}), "tenant": tenant},
        lambda rows: Started(rows[0][0]),
    )


def get_workflow(
    name: str, version: int | None = None, tenant: str | None = None
) -> Call[Workflow | None]:
    """A saved definition, its latest version unless one is named."""
    return Call(
        "select name, version, definition::text, created_at, created_by"
        " from taskflow.get_workflow(%(name)s, %(version)s::integer, %(tenant)s)",
        {"name": name, "version": version, "tenant": tenant},
        first(lambda name, version, text, *rest: Workflow(name, version, _raw(text), *rest)),
    )


def get_run(id: int, tenant: str | None = None) -> Call[Run | None]:
    """One run, with the counts of its steps."""
    return Call(
        f"select {_RUN} from taskflow.get_run(%(id)s, %(tenant)s)",
        {"id": id, "tenant": tenant},
        first(_run),
    )


def get_steps(
    run_id: int,
    tenant: str | None = None,
    max_steps: int = 1000,
    after: tuple[int, int] | None = None,
) -> Call[list[Step]]:
    """The steps of a run in order; `after` is the (node number, place) that a page ended with."""
    return Call(
        f"select {_STEP} from taskflow.get_run_steps(%(run_id)s, %(tenant)s, %(max)s::integer,"
        " %(after)s::integer[])",
        {
            "run_id": run_id,
            "tenant": tenant,
            "max": max_steps,
            "after": list(after) if after else None,
        },
        each(_step),
    )


def cancel_run(id: int, reason: str | None = None, tenant: str | None = None) -> Call[str]:
    """Answers "cancelled", "requested" (it ends when its running jobs have) or "finished"."""
    return Call(
        "select taskflow.cancel_run(%(id)s, %(reason)s, %(tenant)s)",
        {"id": id, "reason": reason, "tenant": tenant},
        scalar,
    )


def retry_run(id: int, tenant: str | None = None) -> Call[None]:
    """Runs an ended run again, from the steps that failed."""
    return Call(
        "select taskflow.retry_run(%(id)s, %(tenant)s)", {"id": id, "tenant": tenant}, nothing
    )


def signal(run_id: int, name: str, payload: Any = None, tenant: str | None = None) -> Call[str]:
    """Sends a signal to a run: "taken" by a step that waited for it, or "kept" for one."""
    return Call(
        "select taskflow.signal(%(run_id)s, %(name)s, %(payload)s::jsonb, %(tenant)s)",
        {
            "run_id": run_id,
            "name": name,
            "payload": None if payload is None else codec.encode(payload).decode(),
            "tenant": tenant,
        },
        scalar,
    )


def explain_run(id: int, node: str | None = None, tenant: str | None = None) -> Call[list[Cause]]:
    """Why a run, or one step of it, is where it is: the first cause is the answer."""
    return Call(
        "select cause, sentence, detail::text"
        " from taskflow.explain_run(%(id)s, %(node)s, %(tenant)s)",
        {"id": id, "node": node, "tenant": tenant},
        each(lambda cause, said, detail: Cause(cause, said, detail and codec.decode(detail))),
    )


# --- what people look at --------------------------------------------------------------------------


def list_runs(
    tenant: str,
    *,
    workflow: str | None = None,
    states: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> Call[list[Run]]:
    """Runs, newest first; those that are steps of others are left to these."""
    return _listed(
        _RUN, each(_run), tenant, workflow=workflow, states=states, before=before, limit=limit
    )


def run_lines(
    tenant: str,
    *,
    workflow: str | None = None,
    states: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> Call[list[RunLine]]:
    """`list_runs` without what they were given and gave, which may be large."""
    return _listed(
        _RUN_LINE, each(RunLine), tenant, workflow=workflow, states=states, before=before,
        limit=limit,
    )  # fmt: skip


def _listed(
    columns: LiteralString,
    decode: Callable[[Sequence[Row]], list[R]],
    tenant: str,
    *,
    workflow: str | None,
    states: Sequence[str],
    before: int | None,
    limit: int,
) -> Call[list[R]]:
    # one condition for each thing asked for, so that each plan has the index for it
    of_workflow = " and workflow = %(workflow)s" if workflow is not None else ""
    in_states = " and state = any (%(states)s::text[])" if states else ""
    older = " and id < %(before)s" if before is not None else ""
    return Call(
        f"select {columns} from taskflow.run_view where tenant = %(tenant)s and parent_id is null"
        f"{of_workflow}{in_states}{older} order by id desc limit %(limit)s",
        {
            "tenant": tenant,
            "workflow": workflow,
            "states": list(states),
            "before": before,
            "limit": limit,
        },
        decode,
    )


def list_workflows(
    tenant: str, limit: int = 1000, after: str | None = None
) -> Call[list[WorkflowLine]]:
    """Saved workflows by name, in their latest versions, after the name `after`."""
    later = " and name > %(after)s" if after is not None else ""
    return Call(
        "select w.name, w.version, (select count(*) from taskflow.workflow_node n"
        " where n.tenant = w.tenant and n.workflow_id = w.id), (select count(*)"
        " from taskflow.workflow_run r where r.tenant = w.tenant and r.name = w.name"
        " and r.finished_at is null), w.created_at, w.created_by"
        " from (select distinct on (name) * from taskflow.workflow"
        f" where tenant = %(tenant)s and name is not null{later} order by name, version desc) w"
        " order by w.name limit %(limit)s",
        {"tenant": tenant, "limit": limit, "after": after},
        each(WorkflowLine),
    )


def definition_of(run_id: int, tenant: str) -> Call[Any]:
    """The definition that a run runs, None for an unknown run."""
    return Call(
        "select w.definition::text from taskflow.workflow_run r join taskflow.workflow w"
        " on w.tenant = r.tenant and w.id = r.workflow_id"
        " where r.tenant = %(tenant)s and r.id = %(id)s",
        {"tenant": tenant, "id": run_id},
        first(codec.decode),
    )


def count_steps(run_id: int, tenant: str) -> Call[list[StepCount]]:
    """The states of a run's nodes, and how many of their items are in which."""
    return Call(
        "select node, item_no >= 0, state, count(*) from taskflow.step_view"
        " where tenant = %(tenant)s and run_id = %(id)s and not is_compensation"
        " group by node, item_no >= 0, state order by node, 2, state",
        {"tenant": tenant, "id": run_id},
        each(StepCount),
    )


def _json(value: Mapping[str, Any] | bytes) -> str:
    return (value if isinstance(value, bytes) else codec.encode(value, limit=16_777_216)).decode()


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _run(*columns: Any) -> Run:
    values = list(columns)
    for place in (-2, -1):  # input, output
        values[place] = None if values[place] is None else _raw(values[place])
    return Run(*values)


def _step(*columns: Any) -> Step:
    values = list(columns)
    values[-1] = None if values[-1] is None else _raw(values[-1])
    return Step(*values)
