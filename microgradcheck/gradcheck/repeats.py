"""Whether f gives the same again with the same inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from microgradcheck.gradcheck.problem import Problem

__all__ = ["scatter"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_WITHIN = 64  # ulp: threads that add in another order are noise, not irreproducible


def scatter(problem: Problem, center: Iterable[float], *, times: int = 1) -> float:
    """Return how far further calls of f differ from the first, with the same inputs.

    Args:
        problem: the function and its inputs.
        center: what the first call gave.
        times: how many calls to make at most; one that differs is enough.

    Returns:
        The largest difference in any output; 0.0 where there is none but rounding, and infinity
        where only one of two calls gave a value.
    """
    for _ in range(times):
        again = problem(problem.entries)
        found = max(_difference(a, b) for a, b in zip(center, again, strict=True))
        if found:
            return found
    return 0.0


def _difference(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    difference = abs(a - b)
    if math.isnan(difference):
        return math.inf
    return difference if difference > _WITHIN * math.ulp(max(abs(a), abs(b))) else 0.0
