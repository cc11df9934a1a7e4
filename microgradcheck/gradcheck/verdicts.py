"""The verdict on one number of a gradient, given an estimate of what it should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.numeric.ladder import Estimate

__all__ = ["ROUND_OFF", "Circumstances", "judge"]

_LEAST_POWER = 1e-4
_AMPLIFIED = 10  # how much more than by itself a change of f counts in what is made of its values
ROUND_OFF = 100 * 2.0**-53  # what is above, relative to f, is noise of f's own


class Circumstances(NamedTuple):
    """What a verdict depends on beside the two numbers.

    Attributes:
        rtol: the relative difference that is allowed.
        size: the size of f's value.
        scatter: how far calls of f with the same inputs differ; inf where only some gave a value.
        undefined: why f has no value here, in f's own words.
        complaint: why what was given is no gradient at all.
        failure: why the gradient could not be computed here.
    """

    rtol: float
    size: float
    scatter: float = 0.0
    undefined: str = ""
    complaint: str = ""
    failure: str = ""


def judge(entry: Entry, estimate: Estimate, circumstances: Circumstances) -> Entry:
    """Return the entry with its resolution, power, verdict and cause.

    The cause of a number that is just wrong is left open, for `causes` to find.
    """
    resolution = circumstances.rtol * abs(estimate.value) + 2 * estimate.error_bound
    entry = replace(
        entry,
        reference=estimate.value,
        error_bound=estimate.error_bound,
        resolution=resolution,
        power=_power(estimate, entry.gradient, resolution),
        noise=estimate.noise,
        slopes=estimate.slopes,
    )
    verdict, cause = _verdict(entry, estimate, circumstances)
    # Most pass, as an entry does by itself.
    return entry if verdict is Verdict.PASS else replace(entry, verdict=verdict, cause=cause)


def _verdict(entry: Entry, estimate: Estimate, here: Circumstances) -> tuple[Verdict, str]:
    if here.complaint:
        return Verdict.WRONG, here.complaint
    if here.scatter and estimate.behaviour in ("edge", "kink"):
        # A function that changes by itself seems to jump or bend wherever it is.
        return Verdict.NOISY, _does_not_repeat(here)
    if estimate.behaviour == "edge":
        detail = f": {here.undefined}" if here.undefined and "here" in estimate.reason else ""
        return Verdict.EDGE, estimate.reason + detail
    if here.failure:
        return Verdict.EDGE, f"{Cause.NO_GRADIENT_HERE}: {here.failure}"
    if not math.isfinite(entry.gradient):
        return Verdict.WRONG, f"{Cause.NOT_FINITE}: {entry.gradient}, and f has a slope here"
    if entry.slopes:
        low, high = sorted(entry.slopes)
        margin = entry.error_bound + here.rtol * max(abs(low), abs(high))
        if low - margin <= entry.gradient <= high + margin:
            return Verdict.KINK, f"{Cause.KINK}; any number between its slopes will do"
        return Verdict.WRONG, f"{Cause.OUTSIDE_A_KINK}; any number between them would do"
    differs = entry.gap > here.rtol * abs(entry.reference) + entry.error_bound
    if here.scatter and (not differs or entry.gap <= _explained_by(here, estimate)):
        return Verdict.NOISY, _does_not_repeat(here)
    if differs:
        return Verdict.WRONG, ""
    # Who allows a larger difference does not ask to see a smaller one.
    if entry.power <= max(_LEAST_POWER, 2 * here.rtol):
        return Verdict.PASS, ""
    hidden = f"which hides errors below {entry.resolution:.1e}"
    if estimate.behaviour == "quantised":
        return Verdict.NOISY, f"{Cause.QUANTISED} by {entry.noise:.1e}, {hidden}"
    if entry.noise > ROUND_OFF * here.size:
        return Verdict.NOISY, f"{Cause.NOISE} by {entry.noise:.1e}, {hidden}"
    return Verdict.INCONCLUSIVE, (
        f"{Cause.BLIND}: no error below {entry.resolution:.1e}, since f changes too little beside "
        "its own size, or too fast; scale= tells over which length it changes"
    )


def _explained_by(here: Circumstances, estimate: Estimate) -> float:
    """Return how far an estimate may be off where f changes by itself, by a sum or by a factor.

    Its error bound knows the noise that was measured, and not what f does now and then.
    """
    added = here.scatter / estimate.step if estimate.step else 0.0
    times = abs(estimate.value) * here.scatter / here.size if here.size else 0.0
    return _AMPLIFIED * max(estimate.error_bound, added, times)


def _does_not_repeat(here: Circumstances) -> str:
    if math.isfinite(here.scatter):
        detail = f"calls with the same inputs differ by {here.scatter:.1e}"
    else:
        detail = f"with the same inputs, some calls give no value {here.undefined}".rstrip()
    return f"{Cause.F_DOES_NOT_REPEAT}: {detail}"


def _power(estimate: Estimate, gradient: float, resolution: float) -> float:
    base = abs(estimate.value) - estimate.error_bound
    if not base > 0:
        base = estimate.secant
    if base > 0 and math.isfinite(resolution):
        return resolution / base
    # Where f stands still, or is known to be zero, a gradient of zero is what it should be.
    is_zero = estimate.is_flat or estimate.value == estimate.error_bound == 0
    return 0.0 if gradient == 0 and is_zero else math.inf
