"""/openapi.json, its pages at /docs, and what each error code means: all from this process.

Litestar describes routes and bodies; what only the door knows (credentials, errors, limits) and the
form of ids is added here. The pages are Swagger UI from its package: a browser loads nothing from
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, cached_property
from importlib import resources
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.di import NamedDependency
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License

from taskflow.access.rules import RULES, Rule
from taskflow.api.fields import NamePath
from taskflow.api.problems import MEDIA_TYPE, Problem, RouteNotFound, title_of
from taskflow.errors import CODES
from taskflow.kernel.wire import IS_ID

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
START = b"""window.onload = () => SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: false,
  displayRequestDuration: true, defaultModelsExpandDepth: 0, validatorUrl: null,
});
"""
PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>taskflow API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body></html>
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ABOUT = """Background jobs, schedules, workflows and webhooks in Postgres.

Send `Authorization: Bearer TOKEN`, from `POST /api/v1/auth/login` or an API key. Ids are digits in
strings, times are RFC 3339 in UTC, durations ISO 8601. Lists have cursors; errors are RFC 9457
problems with a stable `code`. `POST` takes an `Idempotency-Key`; what others may edit, too, has an
`ETag` and wants `If-Match`.
"""


_PAGE_NAME = re.compile(rb"Page_taskflow\.[a-z_.]+\.(\w+)_")
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
    "queues.purge": {"200": "What it would be, for a dry run."},
}
"""Answers of routes that have more than one that is good."""
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
    if example := EXAMPLES.get(operation["operationId"]):
        for content in operation["requestBody"]["content"].values():
            content["example"] = example
    if not is_open:
        operation["x-permission"] = rule.permission
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, said in COMMON.items():
        if not (is_open and not rule.is_costly and status in PUBLIC):
            operation["responses"][status] = {"description": said, "content": problem}
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
    if method == "get" and not rule.streams:
        parameters.append(_header("If-None-Match", "The ETag of an earlier answer.", 500))
        operation["responses"]["304"] = {"description": "It is what it was."}
    for parameter in parameters:
        _spell_ids({"properties": {parameter["name"]: parameter.get("schema", {})}})


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


@cache
def asset(name: str) -> bytes:
    return (resources.files("swagger_ui") / "static" / name).read_bytes()


class Description:
    """The document, made when it is first asked for: it takes 0.2 s."""

    def __init__(self, make: Callable[[], Litestar]) -> None:
        self._make = make

    @cached_property
    def body(self) -> bytes:
        text = msgspec.json.encode(describe(self._make()))
        return _PAGE_NAME.sub(rb"PageOf\1", text)


Described = NamedDependency[Description]


@get("/openapi.json", name="docs.openapi", include_in_schema=False)
async def openapi(document: Described) -> Response[bytes]:
    """The description of the API, OpenAPI 3.1."""
    return Response(document.body, media_type="application/json")


@get("/docs", name="docs.page", include_in_schema=False)
async def page() -> Response[bytes]:
    """The description as pages, to read and to try."""
    return Response(PAGE, media_type="text/html", headers={"content-security-policy": POLICY})


@get("/docs/{name:str}", name="docs.asset", include_in_schema=False)
async def page_asset(name: NamePath) -> Response[bytes]:
    if name == "start.js":
        return Response(START, media_type="text/javascript")
    if name not in ASSETS:
        raise RouteNotFound("there is no such file", "GET /docs.")
    headers = {"cache-control": "public, max-age=86400"}
    return Response(asset(name), media_type=ASSETS[name], headers=headers)


@get("/problems/{code:str}", name="docs.problem", include_in_schema=False)
async def problem(code: NamePath) -> Response[str]:
    """What an error code means: where `type` of a problem leads."""
    kind = CODES.get(code.upper())
    if kind is None:
        raise RouteNotFound("there is no such code", "See the page of error codes.")
    return Response(f"{kind.code} {kind.__name__}: {title_of(kind)}\n", media_type="text/plain")


ROUTES: list[Any] = [openapi, page, page_asset, problem]
