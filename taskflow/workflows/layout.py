"""Where the nodes of a graph stand and how its edges run: layers from left to right.

The steps of every layered layout: each node into the layer behind the last that it needs; long
edges cut into a point per layer; the order within layers improved by sweeps that sort by the mean
place of the neighbours, the best of all kept; then each as near to the middle of its neighbours as
its own ones in the layer allow. The same graph always gives the same picture.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from taskflow.workflows.plan import Edge, Graph, Node

WIDTH, HEIGHT = 184, 44
GAP_X, GAP_Y, MARGIN = 64, 18, 16
POINT = 10
"""Height of the room that an edge takes where it passes a layer."""
SWEEPS = 8
ALIGNMENTS = 6


class Box(msgspec.Struct, frozen=True):
    """A node with its place: the left upper corner."""

    node: Node
    x: float
    y: float
    width: float = WIDTH
    height: float = HEIGHT


class Line(msgspec.Struct, frozen=True):
    """An edge as the points that it goes through."""

    edge: Edge
    points: tuple[tuple[float, float], ...]


class Layout(msgspec.Struct, frozen=True):
    """The finished picture, in pixels."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    crossings: int


class Grid:
    """Layers of numbered cells, nodes first, then the points of long edges; links between
    neighbouring layers."""

    def __init__(self, graph: Graph) -> None:
        self.places = {node.name: number for number, node in enumerate(graph.nodes)}
        self.layer = _layers(graph, self.places)
        self.sizes = [float(HEIGHT)] * len(graph.nodes)
        self.before: list[list[int]] = [[] for _ in graph.nodes]
        self.after: list[list[int]] = [[] for _ in graph.nodes]
        self.ways = [self._way(edge) for edge in graph.edges]
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for cell in self._walk():
            self.layers[self.layer[cell]].append(cell)

    def _way(self, edge: Edge) -> list[int]:
        """The cells that an edge goes through."""
        start, end = self.places[edge.parent], self.places[edge.child]
        way = [start]
        for layer in range(self.layer[start] + 1, self.layer[end]):
            way.append(len(self.layer))
            self.layer.append(layer)
            self.sizes.append(POINT)
            self.before.append([])
            self.after.append([])
        way.append(end)
        for one, other in pairwise(way):
            self.after[one].append(other)
            self.before[other].append(one)
        return way

    def _walk(self) -> list[int]:
        """All cells, those that hang together near each other: a good order to begin with."""
        seen, order = set[int](), []
        for root in range(len(self.layer)):
            if self.before[root] or root in seen:
                continue
            stack = [root]
            while stack:
                cell = stack.pop()
                if cell in seen:
                    continue
                seen.add(cell)
                order.append(cell)
                stack += reversed(self.after[cell])
        return order


def lay_out(graph: Graph) -> Layout:
    """Places for all nodes and edges. 1,000 nodes take some ten milliseconds."""
    grid = Grid(graph)
    crossings = _order(grid)
    middles = _align(grid)
    top = min(map(_minus_half, middles, grid.sizes), default=0.0)
    bottom = max(map(_plus_half, middles, grid.sizes), default=0.0)
    x = [MARGIN + layer * (WIDTH + GAP_X) for layer in grid.layer]
    y = [round(MARGIN + middle - top, 1) for middle in middles]
    boxes = [Box(node, x[cell], y[cell] - HEIGHT / 2) for cell, node in enumerate(graph.nodes)]
    lines = [
        Line(edge, tuple(_points(way, x, y)))
        for edge, way in zip(graph.edges, grid.ways, strict=True)
    ]
    width = 2 * MARGIN + max(len(grid.layers) * (WIDTH + GAP_X) - GAP_X, 0)
    return Layout(tuple(boxes), tuple(lines), width, bottom - top + 2 * MARGIN, crossings)


def _minus_half(middle: float, size: float) -> float:
    return middle - size / 2


def _plus_half(middle: float, size: float) -> float:
    return middle + size / 2


def _points(way: list[int], x: list[int], y: list[float]) -> Iterator[tuple[float, float]]:
    yield x[way[0]] + WIDTH, y[way[0]]
    for cell in way[1:-1]:  # straight through its layer
        yield x[cell], y[cell]
        yield x[cell] + WIDTH, y[cell]
    yield x[way[-1]], y[way[-1]]


def _layers(graph: Graph, places: dict[str, int]) -> list[int]:
    """Longest path from the left; what begins by itself stands next to the first that needs it."""
    parents, children = graph.parents(), graph.children()
    layer = dict.fromkeys(places, 0)
    left = {name: len(found) for name, found in parents.items()}
    ready = [name for name in places if not left[name]]
    for name in ready:  # grows as it goes
        for child in children[name]:
            layer[child] = max(layer[child], layer[name] + 1)
            left[child] -= 1
            if not left[child]:
                ready.append(child)
    for name in places:
        if not parents[name] and children[name]:
            layer[name] = min(layer[child] for child in children[name]) - 1
    return [layer[name] for name in places]


# --- the order within layers ----------------------------------------------------------------------


def _order(grid: Grid) -> int:
    """Sorts the layers so that few edges cross; answers how many still do."""
    best, fewest = [list(layer) for layer in grid.layers], _crossings(grid)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        _sweep(grid, grid.before if down else grid.after, backwards=not down)
        found = _crossings(grid)
        if found < fewest:
            best, fewest = [list(layer) for layer in grid.layers], found
    grid.layers = best
    return fewest


def _sweep(grid: Grid, towards: list[list[int]], *, backwards: bool) -> None:
    place = [0.0] * len(grid.layer)
    for layer in reversed(grid.layers) if backwards else grid.layers:
        mean = {
            cell: sum(place[other] for other in towards[cell]) / len(towards[cell])
            if towards[cell]
            else number
            for number, cell in enumerate(layer)
        }
        layer.sort(key=mean.__getitem__)
        for number, cell in enumerate(layer):
            place[cell] = number


def _crossings(grid: Grid) -> int:
    """Pairs of edges that cross, layer by layer: inversions among the ends of sorted edges."""
    place = {cell: number for layer in grid.layers for number, cell in enumerate(layer)}
    count = 0
    for layer in grid.layers:
        seen: list[int] = []
        for cell in layer:
            ends = sorted(place[other] for other in grid.after[cell])
            for end in ends:
                count += len(seen) - bisect_right(seen, end)
            for end in ends:  # those of one node do not cross each other
                insort(seen, end)
    return count


# --- the place across -----------------------------------------------------------------------------


def _align(grid: Grid) -> list[float]:
    """The middle of each cell: near the median of its neighbours, none over another."""
    middles = [0.0] * len(grid.layer)
    for layer in grid.layers:
        at = 0.0
        for cell in layer:
            middles[cell] = at + grid.sizes[cell] / 2
            at += grid.sizes[cell] + GAP_Y
    for turn in range(ALIGNMENTS):
        down = turn % 2 == 0
        towards = grid.before if down else grid.after
        for layer in grid.layers if down else reversed(grid.layers):
            wanted = [
                _median([middles[other] for other in towards[cell]] or [middles[cell]])
                for cell in layer
            ]
            for cell, middle in zip(
                layer, _spread(wanted, [grid.sizes[c] for c in layer]), strict=True
            ):
                middles[cell] = middle
    return middles


def _median(values: list[float]) -> float:
    if len(values) == 1:  # most cells have one neighbour
        return values[0]
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _spread(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones, in least squares, that keep order and distance.

    Without the room that those before it take, each only has to stand no higher than the last: what
    stands too high is pooled with those before it at their mean.
    """
    offsets, at = [], 0.0
    for number, size in enumerate(sizes):
        if number:
            at += (sizes[number - 1] + size) / 2 + GAP_Y
        offsets.append(at)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, number = pools.pop()
            total, count = total + before, count + number
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]
