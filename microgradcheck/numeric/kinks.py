"""Kinks and edges: what a function does at a point where its slopes do not settle."""

from __future__ import annotations

import math
from functools import partial

from microgradcheck.numeric.outcome import Estimate
from microgradcheck.numeric.samples import RATIOS, UNBOUNDED, Pair, Samples
from microgradcheck.numeric.windows import best_of, one_sided, windows

__all__ = ["edge", "finest_useful_step", "is_rough", "kink_or_edge"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_SMOOTH = 0.35  # slopes on both sides whose difference shrinks as this power of h become one
_JUMP = -0.8  # slopes that grow faster than this power of h are those of a jump


def is_rough(samples: Samples, fine: Pair) -> bool:
    """Tell whether slopes differ or grow between coarser pairs and a fine one."""
    coarse = next((p for p in reversed(samples.pairs) if p.h > 10 * fine.h and p.finite), None)
    return coarse is not None and samples.roughness(coarse, fine) < _SMOOTH


def finest_useful_step(samples: Samples, fine: Pair, least: float) -> float:
    """Return the coarsest step of a ladder on which noise is a hundredth of what is seen.

    Args:
        samples: what is known of f.
        fine: the pair at which something is seen: a bend, or a slope.
        least: the finest step to return.
    """
    bend, noise = abs(fine.bend), samples.noise_of(fine) / fine.h
    seen = bend if bend > 16 * noise else fine.secant
    if seen == 0:
        return fine.h
    return max(400 * samples.noise_of(fine) / seen, least) * RATIOS[0] * RATIOS[1]


def kink_or_edge(samples: Samples) -> Estimate | None:
    """Judge what the finest pairs show, once they are as fine as the noise allows."""
    coarse, _, fine = samples.pairs[-3:]
    if not fine.finite or not coarse.finite:
        return None
    roughness = samples.roughness(coarse, fine)
    if roughness < UNBOUNDED:
        return edge(samples, "f jumps here" if roughness < _JUMP else "slope without bound")
    if roughness > _SMOOTH:
        return None
    right = best_of(windows(samples, partial(one_sided, side=lambda pair: pair.right)))
    left = best_of(windows(samples, partial(one_sided, side=lambda pair: pair.left)))
    if right is None or left is None:
        return None
    bound = max(right.bound, left.bound)
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


def edge(samples: Samples, reason: str) -> Estimate:
    """Return what is found where there is no slope."""
    return Estimate(math.nan, math.inf, "edge", noise=samples.noise, reason=reason)
