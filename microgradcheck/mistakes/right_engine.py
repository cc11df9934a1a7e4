"""A small engine, right and complete: the reverse sweep as one writes it for the first time.

The wrong engines of this package are this one with one thing changed. It sweeps over the
library's own `Value`s, so that a picture or a check takes what it did as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from microgradcheck.sweep import slopes
from microgradcheck.value import Value

__all__ = ["backward", "inputs_first"]


def backward(root: Value) -> None:
    """Set the gradient of every node: how fast the root moves with it."""
    order = inputs_first(root)
    for node in order:
        node.grad = 0.0
    root.grad = 1.0
    for node in reversed(order):
        for entry, slope in inputs_with_slopes(node):
            entry.grad += slope * node.grad


def inputs_first(root: Value) -> list[Value]:
    """Return every node below the root and itself, each after its inputs."""
    order: list[Value] = []
    seen: set[Value] = set()

    def visit(node: Value) -> None:
        if node in seen:
            return
        seen.add(node)
        for entry in node.inputs:
            visit(entry)
        order.append(node)

    visit(root)
    return order


def inputs_with_slopes(node: Value) -> Iterator[tuple[Value, float]]:
    """Yield each input of a node, with the slope of the node's operation in it."""
    for entry, slope in zip((node.a, node.b), slopes(node), strict=False):
        if isinstance(entry, Value) and slope is not None:
            yield entry, slope
