"""Windows: runs of neighbouring steps, extrapolated to a step of zero, with their error bounds."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from microgradcheck.numeric.samples import Pair, Samples

__all__ = ["Window", "best_of", "central", "explains", "extrapolate", "one_sided", "windows"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_WINDOW = range(3, 6)
_Bounded = tuple[float, float, float]  # a value, and its truncation and noise bounds


class Window(NamedTuple):
    """The derivative as one run of steps shows it."""

    value: float
    truncation: float
    noise: float
    finest: int  # the positions of its pairs, among all from coarse to fine
    coarsest: int

    @property
    def bound(self) -> float:
        """How far the value may be off."""
        return self.truncation + self.noise

    @property
    def is_truncated(self) -> bool:
        """Whether finer steps would do better: noise does not explain all that is seen."""
        return self.truncation > 2 * self.noise


def windows(
    samples: Samples, extrapolated: Callable[[Samples, Sequence[Pair]], _Bounded]
) -> list[Window]:
    """Return all runs of neighbouring pairs, from fine to coarse; what was found is kept."""
    found = []
    known = samples.extrapolated.setdefault(extrapolated, {})
    for finest in range(len(samples.pairs) - 1, 1, -1):
        run = [samples.pairs[finest]]
        if not run[0].finite:
            continue
        for coarsest in range(finest - 1, -1, -1):
            pair = samples.pairs[coarsest]
            if not pair.finite or pair.h > 4 * run[-1].h or len(run) == _WINDOW[-1]:
                break
            run.append(pair)
            if len(run) in _WINDOW:
                key = (run[0].h, pair.h, len(run), samples.noise)
                if key not in known:
                    known[key] = extrapolated(samples, run)
                found.append(Window(*known[key], finest, coarsest))
    return found


def best_of(found: Iterable[Window]) -> Window | None:
    """Return the window with the smallest bound that no finer one contradicts.

    Source: Lepskii, On a problem of adaptive estimation in Gaussian white noise, Theory Probab.
    Appl. 35 (1990).
    """
    counted: list[Window] = []
    for window in found:
        if all(abs(window.value - w.value) <= window.bound + w.bound for w in counted):
            counted.append(window)
    return min(counted, key=lambda window: window.bound, default=None)


def explains(samples: Samples, window: Window, precision: float) -> bool:
    """Tell whether no finer pair shows a slope that a window does not explain."""
    run = samples.pairs[window.coarsest : window.finest + 1]
    finer = samples.pairs[window.finest + 1 :]
    if not finer:
        return True
    explained = samples.explained.setdefault(window[:3], set())
    for pair in finer:
        if pair.h in explained:
            continue
        squares = [(p.h / pair.h) ** 2 - 1 for p in run]
        expected, _ = extrapolate(squares, [p.slope for p in run])
        allowed = window.bound + 4 * samples.noise_of(pair) / pair.h
        if abs(pair.slope - expected) > allowed + precision / 4 * abs(expected):
            return False
        explained.add(pair.h)
    return True


def central(samples: Samples, run: Sequence[Pair]) -> _Bounded:
    """Extrapolate central differences, whose error is even in h."""
    squares = [(pair.h / run[0].h) ** 2 for pair in run]
    slopes = [pair.slope for pair in run]
    value, weights = extrapolate(squares, slopes)
    means = [(pair.left - samples.center) / 2 + (pair.right - samples.center) / 2 for pair in run]
    # The mean of both sides must tend to f itself. Where it does not, the steps skip over
    # something: a kink, a plateau, or the waves of a function that changes faster.
    skipped = abs(math.fsum(map(operator.mul, weights, means))) / run[0].h
    noise = _noise_in(samples, run, weights)
    spread = max(slopes) - min(slopes)
    if spread > noise and slopes not in (sorted(slopes), sorted(slopes, reverse=True)):
        # They go to and fro, so that there is nothing to extrapolate.
        skipped = max(skipped, spread)
    elif len(run) > 2 and _shrinks_slowly(squares, slopes, noise):
        skipped = max(skipped, abs(slopes[1] - slopes[0]))
    return value, max(_truncation(squares, slopes, weights), 2 * skipped), noise


def _shrinks_slowly(squares: Sequence[float], slopes: Sequence[float], noise: float) -> bool:
    """Tell whether slopes approach their limit more slowly than h**1.5, so not as even powers."""
    expected = (squares[2] - squares[1]) / (squares[1] - squares[0])
    last, before = abs(slopes[1] - slopes[0]), abs(slopes[2] - slopes[1])
    return last > noise and before < 0.6 * expected * last


def one_sided(samples: Samples, run: Sequence[Pair], values: Sequence[float]) -> _Bounded:
    """Extrapolate the slopes between x and points on one side of it, given f there."""
    steps = [pair.h for pair in run]
    secants = [(value - samples.center) / h for value, h in zip(values, steps, strict=True)]
    slope, weights = extrapolate(steps, secants)
    truncation, noise = _truncation(steps, secants, weights), _noise_in(samples, run, weights)
    spread = max(secants) - min(secants)
    if spread > noise and abs(secants[1] - secants[0]) > abs(secants[2] - secants[1]):
        truncation = max(truncation, 2 * spread)  # They do not settle.
    return slope, truncation, noise


def _noise_in(samples: Samples, run: Sequence[Pair], weights: Sequence[float]) -> float:
    noise = samples.noise
    return 4 * sum(
        abs(weight) * max(noise, pair.rounding) / pair.h
        for weight, pair in zip(weights, run, strict=True)
    )


def _truncation(
    points: Sequence[float], values: Sequence[float], weights: Sequence[float]
) -> float:
    """Return a bound of the truncation error of values that were extrapolated.

    Without the point p the value would be another by sum(weights * points * values) / p, which
    lies between both for the mean of the finest and the coarsest.
    """
    products = (p * v * w for p, v, w in zip(points, values, weights, strict=True))
    return 2 * abs(math.fsum(products)) / math.sqrt(points[0] * points[-1])


def extrapolate(points: Sequence[float], values: Sequence[float]) -> tuple[float, list[float]]:
    """Return the polynomial through the values, at zero, and the weight of each value in it.

    Args:
        points: distinct, none of them zero.
        values: as many.

    Source: Lagrange's formula; Fornberg, Generation of finite difference formulas on arbitrarily
    spaced grids, Math. Comp. 51 (1988).

    Example:
        >>> extrapolate([1.0, 2.0], [5.0, 7.0])
        (3.0, [2.0, -1.0])
    """
    weights = []
    for point in points:
        weight = 1.0
        for other in points:
            if other != point:
                weight *= other / (other - point)
        weights.append(weight)
    return math.fsum(map(operator.mul, weights, values)), weights
