"""/workflow_definitions: saved workflows. A version is never changed: a PUT makes the next one."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, put
from litestar.params import JSONBody

from taskflow.api.answers import (
    PREFIX,
    JsonResponse,
    Page,
    blot,
    check_unblotted,
    paged,
    read_cursor,
)
from taskflow.api.edits import IfNoneMatch, check_put, tag_of
from taskflow.api.fields import Cursor, Limit, MaybeNumber, NamePath
from taskflow.api.session import Injected, Session
from taskflow.calls import flows
from taskflow.kernel import codec
from taskflow.kernel.flow import Workflow, WorkflowLine
from taskflow.kernel.flow_errors import WorkflowNotFound


@get("/workflow_definitions", name="definitions.list")
async def list_definitions(
    session: Injected, limit: Limit = 50, cursor: Cursor = None
) -> Page[WorkflowLine]:
    """List saved workflows by name, in their latest versions."""
    scope = f"definitions {session.tenant}"
    after = read_cursor(session.signer, scope, cursor)
    found = await session.run(flows.list_workflows(session.tenant, limit + 1, after))
    return paged(session, found, limit, scope, lambda line: line.name)


@get("/workflow_definitions/{name:str}", name="definitions.get")
async def get_definition(
    session: Injected, name: NamePath, version: MaybeNumber = None
) -> Workflow:
    """Show a definition, its latest version unless one is named."""
    found = await session.run(flows.get_workflow(name, version, session.tenant))
    if found is None:
        which = f'"{name}"' if version is None else f'"{name}" v{version}'
        raise WorkflowNotFound(f"there is no workflow {which}", "See GET /workflow_definitions.")
    if version is None:
        session.etag = tag_of(name, found.version)
    return visible(session, found)


@put("/workflow_definitions/{name:str}", name="definitions.put", status_code=200)
async def put_definition(
    session: Injected,
    name: NamePath,
    data: JSONBody[dict[str, Any]],
    if_none_match: IfNoneMatch = None,
) -> Response[Workflow]:
    """Save a definition: 201 for a new version, 200 where the latest is the same.

    Nothing is lost by it, so it takes If-Match and If-None-Match, but asks for none.
    """
    check_unblotted(data, "")
    await session.lock(f"workflow {name}")
    if session.if_match is not None or if_none_match is not None:
        latest = await session.run(flows.get_workflow(name, None, session.tenant))
        check_put(session, tag_of(name, latest.version) if latest else None, if_none_match)
    saved = await session.run(flows.save_workflow(name, data, session.tenant))
    return JsonResponse(
        await get_definition.fn(session, name),
        status_code=200 if saved.outcome == "unchanged" else 201,
        headers={"location": f"{PREFIX}/workflow_definitions/{name}"},
    )


def visible(session: Session, workflow: Workflow) -> Workflow:
    """As the caller may see it: what stands under a sensitive name is blotted out."""
    if session.sees_secrets:
        return workflow
    definition = codec.decode(bytes(workflow.definition))
    hidden = {name: blot(value) for name, value in definition.items() if name != "nodes"}
    nodes = {  # a node may be called get_token: it is what is in it that may be a secret
        name: {part: blot(value) for part, value in node.items()}
        for name, node in definition.get("nodes", {}).items()
    }
    definition = {**hidden, "nodes": nodes}
    raw = msgspec.Raw(codec.encode(definition, limit=16_777_216))
    return msgspec.structs.replace(workflow, definition=raw)


ROUTES = [list_definitions, get_definition, put_definition]
