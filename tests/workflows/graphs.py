"""Graphs as people draw them, and the most crossings that their pictures may have.

The pictures of all of them were looked at when these numbers were written down. To look again:
`python -m tests.workflows.graphs FILE.html`, and open the file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from taskflow.workflows import Graph, Node, draw, lay_out
from taskflow.workflows.plan import Edge

SHAPES: dict[str, tuple[dict[str, str], int]] = {
    "one": ({"a": ""}, 0),
    "chain": ({"a": "b", "b": "c", "c": "d"}, 0),
    "diamond": ({"a": "b c", "b": "d", "c": "d"}, 0),
    "wide": ({"a": "b c d e f g", **dict.fromkeys("bcdefg", "z")}, 0),
    "long edge": ({"a": "b d", "b": "c", "c": "d"}, 0),
    "crossed": ({"a": "d", "b": "c", "x": "a b"}, 0),
    "two parts": ({"a": "b", "c": "d", "d": "e"}, 0),
    "tree": ({"a": "b c", "b": "d e", "c": "f g", "d": "h i", "g": "j k"}, 0),
    "ladder": ({"a": "b x", "b": "c y", "c": "z", "x": "y", "y": "z"}, 0),
    "complete": ({"a": "x y z", "b": "x y z", "c": "x y z"}, 9),
    "merge tree": (
        {"a": "ab", "b": "ab", "c": "cd", "d": "cd", "ab": "all", "cd": "all", "all": "report"},
        0,
    ),
    "etl": (
        {"extract": "clean", "clean": "customers orders items", "customers": "load",
         "orders": "load", "items": "load", "load": "index notify"},
        0,
    ),
    "order": (
        {"reserve": "charge", "charge": "ship invoice", "ship": "track", "track": "done",
         "invoice": "done"},
        0,
    ),
    "pipeline of checks": (
        {"checkout": "lint types unit build", "lint": "gate", "types": "gate", "unit": "gate",
         "build": "image", "image": "scan", "scan": "gate", "gate": "deploy"},
        0,
    ),
    "release train": (
        {"tag": "linux mac windows docs", "linux": "sign", "mac": "sign", "windows": "sign",
         "sign": "publish", "docs": "publish", "publish": "announce verify"},
        0,
    ),
    "training": (
        {"fetch": "split", "split": "train test", "train": "fit_a fit_b fit_c", "fit_a": "score",
         "fit_b": "score", "fit_c": "score", "test": "score", "score": "choose"},
        0,
    ),
    "campaign": (
        {"segment": "render", "render": "approve", "approve": "warm_up", "warm_up": "send",
         "segment_b": "render", "send": "bounces opens", "bounces": "report", "opens": "report"},
        0,
    ),
    "hourglass": (
        {"a": "m", "b": "m", "c": "m", "m": "n", "n": "x y z"},
        0,
    ),
    "two diamonds": (
        {"a": "b c", "b": "d", "c": "d", "d": "e f", "e": "g", "f": "g"},
        0,
    ),
    "lanes with a barrier": (
        {"a1": "a2", "a2": "a3", "b1": "b2", "b2": "b3", "c1": "c2", "c2": "c3", "a3": "end",
         "b3": "end", "c3": "end"},
        0,
    ),
    "skips": (
        {"a": "b c e", "b": "c d", "c": "d e", "d": "e"},
        0,
    ),
    "side branch": (
        {"a": "b", "b": "c audit", "c": "d", "d": "e", "audit": "e"},
        0,
    ),
    "staircase": (
        {"a": "b x", "b": "c y", "c": "d z", "x": "end", "y": "end", "z": "end", "d": "end"},
        0,
    ),
    "butterfly": (
        {"a": "c d", "b": "c d", "c": "e f", "d": "e f"},
        2,
    ),
    "three by three": (
        {"a1": "b1 b2", "a2": "b1 b2 b3", "a3": "b2 b3", "b1": "c1 c2", "b2": "c1 c2 c3",
         "b3": "c2 c3"},
        4,
    ),
    "many roots": (
        {**dict.fromkeys(["r1", "r2", "r3", "r4", "r5", "r6"], "sum"), "sum": "mail"},
        0,
    ),
    "star and tail": (
        {"hub": "a b c d e", "c": "f", "f": "g", "g": "h"},
        0,
    ),
    "compensated": (
        {"hotel": "flight", "flight": "car", "car": "confirm", "hotel_hold": "confirm",
         "start": "hotel hotel_hold"},
        0,
    ),
    "interleaved": (
        {"a": "p q", "b": "q r", "c": "r s", "p": "x", "q": "x", "r": "y", "s": "y", "x": "end",
         "y": "end"},
        0,
    ),
    "long names": (
        {"import_customers_of_the_north": "deduplicate_by_address_and_name",
         "import_customers_of_the_south": "deduplicate_by_address_and_name",
         "deduplicate_by_address_and_name": "write_them_all"},
        0,
    ),
}  # fmt: skip
"""By name: the edges, {"a": "b c"} for b and c after a, and the most crossings."""


def graph(edges: dict[str, str]) -> Graph:
    names = dict.fromkeys([*edges, *(child for after in edges.values() for child in after.split())])
    return Graph(
        tuple(Node(name, "task", "t") for name in names),
        tuple(Edge(name, child) for name, after in edges.items() for child in after.split()),
    )


def main(path: str) -> None:
    """Writes a page with all pictures."""
    figures = []
    for name, (edges, fewest) in SHAPES.items():
        layout = lay_out(graph(edges))
        caption = f"{name}: {layout.crossings} crossings, {fewest} allowed"
        figures.append(f"<figure><figcaption>{caption}</figcaption>{draw(layout, name)}</figure>")
    style = "body{display:grid;grid-template-columns:1fr 1fr 1fr}svg{max-width:100%;height:auto}"
    Path(path).write_text(f"<style>{style}</style>{''.join(figures)}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
