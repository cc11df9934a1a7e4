"""Why a gradient is wrong, in words, each found by evidence and called "maybe" where it is thin."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from microgradcheck.gradcheck.elsewhere import Elsewhere, Sample
from microgradcheck.gradcheck.entry import Cause, Entry, OperationFault, Verdict, worst_first
from microgradcheck.gradcheck.nodes import Recording, faults_of, record
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient

__all__ = ["explain", "explain_node"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_CLOSE = 1e-4  # relative: two numbers that agree so far are the same number for a cause
_MOST_LOOKED_AT = 12  # wrong entries, the worst: f and its gradient are asked nearby for each


def explain(
    problem: Problem,
    under_test: Gradient,
    entries: list[Entry],
    *,
    records: bool,
    rng: random.Random,
) -> tuple[list[Entry], list[OperationFault], list[str]]:
    """Return entries with their causes, the operations at fault, where f records, and notes."""
    recording = record(problem.f, problem)
    faults, right = faults_of(recording) if recording and records else ([], 0)
    notes: list[str] = []
    if recording and recording.read_at and not records:
        recording = None  # f does not mean to record, so this says nothing of it.
    if not any(entry.is_unexplained for entry in entries):
        return entries, faults, notes
    evidence = _Evidence(problem, under_test, entries, recording, rng)
    if faults:
        common = _of_an_operation(faults[0])
        if right:
            notes.append(f"the other {right:,} recorded operations are right")
    else:
        common = evidence.common_cause()
        if right and recording and not recording.read_at:
            notes.append(
                f"all {right:,} recorded operations are right by themselves; the fault is in "
                "how their derivatives are added up, or in which order"
            )
    explained = [
        e.judged(e.verdict, str(common or evidence.cause_of(e))) if e.is_unexplained else e
        for e in entries
    ]
    return explained, faults, notes


def explain_node(node: Entry, faults: Sequence[OperationFault]) -> Entry:
    """Return the entry of a node between the inputs and the output, with its cause."""
    if not node.is_unexplained:
        return node
    no_pattern = f"{Cause.NO_PATTERN}: what flows back to it is not what nudging it does"
    return node.judged(node.verdict, _of_an_operation(faults[0]) if faults else no_pattern)


def _of_an_operation(fault: OperationFault) -> str:
    return f"{Cause.OPERATION}: the derivative of {fault.name} with respect to {fault.input}"


@dataclass
class _Evidence:
    problem: Problem
    under_test: Gradient
    entries: list[Entry]
    recording: Recording | None
    rng: random.Random

    def __post_init__(self) -> None:
        self.wrong = [entry for entry in self.entries if entry.is_unexplained]
        self.looked_at = worst_first(self.wrong)[:_MOST_LOOKED_AT]
        self.elsewhere = Elsewhere(self.problem, self.under_test.ask, self.looked_at, self.rng)

    def common_cause(self) -> str:
        """Return the cause that explains all wrong entries together, if one does."""
        return (
            self._stale()
            or self._graph_cut()
            or self._transposed()
            or self._swapped()
            or self._constant_factor()
        )

    def cause_of(self, entry: Entry) -> str:
        """Return the cause of one wrong entry by itself."""
        gradient, reference = entry.gradient, entry.reference
        if abs(reference) <= entry.error_bound:
            return self._nothing_to_see(entry)
        if gradient == 0:
            return self._zero_elsewhere(entry)
        if missing := self._one_use(entry):
            return missing
        here, *nearby = samples = self._samples(entry)
        factor, excess = here.ratio, abs(here.ratio - 1)
        if len(nearby) >= 3 and all(_explains(1.0, sample.ratio, excess) for sample in nearby):
            return f"{Cause.ONLY_HERE}: at three points nearby it is right"
        if one_side := self._right_where_mirrored(entry):
            return one_side
        is_constant = _share_a_factor(samples)
        if not is_constant:
            if term := _term(samples):
                return term
            # A gradient in single precision shows its factor less well.
            if not all(_explains(factor, sample.ratio, excess, 1e-3) for sample in nearby):
                return (
                    f"{Cause.NO_PATTERN}: {factor:.6g} times the derivative, and another ratio at "
                    "inputs nearby"
                )
        if _close(factor, -1.0, _CLOSE + entry.error_bound / abs(reference)):
            return Cause.SIGN_FLIPPED
        # Where the derivative is the same nearby, so is its ratio to a gradient that is any number.
        telling = len(self.wrong) == 1 or not all(_close(s.derivative, reference) for s in nearby)
        if is_constant and len(nearby) >= 3 and telling:
            return _constant_factor(factor)
        return f"maybe {Cause.FACTOR} of {factor:.6g}"

    def _samples(self, entry: Entry) -> list[Sample]:
        """Return an entry here, and then nearby."""
        x = self.problem.entries[self.problem.position(entry)[1]]
        here = Sample(x, entry.gradient, entry.reference, entry.error_bound)
        return [here, *self.elsewhere.nearby(entry)]

    def _right_where_mirrored(self, entry: Entry) -> str:
        excess = abs(entry.gradient / entry.reference - 1)
        mirrored = self.elsewhere.mirrored(entry)
        if any(_explains(1.0, sample.ratio, excess, 1e-5) for sample in mirrored):
            return f"{Cause.ONE_SIDE_OF_A_BRANCH}: at the mirrored inputs it is right"
        return ""

    def _stale(self) -> str:
        if self.under_test.repeats:
            return ""
        first, second = chain(*self.under_test.rows), chain(*self.under_test.again or ())
        if all(_close(b, 2 * a) for a, b in zip(first, second, strict=True)):
            return (
                f"{Cause.STALE}: a second call gives twice the first, ratio 2; set the gradients "
                "to zero before each backward pass"
            )
        return f"{Cause.GRADIENT_DOES_NOT_REPEAT}: two calls differ; is something in it random?"

    def _graph_cut(self) -> str:
        if not self.recording or not self.recording.read_at:
            return ""
        return (
            f"{Cause.GRAPH_CUT}: a Value is used as a plain number {self.recording.read_at}, "
            "so what follows does not know where it came from"
        )

    def _transposed(self) -> str:
        size = len(self.under_test.rows)
        if size < 2 or size != len(self.problem.entries):
            return ""
        flipped = [self.entries[i * size + k].reference for k in range(size) for i in range(size)]
        gap = max(e.gap for e in self.wrong)
        if all(_explains(e.gradient, b, gap) for e, b in zip(self.entries, flipped, strict=True)):
            return f"{Cause.JACOBIAN_TRANSPOSED}: its output axes come first"
        return ""

    def _swapped(self) -> str:
        """Tell whether the wrong entries hold the numbers of one another."""
        wrong, first = self.wrong, self.wrong[0]
        by_reference = sorted(wrong, key=lambda e: e.reference)
        holds = list(zip(sorted(wrong, key=lambda e: e.gradient), by_reference, strict=True))
        if len(wrong) < 2 or not all(_explains(a.gradient, b.reference, a.gap) for a, b in holds):
            return ""
        if all(_close(e.gradient, -e.reference) for e in wrong) and all(
            _close(sample.ratio, -1.0) for sample in self.elsewhere.nearby(self.looked_at[0])
        ):
            return Cause.SIGN_FLIPPED  # As much here as a swap, and nearby only this.
        mirrored = {(e.input, e.index[::-1]): e.reference for e in wrong}
        if self.problem.scalar and all(
            len(e.index) == 2
            and _explains(e.gradient, mirrored.get((e.input, e.index), math.nan), e.gap)
            for e in wrong
        ):
            return f"{Cause.GRADIENT_TRANSPOSED}: {first.name} has the number of its mirror image"
        other = next(b for a, b in holds if a is first)
        if len(wrong) == 2:
            return f"{Cause.ENTRIES_SWAPPED}: {first.name} and {other.name}"
        return f"{Cause.ENTRIES_SWAPPED}: {first.name} has the number of {other.name}, and so on"

    def _constant_factor(self) -> str:
        ratios = [e.gradient / e.reference for e in self.wrong if e.reference]
        if len(ratios) < 2 or len(ratios) != len(self.wrong):
            return ""
        if not any(ratios):
            return self._zero_elsewhere(self.looked_at[0])
        factor, excess = ratios[0], abs(ratios[0] - 1)
        if not all(_explains(factor, ratio, excess) for ratio in ratios):
            return ""
        if any(e.verdict is Verdict.PASS and e.gradient for e in self.entries):
            return ""
        worst = self.looked_at[0]
        if one_side := self._right_where_mirrored(worst):
            return one_side
        if not _share_a_factor(self._samples(worst)):
            return ""  # They share a factor here: that of a wrong step which all go through.
        return Cause.SIGN_FLIPPED if _close(factor, -1.0) else _constant_factor(factor)

    def _nothing_to_see(self, entry: Entry) -> str:
        k, i = self.problem.position(entry)
        f, x, size = self.problem.output_name(k), self.problem.name_of(i), self.problem.sizes[i]
        values = {self.problem.moved(i, step * size)[k] for step in (-0.1, -0.01, 0.0, 0.01, 0.1)}
        if len(values) == 1:
            flat = f"{f} does not change with {x} here"
            return f"{Cause.INPUT_IGNORED}: {flat}, and the gradient is not 0"
        bound = abs(entry.reference) + entry.error_bound
        told = f"{Cause.STATIONARY}: the slope of {f} in {x} is"
        if bound > _CLOSE * abs(entry.gradient):
            return f"maybe {told} at most {bound:.1e}, and the gradient is not"
        return f"{told} 0, and the gradient is not"

    def _zero_elsewhere(self, entry: Entry) -> str:
        nearby = [sample.ratio for sample in self.elsewhere.nearby(entry)]
        always = len(nearby) >= 2 and not any(nearby)
        return Cause.ALWAYS_ZERO if always else Cause.ZERO_HERE

    def _one_use(self, entry: Entry) -> str:
        """Compare with what single uses of the input contribute, where the graph is known."""
        if not self.recording or len(self.recording.roots) < len(self.problem.output_indices):
            return ""
        k, i = self.problem.position(entry)
        uses = self.recording.contributions[k][i]
        if len(uses) > 1 and any(_close(entry.gradient, use) for use in uses):
            return (
                f"{Cause.USE_NOT_ACCUMULATED}: it equals one of {len(uses)} "
                "contributions, which must be added (`+=`, not `=`)"
            )
        return ""


def _constant_factor(factor: float) -> str:
    maybe = "; maybe stale, from a second backward pass" if _close(factor, 2.0) else ""
    shown = f"{factor:.7g}"
    if shown == "1":
        shown = f"1 + {factor - 1:.2g}" if factor > 1 else f"1 - {1 - factor:.2g}"
    return f"{Cause.CONSTANT_FACTOR} of {shown}{maybe}"


def _share_a_factor(found: Sequence[Sample]) -> bool:
    """Tell whether all gradients are the first one's multiple of the derivative, as far as seen."""
    factor = found[0].ratio
    unsure = found[0].error_bound / abs(found[0].derivative)
    return all(
        abs(one.gradient - factor * one.derivative)
        <= _CLOSE * abs(one.excess) + abs(factor) * (one.error_bound + unsure * abs(one.derivative))
        for one in found
    )


def _term(found: Sequence[Sample]) -> str:
    """Tell whether what is too much or missing is one number, or one number times the input."""
    if len(found) < 3 or any(one.error_bound > 0.01 * abs(one.excess) for one in found):
        return ""
    best = min(found, key=lambda one: one.error_bound / abs(one.excess))
    for power, described in (0, ""), (1, " times the input"):
        if not all(one.x**power for one in found):
            continue
        factor = best.excess / best.x**power
        if all(
            abs(one.excess - factor * one.x**power) <= _CLOSE * abs(one.excess) + one.error_bound
            for one in found
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
