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
    """Return all runs of neighbouring pairs, from fine to coarse."""
    found = []
    for finest in range(len(samples.pairs) - 1, 1, -1):
        run = [samples.pairs[finest]]
        for coarsest in range(finest - 1, -1, -1):
            pair = samples.pairs[coarsest]
            if not pair.finite or pair.h > 4 * run[-1].h or len(run) == _WINDOW[-1]:
                break
            run.append(pair)
            if len(run) in _WINDOW and run[0].finite:
                found.append(Window(*extrapolated(samples, run), finest, coarsest))
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
    for pair in samples.pairs[window.finest + 1 :]:
        squares = [(p.h / pair.h) ** 2 - 1 for p in run]
        expected, _ = extrapolate(squares, [p.slope for p in run])
        allowed = window.bound + 4 * samples.noise_of(pair) / pair.h
        if abs(pair.slope - expected) > allowed + precision / 4 * abs(expected):
            return False
    return True


def central(samples: Samples, run: Sequence[Pair]) -> _Bounded:
    """Extrapolate central differences, whose error is even in h."""
    squares = [(pair.h / run[0].h) ** 2 for pair in run]
    slopes = [pair.slope for pair in run]
    value, truncation, weights = _extrapolate_twice(squares, slopes)
    means = [(pair.left - samples.center) / 2 + (pair.right - samples.center) / 2 for pair in run]
    # The mean of both sides must tend to f itself. Where it does not, the steps skip over
    # something: a kink, a plateau, or the waves of a function that changes faster.
    skipped = abs(extrapolate(squares, means)[0]) / run[0].h
    noise = _noise_in(samples, run, weights)
    spread = max(slopes) - min(slopes)
    if spread > noise and slopes not in (sorted(slopes), sorted(slopes, reverse=True)):
        # They go to and fro, so that there is nothing to extrapolate.
        skipped = max(skipped, spread)
    elif len(run) > 2 and _shrinks_slowly(squares, slopes, noise):
        skipped = max(skipped, abs(slopes[1] - slopes[0]))
    return value, max(truncation, 2 * skipped), noise


def _shrinks_slowly(squares: Sequence[float], slopes: Sequence[float], noise: float) -> bool:
    """Tell whether slopes approach their limit more slowly than h**1.5, so not as even powers."""
    expected = (squares[2] - squares[1]) / (squares[1] - squares[0])
    last, before = abs(slopes[1] - slopes[0]), abs(slopes[2] - slopes[1])
    return last > noise and before < 0.6 * expected * last


def one_sided(samples: Samples, run: Sequence[Pair], side: Callable[[Pair], float]) -> _Bounded:
    """Extrapolate the slopes between x and points on one side of it."""
    steps = [pair.h for pair in run]
    secants = [(side(pair) - samples.center) / pair.h for pair in run]
    slope, truncation, weights = _extrapolate_twice(steps, secants)
    return slope, truncation, _noise_in(samples, run, weights)


def _noise_in(samples: Samples, run: Sequence[Pair], weights: Sequence[float]) -> float:
    return 4 * sum(
        abs(weight) * samples.noise_of(pair) / pair.h
        for weight, pair in zip(weights, run, strict=True)
    )


def _extrapolate_twice(
    points: list[float], values: list[float]
) -> tuple[float, float, list[float]]:
    """Return the extrapolated value, a bound of its truncation error, and its weights."""
    value, weights = extrapolate(points, values)
    without_coarsest, _ = extrapolate(points[:-1], values[:-1])
    without_finest, _ = extrapolate(points[1:], values[1:])
    shrinks = math.sqrt(points[0] / points[-1])
    truncation = 2 * max(abs(value - without_coarsest), abs(value - without_finest) * shrinks)
    return value, truncation, weights


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
    weights = [
        math.prod(other / (other - point) for other in points if other != point) for point in points
    ]
    return math.fsum(map(operator.mul, weights, values)), weights
