"""Rounding that hides a slope, or looks like one: flat functions, and those with plateaus."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from microgradcheck.numeric.samples import UNIT_ROUNDOFF, Pair, Samples
from microgradcheck.numeric.windows import Window

__all__ = ["flatness", "moves_far_away", "sawtooth"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_FAR = 1.3  # times the scale of x: beyond zero, about which most functions change
_SHARP = 1.05  # times the farthest step at which f stands still: within this, a border is seen
_ROUND_OFF = 100 * UNIT_ROUNDOFF
_GROWS = 16  # times the noise: more is no rounding
_TEETH = 10  # so many steps within reach are rounding; fewer are pieces of f, as of floor(x) at 2.5
_TOOTH = 1e-2  # relative to f: larger ones are not made by cancellation alone
_GRADUAL = 2000 * UNIT_ROUNDOFF


class Flatness(NamedTuple):
    """How a function stands still.

    Attributes:
        is_flat: whether it does so at every step, or up to a border at which it moves at once.
        jump: by how much it jumps at a border near by, to a value at which it stands still again.
        still: a step up to which it stands still.
        slope: the largest slope that it could have, where it stands still at every step.
    """

    is_flat: bool
    jump: float = 0.0
    still: float = 0.0
    slope: float = math.inf


def flatness(samples: Samples, scale: float) -> Flatness:
    """Tell how f stands still near x, where no step of a window shows a slope.

    A saturated function, such as tanh at 20, stands still too, but begins to move by little.
    """
    still = [
        pair.h for pair in samples.pairs if pair.finite and _moved(samples, pair) <= _ROUND_OFF
    ]
    if not still or (samples.moves() and samples.noise > _ROUND_OFF * abs(samples.center)):
        return Flatness(False)
    far = _far_away(samples, scale)
    # What f is made of, and so its rounding, may grow in proportion with what is moved.
    rounding = _GROWS * samples.noise * (1 + far.h / scale)
    changes = [abs(f - samples.center) for f in (far.left, far.right) if math.isfinite(f)]
    moved = max(changes, default=0.0)
    if moved <= rounding or _moved(samples, far) <= _ROUND_OFF:
        return Flatness(True, still=still[0], slope=(moved + 4 * samples.noise) / still[0])
    known = [far, *samples.pairs]
    moving = min(
        (pair for pair in known if _moved(samples, pair) > _ROUND_OFF), key=attrgetter("h")
    )
    low = max(h for h in still if h < moving.h) if still[-1] < moving.h else moving.h
    while moving.h > _SHARP * low:
        pair = samples.look(math.sqrt(low) * math.sqrt(moving.h))
        seen = _moved(samples, pair)
        if seen > _GRADUAL:
            moving = pair
        elif seen > _ROUND_OFF:
            return Flatness(False)
        else:
            low = pair.h
    side = max(-1, 1, key=lambda sign: abs(samples.at(sign * moving.h) - samples.center))
    there = samples.at(side * moving.h)
    jump = abs(there - samples.center)
    has_steps = samples.at(side * moving.h * (1 + 1e-6)) == there and moved > _TEETH * jump
    jump = jump if has_steps else 0.0
    return Flatness(not has_steps, jump, low)


def moves_far_away(samples: Samples, scale: float) -> bool:
    """Tell whether f moves far beyond the scale of x."""
    return _moved(samples, _far_away(samples, scale)) > _ROUND_OFF


def _far_away(samples: Samples, scale: float) -> Pair:
    # Near zero, x says nothing of the length over which f changes.
    far = samples.look(max(_FAR * scale, 1.0))
    is_defined = math.isfinite(far.left) or math.isfinite(far.right)
    return far if is_defined else samples.look(_FAR * scale)


def _moved(samples: Samples, pair: Pair) -> float:
    """Return how far f moves from its value at x where it is defined, relative to f."""
    values = [f for f in (pair.left, pair.right) if math.isfinite(f)]
    size = max(map(abs, [*values, samples.center]))
    return max((abs(f - samples.center) for f in values), default=0.0) / size if size else 0.0


def sawtooth(samples: Samples, window: Window) -> float:
    """Return by how much f jumps on both sides of a window, where its slope is that of one tooth.

    What is left of a number after cancellation, (exp(x) - 1) / x near 0, has plateaus; what is
    made of it has teeth, smooth in themselves. They are small beside f.
    """

    def off(step: float, f: float) -> float:
        return f - samples.center - window.value * step

    for pair in reversed(samples.pairs[: window.coarsest]):
        if not _moved(samples, pair) < _TOOTH:
            return 0.0
        left, right = off(-pair.h, pair.left), off(pair.h, pair.right)
        least = max(abs(window.value) * pair.h / 2, 4 * samples.noise_of(pair))
        # Teeth leave a slope to opposite sides, where a curve leaves it to one.
        if left * right < 0 and min(abs(left), abs(right)) > least:
            low = samples.pairs[window.coarsest].h
            return min(_jump(samples, off, side * low, side * pair.h) for side in (-1, 1))
    return 0.0


def _jump(samples: Samples, off: Callable[[float, float], float], low: float, high: float) -> float:
    """Return the jump between two steps found by halving; 0.0 for none."""
    below, above = off(low, samples.at(low)), off(high, samples.at(high))
    least = abs(above - below) / 1000
    while abs(high - low) > max(1e-9 * abs(high), 4 * math.ulp(samples.x)):
        middle = (low + high) / 2
        value = off(middle, samples.at(middle))
        if abs(value - below) > abs(above - value):
            high, above = middle, value
        else:
            low, below = middle, value
        if not abs(above - below) > least:
            return 0.0
    return abs(above - below)
