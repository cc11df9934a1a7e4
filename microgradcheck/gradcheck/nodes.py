"""Every interior node, checked by nudging it and replaying what lies downstream."""

from __future__ import annotations

import math
from collections.abc import Callable

from microgradcheck import sweep
from microgradcheck.numeric.ladder import Estimate, estimate_along
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

    Limits: about 8 replays of what lies downstream for every node.

    Example:
        >>> x = Value(3.0)
        >>> [(node, adjoint, slope)] = estimate_nodes((x * x).exp(), 1e-6)
        >>> abs(adjoint - slope.value) <= slope.error_bound + 1e-6 * adjoint
        True
    """
    nodes, adjoints = sweep.reverse(root)
    found = []
    for position, (node, adjoint) in enumerate(zip(nodes, adjoints, strict=True)):
        if leaves or (node.operation is not None and node is not root):
            at = _replay(list(nodes[position:]))
            x = node.number
            found.append((node, adjoint, estimate_along(at, x, abs(x) or 1.0, 0.0, rtol)))
    return found


def _replay(nodes: list[Value]) -> Callable[[float], float]:
    """Return the last node's number as a function of a nudge to the first one."""
    start, *later = nodes
    downstream = []
    reached = {id(start)}
    for node in later:
        if id(node.a) in reached or id(node.b) in reached:
            reached.add(id(node))
            downstream.append(node)

    def at(step: float) -> float:
        numbers = {id(start): start.number + step}
        try:
            for node in downstream:
                assert node.operation is not None
                inputs = [
                    slot if isinstance(slot, float) else numbers.get(id(slot), slot.number)
                    for slot in (node.a, node.b)
                ]
                numbers[id(node)] = node.operation.compute(*inputs[: node.operation.arity])
        except (ValueError, ArithmeticError):
            return math.nan
        return numbers[id(nodes[-1])]

    return at


def name_of(node: Value, position: int) -> str:
    """Return how a report calls a node: its label, or its operation and position."""
    return f"df/d({node.label or f'{node.op} #{position}'})"
