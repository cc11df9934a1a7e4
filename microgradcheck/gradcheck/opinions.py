"""Second opinions on one entry: other ways to its derivative, side by side."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from microgradcheck.gradcheck.entry import Entry, Verdict
from microgradcheck.gradcheck.nodes import record
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import gradient_of
from microgradcheck.gradcheck.wording import cut
from microgradcheck.numeric.samples import UNIT_ROUNDOFF
from microgradcheck.sources import SOURCES

_STEPS = tuple(10.0**-exponent for exponent in range(1, 13))
_JUDGES = ("backprop", "forward-mode", "complex-step")
_AGREE = 1e-6


class Opinion(NamedTuple):
    """What one way gives for the derivative, or why it cannot take f."""

    source: str
    value: float = math.nan
    floor: float = 0.0  # the error that noise alone explains
    why_not: str = ""


class Opinions(NamedTuple):
    """All opinions on one entry; its text is a table.

    Attributes:
        entry: what the check found.
        steps: from the largest to the smallest.
        differences: central differences with those steps.
        judges: ways without a step.
        remainders: |f(x + h) - f(x) - h g| for the same steps.
        slope: the power of h with which they shrink: 2 or more for a right gradient where f is
            smooth, 1 for a wrong one; nan where noise hides them.
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
        rows = zip(self.steps, self.differences, self.remainders, strict=True)
        shrinks = f"h^{self.slope:.2f} (right: 2 or more, wrong: 1)"
        if math.isnan(self.slope):
            shrinks = "too small beside the noise, or too few, to tell"
        lines = [
            f"{self.entry.name}: the gradient under test is {self.entry.gradient:.9g}",
            "",
            f"{'step h':>9}  {'central difference':>19} {'noise':>8}  {'Taylor remainder':>16}",
            *(f"{h:9.1e}  {d.value:19.12g} {d.floor:8.1e}  {rest:16.3e}" for h, d, rest in rows),
            "",
            *(cut(f"{j.source:>20}  {j.why_not or f'{j.value:.12g}'}") for j in self.judges),
            f"{'remainder shrinks as':>20}  {shrinks}",
            "",
            *textwrap.wrap(self.conclusion, 72),
        ]
        return "\n".join(lines)


def second_opinions(problem: Problem, noise: Sequence[float], entry: Entry) -> Opinions:
    """Return what other ways give for the derivative of one entry, and which stands alone."""
    k, i = problem.position(entry)
    x = problem.entries[i]
    # As x + h is rounded, so is h: otherwise that error would be taken for one of the gradient.
    steps = tuple(h for step in _STEPS if (h := (x + step * problem.scales[i]) - x))
    center = problem(problem.entries)[k]
    floor = max(noise[k], UNIT_ROUNDOFF * abs(center))

    def at(step: float) -> float:
        return problem.moved(i, step)[k]

    differences = [
        Opinion("central difference", (at(h) - at(-h)) / (2 * h), floor / h) for h in steps
    ]
    remainders = [abs(at(h) - center - h * entry.gradient) for h in steps]
    recording = record(problem)
    read_at = recording and recording.read_at
    gap = f"f reads a Value as a number {read_at}" if read_at else ""
    judges = [_judge(problem, name, k, i, gap) for name in _JUDGES]
    slope = _slope(steps, remainders, floor)
    conclusion = _conclusion(entry, [judge for judge in judges if math.isfinite(judge.value)])
    return Opinions(entry, steps, differences, judges, remainders, slope, conclusion)


def _judge(problem: Problem, name: str, k: int, i: int, gap: str) -> Opinion:
    if gap and name != "complex-step":
        return Opinion(name, why_not=gap)
    try:
        with warnings.catch_warnings():
            # NumPy warns where it drops an imaginary part, which holds the derivative.
            warnings.simplefilter("error")
            gradient = gradient_of(problem, SOURCES[name])
    except Exception as error:  # noqa: BLE001  it is shown, whatever f does with what it gets
        return Opinion(name, why_not=f"cannot take f: {error}")
    return Opinion(name, gradient.rows[k][i], why_not=gradient.failure or gradient.complaint)


def _slope(steps: Sequence[float], remainders: Sequence[float], floor: float) -> float:
    """Return the power of h at the two finest steps where the remainder is above the noise."""
    seen = [
        (math.log(h), math.log(remainder))
        for h, remainder in zip(steps, remainders, strict=True)
        if math.isfinite(remainder) and remainder > 100 * floor
    ]
    if len(seen) < 2:
        return math.nan
    (x0, y0), (x1, y1) = seen[-2:]
    return (y0 - y1) / (x0 - x1)


def _conclusion(entry: Entry, judges: Sequence[Opinion]) -> str:
    if entry.verdict in (Verdict.EDGE, Verdict.KINK):
        return f"There is no one number to agree on: {entry.cause}."
    if math.isnan(entry.gradient):
        return f"There is no gradient to compare with: {entry.cause}."
    best, within = entry.reference, f"{entry.reference:.9g} ± {entry.error_bound:.1e}"
    alone = [judge.source for judge in judges if not _agree(judge.value, best, entry.error_bound)]
    if entry.verdict in (Verdict.NOISY, Verdict.INCONCLUSIVE):
        judges_say = f"; {', '.join(alone)} do not" if alone else ""
        return f"The gradient agrees with {within}, which is all that can be seen{judges_say}."
    if not _agree(entry.gradient, best, entry.error_bound):
        friends = [j.source for j in judges if _agree(j.value, entry.gradient)]
        who = "The gradient under test stands alone"
        if friends:
            who = f"The gradient under test and {', '.join(friends)} agree with one another only"
        return f"{who}; differences of f say {within}."
    if alone:
        stand = "stands" if len(alone) == 1 else "stand"
        return f"{', '.join(alone)} {stand} alone; the others agree with the gradient."
    return "All agree."


def _agree(a: float, b: float, bound: float = 0.0) -> bool:
    return abs(a - b) <= _AGREE * max(abs(a), abs(b)) + bound
