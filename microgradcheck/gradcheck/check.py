"""The check itself: one estimate and one verdict for each entry of the gradient."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from microgradcheck.backprop import grad
from microgradcheck.functions import lift
from microgradcheck.gradcheck.blame import blame_operations
from microgradcheck.gradcheck.branches import branches_not_taken
from microgradcheck.gradcheck.causes import explain
from microgradcheck.gradcheck.nodes import estimate_nodes, name_of
from microgradcheck.gradcheck.opinions import second_opinions
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.report import Entry, GradcheckError, Report, Verdict
from microgradcheck.gradcheck.ties import check_ties
from microgradcheck.gradcheck.under_test import gradient_of
from microgradcheck.gradcheck.verdicts import Circumstances, judge
from microgradcheck.numeric.ladder import Estimate, estimate_along
from microgradcheck.numeric.noise import measure_noise
from microgradcheck.sources import SOURCES, GivenGradient, GradientSource, resolve
from microgradcheck.structure import number
from microgradcheck.value import Value

__all__ = ["gradcheck"]

_REPEATS_WITHIN = 64  # ulp: threads that add in another order are noise, not irreproducible


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    gradient: Any = "backprop",
    reference: Any = "central-difference",
    rtol: float = 1e-6,
    order: int = 1,
    accept: Iterable[str] = (),
    scale: float | None = None,
    rng: int = 0,
    raise_on_failure: bool = True,
    nodes: bool = False,
) -> Report:
    """Compare a gradient with plain arithmetic, entry by entry, and say what is wrong and why.

    Args:
        f: a function of the inputs that returns a number, or a list, tuple or array of numbers;
            of plain numbers or of `Value`s. It gets copies, never the caller's own arrays.
        inputs: numbers, or lists, tuples or arrays of numbers.
        gradient: what is checked: the name of a gradient source, a function called as
            `gradient(*inputs)` that returns the gradient in the input's kind and shape (a tuple
            of them for several inputs; the Jacobian, output axes first, where f returns several
            numbers), or an object with the source protocol.
        reference: what it is compared with: "central-difference", which stands for differences
            at many steps with an error bound, or any other gradient source.
        rtol: the relative difference that is allowed, beside the error bound of the reference.
        order: 1, or 2 to check the Hessian against differences of the gradient.
        accept: verdicts beside PASS and KINK that are to pass, such as `("NOISY",)`.
        scale: the length over which f changes, where that is not |x|.
        rng: the seed of the random directions that are used.
        raise_on_failure: whether to raise where the check does not pass.
        nodes: whether to check every recorded interior node too, by nudging it and replaying
            what lies downstream; for a function of `Value`s that returns one number.

    Returns:
        A `Report`, true where the check passed.

    Raises:
        GradcheckError: the check does not pass; its text is the report.
        TypeError, ValueError: the arguments are not what is said above.

    Limits: about 8 calls of f for each input entry, and 20 in all; more where f is noisy, bent
    or changes fast.

    Example:
        >>> gradcheck(lambda x: x[0] ** 2 * x[1], [3.0, 5.0]).verdict
        <Verdict.PASS: 'PASS'>
        >>> report = gradcheck(lambda x: x**2, 3.0, gradient=lambda x: x, raise_on_failure=False)
        >>> str(report).splitlines()[0]
        'WRONG df/dx: 3.00000, not 6.00000'
    """
    __tracebackhide__ = True
    accepted = _check_options(rtol, order, accept, scale)
    source = resolve(gradient)
    problem = Problem(f if order == 1 else grad(f), inputs)
    check = _Check(problem, source, rtol, scale, rng)
    report = check.run(reference, accepted, nodes=nodes)
    if not report.passed and raise_on_failure:
        raise GradcheckError(report)
    return report


class _Check:
    def __init__(
        self,
        problem: Problem,
        source: GradientSource,
        rtol: float,
        scale: float | None,
        rng: int,
    ) -> None:
        self.problem, self.source = problem, source
        self.rtol, self.scale, self.rng = rtol, scale, random.Random(rng)
        self.seed = rng
        self.notes: list[str] = []

    def run(self, reference: Any, accepted: set[str], *, nodes: bool = False) -> Report:
        problem = self.problem
        self.center, unchanged = problem.look_at_output()
        self.repeats = _repeats(self.center, problem(problem.entries))
        self.under_test = gradient_of(problem, self.source)
        self.noise = self._measure_noise()
        entries = [
            self._judge(k, i, estimate)
            for k in range(len(problem.output_indices))
            for i, estimate in self._estimates(k, reference)
        ]
        entries = check_ties(
            problem,
            entries,
            noise=self.noise,
            rtol=self.rtol,
            scale=self.scale,
            rng=self.rng,
        )
        if not self.under_test.repeats:
            # Whatever a second call gives, a gradient that depends on the first is wrong.
            entries = [replace(e, verdict=Verdict.WRONG, cause="") for e in entries]
        if not unchanged:
            cause = "f changed its input in place; let it work on a copy"
            entries = [replace(e, verdict=Verdict.WRONG, cause=cause) for e in entries]
        passed = all(
            entry.verdict in (Verdict.PASS, Verdict.KINK) or str(entry.verdict) in accepted
            for entry in entries
        )
        faults = []
        if any(entry.verdict is Verdict.WRONG for entry in entries) and unchanged:
            recorded = problem.f if self.source.name in _RECORDING else None
            blame = blame_operations(recorded, problem) if recorded else None
            faults = blame.faults if blame else []
            entries, notes = explain(problem, self.under_test, entries, blame=blame, rng=self.rng)
            self.notes += notes
        if passed:
            entries = self._check_elsewhere(entries)
            passed = all(entry.verdict is not Verdict.WRONG for entry in entries)
        if passed:
            self._note_branches()
        interior = self._check_nodes() if nodes else []
        passed = passed and all(node.verdict is not Verdict.WRONG for node in interior)
        everything = [*_worst_first(entries), *_worst_first(interior)]
        cause = next((entry.cause for entry in everything if entry.cause), "")
        return Report(
            entries,
            passed=passed,
            cause=cause,
            calls=problem.calls,
            operations=faults,
            notes=self.notes,
            repeat=self._repeat(),
            nodes=interior,
            ask=partial(second_opinions, problem, noise=max(self.noise)),
        )

    def _check_nodes(self) -> list[Entry]:
        """Check the adjoint of every recorded node between the inputs and the output."""
        root = self.problem.f(*map(lift, self.problem.arguments(self.problem.entries)))
        if not isinstance(root, Value):
            raise TypeError(
                f"nodes=True needs a function of Values that returns one, it returned {root!r}"
            )
        circumstances = Circumstances(rtol=self.rtol, size=abs(root.number))
        return [
            judge(Entry(-1, (n,), (), name_of(node, n), adjoint), estimate, circumstances)
            for n, (node, adjoint, estimate) in enumerate(estimate_nodes(root, self.rtol))
        ]

    def _measure_noise(self) -> list[float]:
        problem = self.problem
        if not all(map(math.isfinite, self.center)):
            return [0.0] * len(self.center)
        scales = [problem.scale(i, self.scale) for i in range(len(problem.entries))]
        return measure_noise(problem, problem.entries, scales, self.rng)

    def _estimates(self, k: int, reference: Any) -> Iterable[tuple[int, Estimate]]:
        if k == 0:
            self._lines = [self._line(i) for i in range(len(self.problem.entries))]
            self._reference = None
            if reference != "central-difference":
                self._reference = gradient_of(self.problem, resolve(reference))
        for i, line in enumerate(self._lines):
            yield i, self._estimate(k, i, line)

    def _estimate(self, k: int, i: int, line: Callable[[float], list[float]]) -> Estimate:
        if self._reference is None or self._reference.complaint:
            return estimate_along(
                lambda step: line(step)[k],
                self.problem.entries[i],
                self.problem.scale(i, self.scale),
                self.noise[k],
                self.rtol,
            )
        value = self._reference.rows[k][i]
        if math.isnan(value):
            return Estimate(value, math.inf, "edge", reason=self._reference.failure)
        return Estimate(value, 0.0, secant=abs(value))

    def _line(self, i: int) -> Callable[[float], list[float]]:
        """Return f along one entry, called once for each step however many outputs ask for it."""
        known = {0.0: self.center}

        def at(step: float) -> list[float]:
            if step not in known:
                known[step] = self.problem.moved(i, step)
            return known[step]

        return at

    def _judge(self, k: int, i: int, estimate: Estimate) -> Entry:
        problem = self.problem
        position, index = problem.places[i]
        output = problem.output_indices[k]
        f_name = "f" if problem.scalar else f"f[{','.join(map(str, output))}]"
        entry = Entry(
            input=position,
            index=index,
            output=output,
            name=f"d{f_name}/d{problem.name_of(problem.places[i])}",
            gradient=self.under_test.rows[k][i],
        )
        circumstances = Circumstances(
            rtol=self.rtol,
            size=abs(self.center[k]),
            repeats=self.repeats,
            undefined="" if problem.failure is None else str(problem.failure),
            complaint=self.under_test.complaint,
            failure=self.under_test.failure,
        )
        return judge(entry, estimate, circumstances)

    def _check_elsewhere(self, entries: list[Entry]) -> list[Entry]:
        """Check again at another point, where this one cannot tell a Jacobian from its transpose.

        At a symmetric Jacobian a transposed one passes by construction.
        """
        size = len(self.problem.output_indices)
        if not isinstance(self.source, GivenGradient) or not _is_symmetric(entries, size):
            return entries
        moved = [x + 0.1 * self.rng.uniform(-1, 1) * (abs(x) or 1.0) for x in self.problem.entries]
        there = Problem(self.problem.f, self.problem.arguments(moved))
        check = _Check(there, self.source, self.rtol, self.scale, self.seed)
        report = check.run("central-difference", set())
        self.problem.calls += there.calls
        if report.verdict is not Verdict.WRONG:
            return entries
        self.notes.append(
            "the Jacobian is symmetric at the given inputs, where its transpose passes; it was "
            f"checked at {_short(there.inputs)} too"
        )
        return report.entries

    def _note_branches(self) -> None:
        """Say which branches of the gradient, or of a recorded function, this point left out."""
        if isinstance(self.source, GivenGradient):
            watched, ask = [self.source.gradient], self.under_test.ask
        else:
            watched, ask = [self.problem.f], self.under_test.ask
        if ask is None:
            return
        entries = self.problem.entries
        missed = branches_not_taken(watched, lambda: ask(entries))
        if missed:
            more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
            self.notes.append(
                f"not visited at these inputs: {missed[0]}{more}; check at inputs that reach it"
            )

    def _repeat(self) -> str:
        inputs = ", ".join(repr(entry) for entry in self.problem.inputs)
        source = self.source.name
        name = repr(source) if source in SOURCES else "..."
        call = f"gradcheck(f, {inputs}, gradient={name}, rng={self.seed})"
        return (
            call if len(call) <= 130 and "\n" not in call else f"gradcheck(f, ..., rng={self.seed})"
        )


_RECORDING = ("backprop", "forward-mode", "tape")


def _repeats(first: Sequence[float], second: Sequence[float]) -> bool:
    return len(first) == len(second) and all(
        a == b or math.isnan(a) or abs(a - b) <= _REPEATS_WITHIN * math.ulp(max(abs(a), abs(b)))
        for a, b in zip(first, second, strict=True)
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


def _short(inputs: tuple[Any, ...]) -> str:
    text = ", ".join(map(repr, inputs))
    return text if len(text) <= 60 and "\n" not in text else "another point"


def _worst_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: -entry.verdict.severity)


def _check_options(rtol: object, order: object, accept: Iterable[str], scale: object) -> set[str]:
    tolerance = number(rtol)
    if tolerance is None:
        raise TypeError(f"rtol is a number, got {rtol!r}")
    if not 0 < tolerance < 1:
        raise ValueError(f"rtol is between 0 and 1, got {rtol!r}")
    if order not in (1, 2):
        raise ValueError(f"order is 1 for the gradient or 2 for the Hessian, got {order!r}")
    if scale is not None and not (number(scale) or 0) > 0:
        raise ValueError(f"scale is a positive length in the units of x, got {scale!r}")
    names = {str(verdict) for verdict in ([accept] if isinstance(accept, str) else accept)}
    allowed = {str(verdict) for verdict in Verdict} - {"WRONG"}
    if not names <= allowed:
        raise ValueError(
            f"accept takes {', '.join(sorted(allowed))}, got {', '.join(sorted(names - allowed))}"
        )
    return names
