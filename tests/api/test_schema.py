"""Schemathesis asks every route for what its description promises, as each role of two tenants.

TASKFLOW_FUZZ_EXAMPLES=100 asks longer; the default is what fits into every run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks as known_checks

from taskflow.api import docs
from taskflow.api.app import create_described
from taskflow.kernel.access import ROLES
from tests.api.test_matrix import one_of_everything
from tests.support.db import Servers, clean
from tests.support.listening import key, served

EXAMPLES = int(os.environ.get("TASKFLOW_FUZZ_EXAMPLES", "3"))
TENANTS = ("default", "acme")
ASKERS = [(None, "default"), *((role, tenant) for tenant in TENANTS for role in ROLES)]
STREAMS = {"events.stream", "jobs.follow"}
"""Their answers have no end."""
CHECKS = [
    known_checks.not_a_server_error,
    known_checks.status_code_conformance,
    known_checks.content_type_conformance,
    known_checks.response_headers_conformance,
    known_checks.response_schema_conformance,
    known_checks.negative_data_rejection,
    known_checks.unsupported_method,
]


@cache
def described() -> Any:
    document = msgspec.json.decode(docs.Description(create_described).body)
    del document["components"]["securitySchemes"]  # who asks is this test's own business
    for item in document["paths"].values():
        for operation in item.values():
            del operation["security"]
    return schemathesis.openapi.from_dict(document)


def operations() -> dict[str, Any]:
    found = (result.ok() for result in described().get_all_operations())
    return {
        operation.definition.raw["operationId"]: operation
        for operation in found
        if operation.definition.raw["operationId"] not in STREAMS
    }


class Served(NamedTuple):
    """The API in a thread of its own, and for each asker a key and things to name."""

    url: str
    things: dict[str, dict[str, Any]]
    headers: dict[Any, dict[str, str]]


@pytest.fixture(scope="module")
def fuzzed(servers: Servers) -> Iterator[Served]:
    session = servers.session()
    clean(session)
    session.execute("update taskflow.config set value = '1000000' where name like 'api%rate'")
    things = {tenant: one_of_everything(session, tenant) for tenant in TENANTS}
    headers: dict[Any, dict[str, str]] = {(None, "default"): {}}
    for role, tenant in ASKERS[1:]:
        assert role is not None
        secret = key(session, role, tenant=tenant, rate=1_000_000)
        headers[role, tenant] = {"Authorization": f"Bearer {secret}"}
    with served(servers.database()) as url:
        yield Served(url, things, headers)
    clean(session)


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_route_keeps_its_description(fuzzed: Served, name: str) -> None:
    for asker in ASKERS:
        ask_as(operations()[name], fuzzed, asker)


def ask_as(operation: Any, fuzzed: Served, asker: Any) -> None:
    things, headers = fuzzed.things[asker[1]], fuzzed.headers[asker]

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        for name in set(case.path_parameters or {}) & set(things):
            if len(str(case.path_parameters[name])) % 2:  # half of them about what is there
                case.path_parameters[name] = str(things[name])
        if case.query and "wait" in case.query:
            case.query["wait"] = 0  # it would wait
        case.call_and_validate(base_url=fuzzed.url, headers=headers, checks=CHECKS)

    ask()
