"""What a search for a derivative finds: estimates, kinks and edges, and what claims add to it."""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import NamedTuple

from microgradcheck.numeric.samples import (
    RATIOS,
    ROUND_OFF,
    UNBOUNDED,
    UNIT_ROUNDOFF,
    Pair,
    Samples,
    ladder,
    ranked,
)

__tracebackhide__ = True  # from pytest

# Of the power of h by which slopes on both sides differ: 1 where f is smooth, 0 at a kink, and -1
# where it jumps, whose slopes grow by it. Less than 0, down to UNBOUNDED, is noise at a kink.
_SMOOTH, _JUMP = 0.35, -0.8
_MORE = 3  # ladders
_COARSER = 40  # so that three steps are
_SLIGHT = 10  # error bounds: a contradiction by less than that is looked at again
_WAVES = (3e-10, 1e-12, 1e-13, 1e-14)  # relative to x: where waves that pass for noise are seen
_TEETH = (5, 8, 13, 21, 34, 55)  # standard deviations of the noise, by its slope
_TOOTH = 1e-7  # relative to the scale of x: the longest that rounding makes, in float32 too
_BETWEEN = 1.55  # about the root of the steps' ratios


class Estimate(NamedTuple):
    """A derivative and what is known of its error.

    Attributes:
        value: the derivative.
        error_bound: how far the value may be from the true derivative.
        behaviour: "smooth"; "kink", where the slopes on both sides differ; "edge", where f is
            undefined, jumps or has a slope without bound; or "quantised", where f has steps.
        slopes: those on the left and on the right, at a kink.
        noise: the standard deviation of f's own noise, in the units of f.
        secant: the largest slope of f between x and a point near by, beyond its noise, which a
            derivative of zero can be compared with; 0 where it cannot.
        step: the finest step that the value comes from.
        reason: why it is an edge, in words.
        is_flat: whether f stands still but for rounding, also far away or up to a border.

    Example:
        >>> from microgradcheck.numeric import estimate
        >>> found = estimate(abs, 0.0)
        >>> found.behaviour, [round(slope, 9) for slope in found.slopes]
        ('kink', [-1.0, 1.0])
    """

    value: float
    error_bound: float
    behaviour: str = "smooth"
    slopes: tuple[float, float] | None = None
    noise: float = 0.0
    secant: float = 0.0
    step: float = 0.0
    reason: str = ""
    is_flat: bool = False


def look_closer(samples: Samples, least: float) -> Estimate | None:
    """Go down while f is rough, as far as noise allows, and return the kink or edge that it has."""
    found, shrinks = None, 1
    while True:
        fine = samples.pairs[-1]
        if not fine.finite:
            return found  # So near, f is undefined.
        coarse = next((p for p in reversed(samples.pairs) if p.h > 10 * fine.h and p.finite), None)
        if coarse is None or samples.roughness(coarse, fine) >= _SMOOTH:
            return None
        closer = _useful_step(samples, fine, least, digits=2)
        samples.rough_above = _useful_step(samples, fine, closer, digits=4)
        if closer > fine.h / shrinks:
            return found and kink_or_edge(samples, is_closest=True)
        samples.add_ladder(closer)
        found, shrinks = kink_or_edge(samples), 10
        # What jumps on these steps may be seen to be steep on finer ones, if any are left.
        if found and found.behaviour == "kink":
            return found


def _useful_step(samples: Samples, fine: Pair, least: float, digits: int) -> float:
    """Return the step of a ladder on which noise leaves so many digits of a bend or a slope."""
    bend, noise = abs(fine.bend), samples.noise_of(fine)
    seen = bend if bend > 16 * noise / fine.h else fine.secant
    finest = max(4 * 10.0**digits * noise / seen, least)
    return finest * RATIOS[0] * RATIOS[1]  # of which the ladder goes down to the finest


def kink_or_edge(samples: Samples, *, is_closest: bool = False) -> Estimate | None:
    """Judge what the finest pairs show, which may be as close as the noise allows."""
    coarse, between, fine = samples.pairs[-3:]
    if not fine.finite or not coarse.finite:
        return None
    roughness = samples.roughness(coarse, fine)
    if roughness < UNBOUNDED and (not is_closest or _grows_on_all_steps(coarse, between, fine)):
        return edge(samples, "f jumps here" if roughness < _JUMP else "slope without bound")
    if roughness > _SMOOTH:
        return None
    if diverges(samples):
        return edge(samples, "slope without bound")
    for _ in range(_MORE):
        lefts, rights = (ranked(samples.windows(side)) for side in (-1, 1))
        if not (lefts and rights):
            return None
        left, right = lefts[0], rights[0]
        bound = max(left.bound, right.bound)
        excess = bound / max(samples.precision * max(abs(left.value), abs(right.value)), 1e-300)
        if excess < 1 / 4:
            break
        # Whatever is coarser has less noise, and one-sided slopes need it more than central ones.
        coarsest = samples.pairs[min(left.coarsest, right.coarsest)]
        samples.add_ladder(coarsest.h * min(max(100 * excess, 20), 1e4))
    return Estimate(
        (left.value + right.value) / 2,
        bound,
        "kink",
        slopes=(left.value, right.value),
        noise=samples.noise,
        secant=fine.secant,
        step=fine.h,
    )


def _grows_on_all_steps(coarse: Pair, between: Pair, fine: Pair) -> bool:
    """Tell whether a slope grows on all steps, not on the finest alone, as noise next to x does."""
    if not (coarse.secant and between.secant):
        return True  # It jumps.
    before, after = (
        math.log(b.secant / a.secant) / math.log(a.h / b.h)
        for a, b in ((coarse, between), (between, fine))
    )
    return before > after / 4


def kink_near_by(samples: Samples) -> Estimate | None:
    """Return the kink that coarser pairs show, where noise hides what finer ones do."""
    coarser = copy.copy(samples)
    coarser.pairs = [pair for pair in samples.pairs if pair.h > samples.rough_above]
    coarser.add_ladder(_COARSER * samples.rough_above)
    found = kink_or_edge(coarser)
    if not found or found.slopes is None:
        return None
    left, right = found.slopes
    return found if abs(right - left) > found.error_bound else None


def diverges(samples: Samples) -> bool:
    """Tell whether a one-sided slope grows like log(h), as at 0 that of x log(x).

    It then changes by as much for each power of h, over four powers of ten at least.
    """
    return any(_grows_evenly(samples, side) for side in (-1, 1))


def _grows_evenly(samples: Samples, side: int) -> bool:
    seen = [
        (math.log(pair.h), pair.slope_on(side))
        for pair in samples.pairs
        if pair.finite and 1e3 * samples.noise_of(pair) < abs(pair.slope_on(side)) * pair.h
    ]
    if len(seen) < 4 or seen[0][0] - seen[-1][0] < math.log(1e4):
        return False
    # By how much for each power of e: always the same way, and within a factor of 1.5.
    rates = [(b - a) / (m - n) for (m, a), (n, b) in pairwise(seen)]
    sizes = list(map(abs, rates))
    grows = max(rates) < 0 or min(rates) > 0
    return grows and max(sizes) < 1.5 * min(sizes)


def times(found: Estimate, factor: float) -> Estimate:
    """Return the same of a function that is so many times as large."""
    return found._replace(
        value=found.value * factor,
        error_bound=found.error_bound * factor,
        slopes=found.slopes and (found.slopes[0] * factor, found.slopes[1] * factor),
        noise=found.noise * factor,
        secant=found.secant * factor,
    )


def edge(samples: Samples, reason: str) -> Estimate:
    """Return what is found where there is no slope."""
    return Estimate(math.nan, math.inf, "edge", noise=samples.noise, reason=reason)


# Claims


def hear(claim: float, found: Estimate, samples: Samples, *, agrees: bool) -> Estimate:
    """Return an estimate whose bound is wide enough for a claim that may be right after all.

    It may be where f has waves that are finer than all steps and pass for noise, and where a slight
    contradiction is closed by steps between those of the estimate.
    """
    gap, bound = abs(claim - found.value), found.error_bound
    if found.behaviour != "smooth" or not gap < math.inf:
        return found
    size = max(abs(samples.center), abs(samples.x * found.value))
    if samples.noise > ROUND_OFF * size:
        waves, h = _finest_slope(samples, found.value)
        # Teeth of rounding hide the slope on them alone, which is not that of f.
        hidden = gap <= bound and not (agrees and _are_teeth(samples, waves, found.value, h))
        if hidden or abs(claim - waves) < gap / 4:
            bound = max(bound, gap, abs(waves - found.value))
    if bound < gap < _SLIGHT * bound and _is_nearer(samples, claim, found):
        bound = gap
    # With secants that may be those of noise, a slope of zero cannot be compared.
    return found if bound == found.error_bound else found._replace(error_bound=bound, secant=0.0)


def _finest_slope(samples: Samples, slope: float) -> tuple[float, float]:
    """Return the slope of waves that pass for noise, and its step; or else a given slope, and 0."""
    scale = abs(samples.x) or 1.0
    for h in _WAVES:
        offs: list[float] = []
        for step in ladder(h * scale):
            pair = samples.look(step)
            if samples.center in (pair.left, pair.right):
                return slope, 0.0  # f is quantised.
            offs.append(pair.slope - slope)
            rounding = max(pair.rounding, UNIT_ROUNDOFF * abs(samples.center)) / pair.h
            if abs(offs[-1]) < max(10 * rounding, 50 * abs(offs[-1] - offs[0])):
                break
        else:
            return pair.slope, pair.h
    return slope, 0.0


def _are_teeth(samples: Samples, waves: float, slope: float, h: float) -> bool:
    """Tell whether what passes for noise has the same slope nearly everywhere, as rounding makes.

    Where terms cancel, the rounding of each is a stair, and the slope between its steps is that of
    the other terms.
    """
    off, alike = abs(waves - slope), 0
    longest = max(_TOOTH * off * samples.scale, _TOOTH * abs(samples.center))
    if not (off and samples.noise < longest):
        return False  # There are no waves, or they are longer than what rounding makes.
    for teeth in _TEETH:
        near, far = (samples.look(teeth * samples.noise / off + side * h) for side in (-1, 1))
        width = far.h - near.h
        allowed = off / 20 * width + 4 * max(near.rounding, far.rounding)
        for rise in (near.left - far.left, far.right - near.right):
            alike += abs(rise - waves * width) < allowed
    return alike > 2 * len(_TEETH) - 4


def _is_nearer(samples: Samples, claim: float, found: Estimate) -> bool:
    """Tell whether steps around those of an estimate, but none of them, agree with a claim more."""
    coarsest = found.step * RATIOS[0] * RATIOS[1] / _BETWEEN
    again = samples.extrapolated([samples.add(step) for step in reversed(ladder(coarsest))])[0]
    return abs(again - claim) < abs(again - found.value)
