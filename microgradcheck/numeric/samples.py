"""f at the steps that were tried, in pairs on both sides of x, and what runs of them show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import dropwhile, pairwise
from operator import attrgetter, itemgetter, mul
from typing import NamedTuple

__tracebackhide__ = True  # from pytest

# Neighbouring steps have irregular ratios, so that no periodic function looks flat to all.
RATIOS = (2.37, 2.79, 2.53, 2.66, 2.45)
# Between a slope that grows as log(h), power 0, and one that grows as a power of h.
UNBOUNDED = -0.1
UNIT_ROUNDOFF = 2.0**-53
ROUND_OFF = 100 * UNIT_ROUNDOFF  # relative to f: by less, values differ for no reason of f's own
_LARGEST = 2.0**1008  # sums of what is larger overflow
_LEAST, _MOST = 3, 5  # pairs in a window
_DOUBTFUL = 4  # times the noise: so much less of it may have been measured
_SLOWEST = 0.9  # power of the points by which slopes change, to be taken for the first


class Pair(NamedTuple):
    """f at x - h and x + h, and what that shows beside f(x)."""

    h: float
    left: float
    right: float
    slope: float  # the central difference
    bend: float  # how much the slopes on both sides differ
    secant: float  # the steeper of them
    rounding: float  # the noise that rounding makes
    finite: bool

    def slope_on(self, side: int) -> float:
        """Return the slope between x and the point on its left or right, -1 or 1; 0 for both."""
        return self.slope + side * self.bend / 2


class Window(NamedTuple):
    """The slope that a run of neighbouring pairs shows, extrapolated to a step of zero."""

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


class Samples:
    """The values of f near x that are known so far, in pairs from coarse to fine, and its noise."""

    rough_above = 0.0  # a step: noise hides what finer ones show of a bend or a steep slope

    def __init__(
        self, at: Callable[[float], float], x: float, noise: float, scale: float, precision: float
    ) -> None:
        self._f, self.x, self.scale, self.precision = at, x, scale, precision
        self._values: dict[float, float] = {}
        self.center = self.at(0.0)
        self.noise = least_noise(self.center, noise)
        self.pairs: list[Pair] = []
        self._extrapolated: dict[tuple[object, ...], tuple[float, float, float]] = {}

    def at(self, step: float) -> float:
        """Return f at a step from x, which is called once for each."""
        if step not in self._values:
            self._values[step] = self._f(step)
        return self._values[step]

    def add(self, h: float) -> Pair:
        """Try a step and return its pair."""
        pair = self.look(h)
        if pair.h not in (known.h for known in self.pairs):
            self.pairs.append(pair)
            self.pairs.sort(reverse=True)
        return pair

    def add_ladder(self, h: float) -> None:
        """Add three neighbouring pairs, the coarsest of which has the step h."""
        for step in ladder(h):
            self.add(step)

    def look(self, h: float) -> Pair:
        """Return the pair of a step that is not counted among those that show the slope."""
        h = exact_step(self.x, h)
        left, right = self.at(-h), self.at(h)
        fall, rise = self.center - left, right - self.center
        slope, bend = (right - left) / (2 * h), (rise - fall) / h
        secant = max(abs(rise), abs(fall)) / h
        rounded = max(abs(left), abs(right))
        finite = all(abs(seen) < _LARGEST for seen in (rise, fall, secant, bend))
        if finite:
            # Computing f rounds x, too, in effect. At an offset, that is the larger part.
            rounded = max(rounded, (abs(self.x) + h) * secant)
        return Pair(h, left, right, slope, bend, secant, UNIT_ROUNDOFF * rounded, finite)

    def noise_of(self, pair: Pair) -> float:
        """Return the noise of f at a pair: as measured, but not below what rounding makes."""
        return max(self.noise, pair.rounding)

    def moves(self) -> bool:
        """Tell whether f has another value anywhere."""
        return any(p.left != self.center or p.right != self.center for p in self.pairs)

    def quantum(self) -> float:
        """Return the step of f's values, where it stands still at fine steps for that; else 0."""
        fine = self.pairs[-1]
        if not fine.left == self.center == fine.right:
            return 0.0
        moved = (pair for pair in self.pairs if pair.right != self.center)
        if not any(self.at(p.h * (1 + 1e-6)) == p.right for p in moved):
            return 0.0
        values = sorted({f for p in self.pairs for f in (p.left, p.right) if math.isfinite(f)})
        return min((b - a for a, b in pairwise(values)), default=0.0)

    def hole(self) -> float:
        """Return how far f moves where rounding decides whether it is defined; 0 for nowhere.

        The root of what is 0 but for rounding is defined at x, and beyond, and not between.
        """
        inside = list(dropwhile(lambda pair: not pair.finite, self.pairs))
        holes = [position for position, pair in enumerate(inside) if not pair.finite]
        if not holes or len(inside) - holes[-1] > _LEAST:
            return 0.0
        fine = inside[holes[0] :]
        moves = [abs(f - self.center) for p in fine for f in (p.left, p.right) if math.isfinite(f)]
        return max(moves, default=inside[holes[0] - 1].secant * inside[holes[0] - 1].h)

    def roughness(self, coarse: Pair, fine: Pair) -> float:
        """Return p where what f has at x, a bend or a steep slope, behaves as h**p.

        Smooth functions have 1 or more, a kink has 0, and a slope without bound is negative.
        """

        def power(at_coarse: float, at_fine: float) -> float:
            if abs(at_fine) <= 16 * self.noise_of(fine) / fine.h:
                return math.inf
            if at_coarse == 0:
                return -math.inf
            return math.log(abs(at_coarse / at_fine)) / math.log(coarse.h / fine.h)

        secant = power(coarse.secant, fine.secant)
        return secant if secant < UNBOUNDED else power(coarse.bend, fine.bend)

    def windows(self, side: int = 0) -> list[Window]:
        """Return all runs of neighbouring pairs, for a side of x or for both."""
        found = []
        for finest in reversed(range(len(self.pairs))):
            run: list[Pair] = []
            for coarsest in range(finest, max(finest - _MOST, -1), -1):
                pair = self.pairs[coarsest]
                if not pair.finite or (run and pair.h > 4 * run[-1].h):
                    break
                run.append(pair)
                if len(run) >= _LEAST:
                    found.append(Window(*self.extrapolated(run, side), finest, coarsest))
        return found

    def explains(self, window: Window) -> bool:
        """Tell whether no finer pair shows a slope that a window does not explain."""
        run = self.pairs[window.coarsest : window.finest + 1]
        slopes = [pair.slope for pair in run]
        for pair in self.pairs[window.finest + 1 :]:
            expected, _ = extrapolate([(p.h / pair.h) ** 2 - 1 for p in run], slopes)
            allowed = window.bound + 4 * self.noise_of(pair) / pair.h
            if abs(pair.slope - expected) > allowed + self.precision / 4 * abs(expected):
                return False
        return True

    def extrapolated(self, run: Sequence[Pair], side: int = 0) -> tuple[float, float, float]:
        """Return the slope of a run at a step of zero, and bounds of its truncation and noise.

        Each search asks for most runs again after each step that it adds.
        """
        key = (*run, side, self.noise)
        if key not in self._extrapolated:
            self._extrapolated[key] = self._extrapolate(run, side)
        return self._extrapolated[key]

    def _extrapolate(self, run: Sequence[Pair], side: int) -> tuple[float, float, float]:
        # The error of central differences is even in h, that of slopes on one side of x is not.
        points = [(pair.h / run[0].h) ** (1 if side else 2) for pair in run]
        slopes = [pair.slope_on(side) for pair in run]
        value, weights = extrapolate(points, slopes)
        terms, changes, bends = [], [], []
        for point, slope, weight, pair in zip(points, slopes, weights, run, strict=True):
            terms.append(abs(weight) * self.noise_of(pair) / pair.h)
            changes.append(point * slope * weight)
            bends.append(weight * pair.bend * pair.h)
        noise = 4 * math.fsum(terms)
        if len(run) < _LEAST and noise < abs(slopes[0] - slopes[-1]) < _DOUBTFUL * noise:
            # Two pairs do not tell truncation from noise of which too little was measured.
            noise = abs(slopes[0] - slopes[-1])
        # Leaving out the point p would change the value by this over p, Neville's estimate of the
        # error. Neither the finest nor the coarsest, which is 1, is special: p is their mean.
        truncation = 2 * abs(math.fsum(changes)) / math.sqrt(points[-1])
        # The mean of both sides must tend to f itself. Where it does not, the steps skip over
        # something: a kink, a plateau, or the waves of a function that changes faster.
        skipped = 0.0 if side else abs(math.fsum(bends)) / (2 * run[0].h)
        return value, max(truncation, 2 * skipped, 2 * _unsettled(points, slopes, noise)), noise


def ranked(found: Iterable[Window]) -> list[Window]:
    """Return the windows that no finer one contradicts, those with the smallest bound first."""
    counted: list[tuple[float, float, Window]] = []
    for window in sorted(found, key=attrgetter("finest"), reverse=True):
        value, bound = window.value, window.bound
        if all(abs(value - other) <= bound + more for more, other, _ in counted):
            counted.append((bound, value, window))
    return [window for _, _, window in sorted(counted, key=itemgetter(0))]


def _unsettled(points: Sequence[float], slopes: Sequence[float], noise: float) -> float:
    """Return by how much slopes change beyond noise that do not settle as the points do."""
    changes = [b - a for a, b in pairwise(slopes)]
    spread = max(slopes) - min(slopes)
    if spread > noise and min(changes) < 0 < max(changes):
        return spread  # They go to and fro, so that there is nothing to extrapolate.
    if len(changes) > 1 and abs(changes[0]) > noise:
        logs = [math.log(point) for point in points[:3]]
        rates = [abs(c) / (b - a) for c, (a, b) in zip(changes, pairwise(logs), strict=False)]
        power = -1.0
        if all(rates[:2]):
            power = 2 * (math.log(rates[1]) - math.log(rates[0])) / (logs[2] - logs[0])
        if power <= 0:
            return spread  # They grow apart.
        if power < _SLOWEST:
            # All that is still to come, if they go on to change as the points to this power.
            return max(abs(changes[0]), rates[0] / power)
    return 0.0


def extrapolate(points: Sequence[float], values: Sequence[float]) -> tuple[float, list[float]]:
    """Return the polynomial through the values, at zero, and the weight of each value in it.

    Example:
        >>> extrapolate([1.0, 2.0], [5.0, 7.0])
        (3.0, [2.0, -1.0])
    """
    weights = [
        math.prod(other / (other - point) for other in points if other != point) for point in points
    ]
    return math.fsum(map(mul, weights, values)), weights


def least_noise(value: float, noise: float) -> float:
    """Return the noise as measured, but not below what rounding makes of a value of f."""
    return max(noise, UNIT_ROUNDOFF * abs(value), math.ulp(0.0))


def ladder(h: float) -> list[float]:
    """Return three neighbouring steps, the coarsest of which is h."""
    return [h, h / RATIOS[0], h / (RATIOS[0] * RATIOS[1])]


def exact_step(x: float, h: float) -> float:
    """Return about h, at least one ulp of x, so that x + h and x - h are not rounded.

    Example:
        >>> exact_step(1e9, 1e-6), exact_step(0.0, 0.1)
        (9.5367431640625e-07, 0.1)
    """
    away = max(abs(x) + h, math.nextafter(abs(x), math.inf))
    return away - abs(x)
