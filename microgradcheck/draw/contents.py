"""What a closed box holds, and what flows back to each value along each line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from microgradcheck.draw.boxes import Box
from microgradcheck.draw.flows import inputs_of
from microgradcheck.draw.graph import Graph, Unit
from microgradcheck.value import Value

__all__ = ["Content", "Crossing", "amounts", "contents"]

Crossing = dict[int, float | None]
"""What goes along one line: values by their places, each with what flows back, if it is known."""


@dataclass
class Content:
    """What is in a closed box, and what goes in and out of it.

    Attributes:
        places: of the values that it holds.
        sources: what comes from each other unit.
        results: the values that are used outside of it, or are roots, by their places.
    """

    places: list[int] = field(default_factory=list)
    sources: dict[Unit, Crossing] = field(default_factory=dict)
    results: dict[int, Value] = field(default_factory=dict)


def amounts(graph: Graph) -> dict[Box, tuple[int, int]]:
    """Return how many operations and leaves each box holds, in the boxes in it too."""
    direct: defaultdict[Box, list[int]] = defaultdict(lambda: [0, 0])
    for home, value in zip(graph.homes, graph.values, strict=True):
        direct[home][value.operation is None] += 1
    found: Counter[tuple[Box, int]] = Counter()
    for home, counts in direct.items():
        for box in home.way_out:
            for kind, count in enumerate(counts):
                found[box, kind] += count
    return {box: (found[box, 0], found[box, 1]) for box, _ in found}


def contents(graph: Graph, units: Sequence[Unit]) -> dict[Box, Content]:
    """Return what is in each closed box of a picture."""
    found: defaultdict[Box, Content] = defaultdict(Content)
    for place, unit in enumerate(units):
        if isinstance(unit, Box):
            found[unit].places.append(place)
            if place in graph.roots:
                found[unit].results[place] = graph.values[place]
    users: defaultdict[tuple[Box, int], dict[int, Value]] = defaultdict(dict)
    for start, end in graph.lines(units):
        source, unit = units[start], units[end]
        if isinstance(source, Box):
            found[source].results[start] = graph.values[start]
        if isinstance(unit, Box):
            users[unit, start][end] = graph.values[end]
            found[unit].sources.setdefault(source, {})[start] = None
    for unit, content in found.items():
        for source, crossing in content.sources.items():
            # Flows are shown where they go to a value that is seen.
            if isinstance(source, Value) or len(found[source].results) == 1:
                for start in crossing:
                    crossing[start] = _flow(graph.values[start], users[unit, start].values())
    return dict(found)


def _flow(value: Value, users: Iterable[Value]) -> float | None:
    """Return what flows back to a value from some of its users, None where that is not known."""
    total = 0.0
    for user in users:
        for each in inputs_of(user):
            if each.content is value:
                if each.flow is None:
                    return None
                total += each.flow
    return total
