"""Run the recorded operations one after another: for graphs too large and deep for other ways.

The eager engine raises an error where an infinity arises out of finite numbers. Generated code
does not look at each number: sums and products hand infinities on, so that one look at the end
is enough, but `1 / y` or `tanh(y)` make a finite number out of an infinite y. At such places,
`lossy_places`, a number must be seen to be finite before it is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import FLOATS, NumberSystem, Operation, arrays
from microgradcheck.tape.graph import Graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["Loop", "LoopOverPoints", "gathered", "lossy_places"]


class Loop:
    """Both sweeps of a graph, over floats or over arrays with one entry for each point."""

    def __init__(self, graph: Graph, system: NumberSystem = FLOATS) -> None:
        self._graph = graph
        live = graph.live()
        self._steps = []
        for place, operation, slots in graph.steps():
            slope_a, slope_b = [
                slope if live[place] and slot >= 0 else None
                for slope, slot in zip(system.derivatives(operation), slots, strict=True)
            ] + [None] * (2 - len(slots))
            two = len(slots) == 2
            step = (place, slots[0], slots[-1], two, system.value(operation), slope_a, slope_b)
            self._steps.append(step)

    def forward(self, entries: Sequence[Any]) -> list[Any]:
        """Return what every place holds for these inputs."""
        numbers = [*entries, *self._graph.numbers[self._graph.inputs :]]
        for place, a, b, two, value, _, _ in self._steps:
            numbers[place] = value(numbers[a], numbers[b]) if two else value(numbers[a])
        return numbers

    def backward(self, numbers: Sequence[Any]) -> list[Any]:
        """Return the derivative of the result with respect to each input."""
        adjoints: list[Any] = [None] * len(numbers)
        adjoints[self._graph.root] = 1.0
        for place, a, b, _, _, slope_a, slope_b in reversed(self._steps):
            adjoint = adjoints[place]
            adjoints[place] = None  # It is not read again; over arrays its memory is worth it.
            if slope_a is not None:
                term = adjoint * slope_a(numbers[a], numbers[b], numbers[place])
                adjoints[a] = term if adjoints[a] is None else adjoints[a] + term
            if slope_b is not None:
                term = adjoint * slope_b(numbers[a], numbers[b], numbers[place])
                adjoints[b] = term if adjoints[b] is None else adjoints[b] + term
        return [0.0 if d is None else d for d in adjoints[: self._graph.inputs]]

    def value(self, entries: Sequence[float]) -> float:
        """Return the result at one point; where a guard does not hold, this is a ValueError."""
        return self._checked(self.forward(entries))

    def value_and_gradient(self, entries: Sequence[float]) -> tuple[float, list[float]]:
        """Return the result at one point, and its derivatives: see `value`."""
        numbers = self.forward(entries)
        return self._checked(numbers), self.backward(numbers)

    def _checked(self, numbers: Sequence[float]) -> float:
        if not math.isfinite(sum(numbers)):
            raise OverflowError
        for compare, left, right, answer, _ in self._graph.guards:
            if compare(numbers[left], numbers[right]) != answer:
                raise ValueError
        return numbers[self._graph.root]


class LoopOverPoints:
    """Both sweeps of a graph at many points: each operation once, for all of them."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._loop = Loop(graph, arrays())
        self._watched = lossy_places(graph, raising=False)
        self.most = max(16, min(4096, _NUMBERS // len(graph)))
        """The most points that a call may have, to keep memory bounded."""

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Return the value at each point, and whether it can be trusted: see `Runner`."""
        import numpy as np

        if count < _LEAST_FOR_ARRAYS:
            return self._one_by_one(parts, count, partials)
        with np.errstate(all="ignore"):
            numbers = self._loop.forward([row for part in parts for row in part])
            good = np.isfinite(sum(numbers[place] for place in self._watched))
            for compare, left, right, answer, _ in self._graph.guards:
                good = good & (compare(numbers[left], numbers[right]) == answer)
            derivatives = [] if partials is None else self._loop.backward(numbers)
            return gathered(numbers[self._graph.root], derivatives, good, count, partials)

    def _one_by_one(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        import numpy as np

        values, good = np.full(count, math.nan), np.zeros(count, dtype=bool)
        for i in range(count):
            entries = [row[min(i, len(row) - 1)] for part in parts for row in part.tolist()]
            with suppress(ValueError, ArithmeticError):
                if partials is None:
                    values[i] = self._floats.value(entries)
                else:
                    values[i], partials[:, i] = self._floats.value_and_gradient(entries)
                good[i] = True
        return values, good

    @cached_property
    def _floats(self) -> Loop:
        return Loop(self._graph)


_LEAST_FOR_ARRAYS = 8
"""For fewer points, an operation on an array takes longer than one on each of its entries."""

_NUMBERS = 2**23
"""How many numbers a loop over many points may hold, 64 MB."""


def lossy_places(graph: Graph, *, raising: bool) -> list[int]:
    """Return the places whose numbers must be seen to be finite; the result need not be there.

    Args:
        graph: a recorded function.
        raising: whether the functions of `math` are used, which raise an error rather than
            return an infinity.
    """
    suspect = [False] * len(graph)
    lossy = {side for guard in graph.guards for side in (guard.left, guard.right)}
    for place, operation, slots in graph.steps():
        # Only hypot, of the functions of `math`, makes an infinity and raises no error.
        raises = raising and hasattr(math, operation.name) and operation.name != "hypot"
        arises = not raises and operation.name not in _FINITE
        for position, slot in enumerate(slots):
            other = slots[1 - position] if len(slots) == 2 else slot
            fixed = operation.name == "power" and other < 0
            if _hands_on(operation, position, graph.numbers[other] if fixed else None):
                arises |= suspect[slot]
            else:
                lossy.add(slot)
        suspect[place] = arises
    return sorted(place for place in lossy if suspect[place])


_FINITE = {
    *("negative", "positive", "absolute", "relu", "maximum", "minimum"),
    *("sigmoid", "softplus", "logaddexp"),
}
"""Operations whose result is finite wherever their inputs are."""


@lru_cache(maxsize=1024)
def _hands_on(operation: Operation, position: int, known: float | None) -> bool:
    """Tell whether an infinite or undefined input always leads to such a result, or an error.

    Args:
        operation: a row of the table; of a rule in Python nothing is known.
        position: which of its inputs.
        known: the other input, if it matters and is a constant.
    """
    if not isinstance(operation.value, str):
        return False
    others = _SAMPLES if known is None else (known,)
    return not any(
        _is_finite(operation.compute, (x, z)[:: 1 - 2 * position] if operation.arity == 2 else (x,))
        for x in (math.inf, -math.inf, math.nan)
        for z in others
    )


_SAMPLES = (-2.0, -1.0, 0.0, 0.5, 1.0, 3.0)


def _is_finite(rule: Callable[..., float], inputs: tuple[float, ...]) -> bool:
    try:
        return math.isfinite(rule(*inputs))
    except (ValueError, ArithmeticError):
        return False


def gathered(
    value: Any, derivatives: Sequence[Any], good: Any, count: int, partials: Numbers | None
) -> tuple[Numbers, Mask]:
    """Return what a `Runner` does from arrays, or from numbers where all points have the same."""
    import numpy as np

    values = np.empty(count)
    values[:] = value
    good = np.isfinite(values) & good
    if partials is not None:
        for row, derivative in zip(partials, derivatives, strict=True):
            row[:] = derivative
        if not math.isfinite(partials.sum()):  # This tells in most cases, and costs least.
            good &= np.isfinite(partials.sum(axis=0))
    return values, good
