"""A second look before a claim about a derivative is contradicted."""

from __future__ import annotations

import math

from microgradcheck.numeric.outcome import Estimate
from microgradcheck.numeric.samples import RATIOS, UNIT_ROUNDOFF, Samples, ladder
from microgradcheck.numeric.windows import central

__all__ = ["hear"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_SLIGHT = 10  # error bounds: a contradiction by less than that is looked at again
_BETWEEN = 1.55  # about the root of the steps' ratios


def hear(claim: float, found: Estimate, samples: Samples) -> Estimate:
    """Return an estimate with a bound that is wide enough for a claim that may be right after all.

    Args:
        claim: what somebody says the derivative is.
        found: an estimate of it.
        samples: where that comes from. More steps are tried if the claim lies beyond its bound.
    """
    gap = abs(claim - found.value)
    if found.behaviour != "smooth" or not found.error_bound < gap < math.inf:
        return found
    slight = gap < _SLIGHT * found.error_bound
    if (slight and _is_nearer(samples, claim, found)) or _has_finer_waves(samples, claim, found):
        # With secants that may be those of noise, a slope of zero cannot be compared.
        return found._replace(error_bound=gap, secant=0.0)
    return found


def _is_nearer(samples: Samples, claim: float, found: Estimate) -> bool:
    """Tell whether steps around those of an estimate, but none of them, agree with a claim more."""
    coarsest = found.step * RATIOS[0] * RATIOS[1] / _BETWEEN
    again = central(samples, [samples.add(step) for step in reversed(ladder(coarsest))])[0]
    return abs(again - claim) < abs(again - found.value)


def _has_finer_waves(samples: Samples, claim: float, found: Estimate) -> bool:
    """Tell whether f follows a claim on steps so fine that its waves passed for noise."""
    x, gap = abs(samples.x), abs(claim - found.value)
    if samples.noise < 100 * UNIT_ROUNDOFF * max(abs(samples.center), x * abs(found.value)):
        return False
    h = samples.noise / (4 * gap)  # where noise of this size would hide the gap
    if h < math.ulp(x):
        # No step is as fine. Does f change like that even between x and the next number?
        nearest = samples.add(h)
        return nearest.secant * nearest.h > samples.noise / 8
    return all(
        pair.left != pair.right and abs(pair.slope - claim) < gap / 4
        for pair in map(samples.add, ladder(h))
    )
