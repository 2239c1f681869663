"""Pictures of workflows: a definition as a graph, its layout, and the SVG. Pure; opens nothing."""

from taskflow.workflows.layout import Layout, lay_out
from taskflow.workflows.plan import Graph, Node, fold, graph_of, with_states
from taskflow.workflows.svg import draw

__all__ = ["Graph", "Layout", "Node", "draw", "fold", "graph_of", "lay_out", "with_states"]
