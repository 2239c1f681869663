"""The API's description of itself, and its pages."""

from __future__ import annotations

import re

import httpx
import pytest

from taskflow import Taskflow
from taskflow.api.app import create_app


@pytest.fixture
def root(tf: Taskflow) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app(tf))
    return httpx.AsyncClient(transport=transport, base_url="http://taskflow.test")


async def test_the_description_is_openapi_3_1_with_examples(root: httpx.AsyncClient) -> None:
    document = (await root.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    enqueue = document["paths"]["/api/v1/jobs"]["post"]
    assert enqueue["requestBody"]["content"]["application/json"]["example"]["task"] == "mail.send"
    assert (enqueue["summary"], enqueue["security"]) == ("Enqueue a job", [{"bearer": []}])
    job = document["components"]["schemas"]["Job"]["properties"]
    assert job["id"]["type"] == "string"
    assert document["components"]["schemas"]["EnqueueBody"]["additionalProperties"] is False


async def test_the_pages_load_nothing_from_elsewhere(root: httpx.AsyncClient) -> None:
    page = await root.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assets = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(assets) == 3
    assert "http" not in re.sub(r"<!doctype.*?>", "", page.text)
    for path in assets:
        assert (await root.get(path)).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["/docs/..%2f__init__.py", "/docs/../pyproject.toml", "/docs/x.js", "/docs/%2e%2e/x"]
)
async def test_only_named_files_are_served(root: httpx.AsyncClient, path: str) -> None:
    """Attack 24: paths out of the folder."""
    assert (await root.get(path)).status_code == 404


async def test_a_problem_leads_to_its_meaning(root: httpx.AsyncClient) -> None:
    problem = (await root.get("/api/v1/jobs")).json()
    assert (problem["code"], problem["status"]) == ("TF198", 401)
    page = await root.get(problem["type"])
    assert page.text.startswith("TF198 NotAuthenticated: ")
    assert (await root.get("/problems/TF999")).status_code == 404


async def test_ready_means_schema_and_database(root: httpx.AsyncClient) -> None:
    ready = await root.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["events"] in ("listening", "polling")
    assert (await root.get("/health/live")).json() == {"status": "ok"}
