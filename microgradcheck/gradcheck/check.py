"""The check itself: one estimate and one verdict for each entry of the gradient."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from microgradcheck.backprop import grad
from microgradcheck.gradcheck.blame import blame_operations
from microgradcheck.gradcheck.causes import explain
from microgradcheck.gradcheck.problem import Problem
from microgradcheck.gradcheck.report import Entry, GradcheckError, Report, Verdict
from microgradcheck.gradcheck.under_test import gradient_of
from microgradcheck.numeric.ladder import Estimate, estimate_along
from microgradcheck.numeric.noise import measure_noise
from microgradcheck.sources import SOURCES, GradientSource, resolve
from microgradcheck.structure import number

__all__ = ["gradcheck"]

_LEAST_POWER = 1e-4
_UNIT_ROUNDOFF = 2.0**-53
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
        >>> report = gradcheck(
        ...     lambda x: x**2, 3.0, gradient=lambda x: x, raise_on_failure=False
        ... )
        >>> str(report).splitlines()[0]
        'WRONG df/dx: 3.00000, not 6.00000'
    """
    __tracebackhide__ = True
    accepted = _check_options(rtol, order, accept, scale)
    source = resolve(gradient)
    problem = Problem(f if order == 1 else grad(f), inputs)
    check = _Check(problem, source, rtol, scale, rng)
    report = check.run(reference, accepted)
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

    def run(self, reference: Any, accepted: set[str]) -> Report:
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
        entries = self._check_ties(entries)
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
            entries, notes = explain(problem, self.under_test, entries, self.center, blame, self.rng)
            self.notes += notes
        cause = next((e.cause for e in _worst_first(entries) if e.cause), "")
        return Report(
            entries,
            passed=passed,
            cause=cause,
            calls=problem.calls,
            operations=faults,
            notes=self.notes,
            repeat=self._repeat(),
        )

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
        gradient = self.under_test.rows[k][i]
        size = abs(estimate.value)
        resolution = self.rtol * size + 2 * estimate.error_bound
        entry = Entry(
            input=position,
            index=index,
            output=output,
            name=f"d{f_name}/d{problem.name_of(problem.places[i])}",
            verdict=Verdict.PASS,
            gradient=gradient,
            reference=estimate.value,
            error_bound=estimate.error_bound,
            resolution=resolution,
            power=_power(estimate, gradient, resolution),
            noise=estimate.noise,
            slopes=estimate.slopes,
        )
        verdict, cause = self._verdict(entry, estimate)
        return replace(entry, verdict=verdict, cause=cause)

    def _verdict(self, entry: Entry, estimate: Estimate) -> tuple[Verdict, str]:
        if self.under_test.complaint:
            return Verdict.WRONG, self.under_test.complaint
        if estimate.behaviour == "edge":
            undefined = self.problem.failure if "here" in estimate.reason else None
            detail = f" ({undefined})" if undefined and "jumps" not in estimate.reason else ""
            return Verdict.EDGE, estimate.reason + detail
        if self.under_test.failure:
            return Verdict.EDGE, self.under_test.failure
        if not math.isfinite(entry.gradient):
            return Verdict.WRONG, f"the gradient is {entry.gradient}, and f has a slope here"
        if entry.slopes:
            return self._kink_verdict(entry)
        if entry.gap > self.rtol * abs(entry.reference) + entry.error_bound:
            return Verdict.WRONG, ""
        size = max(abs(self.center[0]), 1e-300)
        if not self.repeats:
            return Verdict.NOISY, f"f does not repeat: its values scatter by {entry.noise:.1e}"
        if entry.power <= _LEAST_POWER:
            return Verdict.PASS, ""
        if estimate.behaviour == "quantised" or entry.noise > 100 * _UNIT_ROUNDOFF * size:
            kind = "quantised" if estimate.behaviour == "quantised" else "noisy"
            return Verdict.NOISY, (
                f"f is {kind} by {entry.noise:.1e}, which hides errors below "
                f"{entry.resolution:.1e}"
            )
        return Verdict.INCONCLUSIVE, (
            f"differences of f cannot see errors below {entry.resolution:.1e}: f changes too "
            "little beside its own size, or too fast; try scale="
        )

    def _kink_verdict(self, entry: Entry) -> tuple[Verdict, str]:
        assert entry.slopes is not None
        low, high = sorted(entry.slopes)
        margin = entry.error_bound + self.rtol * max(abs(low), abs(high))
        if low - margin <= entry.gradient <= high + margin:
            return Verdict.KINK, "f has a kink here; any number between its slopes will do"
        return Verdict.WRONG, "f has a kink here, and the gradient is not between its slopes"

    def _check_ties(self, entries: list[Entry]) -> list[Entry]:
        """Where several entries are kinks, check them along directions that move them together.

        Entry by entry, ones and zeros both pass at a tie of a maximum; together they do not.
        """
        for output in self.problem.output_indices:
            k = self.problem.output_indices.index(output)
            kinks = [
                n
                for n, entry in enumerate(entries)
                if entry.verdict is Verdict.KINK and entry.output == output
            ]
            if len(kinks) < 2:
                continue
            for signs in self._directions(len(kinks)):
                if not self._fits_along(k, signs, [entries[n] for n in kinks]):
                    for n in kinks:
                        entries[n] = replace(entries[n], 
                            verdict=Verdict.WRONG,
                            cause="at this tie the entries do not fit together: along "
                            "a direction that moves several, f has another slope",
                        )
                    break
        return entries

    def _directions(self, count: int) -> Iterable[list[int]]:
        yield [1] * count
        for first in range(min(count, 4)):
            for second in range(first):
                yield [(n == first) - (n == second) for n in range(count)]
        for _ in range(4):
            yield [self.rng.choice((-1, 1)) for _ in range(count)]

    def _fits_along(self, k: int, signs: Sequence[int], kinks: Sequence[Entry]) -> bool:
        problem = self.problem
        moves = {
            problem.places.index((entry.input, entry.index)): sign
            for entry, sign in zip(kinks, signs, strict=True)
        }

        def at(step: float) -> float:
            moved = [x + moves.get(i, 0) * step for i, x in enumerate(problem.entries)]
            return problem(moved)[k]

        x = max(abs(problem.entries[i]) for i in moves)
        scale = max(problem.scale(i, self.scale) for i in moves)
        along = estimate_along(at, x, scale, self.noise[k], self.rtol)
        if along.behaviour == "edge":
            return True
        low, high = sorted(along.slopes or (along.value, along.value))
        total = sum(sign * entry.gradient for sign, entry in zip(signs, kinks, strict=True))
        size = sum(abs(entry.gradient) for entry in kinks)
        margin = along.error_bound + self.rtol * max(abs(low), abs(high), size)
        return low - margin <= total <= high + margin

    def _repeat(self) -> str:
        inputs = ", ".join(repr(entry) for entry in self.problem.inputs)
        source = self.source.name
        name = repr(source) if source in SOURCES else "..."
        call = f"gradcheck(f, {inputs}, gradient={name}, rng={self.seed})"
        return call if len(call) <= 130 and "\n" not in call else f"gradcheck(f, ..., rng={self.seed})"

_RECORDING = ("backprop", "forward-mode", "tape")

def _power(estimate: Estimate, gradient: float, resolution: float) -> float:
    size = abs(estimate.value)
    base = size - estimate.error_bound
    if not base > 0:
        base = max(size, estimate.secant)
    if base > 0 and math.isfinite(resolution):
        return resolution / base
    # Where f stands still on every step, a gradient of zero cannot be seen to be wrong.
    return 0.0 if gradient == estimate.value == 0 else math.inf

def _repeats(first: Sequence[float], second: Sequence[float]) -> bool:
    return len(first) == len(second) and all(
        a == b or a != a or abs(a - b) <= _REPEATS_WITHIN * math.ulp(max(abs(a), abs(b)))
        for a, b in zip(first, second, strict=True)
    )

def _worst_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: -entry.verdict.severity)

def _check_options(
    rtol: object, order: object, accept: Iterable[str], scale: object
) -> set[str]:
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

__all__ += ["Gradient"]
