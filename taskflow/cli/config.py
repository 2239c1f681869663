"""`taskflow config`: the settings in force, and where each came from."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import rich_click as click

from taskflow import settings as settings_room
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.shapes import Column
from taskflow.cli.tree import Group
from taskflow.kernel.durations import format_duration

_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s]*?):([^/]*)@")
_WORD_PASSWORD = re.compile(r"((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)
MASK = "********"


@click.command(
    cls=Group,
    examples=["taskflow config show", "TASKFLOW_SLOTS=20 taskflow config show --json"],
)
def config() -> None:
    """Settings in force and their origins."""


@config.command(examples=["taskflow config show", "taskflow config show -v"])
@click.pass_obj
def show(invocation: Invocation) -> None:
    """Show every setting, its value and where that came from; -v adds what it means.

    An argument beats the environment, which beats the file, which beats the default.
    """
    settings, origins = settings_room.load({"database_url": invocation.database_url})
    meanings = settings_room.meanings()
    found = [
        {"name": name, "value": masked(getattr(settings, name)), "origin": origin,
         "meaning": meanings[name]}
        for name, origin in origins.items()
    ]  # fmt: skip
    columns = [Column("Setting"), Column("Value", cut=True), Column("From", cut=True)]
    if invocation.verbose:
        columns.append(Column("Meaning", cut=True, style="dim"))
    rows = [
        [line["name"], spelled(line["value"]), line["origin"], line["meaning"]][: len(columns)]
        for line in found
    ]
    invocation.answer(found, lambda: shapes.table(columns, rows))


@config.command(examples=["taskflow config path", "taskflow config path --json"])
@click.pass_obj
def path(invocation: Invocation) -> None:
    """Print the settings file in use; exit 3 if there is none."""
    _, origins = settings_room.load()
    here = Path.cwd()
    used = {origin.removeprefix("file ") for origin in origins.values() if "file " in origin}
    found = next((here / name for name in settings_room.FILES if name in used), None)
    invocation.answer_plainly(
        {"path": str(found) if found else None}, [str(found)] if found else []
    )
    if found is None:
        names = " or ".join(settings_room.FILES)
        invocation.talk(f"No settings file: no {names} with settings in {here}.")
        raise exits.Stop(exits.NOT_FOUND)


def masked(value: Any) -> Any:
    """The value with the passwords of connection strings hidden."""
    if not isinstance(value, str):
        return value
    hidden = _URL_PASSWORD.sub(rf"\1:{MASK}@", value)
    return _WORD_PASSWORD.sub(rf"\1{MASK}", hidden)


def spelled(value: Any) -> str:
    if value is None or value in ("", {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_duration(value) if isinstance(value, timedelta) else str(value)
