"""Why a gradient is wrong, in words, each found by evidence and called "maybe" where it is thin."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from microgradcheck.gradcheck.entry import Cause, Entry, OperationFault, Verdict, worst_first
from microgradcheck.gradcheck.evidence import (
    CLOSE,
    Elsewhere,
    Sample,
    added_term,
    are_precise,
    close,
    constant_factor,
    explains,
    factor_text,
    inner_factor,
    is_right,
    share_a_factor,
)
from microgradcheck.gradcheck.nodes import Recording, faults_of, record
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient

__tracebackhide__ = True  # from pytest

_MOST_LOOKED_AT = 12  # wrong entries, the worst: f and its gradient are asked nearby for each
_MOST_RECORDED = 20_000  # operations of an f that is not meant to record: half a second, each time
_MOST_IN_COMMON = 4  # of them that tell of all
_LOOKED_AT = (-0.1, -0.01, 0.0, 0.01, 0.1)  # in sizes of an input: whether f changes with it at all


def explain(
    problem: Problem,
    under_test: Gradient,
    entries: list[Entry],
    *,
    records: bool,
    rng: random.Random,
) -> tuple[list[Entry], list[OperationFault], list[str]]:
    """Return entries with their causes, the operations at fault, and notes."""
    recording = record(problem, math.inf if records else _MOST_RECORDED)
    faults, right, at_a_kink = faults_of(recording) if recording and records else ([], 0, "")
    notes: list[str] = []
    if recording and recording.read_at and not records:
        recording = None  # f does not mean to record, so this says nothing of it.
    if not any(entry.is_unexplained for entry in entries):
        return entries, faults, notes
    diagnosis = _Diagnosis(problem, under_test, entries, recording, rng)
    if faults:
        common = _of_an_operation(faults[0])
        if right:
            notes.append(f"the other {right:,} recorded operations are right")
    else:
        common = diagnosis.common_cause()
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
        e.judged(e.verdict, str(common or diagnosis.cause_of(e))) if e.is_unexplained else e
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
class _Diagnosis:
    problem: Problem
    under_test: Gradient
    entries: list[Entry]
    recording: Recording | None
    rng: random.Random

    def __post_init__(self) -> None:
        self.wrong = [entry for entry in self.entries if entry.is_unexplained]
        looked_at = worst_first(self.wrong)[:_MOST_LOOKED_AT]
        self.first_few = looked_at[:_MOST_IN_COMMON]
        self.moved: dict[int, list[list[float]]] = {}  # the outputs where an input is moved
        self.elsewhere = Elsewhere(self.problem, self.under_test.ask, looked_at, self.rng)

    @property
    def is_by_hand(self) -> bool:
        """Whether the gradient is a function of a user's own."""
        return self.under_test.again is not None

    def common_cause(self) -> str:
        """Return the cause that explains all wrong entries together, if one does."""
        return (
            self._stale()
            or self._graph_cut()
            or self._transposed()
            or self._constant_factor()
            or self._swapped()
        )

    def cause_of(self, entry: Entry) -> str:
        """Return the cause of one wrong entry by itself."""
        gradient, reference = entry.gradient, entry.reference
        if abs(reference) <= entry.error_bound:
            return self._right_where_mirrored(entry) or self._nothing_to_see(entry)
        if gradient == 0:
            return self._zero_elsewhere(entry)
        if missing := self._one_use(entry):
            return missing
        here, *nearby = samples = self._samples(entry)
        factor, excess = here.ratio, abs(here.ratio - 1)
        if len(nearby) >= 3 and all(is_right(sample, here) for sample in nearby):
            return f"{Cause.ONLY_HERE}: at three points nearby it is right"
        if one_side := self._right_where_mirrored(entry):
            return one_side
        is_constant = share_a_factor(samples)
        if not is_constant:
            if term := added_term(samples):
                return term
            is_fixed = len(nearby) >= 3 and all(sample.gradient == gradient for sample in nearby)
            if not is_fixed and (inner := inner_factor(samples)):
                return inner
            # A gradient in single precision shows its factor less well.
            if not all(explains(factor, sample.ratio, excess, 1e-3) for sample in nearby):
                elsewhere = "another ratio at inputs nearby"
                if is_fixed:
                    elsewhere = "the same number at inputs nearby: does it use its argument?"
                times = f"{factor_text(factor)} times the derivative"
                return f"{Cause.NO_PATTERN}: {times}, and {elsewhere}"
        if close(factor, -1.0, CLOSE + entry.error_bound / abs(reference)):
            return Cause.SIGN_FLIPPED
        # Where the derivative is the same nearby, so is its ratio to a gradient that is any number.
        telling = len(self.wrong) == 1 or not all(close(s.derivative, reference) for s in nearby)
        if is_constant and len(nearby) >= 3 and telling and are_precise(samples):
            return constant_factor(factor, by_hand=self.is_by_hand)
        return f"maybe {Cause.FACTOR} of {factor_text(factor)}"

    def _samples(self, entry: Entry) -> list[Sample]:
        """Return an entry as it is here, and then nearby."""
        return [self._here(entry), *self.elsewhere.nearby(entry)]

    def _here(self, entry: Entry) -> Sample:
        x = self.problem.entries[self.problem.position(entry)[1]]
        return Sample(x, entry.gradient, entry.reference, entry.error_bound)

    def _right_where_mirrored(self, entry: Entry) -> str:
        mirrored = self.elsewhere.mirrored(entry)
        if mirrored and all(is_right(sample, self._here(entry), 1e-5) for sample in mirrored):
            return f"{Cause.ONE_SIDE_OF_A_BRANCH}: at the mirrored inputs it is right"
        return ""

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
        pairs = list(zip(self.elsewhere.nearby(a), self.elsewhere.nearby(b), strict=False))
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
        if one_side := self._right_where_mirrored(self.first_few[0]):
            return one_side
        known = [self._samples(entry) for entry in self.first_few]
        if not all(share_a_factor(samples) and are_precise(samples) for samples in known):
            return ""  # They share a factor here: that of a wrong step which all go through.
        return (
            Cause.SIGN_FLIPPED
            if close(factor, -1.0)
            else (constant_factor(factor, by_hand=self.is_by_hand))
        )

    def _nothing_to_see(self, entry: Entry) -> str:
        k, i = self.problem.position(entry)
        f, x, size = self.problem.output_name(k), self.problem.name_of(i), self.problem.sizes[i]
        if i not in self.moved:
            self.moved[i] = [self.problem.moved(i, step * size) for step in _LOOKED_AT]
        if len({outputs[k] for outputs in self.moved[i]}) == 1:
            flat = f"{f} does not change with {x} here"
            return f"{Cause.INPUT_IGNORED}: {flat}, and the gradient is not 0"
        bound = abs(entry.reference) + entry.error_bound
        told = f"{Cause.STATIONARY}: the slope of {f} in {x} is"
        if bound > CLOSE * abs(entry.gradient):
            return f"maybe {told} at most {bound:.1e}, and the gradient is not"
        return f"{told} 0, and the gradient is not"

    def _zero_elsewhere(self, entry: Entry) -> str:
        k, i = self.problem.position(entry)
        nearby, mirrored = (
            [rows[k][i] for rows in map(self.elsewhere.gradient, points) if rows]
            for points in (self.elsewhere.points, self.elsewhere.mirrored_points)
        )
        if any(nearby):
            return Cause.ZERO_HERE
        if any(mirrored) and (one_side := self._right_where_mirrored(entry)):
            return one_side
        always = Cause.ALWAYS_ZERO if len(nearby) >= 2 else f"maybe {Cause.ALWAYS_ZERO}"
        return always + self._beside_the_diagonal()

    def _beside_the_diagonal(self) -> str:
        """Tell whether a Jacobian has its zeros where outputs depend on the inputs of others."""
        rows = self.under_test.rows
        diagonal = [[g if i == k else 0.0 for i, g in enumerate(row)] for k, row in enumerate(rows)]
        if len(rows) != len(rows[0]) or diagonal != rows or not all(map(any, rows)):
            return ""
        return " beside the diagonal; does each output depend on its own input alone?"

    def _one_use(self, entry: Entry) -> str:
        if not self.recording or len(self.recording.roots) < len(self.problem.output_indices):
            return ""
        k, i = self.problem.position(entry)
        uses = self.recording.contributions[k][i]
        missed = {n for n, use in enumerate(uses) if explains(entry.gradient, use, entry.gap)}
        if len(uses) < 2 or not missed:
            return ""
        for point, there in zip(self.elsewhere.points, self._recorded_nearby, strict=True):
            rows = self.elsewhere.gradient(point)
            if rows and there and len(there.roots) == len(self.recording.roots):
                also = enumerate(there.contributions[k][i])
                missed &= {n for n, use in also if close(rows[k][i], use)}
        if not missed:
            return ""
        return (
            f"{Cause.USE_NOT_ACCUMULATED}: it equals one of {len(uses)} "
            "contributions, which must be added (`+=`, not `=`)"
        )

    @cached_property
    def _recorded_nearby(self) -> list[Recording | None]:
        places = map(self.problem.elsewhere, self.elsewhere.points)
        return [record(place, _MOST_RECORDED) for place in places]
