"""A derivative with its error bound: many steps, extrapolated, and the noise of f measured.

A central difference errs by truncation, which grows with the step, and by the noise of f, which
grows as the step shrinks. Here the steps form ladders. Every few neighbouring rungs, a window,
are extrapolated to a step of zero, and the window's bound says how far its value can be off. The
window with the smallest bound is taken among those that no finer window contradicts.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["Estimate", "estimate_along", "extrapolate"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

# Neighbouring steps have irregular ratios, so that no periodic function looks flat to all.
_RATIOS = (2.37, 2.79, 2.53, 2.66, 2.45)
_FIRST_STEP = 0.016  # relative to the scale of x
_FINE = 2e-4  # the pair that looks for structure below a ladder, relative to its finest step
_FINEST = 1e-13  # relative to the scale of x
_WINDOW = range(3, 6)
_MOST_PAIRS = 24
_UNIT_ROUNDOFF = 2.0**-53
_SMALLEST = math.ulp(0.0)  # what numbers near zero are rounded to


class Estimate(NamedTuple):
    """A derivative and what is known of its error.

    Attributes:
        value: the derivative.
        error_bound: how far the value may be from the true derivative.
        behaviour: "smooth"; "kink", where the slopes on both sides differ; "edge", where f is
            undefined, jumps or has a slope without bound; or "quantised", where f has steps.
        slopes: the slopes on the left and on the right, at a kink.
        slope_bound: how far those may be off.
        noise: the standard deviation of f's own noise, in the units of f.
        secant: the largest slope of f between x and any point that was tried, beyond its noise,
            which a derivative of zero can be compared with; 0 where it cannot.
        step: the finest step of the window that the value comes from.
        reason: why it is an edge, in words.
    """

    value: float
    error_bound: float
    behaviour: str = "smooth"
    slopes: tuple[float, float] | None = None
    slope_bound: float = 0.0
    noise: float = 0.0
    secant: float = 0.0
    step: float = 0.0
    reason: str = ""


class _Pair(NamedTuple):
    """f at x - h and x + h."""

    h: float
    left: float
    right: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.left) and math.isfinite(self.right)

    @property
    def slope(self) -> float:
        return (self.right - self.left) / (2 * self.h)


_Bounded = tuple[float, float, float]  # a value, and its truncation and noise bounds


class _Window(NamedTuple):
    value: float
    truncation: float
    noise: float
    finest: int  # the positions of its pairs, among all from coarse to fine
    coarsest: int

    @property
    def bound(self) -> float:
        return self.truncation + self.noise


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


def estimate_along(
    at: Callable[[float], float], x: float, scale: float, noise: float, precision: float
) -> Estimate:
    """Return the derivative of a function of one step at a step of zero.

    Args:
        at: f(x + step) as a function of the step; nan where f is undefined.
        x: the number that is moved; steps are rounded so that x + step is exact.
        scale: the length over which x is moved first.
        noise: the standard deviation of f's noise, where it is known to exceed round-off.
        precision: the relative error that is good enough.
    """
    return _Search(at, x, scale, noise, precision).estimate()


class _Search:
    """The pairs that were tried so far, and the decision which to try next."""

    def __init__(
        self, at: Callable[[float], float], x: float, scale: float, noise: float, precision: float
    ) -> None:
        self.at, self.x, self.scale, self.precision = at, x, scale, precision
        self.center = at(0.0)
        self.noise = max(noise, _UNIT_ROUNDOFF * abs(self.center), _SMALLEST)
        self.quantum = 0.0
        self.pairs: list[_Pair] = []  # from coarse to fine

    def estimate(self) -> Estimate:
        if not math.isfinite(self.center):
            return Estimate(math.nan, math.inf, "edge", reason="f is undefined here")
        self._add_ladder(_FIRST_STEP * self.scale)
        fine = self._add(self.pairs[-1].h * _FINE)
        if not all(pair.finite for pair in self.pairs):
            return self._near_a_border()
        return self._refine(fine)

    def _near_a_border(self) -> Estimate:
        """Find steps that stay inside f's domain, or the side on which there are none."""
        while not self.pairs[-1].finite and self.pairs[-1].h > _FINEST * self.scale:
            self._add(self.pairs[-1].h * 1e-2)
        inside = self.pairs[-1]
        if not inside.finite:
            side = "left" if not math.isfinite(inside.left) else "right"
            return self._edge(f"f is undefined on its {side}")
        self._add_ladder(inside.h / _RATIOS[0])
        return self._refine(self.pairs[-1])

    def _refine(self, fine: _Pair) -> Estimate:
        """Add steps until the bound is small enough, or no step can make it smaller."""
        looked_closely = False
        tried = (0, 0.0)
        while tried != (len(self.pairs), self.noise) and len(self.pairs) < _MOST_PAIRS:
            tried = (len(self.pairs), self.noise)
            if not self.quantum and self._is_quantised(fine):
                self.quantum = self._smallest_change()
                if self._secant(self.pairs[0]) * fine.h > 4 * self.noise:
                    self.noise = max(self.noise, self.quantum)
            best = self._best()
            if best and self._is_good(best):
                break
            if not self._moves():
                break
            closer = self._finest_useful_step(fine)
            if not looked_closely and closer < fine.h and self._is_rough(fine):
                looked_closely = True
                self._add_ladder(closer)
                found = self._kink_or_edge()
                if found:
                    return found
                fine = self.pairs[-1]
            elif best is None:
                self._add_ladder(fine.h)
                fine = self._add(fine.h * _FINE)
            elif not (self._go_down(best) if best.truncation > best.noise else self._go_up(best)):
                break
        return self._conclude()

    def _conclude(self) -> Estimate:
        best = self._best()
        if best is None:
            return Estimate(0.0, math.inf, noise=self.noise)
        has_steps = self.quantum > 64 * _UNIT_ROUNDOFF * abs(self.center)
        behaviour = "quantised" if has_steps else "smooth"
        h, secant = self.pairs[best.finest].h, self._comparable(best)
        return Estimate(best.value, best.bound, behaviour, noise=self.noise, secant=secant, step=h)

    def _edge(self, reason: str) -> Estimate:
        return Estimate(math.nan, math.inf, "edge", noise=self.noise, reason=reason)

    # Pairs

    def _add(self, h: float) -> _Pair:
        # With h a multiple of this unit, x + h and x - h are exact and have the same distance.
        unit = math.ulp(abs(self.x) + h)
        h = max(round(h / unit), 1) * unit
        for pair in self.pairs:
            if pair.h == h:
                return pair
        pair = _Pair(h, self.at(-h), self.at(h))
        self.pairs.append(pair)
        self.pairs.sort(reverse=True)
        return pair

    def _add_ladder(self, h: float) -> None:
        """Add three neighbouring pairs, the coarsest of which has the step h."""
        for ratio in (1.0, *_RATIOS[:2]):
            h /= ratio
            self._add(h)

    def _noise_of(self, pair: _Pair) -> float:
        rounded_output = max(abs(pair.left), abs(pair.right))
        # Computing f rounds x, too, in effect. At an offset, that is the larger part.
        rounded_input = (abs(self.x) + pair.h) * self._secant(pair) if pair.finite else 0.0
        return max(self.noise, _UNIT_ROUNDOFF * max(rounded_output, rounded_input))

    def _secant(self, pair: _Pair) -> float:
        return max(abs(pair.right - self.center), abs(pair.left - self.center)) / pair.h

    def _comparable(self, best: _Window) -> float:
        """Return the largest slope of f between x and a point that was tried, beyond noise.

        A derivative of zero is compared with it. It says nothing of a window whose bound is wider
        than all that the finest pair shows, since f may just change faster far away: 0, then.
        """
        finest = self.pairs[-1]
        if best.bound > self._secant(finest) + 4 * self._noise_of(finest) / finest.h:
            return 0.0
        largest = max(
            self._secant(pair) - 4 * self._noise_of(pair) / pair.h
            for pair in self.pairs
            if pair.finite
        )
        rounding = 100 * _UNIT_ROUNDOFF * abs(self.center)
        return largest if largest * self.scale > rounding else 0.0

    def _bend(self, pair: _Pair) -> float:
        """Return how much the slopes on both sides differ, as seen with this step."""
        return ((pair.right - self.center) - (self.center - pair.left)) / pair.h

    def _moves(self) -> bool:
        return any(p.left != self.center or p.right != self.center for p in self.pairs)

    def _is_quantised(self, fine: _Pair) -> bool:
        """Tell whether f stands still at fine steps because its values have steps of their own."""
        coarse = next((p for p in reversed(self.pairs) if p.right != self.center), None)
        if coarse is None or not fine.left == self.center == fine.right:
            return False
        return self.at(coarse.h * (1 + 1e-6)) == coarse.right

    def _smallest_change(self) -> float:
        values = sorted({f for p in self.pairs for f in (p.left, p.right) if math.isfinite(f)})
        return min(b - a for a, b in zip(values, [*values[1:], math.inf], strict=True) if b > a)

    # Windows

    def _best(self, windows: list[_Window] | None = None) -> _Window | None:
        """Return the window with the smallest bound that no finer one contradicts (Lepskii)."""
        if windows is None:
            windows = [w for w in self._windows(self._central) if self._agrees(w)]
        counted: list[_Window] = []
        for window in windows:
            if all(abs(window.value - w.value) <= window.bound + w.bound for w in counted):
                counted.append(window)
        return min(counted, key=lambda window: window.bound, default=None)

    def _windows(self, extrapolated: Callable[[list[_Pair]], _Bounded]) -> list[_Window]:
        """Return all runs of neighbouring pairs, from fine to coarse."""
        windows = []
        for finest in range(len(self.pairs) - 1, 1, -1):
            run = [self.pairs[finest]]
            for coarsest in range(finest - 1, -1, -1):
                pair = self.pairs[coarsest]
                if not pair.finite or pair.h > 4 * run[-1].h or len(run) == _WINDOW[-1]:
                    break
                run.append(pair)
                if len(run) in _WINDOW and run[0].finite:
                    windows.append(_Window(*extrapolated(run), finest, coarsest))
        return windows

    def _central(self, run: list[_Pair]) -> _Bounded:
        """Extrapolate central differences, whose error is even in h."""
        squares = [(pair.h / run[0].h) ** 2 for pair in run]
        slopes = [pair.slope for pair in run]
        value, truncation, weights = _extrapolate_twice(squares, slopes)
        means = [(pair.left - self.center) / 2 + (pair.right - self.center) / 2 for pair in run]
        # The mean of both sides must tend to f itself. Where it does not, the steps skip over
        # something: a kink, a plateau, or the waves of a function that changes faster.
        skipped = abs(extrapolate(squares, means)[0]) / run[0].h
        noise = self._noise_in(run, weights)
        spread = max(slopes) - min(slopes)
        if spread > noise and slopes not in (sorted(slopes), sorted(slopes, reverse=True)):
            # They go to and fro, so that there is nothing to extrapolate.
            skipped = max(skipped, spread)
        return value, max(truncation, 2 * skipped), noise

    def _one_sided(self, run: list[_Pair], side: Callable[[_Pair], float]) -> _Bounded:
        """Extrapolate the slopes between x and points on one side of it."""
        steps = [pair.h for pair in run]
        secants = [(side(pair) - self.center) / pair.h for pair in run]
        slope, truncation, weights = _extrapolate_twice(steps, secants)
        return slope, truncation, self._noise_in(run, weights)

    def _noise_in(self, run: list[_Pair], weights: list[float]) -> float:
        return 4 * sum(
            abs(weight) * self._noise_of(pair) / pair.h
            for weight, pair in zip(weights, run, strict=True)
        )

    def _agrees(self, window: _Window) -> bool:
        """Tell whether no finer pair shows a slope that a window does not explain."""
        run = self.pairs[window.coarsest : window.finest + 1]
        for pair in self.pairs[window.finest + 1 :]:
            squares = [(p.h / pair.h) ** 2 - 1 for p in run]
            expected, _ = extrapolate(squares, [p.slope for p in run])
            allowed = window.bound + 4 * self._noise_of(pair) / pair.h
            if abs(pair.slope - expected) > allowed + self.precision / 4 * abs(expected):
                return False
        return True

    def _is_good(self, best: _Window) -> bool:
        size = abs(best.value)
        if size <= best.bound:
            size = self._comparable(best)
        return best.bound <= self.precision / 4 * size

    def _go_up(self, best: _Window) -> bool:
        """Add a coarser pair, or three where one would not bring the noise down far enough."""
        coarsest = self.pairs[best.coarsest]
        if best.coarsest > 0 and self.pairs[best.coarsest - 1].h < 4 * coarsest.h:
            return False
        excess = best.noise / max(self.precision * abs(best.value), best.truncation, 1e-300)
        if excess > 100:
            self._add_ladder(coarsest.h * min(excess / 10, 1e4))
        else:
            self._add(coarsest.h * _RATIOS[len(self.pairs) % len(_RATIOS)])
        return all(pair.finite for pair in self.pairs[:1])

    def _go_down(self, best: _Window) -> bool:
        """Add a pair below those around the best window, unless noise is their limit already."""
        finest = best.finest
        while finest + 1 < len(self.pairs) and self.pairs[finest].h < 4 * self.pairs[finest + 1].h:
            finest += 1
        windows = self._windows(self._central)
        if any(w.finest == finest and w.noise > w.truncation for w in windows):
            return False
        self._add(self.pairs[finest].h / _RATIOS[len(self.pairs) % len(_RATIOS)])
        return True

    # Kinks and edges

    def _is_rough(self, fine: _Pair) -> bool:
        """Tell whether slopes differ or grow between a ladder and the fine pair below it."""
        coarse = next((p for p in reversed(self.pairs) if p.h > 10 * fine.h and p.finite), None)
        return coarse is not None and self._roughness(coarse, fine) < 0.35

    def _roughness(self, coarse: _Pair, fine: _Pair) -> float:
        """Return p where what f has at x, a bend or a steep slope, behaves as h**p.

        Smooth functions have 1 or more, a kink has 0, and a slope without bound is negative.
        """
        seen = 16 * self._noise_of(fine) / fine.h
        bend = secant = math.inf
        if abs(self._bend(fine)) > seen:
            bend = _exponent(coarse.h, self._bend(coarse), fine.h, self._bend(fine))
        if self._secant(fine) > seen:
            secant = _exponent(coarse.h, self._secant(coarse), fine.h, self._secant(fine))
        return secant if secant < -0.25 else bend

    def _finest_useful_step(self, fine: _Pair) -> float:
        """Return the coarsest step of a ladder on which noise is a hundredth of what is seen."""
        bend, noise = abs(self._bend(fine)), self._noise_of(fine) / fine.h
        seen = bend if bend > 16 * noise else self._secant(fine)
        if seen == 0:
            return fine.h
        least = _FINEST * self.scale
        return max(400 * self._noise_of(fine) / seen, least) * _RATIOS[0] * _RATIOS[1]

    def _kink_or_edge(self) -> Estimate | None:
        """Judge what the finest pairs show, once they are as fine as the noise allows."""
        coarse, _, fine = self.pairs[-3:]
        if not fine.finite or not coarse.finite:
            return None
        roughness = self._roughness(coarse, fine)
        if roughness < -0.25:
            jumps = roughness < -0.8
            return self._edge("f jumps here" if jumps else "slope without bound")
        if roughness > 0.35:
            return None
        right = self._best(self._windows(lambda run: self._one_sided(run, lambda p: p.right)))
        left = self._best(self._windows(lambda run: self._one_sided(run, lambda p: p.left)))
        if right is None or left is None:
            return None
        bound = max(right.bound, left.bound)
        return Estimate(
            (right.value - left.value) / 2,
            bound,
            "kink",
            slopes=(-left.value, right.value),
            slope_bound=bound,
            noise=self.noise,
            secant=self._secant(fine),
            step=fine.h,
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


def _exponent(coarse_h: float, coarse: float, fine_h: float, fine: float) -> float:
    """Return p where a quantity behaves as h**p between two steps."""
    if fine == 0:
        return math.inf
    if coarse == 0:
        return -math.inf
    return math.log(abs(coarse / fine)) / math.log(coarse_h / fine_h)
