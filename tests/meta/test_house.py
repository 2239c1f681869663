"""House rules that no linter knows: portable files, honest names, no sleeping tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.sources import ROOT, files, functions, shown

BANNED_WORDS = {
    "manager",
    "service",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "data",
    "info",
}
"""Words that name nothing: use the word of the glossary for what the thing is."""

OTHERS = {"data_received"}
"""Names that a library calls, here asyncio.Protocol."""

REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "registry" + ".npmjs", "yarnpkg" + ".com")
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:work|root|Users|home/(?!user\b|app\b)\w+|opt/pypi)/")
TEXT = {".py", ".sql", ".toml", ".md", ".lock", ".json", ".yaml", ".yml", ".html", ".cfg", ".sh"}

WAITING = "tests/support/waiting.py"
THIS = "tests/meta/test_house.py"


def texts() -> Iterator[Path]:
    for path in files(".", "*"):
        if path.suffix in TEXT or path.name in ("Makefile", "Dockerfile", "run", "prepare"):
            yield path


def test_files_name_no_registry_and_no_machine() -> None:
    found = []
    for path in texts():
        if shown(path) == THIS:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if any(host in line for host in REGISTRIES) or MACHINE_PATHS.search(line):
                found.append(f"{shown(path)}:{number}: {line.strip()[:80]}")
    assert not found, "these work on one machine or one index only:\n" + "\n".join(found)


def test_the_lock_has_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert "://" not in lock


def test_names_say_something() -> None:
    found = []
    for path in files("taskflow", "*.py"):
        for name, where in named_things(path):
            if name not in OTHERS and BANNED_WORDS & set(re.split(r"_+", name.lower())):
                found.append(f"{where}: {name}")
    assert not found, "say what it is or does instead:\n" + "\n".join(found)


def named_things(path: Path) -> Iterator[tuple[str, str]]:
    yield path.stem, shown(path)
    for function in functions(path):
        yield function.name, function.where
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            words = re.findall(r"[A-Z][a-z0-9]*|[a-z0-9]+", node.name)
            yield "_".join(words), f"{shown(path)}:{node.lineno}"


def test_tests_wait_for_events_not_for_time() -> None:
    sleeps = [
        f"{shown(path)}:{node.lineno}"
        for path in files("tests", "*.py")
        if shown(path) != WAITING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and is_sleep(node) and not only_yields(node)
    ]
    assert not sleeps, "use tests/support/waiting.py or wait for an event: " + ", ".join(sleeps)


def is_sleep(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute | ast.Name) and (
        getattr(call.func, "attr", getattr(call.func, "id", "")) == "sleep"
    )


def only_yields(call: ast.Call) -> bool:
    """`asyncio.sleep(0)` gives others a turn; it does not wait for time."""
    return (
        len(call.args) == 1
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value == 0
        and isinstance(call.func, ast.Attribute)
        and getattr(call.func.value, "id", "") == "asyncio"
    )


def test_every_module_says_its_job() -> None:
    silent = [
        shown(path)
        for path in files("taskflow", "*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent, "a module's docstring tells its one job: " + ", ".join(silent)
