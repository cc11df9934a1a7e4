"""What a search for a derivative finds: estimates, kinks and edges, and what claims add to it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from microgradcheck.numeric.samples import RATIOS, UNBOUNDED, UNIT_ROUNDOFF, Pair, Samples, ladder
from microgradcheck.numeric.windows import Window, best_of, central, one_sided, windows

__all__ = [
    "Estimate",
    "diverges",
    "edge",
    "finest_useful_step",
    "hear",
    "is_rough",
    "kink_near_by",
    "kink_or_edge",
    "times",
]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_SMOOTH = 0.35  # slopes on both sides whose difference shrinks as this power of h become one
_MORE = 3  # ladders
_COARSER = 40  # so that three steps are
_JUMP = -0.8  # slopes that grow faster than this power of h are those of a jump
_SLIGHT = 10  # error bounds: a contradiction by less than that is looked at again
_FINEST = (3e-10, 1e-12, 1e-14)  # relative to x: steps that waves which pass for noise are seen on
_BETWEEN = 1.55  # about the root of the steps' ratios


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
        secant: the largest slope of f between x and a point of that window or nearer, beyond its
            noise, which a derivative of zero can be compared with; 0 where it cannot.
        step: the finest step of the window that the value comes from.
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
    slope_bound: float = 0.0
    noise: float = 0.0
    secant: float = 0.0
    step: float = 0.0
    reason: str = ""
    is_flat: bool = False


def is_rough(samples: Samples, fine: Pair) -> bool:
    """Tell whether slopes differ or grow between coarser pairs and a fine one."""
    coarse = next((p for p in reversed(samples.pairs) if p.h > 10 * fine.h and p.finite), None)
    return coarse is not None and samples.roughness(coarse, fine) < _SMOOTH


def finest_useful_step(samples: Samples, fine: Pair, least: float, digits: int) -> float:
    """Return the coarsest step of a ladder on which noise leaves so many digits of what is seen.

    Args:
        samples: what is known of f.
        fine: the pair at which something is seen: a bend, or a slope.
        least: the finest step to return.
        digits: how many.
    """
    bend, noise = abs(fine.bend), samples.noise_of(fine) / fine.h
    seen = bend if bend > 16 * noise else fine.secant
    if seen == 0:
        return fine.h
    return max(4 * 10.0**digits * samples.noise_of(fine) / seen, least) * RATIOS[0] * RATIOS[1]


def kink_or_edge(samples: Samples, precision: float) -> Estimate | None:
    """Judge what the finest pairs show, once they are as fine as the noise allows."""
    coarse, _, fine = samples.pairs[-3:]
    if not fine.finite or not coarse.finite:
        return None
    roughness = samples.roughness(coarse, fine)
    if roughness < UNBOUNDED:
        return edge(samples, "f jumps here" if roughness < _JUMP else "slope without bound")
    if roughness > _SMOOTH:
        return None
    if diverges(samples):
        return edge(samples, "slope without bound")
    slopes = _slopes(samples)
    for _ in range(_MORE):
        if slopes is None:
            return None
        left, right = slopes
        # Whatever is coarser has less noise, and one-sided slopes need it more than central ones.
        size = precision * max(abs(left.value), abs(right.value))
        excess = max(left.bound, right.bound) / max(size, 1e-300)
        if excess < 1 / 4:
            break
        coarsest = samples.pairs[min(left.coarsest, right.coarsest)]
        samples.add_ladder(coarsest.h * min(max(100 * excess, 20), 1e4))
        slopes = _slopes(samples)
    bound = max(left.bound, right.bound)
    return Estimate(
        (right.value - left.value) / 2,
        bound,
        "kink",
        slopes=(-left.value, right.value),
        slope_bound=bound,
        noise=samples.noise,
        secant=fine.secant,
        step=fine.h,
    )


def kink_near_by(samples: Samples, h: float, precision: float) -> Estimate | None:
    """Judge what pairs show that are coarser than a step, where noise hides what finer ones do."""
    coarser = copy.copy(samples)
    coarser.pairs = [pair for pair in samples.pairs if pair.h > h]
    coarser.add_ladder(_COARSER * h)
    found = kink_or_edge(coarser, precision)
    return found if found and found.behaviour == "kink" else None


def _slopes(samples: Samples) -> tuple[Window, Window] | None:
    """Return the slopes away from x on its left and on its right."""
    left, right = best_of(windows(samples, _on_the_left)), best_of(windows(samples, _on_the_right))
    return (left, right) if left and right else None


def _on_the_left(samples: Samples, run: Sequence[Pair]) -> tuple[float, float, float]:
    return one_sided(samples, run, [pair.left for pair in run])


def _on_the_right(samples: Samples, run: Sequence[Pair]) -> tuple[float, float, float]:
    return one_sided(samples, run, [pair.right for pair in run])


def diverges(samples: Samples) -> bool:
    """Tell whether a one-sided slope grows like log(h), as at 0 that of x log(x)."""
    pairs = [pair for pair in samples.pairs if pair.finite]
    return any(
        _grows_evenly([(p.h, (side(p) - samples.center) / p.h, samples.noise_of(p)) for p in pairs])
        for side in (attrgetter("left"), attrgetter("right"))
    )


def _grows_evenly(slopes: Sequence[tuple[float, float, float]]) -> bool:
    """Tell whether slopes change by as much for each power of h, over four powers of ten at least.

    Args:
        slopes: steps, the slopes between x and there, and the noise of f.
    """
    seen = [(math.log(h), slope) for h, slope, noise in slopes if 1e3 * noise < abs(slope) * h]
    if len(seen) < 4 or seen[0][0] - seen[-1][0] < math.log(1e4):
        return False
    rates = [(b - a) / (m - n) for (m, a), (n, b) in pairwise(seen)]
    return max(rates) * min(rates) > 0 and max(map(abs, rates)) < 1.5 * min(map(abs, rates))


def times(found: Estimate, factor: float) -> Estimate:
    """Return the same of a function that is so many times as large."""
    return found._replace(
        value=found.value * factor,
        error_bound=found.error_bound * factor,
        slopes=found.slopes and (found.slopes[0] * factor, found.slopes[1] * factor),
        slope_bound=found.slope_bound * factor,
        noise=found.noise * factor,
        secant=found.secant * factor,
    )


def edge(samples: Samples, reason: str) -> Estimate:
    """Return what is found where there is no slope."""
    return Estimate(math.nan, math.inf, "edge", noise=samples.noise, reason=reason)


# Claims


def hear(claim: float, found: Estimate, samples: Samples) -> Estimate:
    """Return an estimate with a bound that is wide enough for a claim that may be right after all.

    Args:
        claim: what somebody says the derivative is.
        found: an estimate of it.
        samples: where that comes from. More steps are tried if the claim lies beyond its bound.
    """
    gap = abs(claim - found.value)
    if found.behaviour != "smooth" or not gap < math.inf:
        return found
    noisy = samples.noise > 100 * UNIT_ROUNDOFF * max(
        abs(samples.center), abs(samples.x * found.value)
    )
    if gap <= found.error_bound:
        bound = _distance_to_waves(samples, found.value) if noisy else 0.0
        if bound <= found.error_bound:
            return found
        return found._replace(error_bound=bound, secant=0.0)
    slight = gap < _SLIGHT * found.error_bound
    if (slight and _is_nearer(samples, claim, found)) or (
        noisy and _has_finer_waves(samples, claim, found)
    ):
        # With secants that may be those of noise, a slope of zero cannot be compared.
        return found._replace(error_bound=gap, secant=0.0)
    return found


def _distance_to_waves(samples: Samples, slope: float) -> float:
    """Return how far from a slope that is which f has on the finest steps, where it has one."""
    scale = abs(samples.x) or 1.0
    for h in _FINEST:
        distances: list[float] = []
        for step in ladder(h * scale):
            pair = samples.look(step)
            if samples.center in (pair.left, pair.right):
                return 0.0  # f is quantised.
            distances.append(pair.slope - slope)
            rounding = max(pair.rounding, UNIT_ROUNDOFF * abs(samples.center)) / pair.h
            least, most = sorted((distances[0], distances[-1]))
            if most - least > 0.02 * abs(most) or 10 * rounding > abs(most):
                break
        else:
            return abs(distances[-1])
    return 0.0


def _is_nearer(samples: Samples, claim: float, found: Estimate) -> bool:
    """Tell whether steps around those of an estimate, but none of them, agree with a claim more."""
    coarsest = found.step * RATIOS[0] * RATIOS[1] / _BETWEEN
    again = central(samples, [samples.add(step) for step in reversed(ladder(coarsest))])[0]
    return abs(again - claim) < abs(again - found.value)


def _has_finer_waves(samples: Samples, claim: float, found: Estimate) -> bool:
    """Tell whether f follows a claim on steps so fine that its waves passed for noise."""
    gap = abs(claim - found.value)
    h = samples.noise / (16 * gap)  # where noise of this size would hide all of the gap
    if h < math.ulp(samples.x):
        # No step is as fine. Does f change like that even between x and the next number?
        return samples.look(h).secant > gap / 4
    return all(
        pair.left != pair.right and abs(pair.slope - claim) < gap / 4
        for pair in map(samples.look, ladder(h))
    )
