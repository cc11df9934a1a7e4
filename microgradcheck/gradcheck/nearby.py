"""How a gradient fares at other inputs, and what it is made of: evidence for causes."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from microgradcheck import sweep
from microgradcheck.gradcheck.entry import Entry
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.numeric.ladder import estimate_along
from microgradcheck.value import Value

__all__ = ["Sample", "contributions", "inputs_nearby", "samples"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_POINTS = 3
_PRECISION = 1e-6
_LEAST_PRECISION = 1e-4  # relative: of a derivative that a ratio is made of


def inputs_nearby(problem: Problem, rng: random.Random) -> list[list[float]]:
    """Return a few points at which every input is another number of the same sign and size."""
    return [
        [
            x + math.copysign(0.05 * rng.uniform(0.5, 1.5) * problem.scale(i, None), x)
            for i, x in enumerate(problem.entries)
        ]
        for _ in range(_POINTS)
    ]


class Sample(NamedTuple):
    """A number of a gradient somewhere, and what it should be.

    Attributes:
        x: the input that it belongs to.
        gradient: the number.
        derivative: what differences of f give.
        error_bound: how far those may be off.
    """

    x: float
    gradient: float
    derivative: float
    error_bound: float

    @property
    def ratio(self) -> float:
        """Gradient over derivative."""
        return self.gradient / self.derivative

    @property
    def excess(self) -> float:
        """Gradient minus derivative."""
        return self.gradient - self.derivative


def samples(
    problem: Problem, under_test: Gradient, entry: Entry, points: Sequence[Sequence[float]]
) -> list[Sample]:
    """Return one number of a gradient at other points, where it and the derivative can be had."""
    k, i = problem.position(entry)
    found = []
    for point in points:
        x = point[i]
        at = _along(problem, point, i, k)
        try:
            slope = estimate_along(at, x, abs(x) or 1.0, entry.noise, _PRECISION)
            given = under_test.ask(point)[k][i] if under_test.ask else math.nan
        except Exception:  # noqa: BLE001  the verdict is on other inputs, and stands without this
            continue
        is_known = slope.error_bound < _LEAST_PRECISION * abs(slope.value)
        if slope.behaviour == "smooth" and is_known and math.isfinite(given):
            found.append(Sample(x, given, slope.value, slope.error_bound))
    return found


def _along(problem: Problem, point: Sequence[float], i: int, k: int) -> Callable[[float], float]:
    def at(step: float) -> float:
        moved = list(point)
        moved[i] += step
        return problem(moved)[k]

    return at


def contributions(root: Value) -> Mapping[Value, list[float]]:
    """Return, for each leaf, what each of its uses contributes to the derivative of the root.

    Example:
        >>> x = Value(3.0)
        >>> contributions(x * x + x)[x]
        [3.0, 3.0, 1.0]
    """
    nodes, adjoints = sweep.reverse(root)
    found: defaultdict[Value, list[float]] = defaultdict(list)
    for node, adjoint in zip(nodes, adjoints, strict=True):
        for slot, slope in zip((node.a, node.b), sweep.slopes(node), strict=False):
            if isinstance(slot, Value) and slot.operation is None and slope is not None:
                found[slot].append(adjoint * slope)
    return found
