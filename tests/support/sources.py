"""Reads the repository's own sources for the meta tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PRIVATE = {".git", ".venv", ".taskflow", "__pycache__", "dist", "build", "node_modules"}
"""Folders that are no source."""


@dataclass(frozen=True, slots=True)
class Function:
    where: str
    name: str
    lines: int
    parameters: int
    positional: int


def files(folder: str, pattern: str) -> Iterator[Path]:
    """Yield the repository's files under `folder`, caches and generated folders left out."""
    for path in sorted((ROOT / folder).rglob(pattern)):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(p in PRIVATE or p.endswith("_cache") for p in parts):
            yield path


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def line_count(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            positional = [
                argument.arg
                for argument in (*node.args.posonlyargs, *node.args.args)
                if argument.arg not in ("self", "cls")
            ]
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            assert node.end_lineno is not None
            yield Function(
                where=f"{shown(path)}:{node.lineno}",
                name=node.name,
                lines=node.end_lineno - first + 1,
                parameters=len(positional) + len(node.args.kwonlyargs),
                positional=len(positional),
            )


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for each import statement, wherever it stands in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module
