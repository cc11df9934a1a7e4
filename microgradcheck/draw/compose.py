"""Compose a picture: decide what is drawn one by one, and write everything that stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from microgradcheck.draw.boxes import Box
from microgradcheck.draw.folding import fold
from microgradcheck.draw.graph import Graph
from microgradcheck.draw.order import in_order
from microgradcheck.draw.scene import Frame, Node, Scene
from microgradcheck.draw.text import in_one_line
from microgradcheck.draw.twin import tell
from microgradcheck.draw.writer import CHECKED_WITHIN, Writer, count
from microgradcheck.gradcheck.nodes import estimate_nodes
from microgradcheck.value import Value

__all__ = ["compose"]

MOST_UNITS_WITH_DERIVATIVES = 1000
MOST_LINES_WITH_DERIVATIVES = 100  # to closed boxes
MOST_VALUES_CHECKED = 1000


def compose(
    roots: Sequence[Value],
    *,
    precision: int,
    derivatives: bool | None,
    formulas: bool,
    check: bool = False,
    depth: int | None = None,
    limit: int | None = None,
) -> Scene:
    """Write down everything that a picture of the given values shows.

    Args:
        roots: the values whose graph is drawn.
        precision: significant digits of the numbers.
        derivatives: whether they stand on the edges, or None for a choice by size.
        formulas: whether their formulas do too.
        check: whether each gradient is shown with what nudging its value does to the one root.
        depth: how many levels of boxes are open, or None for as many as the limit allows.
        limit: how many values and closed boxes are drawn at most, or None for all.

    Raises:
        ValueError: there are too many values to check each.
        RuntimeError: the data of a `Value` was set after others were computed from it.
    """
    graph = Graph(roots)
    size = len(graph.values)
    if check and size > MOST_VALUES_CHECKED:
        raise ValueError(
            f"check=True nudges every value, {MOST_VALUES_CHECKED:,} at most, and this graph has "
            f"{size:,}; draw a smaller part of it, or leave the check to gradcheck"
        )
    fold(graph, depth, limit)
    order = in_order(graph)
    if derivatives is None:
        few = _lines_to_boxes(graph) <= MOST_LINES_WITH_DERIVATIVES
        derivatives = few and len(order) <= MOST_UNITS_WITH_DERIVATIVES
    found = estimate_nodes(roots[0], CHECKED_WITHIN, leaves=True) if check else []
    writer = Writer(
        graph,
        order,
        precision=precision,
        derivatives=derivatives,
        formulas=formulas,
        checks={id(node): estimate for node, _, estimate in found},
    )
    nodes: list[Node] = []
    frames: list[Frame] = []
    for unit in order:
        if isinstance(unit, Box) and unit.is_open:
            frames.append(writer.frame(unit))
        else:
            nodes += writer.nodes(unit)
    labels = " and ".join(root.label for root in roots if root.label)
    title = in_one_line(f"Computation graph of {labels or 'an expression'}")
    operations = sum(value.operation is not None for value in graph.values)
    twin = f"{title}: {count(size, 'value')} and {count(operations, 'operation')}."
    return Scene(title, "\n".join([twin, *tell(order, writer)]), tuple(nodes), tuple(frames))


def _lines_to_boxes(graph: Graph) -> int:
    """Return how many lines a picture has to closed boxes."""
    units = graph.units()
    lines = {
        (id(units[start]), id(units[end]))
        for start, end in graph.lines(units)
        if isinstance(units[end], Box)
    }
    return len(lines)
