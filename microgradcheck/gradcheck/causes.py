"""Why a gradient is wrong, in words, each found by evidence and called "maybe" where it is thin."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import chain

from microgradcheck.gradcheck.entry import Cause, Entry, OperationFault, Verdict
from microgradcheck.gradcheck.evidence import (
    are_precise,
    close,
    constant_factor,
    explains,
    share_a_factor,
)
from microgradcheck.gradcheck.nodes import faults_of, record
from microgradcheck.gradcheck.one_by_one import MOST_RECORDED, OneByOne
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient

__tracebackhide__ = True  # from pytest

_MOST_IN_COMMON = 4  # wrong entries, the worst, that tell of all


def explain(
    problem: Problem,
    under_test: Gradient,
    entries: list[Entry],
    *,
    records: bool,
    rng: random.Random,
) -> tuple[list[Entry], list[OperationFault], list[str]]:
    """Return entries with their causes, the operations at fault, and notes."""
    recording = record(problem, math.inf if records else MOST_RECORDED)
    faults, right, at_a_kink = faults_of(recording) if recording and records else ([], 0, "")
    notes: list[str] = []
    if recording and recording.read_at and not records:
        recording = None  # f does not mean to record, so this says nothing of it.
    wrong = [entry for entry in entries if entry.is_unexplained]
    if not wrong:
        return entries, faults, notes
    one_by_one = OneByOne(problem, under_test, wrong, recording, rng)
    if faults:
        common = _of_an_operation(faults[0])
        if right:
            notes.append(f"the other {right:,} recorded operations are right")
    else:
        common = _Together(problem, under_test, entries, one_by_one).cause()
        if at_a_kink:
            notes.append(
                f"{at_a_kink} stands at its kink, where its derivative is a convention; "
                "check at other inputs"
            )
        elif right and recording and not recording.read_at:
            notes.append(
                f"each recorded operation is right by itself ({right:,} of them); the fault is in "
                "how their derivatives are added up, or in which order"
            )
    explained = [
        e.judged(e.verdict, str(common or one_by_one.cause_of(e))) if e.is_unexplained else e
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


class _Together:
    """Wrong entries that may have one cause."""

    def __init__(
        self, problem: Problem, under_test: Gradient, entries: list[Entry], one_by_one: OneByOne
    ) -> None:
        self.problem, self.under_test, self.entries = problem, under_test, entries
        self.one_by_one, self.wrong = one_by_one, one_by_one.wrong
        self.first_few = one_by_one.looked_at[:_MOST_IN_COMMON]

    def cause(self) -> str:
        """Return the cause that explains all wrong entries, if one does."""
        return (
            self._stale()
            or self._graph_cut()
            or self._transposed()
            or self._constant_factor()
            or self._swapped()
        )

    def _stale(self) -> str:
        if self.under_test.repeats:
            return ""
        first = list(chain(*self.under_test.rows))
        added = [b - a for a, b in zip(first, chain(*self.under_test.again or ()), strict=True)]
        advice = "set the gradients to zero before each backward pass"
        if all(map(close, added, first)):
            return f"{Cause.STALE}: a second call gives twice the first, ratio 2; {advice}"
        if all(map(close, added, (entry.reference for entry in self.entries))):
            return f"{Cause.STALE}: a second call adds the right gradient to the first; {advice}"
        is_far_off = max(e.gap for e in self.wrong) > 100 * max(map(abs, added))
        less = ", by far less than it is off" if is_far_off else ""
        told = f"two calls differ{less}; is something in it random?"
        return f"{Cause.GRADIENT_DOES_NOT_REPEAT}: {told}"

    def _graph_cut(self) -> str:
        recording = self.one_by_one.recording
        if not recording or not recording.read_at:
            return ""
        return (
            f"{Cause.GRAPH_CUT}: a Value is used as a plain number {recording.read_at}, "
            "so what follows does not know where it came from"
        )

    def _transposed(self) -> str:
        size = len(self.under_test.rows)
        if size < 2 or size != len(self.problem.entries):
            return ""
        flipped = [self.entries[i * size + k].reference for k in range(size) for i in range(size)]
        gap = max(e.gap for e in self.wrong)
        if all(explains(e.gradient, b, gap) for e, b in zip(self.entries, flipped, strict=True)):
            return f"{Cause.JACOBIAN_TRANSPOSED}: its output axes come first"
        return ""

    def _swapped(self) -> str:
        wrong, first = self.wrong, self.wrong[0]
        by_reference = sorted(wrong, key=lambda e: e.reference)
        holds = list(zip(sorted(wrong, key=lambda e: e.gradient), by_reference, strict=True))
        if len(wrong) < 2 or not all(explains(a.gradient, b.reference, a.gap) for a, b in holds):
            return ""
        if not all(self._are_swapped_nearby(a, b) for a, b in holds if a in self.first_few):
            return ""
        mirrored = {(e.input, e.index[::-1]): e.reference for e in wrong}
        if self.problem.scalar and all(
            len(e.index) == 2
            and explains(e.gradient, mirrored.get((e.input, e.index), math.nan), e.gap)
            for e in wrong
        ):
            return f"{Cause.GRADIENT_TRANSPOSED}: {first.name} has the number of its mirror image"
        other = next(b for a, b in holds if a is first)
        if len(wrong) == 2:
            return f"{Cause.ENTRIES_SWAPPED}: {first.name} and {other.name}"
        return f"{Cause.ENTRIES_SWAPPED}: {first.name} has the number of {other.name}, and so on"

    def _are_swapped_nearby(self, a: Entry, b: Entry) -> bool:
        nearby = self.one_by_one.elsewhere.nearby
        pairs = list(zip(nearby(a), nearby(b), strict=False))
        return len(pairs) < 3 or all(close(p.gradient, q.derivative) for p, q in pairs)

    def _constant_factor(self) -> str:
        if len(self.wrong) < 2 or any(abs(e.reference) <= e.error_bound for e in self.wrong):
            return ""
        ratios = [e.gradient / e.reference for e in self.wrong]
        if not any(ratios):
            return ""
        factor, excess = ratios[0], abs(ratios[0] - 1)
        if not all(
            explains(factor, ratio, excess)
            or abs(e.gradient - factor * e.reference) <= abs(factor) * e.error_bound
            for e, ratio in zip(self.wrong, ratios, strict=True)
        ):
            return ""
        concerned = {e.input for e in self.wrong}
        if any(
            e.verdict is Verdict.PASS and e.gradient and e.input in concerned for e in self.entries
        ):
            return ""
        if one_side := self.one_by_one.right_where_mirrored(self.first_few[0]):
            return one_side
        known = [self.one_by_one.samples(entry) for entry in self.first_few]
        if not all(share_a_factor(samples) and are_precise(samples) for samples in known):
            return ""  # They share a factor here: that of a wrong step which all go through.
        return (
            Cause.SIGN_FLIPPED
            if close(factor, -1.0)
            else (constant_factor(factor, by_hand=self.one_by_one.is_by_hand))
        )
