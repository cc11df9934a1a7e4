"""Run the recorded operations one after another: for graphs too large and deep for other ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import FLOATS, NumberSystem, arrays
from microgradcheck.tape.graph import Graph
from microgradcheck.tape.infinities import finite_columns, lossy_places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Mask = NDArray[np.bool_]

__all__ = ["Loop", "LoopOverPoints"]


class Loop:
    """Both sweeps of a graph, over floats or over arrays with one entry for each point.

    Args:
        graph: what to compute.
        system: the kind of number.
    """

    def __init__(self, graph: Graph, system: NumberSystem = FLOATS) -> None:
        self._graph = graph
        live = graph.live()
        self._steps = []
        for place, operation in enumerate(graph.operations):
            if operation is None:
                continue
            a, b = graph.left[place], graph.right[place]
            slope_a, slope_b = system.derivatives(operation)[0], system.derivatives(operation)[-1]
            two = operation.arity == 2
            self._steps.append(
                (
                    *(place, a, b, two, system.value(operation)),
                    slope_a if live[place] and graph.varies(a) else None,
                    slope_b if live[place] and two and graph.varies(b) else None,
                )
            )

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
        """Return the result at one point.

        Raises:
            ValueError, ArithmeticError: it is undefined there, or a guard does not hold.
        """
        return self._checked(self.forward(entries))

    def value_and_gradient(self, entries: Sequence[float]) -> tuple[float, list[float]]:
        """Return the result at one point, and its derivatives: see `value`."""
        numbers = self.forward(entries)
        value = self._checked(numbers)
        return value, self.backward(numbers)

    def _checked(self, numbers: Sequence[float]) -> float:
        if not math.isfinite(sum(numbers)):
            raise OverflowError
        for guard in self._graph.guards:
            if guard.compare(numbers[guard.left], numbers[guard.right]) != guard.answer:
                raise ValueError
        return numbers[self._graph.root]


class LoopOverPoints:
    """Both sweeps of a graph at many points: each operation once, for all of them.

    Args:
        graph: what to compute.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._loop = Loop(graph, arrays())
        self._watched = [*lossy_places(graph, raising=False), graph.root]
        self.most = max(16, min(4096, _NUMBERS // len(graph)))
        """The most points that a call may have, to keep memory bounded."""

    def run(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        """Compute many points: see `Blocks.run`."""
        import numpy as np

        if count < _LEAST_FOR_ARRAYS:
            return self._one_by_one(parts, count, partials)
        with np.errstate(all="ignore"):
            numbers = self._loop.forward([row for part in parts for row in part])
            derivatives = [] if partials is None else self._loop.backward(numbers)
        good = np.ones(count, dtype=bool)
        good &= np.isfinite(sum(numbers[place] for place in self._watched))
        for guard in self._graph.guards:
            good &= guard.compare(numbers[guard.left], numbers[guard.right]) == guard.answer
        if partials is not None:
            for row, derivative in zip(partials, derivatives, strict=True):
                row[:] = derivative
            good &= finite_columns(partials)
        values = np.empty(count)
        values[:] = numbers[self._graph.root]
        return values, good

    def _one_by_one(
        self, parts: Sequence[Numbers], count: int, partials: Numbers | None
    ) -> tuple[Numbers, Mask]:
        import numpy as np

        loop = Loop(self._graph)
        values, good = np.full(count, math.nan), np.zeros(count, dtype=bool)
        for i in range(count):
            entries = [row[min(i, len(row) - 1)] for part in parts for row in part.tolist()]
            with suppress(ValueError, ArithmeticError):
                if partials is None:
                    values[i] = loop.value(entries)
                else:
                    values[i], partials[:, i] = loop.value_and_gradient(entries)
                good[i] = True
        return values, good


_LEAST_FOR_ARRAYS = 8
"""For fewer points, an operation on an array takes longer than one on each of its entries."""

_NUMBERS = 2**23
"""How many numbers a loop over many points may hold, 64 MB."""
