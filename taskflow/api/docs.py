"""/openapi.json, its pages at /docs, and what each error code means: all from this process.

The pages are Swagger UI from its package: a browser loads nothing from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from importlib import resources
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.di import NamedDependency

from taskflow.api.description import PAGE_NAME, describe
from taskflow.api.fields import NamePath
from taskflow.api.problems import RouteNotFound, title_of
from taskflow.errors import CODES

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
        return PAGE_NAME.sub(rb"PageOf\1", text)


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
