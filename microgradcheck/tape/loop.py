"""Run the recorded operations one after another: for graphs too large and deep for other ways.

The eager engine raises an error where an infinity arises out of finite numbers. Generated code
does not look at each number: sums and products hand infinities on, so that one look at the end
is enough, but `1 / y` or `tanh(y)` make a finite number out of an infinite y. At such places,
`lossy_places`, a number must be seen to be finite before it is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import FLOATS, NumberSystem, Operation, arrays
from microgradcheck.tape.graph import Graph

if TYPE_CHECKING:
    from microgradcheck.tape.graph import Mask, Numbers

__all__ = ["Loop", "OverArrays", "loop_over_points", "lossy_places"]


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


class OverArrays:
    """Runs at many points by a function over arrays, one entry a point: see `Runner`.

    Args:
        compute: called with a list of arrays, or numbers where all points share them, and with
            whether derivatives are wanted. It returns the value, a list of derivatives, and where
            the numbers on the way to them are finite and guards hold.
        most: the most points that a call may have.
    """

    def __init__(
        self, compute: Callable[[list[Any], bool], tuple[Any, Sequence[Any], Any]], most: int
    ) -> None:
        self._compute = compute
        self.most = most

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Return the value at each point, and whether it can be trusted: see `Runner`."""
        import numpy as np

        entries: list[Any] = []
        for part in parts:
            entries += list(part if part.shape[1] == count else part[:, 0])
        values = np.empty(count)
        with np.errstate(all="ignore"):
            values[:], derivatives, good = self._compute(entries, partials is not None)
            good = np.isfinite(values) & good
            if partials is not None:
                for row, derivative in zip(partials, derivatives, strict=True):
                    row[:] = derivative
                if not math.isfinite(partials.sum()):  # This tells in most cases, and costs least.
                    good &= np.isfinite(partials.sum(axis=0))
        return values, good


_NUMBERS = 2**23
"""How many numbers a loop over many points may hold, 64 MB."""


def loop_over_points(graph: Graph) -> OverArrays:
    """Return both sweeps of a graph at many points: each operation once, for all of them."""
    import numpy as np

    loop = Loop(graph, arrays())
    watched = lossy_places(graph, raising=False)

    def compute(entries: list[Any], gradient: bool) -> tuple[Any, Sequence[Any], Any]:
        numbers = loop.forward(entries)
        good = np.isfinite(sum(numbers[place] for place in watched))
        for compare, left, right, answer, _ in graph.guards:
            good = good & (compare(numbers[left], numbers[right]) == answer)
        return numbers[graph.root], loop.backward(numbers) if gradient else [], good

    return OverArrays(compute, most=max(16, min(4096, _NUMBERS // len(graph))))


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
        operation: a row of the table.
        position: which of its inputs.
        known: the other input, if it matters and is a constant.
    """
    if not isinstance(operation.value, str):
        return False  # Nothing is known of a rule in Python.
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
