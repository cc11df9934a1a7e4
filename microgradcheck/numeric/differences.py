"""Finite differences of plain functions, by the formulas of the textbook."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, Final

from microgradcheck.numeric.entries import (
    EPSILON,
    Formula,
    by_own_step,
    default_step,
    entries_of,
    numbers,
    one_number,
    real_part,
    scale_of,
    shape_of,
)
from microgradcheck.structure import is_array, number, put_together, shown

__all__ = ["derivative", "gradient", "hessian", "jacobian"]

Function = Callable[[Any], Any]

# `at(step)` is f(x + step). Each formula approximates a derivative of the given order.
_FORMULAS: Final[dict[tuple[str, int], Formula]] = {
    ("forward", 1): lambda at, h: (at(h) - at(0.0)) / h,
    ("backward", 1): lambda at, h: (at(0.0) - at(-h)) / h,
    ("central", 1): lambda at, h: (at(h) - at(-h)) / (2 * h),
    ("complex", 1): lambda at, h: at(1j * h).imag / h,
    ("forward", 2): lambda at, h: (at(2 * h) - 2 * at(h) + at(0.0)) / h**2,
    ("backward", 2): lambda at, h: (at(0.0) - 2 * at(-h) + at(-2 * h)) / h**2,
    ("central", 2): lambda at, h: (at(h) - 2 * at(0.0) + at(-h)) / h**2,
    ("complex", 2): lambda at, h: 2 * (at(0.0) - at(1j * h).real) / h**2,
}

# The step, relative to x, at which truncation and round-off error are about equal: the machine
# epsilon to the power 1 / (order of the derivative + order of the truncation error). The first
# complex step subtracts nothing, so that any step that does not vanish will do.
_RELATIVE_STEP: Final[dict[tuple[str, int], float]] = {
    ("forward", 1): EPSILON ** (1 / 2),
    ("backward", 1): EPSILON ** (1 / 2),
    ("central", 1): EPSILON ** (1 / 3),
    ("complex", 1): 2.0**-66,
    ("forward", 2): EPSILON ** (1 / 3),
    ("backward", 2): EPSILON ** (1 / 3),
    ("central", 2): EPSILON ** (1 / 4),
    ("complex", 2): EPSILON ** (1 / 4),
}


def derivative(
    f: Function, x: Any, *, h: float | None = None, order: int = 1, method: str = "central"
) -> Any:
    """Return the derivative of a plain function by finite differences.

    Args:
        f: a function of x that returns one real number (and, for the method "complex", takes and
            returns complex numbers). It is called with x itself moved, in x's own kind.
        x: a number, or a list, tuple or NumPy array of numbers.
        h: the step, in the units of x. A given step is used as it is, in the textbook's formula;
            by default the step is chosen from the scale of x, the method and the order, and
            grows where f hardly changes over that scale.
        order: 1, or 2 for the second derivative with respect to each entry.
        method: "forward", "backward", "central" or "complex".

    Returns:
        A float for a number; a list of partial derivatives for a list or tuple; an array of its
        shape for an array.

    Raises:
        TypeError: x, h or the result of f is not what is said above; or f drops the imaginary part
            of what it is given for the method "complex".
        ValueError: the method or order is unknown, h is not positive, x is empty or not finite, or
            a real number gives a complex one.

    Limits: the error of a step h is of the order of h (forward, backward) or h² (central,
    complex) plus round-off of the order of 1e-16 |f| / h, or / h² for order 2; the first
    derivative by a complex step has no round-off of this kind. `estimate` tells the error.

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), section 8.1; Squire and
    Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40
    (1998).

    Example:
        >>> derivative(lambda x: x**2, 3.0, h=1e-5)
        6.000000000039306
        >>> derivative(lambda x: x**2, 3.0, h=1e-5, order=2)
        1.9999824019123478
    """
    formula, relative_step = _choose(method, order)
    step = _check_step(h, order)
    entries = entries_of(x)
    at_x = _OncePerPoint(f, one_number, x, entries)

    def along(i: int) -> Any:
        at = partial(at_x, i)
        if step is not None or method == "complex":
            return formula(at, step or default_step(entries, i, relative_step))
        scale = scale_of(entries, i)
        return by_own_step(formula, at, entries[i], scale, order=order, relative_step=relative_step)

    partials = map(along, range(len(entries)))
    return put_together(list(map(float, partials)), like=list(x) if isinstance(x, tuple) else x)


def gradient(f: Function, x: Any, *, h: float | None = None, method: str = "central") -> Any:
    """Return the first partial derivatives of a plain function by finite differences.

    Args:
        f: as for `derivative`.
        x: as for `derivative`.
        h: as for `derivative`.
        method: as for `derivative`.

    Returns:
        What `derivative` returns with order 1.

    Raises:
        TypeError, ValueError: as `derivative`.

    Example:
        >>> gradient(lambda p: p[0] ** 2 + p[1] ** 2, [10.0, -10.0], h=1e-5)
        [19.999999999242846, -19.999999999242846]
    """
    return derivative(f, x, h=h, method=method)


def jacobian(f: Function, x: Any, *, h: float | None = None, method: str = "central") -> Any:
    """Return the first partial derivatives of every output of a plain function.

    Args:
        f: a function of x that returns a number, a list or an array.
        x: as for `derivative`.
        h: as for `derivative`.
        method: as for `derivative`.

    Returns:
        An array: the axes of f's output first, then those of x.

    Raises:
        TypeError, ValueError: as `derivative`.

    Example:
        >>> jacobian(lambda p: [p[0] + p[1], p[0] * p[1]], [2.0, 5.0], h=0.5)
        array([[1., 1.],
               [5., 2.]])
    """
    import numpy as np

    formula, relative_step = _choose(method, 1)
    step = _check_step(h, 1)
    entries, shape = entries_of(x), shape_of(x)
    at_x = _OncePerPoint(f, numbers, x, entries)
    columns = [
        formula(partial(at_x, i), step or default_step(entries, i, relative_step))
        for i in range(len(entries))
    ]
    return np.stack(columns, axis=-1).reshape(columns[0].shape + shape)


def hessian(f: Function, x: Any, *, h: float | None = None) -> Any:
    """Return the matrix of second partial derivatives of a plain function by central differences.

    Args:
        f: as for `derivative`.
        x: as for `derivative`.
        h: as for `derivative`.

    Returns:
        An array whose axes are those of x, twice; it is symmetric.

    Raises:
        TypeError, ValueError: as `derivative`.

    Limits: 2 n² + 1 calls of f for n entries.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 25.3.23 and 25.3.26.

    Example:
        >>> hessian(lambda p: p[0] ** 2 * p[1], [2.0, 5.0], h=0.5)
        array([[10.,  4.],
               [ 4.,  0.]])
    """
    import numpy as np

    formula, relative_step = _choose("central", 2)
    step = _check_step(h, 2)
    entries, shape = entries_of(x), shape_of(x)
    n = len(entries)
    at_x = _OncePerPoint(f, one_number, x, entries)
    steps = [step or default_step(entries, i, relative_step) for i in range(n)]
    matrix = np.empty((n, n))
    for i in range(n):
        matrix[i, i] = formula(partial(at_x, i), steps[i])
        for j in range(i):
            corners = [at_x.moved({i: a * steps[i], j: b * steps[j]}) for a, b in _CORNERS]
            mixed = corners[0] - corners[1] - corners[2] + corners[3]
            matrix[i, j] = matrix[j, i] = mixed / (4 * steps[i] * steps[j])
    return matrix.reshape(shape * 2)


_CORNERS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))


class _OncePerPoint:
    """f near x, called once where several formulas need its value at the same point."""

    def __init__(
        self, f: Function, read: Callable[[Any], Any], x: Any, entries: list[float]
    ) -> None:
        self.f, self.read, self.x, self.entries = f, read, x, entries
        self._shape: tuple[int, ...] | None = None

    def __call__(self, i: int, step: complex) -> Any:
        return self.moved({i: step}) if step else self.center

    @cached_property
    def center(self) -> Any:
        return self.moved({})

    def moved(self, steps: dict[int, Any]) -> Any:
        """Return f where some entries of x are moved, each time on a fresh copy of x."""
        entries: list[Any] = list(self.entries)
        for i, step in steps.items():
            entries[i] = entries[i] + step
        result = self.read(self.f(put_together(entries, like=self.x)))
        shape = getattr(result, "shape", ())
        if self._shape not in (None, shape):
            raise ValueError(
                f"f returns an array of shape {self._shape} in one place near x and of shape "
                f"{shape} in another; its shape must not depend on x"
            )
        self._shape = shape
        imaginary = result.dtype.kind == "c" if is_array(result) else isinstance(result, complex)
        steps_into_the_plane = [i for i, step in steps.items() if isinstance(step, complex)]
        if imaginary and not steps_into_the_plane:
            return real_part(result)
        if not imaginary and any(map(self._changes, steps_into_the_plane)):
            raise TypeError(
                "f drops the imaginary part of what it is given, as abs(), float() and .real do: "
                f'it returned {shown(result)}; take another method than "complex"'
            )
        return result

    def _changes(self, i: int) -> bool:
        """Tell whether f depends on an entry, where a constant f needs no imaginary part."""
        h = default_step(self.entries, i, EPSILON ** (1 / 3))
        values = (self.moved({i: step}) for step in (-h, h))
        differs = (value != self.center for value in values)
        return any(map(bool, (d.any() if is_array(d) else d for d in differs)))


def _choose(method: object, order: object) -> tuple[Formula, float]:
    methods = sorted({name for name, _ in _FORMULAS})
    if not isinstance(method, str):
        raise TypeError(f"method is a text, one of {', '.join(methods)}; got {method!r}")
    if method not in methods:
        raise ValueError(f"unknown method {method!r}; choose one of {', '.join(methods)}")
    if isinstance(order, bool) or not isinstance(order, int):
        raise TypeError(f"order is 1 or 2, got {order!r} of type {type(order).__name__}")
    if order not in (1, 2):
        raise ValueError(f"order is 1 or 2, got {order}; for higher ones use microgradcheck.grad")
    return _FORMULAS[method, order], _RELATIVE_STEP[method, order]


def _check_step(h: object, order: int) -> float | None:
    if h is None:
        return None
    step = number(h)
    if step is None or isinstance(h, bool):
        raise TypeError(f"the step h is a positive number, got {h!r} of type {type(h).__name__}")
    if not 0 < step < math.inf or step**order == 0:
        raise ValueError(f"the step h is a positive number that h**{order} can hold, got {h!r}")
    return step
