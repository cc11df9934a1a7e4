"""Finite differences of plain functions, by the formulas of the textbook."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cached_property, reduce
from operator import or_
from typing import Any, Final

from microgradcheck.numeric.entries import (
    entries_of,
    numbers,
    one_number,
    quiet_numpy,
    real_part,
    scales_of,
)
from microgradcheck.numeric.samples import exact_step
from microgradcheck.structure import (
    is_array,
    number,
    put_together,
    require_function,
    shape_of,
    shown,
)

Function = Callable[[Any], Any]
Formula = Callable[[Callable[[Any], Any], float], Any]

_EPSILON: Final = 2.0**-52

# `at(step)` is f(x + step). Beside each formula is the step, relative to x, at which truncation and
# round-off error are about equal: the machine epsilon to the power 1 / (order of the derivative +
# order of the truncation error). The first complex step subtracts nothing: any step will do.
_FORMULAS: Final[dict[tuple[str, int], tuple[Formula, float]]] = {
    ("forward", 1): (lambda at, h: (at(h) - at(0.0)) / h, _EPSILON ** (1 / 2)),
    ("backward", 1): (lambda at, h: (at(0.0) - at(-h)) / h, _EPSILON ** (1 / 2)),
    ("central", 1): (lambda at, h: (at(h) - at(-h)) / (2 * h), _EPSILON ** (1 / 3)),
    ("complex", 1): (lambda at, h: at(1j * h).imag / h, _EPSILON),
    ("forward", 2): (
        lambda at, h: (at(2 * h) - 2 * at(h) + at(0.0)) / (h * h),
        _EPSILON ** (1 / 3),
    ),
    ("backward", 2): (
        lambda at, h: (at(0.0) - 2 * at(-h) + at(-2 * h)) / (h * h),
        _EPSILON ** (1 / 3),
    ),
    ("central", 2): (lambda at, h: (at(h) - 2 * at(0.0) + at(-h)) / (h * h), _EPSILON ** (1 / 4)),
    ("complex", 2): (lambda at, h: 2 * (at(0.0) - at(1j * h).real) / (h * h), _EPSILON ** (1 / 4)),
}
_SMALLEST_DIVISOR: Final = 2.0**-1022  # smaller floats have fewer digits
_SMALLEST_CHANGE: Final = 1e-4  # relative to f
_GROWTH: Final = 1e3  # of the first term of f's change, where it is smaller
_CORNERS: Final = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def derivative(
    f: Function, x: Any, *, h: float | None = None, order: int = 1, method: str = "central"
) -> Any:
    """Return the derivative of a plain function by finite differences.

    Args:
        f: a function of x that returns one real number (and, for the method "complex", takes and
            returns complex numbers). It is called with x moved: a float, or a list, tuple or array
            of floats, as x is.
        x: a number, or a list, tuple or NumPy array of numbers.
        h: the step, in the units of x, used as it is in the textbook's formula; by default one
            in proportion to x, which grows where f hardly changes over it.
        order: 1, or 2 for the second derivative with respect to each entry.
        method: "forward", "backward", "central" or "complex".

    Returns:
        A float for a number; a list of partial derivatives for a list or tuple; an array of its
        shape for an array.

    Raises:
        TypeError: something is not of the kind said above, or f drops the imaginary part of what
            the method "complex" gives it.
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
    near = _Near(f, x, one_number, h=h, order=order, method=method)
    partials = [float(near.along(i)) for i in range(len(near.entries))]
    return put_together(partials, like=list(x) if isinstance(x, tuple) else x)


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

    near, shape = _Near(f, x, numbers, h=h, method=method), shape_of(x)
    columns = [near.along(i) for i in range(len(near.entries))]
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

    Limits: 2 n² + 1 calls of f for n entries, and some more for entries below 1 over which f hardly
    changes.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 25.3.23 and 25.3.26.

    Example:
        >>> hessian(lambda p: p[0] ** 2 * p[1], [2.0, 5.0], h=0.5)
        array([[10.,  4.],
               [ 4.,  0.]])
    """
    import numpy as np

    near, shape = _Near(f, x, one_number, h=h, order=2), shape_of(x)
    matrix = np.diag([near.along(i) for i in range(len(near.entries))])
    for i, step in near.steps.items():
        for j, other in list(near.steps.items())[:i]:
            corners = [near.moved({i: a * step, j: b * other}) for a, b in _CORNERS]
            mixed = corners[0] - corners[1] - corners[2] + corners[3]
            matrix[i, j] = matrix[j, i] = mixed / (4 * step * other)
    return matrix.reshape(shape * 2)


class _Near:
    """f near x, read in one way, and its derivatives along each entry by one formula."""

    def __init__(
        self,
        f: Function,
        x: Any,
        read: Callable[[Any], Any],
        *,
        h: float | None,
        order: int = 1,
        method: str = "central",
    ) -> None:
        require_function(f)
        self.formula, self.relative_step = _choose(method, order)
        self.h = None if h is None else _checked(h, order)
        self.f, self.x, self.read, self.order = f, x, read, order
        self.entries = entries_of(x)
        self._sizes = scales_of(self.entries)
        self.grows = h is None and (method, order) != ("complex", 1)  # which subtracts nothing
        self.steps: dict[int, float] = {}
        self._shape: tuple[int, ...] | None = None

    def along(self, i: int) -> Any:
        """Return the derivative along an entry by the step given, or one of its own.

        That is in proportion to the scale of the entry. Near zero, an entry says nothing of the
        length over which f changes. So the scale grows, up to 1 or the scale of others, where f
        changes over it by so small a part that rounding would show.
        """
        sizes: list[Any] = []

        def noted(step: complex) -> Any:
            value = self.at(i, step)
            sizes.append(abs(value))
            return value

        found: Any = None
        unseen: Any = True
        # Until rounding hides no more how f changes; each output keeps what showed it first.
        for scale in self._scales(i):
            h = self.h or exact_step(self.entries[i], self.relative_step * scale)
            if self.h is None and h < _SMALLEST_DIVISOR ** (1 / self.order):
                continue
            try:
                with nullcontext() if found is None else quiet_numpy():
                    there = self.formula(noted, h)
            except (ValueError, ArithmeticError):
                if found is None:
                    raise
                break  # Over a larger scale, f is undefined.
            # An output that was seen over a smaller scale keeps what that showed, and so does one
            # that is nan over this.
            better = unseen & (abs(there) >= 0)
            if found is None or _any(better):
                self.steps[i] = h
            if found is None:
                found = there
            elif is_array(found):
                found[better] = there[better]
            elif better:
                found = there
            change = abs(there) * scale * (scale if self.order == 2 else 1.0)
            unseen = better & reduce(or_, (change < _SMALLEST_CHANGE * size for size in sizes))
            if not (self.grows and _any(unseen)):
                break
        return found

    def _scales(self, i: int) -> Iterator[float]:
        """Yield the scale of an entry, and larger ones."""
        scale = self._sizes[i]
        widest = max(scale, 1.0)
        if self.entries[i] == 0 and self.grows:
            scale = min(scale, 1.0)  # What other entries lend it may be far too much.
        while scale < widest:
            yield scale
            scale *= _GROWTH ** (1 / self.order)
        yield widest

    def at(self, i: int, step: complex) -> Any:
        return self.moved({i: step}) if step else self.center

    @cached_property
    def center(self) -> Any:
        return self.moved({})

    def moved(self, steps: dict[int, Any]) -> Any:
        """Return f where some entries of x are moved, each time on a fresh copy of x."""
        entries = [x + steps[i] if i in steps else x for i, x in enumerate(self.entries)]
        into_the_plane = [i for i, step in steps.items() if isinstance(step, complex)]
        try:
            result = self.read(self.f(put_together(entries, like=self.x)))
        except TypeError as error:
            if into_the_plane:
                error.add_note(
                    'the method "complex" calls f with complex numbers; write it with functions '
                    "that take them, as microgradcheck's do, or take another method"
                )
            raise
        shape = getattr(result, "shape", ())
        if self._shape not in (None, shape):
            raise ValueError(
                f"f returns an array of shape {self._shape} in one place near x and of shape "
                f"{shape} in another; its shape must not depend on x"
            )
        self._shape = shape
        imaginary = result.dtype.kind == "c" if is_array(result) else isinstance(result, complex)
        if imaginary and not into_the_plane:
            return real_part(result)
        if not imaginary and any(map(self._changes, into_the_plane)):
            raise TypeError(
                "f drops the imaginary part of what it is given, as abs(), float() and .real do: "
                f'it returned {shown(result)}; take another method than "complex"'
            )
        return result

    def _changes(self, i: int) -> bool:
        """Tell whether f depends on an entry, where a constant f needs no imaginary part."""
        h = exact_step(self.entries[i], 1e-5 * self._sizes[i])
        return _any(self.at(i, h) != self.center)


def _any(answer: Any) -> bool:
    return bool(answer.any() if is_array(answer) else answer)


def _choose(method: object, order: object) -> tuple[Formula, float]:
    methods = sorted({name for name, _ in _FORMULAS})
    if method not in methods:
        error = ValueError if isinstance(method, str) else TypeError
        raise error(
            f"method is a string that names a formula, got {method!r}; choose one of "
            f"{', '.join(methods)}"
        )
    if type(order) is not int or order not in (1, 2):
        error = ValueError if type(order) is int else TypeError
        raise error(
            f"order is 1 or 2, got {order!r} of type {type(order).__name__}; for higher ones use "
            "microgradcheck.grad"
        )
    return _FORMULAS[str(method), order]


def _checked(h: object, order: int) -> float:
    step = None if isinstance(h, bool) else number(h)
    if step is None or not 0 < step < math.inf or not (order == 1 or 0 < step * step < math.inf):
        error = TypeError if step is None else ValueError
        power = "" if order == 1 else " whose square is neither 0 nor too large"
        raise error(
            f"the step h is a positive number{power}, such as 1e-5; got {h!r} of type "
            f"{type(h).__name__}"
        )
    return step
