"""What `make coverage` leaves out is what coverage cannot see, and no more."""

from __future__ import annotations

import ast
import re
import subprocess

from tests.support.sources import ROOT, files, functions, shown

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def listed(name: str) -> list[str]:
    found = re.search(rf"^{name} := (.*)$", MAKEFILE, re.MULTILINE)
    assert found, name
    return found[1].split(",")


def test_what_is_left_out_is_run_by_nobody_who_is_measured() -> None:
    unseen = [ROOT / path for path in listed("UNSEEN")]
    modules = {path.stem for path in unseen}
    own = {(path.stem, function.name) for path in unseen for function in functions(path)}
    seen = []
    for path in files("taskflow", "*.py"):
        if path in unseen:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = {(node.value.id, node.attr)}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("taskflow."):
                module = (node.module or "").rpartition(".")[2]
                used = {(module, alias.name) for alias in node.names}
            else:
                continue
            seen += [f"{shown(path)} uses {a}.{b}" for a, b in used & own if a in modules]
    assert not seen, "coverage can see these, so they must count:\n" + "\n".join(seen)


def test_the_least_is_enforced() -> None:
    assert listed("LEAST_COVERED") == ["95"]
    asked = subprocess.run(
        ["make", "-n", "coverage"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "--fail-under=95 || status=2" in asked
    for room in ("kernel", "store", "calls", "worker"):
        assert f"taskflow/{room}/*" in asked
