"""Evidence for causes: a gradient beside differences of f, here and elsewhere."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from operator import mul, truediv
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Cause, Entry
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import estimate_along

__tracebackhide__ = True  # from pytest

CLOSE = 1e-4  # relative: two numbers that agree so far are the same number for a cause
_PRECISION, _LEAST_PRECISION = 1e-6, 1e-4  # relative: of a derivative nearby, sought and needed


class Sample(NamedTuple):
    """A number of a gradient somewhere, and what differences of f give for it there."""

    x: float
    gradient: float
    derivative: float
    error_bound: float

    @property
    def ratio(self) -> float:
        """How many times the derivative the number is."""
        return self.gradient / self.derivative if self.derivative else math.inf

    @property
    def excess(self) -> float:
        """How much of the number is too much."""
        return self.gradient - self.derivative


class Elsewhere:
    """Where to look again at entries, and what is seen there."""

    def __init__(
        self,
        problem: Problem,
        ask: Callable[[Sequence[float]], list[list[float]]] | None,
        looked_at: Sequence[Entry],
        rng: random.Random,
    ) -> None:
        self._problem, self._ask, self._looked_at = problem, ask, looked_at
        # Every input is another number there, of the same sign and size; of zero, there is either.
        self.points = [
            tuple(
                x + math.copysign(0.05 * rng.uniform(0.5, 1.5) * size, x or side)
                for x, size in zip(problem.entries, problem.sizes, strict=True)
            )
            for side in (1, -1, 1)
        ]
        here = problem.entries
        self.mirrored_points = [tuple(-x for x in point) for point in (here, *self.points)]
        self._gradients: dict[int, list[list[float]] | None] = {}  # by the identity of a point

    def gradient(self, point: tuple[float, ...]) -> list[list[float]] | None:
        """Return the gradient at one of these points; None where it cannot be had."""
        if id(point) not in self._gradients:
            try:
                self._gradients[id(point)] = self._ask(point) if self._ask else None
            except Exception:  # noqa: BLE001  the verdict is on other inputs, and stands without
                self._gradients[id(point)] = None
        return self._gradients[id(point)]

    def nearby(self, entry: Entry) -> list[Sample]:
        """Return an entry at inputs nearby; nothing if it is none of those that are looked at."""
        return self._samples(entry, self.points)

    def mirrored(self, entry: Entry) -> list[Sample]:
        """Return the same where every input has the other sign."""
        return self._samples(entry, self.mirrored_points)

    def _samples(self, entry: Entry, points: Sequence[tuple[float, ...]]) -> list[Sample]:
        if entry not in self._looked_at:
            return []
        k, i = self._problem.position(entry)
        found = []
        for point in points:
            x, at = point[i], self._problem.along({i: 1.0}, k, point)
            try:
                slope = estimate_along(at, x, abs(x) or 1.0, entry.noise, _PRECISION)
            except Exception:  # noqa: BLE001  as for the gradient
                continue
            rows = self.gradient(point)
            is_known = slope.error_bound < _LEAST_PRECISION * abs(slope.value)
            if slope.behaviour == "smooth" and is_known and rows and math.isfinite(rows[k][i]):
                found.append(Sample(x, rows[k][i], slope.value, slope.error_bound))
        return found


def constant_factor(factor: float, *, by_hand: bool) -> str:
    """Return the cause of numbers that are all so many times the derivative."""
    guess = "a forgotten 1/2" if by_hand else "stale, from a second backward pass"
    maybe = f"; maybe {guess}" if close(factor, 2.0) else ""
    return f"{Cause.CONSTANT_FACTOR} of {factor_text(factor)}{maybe}"


def inner_factor(found: Sequence[Sample]) -> str:
    """Tell whether numbers are the derivative times or over the input, but for a constant."""
    if len(found) < 4 or not are_precise(found) or not all(one.x for one in found):
        return ""
    # By operators that overflow to infinity, unlike a power.
    for undo, described in (mul, "over the input"), (truediv, "times the input"):
        scaled = [one._replace(gradient=undo(one.gradient, one.x)) for one in found]
        if share_a_factor(scaled):
            return (
                f"{Cause.FACTOR} of {scaled[0].ratio:.6g} {described}, here and nearby; maybe "
                "an inner derivative is missing, or there twice"
            )
    return ""


def factor_text(factor: float) -> str:
    """Return a factor as text, one next to 1 by its distance."""
    text = f"{factor:.7g}"
    if text == "1":
        return f"1 + {factor - 1:.2g}" if factor > 1 else f"1 - {1 - factor:.2g}"
    return text


def are_precise(found: Sequence[Sample]) -> bool:
    """Tell whether it is known to a hundredth, everywhere, how much is too much or missing."""
    return all(one.error_bound < 0.01 * abs(one.excess) for one in found)


def share_a_factor(found: Sequence[Sample]) -> bool:
    """Tell whether all gradients are the first one's multiple of the derivative, as far as seen."""
    factor = found[0].ratio
    of_factor = found[0].error_bound / abs(found[0].derivative)

    def fits(one: Sample) -> bool:
        unsure = abs(factor) * (one.error_bound + of_factor * abs(one.derivative))
        allowed = CLOSE * min(abs(one.excess), abs(one.gradient)) + unsure
        return abs(one.gradient - factor * one.derivative) <= allowed

    return all(map(fits, found))


def is_right(there: Sample, here: Sample, within: float = CLOSE) -> bool:
    """Tell whether a gradient that is wrong here is right there, where f may be much steeper."""
    return explains(1.0, there.ratio, abs(here.ratio - 1), within) and (
        abs(there.excess) + there.error_bound <= 0.01 * abs(here.excess)
    )


def added_term(found: Sequence[Sample]) -> str:
    """Tell whether what is too much or missing is one number, or one number times the input."""
    if len(found) < 3 or not are_precise(found):
        return ""
    best = min(found, key=lambda one: one.error_bound / abs(one.excess))
    for power, described in (0, ""), (1, " times the input"):
        if not all(one.x**power for one in found):
            continue
        factor = best.excess / best.x**power
        if all(
            abs(one.excess - factor * one.x**power) <= CLOSE * abs(one.excess) + one.error_bound
            for one in found
        ):
            side = "large" if factor > 0 else "small"
            return f"{Cause.TERM}: too {side} by {abs(factor):.6g}{described}, here and nearby"
    return ""


def explains(given: float, explained: float, gap: float, within: float = CLOSE) -> bool:
    """Tell whether a cause gives the number under test: to four digits, and but for 1 % of the gap.

    Without the second, a gradient that is off by 1e-5 would fit any cause that changes nothing.
    """
    return close(given, explained, within) and abs(given - explained) <= 0.01 * gap


def close(a: float, b: float, within: float = CLOSE) -> bool:
    """Tell whether two numbers are the same, relative to the larger one."""
    return abs(a - b) <= within * max(abs(a), abs(b))
