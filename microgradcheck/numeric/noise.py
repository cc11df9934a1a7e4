"""How noisy a function is: the part of its values that no smooth function explains."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

__all__ = ["measure_noise", "noise_by_order"]

# Relative to the scale of x. The first is wide enough to see single precision inside of f. The
# others are for functions that change so fast that it takes their curve for noise. Two are always
# used, since round-off can follow a regular pattern at one of them.
_SPACINGS = (2.0**-25, 2.0**-34, 2.0**-41)
# Not next to x itself, where f may have a kink or an edge, which would be mistaken for noise.
_POINTS = range(16, 24)
_ORDERS = (4, 5, 6)


def measure_noise(
    f: Callable[[list[float]], Sequence[float]],
    x: Sequence[float],
    scales: Sequence[float],
    rng: random.Random,
) -> list[float]:
    """Return the standard deviation of the noise in each output of a function near a point.

    Args:
        f: a function of a list of numbers that returns a list of outputs.
        x: the point.
        scales: the length over which each number is moved, in its own units.
        rng: where the direction comes from, one sign for each number.

    Returns:
        One number for each output; 0.0 where none was seen, or an output is not finite.

    Limits: 16 calls of f, or 24 where it changes fast.

    Source: Hamming, Introduction to Applied Numerical Analysis (1971), chapter 6; Moré and Wild,
    Estimating computational noise, SIAM J. Sci. Comput. 33 (2011).

    Example:
        >>> measure_noise(lambda x: [3.0 * x[0]], [1.0], [1.0], random.Random(0))
        [0.0]
    """
    signs = [rng.choice((-1, 1)) for _ in x]

    def along(spacing: float, k: int) -> Sequence[float]:
        # Powers of two, so that equal steps are still equal after rounding.
        units = [2.0 ** round(math.log2(spacing * scale)) for scale in scales]
        return f([a + k * s * unit for a, s, unit in zip(x, signs, units, strict=True)])

    noise: list[float] = []
    used = 0
    for spacing in _SPACINGS:
        points = [along(spacing, k) for k in _POINTS]
        by_order = [noise_by_order(values) for values in zip(*points, strict=True)]
        # Differences of a curve shrink with their order; those of noise do not.
        curved = any(orders[0] > 4 * orders[-1] > 0 for orders in by_order)
        if curved and spacing != _SPACINGS[-1]:
            continue
        found = [orders[-1] if curved else max(orders) for orders in by_order]
        noise = [max(pair) for pair in zip(noise, found, strict=True)] if used else found
        used += 1
        if used == 2:
            break
    return noise


def noise_by_order(values: Sequence[float]) -> list[float]:
    """Return the noise in equally spaced values, as seen in differences of order 4, 5 and 6.

    Example:
        >>> noise_by_order([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
        [0.0, 0.0, 0.0]
    """
    size = max(map(abs, values))
    if not 0 < size < math.inf:
        return [0.0] * len(_ORDERS)
    # Of size 1, so that no square underflows.
    differences = [value / size - values[0] / size for value in values]
    found = []
    for order in range(1, _ORDERS[-1] + 1):
        differences = [b - a for a, b in pairwise(differences)]
        if order in _ORDERS:
            mean_square = sum(d * d for d in differences) / len(differences)
            # Independent noise of variance s² gives differences of variance s² (2k)! / (k!)².
            found.append(size * math.sqrt(mean_square / math.comb(2 * order, order)))
    return found
