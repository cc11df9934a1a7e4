"""A derivative with its error bound: many steps, extrapolated, and the noise of f measured.

A central difference errs by truncation, which grows with the step, and by the noise of f, which
grows as the step shrinks. Here the steps form ladders. Every few neighbouring rungs, a window,
are extrapolated to a step of zero, and the window's bound says how far its value can be off. The
window with the smallest bound is taken among those that no finer window contradicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from microgradcheck.numeric.samples import RATIOS, UNIT_ROUNDOFF, Pair, Samples, exact_step, ladder
from microgradcheck.numeric.windows import (
    Window,
    best_of,
    central,
    explains,
    one_sided,
    windows,
)

__all__ = ["Estimate", "estimate_along", "first_steps"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_FIRST_STEP = 0.016  # relative to the scale of x
_FINE = 2e-4  # the pair that looks for structure below a ladder, relative to its finest step
_FINEST = 1e-13  # relative to the scale of x
_MOST_PAIRS = 24


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


def first_steps(x: float, scale: float) -> list[float]:
    """Return the steps that are always tried first, both ways: a ladder and a fine one below it.

    Args:
        x: the number that is moved.
        scale: the length over which it is moved first.

    Example:
        >>> first_steps(0.0, 1.0)
        [0.016, 0.006751054852320675, 0.0024197329219787364, 4.839465843957473e-07]
    """
    coarse = [exact_step(x, h) for h in ladder(_FIRST_STEP * scale)]
    return [*coarse, exact_step(x, coarse[-1] * _FINE)]


class _Search:
    """The decision which steps to try next, and what to make of them."""

    def __init__(
        self, at: Callable[[float], float], x: float, scale: float, noise: float, precision: float
    ) -> None:
        self.samples = Samples(at, x, noise)
        self.pairs = self.samples.pairs
        self.scale, self.precision = scale, precision
        self.quantum = 0.0

    def estimate(self) -> Estimate:
        if not math.isfinite(self.samples.center):
            return Estimate(math.nan, math.inf, "edge", reason="f is undefined here")
        for h in first_steps(self.samples.x, self.scale):
            fine = self.samples.add(h)
        if not all(pair.finite for pair in self.pairs):
            return self._near_a_border()
        return self._refine(fine)

    def _near_a_border(self) -> Estimate:
        """Find steps that stay inside f's domain, or the side on which there are none."""
        while not self.pairs[-1].finite and self.pairs[-1].h > _FINEST * self.scale:
            self.samples.add(self.pairs[-1].h * 1e-2)
        inside = self.pairs[-1]
        if not inside.finite:
            side = "left" if not math.isfinite(inside.left) else "right"
            return self._edge(f"f is undefined on its {side}")
        self.samples.add_ladder(inside.h / RATIOS[0])
        return self._refine(self.pairs[-1])

    def _refine(self, fine: Pair) -> Estimate:
        """Add steps until the bound is small enough, or no step can make it smaller."""
        looked_closely = False
        tried = (0, 0.0)
        while tried != (len(self.pairs), self.samples.noise) and len(self.pairs) < _MOST_PAIRS:
            tried = (len(self.pairs), self.samples.noise)
            if not self.quantum and self.samples.is_quantised(fine):
                self.quantum = self.samples.smallest_change()
                if self.samples.secant(self.pairs[0]) * fine.h > 4 * self.samples.noise:
                    self.samples.noise = max(self.samples.noise, self.quantum)
            best = self._best()
            if best and self._is_good(best):
                break
            if not self.samples.moves():
                break
            closer = self._finest_useful_step(fine)
            if not looked_closely and closer < fine.h and self._is_rough(fine):
                looked_closely = True
                self.samples.add_ladder(closer)
                found = self._kink_or_edge()
                if found:
                    return found
                fine = self.pairs[-1]
            elif best is None:
                self.samples.add_ladder(fine.h)
                fine = self.samples.add(fine.h * _FINE)
            elif not (self._go_down(best) if best.truncation > best.noise else self._go_up(best)):
                break
        return self._conclude()

    def _conclude(self) -> Estimate:
        best = self._best()
        if best is None:
            return Estimate(0.0, math.inf, noise=self.samples.noise)
        has_steps = self.quantum > 64 * UNIT_ROUNDOFF * abs(self.samples.center)
        behaviour = "quantised" if has_steps else "smooth"
        h, secant = self.pairs[best.finest].h, self._comparable(best)
        return Estimate(
            best.value, best.bound, behaviour, noise=self.samples.noise, secant=secant, step=h
        )

    def _edge(self, reason: str) -> Estimate:
        return Estimate(math.nan, math.inf, "edge", noise=self.samples.noise, reason=reason)

    def _comparable(self, best: Window) -> float:
        """Return the largest slope of f between x and a point that was tried, beyond noise.

        A derivative of zero is compared with it. It says nothing of a window whose bound is wider
        than all that the finest pair shows, since f may just change faster far away: 0, then.
        """
        finest = self.pairs[-1]
        if best.bound > self.samples.secant(finest) + 4 * self.samples.noise_of(finest) / finest.h:
            return 0.0
        largest = max(
            self.samples.secant(pair) - 4 * self.samples.noise_of(pair) / pair.h
            for pair in self.pairs
            if pair.finite
        )
        rounding = 100 * UNIT_ROUNDOFF * abs(self.samples.center)
        return largest if largest * self.scale > rounding else 0.0

    def _best(self) -> Window | None:
        found = windows(self.samples, central)
        return best_of(w for w in found if explains(self.samples, w, self.precision))

    def _is_good(self, best: Window) -> bool:
        size = abs(best.value)
        if size <= best.bound:
            size = self._comparable(best)
        return best.bound <= self.precision / 4 * size

    def _go_up(self, best: Window) -> bool:
        """Add a coarser pair, or three where one would not bring the noise down far enough."""
        coarsest = self.pairs[best.coarsest]
        if best.coarsest > 0 and self.pairs[best.coarsest - 1].h < 4 * coarsest.h:
            return False
        excess = best.noise / max(self.precision * abs(best.value), best.truncation, 1e-300)
        if excess > 100:
            self.samples.add_ladder(coarsest.h * min(excess / 10, 1e4))
        else:
            self.samples.add(coarsest.h * RATIOS[len(self.pairs) % len(RATIOS)])
        return all(pair.finite for pair in self.pairs[:1])

    def _go_down(self, best: Window) -> bool:
        """Add a pair below those around the best window, unless noise is their limit already."""
        finest = best.finest
        while finest + 1 < len(self.pairs) and self.pairs[finest].h < 4 * self.pairs[finest + 1].h:
            finest += 1
        found = windows(self.samples, central)
        if any(w.finest == finest and w.noise > w.truncation for w in found):
            return False
        self.samples.add(self.pairs[finest].h / RATIOS[len(self.pairs) % len(RATIOS)])
        return True

    # Kinks and edges

    def _is_rough(self, fine: Pair) -> bool:
        """Tell whether slopes differ or grow between a ladder and the fine pair below it."""
        coarse = next((p for p in reversed(self.pairs) if p.h > 10 * fine.h and p.finite), None)
        return coarse is not None and self.samples.roughness(coarse, fine) < 0.35

    def _finest_useful_step(self, fine: Pair) -> float:
        """Return the coarsest step of a ladder on which noise is a hundredth of what is seen."""
        bend, noise = abs(self.samples.bend(fine)), self.samples.noise_of(fine) / fine.h
        seen = bend if bend > 16 * noise else self.samples.secant(fine)
        if seen == 0:
            return fine.h
        least = _FINEST * self.scale
        return max(400 * self.samples.noise_of(fine) / seen, least) * RATIOS[0] * RATIOS[1]

    def _kink_or_edge(self) -> Estimate | None:
        """Judge what the finest pairs show, once they are as fine as the noise allows."""
        coarse, _, fine = self.pairs[-3:]
        if not fine.finite or not coarse.finite:
            return None
        roughness = self.samples.roughness(coarse, fine)
        if roughness < -0.25:
            jumps = roughness < -0.8
            return self._edge("f jumps here" if jumps else "slope without bound")
        if roughness > 0.35:
            return None
        right = best_of(windows(self.samples, partial(one_sided, side=lambda pair: pair.right)))
        left = best_of(windows(self.samples, partial(one_sided, side=lambda pair: pair.left)))
        if right is None or left is None:
            return None
        bound = max(right.bound, left.bound)
        return Estimate(
            (right.value - left.value) / 2,
            bound,
            "kink",
            slopes=(-left.value, right.value),
            slope_bound=bound,
            noise=self.samples.noise,
            secant=self.samples.secant(fine),
            step=fine.h,
        )
