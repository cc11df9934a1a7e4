"""Why a gradient is wrong, in words, each found by evidence and called "maybe" where it is thin."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from microgradcheck.gradcheck.blame import Recording
from microgradcheck.gradcheck.entry import Cause, Entry, OperationFault, Verdict, worst_first
from microgradcheck.gradcheck.nearby import Sample, contributions, inputs_nearby, samples
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.value import Value

__all__ = ["explain"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_CLOSE = 1e-4  # relative: two numbers that agree so far are the same number for a cause
_MOST_LOOKED_AT = 12  # wrong entries, the worst: f and its gradient are asked nearby for each


def explain(
    problem: Problem,
    under_test: Gradient,
    entries: list[Entry],
    *,
    recording: Recording | None,
    faults: Sequence[OperationFault] | None,
    rng: random.Random,
) -> tuple[list[Entry], list[str]]:
    """Give wrong entries the first cause that the evidence shows; return them, and notes of it."""
    notes: list[str] = []
    wrong = [n for n, e in enumerate(entries) if e.verdict is Verdict.WRONG and not e.cause]
    if not wrong:
        return entries, notes
    evidence = _Evidence(problem, under_test, entries, recording=recording, rng=rng)
    checked = len(recording.nodes) if recording else 0
    if faults:
        fault = faults[0]
        guilty: dict[tuple[str, ...], int] = {}
        for each in faults:  # An operation may be wrong in both of its inputs.
            place = (each.name, each.location, each.expression)
            guilty[place] = max(guilty.get(place, 0), each.count)
        if right := checked - sum(guilty.values()):
            notes.append(f"the other {right:,} recorded operations are right")
        common = f"{Cause.OPERATION}: the derivative of {fault.name} with respect to {fault.input}"
    else:
        common = evidence.common_cause()
    for n in wrong:
        cause = common or evidence.cause_of(entries[n])
        entries[n] = replace(entries[n], cause=str(cause))
    if faults == [] and recording and recording.nodes and not recording.reads:
        notes.append(
            f"all {checked:,} recorded operations are right by themselves; the fault is in "
            "how their derivatives are added up, or in which order"
        )
    return entries, notes


class _Evidence:
    def __init__(
        self,
        problem: Problem,
        under_test: Gradient,
        entries: list[Entry],
        *,
        recording: Recording | None,
        rng: random.Random,
    ) -> None:
        self.problem, self.under_test = problem, under_test
        self.recording = recording
        self.entries = entries
        self.wrong = [e for e in entries if e.verdict is Verdict.WRONG and not e.cause]
        self.looked_at = worst_first(self.wrong)[:_MOST_LOOKED_AT]
        self.points = inputs_nearby(problem, rng)
        self.mirrored = [[-x for x in problem.entries]]

    def common_cause(self) -> str:
        """Return the cause that explains all wrong entries together, if one does."""
        for look in (
            self._stale,
            self._graph_cut,
            self._transposed,
            self._swapped,
            self._constant_factor,
        ):
            cause = look()
            if cause:
                return cause
        return ""

    def cause_of(self, entry: Entry) -> str:
        """Return the cause of one wrong entry by itself."""
        gradient, reference = entry.gradient, entry.reference
        if abs(reference) <= entry.error_bound:
            return self._nothing_to_see(entry)
        if gradient == 0:
            return self._zero_elsewhere(entry)
        missing = self._one_use(entry)
        if missing:
            return missing
        factor = gradient / reference
        excess = abs(factor - 1)
        samples = self._nearby(entry)
        nearby = [sample.ratio for sample in samples]
        if len(nearby) >= 3 and all(_explains(1.0, ratio, excess) for ratio in nearby):
            return f"{Cause.ONLY_HERE}: at three points nearby it is right"
        if any(_explains(1.0, ratio, excess, 1e-5) for ratio in self._ratios_mirrored(entry)):
            return f"{Cause.ONE_SIDE_OF_A_BRANCH}: at the mirrored inputs it is right"
        if _close(gradient, -reference, _CLOSE + entry.error_bound / abs(reference)):
            return Cause.SIGN_FLIPPED
        if not all(_explains(factor, ratio, excess, 1e-3) for ratio in nearby):
            return _term([self._sample(entry), *samples]) or (
                f"{Cause.NO_PATTERN}: {factor:.6g} times the derivative, and another ratio at "
                "inputs nearby"
            )
        # Where the derivative is the same nearby, so is its ratio to a gradient that is any number.
        telling = len(self.wrong) == 1 or any(
            not _close(sample.derivative, reference) for sample in samples
        )
        if len(nearby) >= 3 and telling:
            return _constant_factor(factor)
        return f"maybe {Cause.FACTOR} of {factor:.6g}"

    def _stale(self) -> str:
        if self.under_test.repeats or self.under_test.again is None:
            return ""
        pairs = [
            (first, second)
            for row, other in zip(self.under_test.rows, self.under_test.again, strict=True)
            for first, second in zip(row, other, strict=True)
        ]
        if all(_close(second, 2 * first) for first, second in pairs):
            return (
                f"{Cause.STALE}: a second call gives twice the first, ratio 2; set the gradients "
                "to zero before each backward pass"
            )
        return f"{Cause.GRADIENT_DOES_NOT_REPEAT}: two calls differ; is something in it random?"

    def _graph_cut(self) -> str:
        if self.recording and self.recording.reads:
            return (
                f"{Cause.GRAPH_CUT}: .data or float() of a Value is read at "
                f"{self.recording.reads[0]}, so what follows does not know where it came from"
            )
        return ""

    def _transposed(self) -> str:
        reference = {(e.output, (e.input, *e.index)): e.reference for e in self.entries}
        size = len(self.under_test.rows)
        if self.problem.scalar or size < 2 or size != len(self.problem.entries):
            return ""
        table = [e.reference for e in self.entries]
        flipped = [table[i * size + k] for k in range(size) for i in range(size)]
        given = [e.gradient for e in self.entries]
        gap = max(e.gap for e in self.wrong)
        fits = (_explains(a, b, gap) for a, b in zip(given, flipped, strict=True))
        if all(fits) and len(reference) > 1:
            return f"{Cause.JACOBIAN_TRANSPOSED}: its output axes come first"
        return ""

    def _swapped(self) -> str:
        """Tell whether the wrong entries hold the numbers of one another."""
        wrong = self.wrong
        order = sorted(wrong, key=lambda e: e.reference)
        holds = list(zip(sorted(wrong, key=lambda e: e.gradient), order, strict=True))
        if len(wrong) < 2 or not all(_explains(a.gradient, b.reference, a.gap) for a, b in holds):
            return ""
        if all(_close(e.gradient, -e.reference) for e in wrong) and all(
            _close(sample.ratio, -1.0) for sample in self._nearby(self.looked_at[0])
        ):
            return Cause.SIGN_FLIPPED  # As much here as a swap, and nearby only this.
        mirrored = {(e.input, e.index[::-1]): e.reference for e in wrong}
        if self.problem.scalar and all(
            len(e.index) == 2
            and _explains(e.gradient, mirrored.get((e.input, e.index), math.nan), e.gap)
            for e in wrong
        ):
            return (
                f"{Cause.GRADIENT_TRANSPOSED}: {wrong[0].name} has the number of its mirror image"
            )
        other = next(b for a, b in holds if a is wrong[0])
        if len(wrong) == 2:
            return f"{Cause.ENTRIES_SWAPPED}: {wrong[0].name} and {other.name}"
        return f"{Cause.ENTRIES_SWAPPED}: {wrong[0].name} has the number of {other.name}, and so on"

    def _constant_factor(self) -> str:
        ratios = [e.gradient / e.reference for e in self.wrong if e.reference]
        if len(ratios) < 2 or len(ratios) != len(self.wrong):
            return ""
        excess = abs(ratios[0] - 1)
        if not all(_explains(ratios[0], ratio, excess) for ratio in ratios) or ratios[0] == 0:
            return "" if any(ratios) else self._zero_elsewhere(self.looked_at[0])
        if any(e.verdict is Verdict.PASS and e.gradient for e in self.entries):
            return ""
        if _close(ratios[0], -1.0):
            return Cause.SIGN_FLIPPED
        nearby = [sample.ratio for sample in self._nearby(self.looked_at[0])]
        if not all(_explains(ratios[0], ratio, excess, 1e-3) for ratio in nearby):
            return ""  # They share a factor here: that of a wrong step which all go through.
        return _constant_factor(ratios[0])

    def _sample(self, entry: Entry) -> Sample:
        _, i = self.problem.position(entry)
        return Sample(self.problem.entries[i], entry.gradient, entry.reference, entry.error_bound)

    def _nothing_to_see(self, entry: Entry) -> str:
        k, i = self.problem.position(entry)
        scale = self.problem.scale(i, None)
        f, x = self.problem.output_name(k), self.problem.name_of(self.problem.places[i])
        values = {self.problem.moved(i, step * scale)[k] for step in (-0.1, -0.01, 0.0, 0.01, 0.1)}
        if len(values) == 1:
            flat = f"{f} does not change with {x} here"
            return f"{Cause.INPUT_IGNORED}: {flat}, and the gradient is not 0"
        return f"{Cause.STATIONARY}: the slope of {f} in {x} is 0, and the gradient is not"

    def _zero_elsewhere(self, entry: Entry) -> str:
        nearby = [sample.ratio for sample in self._nearby(entry)]
        always = len(nearby) >= 2 and not any(nearby)
        return Cause.ALWAYS_ZERO if always else Cause.ZERO_HERE

    def _one_use(self, entry: Entry) -> str:
        """Compare with what single uses of the input contribute, where the graph is known."""
        if not self.recording or not self.problem.scalar or not self.recording.roots:
            return ""
        _, i = self.problem.position(entry)
        uses = self._contributions[self.recording.inputs[i]]
        if len(uses) > 1 and any(_close(entry.gradient, use) for use in uses):
            return (
                f"{Cause.USE_NOT_ACCUMULATED}: it equals one of {len(uses)} "
                "contributions, which must be added (`+=`, not `=`)"
            )
        return ""

    @cached_property
    def _contributions(self) -> Mapping[Value, list[float]]:
        assert self.recording
        return contributions(self.recording.roots[0])

    def _nearby(self, entry: Entry) -> list[Sample]:
        return self._at(self.points, entry)

    def _ratios_mirrored(self, entry: Entry) -> list[float]:
        return [sample.ratio for sample in self._at(self.mirrored, entry)]

    def _at(self, points: Sequence[Sequence[float]], entry: Entry) -> list[Sample]:
        """Return an entry at other inputs; nothing if it is none of those that are looked at."""
        if entry not in self.looked_at:
            return []
        return samples(self.problem, self.under_test, entry, points)


def _constant_factor(factor: float) -> str:
    maybe = "; maybe stale, from a second backward pass" if _close(factor, 2.0) else ""
    shown = f"{factor:.7g}"
    if shown == "1":
        shown = f"1 + {factor - 1:.2g}" if factor > 1 else f"1 - {1 - factor:.2g}"
    return f"{Cause.CONSTANT_FACTOR} of {shown}{maybe}"


def _term(found: Sequence[Sample]) -> str:
    """Tell whether what is too much or missing is one number, or one number times the input."""
    if len(found) < 3 or any(one.error_bound > 0.01 * abs(one.excess) for one in found):
        return ""
    first = found[0]
    if all(_close(s.gradient * first.derivative, first.gradient * s.derivative) for s in found):
        return ""  # A factor, or derivatives of zero, explain as much.
    best = min(found, key=lambda one: one.error_bound / abs(one.excess))
    measures: list[tuple[Callable[[Sample], float], str]]
    measures = [(lambda _: 1.0, ""), (lambda one: one.x, " times the input")]
    for measure, described in measures:
        if not all(map(measure, found)):
            continue
        factor = best.excess / measure(best)
        if all(
            abs(s.excess - factor * measure(s)) <= _CLOSE * abs(s.excess) + s.error_bound
            for s in found
        ):
            side = "large" if factor > 0 else "small"
            return f"{Cause.TERM}: too {side} by {abs(factor):.6g}{described}, here and nearby"
    return ""


def _explains(given: float, explained: float, gap: float, within: float = _CLOSE) -> bool:
    """Tell whether a cause gives the number under test: to four digits, and but for 1 % of the gap.

    Without the second, a gradient that is off by 1e-5 would fit any cause that changes nothing.
    """
    return _close(given, explained, within) and abs(given - explained) <= 0.01 * gap


def _close(a: float, b: float, within: float = _CLOSE) -> bool:
    return abs(a - b) <= within * max(abs(a), abs(b))
