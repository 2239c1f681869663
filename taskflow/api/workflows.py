"""/workflows: runs of workflows; start, look, draw, signal, cancel, retry."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from taskflow.api.answers import PREFIX, Done, JsonResponse, Page, blotted, paged, read_cursor
from taskflow.api.fields import Below, Cursor, IdPath, Limit, States, Text, choices, ident
from taskflow.api.jobs import ReasonBody
from taskflow.api.problems import InvalidRequest
from taskflow.api.session import Injected, Session
from taskflow.calls import flows
from taskflow.kernel.flow import Run, RunLine, RunState, Started, Step
from taskflow.kernel.flow_errors import RunNotFound, RunStateConflict
from taskflow.kernel.job import Cause
from taskflow.workflows import Layout, draw, fold, graph_of, lay_out, with_states

STATES = get_args(RunState)
SVG = "image/svg+xml"
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The picture brings its own style, and runs nothing."""
Accept = Annotated[str | None, HeaderParameter(name="accept", max_length=2000)]
Format = Annotated[Literal["json", "svg"] | None, QueryParameter(name="format")]
Folded = Annotated[int, QueryParameter(name="fold", ge=0, le=10_000, description="0: never.")]


class StartBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A run to start: of a saved workflow, by `name`, or of a definition without one."""

    name: str | None = None
    version: int | None = None
    """The latest unless given."""
    definition: dict[str, Any] | None = None
    input: dict[str, Any] = {}
    key: str | None = None
    """At most one run of a name has it; a second start answers that one."""


class SignalBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    payload: Any = None


class Picture(msgspec.Struct, frozen=True):
    """A run as a graph that is laid out: boxes with their nodes, lines with their edges."""

    title: str
    layout: Layout


@get("/workflows", name="workflows.list")
async def list_runs(
    session: Injected,
    workflow: Text = None,
    in_state: States = None,
    below: Below = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RunLine]:
    """List runs, the newest first. Those that are steps of others are left to these."""
    states = choices(in_state, STATES, "state")
    scope = f"runs {session.tenant} {workflow} {states}"
    last = read_cursor(session.signer, scope, cursor)
    found = await session.run(
        flows.run_lines(
            session.tenant, workflow=workflow, states=states, before=int(last) if last else below,
            limit=limit + 1,
        )
    )  # fmt: skip
    return paged(session, found, limit, scope, lambda line: line.id)


@post("/workflows", name="workflows.start", status_code=201)
async def start(session: Injected, data: JSONBody[StartBody]) -> Response[Started]:
    """Start a run. With a key that a run of this workflow has already, answers that one."""
    if (data.name is None) == (data.definition is None):
        raise InvalidRequest.at("/name", "give a name or a definition")
    if data.definition is not None and (data.key is not None or data.version is not None):
        raise InvalidRequest.at("/definition", "a key and a version go with a name")
    if data.definition is not None:
        call = flows.run_definition(data.definition, data.input, session.tenant)
    else:
        assert data.name is not None
        call = flows.start_workflow(
            data.name, data.input, data.version, data.key, session.tenant
        )  # fmt: skip
    started = await session.run(call)
    session.target = str(started.id)
    place = {"location": f"{PREFIX}/workflows/{started.id}"}
    return JsonResponse(started, status_code=201, headers=place)


@get("/workflows/{run_id:str}", name="workflows.get")
async def get_run(session: Injected, run_id: IdPath) -> Run:
    """Show a run with its input, its output, and the counts of its steps."""
    run = await known(session, run_id)
    if session.sees_secrets:
        return run
    return msgspec.structs.replace(
        run, input=blotted(run.input), output=run.output and blotted(run.output)
    )


@get("/workflows/{run_id:str}/graph", name="workflows.graph")
async def graph(
    session: Injected,
    run_id: IdPath,
    as_format: Format = None,
    over: Folded = 8,
    accept: Accept = None,
) -> Response[Picture]:
    """Draw a run, as a layout or as SVG; more than `fold` nodes that are alike are one box."""
    run = await known(session, run_id)
    definition = await session.run(flows.definition_of(run.id, session.tenant))
    counts = await session.run(flows.count_steps(run.id, session.tenant))
    found = with_states(graph_of(definition), counts)
    layout = lay_out(fold(found, over) if over else found)
    name = f" of {run.workflow} v{run.version}" if run.workflow else ""
    title = f"Run {run.id}{name}: {run.state}"
    if as_format == "svg" or (as_format is None and SVG in (accept or "")):
        policy = {"content-security-policy": SVG_POLICY, "vary": "accept"}
        return Response[Any](draw(layout, title).encode(), media_type=SVG, headers=policy)
    return JsonResponse(Picture(title, layout), headers={"vary": "accept"})


@get("/workflows/{run_id:str}/nodes", name="workflows.nodes")
async def nodes(
    session: Injected, run_id: IdPath, limit: Limit = 50, cursor: Cursor = None
) -> Page[Step]:
    """List the steps of a run, in the order of its nodes."""
    run = await known(session, run_id)
    scope = f"nodes {session.tenant} {run.id}"
    last = read_cursor(session.signer, scope, cursor)
    after: Any = tuple(map(int, last.split())) if last else None
    found = await session.run(flows.get_steps(run.id, session.tenant, limit + 1, after))
    if not session.sees_secrets:
        found = [
            msgspec.structs.replace(step, result=step.result and blotted(step.result))
            for step in found
        ]
    return paged(session, found, limit, scope, lambda step: f"{step.no} {step.place}")


@post("/workflows/{run_id:str}/cancel", name="workflows.cancel", status_code=200)
async def cancel(
    session: Injected, run_id: IdPath, data: JSONBody[ReasonBody | None] = None
) -> Done:
    """Call a run off: steps that wait are cancelled, those that run are asked to stop."""
    run = await known(session, run_id)
    reason = data.reason if data else None
    outcome = await session.run(flows.cancel_run(run.id, reason, session.tenant))
    if outcome == "finished":
        raise RunStateConflict(f"run {run.id} has ended", "Only runs that go on can be cancelled.")
    return Done(outcome)


@post("/workflows/{run_id:str}/retry", name="workflows.retry", status_code=200)
async def retry(session: Injected, run_id: IdPath) -> Run:
    """Run an ended run again from the steps that failed."""
    run = await known(session, run_id)
    await session.run(flows.retry_run(run.id, session.tenant))
    return await get_run.fn(session, run_id)  # type: ignore[no-any-return]


@post("/workflows/{run_id:str}/signal", name="workflows.signal", status_code=200)
async def signal(session: Injected, run_id: IdPath, data: JSONBody[SignalBody]) -> Done:
    """Send a signal: a step that waits for it goes on ("taken"), or it is "kept" for one."""
    run = await known(session, run_id)
    return Done(await session.run(flows.signal(run.id, data.name, data.payload, session.tenant)))


@get("/workflows/{run_id:str}/why", name="workflows.why")
async def why(session: Injected, run_id: IdPath, node: Text = None) -> Page[Cause]:
    """Say why a run, or one step of it, is where it is: the first cause is the answer."""
    run = await known(session, run_id)
    return Page(await session.run(flows.explain_run(run.id, node, session.tenant)))


async def known(session: Session, run_id: str) -> Run:
    found = await session.run(flows.get_run(ident(run_id, no_run), session.tenant))
    if found is None:
        raise no_run(run_id)
    return found


def no_run(id: int | str) -> RunNotFound:
    return RunNotFound(
        f"run {id} does not exist", "It was never committed, or its retention is over."
    )


ROUTES = [list_runs, start, get_run, graph, nodes, cancel, retry, signal, why]
