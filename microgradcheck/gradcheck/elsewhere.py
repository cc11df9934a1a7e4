"""A gradient at other inputs, nearby and mirrored, beside what differences of f give there."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Entry
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.numeric.ladder import estimate_along

__all__ = ["Elsewhere", "Sample"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

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
        return self.gradient / self.derivative

    @property
    def excess(self) -> float:
        """How much of the number is too much."""
        return self.gradient - self.derivative


class Elsewhere:
    """Where to look again at entries, and what is seen there."""

    def __init__(
        self,
        problem: Problem,
        ask: Callable[[list[float]], Sequence[Sequence[float]]] | None,
        looked_at: Sequence[Entry],
        rng: random.Random,
    ) -> None:
        self._problem, self._ask, self._looked_at = problem, ask, looked_at
        # Every input is another number there, of the same sign and size; of zero, there is either.
        self.points = [
            [
                x + math.copysign(0.05 * rng.uniform(0.5, 1.5) * size, x or side)
                for x, size in zip(problem.entries, problem.sizes, strict=True)
            ]
            for side in (1, -1, 1)
        ]
        self._known: dict[tuple[float, ...], Sequence[Sequence[float]] | None] = {}

    def gradient(self, point: list[float]) -> Sequence[Sequence[float]] | None:
        """Return the gradient at other inputs; None where it cannot be had."""
        key = tuple(point)
        if key not in self._known:
            self._known[key] = None
            # The verdict is on other inputs, and stands without.
            with suppress(Exception):
                self._known[key] = self._ask(point) if self._ask else None
        return self._known[key]

    def nearby(self, entry: Entry) -> list[Sample]:
        """Return an entry at inputs nearby; nothing if it is none of those that are looked at."""
        return self._samples(entry, self.points)

    def mirrored(self, entry: Entry) -> list[Sample]:
        """Return the same where every input has the other sign."""
        here = self._problem.entries
        return self._samples(entry, [[-x for x in point] for point in (here, *self.points)])

    def _samples(self, entry: Entry, points: Sequence[list[float]]) -> list[Sample]:
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
