"""The forge's own files: they can be read, and run nothing that cannot be run by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.sources import ROOT, shown

FORGE = ROOT / ".github"
WORKFLOWS = sorted((FORGE / "workflows").glob("*.yml"))
FORMS = [path for path in (FORGE / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
ACTIONS = re.compile(r"actions/(checkout|setup-python)@v\d+")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("path", sorted(FORGE.rglob("*.yml")), ids=shown)
def test_it_is_yaml(path: Path) -> None:
    assert isinstance(read(path), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=shown)
def test_a_workflow_runs_what_anybody_can_run(path: Path) -> None:
    targets = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    allowed = {".ci/run", *(f"make {target}" for target in targets)}
    assert {step["run"] for step in steps(path) if "run" in step} <= allowed


@pytest.mark.parametrize("path", WORKFLOWS, ids=shown)
def test_a_workflow_uses_few_actions_and_may_only_read(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert not [action for action in used if not ACTIONS.fullmatch(action)]
    assert read(path)["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] for job in read(path)["jobs"].values())


def test_the_tests_run_on_both_ends_of_what_is_supported() -> None:
    jobs = read(FORGE / "workflows" / "ci.yml")["jobs"]
    cells = jobs["test"]["strategy"]["matrix"]["include"]
    assert {(cell["python"], cell["postgres"]) for cell in cells} == {
        ("3.11", "15"),
        ("3.14", "18"),
    }
    runs = {step.get("run") for job in jobs.values() for step in job["steps"]}
    assert {"make check", "make test", "make coverage"} <= runs


@pytest.mark.parametrize("path", FORMS, ids=shown)
def test_an_issue_form_is_complete(path: Path) -> None:
    form = read(path)
    assert form["name"]
    assert form["description"]
    for field in form["body"]:
        assert field["type"] in ("textarea", "input", "dropdown", "markdown")
        assert field["attributes"]["label"]
        assert field["validations"]["required"] in (True, False)


def test_a_pull_request_is_asked_for_what_a_change_is() -> None:
    asked = (FORGE / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    for word in ("test", "make check", "CHANGELOG.md", "make docs"):
        assert word in asked
