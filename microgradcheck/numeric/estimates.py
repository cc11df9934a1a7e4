"""Derivatives with error bounds, of functions of numbers, lists and arrays."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from microgradcheck.numeric.entries import (
    entries_of,
    one_number,
    quiet_numpy,
    real_part,
    scales_of,
    seed_of,
)
from microgradcheck.numeric.findings import Estimate
from microgradcheck.numeric.ladder import estimate_along
from microgradcheck.numeric.noise import measure_noise
from microgradcheck.structure import put_together, real, require_function


def estimate(
    f: Callable[[Any], Any],
    x: Any,
    *,
    rtol: float = 1e-6,
    scale: float | None = None,
    rng: Any = 0,
) -> Estimate:
    """Return the derivative of a plain function together with a bound of its error.

    Args:
        f: a function of x that returns one real number. Where it raises a ValueError or an
            ArithmeticError, or returns a complex number, it counts as undefined.
        x: a number, or a list, tuple or NumPy array of numbers.
        rtol: the relative error that is small enough to stop at.
        scale: the length over which f changes, in the units of x, where that is not |x|.
        rng: the seed of the direction along which the noise of f is measured, a whole number, a
            NumPy generator, or None for another one each time.

    Returns:
        An `Estimate`, whose attributes are in x's kind and shape, one for each entry.

    Raises:
        TypeError: an argument or the result of f is not what is said above.
        ValueError: x is empty or not finite, or rtol or scale is not positive.

    Limits: mostly 4 to 10 calls of f for each entry and 10 more; what is both finer than any
    step and hidden below f's noise is not seen.

    Source: extrapolation after Fornberg (Math. Comp. 51, 1988), the choice among windows after
    Lepskii (Theory Probab. Appl. 35, 1990).

    Example:
        >>> slope = estimate(math.exp, 1.0)
        >>> abs(slope.value - math.e) <= slope.error_bound < 1e-8
        True
    """
    require_function(f)
    entries = entries_of(x)
    rtol = real("rtol", rtol, above=0)
    length = None if scale is None else real("scale", scale, above=0)
    lengths = [length or size for size in scales_of(entries)]

    def call(moved: list[float]) -> list[float]:
        try:
            with quiet_numpy():
                result = one_number(f(put_together(moved, like=x)))
            return [real_part(result) if isinstance(result, complex) else result]
        except (ValueError, ArithmeticError):
            return [math.nan]

    noise = 0.0
    if math.isfinite(call(entries)[0]):
        noise = measure_noise(
            lambda points: list(map(call, points)), entries, lengths, random.Random(seed_of(rng))
        )[0]

    def along(i: int) -> Estimate:
        def at(step: float) -> float:
            return call([*entries[:i], entries[i] + step, *entries[i + 1 :]])[0]

        return estimate_along(at, entries[i], lengths[i], noise, rtol)

    found = [along(i) for i in range(len(entries))]
    return Estimate(*(put_together(list(values), like=x) for values in zip(*found, strict=True)))
