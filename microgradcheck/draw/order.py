"""The order in which a picture is told: inputs before their users, and each box in one piece."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from microgradcheck.draw.boxes import Box
from microgradcheck.draw.graph import Graph, Unit

__all__ = ["in_order"]


def in_order(graph: Graph) -> list[Unit]:
    """Return everything that is drawn: values, closed boxes, and open ones before what they hold.

    Args:
        graph: what is drawn.
    """
    units = graph.units()
    # Each unit with the boxes around it, from the outside in.
    chains: dict[Unit, list[Unit]] = {}
    # What each box holds immediately, in the order of its first value.
    parts: defaultdict[Unit, dict[Unit, None]] = defaultdict(dict)
    for unit, home in zip(units, graph.homes, strict=True):
        if unit not in chains:
            chain: list[Unit] = (
                list(unit.way_out) if isinstance(unit, Box) else [unit, *home.way_out]
            )
            chains[unit] = chain[::-1]
            for outer, inner in pairwise(chains[unit]):
                parts[outer].setdefault(inner)
    before: defaultdict[Unit, set[Unit]] = defaultdict(set)
    for start, end in {(units[start], units[end]) for start, end in graph.lines(units)}:
        ways = zip(chains[start], chains[end], strict=False)
        first, second = next((one, other) for one, other in ways if one is not other)
        before[second].add(first)
    order: list[Unit] = []
    pending = [chains[units[0]][0]]
    while pending:
        unit = pending.pop()
        order.append(unit)
        pending += reversed(_sorted(list(parts[unit]), before))
    return order[1:]  # The first is the whole graph.


def _sorted(parts: Sequence[Unit], before: dict[Unit, set[Unit]]) -> list[Unit]:
    """Sort topologically, and where that leaves a choice, in the order given."""
    places = {part: place for place, part in enumerate(parts)}
    waiting = {part: len(before.get(part, ())) for part in parts}
    users: defaultdict[Unit, list[Unit]] = defaultdict(list)
    for part in parts:
        for source in before.get(part, ()):
            users[source].append(part)
    ready = [place for place, part in enumerate(parts) if not waiting[part]]
    order = []
    while ready:
        part = parts[heapq.heappop(ready)]
        order.append(part)
        for user in users[part]:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, places[user])
    # Calls that are drawn as one may take from each other in a circle.
    return order + [part for part in parts if waiting[part]]
