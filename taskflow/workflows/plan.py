"""A definition as a graph, with the states of a run, and folded to what can be read.

Folding puts nodes that are alike into one: those that do the same, with the same nodes before and
after them, and the inner nodes of long chains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

KINDS = ("task", "workflow", "signal", "delay")


class Counted(Protocol):
    """How many steps of a node are in a state; `is_item` for the items of a for_each node."""

    @property
    def node(self) -> str: ...
    @property
    def is_item(self) -> bool: ...
    @property
    def state(self) -> str: ...
    @property
    def count(self) -> int: ...


class Node(msgspec.Struct, frozen=True):
    """A box of the picture: a node, or `count` of them folded into one."""

    name: str
    kind: str
    target: str
    state: str = ""
    count: int = 1
    is_map: bool = False
    items: tuple[tuple[str, int], ...] = ()
    """How many of its items, or of the nodes in it, are in which state."""


class Edge(msgspec.Struct, frozen=True):
    """`child` comes after `parent`."""

    parent: str
    child: str
    on_failure: str = "fail"


class Graph(msgspec.Struct, frozen=True):
    """Nodes in the order of the definition, and edges between their names."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def parents(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.child].append(edge.parent)
        return found

    def children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.parent].append(edge.child)
        return found


def graph_of(definition: Mapping[str, Any]) -> Graph:
    """The graph of a definition that the database has accepted."""
    given: Mapping[str, Mapping[str, Any]] = definition["nodes"]
    nodes, edges = [], []
    for name, spec in given.items():
        kind = next(kind for kind in KINDS if kind in spec)
        nodes.append(Node(name, kind, str(spec[kind]), is_map="for_each" in spec))
        for need in spec.get("needs", ()):
            parent = need if isinstance(need, str) else need["node"]
            own = None if isinstance(need, str) else need.get("on_failure")
            policy = own or given[parent].get("on_failure", "fail")
            edges.append(Edge(parent, name, policy))
    return Graph(tuple(nodes), tuple(edges))


def with_states(graph: Graph, counts: Iterable[Counted]) -> Graph:
    """The graph with what a run has made of it."""
    states: dict[str, str] = {}
    items: dict[str, list[tuple[str, int]]] = {}
    for counted in counts:
        if counted.is_item:
            items.setdefault(counted.node, []).append((counted.state, counted.count))
        else:
            states[counted.node] = counted.state
    return Graph(
        tuple(
            msgspec.structs.replace(
                node,
                state=states.get(node.name, node.state),
                items=tuple(items.get(node.name, node.items)),
            )
            for node in graph.nodes
        ),
        graph.edges,
    )


def fold(graph: Graph, over: int = 8) -> Graph:
    """The same with more than `over` nodes that are alike, and with long chains, as one box."""
    return _fold_chains(_fold_twins(graph, over), over)


def _fold_twins(graph: Graph, over: int) -> Graph:
    parents, children = graph.parents(), graph.children()
    alike: dict[Any, list[Node]] = {}
    for node in graph.nodes:
        key = (
            node.kind, node.target, node.is_map,
            frozenset(parents[node.name]), frozenset(children[node.name]),
        )  # fmt: skip
        alike.setdefault(key, []).append(node)
    return _joined(graph, [group for group in alike.values() if len(group) > over])


def _fold_chains(graph: Graph, over: int) -> Graph:
    parents, children = graph.parents(), graph.children()
    by_name = {node.name: node for node in graph.nodes}

    def is_inner(name: str) -> bool:
        is_single = len(parents[name]) == 1 and len(children[name]) == 1
        return is_single and by_name[name].count == 1 and not by_name[name].is_map

    groups, seen = [], set[str]()
    for node in graph.nodes:
        if node.name in seen or not is_inner(node.name) or is_inner(parents[node.name][0]):
            continue
        chain, name = [], node.name
        while is_inner(name):
            chain.append(by_name[name])
            seen.add(name)
            name = children[name][0]
        if len(chain) > over:
            groups.append(chain)
    return _joined(graph, groups)


def _joined(graph: Graph, groups: list[list[Node]]) -> Graph:
    """Each group as one node, in the place and under the name of its first."""
    stands_for = {node.name: group[0].name for group in groups for node in group}
    joined = {group[0].name: _join(group) for group in groups}
    nodes = tuple(
        joined.get(node.name, node)
        for node in graph.nodes
        if stands_for.get(node.name, node.name) == node.name
    )
    edges: dict[tuple[str, str], Edge] = {}
    for edge in graph.edges:
        parent = stands_for.get(edge.parent, edge.parent)
        child = stands_for.get(edge.child, edge.child)
        if parent != child:
            edges.setdefault((parent, child), Edge(parent, child, edge.on_failure))
    return Graph(nodes, tuple(edges.values()))


def _join(group: list[Node]) -> Node:
    count = sum(node.count for node in group)
    states = Counter[str]()
    for node in group:
        for state, number in node.items if node.count > 1 else ((node.state, 1),):
            states[state] += number
    targets = {node.target for node in group}
    return msgspec.structs.replace(
        group[0],
        target=group[0].target if len(targets) == 1 else f"{len(targets)} kinds",
        count=count,
        state=leading(states),
        items=tuple(sorted((state, number) for state, number in states.items() if state)),
    )


WEIGHT = (
    "failed", "dead", "running", "retrying", "available", "scheduled", "waiting", "blocked",
    "pending", "cancelled", "compensated", "succeeded", "skipped",
)  # fmt: skip
"""Of several states the first of these is shown for the whole."""


def leading(states: Iterable[str]) -> str:
    """The state that stands for several."""
    found = set(states)
    return next((state for state in WEIGHT if state in found), "")
