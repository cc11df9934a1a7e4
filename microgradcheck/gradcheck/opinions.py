"""Second opinions on one entry: other ways to its derivative, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Entry
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import gradient_of
from microgradcheck.sources import SOURCES

__all__ = ["Opinion", "Opinions", "second_opinions"]

_STEPS = tuple(10.0**-exponent for exponent in range(1, 13))
_JUDGES = ("backprop", "forward-mode", "complex-step")
_AGREE = 1e-6
_UNIT_ROUNDOFF = 2.0**-53


class Opinion(NamedTuple):
    """What one way gives for the derivative.

    Attributes:
        source: the way.
        value: the derivative; nan where this way cannot take f.
        floor: the error that noise alone explains.
        why_not: why it cannot take f, in words.
    """

    source: str
    value: float
    floor: float
    why_not: str = ""


class Opinions(NamedTuple):
    """All opinions on one entry; its text is a table.

    Attributes:
        entry: what the check found.
        differences: central differences, from the largest step to the smallest.
        steps: those steps.
        judges: ways without a step.
        remainders: |f(x + h) - f(x) - h g| for the same steps: what the gradient under test does
            not explain.
        slope: the power of h with which they shrink: 2 for a right gradient, 1 for a wrong one.
        conclusion: who stands alone, in words.
    """

    entry: Entry
    steps: tuple[float, ...]
    differences: list[Opinion]
    judges: list[Opinion]
    remainders: list[float]
    slope: float
    conclusion: str

    def __str__(self) -> str:
        lines = [f"{self.entry.name}: the gradient under test is {self.entry.gradient:.9g}", ""]
        lines.append(
            f"{'step h':>9}  {'central difference':>19} {'noise':>8}  {'Taylor remainder':>16}"
        )
        for h, opinion, remainder in zip(
            self.steps, self.differences, self.remainders, strict=True
        ):
            lines.append(
                f"{h:9.1e}  {opinion.value:19.12g} {opinion.floor:8.1e}  {remainder:16.3e}"
            )
        lines.append("")
        for judge in self.judges:
            shown = judge.why_not or f"{judge.value:.12g}"
            lines.append(f"{judge.source:>20}  {shown}"[:72])
        lines.append(f"{'remainder shrinks as':>20}  h^{self.slope:.2f} (right: 2, wrong: 1)")
        return "\n".join([*lines, "", self.conclusion])


def second_opinions(problem: Problem, entry: Entry, noise: float) -> Opinions:
    """Return what other ways give for the derivative of one entry.

    Args:
        problem: the function and its inputs.
        entry: the entry.
        noise: the standard deviation of f's noise, for the floor of the differences.

    Returns:
        The opinions, and which of them stands alone.
    """
    i = problem.places.index((entry.input, entry.index))
    k = problem.output_indices.index(entry.output)
    scale = problem.scale(i, None)
    steps = tuple(h * scale for h in _STEPS)
    center = problem(problem.entries)[k]
    floor = max(noise, _UNIT_ROUNDOFF * abs(center))

    def at(step: float) -> float:
        return problem.moved(i, step)[k]

    differences = [
        Opinion("central difference", (at(h) - at(-h)) / (2 * h), floor / h) for h in steps
    ]
    remainders = [abs(at(h) - center - h * entry.gradient) for h in steps]
    judges = [_judge(problem, name, k, i) for name in _JUDGES]
    slope = _slope(steps, remainders, floor)
    best = entry.reference
    opinions = [judge for judge in judges if math.isfinite(judge.value)]
    alone = [o.source for o in opinions if not _agree(o.value, best)]
    if not _agree(entry.gradient, best):
        friends = [o.source for o in opinions if _agree(o.value, entry.gradient)]
        with_it = f", with {', '.join(friends)}" if friends else ""
        conclusion = f"The gradient under test stands alone{with_it}; the others say {best:.9g}."
    elif alone:
        conclusion = f"{', '.join(alone)} stands alone; the others agree with the gradient."
    else:
        conclusion = "All agree."
    return Opinions(entry, steps, differences, judges, remainders, slope, conclusion)


def _judge(problem: Problem, name: str, k: int, i: int) -> Opinion:
    try:
        gradient = gradient_of(problem, SOURCES[name])
    except (TypeError, AttributeError) as error:
        return Opinion(name, math.nan, 0.0, f"cannot take f: {error}")
    if gradient.failure or gradient.complaint:
        return Opinion(name, math.nan, 0.0, gradient.failure or gradient.complaint)
    return Opinion(name, gradient.rows[k][i], 0.0)


def _slope(steps: Sequence[float], remainders: Sequence[float], floor: float) -> float:
    """Return the power of h at the finest steps where the remainder is well above the noise."""
    seen = [
        (math.log(h), math.log(remainder))
        for h, remainder in zip(steps, remainders, strict=True)
        if math.isfinite(remainder) and remainder > 100 * floor
    ]
    if len(seen) < 2:
        return math.nan
    (x0, y0), (x1, y1) = seen[max(-4, -len(seen))], seen[-1]
    return (y0 - y1) / (x0 - x1)


def _agree(a: float, b: float) -> bool:
    return abs(a - b) <= _AGREE * max(abs(a), abs(b))
