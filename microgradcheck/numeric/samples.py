"""A function of one step at the steps that were tried, in pairs on both sides of x."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["RATIOS", "UNBOUNDED", "UNIT_ROUNDOFF", "Pair", "Samples", "exact_step", "ladder"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

# Neighbouring steps have irregular ratios, so that no periodic function looks flat to all.
RATIOS = (2.37, 2.79, 2.53, 2.66, 2.45)
UNBOUNDED = -0.1  # slopes that grow faster than this power of h have no bound
UNIT_ROUNDOFF = 2.0**-53
_SMALLEST = math.ulp(0.0)  # what numbers near zero are rounded to


class Pair(NamedTuple):
    """f at x - h and x + h, and what that shows beside f(x).

    Attributes:
        slope: the central difference.
        bend: how much the slopes on both sides differ.
        secant: the steeper of the slopes between x and the two points.
        rounding: the noise that rounding makes.
        finite: whether f is defined at both points.
    """

    h: float
    left: float
    right: float
    slope: float
    bend: float
    secant: float
    rounding: float
    finite: bool


class Samples:
    """The values of f near x that are known so far.

    Args:
        at: f(x + step) as a function of the step; nan where f is undefined.
        x: the number that is moved.
        noise: the standard deviation of f's noise, where it is known to exceed round-off.

    Attributes:
        center: f(x).
        noise: as given, but not below round-off.
        pairs: f at x - h and x + h, from the coarsest step to the finest.
        extrapolated: what runs of them give, so that nothing is computed twice.
        explained: for each window, the finer steps that it explains.
    """

    def __init__(self, at: Callable[[float], float], x: float, noise: float) -> None:
        self.at, self.x = at, x
        self.center = at(0.0)
        self.noise = max(noise, UNIT_ROUNDOFF * abs(self.center), _SMALLEST)
        self.pairs: list[Pair] = []
        self.extrapolated: dict[object, dict[object, tuple[float, float, float]]] = {}
        self.explained: dict[tuple[float, ...], set[float]] = {}
        self._looked: dict[float, Pair] = {}

    def add(self, h: float) -> Pair:
        """Try a step and return its pair; one that was tried before is not tried again."""
        pair = self.look(h)
        if pair not in self.pairs:
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
        if h not in self._looked:
            self._looked[h] = self._pair(h, self.at(-h), self.at(h))
        return self._looked[h]

    def _pair(self, h: float, left: float, right: float) -> Pair:
        finite = math.isfinite(left) and math.isfinite(right)
        fall, rise = self.center - left, right - self.center
        secant = max(abs(rise), abs(fall)) / h
        rounded = max(abs(left), abs(right))
        if finite:
            # Computing f rounds x, too, in effect. At an offset, that is the larger part.
            rounded = max(rounded, (abs(self.x) + h) * secant)
        slope, bend = (right - left) / (2 * h), (rise - fall) / h
        # A slope may be too large for a number, too.
        finite = finite and secant < math.inf and abs(bend) < math.inf and abs(slope) < math.inf
        return Pair(h, left, right, slope, bend, secant, UNIT_ROUNDOFF * rounded, finite)

    def noise_of(self, pair: Pair) -> float:
        """Return the noise of f at a pair: as measured, but not below what rounding makes."""
        return max(self.noise, pair.rounding)

    def moves(self) -> bool:
        """Tell whether f has another value anywhere."""
        return any(p.left != self.center or p.right != self.center for p in self.pairs)

    def is_quantised(self, fine: Pair) -> bool:
        """Tell whether f stands still at fine steps because its values have steps of their own."""
        coarse = next((p for p in reversed(self.pairs) if p.right != self.center), None)
        if coarse is None or not fine.left == self.center == fine.right:
            return False
        return self.at(coarse.h * (1 + 1e-6)) == coarse.right

    def smallest_change(self) -> float:
        """Return the smallest difference between two values."""
        values = sorted({f for p in self.pairs for f in (p.left, p.right) if math.isfinite(f)})
        return min(b - a for a, b in zip(values, [*values[1:], math.inf], strict=True) if b > a)

    def roughness(self, coarse: Pair, fine: Pair) -> float:
        """Return p where what f has at x, a bend or a steep slope, behaves as h**p.

        Smooth functions have 1 or more, a kink has 0, and a slope without bound is negative.
        """
        seen = 16 * self.noise_of(fine) / fine.h
        bend = secant = math.inf
        if abs(fine.bend) > seen:
            bend = _exponent(coarse.h, coarse.bend, fine.h, fine.bend)
        if fine.secant > seen:
            secant = _exponent(coarse.h, coarse.secant, fine.h, fine.secant)
        return secant if secant < UNBOUNDED else bend


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


def _exponent(coarse_h: float, coarse: float, fine_h: float, fine: float) -> float:
    """Return p where a quantity that is seen at the fine step behaves as h**p between two steps."""
    if coarse == 0:
        return -math.inf
    return math.log(abs(coarse / fine)) / math.log(coarse_h / fine_h)
