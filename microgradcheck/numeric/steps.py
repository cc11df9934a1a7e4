"""Steps in proportion to the number that is moved, for formulas of finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

__all__ = ["EPSILON", "Formula", "by_own_step", "default_step", "scale_of"]

Formula = Callable[[Callable[[Any], Any], float], Any]

EPSILON: Final = 2.0**-52


def default_step(entries: list[float], i: int, relative_step: float) -> float:
    """Return a step in proportion to the scale of an entry, one that is not rounded away."""
    return _exact(entries[i], relative_step * scale_of(entries, i))


def _exact(x: float, h: float) -> float:
    exact = (x + h) - x  # What x + h really moves by, after rounding.
    return exact if exact > 0 and h > EPSILON * abs(x) else h


def by_own_step(
    formula: Formula,
    at: Callable[[Any], Any],
    x: float,
    scale: float,
    *,
    order: int,
    relative_step: float,
) -> Any:
    """Return a derivative by a step in proportion to the scale of x.

    Args:
        formula: of the derivative, for a function of one step and a step.
        at: f(x + step) as a function of the step.
        x: the number that is moved.
        scale: the length over which it is moved in proportion, see `scale_of`.
        order: of the derivative.
        relative_step: the step that suits the formula, relative to that length.

    Near zero, x says nothing of the length over which f changes. So the scale grows, up to 1,
    where f changes over it by so small a part that rounding would show; each calls f again.
    """
    sizes: list[float] = []

    def noted(step: float) -> Any:
        value = at(step)
        sizes.append(abs(value))
        return value

    found: Any = math.nan
    while True:
        h = _exact(x, relative_step * scale)
        if h**order > 0:
            try:
                found = formula(noted, h)
            except (ValueError, ArithmeticError):
                if math.isnan(found):
                    raise
                return found  # Of a smaller scale: at this one, f is undefined.
            change = abs(found) * scale**order
            if scale >= 1 or not change < _SMALLEST_CHANGE * max(sizes):
                return found
        scale = min(1e3 * scale, 1.0)


_SMALLEST_CHANGE: Final = 1e-4  # relative to f


def scale_of(entries: list[float], i: int) -> float:
    """Return the length by which an entry is moved in proportion: its own size.

    An entry of zero has none, and borrows the typical size of the others; 1 where all are zero.
    """
    if entries[i] != 0:
        return abs(entries[i])
    sizes = [math.log(abs(entry)) for entry in entries if entry != 0]
    return math.exp(sum(sizes) / len(sizes)) if sizes else 1.0
