"""A recorded function as a list of operations, each after those that it reads."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from microgradcheck import sweep
from microgradcheck.ops import OPERATIONS, Operation
from microgradcheck.value import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Indices: TypeAlias = "NDArray[np.intp]"
Mask: TypeAlias = "NDArray[np.bool_]"
Numbers: TypeAlias = "NDArray[np.float64]"


Compare = Callable[[Any, Any], Any]

SYMBOLS: Final[dict[Compare, str]] = {
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}
"""How the comparisons that a guard can make are written."""


class StaleTapeError(RuntimeError):
    """The recorded function would do something else here than what was recorded."""


class Guard(NamedTuple):
    """A comparison that f made while it was recorded, whose answer must stay the same.

    Its sides are a `Value` and a `Value` or float first, and places once they are in a graph.
    """

    compare: Compare
    left: Any
    right: Any
    answer: bool
    line: str  # where it was made, as `file.py:12` or `In[3]:12`


class Graph:
    """A recorded function as a numbered row of places.

    First come the inputs, then the results of operations. Constants, and what depends on them
    only, are counted from the end: a negative place does not depend on the inputs. `x + 0.0` is
    x, and `x ** 2.0` the product of x with itself, which is the same number sooner.

    Attributes:
        operations: the operations, the first of which writes the place after the inputs.
        left, right: the places of their inputs; where there is one, both are that.
        numbers: what each place held while f was recorded, constants at the end.
        labels: the labels of places that have one.
        minds_signs_of_zero: whether an operation may tell -0.0 from 0.0.
        captured: the leaves that f used and that were not handed to it, with their numbers.
    """

    def __init__(self, root: Value | float, inputs: Sequence[Value], guards: list[Guard]) -> None:
        self.operations: list[Operation] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.numbers = [entry.number for entry in inputs]
        self.labels = {i: entry.label for i, entry in enumerate(inputs) if entry.label}
        self.inputs = len(inputs)
        self.captured: list[tuple[Value, float]] = []
        self._constants: list[float] = []
        self._known: dict[int, int] = {}  # the places of constants, by the identity of floats
        # What a comparison needs comes before what only the rest needs, so that no number is
        # computed which f would not have computed on its other branch.
        sides = [*(side for guard in guards for side in (guard.left, guard.right)), root]
        # A place is noted in the slot that a sweep would use: see `sweep`.
        with sweep.lock:
            order = sweep.topological_order(*(side for side in sides if isinstance(side, Value)))
            try:
                for place, entry in enumerate(inputs):
                    entry.adjoint = place
                used = {node.operation for node in order if node.operation is not None}
                self.minds_signs_of_zero = any(map(_minds_signs_of_zero, used))
                self._append(order)
                *places, self.root = map(self._place, sides)
            finally:
                for node in chain(order, inputs):
                    node.adjoint = None
        self.guards = [
            guard._replace(left=left, right=right)
            for guard, left, right in zip(guards, places[::2], places[1::2], strict=True)
            if left >= 0 or right >= 0
        ]
        self.numbers += reversed(self._constants)
        del self._constants, self._known

    def __len__(self) -> int:
        return len(self.numbers)

    def steps(self) -> Iterator[tuple[int, Operation, tuple[int, ...]]]:
        """Yield each operation's place, the operation and the places of its inputs."""
        rows = zip(self.operations, self.left, self.right, strict=True)
        for place, (operation, a, b) in enumerate(rows, self.inputs):
            yield place, operation, (a, b) if operation.arity == 2 else (a,)

    def live(self) -> list[bool]:
        """Tell for each place whether the result depends on it, and not the guards alone."""
        live = [False] * len(self)
        live[self.root] = True
        for k in reversed(range(len(self.operations))):
            if live[self.inputs + k]:
                live[self.left[k]] = live[self.right[k]] = True
        return live

    def levels(self, free: Sequence[bool] = ()) -> list[int]:
        """Return how many operations the longest way to each place has, without free ones."""
        levels = [0] * len(self)
        for place, (a, b) in enumerate(zip(self.left, self.right, strict=True), self.inputs):
            levels[place] = max(levels[a], levels[b]) + (not (free and free[place]))
        return levels

    def holds(self, numbers: Sequence[Any]) -> Any:
        """Tell whether all guards hold where the places have these numbers, or arrays of them."""
        good: Any = True
        for compare, left, right, answer, _ in self.guards:
            good &= compare(numbers[left], numbers[right]) == answer
        return good

    def require_fresh(self) -> None:
        """Raise a StaleTapeError if a `Value` that f used besides its arguments has changed."""
        for leaf, number in self.captured:
            if leaf.number is not number and leaf.number != number:
                raise StaleTapeError(
                    "a Value that the recorded function uses, and that is not among its "
                    f"arguments, was {number!r} when it was recorded and is {leaf.number!r} now; "
                    "record it again, or make that Value an argument"
                )

    def require_same_branches(self, entries: Sequence[float]) -> None:
        """Raise a StaleTapeError if f, in its own order, would take another branch."""
        numbers = [*entries, *self.numbers[self.inputs :]]
        steps = self.steps()
        known = self.inputs
        for compare, left, right, answer, line in self.guards:
            while known <= max(left, right):
                known, operation, slots = next(steps)
                try:
                    numbers[known] = operation.compute(*(numbers[slot] for slot in slots))
                except (ValueError, ArithmeticError):
                    return
                known += 1
            a, b = numbers[left], numbers[right]
            if compare(a, b) != answer:
                raise StaleTapeError(
                    f"the recorded function takes another branch here: {a!r} {SYMBOLS[compare]} "
                    f"{b!r} is {not answer}, and was {answer} when it was recorded (at {line}); "
                    "record it again at this point"
                )

    def _append(self, order: Iterable[Value]) -> None:
        known, constant, labels = self._known, self._constant, self.labels
        operations, left, right, numbers = self.operations, self.left, self.right, self.numbers
        slot: Any
        for node in order:
            operation = node.operation
            if operation is None:
                if node.adjoint is None:
                    node.adjoint = constant(node.number)
                    self.captured.append((node, node.number))
                continue
            slot = node.a
            if type(slot) is not float:
                a = slot.adjoint
            elif (a := known.get(id(slot))) is None:
                a = constant(slot)
            slot = node.b
            if type(slot) is not float:
                b = slot.adjoint
            elif len(operation.derivatives) == 1:
                b = a
            elif slot == 2.0 and operation is _POWER:
                operation, b = _MULTIPLY, a
            elif slot == 0.0 and operation in _SUMS and not self.minds_signs_of_zero:
                node.adjoint = a
                continue
            elif (b := known.get(id(slot))) is None:
                b = constant(slot)
            if a < 0 and b < 0:
                node.adjoint = constant(node.number)
                continue
            node.adjoint = len(numbers)
            operations.append(operation)
            left.append(a)
            right.append(b)
            numbers.append(node.number)
            if node.note and node.label:
                labels[node.adjoint] = node.label

    def _constant(self, number: float) -> int:
        self._constants.append(number)
        self._known[id(number)] = place = -len(self._constants)
        return place

    def _place(self, side: Any) -> int:
        place: int | None = self._known.get(id(side)) if isinstance(side, float) else side.adjoint
        return self._constant(side) if place is None else place


_MULTIPLY, _POWER = OPERATIONS["multiply"], OPERATIONS["power"]
_SUMS = (OPERATIONS["add"], OPERATIONS["subtract"])


def _minds_signs_of_zero(operation: Operation) -> bool:
    # That is atan2, what calls it, and maybe rules in Python.
    rules = (operation.value, *operation.derivatives)
    return any(not isinstance(rule, str) or "atan2" in rule for rule in rules)
