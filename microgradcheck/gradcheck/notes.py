"""Notes of a report: what the inputs given hide, by where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import cycle

from microgradcheck.gradcheck.branches import branches_not_taken
from microgradcheck.gradcheck.entry import Entry, Verdict
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.sources import GivenGradient, GradientSource

__tracebackhide__ = True  # from pytest

_SMALL = 1e-6  # of the largest entry: what is less, rounding often hides


def notes_on(
    problem: Problem,
    source: GradientSource,
    under_test: Gradient,
    entries: Sequence[Entry],
    *,
    passed: bool,
) -> list[str]:
    """Return what the reader should know beside the verdicts."""
    notes = [_pair(problem), _small(entries)]
    if passed:
        notes += [_zeros(problem, under_test, entries), _branches(problem, source, under_test)]
    return list(filter(None, notes))


def _pair(problem: Problem) -> str:
    """Say that what may be the gradient, beside the value, was taken for more outputs."""
    first, *others = problem.output_indices
    looks_like_it = len(others) == len(problem.entries) and all(
        len(index) > 1 and index[0] == 1 for index in others
    )
    if first != (0,) or not looks_like_it:
        return ""
    x = ", ".join(problem.names)
    return (
        f"f returns a number and numbers like {x}, which were taken for more outputs; if they are "
        f"its gradient, part them to have it checked: f({x})[0], gradient=lambda {x}: f({x})[1]"
    )


def still(problem: Problem, entries: Sequence[Entry]) -> list[str]:
    """Say that f stands still, whichever input moves."""
    is_still = all(entry.verdict is Verdict.PASS and not entry.power for entry in entries)
    if problem.order == 2 or not is_still:
        return []
    return ["f changes with none of its inputs here: does it use them?"]


def _small(entries: Sequence[Entry]) -> str:
    """Say which entries are hidden by how small they are beside others."""
    largest = dict.fromkeys((entry.output for entry in entries), 0.0)
    for entry in entries:
        if entry.verdict is Verdict.PASS:
            largest[entry.output] = max(largest[entry.output], abs(entry.reference))
    hidden = [
        (abs(entry.reference) + entry.error_bound) / (largest[entry.output] or math.nan)
        for entry in entries
        if entry.verdict is Verdict.INCONCLUSIVE
    ]
    if not hidden or not max(hidden) < _SMALL:
        return ""
    what = "it is" if len(hidden) == 1 else f"all {len(hidden):,} of them are"
    return (
        f"INCONCLUSIVE since {what} below {max(hidden):.1e} of the largest entry; check at "
        "inputs that saturate nothing, or accept INCONCLUSIVE"
    )


def _zeros(problem: Problem, under_test: Gradient, entries: Sequence[Entry]) -> str:
    """Say where zeros of inputs, or of the gradient, hide what is wrong."""
    if under_test.again is None or any(entry.verdict is not Verdict.PASS for entry in entries):
        return ""
    # What an optimum leaves of a gradient is rounding, which no factor would show in.
    seen = {e.input for e in entries if abs(e.gradient) > e.resolution or not e.power}
    # A single input of 0 was chosen for what it is.
    pairs = zip(entries, cycle(problem.entries))
    moved = {e.input for e, x in pairs if x or problem.counts[e.input] == 1}
    names = [name for i, name in enumerate(problem.names) if i not in seen & moved]
    if not names:
        return ""
    return (
        f"with respect to {', '.join(names)}, the inputs or the gradient are 0 here, where "
        "wrong terms and factors can hide; check at other inputs too"
    )


def _branches(problem: Problem, source: GradientSource, under_test: Gradient) -> str:
    ask, inputs = under_test.ask, problem.entries
    if ask is None:
        return ""
    if isinstance(source, GivenGradient):
        missed = branches_not_taken(source.gradient, partial(ask, inputs))
        missed += branches_not_taken(problem.f, partial(problem, inputs))
    else:
        missed = branches_not_taken(problem.f, partial(ask, inputs))
    if not missed:
        return ""
    more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
    return f"not visited at these inputs: {missed[0]}{more}; check at inputs that reach it"
