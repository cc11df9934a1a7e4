"""A graph by the places of its values: which lie in which box, and what is drawn of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from microgradcheck import sweep
from microgradcheck.draw.boxes import Box, find_boxes
from microgradcheck.value import Value

__all__ = ["Graph", "Unit"]

Unit = Value | Box
"""What is drawn as one: a value, or a closed box."""


class Graph:
    """Everything that some values were computed from.

    Args:
        roots: the values.

    Attributes:
        values: all of them, inputs before their users. A value's index is its place.
        sources: the places of each value's inputs.
        roots: the places of the roots.
        homes: the innermost box that each value lies in.

    Raises:
        RuntimeError: the data of a `Value` was set after others were computed from it.
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        orders = map(sweep.topological_order, roots)
        # A dict keeps the order, whichever root a value was reached from.
        self.values = list(dict.fromkeys(value for order in orders for value in order))
        places = {id(value): place for place, value in enumerate(self.values)}
        self.sources = [
            tuple(places[id(slot)] for slot in (value.a, value.b) if type(slot) is not float)
            for value in self.values
        ]
        self.roots = {places[id(root)] for root in roots}
        self.homes = find_boxes(self.values, self.sources)

    def units(self) -> list[Unit]:
        """Return what each value is drawn as: itself, or the outermost closed box around it."""
        closed = {box: box.outermost_closed for box in dict.fromkeys(self.homes)}
        return [closed[home] or value for home, value in zip(self.homes, self.values, strict=True)]

    def lines(self, units: Sequence[Unit]) -> Iterator[tuple[int, int]]:
        """Yield where something goes from one unit to another, as the places of two values."""
        for place, sources in enumerate(self.sources):
            for source in sources:
                if units[source] is not units[place]:
                    yield source, place
