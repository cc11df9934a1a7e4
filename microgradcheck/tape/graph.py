"""A recorded function as lists of numbers and operations, each after those that it reads."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from microgradcheck import sweep
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.value import Value

__all__ = ["SYMBOLS", "Comparison", "Graph", "Guard"]

SYMBOLS: Final[dict[Callable[[Any, Any], Any], str]] = {
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}
"""How the comparisons that a guard can make are written."""


class Comparison(NamedTuple):
    """A comparison that f made while it was recorded.

    Attributes:
        compare: such as `operator.lt`.
        left: its left side.
        right: its right side.
        answer: what it found.
        line: where, as `file.py:12`.
    """

    compare: Callable[[Any, Any], Any]
    left: Value
    right: Value | float
    answer: bool
    line: str


class Guard(NamedTuple):
    """A comparison between two places, whose answer must be as recorded: see `Comparison`."""

    compare: Callable[[Any, Any], Any]
    left: int
    right: int
    answer: bool
    line: str


class Graph:
    """A recorded function as a numbered row of places, each after those that it reads.

    The inputs hold the first places; a place after them holds a constant or an operation's
    result. Whatever depends on constants only has become a constant, `x + 0.0` has become x, and
    `x ** 2.0` the product of x with itself, which is the same number sooner.

    Args:
        root: what f returned.
        inputs: the entries that f was called with.
        comparisons: those that f made, in order.

    Attributes:
        operations: for each place its operation, or None for an input or constant.
        left: the place of the operation's first input.
        right: the place of its second input, or of its first once more.
        numbers: what each place held while f was recorded.
        labels: the labels of places that have one.
        inputs: how many places are inputs.
        root: the place of the result.
        guards: the comparisons between places that depend on the inputs.
        minds_signs_of_zero: whether an operation may tell -0.0 from 0.0.
        captured: the leaves that f used and that were not handed to it, with their numbers.
    """

    def __init__(
        self,
        root: Value | float,
        inputs: Sequence[Value],
        comparisons: Sequence[Comparison] = (),
    ) -> None:
        self.operations: list[Operation | None] = [None] * len(inputs)
        self.left: list[int] = [0] * len(inputs)
        self.right: list[int] = [0] * len(inputs)
        self.numbers: list[float] = [entry.number for entry in inputs]
        self.labels: dict[int, str] = {i: x.label for i, x in enumerate(inputs) if x.label}
        self.inputs = len(inputs)
        self.captured: list[tuple[Value, float]] = []
        self.minds_signs_of_zero = False
        self._constants: dict[int, int] = {}
        # What a comparison needs comes before what only later ones or the result need, so that
        # no number is computed which f would not have computed on its other branch.
        joined: Value | float = 0.0
        for comparison in comparisons:
            if isinstance(comparison.right, float):
                self._constants[id(comparison.right)] = self._constant(comparison.right)
            joined = _join(joined, _join(comparison.left, comparison.right))
        joined = _join(joined, root)
        # A place is noted in the slot that a sweep would use: see `sweep`.
        with sweep.lock:
            order = sweep.topological_order(joined) if isinstance(joined, Value) else []
            try:
                for place, entry in enumerate(inputs):
                    entry.adjoint = place
                self._append(order)
                self.root = root.adjoint if isinstance(root, Value) else self._constant(root)
                guards = list(map(self._guard, comparisons))
            finally:
                for node in chain(order, inputs):
                    node.adjoint = None
        self.guards = [g for g in guards if self.varies(g.left) or self.varies(g.right)]
        del self._constants

    def __len__(self) -> int:
        return len(self.operations)

    def varies(self, place: int) -> bool:
        """Tell whether a place depends on the inputs."""
        return place < self.inputs or self.operations[place] is not None

    def live(self) -> list[bool]:
        """Tell for each place whether the result depends on it, and not the guards alone."""
        live = [False] * len(self)
        live[self.root] = True
        for place in range(len(self) - 1, -1, -1):
            if live[place] and self.operations[place] is not None:
                live[self.left[place]] = live[self.right[place]] = True
        return live

    def depth(self) -> int:
        """Return the number of operations on the longest way from an input to the end."""
        levels = [0] * len(self)
        for place, (operation, a, b) in enumerate(
            zip(self.operations, self.left, self.right, strict=True)
        ):
            if operation is not None:
                levels[place] = max(levels[a], levels[b]) + 1
        return max(levels)

    def _append(self, order: Sequence[Value]) -> None:
        operations, left, right, numbers = self.operations, self.left, self.right, self.numbers
        inputs, constants, labels = self.inputs, self._constants, self.labels
        self.minds_signs_of_zero = any(map(_minds_signs_of_zero, {n.operation for n in order}))
        drop_zeros = not self.minds_signs_of_zero
        for node in order:
            operation = node.operation
            if operation is None:
                if node.adjoint is None and type(node) is not _Joint:
                    node.adjoint = self._constant(node.number)
                    self.captured.append((node, node.number))
                continue
            slot = node.a
            if isinstance(slot, float):
                a = constants.get(id(slot))
                if a is None:
                    a = constants[id(slot)] = self._constant(slot)
            else:
                a = slot.adjoint
            slot = node.b
            if not isinstance(slot, float):
                b = slot.adjoint
            elif operation.arity == 1:
                b = a
            elif slot == 2.0 and operation is _POWER:
                operation, b = _MULTIPLY, a
            elif slot == 0.0 and operation in _SUMS and drop_zeros:
                node.adjoint = a
                continue
            else:
                b = constants.get(id(slot))
                if b is None:
                    b = constants[id(slot)] = self._constant(slot)
            if not (a < inputs or b < inputs or operations[a] or operations[b]):
                node.adjoint = self._constant(node.number)
                continue
            node.adjoint = len(numbers)
            operations.append(operation)
            left.append(a)
            right.append(b)
            numbers.append(node.number)
            if node.label:
                labels[node.adjoint] = node.label

    def _constant(self, number: float) -> int:
        self.operations.append(None)
        self.left.append(0)
        self.right.append(0)
        self.numbers.append(number)
        return len(self.numbers) - 1

    def _guard(self, comparison: Comparison) -> Guard:
        compare, left, other, answer, line = comparison
        right = self._constants[id(other)] if isinstance(other, float) else other.adjoint
        return Guard(compare, left.adjoint, right, answer, line)


_MULTIPLY, _POWER = OPERATIONS["multiply"], OPERATIONS["power"]
_SUMS = (OPERATIONS["add"], OPERATIONS["subtract"])


def _minds_signs_of_zero(operation: Operation | None) -> bool:
    """Tell whether an operation may do so: atan2, what calls it, and rules in Python."""
    return operation is not None and any(
        not isinstance(rule, str) or "atan2" in rule
        for rule in (operation.value, *operation.derivatives)
    )


class _Joint(Value):
    """A node after two others, so that one walk visits the graphs of both."""

    __slots__ = ()


def _join(first: Value | float, second: Value | float) -> Value | float:
    if not isinstance(first, Value):
        return second
    joint = _Joint(0.0)
    joint.a, joint.b = first, second
    # Nothing below may seem newer than what was made from it.
    joint.epoch = max(x.epoch for x in (first, second) if isinstance(x, Value))
    return joint
