"""Why a gradient is wrong, in words, each found by evidence and called "maybe" where it is thin."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from microgradcheck import sweep
from microgradcheck.gradcheck.blame import Recording
from microgradcheck.gradcheck.entry import Entry, OperationFault, Verdict
from microgradcheck.gradcheck.named_causes import Cause
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.value import Value

__all__ = ["explain"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_CLOSE = 1e-4  # relative: two numbers that agree so far are the same number for a cause


def explain(
    problem: Problem,
    under_test: Gradient,
    entries: list[Entry],
    *,
    recording: Recording | None,
    faults: Sequence[OperationFault] | None,
    rng: random.Random,
) -> tuple[list[Entry], list[str]]:
    """Give every wrong entry without a cause the first cause that the evidence shows.

    Args:
        problem: the function and its inputs.
        under_test: the gradient.
        entries: all entries with their verdicts.
        recording: the function, recorded once more, where it takes `Value`s.
        faults: its operations that are wrong, where the gradient comes from that recording.
        rng: where the points nearby come from.

    Returns:
        The entries with their causes, and notes for the report.
    """
    notes: list[str] = []
    wrong = [n for n, e in enumerate(entries) if e.verdict is Verdict.WRONG and not e.cause]
    if not wrong:
        return entries, notes
    evidence = _Evidence(problem, under_test, entries, recording=recording, rng=rng)
    checked = len(recording.nodes) if recording else 0
    if faults:
        fault = faults[0]
        right = checked - sum(fault.count for fault in faults)
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
        self.problem, self.under_test, self.rng = problem, under_test, rng
        self.recording = recording
        self.entries = entries
        self.wrong = [e for e in entries if e.verdict is Verdict.WRONG and not e.cause]

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
        nearby = self._ratios_nearby(entry)
        if len(nearby) >= 3 and all(_explains(1.0, ratio, excess) for ratio in nearby):
            return f"{Cause.ONLY_HERE}: at three points nearby it is right"
        if any(_explains(1.0, ratio, excess, 1e-5) for ratio in self._ratios_mirrored(entry)):
            return f"{Cause.ONE_SIDE_OF_A_BRANCH}: at the mirrored inputs it is right"
        if _close(gradient, -reference, _CLOSE + entry.error_bound / abs(reference)):
            return Cause.SIGN_FLIPPED
        same = [_explains(factor, ratio, excess, 1e-3) for ratio in nearby]
        if len(nearby) >= 3 and all(same):
            return _constant_factor(factor)
        elsewhere = "" if all(same) else ", which is not the same nearby"
        return f"maybe {Cause.FACTOR} of {factor:.6g}{elsewhere}"

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
        half = len(self.wrong) // 2
        first, second = self.wrong[:half], self.wrong[half:]
        swapped = (
            half
            and len(first) == len(second)
            and all(
                _explains(a.gradient, b.reference, a.gap)
                and _explains(b.gradient, a.reference, b.gap)
                for a, b in zip(first, second, strict=True)
            )
        )
        if not swapped:
            return ""
        more = " and so on" if half > 1 else ""
        return f"{Cause.ENTRIES_SWAPPED}: {first[0].name} and {second[0].name}{more}"

    def _constant_factor(self) -> str:
        ratios = [e.gradient / e.reference for e in self.wrong if e.reference]
        if len(ratios) < 2 or len(ratios) != len(self.wrong):
            return ""
        excess = abs(ratios[0] - 1)
        if not all(_explains(ratios[0], ratio, excess) for ratio in ratios) or ratios[0] == 0:
            return Cause.ALWAYS_ZERO if not any(ratios) else ""
        if any(e.verdict is Verdict.PASS and e.gradient for e in self.entries):
            return ""
        if _close(ratios[0], -1.0):
            return Cause.SIGN_FLIPPED
        return _constant_factor(ratios[0])

    def _nothing_to_see(self, entry: Entry) -> str:
        i = self.problem.places.index((entry.input, entry.index))
        k = self.problem.output_indices.index(entry.output)
        scale = self.problem.scale(i, None)
        values = {self.problem.moved(i, step * scale)[k] for step in (-0.1, -0.01, 0.0, 0.01, 0.1)}
        if len(values) == 1:
            return f"{Cause.INPUT_IGNORED}: it does not depend on it, and the gradient is not zero"
        return f"{Cause.STATIONARY}: its slope in this input is zero, and the gradient is not"

    def _zero_elsewhere(self, entry: Entry) -> str:
        nearby = self._ratios_nearby(entry)
        always = len(nearby) >= 2 and not any(nearby)
        return Cause.ALWAYS_ZERO if always else Cause.ZERO_HERE

    def _one_use(self, entry: Entry) -> str:
        """Compare with what single uses of the input contribute, where the graph is known."""
        if not self.recording or not self.problem.scalar or not self.recording.roots:
            return ""
        i = self.problem.places.index((entry.input, entry.index))
        contributions = _contributions(self.recording.roots[0], self.recording.inputs[i])
        if len(contributions) > 1 and any(_close(entry.gradient, c) for c in contributions):
            return (
                f"{Cause.USE_NOT_ACCUMULATED}: it equals one of {len(contributions)} "
                "contributions, which must be added (`+=`, not `=`)"
            )
        return ""

    def _ratios_nearby(self, entry: Entry) -> list[float]:
        return self._ratios(
            entry,
            [
                [x * (1 + 0.05 * self.rng.uniform(0.5, 1.5)) or 0.01 for x in self.problem.entries]
                for _ in range(3)
            ],
        )

    def _ratios_mirrored(self, entry: Entry) -> list[float]:
        return self._ratios(entry, [[-x for x in self.problem.entries]])

    def _ratios(self, entry: Entry, points: Sequence[Sequence[float]]) -> list[float]:
        """Return gradient over derivative at other points, where both can be had."""
        from microgradcheck.numeric.ladder import estimate_along

        k = self.problem.output_indices.index(entry.output)
        i = self.problem.places.index((entry.input, entry.index))
        ratios = []
        for point in points:
            found = estimate_along(
                _along(self.problem, point, i, k),
                point[i],
                abs(point[i]) or 1.0,
                entry.noise,
                1e-6,
            )
            try:
                given = self.under_test.ask(point)[k][i] if self.under_test.ask else math.nan
            except (ValueError, ArithmeticError):
                continue
            is_known = found.error_bound < 1e-4 * abs(found.value)
            if found.behaviour == "smooth" and is_known and math.isfinite(given):
                ratios.append(given / found.value)
        return ratios


def _constant_factor(factor: float) -> str:
    maybe = "; maybe stale, from a second backward pass" if _close(factor, 2.0) else ""
    shown = f"{factor:.7g}"
    if shown == "1":
        shown = f"1 + {factor - 1:.2g}" if factor > 1 else f"1 - {1 - factor:.2g}"
    return f"{Cause.CONSTANT_FACTOR} of {shown}{maybe}"


def _along(problem: Problem, point: Sequence[float], i: int, k: int) -> Callable[[float], float]:
    def at(step: float) -> float:
        moved = list(point)
        moved[i] += step
        return problem(moved)[k]

    return at


def _contributions(root: Value, leaf: Value) -> list[float]:
    """Return what each use of a leaf contributes to the derivative of the root."""
    nodes, adjoints = sweep.reverse(root)
    contributions = []
    for node, adjoint in zip(nodes, adjoints, strict=True):
        for slot, slope in zip((node.a, node.b), sweep.slopes(node), strict=False):
            if slot is leaf and slope is not None:
                contributions.append(adjoint * slope)
    return contributions


def _explains(given: float, explained: float, gap: float, within: float = _CLOSE) -> bool:
    """Tell whether a cause gives the number under test: to four digits, and but for 1 % of the gap.

    Without the second, a gradient that is off by 1e-5 would fit any cause that changes nothing.
    """
    return _close(given, explained, within) and abs(given - explained) <= 0.01 * gap


def _close(a: float, b: float, within: float = _CLOSE) -> bool:
    return abs(a - b) <= within * max(abs(a), abs(b))
