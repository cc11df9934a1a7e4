"""How noisy a function is: the part of its values that no smooth function explains."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from microgradcheck.numeric.samples import UNIT_ROUNDOFF

__tracebackhide__ = True  # from pytest

# Relative to the scale of x. The first is wide enough to see single precision inside of f, and the
# others are for functions whose curve it takes for noise. Two are used unless round-off explains
# what is found, since noise can follow a regular pattern at one of them.
_SPACINGS = (2.0**-25, 2.0**-34, 2.0**-41)
# For functions that stand still at the first, since their values may have steps of their own.
_WIDER = (2.0**-19, 2.0**-13)
# Not next to x itself, where f may have a kink or an edge; and not equally spaced, so that no
# regular pattern of rounding looks like a smooth function.
_POINTS = (16.0, 17.382, 18.043, 19.911, 20.564, 22.207, 23.118, 24.489)
_ORDERS = (4, 5, 6)
# Of divided differences, by their order, where the noise has a variance of 1 and is independent.
_VARIANCES = {
    order: [
        math.fsum(math.prod((a - b) ** -2.0 for b in window if b != a) for a in window)
        for window in (_POINTS[k : k + order + 1] for k in range(len(_POINTS) - order))
    ]
    for order in _ORDERS
}
_ROUND_OFF = (0.3, 100.0)  # how much noise it makes, in units of what a single rounding can do


def measure_noise(
    f: Callable[[list[list[float]]], Sequence[Sequence[float]]],
    x: Sequence[float],
    scales: Sequence[float],
    rng: random.Random,
) -> list[float]:
    """Return the standard deviation of the noise in each output of a function near a point.

    Args:
        f: a function of several points that returns the outputs at each.
        x: the point.
        scales: the length over which each number is moved.
        rng: where the direction comes from.

    Returns:
        One number for each output; 0.0 where none was seen, or an output is not finite.

    Limits: 8 calls of f where its noise is round-off; otherwise 16, and 24 to 56 where it changes
    fast, stands still, or differs from one side of the point to the other.

    Source: Moré and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33 (2011).

    Example:
        >>> def f(points):
        ...     return [[round(x, 6)] for (x,) in points]
        >>> 1e-7 < measure_noise(f, [1.0], [1.0], random.Random(0))[0] < 1e-6
        True
    """
    signs = [rng.choice((-1, 1)) for _ in x]

    @cache
    def look(spacing: float, side: int = 1) -> list[_Look]:
        positions, points = _points(x, scales, [side * sign for sign in signs], spacing)
        outputs = zip(*f(points), strict=True)
        return [_Look(spacing, each, _by_order(each, positions)) for each in outputs]

    looks = []
    for spacing in _SPACINGS:
        looks.append(look(spacing))
        outputs = list(zip(*looks, strict=True))
        if all(seen[-1].is_round_off or len(_trusted(seen)) == 2 for seen in outputs):
            break
    noise = list(map(max, _quiet(outputs, look, 0), _quiet(outputs, look, -1)))
    still = [any(each.stands for each in (seen[0], *_trusted(seen)[1:])) for seen in outputs]
    for spacing in _WIDER:
        if not any(still):
            break
        wider = look(spacing)
        of_steps = [each.of_steps for each in wider]
        noise = [max(a, b) if s else a for a, b, s in zip(noise, of_steps, still, strict=True)]
        # Where f moves all the time, wider looks would take its curve for steps.
        still = [s and each.repeats for s, each in zip(still, wider, strict=True)]
    return noise


class _Look(NamedTuple):
    """The values of an output on a path, and the noise in them by the order of differences."""

    spacing: float
    values: tuple[float, ...]
    orders: list[float]

    @property
    def stands(self) -> bool:
        return len(set(self.values)) == 1

    @property
    def is_curved(self) -> bool:
        """Whether it is a curve, whose differences shrink with their order, rather than noise."""
        return self.orders[0] > 4 * self.orders[-1] > 0

    @property
    def noise(self) -> float:
        return self.orders[-1] if self.is_curved else max(self.orders)

    @property
    def repeats(self) -> bool:
        """Whether its values are few, as where it has steps of its own."""
        return len(set(self.values)) <= len(self.values) / 2

    @property
    def of_steps(self) -> float:
        """The noise of an output that stands still closer by, and so may have steps of its own."""
        steps = sorted(set(self.values))
        if not 1 < len(steps) <= len(self.values) / 2:
            return self.orders[-1]
        # Where only one step is met, differences tell little of it.
        return max(self.orders[-1], min(b - a for a, b in pairwise(steps)) / math.sqrt(12))

    @property
    def is_round_off(self) -> bool:
        """Whether there is but noise, and such as rounding makes of values and their inputs."""
        size = max(map(abs, self.values))
        change = max(abs(b - a) for a, b in pairwise(self.values))
        least, most = (factor * UNIT_ROUNDOFF for factor in _ROUND_OFF)
        is_as_large = least * size <= self.noise <= most * max(size, change / self.spacing)
        return is_as_large and not self.is_curved


def _quiet(
    outputs: Sequence[Sequence[_Look]], look: Callable[[float, int], list[_Look]], end: int
) -> list[float]:
    """Return the noise in the first or last trusted look at each output, 0 or -1.

    Noise is on both sides of x, at all spacings. What the path ran into on one of them is not.
    """
    trusted = [_trusted(seen)[end] for seen in outputs]
    quietest = [min(each.noise for each in seen) for seen in outputs]
    loud = {a.spacing for a, b in zip(trusted, quietest, strict=True) if a.noise > 1000 * b}
    others = {spacing: look(spacing, -1) for spacing in sorted(loud)}
    return [
        min(each.noise, others[each.spacing][k].noise) if each.spacing in others else each.noise
        for k, each in enumerate(trusted)
    ]


def _trusted(looks: Sequence[_Look]) -> Sequence[_Look]:
    """Return the looks from closer by than the last that saw a curve, which looks like noise.

    And those that saw no more than rounding: closer by, noise can look like a curve by chance.
    """
    last = max((n for n, look in enumerate(looks) if look.is_curved), default=-1)
    return [look for n, look in enumerate(looks) if n > last or look.is_round_off] or looks[-1:]


def _points(
    x: Sequence[float], scales: Sequence[float], signs: Sequence[int], spacing: float
) -> tuple[list[float], list[list[float]]]:
    """Return positions, and points at them on a line through x, all of them rounded alike."""
    units, parts = [], 2.0**40
    for a, scale in zip(x, scales, strict=True):
        ulp = math.ulp(a)
        units.append(2.0 ** round(math.log2(max(spacing * scale, 16 * ulp))))
        far = math.ulp(min(abs(a) + 25 * units[-1], sys.float_info.max))
        # Each ulp of x is met, which inner roundings follow. Where the path leads to numbers with
        # larger ones, every second of these: then all points are rounded alike.
        parts = min(parts, units[-1] / (ulp if ulp == far else 2 * far))
    positions = [round(position * parts) / parts for position in _POINTS]
    moves = [sign * unit for sign, unit in zip(signs, units, strict=True)]
    return positions, [[a + t * m for a, m in zip(x, moves, strict=True)] for t in positions]


def _by_order(values: Sequence[float], positions: Sequence[float]) -> list[float]:
    """Return the noise in values, as seen in divided differences of order 4, 5 and 6."""
    size = max(map(abs, values))
    # The path may leave the domain of f on its way.
    if size == 0 or not all(map(math.isfinite, values)):
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
            found.append(size * math.sqrt(math.fsum(squares) / len(squares)))
    return found
