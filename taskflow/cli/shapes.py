"""How values look: as JSON for programs, as text and tables for people.

Text that came from the database is never printed as it is: a job's error message could otherwise
move the cursor, recolour the terminal or rewrite the line above.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from rich.table import Table
from rich.text import Text

from taskflow.kernel import phrases
from taskflow.kernel.durations import format_duration
from taskflow.kernel.wire import IS_ID, plain

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
STATE_STYLES = {
    "running": "cyan",
    "available": "",
    "scheduled": "blue",
    "retrying": "yellow",
    "blocked": "magenta",
    "succeeded": "green",
    "cancelled": "dim",
    "dead": "red",
}


def safe(text: str, *, lines: bool = False) -> str:
    """`text` with control characters (and those that reorder it) shown as escapes.

    With `lines`, line breaks and tabs stay what they are.
    """

    def escape(match: re.Match[str]) -> str:
        if lines and match[0] in "\n\t":
            return match[0]
        return match[0].encode("unicode_escape").decode()

    return _UNSAFE.sub(escape, text)


# --- JSON -----------------------------------------------------------------------------------------


def to_json(value: Any, *, indent: bool = False) -> str:
    encoded = msgspec.json.encode(plain(value))
    return (msgspec.json.format(encoded, indent=2) if indent else encoded).decode()


# --- people ---------------------------------------------------------------------------------------


def ago(time: datetime | None, now: datetime) -> str:
    """ "3m ago", "in 2h", "just now", "" for none."""
    if time is None:
        return ""
    gone = now - time
    if abs(gone) < timedelta(seconds=1):
        return "just now"
    text = age(abs(gone))
    return f"{text} ago" if gone > timedelta(0) else f"in {text}"


def age(duration: timedelta | float | None) -> str:
    """One or two units: "5s", "3m 20s", "2h 5m", "3d"."""
    if duration is None:
        return ""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 1:
        return format_duration(round(seconds, 3), parts=1)
    return format_duration(int(seconds), parts=1 if seconds < 60 or seconds >= 864_000 else 2)


def exact(time: datetime | None) -> str:
    """To the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if time else ""


def both(time: datetime | None, now: datetime) -> str:
    """The exact time, and how long ago it was."""
    return f"{exact(time)}  ({ago(time, now)})" if time else ""


def number(count: int, cap: int | None = None) -> str:
    """ "12,480", or "10,000+" where counting stopped at a cap."""
    return f"{cap - 1:,}+" if cap is not None and count >= cap else f"{count:,}"


plural = phrases.plural


def state(name: str) -> Text:
    return Text(name, style=STATE_STYLES.get(name, ""))


class Column(NamedTuple):
    title: str
    right: bool = False
    cut: bool = False
    """May be cut with an ellipsis when the table is too wide. Ids and numbers never are."""
    style: str = ""


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Columns without lines; wide ones give way where the terminal is narrow."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            # A column counts as shrinkable when it may wrap; the cells themselves do not.
            no_wrap=not column.cut,
            overflow="ellipsis",
            style=column.style,
            min_width=6 if column.cut else None,
        )
    for row in rows:
        drawn.add_row(*(_cell(cell, columns[at].cut) for at, cell in enumerate(row)))
    return drawn


def _cell(value: str | Text, cut: bool) -> Text:
    if isinstance(value, Text):
        return value
    if cut:
        return Text(safe(value), no_wrap=True, overflow="ellipsis")
    # on a terminal too narrow for them ids and numbers go on in the next line, whole
    return Text(safe(value), no_wrap=False, overflow="fold")


def fields_table(fields: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> Table:
    """Lines as they are, one column for each field, for those who choose their own."""
    columns = [Column(name, cut=not IS_ID.search(name)) for name in fields]
    return table(columns, ([_field(line[name]) for name in fields] for line in lines))


def _field(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return exact(value)
    if isinstance(value, timedelta):
        return age(value)
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)


def facts(pairs: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and values, one pair a line; empty values are left out."""
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            drawn.add_row(name, value if isinstance(value, Text) else Text(safe(value, lines=True)))
    return drawn


def bullets(texts: Iterable[str]) -> Table:
    """Sentences one below the other, each with a mark and a hanging indent."""
    drawn = Table.grid(padding=(0, 1, 0, 0))
    for text in texts:
        drawn.add_row(Text(" •", style="dim"), Text(safe(text)))
    return drawn
