"""The verdict on one number of a gradient, given what differences of f or a reference say of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.gradcheck.wording import number
from microgradcheck.numeric.findings import Estimate

_LEAST_POWER = 1e-4
_RARE = 2  # times four standard deviations: beyond these are some of thousands of entries
_AMPLIFIED = 10  # times: as much as a change of f may count in what is computed from its values
ROUND_OFF = 100 * 2.0**-53  # what is above, relative to f, is noise of f's own


class Circumstances(NamedTuple):
    """What a verdict depends on beside the two numbers."""

    rtol: float
    size: float  # of f's value
    scatter: float = 0.0  # of calls of f with the same inputs; inf where only some gave a value
    undefined: str = ""  # why f has no value here
    failure: str = ""  # why the gradient could not be computed here
    rounding: float = 0.0  # of the gradient: no more than this is zero
    reach: float = 1.0  # how far the input is moved to see whether f stands still


def judge(entry: Entry, estimate: Estimate, here: Circumstances) -> Entry:
    """Return the entry with its verdict; the cause of what is just wrong is left to `causes`."""
    estimate = _as_far_as_seen(entry.gradient, estimate, here)
    resolution = here.rtol * _size(estimate) + 2 * estimate.error_bound
    entry = replace(
        entry,
        reference=estimate.value,
        error_bound=estimate.error_bound,
        resolution=resolution,
        power=_power(estimate, entry.gradient, resolution, here),
        noise=estimate.noise,
        slopes=estimate.slopes,
    )
    verdict, cause = _verdict(entry, estimate, here)
    # Most pass, as an entry does by itself.
    return entry if verdict is Verdict.PASS else entry.judged(verdict, cause)


def _verdict(entry: Entry, estimate: Estimate, here: Circumstances) -> tuple[Verdict, str]:
    if here.scatter and estimate.behaviour in ("edge", "kink"):
        # A function that changes by itself seems to jump or bend wherever it is.
        return Verdict.NOISY, _does_not_repeat(here)
    if estimate.behaviour == "edge":
        told = here.undefined and estimate.reason == Cause.UNDEFINED_HERE
        detail = f": {here.undefined}" if told else ""
        return Verdict.EDGE, estimate.reason + detail
    if here.failure:
        return Verdict.EDGE, f"{Cause.NO_GRADIENT_HERE}: {here.failure}"
    if not math.isfinite(entry.gradient):
        seen = "finite slopes" if entry.slopes else "a slope"
        return Verdict.WRONG, f"{Cause.NOT_FINITE}: {entry.gradient}, and f has {seen} here"
    if entry.slopes:
        low, high = sorted(entry.slopes)
        margin = entry.error_bound + here.rtol * max(abs(low), abs(high))
        if low - margin <= entry.gradient <= high + margin:
            return Verdict.KINK, f"{Cause.KINK}; any number between its slopes will do"
        return Verdict.WRONG, f"{Cause.OUTSIDE_A_KINK}; any number between them would do"
    is_noisy = entry.noise > max(ROUND_OFF * here.size, math.ulp(0.0))
    # Of thousands of entries, the noise of one may be rarer than its bound allows for.
    bound = entry.error_bound * (_RARE if is_noisy else 1)
    # What rounding leaves of terms that cancel, as before a normalisation, is zero.
    gradient = 0.0 if abs(entry.gradient) <= here.rounding else entry.gradient
    gap = abs(gradient - entry.reference)
    differs = gap > here.rtol * abs(entry.reference) + bound
    if here.scatter and (not differs or gap <= _explained_by(here, estimate)):
        return Verdict.NOISY, _does_not_repeat(here)
    if differs:
        return Verdict.WRONG, ""
    # Who allows a larger difference does not ask to see a smaller one.
    if entry.power <= max(_LEAST_POWER, 2 * here.rtol):
        return Verdict.PASS, ""
    hidden = f"which hides errors below {entry.resolution:.1e}"
    if estimate.behaviour == "quantised":
        return Verdict.NOISY, f"{Cause.QUANTISED} by {entry.noise:.1e}, {hidden}"
    if is_noisy:
        return Verdict.NOISY, f"{Cause.NOISE} by {entry.noise:.1e}, {hidden}"
    # A wider tolerance is of use only where the gradient is seen at all.
    instead = "a wider rtol=" if entry.resolution < abs(gradient) / 2 else "inputs of another size"
    return Verdict.INCONCLUSIVE, (
        f"{Cause.BLIND}: no error below {entry.resolution:.1e}, since f changes too little beside "
        f"its own size, or too fast; give scale=, the length over which it changes, or {instead}"
    )


def _as_far_as_seen(gradient: float, estimate: Estimate, here: Circumstances) -> Estimate:
    """Return an estimate that contradicts no gradient which f does not show."""
    gap = abs(gradient - estimate.value)
    if estimate.slopes or not gap > here.rtol * abs(estimate.value) + estimate.error_bound:
        return estimate
    if max(abs(gradient), abs(estimate.value)) * here.reach <= ROUND_OFF * here.size:
        # By slopes as small as these, f moves less than its rounding hides.
        return estimate._replace(error_bound=gap)
    shows_none = not (estimate.secant or estimate.is_flat or here.scatter)
    if shows_none and estimate.noise > here.size / 10 > 0:
        # It changes by its own size from step to step, as cos does at 1e22.
        return estimate._replace(error_bound=math.inf)
    return estimate


def _size(estimate: Estimate) -> float:
    return max(map(abs, estimate.slopes or (estimate.value,)))


def _explained_by(here: Circumstances, estimate: Estimate) -> float:
    """Return how far an estimate may be off where f changes by itself now and then."""
    # Not by its step where that is large: what f is so far away says little of its slope here.
    added = here.scatter / min(estimate.step, here.reach) if estimate.step else 0.0
    times = abs(estimate.value) * here.scatter / here.size if here.size else 0.0
    return _AMPLIFIED * max(estimate.error_bound, added, times)


def _does_not_repeat(here: Circumstances) -> str:
    if math.isfinite(here.scatter):
        detail = f"calls with the same inputs differ by {here.scatter:.1e}"
    else:
        why = here.undefined and f": {here.undefined}"
        detail = f"with the same inputs, some calls give no value{why}"
    return f"{Cause.F_DOES_NOT_REPEAT}: {detail}"


def _power(estimate: Estimate, gradient: float, resolution: float, here: Circumstances) -> float:
    # Where f stands still, a gradient of zero is what it should be, or a rounding beside f.
    is_small = abs(gradient) * here.reach <= here.rtol * here.size
    if estimate.is_flat and is_small and abs(gradient) <= here.rounding:
        return 0.0
    base = _size(estimate) - estimate.error_bound
    if not base > 0:
        # The secants of what changes by itself are not those of f.
        base = 0.0 if here.scatter else estimate.secant
    if base > 0 and math.isfinite(resolution):
        return resolution / base
    return 0.0 if gradient == estimate.value == estimate.error_bound == 0 else math.inf


def at_its_word(reference: Gradient) -> list[list[Estimate]]:
    """Return what a reference gave, by input entry and output, as estimates without errors."""

    def estimate(x: float) -> Estimate:
        if math.isfinite(x):
            return Estimate(x, 0.0, secant=abs(x))
        reason = f"{Cause.NO_REFERENCE_HERE}: {reference.failure or f'it gives {x!r}'}"
        return Estimate(math.nan, math.inf, "edge", reason=reason)

    return [list(map(estimate, of_outputs)) for of_outputs in zip(*reference.rows, strict=True)]


def doubted(entry: Entry, own: Entry, rtol: float) -> Entry:
    """Return an entry that differs from a reference, with a cause if f contradicts that."""
    margin = own.error_bound + rtol * abs(own.reference)
    agrees = abs(entry.reference - own.reference) <= margin
    if not entry.is_unexplained or not math.isfinite(own.reference) or agrees:
        return entry
    sides = own.verdict in (Verdict.PASS, Verdict.KINK)
    rest = "as the gradient does" if sides else "and so is the gradient"
    found = f"differences of f give {number(own.reference)}, {rest}"
    return entry.judged(Verdict.WRONG, f"{Cause.REFERENCE_WRONG}: {found}")
