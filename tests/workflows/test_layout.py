"""The picture of a workflow: few crossings, nothing over anything, always the same, and fast."""

from __future__ import annotations

import random
import time
from itertools import combinations
from xml.etree import ElementTree as ET

import msgspec
import pytest

from taskflow.workflows import Graph, Layout, Node, draw, fold, graph_of, lay_out, with_states
from taskflow.workflows import layout as layout_room
from taskflow.workflows.layout import GAP_Y, HEIGHT, WIDTH
from taskflow.workflows.plan import Edge
from taskflow.workflows.svg import CHARACTER, LOOKS
from tests.workflows.graphs import SHAPES, graph

SVG = "{http://www.w3.org/2000/svg}"


def random_graph(seed: int, count: int, edges: int, layers: int) -> Graph:
    """Edges that reach over up to three layers."""
    chance = random.Random(seed)
    layer = sorted(chance.randrange(layers) for _ in range(count))
    pairs = set[tuple[int, int]]()
    while len(pairs) < edges:
        one, other = chance.randrange(count), chance.randrange(count)
        if 0 < layer[other] - layer[one] <= 3:
            pairs.add((one, other))
    return Graph(
        tuple(Node(f"n{number}", "task", "t") for number in range(count)),
        tuple(Edge(f"n{one}", f"n{other}") for one, other in sorted(pairs)),
    )


def crossings(layout: Layout) -> int:
    """Counted from the picture: pairs of straight pieces between the same layers that cross."""
    pieces: dict[float, list[tuple[float, float]]] = {}
    for line in layout.lines:
        for (x1, y1), (x2, y2) in zip(line.points[::2], line.points[1::2], strict=True):
            assert x2 > x1, "edges run to the right"
            pieces.setdefault(x1, []).append((y1, y2))
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for found in pieces.values()
        for one, other in combinations(found, 2)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_have_no_crossing_that_need_not_be(shape: str) -> None:
    edges, fewest = SHAPES[shape]
    layout = lay_out(graph(edges))
    assert layout.crossings <= fewest
    assert crossings(layout) == layout.crossings


@pytest.mark.parametrize("seed", range(20))
def test_a_layout_is_sound(seed: int) -> None:
    made = random_graph(seed, 40, 60, 7)
    layout = lay_out(made)
    assert crossings(layout) == layout.crossings, "what is counted is what is seen"
    places = {box.node.name: box for box in layout.boxes}
    assert len(places) == 40
    for one, other in combinations(layout.boxes, 2):
        if one.x == other.x:
            assert abs(one.y - other.y) >= HEIGHT + GAP_Y - 0.2, "boxes keep their distance"
    for line in layout.lines:
        start, end = places[line.edge.parent], places[line.edge.child]
        assert line.points[0] == (start.x + WIDTH, start.y + HEIGHT / 2)
        assert line.points[-1] == (end.x, end.y + HEIGHT / 2)
    for box in layout.boxes:
        assert 0 <= box.x <= layout.width - WIDTH
        assert 0 <= box.y <= layout.height - HEIGHT


def test_sweeps_remove_crossings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the order of a walk along the edges, which is no bad one: the mean of ten graphs."""
    made = [random_graph(seed, 60, 80, 8) for seed in range(10)]
    swept = [lay_out(one).crossings for one in made]
    monkeypatch.setattr(layout_room, "SWEEPS", 0)
    plain = [lay_out(one).crossings for one in made]
    assert all(after <= before for after, before in zip(swept, plain, strict=True))
    assert sum(swept) < 0.6 * sum(plain), (swept, plain)


def test_the_same_graph_gives_the_same_picture() -> None:
    for seed in range(5):
        made = random_graph(seed, 60, 90, 8)
        assert draw(lay_out(made)) == draw(lay_out(made))
        shuffled = Graph(made.nodes, tuple(reversed(made.edges)))
        assert lay_out(made).width == lay_out(shuffled).width


def test_a_thousand_nodes_are_laid_out_at_once() -> None:
    made = random_graph(1, 1000, 1319, 25)
    lay_out(made)
    took = min(_timed(made) for _ in range(3))
    assert took < 0.1, f"{took:.3f} s of processor time"


def _timed(made: Graph) -> float:
    begun = time.process_time()
    lay_out(made)
    return time.process_time() - begun


def test_large_graphs_do_not_recurse_or_explode() -> None:
    chain = Graph(
        tuple(Node(f"n{i}", "task", "t") for i in range(10_000)),
        tuple(Edge(f"n{i}", f"n{i + 1}") for i in range(9_999)),
    )
    assert lay_out(chain).crossings == 0
    assert len(fold(chain).nodes) == 3


# --- folding and states ---------------------------------------------------------------------------


def wide(count: int) -> Graph:
    nodes = {"root": {"task": "r"}}
    nodes |= {f"n{i}": {"task": "t", "needs": ["root"]} for i in range(count)}  # type: ignore[dict-item]
    nodes["end"] = {"task": "e", "needs": [f"n{i}" for i in range(count)]}  # type: ignore[dict-item]
    return graph_of({"nodes": nodes})


class Count(msgspec.Struct, frozen=True):
    node: str
    is_item: bool
    state: str
    count: int


def test_nodes_that_are_alike_are_folded_with_their_states() -> None:
    made = wide(1000)
    counts = [Count("root", False, "succeeded", 1)]
    counts += [Count(f"n{i}", False, "failed" if i < 3 else "succeeded", 1) for i in range(1000)]
    seen = fold(with_states(made, counts), over=8)
    assert [(node.name, node.count, node.state) for node in seen.nodes] == [
        ("root", 1, "succeeded"), ("n0", 1000, "failed"), ("end", 1, ""),
    ]  # fmt: skip
    assert seen.nodes[1].items == (("failed", 3), ("succeeded", 997))
    assert {(edge.parent, edge.child) for edge in seen.edges} == {("root", "n0"), ("n0", "end")}
    assert fold(wide(8), over=8) == wide(8)


def test_what_a_node_is_and_how_its_edges_fail_is_kept() -> None:
    made = graph_of(
        {
            "nodes": {
                "a": {"task": "x.y", "on_failure": "continue", "for_each": "$.input.z"},
                "b": {"signal": "ok", "needs": ["a"]},
                "c": {"workflow": "w", "needs": [{"node": "a", "on_failure": "compensate"}]},
                "d": {"delay": "5m", "needs": ["b", "c"]},
            }
        }
    )
    kinds = [(node.kind, node.target, node.is_map) for node in made.nodes]
    assert kinds == [
        ("task", "x.y", True), ("signal", "ok", False), ("workflow", "w", False),
        ("delay", "5m", False),
    ]  # fmt: skip
    assert [edge.on_failure for edge in made.edges] == ["continue", "compensate", "fail", "fail"]


# --- the SVG --------------------------------------------------------------------------------------


def parsed(made: Graph, title: str = "t") -> ET.Element:
    return ET.fromstring(draw(lay_out(made), title))


def test_every_state_has_a_shape_a_word_and_two_colours() -> None:
    for state in LOOKS:
        root = parsed(Graph((Node("a", "task", "t", state),), ()))
        (box,) = (group for group in root.iter(f"{SVG}g") if group.get("data-node") == "a")
        assert box.get("data-state") == state
        assert any("icon" in part.get("class", "") for part in box), "a shape"
        assert [text.text for text in box.iter(f"{SVG}text")] == ["a", state], "a word"
        style = next(root.iter(f"{SVG}style")).text or ""
        assert style.count(f"[data-state={state}]>.box") == 2, "for light and for dark"
    shapes = [look.shape for look in LOOKS.values()]
    assert len(set(shapes)) == 10, "only what means the same looks the same"


def test_names_cannot_break_out_of_the_picture() -> None:
    nasty = '</text><script>alert("x")</script>&'
    made = Graph((Node(nasty, "task", nasty, "running"),), (Edge(nasty, nasty),))
    root = ET.fromstring(draw(lay_out(Graph(made.nodes, ())), nasty))
    assert not list(root.iter(f"{SVG}script"))
    assert root.get("aria-label") == nasty


def test_long_names_are_cut_and_told_whole() -> None:
    name = "mail_customers_with_a_very_long_name"
    root = parsed(Graph((Node(name, "task", "t"),), ()))
    shown = next(root.iter(f"{SVG}text")).text or ""
    assert shown == "mail_cust…long_name"
    assert len(shown) * CHARACTER <= WIDTH - 2 * 12
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert f"{name}, task t" in titles


def test_shares_of_a_for_each_node_add_up() -> None:
    node = Node("m", "task", "t", "running", is_map=True,
                items=(("failed", 1), ("running", 2), ("succeeded", 7)))  # fmt: skip
    root = parsed(Graph((node,), ()))
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "bar"]
    assert sum(float(bar.get("width", 0)) for bar in bars) == pytest.approx(WIDTH - 12, abs=0.5)
    assert "running · 7 of 10" in [text.text for text in root.iter(f"{SVG}text")]
