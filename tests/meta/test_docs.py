"""Pages tell what the code does: generated ones are fresh, links lead somewhere, proofs exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docs
from tests.support.sources import ROOT, shown

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PROOF = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", docs.PAGES)
def test_generated_pages_are_fresh(name: str) -> None:
    written = (docs.REFERENCE / name).read_text(encoding="utf-8")
    assert written == docs.render(name), f"run make docs: docs/reference/{name} is stale"


def test_every_function_that_a_role_may_call_is_on_the_page() -> None:
    page = (docs.REFERENCE / "sql.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
    assert {name for names in docs.granted().values() for name in names} <= headings


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [target for target in links(page) if not leads_somewhere(page, target)]
    assert not broken


def links(page: Path) -> Iterator[str]:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    yield from (target for target in LINK.findall(text) if "://" not in target)


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    place = (page.parent / path).resolve() if path else page
    return place.exists() and (not anchor or anchor in anchors(place))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / target).resolve() for target in links(index)}
    missing = [shown(p) for p in PAGES if "docs" in p.parts and p != index and p not in listed]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_tests_that_a_page_names_exist(page: Path) -> None:
    named = PROOF.findall(page.read_text(encoding="utf-8"))
    missing = [f"{path}::{name}" for path, name in named if not exists(path, name)]
    assert not missing


def exists(path: str, name: str) -> bool:
    place = ROOT / path
    if not place.is_file():
        return False
    tree = ast.parse(place.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return not name or any(isinstance(n, functions) and n.name == name for n in ast.walk(tree))


def test_each_promise_names_its_proof() -> None:
    text = (ROOT / "docs" / "reference" / "guarantees.md").read_text(encoding="utf-8")
    promises = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    promises.pop("Not promised")
    assert not [title for title, body in promises.items() if not PROOF.search(body)]
