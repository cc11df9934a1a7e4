"""What goes into a function of numbers and comes out of it, and steps in proportion to a number."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from microgradcheck.structure import is_array, shown, take_apart

__all__ = [
    "EPSILON",
    "Formula",
    "by_own_step",
    "default_step",
    "entries_of",
    "numbers",
    "one_number",
    "quiet_numpy",
    "real_part",
    "scale_of",
    "shape_of",
]

Formula = Callable[[Callable[[Any], Any], float], Any]

EPSILON: Final = 2.0**-52


def entries_of(x: Any) -> list[float]:
    """Return the entries of a number, list, tuple or array as floats, all of them finite."""
    entries = list(map(float, take_apart(x, name="x")))
    for position, entry in enumerate(entries):
        if not math.isfinite(entry):
            where = "" if len(entries) == 1 else f" at entry {position}"
            raise ValueError(f"x must be finite to be moved by a step, got {entry!r}{where}")
    return entries


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of the array that x would be."""
    import numpy as np

    try:
        return np.shape(x)
    except ValueError as error:
        raise ValueError(
            f"x is nested unevenly, so that no array has its shape: {shown(x)}; give a flat list"
        ) from error


def one_number(result: Any) -> Any:
    """Return what f gave as a float or a complex number."""
    if is_array(result) and result.ndim == 0:
        result = result.item()
    if isinstance(result, complex):
        return complex(result)
    if isinstance(result, (str, bytes)) or not hasattr(result, "__float__") or is_array(result):
        shape = f" of shape {result.shape}" if is_array(result) else ""
        raise TypeError(
            f"f must return one real number, it returned {shown(result)}{shape} of type "
            f"{type(result).__name__}; for several numbers use numeric.jacobian"
        )
    return float(result)


def numbers(result: Any) -> Any:
    """Return what f gave as an array of floats or complex numbers."""
    import numpy as np

    try:
        array = np.asarray(result)
        if array.dtype.kind == "O":
            array = np.array([one_number(entry) for entry in array.flat]).reshape(array.shape)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.dtype.kind not in "biufc" or array.size == 0:
        raise TypeError(
            "f must return a number, a list or an array of numbers, all of its rows of the same "
            f"length, got {shown(result)}"
        )
    return array.astype(complex if array.dtype.kind == "c" else float)


def real_part(result: Any) -> Any:
    """Return complex numbers that are real as floats."""
    if abs(result.imag).max() if is_array(result) else result.imag:
        raise ValueError(
            f"f gives the complex {shown(result)} for real numbers; as a function of real "
            "numbers it is undefined here or near by, as x**0.5 is below 0"
        )
    return result.real


def quiet_numpy() -> AbstractContextManager[object]:
    """Keep NumPy from warning where f is undefined, which what is found says better."""
    numpy = sys.modules.get("numpy")
    return numpy.errstate(all="ignore") if numpy else nullcontext()


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
