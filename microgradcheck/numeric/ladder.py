"""A derivative with its error bound: many steps, extrapolated, and the noise of f measured.

A central difference errs by truncation, which grows with the step, and by the noise of f, which
grows as the step shrinks. Two pairs of points are mostly enough to know both. Where they are not,
ladders of steps go up against noise, or down against truncation. Every few neighbouring rungs, a
window, are extrapolated to a step of zero, with a bound of the error; and the window with the
smallest bound is taken among those that no finer steps contradict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from microgradcheck.numeric.findings import (
    Estimate,
    diverges,
    edge,
    hear,
    kink_near_by,
    look_closer,
    times,
)
from microgradcheck.numeric.flats import WIDE, moves_far_away, sawtooth, where_flat, where_still
from microgradcheck.numeric.samples import (
    RATIOS,
    ROUND_OFF,
    UNIT_ROUNDOFF,
    Pair,
    Samples,
    Window,
    exact_step,
    ladder,
    ranked,
)

__tracebackhide__ = True  # from pytest

# Relative to the scale of x: small enough for functions that change over a thousandth of it.
_NEAR, _FINE = 4e-6, 2e-7
_FAR = 1e-3  # for functions that cost little, since a look at finer steps does so, too
_BELOW = 2e-4  # the pair that looks for structure below a ladder, relative to its finest step
_FINEST = 1e-13  # relative to the scale of x
_MOST_PAIRS = 24
_LARGEST_VALUE = 2.0**960
_SEEN = 100  # times the noise
_WORSE = 4  # times the best bound: what finer steps show is of no use
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
        x: the number that is moved.
        scale: the length over which x is moved first.
        noise: the standard deviation of f's noise, where it is known to exceed round-off.
        precision: the relative error that is good enough.
        claim: what somebody says the derivative is, which has a closer look before it is
            contradicted.
        wide: whether to begin with a larger step, since f costs little.
    """
    samples = Samples(at, x, noise, scale, precision)
    if _LARGEST_VALUE < abs(samples.center) < math.inf:
        # Sums of such values overflow, those of a small part of them do not.
        told = claim and claim / _LARGEST_VALUE
        part = (lambda step: at(step) / _LARGEST_VALUE, x, scale, noise / _LARGEST_VALUE, precision)
        return times(estimate_along(*part, claim=told, wide=wide), _LARGEST_VALUE)
    search, first = _Search(samples), first_steps(x, scale, wide=wide)
    found = where_still(samples, first, claim) or search.estimate(first)
    if claim is None:
        return found
    agrees = not found.error_bound < abs(claim - found.value)
    if found.behaviour == "smooth" and not agrees:
        found = search.look_around(abs(claim - found.value))
    return hear(claim, found, samples, agrees=agrees)


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

    first: Sequence[Pair] = ()
    quantum: float
    looked_wide = False
    doubt = math.inf  # how far a claim is off

    def __init__(self, samples: Samples) -> None:
        self.samples, self.pairs, self.scale = samples, samples.pairs, samples.scale

    def estimate(self, first: Sequence[float]) -> Estimate:
        if not math.isfinite(self.samples.center):
            return edge(self.samples, "f is undefined here")
        near, fine = map(self.samples.add, first)
        if near.finite:
            self.first = [fine, near] if fine.finite else []
            return self.refine()
        # Find steps that stay inside f's domain, or the side on which there are none.
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
        return self.refine()

    def look_around(self, doubt: float) -> Estimate:
        """Return an estimate from wider steps as well, which show whether f has teeth."""
        self.doubt = doubt
        h = self.pairs[0].h
        while h < WIDE * self.scale:
            h = min(30 * h, WIDE * self.scale)
            self.samples.add(h)
        return self.refine()

    def refine(self) -> Estimate:
        found = self._search()
        self.quantum = self.samples.quantum()
        # What f shows within one of its own steps is not its slope.
        still = next((p.h for p in self.pairs if not p.secant), self.pairs[-1].h)
        should_move = self.pairs[0].secant * still > 4 * self.samples.noise
        hole = self.samples.hole()
        step = max(self.quantum if should_move else 0.0, hole)
        if isinstance(found, Window) and abs(found.value) > found.bound:
            step = max(step, sawtooth(self.samples, found, self.doubt))
        if step > self.samples.noise:
            self.samples.noise = step
            if hole:
                # Between what rounding makes undefined, nothing is seen of f.
                self.first = ()
                self.pairs[:] = [p for p in self.pairs if p.secant * p.h > 16 * step]
            found = self._search()
        if isinstance(found, Estimate):
            return found
        is_hidden = found is None or found.bound > _UNSEEN * abs(found.value)
        if self.samples.rough_above and is_hidden:
            kink = kink_near_by(self.samples)
            if kink:
                return kink
        if found is None:
            return Estimate(0.0, math.inf, noise=self.samples.noise)
        if not self._is_good(found) and diverges(self.samples):
            return edge(self.samples, "slope without bound")
        return self._conclude(found)

    def _search(self) -> Window | Estimate | None:
        """Add steps until the bound is small enough, or no step can make it smaller."""
        known = 0
        while known < len(self.pairs) < _MOST_PAIRS:
            known = len(self.pairs)
            found = self._windows()
            best = self._best(found)
            if best and self._is_good(best):
                return best
            if not self.looked_wide and (best is None or abs(best.value) <= best.bound):
                self.looked_wide = True
                self.samples.add(WIDE * self.scale)
                if self.samples.moves() or moves_far_away(self.samples):
                    self.samples.add_ladder(WIDE * self.scale)
                continue
            if not self.samples.moves():
                return best
            least = max(_FINEST * self.scale, math.ulp(self.samples.x))
            rough = look_closer(self.samples, least)
            if rough:
                return rough
            if len(self.pairs) > known:
                continue
            if best:
                self._extend(best, found)
            else:
                fine = self.pairs[-1].h
                self.samples.add_ladder(fine)
                self.samples.add(fine * _BELOW)
        return self._best(self._windows())

    def _extend(self, best: Window, found: list[Window]) -> None:
        """Add finer or coarser steps, whichever a window lacks, unless those beyond it do not."""
        known = len(self.pairs)
        if best.is_truncated:
            self._extend_to(best, found, down=True)
        # By chance, noise can look like truncation, which finer steps do not make smaller.
        if len(self.pairs) == known:
            self._extend_to(best, found, down=False)
        if len(self.pairs) == known:
            # As next to a kink, where wider steps are of no use, and the finest is all noise.
            self._fill(best)

    def _fill(self, best: Window) -> None:
        """Add steps between the first two if a window has no more than those."""
        coarse, fine = self.pairs[best.coarsest], self.pairs[best.finest]
        if best.finest == best.coarsest + 1 and coarse.h > 4 * fine.h:
            for step in ladder(coarse.h)[1:]:
                self.samples.add(step)

    def _extend_to(self, best: Window, found: list[Window], *, down: bool) -> None:
        outward = self.pairs[best.finest :] if down else self.pairs[best.coarsest :: -1]
        end = next((a for a, b in pairwise(outward) if not 1 / 4 <= a.h / b.h <= 4), outward[-1])
        others = (w for w in found if w is not best)
        beyond = [w for w in others if self.pairs[w.finest if down else w.coarsest] is end]
        if not end.finite or any(window.is_truncated != down for window in beyond):
            return
        if down and beyond and min(window.bound for window in beyond) > _WORSE * best.bound:
            return  # More noise than was measured looks like truncation there.
        h, ratio = end.h, RATIOS[len(self.pairs) % len(RATIOS)]
        excess = best.noise / max(self.samples.precision * abs(best.value), best.truncation, 1e-300)
        if down:
            # Beside a slope of zero, finer steps are of no use where noise hides how f moves.
            if abs(best.value) > best.bound or self._is_seen_below(end):
                self.samples.add(h / ratio)
        elif excess > 100:
            # One step would not bring the noise down far enough.
            self.samples.add_ladder(h * min(excess / 10, 1e4))
        else:
            self.samples.add(h * ratio)

    def _is_seen_below(self, end: Pair) -> bool:
        """Tell whether f moves by more than noise at a finer step, too, or not even at this one."""
        before = self.pairs[max(self.pairs.index(end) - 1, 0)]
        shrinks = min(end.secant / before.secant, 1.0) if before.secant else 1.0
        moves = shrinks * end.secant * end.h
        return not end.secant or moves > _SEEN * self.samples.noise_of(end)

    def _conclude(self, best: Window) -> Estimate:
        found = Estimate(
            best.value,
            best.bound,
            noise=self.samples.noise,
            secant=self._comparable(best),
            step=self.pairs[best.finest].h,
        )
        if self.quantum > 64 * UNIT_ROUNDOFF * abs(self.samples.center):
            return found._replace(behaviour="quantised")
        is_seen = abs(best.value) > 2 * best.bound or found.secant
        return found if is_seen else where_flat(self.samples, found)

    def _comparable(self, best: Window) -> float:
        """Return the largest slope of f near by, to compare one of zero with.

        Where noise hides all that f does on the finest steps of the window, f may be another
        function on steps that are wider than all of it.
        """
        is_seen = self._secant(self.pairs[best.finest : best.finest + 1]) > 0
        return self._secant(self.pairs if is_seen else self.pairs[best.coarsest :])

    def _secant(self, pairs: Sequence[Pair]) -> float:
        """Return the largest slope between x and any of these steps, beyond noise and rounding."""
        noise_of = self.samples.noise_of
        seen = [p.secant - 16 * noise_of(p) / p.h for p in pairs if p.finite]
        rounding = ROUND_OFF * abs(self.samples.center)
        largest = max(seen, default=0.0)
        return largest if largest * self.scale > rounding else 0.0

    def _windows(self) -> list[Window]:
        """Return all windows, and that of the first two pairs among them."""
        found = self.samples.windows()
        if self.first:
            finest, coarsest = map(self.pairs.index, self.first)
            if finest != coarsest:
                found.append(Window(*self.samples.extrapolated(self.first), finest, coarsest))
        return found

    def _best(self, found: list[Window]) -> Window | None:
        return next((w for w in ranked(found) if self.samples.explains(w)), None)

    def _is_good(self, best: Window) -> bool:
        size = abs(best.value)
        if size <= best.bound:
            # Not beside wider steps: f may bend next to x, and these be blind to it.
            size = self._secant(self.pairs[best.coarsest :])
        return best.bound <= self.samples.precision / 2 * size
