"""The verdict on one number of a gradient, given what differences of f or a reference say of it."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Claim, Entry, Verdict
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.gradcheck.wording import number
from microgradcheck.numeric.findings import Estimate
from microgradcheck.numeric.samples import ROUND_OFF

_LEAST_POWER = 1e-4
_RARE = 2  # times four standard deviations: beyond these are some of thousands of entries
_AMPLIFIED = 10  # times: as much as a change of f may count in what is computed from its values
_UNCLEAR = (Verdict.WRONG, Verdict.INCONCLUSIVE, Verdict.NOISY)
_ASKED = 6  # times, next to the inputs, for a gradient that may be rounding
_NEXT_TO = 2.0**-34  # relative to inputs: so far away, what rounding makes is another number
_PLAUSIBLE = 1e-8  # of the slopes of f near by: more than that, rounding does not leave
_AS_LARGE = 10  # times what it changes by: the most that rounding can make, as far as seen
_COARSE = 2.0**-7  # relative to f: steps that are larger come from no rounding, bfloat16's neither
_GRAINS = 2  # steps that f changes in: where it stands still, it is rounded at both ends


class Circumstances(NamedTuple):
    """What a verdict depends on beside the two numbers."""

    rtol: float
    size: float  # of f's value
    scatter: float = 0.0  # of calls of f with the same inputs; inf where only some gave a value
    undefined: str = ""  # why f has no value here
    failure: str = ""  # why the gradient could not be computed here
    rounding: float = 0.0  # of the gradient: no more than this is zero
    reach: float = 1.0  # how far the input is moved to see whether f stands still
    grain: float = 0.0  # the steps in which f changes, as seen where another input moves


def judge(claim: Claim | Entry, estimate: Estimate, here: Circumstances) -> Entry:
    """Return an entry with its verdict; the cause of what is just wrong is left to `causes`."""
    estimate = _as_far_as_seen(claim.gradient, estimate, here)
    resolution = here.rtol * _size(estimate) + 2 * estimate.error_bound
    entry = Entry(
        claim.input,
        claim.index,
        claim.output,
        claim.name,
        claim.gradient,
        reference=estimate.value,
        error_bound=estimate.error_bound,
        resolution=resolution,
        power=_power(estimate, claim.gradient, resolution, here),
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
    is_quantised = estimate.behaviour == "quantised"
    if differs and is_quantised and not entry.gradient and entry.noise > _COARSE * here.size:
        slopes = f"its slope is 0 within one step, and {number(entry.reference)} over many"
        return Verdict.NOISY, f"{Cause.QUANTISED} by {entry.noise:.1e}: {slopes}"
    if differs:
        return Verdict.WRONG, ""
    # Who allows a larger difference does not ask to see a smaller one.
    if entry.power <= max(_LEAST_POWER, 2 * here.rtol):
        return Verdict.PASS, ""
    hidden = f"which hides errors below {entry.resolution:.1e}"
    if is_quantised:
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
    if estimate.is_flat and here.grain:
        bound = max(estimate.error_bound, _GRAINS * here.grain / here.reach)
        estimate = estimate._replace(
            behaviour="quantised", error_bound=bound, noise=here.grain, is_flat=False
        )
    gap = abs(gradient - estimate.value)
    if estimate.slopes or not gap > here.rtol * abs(estimate.value) + estimate.error_bound:
        return estimate
    if max(abs(gradient), abs(estimate.value)) * here.reach <= ROUND_OFF * here.size:
        # By slopes as small as these, f moves less than its rounding hides.
        return estimate._replace(error_bound=gap)
    is_smooth = estimate.behaviour == "smooth" and not (estimate.is_flat or here.scatter)
    if is_smooth and not estimate.secant and estimate.noise > here.size / 10 > 0:
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


def reach_of(problem: Problem, i: int) -> float:
    """Return how far an input is moved to see whether f stands still."""
    return max(problem.scales[i], 1.0)


def left_by_rounding(
    problem: Problem,
    center: Sequence[float],
    ask: Callable[[Sequence[float]], list[list[float]]] | None,
    entries: Sequence[Entry],
    estimates: Sequence[Sequence[Estimate]],
    *,
    seed: int,
) -> dict[int, float]:
    """Return what rounding can make of derivatives that are zero, by their positions.

    What it leaves of terms that cancel changes by its own size next to the inputs, and is tiny
    beside the slopes of f near by. What jumps there by more is a wrong gradient.
    """
    zeros = {
        n: entry
        for n, entry in enumerate(entries)
        if entry.verdict in _UNCLEAR and abs(entry.reference) <= 2 * entry.error_bound
    }
    if not zeros or ask is None:
        return {}
    sizes = list(zip(problem.entries, problem.sizes, strict=True))
    rng = random.Random(seed)
    points = [[x + _NEXT_TO * s * rng.uniform(-1, 1) for x, s in sizes] for _ in range(_ASKED)]
    try:
        asked = [list(chain(*ask(point))) for point in points]
    except Exception:  # noqa: BLE001  the verdict is on the inputs given, and stands without
        return {}
    # By output and input, since one entry may stay the same.
    found: dict[tuple[tuple[int, ...], int], float] = defaultdict(float)
    for n, entry in zeros.items():
        # Not beside the gradient here, which may be wrong here alone.
        slopes = [gradient[n] for gradient in asked]
        part = entry.output, entry.input
        found[part] = max(found[part], _AS_LARGE * (max(slopes) - min(slopes)))
    largest = [
        max((abs(of[k].value) for of in estimates if math.isfinite(of[k].value)), default=0.0)
        for k in range(len(center))
    ]

    def most(n: int) -> float:
        k, i = divmod(n, len(sizes))
        near_by = max(estimates[i][k].secant, abs(center[k]) / reach_of(problem, i))
        return _PLAUSIBLE * max(largest[k], near_by)

    return {n: min(found[entry.output, entry.input], most(n)) for n, entry in zeros.items()}


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
