"""Writes the reference pages that can be read off the code; `make docs` runs it.

A page is written by hand as far as the line MARK; what follows is generated, and
tests/meta/test_docs.py fails where it is stale.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click

import taskflow
from taskflow import errors, settings
from taskflow.api.app import create_described
from taskflow.api.description import describe
from taskflow.cli import exits, main, tree
from taskflow.kernel.durations import format_duration
from taskflow.store import load
from tests.support.sources import ROOT

REFERENCE = ROOT / "docs" / "reference"
MARK = "<!-- From here on written by `make docs`. -->"
ROLES = {
    "producer": "Producers: applications that enqueue",
    "worker": "Workers",
    "operator": "Operators",
}


def render(name: str) -> str:
    """The whole page as it should be."""
    written = (REFERENCE / name).read_text(encoding="utf-8").partition(MARK)[0]
    return f"{written}{MARK}\n\n{PAGES[name]().strip()}\n"


def stale() -> list[str]:
    return [
        name for name in PAGES if (REFERENCE / name).read_text(encoding="utf-8") != render(name)
    ]


# --- settings -------------------------------------------------------------------------------------


def settings_page() -> str:
    hints = get_type_hints(settings.Settings, include_extras=True)
    defaults = settings.Settings()
    lines = ["| Setting | Environment | Default | Meaning |", "|---|---|---|---|"]
    for name, meaning in settings.meanings().items():
        kind = get_args(hints[name])[0]
        value = getattr(defaults, name)
        lines.append(
            f"| `{name}` | `TASKFLOW_{name.upper()}` | {spelled(value, kind)} | {cell(meaning)} |"
        )
    return "\n".join(lines)


def spelled(value: Any, kind: Any) -> str:
    if value is None or value in ("", {}):
        return "none"
    if kind is bool:
        return "yes" if value else "no"
    return f"`{format_duration(value) if isinstance(value, timedelta) else value}`"


# --- errors ---------------------------------------------------------------------------------------


def errors_page() -> str:
    for module in pkgutil.walk_packages(taskflow.__path__, "taskflow."):
        if module.name.rpartition(".")[2] not in ("__main__", "plugin"):
            importlib.import_module(module.name)  # an error may be defined beside its only use
    lines = ["| Code | Class | Meaning | Exit code |", "|---|---|---|---|"]
    for code, meaning in errors.meanings().items():
        found = errors.CODES[code]
        place = f"`{found.__name__}`" if hasattr(taskflow, found.__name__) else found.__name__
        lines.append(f"| {code} | {place} | {cell(meaning)} | {exits.exit_code(found())} |")
    return "\n".join(lines)


# --- the command line -----------------------------------------------------------------------------


def cli_page() -> str:
    root = main.cli
    context = click.Context(root, info_name="taskflow")
    parts = ["## Global options", "", "They may stand anywhere on the line.", ""]
    parts += option_lines(tree.global_options(), context)
    for words, command, inner in commands(root, context):
        parts += ["", f"## `{words}`", "", cleandoc(command.help or "").replace("\n\n\b\n", "\n\n")]
        if isinstance(command, click.Group):
            names = command.list_commands(inner)
            parts += ["", "Commands: " + ", ".join(f"`{name}`" for name in names) + "."]
        if examples := getattr(command, "examples", ()):
            parts += ["", "```console", *(f"$ {example.strip()}" for example in examples), "```"]
        own = [param for param in command.params if getattr(param, "panel", "") != tree.GLOBAL]
        lines = option_lines(own, inner)
        parts += ["", *lines] if lines else []
    return "\n".join(parts)


def commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        arguments = " ".join(
            param.make_metavar(inner)
            for param in command.params
            if isinstance(param, click.Argument)
        )
        yield f"{inner.command_path} {arguments}".strip(), command, inner
        if isinstance(command, click.Group):
            yield from commands(command, inner)


def option_lines(params: list[click.Parameter], context: click.Context) -> list[str]:
    shown = [record for param in params if (record := param.get_help_record(context))]
    return [
        f"- `{names.strip()}`: {' '.join(said.split())}" for names, said in shown if said.strip()
    ]


# --- SQL ------------------------------------------------------------------------------------------


def sql_page() -> str:
    by_name = {item.name: item.text for item in load.functions()}
    parts: list[str] = []
    for role, names in granted().items():
        parts += [f"## {ROLES[role]}", "", f"Granted to `taskflow_{role}`" + GRANTED_TOO[role], ""]
        for name in sorted(names):
            comment, signature = described(by_name[name])
            parts += [f"### {name}", "", "```text", signature, "```", "", comment, ""]
    return "\n".join(parts)


GRANTED_TOO = {
    "producer": " and to the two below.",
    "worker": " and to `taskflow_operator`.",
    "operator": ".",
}


def granted() -> dict[str, list[str]]:
    """Role: the functions it may call and those before it may not, as sql/grants.sql says."""
    text = load.grants()
    found = {}
    for role in ROLES:
        declared = re.search(rf"v_{role} text := ((?:\s*'[^']*')+);", text)
        assert declared, f"sql/grants.sql has no v_{role}"
        found[role] = " ".join(re.findall(r"'([^']*)'", declared[1])).split()
    return found


def described(text: str) -> tuple[str, str]:
    """A function's comment as Markdown, and its signature."""
    comment, _, rest = text.partition("create or replace function ")
    lines = [line.removeprefix("--").removeprefix(" ") for line in comment.strip().splitlines()]
    signature = re.split(r"\nlanguage |\s+language ", rest, maxsplit=1)[0].strip()
    return listed(lines), signature


def listed(lines: list[str]) -> str:
    """Indented lines of a comment are a list of terms; its other lines are running text."""
    out: list[str] = []
    for line in lines:
        if re.match(r"  \S", line):
            term, _, meaning = line.strip().partition(" ")
            out.append(f"- `{term}`: {meaning.strip()}")
        elif line.startswith("   "):
            out.append(f"  {line.strip()}")
        else:
            if out and out[-1].startswith(("- ", "  ")) and line:
                out.append("")
            out.append(line)
    # a list needs a blank line before it
    return re.sub(r"(^(?!- |  ).+\n)(?=- )", r"\1\n", "\n".join(out), flags=re.MULTILINE)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- REST -----------------------------------------------------------------------------------------


def rest_page() -> str:
    lines: list[str] = []
    tag = ""
    for path, item in describe(create_described())["paths"].items():
        for method, operation in item.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                lines += ["", f"## {tag}", "", "| Route | Does | Takes |", "|---|---|---|"]
            takes = operation.get("x-permission", "nothing")
            said = cell(operation["summary"])
            lines.append(f"| `{method.upper()} {path}` | {said} | {takes} |")
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": settings_page,
    "errors.md": errors_page,
    "cli.md": cli_page,
    "sql.md": sql_page,
    "rest.md": rest_page,
}


def write() -> None:
    for name in PAGES:
        path: Path = REFERENCE / name
        path.write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit("Stale, run make docs: " + ", ".join(found) if (found := stale()) else 0)
    write()
