"""How noisy a function is: the part of its values that no smooth function explains."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from microgradcheck.numeric.samples import UNIT_ROUNDOFF

__all__ = ["measure_noise", "noise_by_order"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

# Relative to the scale of x. The first is wide enough to see single precision inside of f. The
# others are for functions that change so fast that it takes their curve for noise. Two are used
# unless round-off explains what is found, since it can follow a regular pattern at one of them.
_SPACINGS = (2.0**-25, 2.0**-34, 2.0**-41)
# For functions that stand still at the first, since their values may have steps of their own.
_WIDER = (2.0**-19, 2.0**-13)
# Not next to x itself, where f may have a kink or an edge, which would be mistaken for noise; and
# not equally spaced, so that no regular pattern of rounding looks like a smooth function.
_POINTS = (16.0, 17.382, 18.043, 19.911, 20.564, 22.207, 23.118, 24.489)
_ORDERS = (4, 5, 6)
# Of divided differences, by their order, where the noise has a variance of 1 and is independent.
_VARIANCES = {
    order: [
        sum(math.prod((a - b) ** -2.0 for b in window if b != a) for a in window)
        for window in (_POINTS[k : k + order + 1] for k in range(len(_POINTS) - order))
    ]
    for order in _ORDERS
}
_ROUND_OFF = (0.3, 100.0)  # how much noise it makes, in units of what a single rounding can do
_SMALLEST = math.ulp(0.0)


def measure_noise(
    f: Callable[[list[list[float]]], Sequence[Sequence[float]]],
    x: Sequence[float],
    scales: Sequence[float],
    rng: random.Random,
) -> list[float]:
    """Return the standard deviation of the noise in each output of a function near a point.

    Args:
        f: a function of several points, lists of numbers, that returns the outputs at each.
        x: the point.
        scales: the length over which each number is moved, in its own units.
        rng: where the direction comes from, one sign for each number.

    Returns:
        One number for each output; 0.0 where none was seen, or an output is not finite.

    Limits: 8 calls of f where its noise is round-off; otherwise 16, and 24 to 48 where it changes
    fast, stands still, or differs from one side of the point to the other.

    Source: Hamming, Introduction to Applied Numerical Analysis (1971), chapter 6; Moré and Wild,
    Estimating computational noise, SIAM J. Sci. Comput. 33 (2011).

    Example:
        >>> def f(points):
        ...     return [[round(x, 6)] for (x,) in points]
        >>> 1e-7 < measure_noise(f, [1.0], [1.0], random.Random(0))[0] < 1e-6
        True
    """
    signs = [rng.choice((-1, 1)) for _ in x]

    def outputs(spacing: float, side: int = 1) -> tuple[list[float], list[tuple[float, ...]]]:
        directions = [side * sign for sign in signs]
        positions, points = _points(x, scales, directions, spacing)
        return positions, list(zip(*f(points), strict=True))

    found: list[list[float]] = []
    still: list[bool] = []
    for spacing in _SPACINGS:
        positions, values = outputs(spacing)
        stands = [min(output) == max(output) for output in values]
        if not still or found:
            still = [a or b for a, b in zip(still or stands, stands, strict=True)]
        curved = [_is_curved(noise_by_order(output, positions)) for output in values]
        if any(curved) and found:
            # What is a curve from close by was none but for the spacing.
            found[0] = [0.0 if c else noise for c, noise in zip(curved, found[0], strict=True)]
        if not any(curved) or spacing == _SPACINGS[-1]:
            found.append([_noise_in(output, positions, any(curved)) for output in values])
        settled = found and all(
            _is_round_off(output, noise, spacing)
            for output, noise in zip(values, found[-1], strict=True)
        )
        if settled or len(found) == 2:
            break
    coarse, fine = found[0], found[-1]
    if any(a > 1000 * b for a, b in zip(coarse, fine, strict=True)):
        # Noise is found on both sides of x, and what the path ran into on one side is not. Where f
        # stands still on the other, its steps are wider than the path.
        positions, values = outputs(_SPACINGS[0], side=-1)
        orders = [noise_by_order(output, positions) for output in values]
        other = [each[-1] if _is_curved(each) else max(each) for each in orders]
        coarse = [min(a, b or a) for a, b in zip(coarse, other, strict=True)]
    noise = [max(pair) for pair in zip(coarse, fine, strict=True)]
    for spacing in _WIDER if any(still) else ():
        positions, values = outputs(spacing)
        for k, output in enumerate(values):
            if still[k]:
                noise[k] = max(noise[k], _noise_in(output, positions, curved=True))
    return noise


def _points(
    x: Sequence[float], scales: Sequence[float], signs: Sequence[int], spacing: float
) -> tuple[list[float], list[list[float]]]:
    """Return positions, and points at them on a line through x, none of which is rounded."""
    ulps = [2 * math.ulp(a) for a in x]
    units = [
        2.0 ** round(math.log2(max(spacing * scale, 8 * ulp)))
        for scale, ulp in zip(scales, ulps, strict=True)
    ]
    parts = min(2.0**20, *(unit / ulp for unit, ulp in zip(units, ulps, strict=True)))
    positions = [round(position * parts) / parts for position in _POINTS]
    moves = [sign * unit for sign, unit in zip(signs, units, strict=True)]
    return positions, [[a + t * m for a, m in zip(x, moves, strict=True)] for t in positions]


def _is_round_off(values: Sequence[float], noise: float, spacing: float) -> bool:
    """Tell whether noise is what rounding makes of values and of the inputs they come from."""
    size, change = max(map(abs, values)), max(abs(b - a) for a, b in pairwise(values))
    least, most = (factor * UNIT_ROUNDOFF for factor in _ROUND_OFF)
    return least * size <= noise <= most * max(size, change / spacing)


def _is_curved(orders: Sequence[float]) -> bool:
    """Tell a curve, whose differences shrink with their order, from noise."""
    return orders[0] > 4 * orders[-1] > 0


def _noise_in(values: Sequence[float], positions: Sequence[float], curved: bool = False) -> float:
    orders = noise_by_order(values, positions)
    return orders[-1] if curved else max(orders)


def noise_by_order(values: Sequence[float], positions: Sequence[float]) -> list[float]:
    """Return the noise in values, as seen in divided differences of order 4, 5 and 6.

    Example:
        >>> positions = [1.0, 2.0, 4.0, 5.0, 7.0, 8.0, 10.0, 11.0]
        >>> max(noise_by_order([3.0 * position for position in positions], positions)) < 1e-15
        True
    """
    size = max(map(abs, values))
    if not 0 < size < math.inf:
        return [0.0] * len(_ORDERS)
    # Of size 1, so that no square underflows.
    differences = [value / size - values[0] / size for value in values]
    found = []
    for order in range(1, _ORDERS[-1] + 1):
        differences = [
            (b - a) / (positions[k + order] - positions[k])
            for k, (a, b) in enumerate(pairwise(differences))
        ]
        if order in _ORDERS:
            squares = [d * d / v for d, v in zip(differences, _VARIANCES[order], strict=True)]
            found.append(size * math.sqrt(sum(squares) / len(squares)))
    return found
