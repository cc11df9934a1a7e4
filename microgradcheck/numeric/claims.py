"""A second look before a claim about a derivative is contradicted."""

from __future__ import annotations

import math

from microgradcheck.numeric.outcome import Estimate
from microgradcheck.numeric.samples import RATIOS, UNIT_ROUNDOFF, Samples, ladder
from microgradcheck.numeric.windows import central

__all__ = ["hear"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_SLIGHT = 10  # error bounds: a contradiction by less than that is looked at again
_FINEST = (3e-10, 1e-12, 1e-14)  # relative to x: steps that waves which pass for noise are seen on
_BETWEEN = 1.55  # about the root of the steps' ratios


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
