"""Run a schedule for one point: each group is a few NumPy calls over one row of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from microgradcheck.ops import arrays
from microgradcheck.tape.passes.groups import Application, MatrixProduct, Sums
from microgradcheck.tape.passes.schedule import Schedule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float64]
    Indices = NDArray[np.intp]

__all__ = ["Passes", "rule"]

Step = Callable[[], Any]

_LEAST_MATRIX = 1000
"""Below so many terms, the calls for a product of matrices take longer than its terms."""


class Passes:
    """Both sweeps of a graph at one point, as array passes.

    Args:
        schedule: the groups.

    Threads may share it: each call borrows a row of numbers for itself.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._idle: list[_Row] = []

    def value(self, entries: Row) -> float:
        """Return the result at one point.

        Raises:
            ValueError, ArithmeticError: it is undefined there, or a guard does not hold.
        """
        return self._run(entries, gradient=False)[0]

    def value_and_gradient(self, entries: Row) -> tuple[float, Row]:
        """Return the result at one point, and its derivatives: see `value`."""
        return self._run(entries, gradient=True)

    def _run(self, entries: Row, *, gradient: bool) -> tuple[float, Row]:
        try:
            row = self._idle.pop()  # One call, so that no two threads get the same.
        except IndexError:
            row = None
        row = row or _Row(self._schedule)
        try:
            return row.run(entries, gradient=gradient)
        finally:
            self._idle.append(row)


class _Row:
    """A row of numbers, and the calls that fill it."""

    def __init__(self, schedule: Schedule) -> None:
        import numpy as np

        self._schedule = schedule
        self._numbers = np.zeros(schedule.ends[-1])
        self._numbers[schedule.inputs : schedule.first_result] = schedule.fixed
        self._forward = [_step(self._numbers, group) for group in schedule.forward]
        self._backward = [_step(self._numbers, group) for group in schedule.backward]

    def run(self, entries: Row, *, gradient: bool) -> tuple[float, Row]:
        import numpy as np

        schedule, numbers = self._schedule, self._numbers
        numbers[: schedule.inputs] = entries
        end_of_results, end_of_slopes, _ = schedule.ends
        with np.errstate(all="ignore"):
            for step in self._forward:
                step()
            if gradient:
                for step in self._backward:
                    step()
            last = end_of_slopes if gradient else end_of_results
            total = numbers[schedule.first_result : last].sum()
        if not math.isfinite(total):
            raise OverflowError
        if not all(check.holds(numbers) for check in schedule.checks):
            raise ValueError
        # The gradient means nothing where only the value was asked for.
        return float(numbers[schedule.root]), numbers.take(schedule.gradient)


def _step(numbers: Row, group: Sums | Application) -> Step:
    out = numbers[group.start : group.stop]
    if isinstance(group, Application):
        return _application(numbers, out, group)
    if group.matrix is None or group.matrix.outer.shape[0] * len(out) < _LEAST_MATRIX:
        return _sums(numbers, out, group)
    return _matrix_product(numbers, out, group.matrix, group.without(group.matrix))


def _sums(numbers: Row, out: Row, group: Sums) -> Step:
    import numpy as np

    _, _, left, right, weights, _ = group
    # Bound once, with arrays for what comes in between: half of a short step is looking names up.
    take, multiply = numbers.take, np.multiply
    add: Any = np.add.reduce
    products, factors = np.empty(left.shape), np.empty(left.shape)

    def step() -> None:
        take(left, None, products, "clip")
        if right is not None:
            take(right, None, factors, "clip")
            multiply(products, factors, products)
        if weights is not None:
            multiply(products, weights, products)
        # From -0.0 on, since -0.0 + x is x for every x, -0.0 included.
        add(products, 0, None, out, False, -0.0)

    return step


def _matrix_product(numbers: Row, out: Row, matrix: MatrixProduct, rest: Sums) -> Step:
    import numpy as np

    take, matmul, add = numbers.take, np.matmul, np.add
    _, outer, inner = matrix
    first, second = np.empty(outer.shape), np.empty(inner.shape)
    product = out.reshape(outer.shape[1], inner.shape[1])
    others = np.empty(out.shape)
    add_others = _sums(numbers, others, rest) if len(rest.left) else None

    def step() -> None:
        take(outer, None, first, "clip")
        take(inner, None, second, "clip")
        matmul(first.T, second, product)
        if add_others is not None:
            add_others()
            add(out, others, out)

    return step


def _application(numbers: Row, out: Row, group: Application) -> Step:
    compute = rule(group)
    read = [reader(numbers, places) for places in group.inputs]

    def step() -> None:
        out[:] = compute(*[numbers_of() for numbers_of in read])

    return step


def rule(group: Application) -> Callable[..., Any]:
    """Return the function over arrays that a group applies."""
    if group.position is None:
        return arrays().value(group.operation)
    return arrays().derivatives(group.operation)[group.position]


def reader(numbers: Row, places: Indices, *, each: bool = False) -> Callable[[], Row]:
    """Return a function that returns the numbers at places, without copying where it can.

    Args:
        numbers: with the places on the first axis.
        places: of shape (n,).
        each: return n numbers even where they are all the same one, not one to be broadcast.
    """
    import numpy as np

    first, n = int(places[0]), len(places)
    step = 0 if (places == first).all() and not each else 1
    if (places == first + step * np.arange(n)).all():
        view = numbers[first : first + (n if step else 1)]
        return lambda: view
    return lambda: numbers.take(places, 0)
