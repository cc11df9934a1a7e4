"""Why one number of a gradient is wrong, by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property

from microgradcheck.gradcheck.entry import Cause, Entry, worst_first
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
from microgradcheck.gradcheck.nodes import Recording, record
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.under_test import Gradient

__tracebackhide__ = True  # from pytest

MOST_RECORDED = 20_000  # operations of an f that is not meant to record: half a second, each time
_MOST_LOOKED_AT = 12  # wrong entries, the worst: f and its gradient are asked nearby for each
_LOOKED_AT = (-0.1, -0.01, 0.0, 0.01, 0.1)  # in sizes of an input: whether f changes with it at all


class OneByOne:
    """Wrong entries, one by one, and what f and the gradient are at other inputs."""

    def __init__(
        self,
        problem: Problem,
        under_test: Gradient,
        wrong: Sequence[Entry],
        recording: Recording | None,
        rng: random.Random,
    ) -> None:
        self.problem, self.under_test, self.wrong = problem, under_test, wrong
        self.recording = recording
        self.looked_at = worst_first(wrong)[:_MOST_LOOKED_AT]
        self.elsewhere = Elsewhere(problem, under_test.ask, self.looked_at, rng)
        self._moved: dict[int, list[list[float]]] = {}  # the outputs where an input is moved

    @property
    def is_by_hand(self) -> bool:
        """Whether the gradient is a function of a user's own."""
        return self.under_test.again is not None

    def cause_of(self, entry: Entry) -> str:
        """Return the cause of one wrong entry by itself."""
        gradient, reference = entry.gradient, entry.reference
        if abs(reference) <= entry.error_bound:
            return self.right_where_mirrored(entry) or self._nothing_to_see(entry)
        if gradient == 0:
            return self._zero_elsewhere(entry)
        if missing := self._one_use(entry):
            return missing
        here, *nearby = samples = self.samples(entry)
        factor, excess = here.ratio, abs(here.ratio - 1)
        if len(nearby) >= 3 and all(is_right(sample, here) for sample in nearby):
            return f"{Cause.ONLY_HERE}: at three points nearby it is right"
        if one_side := self.right_where_mirrored(entry):
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

    def samples(self, entry: Entry) -> list[Sample]:
        """Return an entry as it is here, and then nearby."""
        return [self._here(entry), *self.elsewhere.nearby(entry)]

    def right_where_mirrored(self, entry: Entry) -> str:
        """Return the cause of an entry that is right where every input has the other sign."""
        mirrored = self.elsewhere.mirrored(entry)
        if mirrored and all(is_right(sample, self._here(entry), 1e-5) for sample in mirrored):
            return f"{Cause.ONE_SIDE_OF_A_BRANCH}: at the mirrored inputs it is right"
        return ""

    def _here(self, entry: Entry) -> Sample:
        x = self.problem.entries[self.problem.position(entry)[1]]
        return Sample(x, entry.gradient, entry.reference, entry.error_bound)

    def _nothing_to_see(self, entry: Entry) -> str:
        k, i = self.problem.position(entry)
        f, x, size = self.problem.output_name(k), self.problem.name_of(i), self.problem.sizes[i]
        if i not in self._moved:
            self._moved[i] = [self.problem.moved(i, step * size) for step in _LOOKED_AT]
        if len({outputs[k] for outputs in self._moved[i]}) == 1:
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
        if any(mirrored) and (one_side := self.right_where_mirrored(entry)):
            return one_side
        always = Cause.ALWAYS_ZERO if len(nearby) >= 2 else f"maybe {Cause.ALWAYS_ZERO}"
        return always + self._beside_the_diagonal

    @cached_property
    def _beside_the_diagonal(self) -> str:
        """What is said of a Jacobian that is zero where an output depends on another's input."""
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
        return [record(place, MOST_RECORDED) for place in places]
