"""Kinks and edges: what a function does at a point where its slopes do not settle."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter

from microgradcheck.numeric.outcome import Estimate
from microgradcheck.numeric.samples import RATIOS, UNBOUNDED, Pair, Samples
from microgradcheck.numeric.windows import Window, best_of, one_sided, windows

__all__ = ["diverges", "edge", "finest_useful_step", "is_rough", "kink_near_by", "kink_or_edge"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_SMOOTH = 0.35  # slopes on both sides whose difference shrinks as this power of h become one
_MORE = 3  # ladders
_COARSER = 40  # so that three steps are
_JUMP = -0.8  # slopes that grow faster than this power of h are those of a jump


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


def edge(samples: Samples, reason: str) -> Estimate:
    """Return what is found where there is no slope."""
    return Estimate(math.nan, math.inf, "edge", noise=samples.noise, reason=reason)
