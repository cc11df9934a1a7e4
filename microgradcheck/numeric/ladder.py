"""A derivative with its error bound: many steps, extrapolated, and the noise of f measured.

A central difference errs by truncation, which grows with the step, and by the noise of f, which
grows as the step shrinks. Two pairs of points far apart, both near to x, are mostly enough to know
both. Where they are not, ladders of steps go up against noise, or down against truncation. Every
few neighbouring rungs, a window, are extrapolated to a step of zero, and the window's bound says
how far its value can be off. The window with the smallest bound is taken among those that no finer
window contradicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from microgradcheck.numeric.findings import (
    Estimate,
    diverges,
    edge,
    finest_useful_step,
    hear,
    is_rough,
    kink_near_by,
    kink_or_edge,
    times,
)
from microgradcheck.numeric.flats import flatness, moves_far_away, sawtooth
from microgradcheck.numeric.samples import RATIOS, UNIT_ROUNDOFF, Samples, exact_step
from microgradcheck.numeric.windows import Window, best_of, central, explains, windows

__all__ = ["Estimate", "estimate_along", "first_steps"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

# Relative to the scale of x: small enough for functions that change over a thousandth of it.
_NEAR, _FINE = 4e-6, 2e-7
_FAR = 1e-3  # for functions that cost little, since a look at finer steps does so, too
_WIDE = 0.016  # where a ladder begins if nothing is seen so near
_BELOW = 2e-4  # the pair that looks for structure below a ladder, relative to its finest step
_FINEST = 1e-13  # relative to the scale of x
_MOST_PAIRS = 24
_LARGEST = 2.0**960
_LOOKS = 3
_UNSEEN = 1e-4 / 2  # relative: where that is the bound, the power is 1e-4


def estimate_along(
    at: Callable[[float], float],
    x: float,
    scale: float,
    noise: float,
    precision: float,
    *,
    claim: float | None = None,
    wide: bool = False,
) -> Estimate:
    """Return the derivative of a function of one step at a step of zero.

    Args:
        at: f(x + step) as a function of the step; nan where f is undefined.
        x: the number that is moved; steps are rounded so that x + step is exact.
        scale: the length over which x is moved first.
        noise: the standard deviation of f's noise, where it is known to exceed round-off.
        precision: the relative error that is good enough.
        claim: what somebody says the derivative is. Where a closer look shows that f may follow
            it after all, the bound is wide enough for both.
        wide: whether to begin with a larger step, since f costs little.
    """
    search = _Search(at, x, scale, noise, precision, wide=wide)
    if _LARGEST < abs(search.samples.center) < math.inf:
        # Sums of such values overflow, those of a small part of them do not.
        told = None if claim is None else claim / _LARGEST
        part = (lambda step: at(step) / _LARGEST, x, scale, noise / _LARGEST, precision)
        return times(estimate_along(*part, claim=told, wide=wide), _LARGEST)
    found = search.estimate()
    if claim is None:
        return found
    if found.behaviour == "smooth" and found.error_bound < abs(claim - found.value):
        found = search.look_around(found)
    return hear(claim, found, search.samples)


def first_steps(x: float, scale: float, *, wide: bool = False) -> list[float]:
    """Return the steps that `estimate_along` always tries first, both ways.

    Example:
        >>> first_steps(0.0, 1.0)
        [4e-06, 2e-07]
    """
    steps = (_FAR, _NEAR) if wide else (_NEAR, _FINE)
    return [exact_step(x, h * scale) for h in steps]


class _Search:
    """The decision which steps to try next, and what to make of them."""

    def __init__(
        self,
        at: Callable[[float], float],
        x: float,
        scale: float,
        noise: float,
        precision: float,
        *,
        wide: bool,
    ) -> None:
        self.samples = Samples(at, x, noise)
        self.pairs = self.samples.pairs
        self.scale, self.precision, self.wide = scale, precision, wide
        self.quantum = 0.0
        self.rough_above = 0.0

    def estimate(self) -> Estimate:
        if not math.isfinite(self.samples.center):
            return Estimate(math.nan, math.inf, "edge", reason="f is undefined here")
        first = first_steps(self.samples.x, self.scale, wide=self.wide)
        self.near, self.fine = map(self.samples.add, first)
        if not (self.near.finite and self.fine.finite):
            return self._near_a_border()
        return self._refine()

    def _near_a_border(self) -> Estimate:
        """Find steps that stay inside f's domain, or the side on which there are none."""
        inside, h = self.pairs[-1], math.inf
        while not inside.finite and _FINEST * self.scale < inside.h < h:
            h = inside.h
            inside = self.samples.add(h * 1e-2)
        if not inside.finite:
            ends = {"left": inside.left, "right": inside.right}
            side = next((name for name, f in ends.items() if not math.isfinite(f)), None)
            reason = f"f is undefined on its {side}" if side else "slope without bound"
            return edge(self.samples, reason)
        self.samples.add_ladder(inside.h / RATIOS[0])
        return self._refine()

    def look_around(self, found: Estimate) -> Estimate:
        """Return an estimate, or a better one where it is the slope of a tooth of rounding."""
        known, h = len(self.pairs), self.pairs[0].h
        while h < _WIDE * self.scale:
            h = min(30 * h, _WIDE * self.scale)
            self.samples.add(h)
        best = self._best() if len(self.pairs) > known else None
        return (best and self._smooth_out(best)) or found

    def _refine(self) -> Estimate:
        found = self._search()
        if isinstance(found, Estimate):
            return found
        if self.rough_above and (found is None or found.bound > _UNSEEN * abs(found.value)):
            kink = kink_near_by(self.samples, self.rough_above, self.precision)
            if kink:
                return kink
        return (found and self._smooth_out(found)) or self._conclude(found)

    def _smooth_out(self, best: Window) -> Estimate | None:
        tooth = sawtooth(self.samples, best) if abs(best.value) > best.bound else 0.0
        if not tooth:
            is_edge = not self._is_good(best) and diverges(self.samples)
            return edge(self.samples, "slope without bound") if is_edge else None
        self.samples.noise = max(self.samples.noise, tooth)
        found = self._search()
        return found if isinstance(found, Estimate) else self._conclude(found)

    def _search(self) -> Window | Estimate | None:
        """Add steps until the bound is small enough, or no step can make it smaller."""
        looked_wide, looks = False, 0
        fine = self.pairs[-1]
        tried = (0, 0.0)
        while tried != (len(self.pairs), self.samples.noise) and len(self.pairs) < _MOST_PAIRS:
            tried = (len(self.pairs), self.samples.noise)
            if not self.quantum and self.samples.is_quantised(fine):
                self.quantum = self.samples.smallest_change()
                if self.pairs[0].secant * fine.h > 4 * self.samples.noise:
                    self.samples.noise = max(self.samples.noise, self.quantum)
            best = self._best()
            if best and self._is_good(best):
                return best
            if not looked_wide and (best is None or abs(best.value) <= best.bound):
                looked_wide = True
                stays = not (self.samples.moves() or moves_far_away(self.samples, self.scale))
                self.samples.add(_WIDE * self.scale)
                if not stays or self.samples.moves():
                    self.samples.add_ladder(_WIDE * self.scale)
                continue
            if not self.samples.moves():
                return best
            closer = finest_useful_step(self.samples, fine, _FINEST * self.scale, digits=2)
            if (
                looks < _LOOKS
                and closer < fine.h / (10 * looks or 1)
                and is_rough(self.samples, fine)
            ):
                looks += 1
                self.rough_above = finest_useful_step(self.samples, fine, closer, digits=4)
                self.samples.add_ladder(closer)
                fine = self.pairs[-1]
                found = kink_or_edge(self.samples, self.precision)
                # What jumps on these steps may be seen to be steep on finer ones, if any are left.
                finer = finest_useful_step(self.samples, fine, _FINEST * self.scale, digits=2)
                if found and (found.behaviour == "kink" or finer > fine.h / 10 or looks == _LOOKS):
                    return found
            elif best is None:
                self.samples.add_ladder(fine.h)
                fine = self.samples.add(fine.h * _BELOW)
            elif not (self._go_down(best) if best.is_truncated else self._go_up(best)):
                return best
        return self._best()

    def _conclude(self, best: Window | None) -> Estimate:
        if best is None:
            return Estimate(0.0, math.inf, noise=self.samples.noise)
        noise, secant = self.samples.noise, self._comparable(best)
        found = Estimate(
            best.value,
            best.bound,
            noise=noise,
            secant=secant,
            step=self.pairs[best.finest].h,
        )
        if self.quantum > 64 * UNIT_ROUNDOFF * abs(self.samples.center):
            return found._replace(behaviour="quantised")
        if abs(best.value) > best.bound or secant:
            return found
        flat = flatness(self.samples, self.scale)
        if flat.jump:
            bound = max(best.bound, flat.jump / flat.still)
            return found._replace(
                behaviour="quantised", error_bound=bound, noise=max(noise, flat.jump)
            )
        if flat.is_flat and not self.samples.moves():
            found = found._replace(error_bound=min(best.bound, flat.slope))
        return found._replace(is_flat=flat.is_flat)

    def _comparable(self, best: Window) -> float:
        """Return the largest slope of f between x and a point of a window, beyond noise.

        A derivative of zero is compared with it. Where noise hides all that f does on the finest
        steps of the window, f may be another function on steps that are wider than all of it.
        """
        slopes = [
            pair.secant - 16 * self.samples.noise_of(pair) / pair.h if pair.finite else 0.0
            for pair in self.pairs
        ]
        is_seen = slopes[best.finest] > 0
        largest = max(slopes if is_seen else slopes[best.coarsest :])
        rounding = 100 * UNIT_ROUNDOFF * abs(self.samples.center)
        return largest if largest * self.scale > rounding else 0.0

    def _best(self) -> Window | None:
        found = self._windows()
        return best_of(w for w in found if explains(self.samples, w, self.precision))

    def _windows(self) -> list[Window]:
        """Return all windows from fine to coarse, and that of the first two pairs among them."""
        found = windows(self.samples, central)
        if self.near.finite and self.fine.finite and self.near != self.fine:
            finest, coarsest = map(self.pairs.index, (self.fine, self.near))
            first = central(self.samples, [self.fine, self.near])
            found.append(Window(*first, finest, coarsest))
        return sorted(found, key=lambda window: -window.finest)

    def _is_good(self, best: Window) -> bool:
        size = abs(best.value)
        if size <= best.bound:
            size = self._comparable(best)
        return best.bound <= self.precision / 2 * size

    def _go_up(self, best: Window) -> bool:
        """Add a coarser pair, or three where one would not bring the noise down far enough.

        Not where truncation is the limit of those that are coarser already.
        """
        coarsest = best.coarsest
        while coarsest and self.pairs[coarsest - 1].h < 4 * self.pairs[coarsest].h:
            coarsest -= 1
        limited = any(w.coarsest == coarsest and w.is_truncated for w in self._windows())
        if limited or not self.pairs[coarsest].finite:
            return False
        h = self.pairs[coarsest].h
        excess = best.noise / max(self.precision * abs(best.value), best.truncation, 1e-300)
        if excess > 100:
            self.samples.add_ladder(h * min(excess / 10, 1e4))
        else:
            self.samples.add(h * RATIOS[len(self.pairs) % len(RATIOS)])
        return True

    def _go_down(self, best: Window) -> bool:
        """Add a pair below those around the best window, unless noise is their limit already."""
        finest = best.finest
        while finest + 1 < len(self.pairs) and self.pairs[finest].h < 4 * self.pairs[finest + 1].h:
            finest += 1
        found = self._windows()
        if any(w.finest == finest and not w.is_truncated for w in found):
            return False
        self.samples.add(self.pairs[finest].h / RATIOS[len(self.pairs) % len(RATIOS)])
        return True
