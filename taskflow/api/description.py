"""The OpenAPI document: Litestar's, completed by what only the door knows.

Litestar describes routes and bodies; credentials, errors, limits and the form of ids are added.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License

from taskflow.access.rules import RULES, Rule
from taskflow.api.problems import MEDIA_TYPE, Problem
from taskflow.kernel.wire import IS_ID

ABOUT = """Background jobs, schedules, workflows and webhooks in Postgres.

Send `Authorization: Bearer TOKEN`, from `POST /api/v1/auth/login` or an API key. Ids are digits in
strings, times are RFC 3339 in UTC, durations ISO 8601. Lists have cursors; errors are RFC 9457
problems with a stable `code`. `POST` takes an `Idempotency-Key`; what others may edit, too, has an
`ETag` and wants `If-Match`.
"""


PAGE_NAME = re.compile(rb"Page_taskflow\.[a-z_.]+\.(\w+)_")
"""How Litestar names pages of something."""
EXAMPLES: dict[str, Any] = {
    "jobs.enqueue": {
        "task": "mail.send", "args": {"order_id": 42}, "queue": "mail", "delay": "PT5M",
        "unique_key": "receipt 42",
    },
    "jobs.edit": {"priority": "high"},
    "jobs.cancel": {"reason": "the order was withdrawn"},
    "jobs.reschedule": {"run_at": "2026-12-01T08:00:00Z"},
    "auth.login": {"name": "admin", "password": "a sentence is easy to remember"},
    "users.create": {"name": "ann", "role": "operator"},
    "users.edit": {"role": "viewer"},
    "keys.create": {"name": "shop", "role": "producer", "scopes": ["jobs:enqueue:mail"]},
    "keys.rotate": {"overlap_s": 3600},
    "tenants.put": {"max_live_jobs": 100000, "max_requests": 3000},
}  # fmt: skip
"""Bodies to begin with, by route."""
ALSO = {
    "jobs.result": {"202": "It has not ended yet."},
    "operations.start": {"200": "What it would be, for a dry run."},
    "dlq.retry": {"200": "What it would be, for a dry run."},
    "dlq.discard": {"200": "What it would be, for a dry run."},
    "tenants.put": {"201": "It is new."},
    "queues.purge": {"200": "What it would be, for a dry run."},
}
"""Answers of routes that have more than one that is good."""
BODIES: dict[str, Any] = {
    "jobs.enqueue_many": {
        "application/json": {
            "schema": {
                "type": "object", "required": ["items"], "additionalProperties": False,
                "properties": {
                    "items": {
                        "type": "array", "maxItems": 10_000,
                        "items": {"$ref": "#/components/schemas/EnqueueBody"},
                    },
                    "atomic": {"type": "boolean", "default": False},
                },
            },
            "example": {"items": [{"task": "mail.send", "args": {"order_id": 42}}]},
        },
        "application/x-ndjson": {"schema": {"type": "string"}},
    },
    "incoming.receive": {"application/json": {"schema": {"type": "object"}}},
}  # fmt: skip
"""Of routes that read their bodies themselves."""
PUBLIC = ("401", "403")
"""Answers that routes for everybody do not give."""
COMMON = {
    "400": "The request is not what the API takes.",
    "401": "No credential, or one that is not valid.",
    "403": "Not yours to do.",
    "404": "It does not exist, or is not yours.",
    "409": "Its state does not allow it.",
    "412": "It has changed since it was read.",
    "413": "The body is too large.",
    "415": "A body of this type is not taken.",
    "422": "The Idempotency-Key was used with another request.",
    "428": "If-Match is missing.",
    "429": "Too many requests.",
    "503": "The database does not answer, or takes too long.",
}


def config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="taskflow",
        version=version("taskflow-pg"),
        description=ABOUT,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, _method, _path: str(handler.name),
    )


def describe(described: Litestar) -> dict[str, Any]:
    """The OpenAPI 3.1 document: Litestar's, with what only the door knows."""
    document: dict[str, Any] = described.openapi_schema.to_schema()
    schemas = document["components"]["schemas"]
    schemas["Problem"] = _problem_schema()
    for name, schema in schemas.items():
        _spell_ids(schema)
        _open(schema)
        if name.endswith(("Body", "Edit")):
            schema["additionalProperties"] = False
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or API key."}
    }
    for item in document["paths"].values():
        for method, operation in item.items():
            _complete(operation, method, RULES[operation["operationId"]])
    return document


def _complete(operation: dict[str, Any], method: str, rule: Rule) -> None:
    """Adds credentials, errors and the headers that every route takes."""
    is_open = rule.permission is None
    operation["security"] = [] if is_open else [{"bearer": []}]
    operation["tags"] = [operation["operationId"].partition(".")[0]]
    operation["summary"] = operation.get("description", "").partition(".")[0].partition(":")[0]
    if not is_open:
        operation["x-permission"] = rule.permission
    _complete_body(operation)
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, said in COMMON.items():
        if not (is_open and not rule.is_costly and status in PUBLIC):
            operation["responses"][status] = {"description": said, "content": problem}
    if operation["operationId"] == "incoming.receive":
        said = "It is not signed by whom it says it is from, or too old."
        operation["responses"]["401"] = {"description": said, "content": problem}
    good = next(iter(operation["responses"].values()))
    for status, said in ALSO.get(operation["operationId"], {}).items():
        operation["responses"][status] = {**good, "description": said}
    if operation["operationId"] == "workflows.graph":
        good["content"]["image/svg+xml"] = {"schema": {"type": "string"}}
    operation["responses"].get("204", {}).pop("content", None)
    parameters = operation.setdefault("parameters", [])
    if method == "post" and not is_open:
        parameters.append(
            _header("Idempotency-Key", "Gives the same answer to the same request.", 255)
        )
    if method in ("patch", "put", "delete"):
        parameters.append(_header("If-Match", "The ETag that was read.", 500))
    if method == "get" and not rule.is_bare:
        parameters.append(_header("If-None-Match", "The ETag of an earlier answer.", 500))
        operation["responses"]["304"] = {"description": "It is what it was."}
    for parameter in parameters:
        _spell_ids({"properties": {parameter["name"]: parameter.get("schema", {})}})


def _complete_body(operation: dict[str, Any]) -> None:
    """Adds an example, and what a route reads that reads its body itself."""
    name = operation["operationId"]
    if content := BODIES.get(name):
        operation["requestBody"] = {"content": content, "required": True}
    if example := EXAMPLES.get(name):
        for content in operation["requestBody"]["content"].values():
            content["example"] = example


def _header(name: str, said: str, longest: int) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": longest}
    return {"name": name, "in": "header", "required": False, "description": said, "schema": schema}


def _spell_ids(schema: dict[str, Any]) -> None:
    """Whole numbers under the name of an id are digits in a string; see kernel/wire.py."""
    for name, found in schema.get("properties", {}).items():
        if IS_ID.search(name):
            for part in (
                found,
                found.get("items", {}),
                *found.get("oneOf", ()),
                *found.get("anyOf", ()),
            ):
                if isinstance(part, dict) and part.get("type") == "integer":
                    part.clear()
                    part.update({"type": "string", "pattern": "^-?[0-9]+$", "examples": ["4711"]})
                elif isinstance(part, dict) and part.get("type") == ["integer", "null"]:
                    part.update({"type": ["string", "null"]})


def _open(schema: Any) -> None:
    """What may be anything may be null, too: one of anything and null is neither for null."""
    if isinstance(schema, dict):
        if {} in schema.get("oneOf", ()):
            del schema["oneOf"]
        for part in schema.values():
            _open(part)
    elif isinstance(schema, list):
        for part in schema:
            _open(part)


def _problem_schema() -> dict[str, Any]:
    (_,), components = msgspec.json.schema_components(
        [Problem], ref_template="#/components/schemas/{name}"
    )
    found: dict[str, Any] = components["Problem"]
    found["properties"]["errors"]["items"] = components["FieldError"]
    return found
