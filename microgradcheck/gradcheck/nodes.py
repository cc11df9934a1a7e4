"""Every interior node, checked by nudging it and replaying what lies downstream."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from microgradcheck import sweep
from microgradcheck.gradcheck.nudges import Move, portions, search_together
from microgradcheck.numeric.ladder import Estimate, estimate_along, first_steps
from microgradcheck.ops import arrays
from microgradcheck.value import Value

__all__ = ["estimate_nodes", "name_of"]


def estimate_nodes(
    root: Value, rtol: float, *, leaves: bool = False
) -> list[tuple[Value, float, Estimate]]:
    """Return each interior node with its adjoint and what nudging it does to the root.

    Args:
        root: the recorded output.
        rtol: the relative error that is good enough.
        leaves: whether to nudge the leaves and the root itself, too.

    Limits: about 8 replays of what lies downstream for every node, many of them at once.

    Example:
        >>> x = Value(3.0)
        >>> [(node, adjoint, slope)] = estimate_nodes((x * x).exp(), 1e-6)
        >>> abs(adjoint - slope.value) <= slope.error_bound + 1e-6 * adjoint
        True
    """
    nodes, adjoints = sweep.reverse(root)
    chosen = [
        place
        for place, node in enumerate(nodes)
        if leaves or (node.operation is not None and node is not root)
    ]
    replay = _Replay(nodes)

    def compute(moves: Sequence[Move]) -> list[float]:
        return replay([(chosen[i], step) for i, step in moves])

    def search(i: int, at: Callable[[float], float]) -> Estimate:
        x = nodes[chosen[i]].number
        return estimate_along(at, x, abs(x) or 1.0, 0.0, rtol, wide=True)

    centers = compute([(i, 0.0) for i in range(len(chosen))])
    numbers = [nodes[place].number for place in chosen]
    firsts = [first_steps(x, abs(x) or 1.0, wide=True) for x in numbers]
    estimates = search_together(centers, firsts, search, compute)
    return [
        (nodes[place], adjoints[place], estimate)
        for place, estimate in zip(chosen, estimates, strict=True)
    ]


_Slot = tuple[int, float]
"""The place of an input, -1 for a constant, and its number."""


class _Replay:
    """A recorded graph, computed again with nudges in it.

    Args:
        nodes: the graph, each node after its inputs.
    """

    def __init__(self, nodes: Sequence[Value]) -> None:
        self._numbers = [node.number for node in nodes]
        places = {id(node): place for place, node in enumerate(nodes)}
        # For each node how it is computed, and from what.
        self._steps: list[tuple[Callable[..., Any], list[_Slot]] | None] = []
        for node in nodes:
            if node.operation is None:
                self._steps.append(None)
                continue
            slots = (node.a, node.b)[: node.operation.arity]
            inputs: list[_Slot] = [
                (-1, slot) if isinstance(slot, float) else (places[id(slot)], slot.number)
                for slot in slots
            ]
            self._steps.append((arrays().value(node.operation), inputs))

    def __call__(self, moves: Sequence[Move]) -> list[float]:
        """Return the last node's number where a node, by its place, is moved; nan if undefined."""
        return [
            number for some in portions(moves, len(self._steps)) for number in self._at_once(some)
        ]

    def _at_once(self, moves: Sequence[Move]) -> list[float]:
        import numpy as np

        steps = np.array([step for _, step in moves])
        lanes: dict[int, list[int]] = {}
        for lane, (place, _) in enumerate(moves):
            lanes.setdefault(place, []).append(lane)
        rows: dict[int, Any] = {}  # of the nodes that are moved, or lie downstream
        total = np.zeros(len(moves))
        with np.errstate(all="ignore"):
            for place in range(min(lanes), len(self._steps)):
                step = self._steps[place]
                if step and any(source in rows for source, _ in step[1]):
                    compute, inputs = step
                    rows[place] = compute(*(rows.get(source, x) for source, x in inputs))
                if place in lanes:
                    row = rows.get(place, self._numbers[place]) + np.zeros(len(moves))
                    row[lanes[place]] += steps[lanes[place]]
                    rows[place] = row
                if place in rows:
                    total += rows[place]  # An infinity on the way is not seen at the end of it.
            found = np.where(np.isfinite(total), rows[len(self._steps) - 1], math.nan)
        return list(found.tolist())


def name_of(node: Value, position: int) -> str:
    """Return how a report calls a node: its label, or its operation and position."""
    return f"df/d({node.label or f'{node.op} #{position}'})"
