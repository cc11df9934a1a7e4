"""One estimate and one verdict for each entry of a gradient, and a report of them all."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import Any

from microgradcheck.gradcheck.causes import explain, explain_node
from microgradcheck.gradcheck.entry import Cause, Claim, Entry, OperationFault, Verdict
from microgradcheck.gradcheck.evidence import close
from microgradcheck.gradcheck.judging import (
    Circumstances,
    at_its_word,
    doubted,
    judge,
    left_by_rounding,
    reach_of,
)
from microgradcheck.gradcheck.nodes import judge_nodes
from microgradcheck.gradcheck.notes import notes_on, still
from microgradcheck.gradcheck.nudges import Along, Called, Nudges, Taped
from microgradcheck.gradcheck.opinions import second_opinions
from microgradcheck.gradcheck.problem import Problem, scatter
from microgradcheck.gradcheck.report import Report
from microgradcheck.gradcheck.ties import Path, check_ties
from microgradcheck.gradcheck.under_test import Gradient, gradient_of
from microgradcheck.gradcheck.wording import in_words, short
from microgradcheck.numeric.findings import Estimate
from microgradcheck.numeric.flats import outputs_where_still
from microgradcheck.numeric.ladder import estimate_along, first_steps
from microgradcheck.numeric.noise import measure_noise
from microgradcheck.numeric.samples import ROUND_OFF
from microgradcheck.sources import GivenGradient, GradientSource, resolve
from microgradcheck.tape import Recorder

__tracebackhide__ = True  # from pytest

_RECORDING = ("backprop", "forward-mode", "tape")
_LOOKS_AGAIN = 4  # calls of an f that looks as if it changed by itself
_LEAST_FOR_A_TAPE = 16  # entries: for fewer, calls of f take less time than making a tape of it


class Comparison:
    """A gradient source and plain arithmetic, asked for the same derivatives."""

    def __init__(
        self, problem: Problem, source: GradientSource, reference: Any, rtol: float, seed: int
    ) -> None:
        self.problem, self.source, self.reference = problem, source, reference
        self.rtol, self.seed, self.rng = rtol, seed, random.Random(seed)
        self.notes: list[str] = []
        self.center, self.unchanged = problem.look_at_output()
        self.failure = failure = problem.failure  # Of f at the inputs given.
        self.scatter = scatter(problem, self.center)
        # By name, since an engine of one's own goes by the rows of a recorded graph, too.
        self.records = source.name in _RECORDING and not isinstance(source, GivenGradient)
        is_worth_a_tape = (
            self.records
            and problem.scalar
            and len(problem.entries) >= _LEAST_FOR_A_TAPE
            and self.unchanged
            and not self.scatter
        )
        # The source's own recording of f is what the tape is made of, unless it is a tape itself.
        recorder = Recorder(problem.f) if is_worth_a_tape and source.name != "tape" else None
        if failure is None:
            self.under_test = gradient_of(problem, source, recorder)
        else:
            # Where f has no value there is nothing to ask for, nor a shape to hold it against.
            blank = [[math.nan] * len(problem.entries)]
            self.under_test = Gradient(blank, failure=in_words(failure))
        self.claims = problem.claims(self.under_test.rows)
        self.nudges: Nudges = Called(problem, self.center)
        self.noise = [0.0] * len(self.center)
        self.path: Path | None = None  # along which the noise of f was measured
        if self.under_test.complaint or not all(map(math.isfinite, self.center)):
            return
        if is_worth_a_tape and not self.under_test.failure:
            self.nudges = Taped.of(problem, self.center, recorder) or self.nudges
        self._measure_noise()
        self._confirm_the_tape()

    def report(self, *, accepted: set[str], nodes: bool, repeat: str) -> Report:
        """Judge every entry, look for the causes of what is wrong, and report."""
        entries = self._judge_all()
        fine = {"PASS", "KINK", *accepted}
        if all(entry.verdict in fine for entry in entries):
            entries = self._check_elsewhere(entries)
        interior = self._check_nodes() if nodes else []
        is_wrong = any(entry.verdict is Verdict.WRONG for entry in (*entries, *interior))
        passed = all(entry.verdict in fine for entry in entries) and not is_wrong
        faults: list[OperationFault] = []
        self.notes += notes_on(self.problem, self.source, self.under_test, entries, passed=passed)
        if self.reference == "central-difference":
            self.notes += still(self.problem, entries)
        if self.unchanged and is_wrong:
            entries, faults, notes = explain(
                self.problem, self.under_test, entries, records=self.records, rng=self.rng
            )
            interior = [explain_node(node, faults) for node in interior]
            self.notes += notes
        if self.scatter and not self.under_test.repeats:
            self.notes.append(f"f does not repeat, either: calls differ by {self.scatter:.1e}")
        self.problem.failure = None  # Its traceback keeps all frames that led to f.
        return Report(
            entries,
            passed=passed,
            inputs=self.problem.names,
            calls=self.problem.calls,
            taped=self.nudges.taped,
            operations=faults,
            notes=self.notes,
            repeat=repeat,
            nodes=interior,
            ask=partial(second_opinions, self.problem, self.noise),
        )

    def _judge_all(self) -> list[Entry]:
        if self.under_test.complaint:
            # What is no gradient of f at all cannot be compared with one.
            complaint, at_fault = self.under_test.complaint, self.under_test.at_fault

            def judged(claim: Claim) -> Entry:
                is_wrong = at_fault in (None, claim.input)
                verdict = Verdict.WRONG if is_wrong else Verdict.INCONCLUSIVE
                return Entry(**asdict(claim), verdict=verdict, cause=complaint)

            return list(map(judged, self.claims))
        by_differences = self.reference == "central-difference"
        entries = self._judge_by_differences() if by_differences else self._judge_by_reference()
        # A reference at its word may be wrong, and then f does not move by it, either.
        path = self.path if by_differences else None
        entries = check_ties(self.problem, entries, self.noise, self.rtol, self.rng, path=path)
        if self.unchanged and self.under_test.repeats:
            return entries
        # Whatever a second call gives, a gradient that depends on the first is wrong.
        cause = f"{Cause.MUTATED_BY_F}: changed in place; let it work on a copy"
        return [entry.judged(Verdict.WRONG, "" if self.unchanged else cause) for entry in entries]

    def _judge_by_reference(self) -> list[Entry]:
        given = gradient_of(self.problem, resolve(self.reference))
        if given.complaint:
            raise ValueError(f"the reference is no gradient of f: {given.complaint}")
        if {self.source.name, self.reference} <= set(_RECORDING):
            self.notes.append(
                f"{self.source.name} and {self.reference} read the same rules, so what is wrong "
                "in a rule is not seen; leave out reference= to compare with f itself"
            )
        entries = self._judge_each(at_its_word(given))
        if not any(entry.is_unexplained for entry in entries):
            return entries
        by_differences = self._judge_by_differences()
        return [doubted(*pair, self.rtol) for pair in zip(entries, by_differences, strict=True)]

    def _judge_by_differences(self) -> list[Entry]:
        estimates = self.nudges.search_each(self._estimates)
        if not self._confirm_the_tape():
            estimates = self.nudges.search_each(self._estimates)
        if not self.scatter and all(map(math.isfinite, self.center)):
            noises = zip(self.noise, self.center, strict=True)
            is_quiet = all(
                estimate.behaviour == "smooth" for estimate in chain(*estimates)
            ) and all(noise <= ROUND_OFF * abs(value) for noise, value in noises)
            # A random choice between two values can be the same twice.
            times = 1 if is_quiet else _LOOKS_AGAIN
            self.scatter = scatter(self.problem, self.center, times=times)
        return self._judge_each(estimates)

    def _judge_each(self, estimates: Sequence[Sequence[Estimate]]) -> list[Entry]:
        """Return the verdicts on estimates by input entry and output."""
        problem = self.problem
        undefined = [
            f"it gives {value!r}" if problem.failure is None else in_words(problem.failure)
            for value in self.center
        ]

        def judged(n: int, rounding: float = 0.0, grain: float = 0.0) -> Entry:
            k, i = divmod(n, len(problem.entries))
            here = Circumstances(
                rtol=self.rtol,
                size=abs(self.center[k]),
                scatter=self.scatter,
                undefined=undefined[k],
                failure=self.under_test.failure,
                rounding=rounding,
                reach=reach_of(problem, i),
                grain=grain,
            )
            return judge(self.claims[n], estimates[i][k], here)

        entries = list(map(judged, range(len(self.claims))))
        zeros = left_by_rounding(
            problem, self.center, self.under_test.ask, entries, estimates, seed=self.seed
        )
        # Where f stands still for one input, it may show by another in which steps it changes.
        steps = [
            max((of[k].noise for of in estimates if of[k].behaviour == "quantised"), default=0.0)
            for k in range(len(self.center) if zeros else 0)
        ]
        for n, rounding in zeros.items():
            entries[n] = judged(n, rounding, steps[n // len(problem.entries)])
        return entries

    def _measure_noise(self) -> None:
        paths: list[Path] = []

        def look(points: list[list[float]]) -> list[list[float]]:
            outputs = self.nudges(points)
            paths.append((points, outputs))
            return outputs

        x, scales = self.problem.entries, self.problem.scales
        self.noise = measure_noise(look, x, scales, self.rng)
        self.path = paths[0]

    def _confirm_the_tape(self) -> bool:
        """Tell whether f returns what was taken from its tape; if not, f is called from now on."""
        is_confirmed = self.nudges.is_confirmed(self.noise[0], self.rng)
        if not is_confirmed:
            self.nudges = Called(self.problem, self.center)
            self._measure_noise()
        return is_confirmed

    def _estimates(self, i: int, along: Along) -> list[Estimate]:
        """Return the derivative of each output along one entry."""
        x, scale, wide = self.problem.entries[i], self.problem.scales[i], self.nudges.cheap
        given = list(zip(self.noise, (row[i] for row in self.under_test.rows), strict=True))
        still = {}
        if len(given) > 1:
            still = outputs_where_still(along, x, scale, first_steps(x, scale, wide=wide), given)

        def estimate(k: int) -> Estimate:
            noise, claim = given[k]
            # Beside more noise than rounding makes, more steps are tried once a claim is heard.
            if k in still and still[k].noise <= ROUND_OFF * abs(self.center[k]):
                return still[k]
            at = (lambda step: along(step)[k], x, scale)
            return estimate_along(*at, noise, self.rtol, claim=claim, wide=wide)

        return list(map(estimate, range(len(given))))

    def _check_nodes(self) -> list[Entry]:
        try:
            return judge_nodes(self.problem, self.rtol)
        except (ValueError, ArithmeticError) as error:
            self.notes.append(f"no interior node was checked: {error}")
            return []

    def _check_elsewhere(self, entries: list[Entry]) -> list[Entry]:
        """Check again at another point where this one cannot tell a Jacobian's transpose."""
        size = len(self.problem.output_indices)
        if not isinstance(self.source, GivenGradient) or not _is_symmetric(entries, size):
            return entries
        moved = [x + 0.1 * self.rng.uniform(-1, 1) * (abs(x) or 1.0) for x in self.problem.entries]
        there = self.problem.elsewhere(moved)
        wrong = self._wrong_entries(there)
        self.problem.calls += there.calls
        return wrong or entries

    def _wrong_entries(self, there: Problem) -> list[Entry]:
        """Return the entries at other inputs, explained, if any of them is wrong there."""
        try:
            comparison = Comparison(there, self.source, "central-difference", self.rtol, self.seed)
            # A whole report would look elsewhere again, and a Hessian is symmetric everywhere.
            entries = comparison._judge_all()
        except Exception:  # noqa: BLE001  the verdict is on the inputs given, and stands without
            return []
        if all(entry.verdict is not Verdict.WRONG for entry in entries):
            return []
        self.notes.append(
            "the Jacobian is symmetric at the given inputs, where its transpose passes; it was "
            f"checked at {short(there.inputs)} too"
        )
        return explain(there, comparison.under_test, entries, records=False, rng=self.rng)[0]


def _is_symmetric(entries: Sequence[Entry], size: int) -> bool:
    """Tell whether references form a square matrix that equals its transpose, not diagonal."""
    if size * size != len(entries):
        return False
    table = [entry.reference for entry in entries]
    pairs = [(table[k * size + i], table[i * size + k]) for k in range(size) for i in range(k)]
    return any(a for a, _ in pairs) and all(close(a, b, 1e-6) for a, b in pairs)
