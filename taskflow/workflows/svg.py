"""A layout as SVG: a shape, a word and a colour for each state; light and dark in one file.

Complete in itself: no script, no font, no address. Live views change only data-state and the texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from taskflow.workflows.layout import Box, Layout, Line
from taskflow.workflows.plan import Node

CHARACTER = 8.4
"""Width of one in the widest of the label's fonts, near enough to cut a name by."""


class Look(NamedTuple):
    """Text, tint and solid colour, in light and in dark, and the shape, in a box of 16 by 16."""

    light: tuple[str, str, str]
    dark: tuple[str, str, str]
    shape: str


RING = '<circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="2"/>'
CLOCK = f'{RING}<path d="M8 5v3.2l2.2 1.4" fill="none" stroke="currentColor" stroke-width="1.6"/>'
PADLOCK = (
    '<rect x="3.5" y="7" width="9" height="7" rx="1.5" fill="currentColor"/><path'
    ' d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
)
HALF = f'{RING}<path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor"/>'
LOOP = (
    '<path d="M13 8a5 5 0 1 1-1.6-3.7" fill="none" stroke="currentColor" stroke-width="2"/>'
    '<path d="M13.6 1.6v4h-4z" fill="currentColor"/>'
)
BACK = (
    '<path d="M3 8a5 5 0 1 0 1.6-3.7" fill="none" stroke="currentColor" stroke-width="2"/>'
    '<path d="M2.4 1.6v4h4z" fill="currentColor"/>'
)
TICK = '<path d="M2.5 8.5l3.8 3.8L13.5 4.5" fill="none" stroke="currentColor" stroke-width="2.4"/>'
SLASHED = f'{RING}<path d="M4 12l8-8" stroke="currentColor" stroke-width="2"/>'
DIAMOND = (
    '<path d="M8 1l7 7-7 7-7-7z" fill="currentColor"/><path class="cut"'
    ' d="M5.8 5.8l4.4 4.4m0-4.4l-4.4 4.4" stroke-width="1.6"/>'
)
AHEAD = (
    '<path d="M3 3.5L7.5 8 3 12.5M8.5 3.5L13 8l-4.5 4.5" fill="none" stroke="currentColor"'
    ' stroke-width="2"/>'
)

_BLOCKED = (("#5E4526", "#F5EFE6", "#523C22"), ("#D8CCAE", "#28231A", "#B8AD92"))
_SCHEDULED = (("#7A2A78", "#F8ECF7", "#8F1F86"), ("#E0A9F2", "#2C1733", "#B338DC"))
_AVAILABLE = (("#3B4A63", "#EBEFF5", "#323C52"), ("#B3C3E4", "#1A2233", "#7890BE"))
_RUNNING = (("#1349B0", "#E7EEFC", "#1B57CC"), ("#8CCBFF", "#0D2740", "#6ABCFF"))
_RETRYING = (("#7A5600", "#FCF3DC", "#B98600"), ("#FFD980", "#33280A", "#FFCF5C"))
_SUCCEEDED = (("#08614F", "#E1F5F0", "#149D82"), ("#8FEBD3", "#0C2E27", "#86EBD2"))
_CANCELLED = (("#565A61", "#EFF0F2", "#5F6267"), ("#B2B8C1", "#1E2228", "#656D77"))
_DEAD = (("#A33208", "#FCEBE4", "#C33D08"), ("#FF9D70", "#3A190B", "#F0641F"))

LOOKS: dict[str, Look] = {
    "pending": Look(*_BLOCKED, PADLOCK),
    "blocked": Look(*_BLOCKED, PADLOCK),
    "waiting": Look(*_SCHEDULED, CLOCK),
    "scheduled": Look(*_SCHEDULED, CLOCK),
    "available": Look(*_AVAILABLE, RING),
    "running": Look(*_RUNNING, HALF),
    "retrying": Look(*_RETRYING, LOOP),
    "succeeded": Look(*_SUCCEEDED, TICK),
    "skipped": Look(*_CANCELLED, AHEAD),
    "cancelled": Look(*_CANCELLED, SLASHED),
    "compensated": Look(*_CANCELLED, BACK),
    "failed": Look(*_DEAD, DIAMOND),
    "dead": Look(*_DEAD, DIAMOND),
}
PLAIN = Look(("#16191F", "#FFFFFF", "#858D9B"), ("#E8EBF0", "#15181D", "#687280"), "")

STYLE = (
    "svg{font-family:'Inter var',system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,"
    "sans-serif}.canvas{fill:#F6F7F9}.box{stroke-width:1.25}.name{font-size:13px;font-weight:550;"
    "fill:#16191F}.word{font-size:11px}.edge{fill:none;stroke:#B4BCC8;stroke-width:1.5}"
    ".tip{fill:#B4BCC8}.edge[data-policy=continue]{stroke-dasharray:5 4}"
    ".edge[data-policy=compensate]{stroke-dasharray:2 3}"
)
NIGHT = ".canvas{fill:#0D0F13}.name{fill:#E8EBF0}.edge{stroke:#4A5361}.tip{fill:#4A5361}"
# Colours stand in the rules themselves: programs that turn SVG into pictures know no variables.


def draw(layout: Layout, title: str = "Workflow") -> str:
    """The whole picture. Continued edges are dashed, compensating ones dotted."""
    used = {box.node.state for box in layout.boxes}
    used |= {state for box in layout.boxes for state, _ in box.node.items}
    width, height = _number(layout.width), _number(layout.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-label={quoteattr(title)}>'
        f"<title>{escape(title)}</title><style>{STYLE}{_colours(sorted(used))}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path class="tip" d="M0 0l8 4-8 4z"/></marker></defs>'
        f'<rect class="canvas" width="{width}" height="{height}"/>'
    )
    lines = map(_line, layout.lines)
    boxes = (part for box in layout.boxes for part in _box(box))
    return "".join([head, *lines, *boxes, "</svg>\n"])


def _colours(states: list[str]) -> str:
    """The rules for each state that occurs, for light and then for dark."""
    light = "".join(_rules(state, _look(state).light) for state in states)
    dark = "".join(_rules(state, _look(state).dark) for state in states)
    return f"{light}@media(prefers-color-scheme:dark){{{NIGHT}{dark}}}"


def _rules(state: str, colours: tuple[str, str, str]) -> str:
    ink, tint, solid = colours
    of = f"[data-state={state or 'none'}]"
    return (
        f"{of}>.box{{fill:{tint};stroke:{solid}}}{of}>.word{{fill:{ink}}}"
        f"{of}>.icon{{color:{solid}}}{of}>.icon .cut{{stroke:{tint}}}.bar{of}{{fill:{solid}}}"
    )


def _look(state: str) -> Look:
    return LOOKS.get(state, PLAIN)


def _line(line: Line) -> str:
    (x, y), *_ = line.points
    path = [f"M{_number(x)} {_number(y)}"]
    for (x1, y1), (x2, y2) in pairwise(line.points):
        if y1 == y2:
            path.append(f"H{_number(x2)}")
        else:
            bend = (x2 - x1) / 2
            path.append(
                f"C{_number(x1 + bend)} {_number(y1)} {_number(x2 - bend)} {_number(y2)}"
                f" {_number(x2)} {_number(y2)}"
            )
    edge = line.edge
    return (
        f'<path class="edge" data-policy="{edge.on_failure}" marker-end="url(#tip)"'
        f' d="{"".join(path)}"><title>{escape(f"{edge.parent} → {edge.child}")}</title></path>'
    )


def _box(box: Box) -> Iterator[str]:
    node, x, y = box.node, box.x, box.y
    rect = f'width="{_number(box.width)}" height="{_number(box.height)}" rx="6"'
    yield (
        f'<g data-node={quoteattr(node.name)} data-state="{node.state or "none"}"'
        f' transform="translate({_number(x)} {_number(y)})"><title>{escape(told(node))}</title>'
    )
    if node.count > 1 or node.is_map:  # a stack
        yield f'<rect class="box" x="4" y="4" {rect}/>'
    yield f'<rect class="box" {rect}/>'
    left = 12
    if shape := _look(node.state).shape:
        yield f'<g class="icon" transform="translate(10 14)">{shape}</g>'
        left = 34
    room = int((box.width - left - 8) / CHARACTER)
    count = f" \u00d7{node.count:,}" if node.count > 1 else ""
    name = _cut_inside(node.name, room - len(count)) + count
    yield f'<text class="name" x="{left}" y="18">{escape(name)}</text>'
    yield f'<text class="word" x="{left}" y="34">{escape(_cut(word(node), int(room * 1.2)))}</text>'
    yield from _bar(node, box)
    yield "</g>"


def _bar(node: Node, box: Box) -> Iterator[str]:
    """The states of what is in it, as shares of its lower edge."""
    total = sum(count for _, count in node.items)
    at, room = 6.0, box.width - 12
    for state, count in node.items if total else ():
        share = room * count / total
        yield (
            f'<rect class="bar" data-state="{state}" x="{_number(at)}"'
            f' y="{_number(box.height - 5)}" width="{_number(share)}" height="3"/>'
        )
        at += share


def word(node: Node) -> str:
    """The second line of a box: its state, or what it does where there is no run."""
    if node.state and node.items:
        total = sum(count for _, count in node.items)
        done = sum(count for state, count in node.items if state in ("succeeded", "skipped"))
        return f"{node.state} · {done:,} of {total:,}"
    if node.state:
        return node.state
    each = " for each" if node.is_map else ""
    what = f"{node.kind}{each}"
    return what if node.kind == "task" and node.target == node.name else f"{what} · {node.target}"


def told(node: Node) -> str:
    """All about it, for the tooltip and for readers that cannot see."""
    parts = [node.name + (f" and {node.count - 1:,} more" if node.count > 1 else "")]
    parts.append(f"{node.kind} {node.target}")
    parts += [node.state] if node.state else []
    parts += [f"{count:,} {state}" for state, count in node.items]
    return ", ".join(parts)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(length - 1, 1)]}…"


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _cut_inside(name: str, length: int) -> str:
    """Names of a workflow often begin alike, so their ends are kept, too."""
    if len(name) <= length:
        return name
    tail = max(length - 1, 2) // 2
    return f"{name[: max(length - 1 - tail, 1)]}…{name[-tail:]}"
