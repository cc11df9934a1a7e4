"""One estimate and one verdict for each entry of a gradient, and a report of them all."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from microgradcheck.functions.entries import lift
from microgradcheck.gradcheck.blame import faults_of, in_words, record
from microgradcheck.gradcheck.branches import branches_not_taken
from microgradcheck.gradcheck.causes import explain
from microgradcheck.gradcheck.doubts import at_its_word, check_ties, doubt_reference
from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.gradcheck.nodes import estimate_nodes, name_of
from microgradcheck.gradcheck.nudges import Along, Called, Nudges, Taped
from microgradcheck.gradcheck.opinions import second_opinions
from microgradcheck.gradcheck.problem import Problem, scatter
from microgradcheck.gradcheck.report import Report
from microgradcheck.gradcheck.under_test import Gradient, gradient_of
from microgradcheck.gradcheck.verdicts import ROUND_OFF, Circumstances, judge
from microgradcheck.gradcheck.wording import short
from microgradcheck.numeric.ladder import Estimate, estimate_along
from microgradcheck.numeric.noise import measure_noise
from microgradcheck.sources import GivenGradient, GradientSource, resolve
from microgradcheck.tape import Recorder
from microgradcheck.value import Value

__all__ = ["Comparison"]

__tracebackhide__ = True  # from pytest, which shows the test and f without what lies between

_RECORDING = ("backprop", "forward-mode", "tape")
_LOOKS_AGAIN = 4  # calls of an f that looks as if it changed by itself
_LEAST_FOR_A_TAPE = 16  # entries: for fewer, calls of f take less time than making a tape of it


class Comparison:
    """A gradient source and plain arithmetic, asked for the same derivatives."""

    def __init__(
        self,
        problem: Problem,
        source: GradientSource,
        *,
        rtol: float,
        scale: float | None,
        seed: int,
    ) -> None:
        self.problem, self.source = problem, source
        self.rtol, self.scale, self.seed = rtol, scale, seed
        self.rng = random.Random(seed)
        self.notes: list[str] = []
        self.center, self.unchanged = problem.look_at_output()
        self.scatter = scatter(problem, self.center)
        # The source's own recording of f is what the tape is made of, unless it is a tape itself.
        taping = self._is_worth_a_tape() and source.name != "tape"
        recorder = Recorder(problem.f) if taping else None
        self.under_test = self._ask_source(recorder)
        self.nudges, self.noise = self._look_around(recorder)

    def _ask_source(self, recorder: Recorder | None) -> Gradient:
        if self.problem.failure is None:
            problem = self.problem.calling(recorder) if recorder else self.problem
            return gradient_of(problem, self.source)
        # Where f has no value there is nothing to ask for, nor a shape to hold it against.
        blank = [[math.nan] * len(self.problem.entries)]
        return Gradient(blank, failure=in_words(self.problem.failure))

    def report(
        self, reference: Any, *, accepted: set[str], nodes: bool = False, repeat: str = ""
    ) -> Report:
        """Judge every entry, look for the causes of what is wrong, and report."""
        entries = self._judge_all(reference)
        passed = all(
            entry.verdict in (Verdict.PASS, Verdict.KINK) or str(entry.verdict) in accepted
            for entry in entries
        )
        if passed:
            entries = self._check_elsewhere(entries)
            passed = all(entry.verdict is not Verdict.WRONG for entry in entries)
            if passed:
                self._note_branches()
        faults = None
        if any(entry.verdict is Verdict.WRONG for entry in entries) and self.unchanged:
            recording = record(self.problem.f, self.problem)
            if recording and self.source.name in _RECORDING:
                faults = faults_of(recording)
            elif recording and recording.reads:
                recording = None  # f does not mean to record, so this says nothing of it.
            entries, notes = explain(
                self.problem,
                self.under_test,
                entries,
                recording=recording,
                faults=faults,
                rng=self.rng,
            )
            self.notes += notes
        interior = self._check_nodes() if nodes else []
        return Report(
            entries,
            passed=passed and all(node.verdict is not Verdict.WRONG for node in interior),
            calls=self.problem.calls,
            taped=self.nudges.taped,
            operations=faults or (),
            notes=self.notes,
            repeat=repeat,
            nodes=interior,
            ask=partial(second_opinions, self.problem, noise=self.noise, scale=self.scale),
        )

    def _judge_all(self, reference: Any) -> list[Entry]:
        given = None
        if self.under_test.complaint:
            # What is no gradient of f at all cannot be compared with one.
            nothing = [Estimate(math.nan, math.inf)] * len(self.center)
            return self._judge_each([nothing] * len(self.problem.entries))
        if reference != "central-difference":
            given = gradient_of(self.problem, resolve(reference))
            if given.complaint:
                raise ValueError(f"the reference is no gradient of f: {given.complaint}")
            if {self.source.name, reference} <= set(_RECORDING):
                self.notes.append(
                    f"{self.source.name} and {reference} read the same rules, so what is wrong in "
                    "a rule is not seen; leave out reference= to compare with f itself"
                )
        if given:
            entries = self._judge_each(at_its_word(given))
            entries = doubt_reference(entries, self._judge_by_differences, self.rtol)
        else:
            entries = self._judge_by_differences()
        entries = check_ties(
            self.problem,
            entries,
            noise=self.noise,
            rtol=self.rtol,
            scale=self.scale,
            rng=self.rng,
        )
        if not self.unchanged:
            cause = f"{Cause.MUTATED_BY_F}: changed in place; let it work on a copy"
            return [replace(e, verdict=Verdict.WRONG, cause=cause) for e in entries]
        if not self.under_test.repeats:
            # Whatever a second call gives, a gradient that depends on the first is wrong.
            return [replace(e, verdict=Verdict.WRONG, cause="") for e in entries]
        return entries

    def _judge_by_differences(self) -> list[Entry]:
        estimates = self.nudges.search_each(self._estimates)
        if not self.nudges.is_confirmed(self.noise[0], self.rng):
            self.nudges = Called(self.problem, self.center)
            self.noise = self._measure_noise(self.nudges)
            estimates = self.nudges.search_each(self._estimates)
        if not self.scatter and all(map(math.isfinite, self.center)):
            quiet = all(estimate.behaviour == "smooth" for each in estimates for estimate in each)
            quiet &= all(
                noise <= ROUND_OFF * abs(value)
                for noise, value in zip(self.noise, self.center, strict=True)
            )
            # A random choice between two values can be the same twice.
            times = 1 if quiet else _LOOKS_AGAIN
            self.scatter = scatter(self.problem, self.center, times=times)
        return self._judge_each(estimates)

    def _judge_each(self, estimates: Sequence[Sequence[Estimate]]) -> list[Entry]:
        return [
            self._judge(k, i, of_outputs[k])
            for k in range(len(self.problem.output_indices))
            for i, of_outputs in enumerate(estimates)
        ]

    def _look_around(self, recorder: Recorder | None) -> tuple[Nudges, list[float]]:
        """Return where f is taken from near the inputs, and how noisy it is there."""
        called = Called(self.problem, self.center)
        if self.under_test.complaint or not all(map(math.isfinite, self.center)):
            return called, [0.0] * len(self.center)
        if self._is_worth_a_tape() and not self.under_test.failure:
            taped = Taped.of(self.problem, self.center, self.scale, recorder)
            if taped:
                noise = self._measure_noise(taped)
                if taped.is_confirmed(noise[0], self.rng):
                    return taped, noise
        return called, self._measure_noise(called)

    def _is_worth_a_tape(self) -> bool:
        return (
            self.problem.scalar
            and len(self.problem.entries) >= _LEAST_FOR_A_TAPE
            and self.source.name in _RECORDING
            and self.unchanged
            and not self.scatter
        )

    def _measure_noise(self, nudges: Nudges) -> list[float]:
        problem = self.problem
        scales = [problem.scale(i, self.scale) for i in range(len(problem.entries))]
        return measure_noise(nudges, problem.entries, scales, self.rng)

    def _estimates(self, i: int, along: Along) -> list[Estimate]:
        """Return the derivative of each output along one entry."""
        x, scale = self.problem.entries[i], self.problem.scale(i, self.scale)

        def estimate(k: int) -> Estimate:
            return estimate_along(
                *(lambda step: along(step)[k], x, scale, self.noise[k], self.rtol),
                claim=self.under_test.rows[k][i],
                wide=self.nudges.cheap,
            )

        return list(map(estimate, range(len(self.center))))

    def _judge(self, k: int, i: int, estimate: Estimate) -> Entry:
        problem = self.problem
        position, index = problem.places[i]
        entry = Entry(
            input=position,
            index=index,
            output=problem.output_indices[k],
            name=problem.derivative_name(k, i),
            gradient=self.under_test.rows[k][i],
        )
        circumstances = Circumstances(
            rtol=self.rtol,
            size=abs(self.center[k]),
            scatter=self.scatter,
            undefined="" if problem.failure is None else in_words(problem.failure),
            complaint=self.under_test.complaint,
            failure=self.under_test.failure,
        )
        return judge(entry, estimate, circumstances)

    def _check_nodes(self) -> list[Entry]:
        """Check the adjoint of every recorded node between the inputs and the output."""
        try:
            root = self.problem.f(*map(lift, self.problem.arguments(self.problem.entries)))
            found = estimate_nodes(root, self.rtol) if isinstance(root, Value) else []
        except (ValueError, ArithmeticError) as error:
            self.notes.append(f"no interior node was checked: {error}")
            return []
        if not isinstance(root, Value):
            raise TypeError(
                f"nodes=True needs a function of Values that returns one, it returned {root!r}"
            )
        circumstances = Circumstances(rtol=self.rtol, size=abs(root.number))
        return [
            judge(Entry(-1, (n,), (), name_of(node, n), adjoint), estimate, circumstances)
            for n, (node, adjoint, estimate) in enumerate(found)
        ]

    def _check_elsewhere(self, entries: list[Entry]) -> list[Entry]:
        """Check again at another point, where this one cannot tell a Jacobian from its transpose.

        At a symmetric Jacobian a transposed one passes by construction.
        """
        size = len(self.problem.output_indices)
        if not isinstance(self.source, GivenGradient) or not _is_symmetric(entries, size):
            return entries
        moved = [x + 0.1 * self.rng.uniform(-1, 1) * (abs(x) or 1.0) for x in self.problem.entries]
        there = self.problem.elsewhere(moved)
        comparison = Comparison(
            there, self.source, rtol=self.rtol, scale=self.scale, seed=self.seed
        )
        # A whole report would look elsewhere again, and a Hessian is symmetric everywhere.
        elsewhere = comparison._judge_all("central-difference")
        self.problem.calls += there.calls
        if all(entry.verdict is not Verdict.WRONG for entry in elsewhere):
            return entries
        report = comparison.report("central-difference", accepted=set())
        self.notes.append(
            "the Jacobian is symmetric at the given inputs, where its transpose passes; it was "
            f"checked at {short(there.inputs)} too"
        )
        return report.entries

    def _note_branches(self) -> None:
        """Say which branches of the gradient, or of a recorded function, this point left out."""
        source, ask = self.source, self.under_test.ask
        watched = source.gradient if isinstance(source, GivenGradient) else self.problem.f
        missed = branches_not_taken(watched, lambda: ask and ask(self.problem.entries))
        if missed:
            more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
            self.notes.append(
                f"not visited at these inputs: {missed[0]}{more}; check at inputs that reach it"
            )


def _is_symmetric(entries: Sequence[Entry], size: int) -> bool:
    """Tell whether the references form a square matrix that equals its transpose, not diagonal."""
    if size < 2 or size * size != len(entries):
        return False
    table = [entry.reference for entry in entries]
    pairs = [(table[k * size + i], table[i * size + k]) for k in range(size) for i in range(k)]
    return any(a for a, _ in pairs) and all(
        abs(a - b) <= 1e-6 * max(abs(a), abs(b)) for a, b in pairs
    )
