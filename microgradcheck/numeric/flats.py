"""Rounding that hides a slope, or looks like one: flat functions, and those with plateaus."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence

from microgradcheck.numeric.findings import Estimate
from microgradcheck.numeric.samples import (
    ROUND_OFF,
    UNIT_ROUNDOFF,
    Pair,
    Samples,
    Window,
    exact_step,
    least_noise,
)

__tracebackhide__ = True  # from pytest

WIDE = 0.016  # relative to the scale of x: where a ladder begins if nothing is seen so near
_PAST_ZERO = 1.3  # times the scale of x: beyond zero, about which most functions change
_SHARP = 1.05  # times the farthest step at which f stands still: within this, a border is seen
_GROWS = 16  # times the noise: more is no rounding
_TEETH = 10  # so many steps within reach are rounding; fewer are pieces of f, as of floor(x) at 2.5
_TOOTH = 1e-2  # relative to f: larger ones are not made by cancellation alone
_GRADUAL = 2000 * UNIT_ROUNDOFF  # relative to f: it sets in by less than this, or jumps by more


def where_still(samples: Samples, first: Sequence[float], claim: float | None) -> Estimate | None:
    """Return what a search would find, where f has one value at each step that it would try."""
    if math.isfinite(samples.center) and samples.at(-first[0]) != samples.center:
        return None  # As mostly, which is told at once.
    given = [(samples.noise, claim or 0.0)]
    at = (lambda step: [samples.at(step)], samples.x, samples.scale)
    return outputs_where_still(*at, first, given).get(0)


def outputs_where_still(
    outputs: Callable[[float], Sequence[float]],
    x: float,
    scale: float,
    first: Sequence[float],
    given: Iterable[tuple[float, float]],
) -> dict[int, Estimate]:
    """Return the same of those of many outputs that stand still, as most do for most inputs.

    It is given the noise of each and the claim. Left out are those that move, and all where the
    first steps are as short as they can be, or a claim is too far off, for a search to end there.
    """
    (near, fine), wide = first, exact_step(x, WIDE * scale)
    center, found = outputs(0.0), {}
    for k, (value, (noise, claim)) in enumerate(zip(center, given, strict=True)):
        least = least_noise(value, noise)
        bound = 4 * least / wide
        if fine < near and abs(claim) <= bound > 0 and math.isfinite(value):
            found[k] = Estimate(0.0, bound, noise=least, step=fine, is_flat=True)
    for end in (-near, near, -fine, fine, -wide, wide):
        if not found:
            return {}
        there = outputs(end)
        found = {k: still for k, still in found.items() if there[k] == center[k]}
    far = exact_step(x, _reach(scale))
    left, right = (outputs(end) if found else () for end in (-far, far))
    # Where f is undefined on both sides, a search looks again, not so far away.
    return {
        k: still
        for k, still in found.items()
        if set(filter(math.isfinite, (left[k], right[k]))) == {center[k]}
    }


def where_flat(samples: Samples, found: Estimate) -> Estimate:
    """Return an estimate of a slope that no window shows, and whether f stands still near x.

    Four kinds of functions show none. A constant moves nowhere, and its slope is 0. One that is
    saturated, as tanh at 20, moves gradually farther away: its slope is below rounding, and no
    more is known of it. One that leaves a plateau for good, as relu at -1, stands still at x. But
    one that jumps from each plateau to the next, as a rounded one, may have a slope which these
    hide.
    """
    still = [p.h for p in samples.pairs if p.finite and _moved(samples, p) <= ROUND_OFF]
    # Beside a border, f itself may be 0, and its noise as measured that of what lies beyond.
    size = max(_size(samples, pair) for pair in samples.pairs)
    if not still or (samples.moves() and samples.noise > max(ROUND_OFF * size, math.ulp(0.0))):
        return found
    far = _far_away(samples)
    change = _change(samples, far)
    # What f is made of, and so its rounding, may grow in proportion with what is moved.
    rounding = _GROWS * samples.noise * (1 + far.h / samples.scale)
    if change <= rounding or _moved(samples, far) <= ROUND_OFF:
        slope = math.inf if samples.moves() else (change + 4 * samples.noise) / still[0]
        return found._replace(error_bound=min(found.error_bound, slope), is_flat=True)
    border = _border(samples, still, far)
    if border is None:
        return found
    inside, outside = border
    beyond = max(-outside, outside, key=lambda h: abs(samples.at(h) - samples.center))
    there = samples.at(beyond)
    jump = abs(there - samples.center)
    stands_still_there = samples.at(beyond * (1 + 1e-6)) == there
    # What underflows has steps, too, which are as good as none.
    if not stands_still_there or change <= _TEETH * jump or jump < sys.float_info.min:
        return found._replace(is_flat=True)
    return found._replace(
        behaviour="quantised",
        error_bound=max(found.error_bound, jump / inside),
        noise=max(found.noise, jump),
    )


def _border(samples: Samples, still: Sequence[float], far: Pair) -> tuple[float, float] | None:
    """Return the steps next to the end of a plateau, inside and outside; None where it has none.

    It is found by halving, on a logarithmic scale. A plateau ends where f, which moved by nothing,
    moves by much; a step at which it moves by little shows that it sets in gradually.
    """
    outside = min(p for p in [far, *samples.pairs] if _moved(samples, p) > ROUND_OFF).h
    inside = max((h for h in still if h < outside), default=outside)
    while outside > _SHARP * inside:
        pair = samples.look(math.sqrt(inside) * math.sqrt(outside))
        if pair.h in (inside, outside):
            break  # No float lies between them.
        moved = _moved(samples, pair)
        if ROUND_OFF < moved <= _GRADUAL:
            return None
        if moved > _GRADUAL:
            outside = pair.h
        else:
            inside = pair.h
    return inside, outside


def moves_far_away(samples: Samples) -> bool:
    """Tell whether f moves far beyond the scale of x."""
    return _moved(samples, _far_away(samples)) > ROUND_OFF


def _far_away(samples: Samples) -> Pair:
    far = samples.look(_reach(samples.scale))
    is_defined = math.isfinite(far.left) or math.isfinite(far.right)
    return far if is_defined else samples.look(_PAST_ZERO * samples.scale)


def _reach(scale: float) -> float:
    # Near zero, x says nothing of the length over which f changes.
    return max(_PAST_ZERO * scale, 1.0)


def _change(samples: Samples, pair: Pair) -> float:
    """Return how far f moves from its value at x where it is defined."""
    changes = (abs(f - samples.center) for f in (pair.left, pair.right))
    return max(filter(math.isfinite, changes), default=0.0)


def _moved(samples: Samples, pair: Pair) -> float:
    """Return the same relative to f."""
    size = _size(samples, pair)
    return _change(samples, pair) / size if size else 0.0


def _size(samples: Samples, pair: Pair) -> float:
    """Return the largest size of f at x and a pair, where it is defined."""
    return max(filter(math.isfinite, map(abs, (pair.left, pair.right, samples.center))))


def sawtooth(samples: Samples, window: Window, doubt: float) -> float:
    """Return by how much f jumps on both sides of a window, where its slope is that of one tooth.

    The slope of a tooth may be all of it, or as much of it as is in doubt.

    What is made of a number after cancellation, (exp(x) - 1) / x near 0, has teeth, smooth in
    themselves, and small beside f.
    """

    def off(step: float) -> float:
        return samples.at(step) - samples.center - window.value * step

    for pair in reversed(samples.pairs[: window.coarsest]):
        if not _moved(samples, pair) < _TOOTH:
            return 0.0
        left, right = off(-pair.h), off(pair.h)
        tooth = min(abs(window.value), doubt) * pair.h / 2
        least = max(tooth, 4 * samples.noise_of(pair))
        # Teeth leave a slope to opposite sides, where a curve leaves it to one.
        if left * right < 0 and min(abs(left), abs(right)) > least:
            low = samples.pairs[window.coarsest].h
            jump = min(_jump(off, side * low, side * pair.h, samples.x) for side in (-1, 1))
            return jump if jump > 8 * samples.noise_of(pair) else 0.0
    return 0.0


def _jump(off: Callable[[float], float], low: float, high: float, x: float) -> float:
    """Return the jump between two steps from x found by halving; 0.0 for none."""
    below, above = off(low), off(high)
    least = abs(above - below) / 1000
    while abs(high - low) > max(1e-9 * abs(high), 4 * math.ulp(x)):
        middle = (low + high) / 2
        value = off(middle)
        if abs(value - below) > abs(above - value):
            high, above = middle, value
        else:
            low, below = middle, value
        if not abs(above - below) > least:
            return 0.0
    return abs(above - below)
