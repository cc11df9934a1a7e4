"""Compose a picture: decide what is drawn one by one, and have everything in it written."""

from __future__ import annotations

from collections.abc import Sequence

from microgradcheck.draw.folding import fold
from microgradcheck.draw.graph import Box, Graph, in_order
from microgradcheck.draw.scene import Frame, Node, Scene, in_one_line
from microgradcheck.draw.writer import CHECKED_WITHIN, Writer, count
from microgradcheck.gradcheck.nodes import estimate_nodes
from microgradcheck.value import Value

__all__ = ["compose"]

MOST_UNITS_WITH_DERIVATIVES = 1000
MOST_LINES_WITH_DERIVATIVES = 100  # to closed boxes
MOST_VALUES_CHECKED = 1000
MOST_LINES_IN_WORDS = 100


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
    """Write down everything that a picture of the given values shows, with the options of `draw`.

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
        units = graph.units()
        lines = {(units[start], units[end]) for start, end in graph.lines(units)}
        to_boxes = sum(isinstance(end, Box) for _, end in lines)
        derivatives = (
            to_boxes <= MOST_LINES_WITH_DERIVATIVES and len(order) <= MOST_UNITS_WITH_DERIVATIVES
        )
    found = estimate_nodes(roots[0], CHECKED_WITHIN, leaves=True) if check else []
    writer = Writer(
        graph,
        order,
        precision=precision,
        derivatives=derivatives,
        formulas=formulas,
        checks={node: estimate for node, _, estimate in found},
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
    words = [f"{title}: {count(size, 'value')} and {count(operations, 'operation')}."]
    words += map(writer.in_words, order[:MOST_LINES_IN_WORDS])
    if len(order) > MOST_LINES_IN_WORDS:
        words.append(f"and {count(len(order) - MOST_LINES_IN_WORDS, 'more value')}")
    return Scene(title, "\n".join(words), tuple(nodes), tuple(frames))
