"""One number of a gradient, and the verdict on it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from microgradcheck.numeric.ladder import Estimate

__all__ = [
    "ROUND_OFF",
    "Cause",
    "Circumstances",
    "Entry",
    "OperationFault",
    "Verdict",
    "judge",
    "worst_first",
]

_LEAST_POWER = 1e-4
_RARE = 2  # times the error bound, which is as much as is said to be hidden
_AMPLIFIED = 10  # how much more than by itself a change of f counts in what is made of its values
ROUND_OFF = 100 * 2.0**-53  # what is above, relative to f, is noise of f's own


class Verdict(StrEnum):
    """What is known of one entry of a gradient; each is equal to its name as a text.

    Example:
        >>> Verdict.KINK == "KINK", str(Verdict.KINK), Verdict.KINK.severity
        (True, 'KINK', 1)
    """

    PASS = "PASS"
    KINK = "KINK"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOISY = "NOISY"
    EDGE = "EDGE"
    WRONG = "WRONG"

    @property
    def severity(self) -> int:
        """0 for PASS, up to 5 for WRONG."""
        return list(Verdict).index(self)


class Cause(StrEnum):
    """Why a number of a gradient is no plain pass; `explanations` has a text for each."""

    # The gradient is wrong, and the numbers show how.
    SIGN_FLIPPED = "sign flipped"
    CONSTANT_FACTOR = "off by a constant factor"
    FACTOR = "off by a factor"
    TERM = "off by a term"
    NO_PATTERN = "no known pattern"
    ENTRIES_SWAPPED = "entries swapped"
    GRADIENT_TRANSPOSED = "gradient transposed"
    JACOBIAN_TRANSPOSED = "Jacobian transposed"
    USE_NOT_ACCUMULATED = "a use is not accumulated"
    ALWAYS_ZERO = "always zero"
    ZERO_HERE = "zero here"
    INPUT_IGNORED = "f ignores this input"
    STATIONARY = "f is stationary here"
    ONLY_HERE = "only wrong here"
    ONE_SIDE_OF_A_BRANCH = "only wrong on one side of a branch"
    GRAPH_CUT = "graph cut"
    OPERATION = "an operation is wrong"
    OUTSIDE_A_KINK = "outside the slopes of a kink"
    TIE = "misfit at a tie"

    # What was given is no gradient, or does not stay what it was.
    WRONG_SHAPE = "wrong shape"
    WRONG_TYPE = "wrong type"
    NONE = "gradient is None"
    NOT_FINITE = "gradient is not finite"
    STALE = "stale"
    GRADIENT_DOES_NOT_REPEAT = "gradient does not repeat"
    MUTATED_BY_F = "input mutated by f"
    MUTATED_BY_THE_GRADIENT = "input mutated by gradient"

    # There is no derivative, or it cannot be seen.
    KINK = "f has a kink here"
    UNDEFINED_HERE = "f is undefined here"
    UNDEFINED_ON_ITS_LEFT = "f is undefined on its left"
    UNDEFINED_ON_ITS_RIGHT = "f is undefined on its right"
    JUMP = "f jumps here"
    UNBOUNDED_SLOPE = "slope without bound"
    NOT_ADDITIVE = "slopes do not add up"
    NO_GRADIENT_HERE = "no gradient here"
    NO_REFERENCE_HERE = "no reference here"
    REFERENCE_WRONG = "reference is wrong"
    F_DOES_NOT_REPEAT = "f does not repeat"
    QUANTISED = "f is quantised"
    NOISE = "f is noisy"
    BLIND = "differences of f see too little"

    @classmethod
    def of(cls, text: str) -> Cause | None:
        """Return the cause that a report's words name, or None where they name none."""
        named = text.removeprefix("cause: ").removeprefix("maybe ")
        return max((c for c in cls if named.startswith(c)), key=len, default=None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of the gradient, and the number that it should be.

    Attributes:
        input: which argument of f, counted from 0.
        index: which entry of that argument; `()` for a number.
        output: which entry of f's output; `()` where f returns a number.
        name: how reports call it, such as `df/dx[1]`.
        gradient: the number under test.
        verdict: what is known of it.
        reference: the number that it was compared with.
        error_bound: how far the reference may be off.
        resolution: the smallest error that would have been seen.
        power: the same, relative to the derivative.
        noise: the standard deviation of f's noise.
        slopes: the slopes on the left and right, at a kink.
        cause: what is wrong, in words; "" for a plain pass.
    """

    input: int
    index: tuple[int, ...]
    output: tuple[int, ...]
    name: str
    gradient: float
    verdict: Verdict = Verdict.PASS
    reference: float = math.nan
    error_bound: float = math.inf
    resolution: float = math.inf
    power: float = math.inf
    noise: float = 0.0
    slopes: tuple[float, float] | None = None
    cause: str = ""

    @property
    def gap(self) -> float:
        """How far the gradient is from the reference."""
        return abs(self.gradient - self.reference)

    @property
    def bend(self) -> float:
        """How much larger the slope on the right is than that on the left, at a kink."""
        return self.slopes[1] - self.slopes[0] if self.slopes else 0.0

    @property
    def is_unexplained(self) -> bool:
        """Whether it is just wrong, and nobody has found out why."""
        return self.verdict is Verdict.WRONG and not self.cause

    def judged(self, verdict: Verdict, cause: str) -> Entry:
        """Return it with another verdict and cause."""
        return replace(self, verdict=verdict, cause=cause)


@dataclass(frozen=True, slots=True)
class OperationFault:
    """A recorded operation whose own derivative is wrong at its recorded inputs.

    Attributes:
        name: the operation.
        input: which of its inputs, "a" or "b".
        gradient: its derivative, by its row of the table.
        reference: the derivative of its value.
        location: where it was recorded, as `file.py:12`; "" where that is not known.
        expression: the line that recorded it, and the expression underlined.
        count: how many recorded operations are wrong in this way.
    """

    name: str
    input: str
    gradient: float
    reference: float
    location: str
    expression: str
    count: int


def worst_first(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries by their verdicts, and those of one verdict by how far they are off."""
    return sorted(entries, key=lambda entry: (-entry.verdict.severity, -_relative(entry)))


def _relative(entry: Entry) -> float:
    size = max(abs(entry.reference), abs(entry.gradient))
    gap = entry.gap / size if size else 0.0
    # To three digits, so that entries that are off alike stay in reading order.
    return math.inf if math.isnan(gap) else float(f"{gap:.3g}")


class Circumstances(NamedTuple):
    """What a verdict depends on beside the two numbers."""

    rtol: float
    size: float  # of f's value
    scatter: float = 0.0  # of calls of f with the same inputs; inf where only some gave a value
    undefined: str = ""  # why f has no value here
    failure: str = ""  # why the gradient could not be computed here
    rounding: float = 0.0  # of the gradient: no more than this is zero
    reach: float = 1.0  # how far the input is moved to see whether f stands still


def judge(entry: Entry, estimate: Estimate, here: Circumstances) -> Entry:
    """Return the entry with its verdict; the cause of what is just wrong is left to `causes`."""
    resolution = here.rtol * _size(estimate) + 2 * estimate.error_bound
    entry = replace(
        entry,
        reference=estimate.value,
        error_bound=estimate.error_bound,
        resolution=resolution,
        power=_power(estimate, entry.gradient, resolution, here),
        noise=estimate.noise,
        slopes=estimate.slopes,
    )
    verdict, cause = _verdict(entry, estimate, here)
    # Most pass, as an entry does by itself.
    return entry if verdict is Verdict.PASS else entry.judged(verdict, cause)


def _verdict(entry: Entry, estimate: Estimate, here: Circumstances) -> tuple[Verdict, str]:
    if here.scatter and estimate.behaviour in ("edge", "kink"):
        # A function that changes by itself seems to jump or bend wherever it is.
        return Verdict.NOISY, _does_not_repeat(here)
    if estimate.behaviour == "edge":
        detail = f": {here.undefined}" if here.undefined and "here" in estimate.reason else ""
        return Verdict.EDGE, estimate.reason + detail
    if here.failure:
        return Verdict.EDGE, f"{Cause.NO_GRADIENT_HERE}: {here.failure}"
    if not math.isfinite(entry.gradient):
        seen = "finite slopes" if entry.slopes else "a slope"
        return Verdict.WRONG, f"{Cause.NOT_FINITE}: {entry.gradient}, and f has {seen} here"
    if entry.slopes:
        low, high = sorted(entry.slopes)
        margin = entry.error_bound + here.rtol * max(abs(low), abs(high))
        if low - margin <= entry.gradient <= high + margin:
            return Verdict.KINK, f"{Cause.KINK}; any number between its slopes will do"
        return Verdict.WRONG, f"{Cause.OUTSIDE_A_KINK}; any number between them would do"
    is_noisy = entry.noise > ROUND_OFF * here.size
    # Of thousands of entries, the noise of one may be rarer than its bound allows for.
    bound = entry.error_bound * (_RARE if is_noisy else 1)
    # What rounding leaves of terms that cancel, as before a normalisation, is zero.
    gradient = 0.0 if abs(entry.gradient) <= here.rounding else entry.gradient
    gap = abs(gradient - entry.reference)
    differs = gap > here.rtol * abs(entry.reference) + bound
    if estimate.is_flat and abs(gradient) * here.reach <= ROUND_OFF * here.size:
        differs = False  # Where f stands still, its rounding hides a slope as small as this.
    if here.scatter and (not differs or gap <= _explained_by(here, estimate)):
        return Verdict.NOISY, _does_not_repeat(here)
    if differs:
        return Verdict.WRONG, ""
    # Who allows a larger difference does not ask to see a smaller one.
    if entry.power <= max(_LEAST_POWER, 2 * here.rtol):
        return Verdict.PASS, ""
    hidden = f"which hides errors below {entry.resolution:.1e}"
    if estimate.behaviour == "quantised":
        return Verdict.NOISY, f"{Cause.QUANTISED} by {entry.noise:.1e}, {hidden}"
    if is_noisy:
        return Verdict.NOISY, f"{Cause.NOISE} by {entry.noise:.1e}, {hidden}"
    return Verdict.INCONCLUSIVE, (
        f"{Cause.BLIND}: no error below {entry.resolution:.1e}, since f changes too little beside "
        "its own size, or too fast; give scale=, the length over which it changes, or a wider rtol="
    )


def _size(estimate: Estimate) -> float:
    return max(map(abs, estimate.slopes or (estimate.value,)))


def _explained_by(here: Circumstances, estimate: Estimate) -> float:
    """Return how far an estimate may be off where f changes by itself now and then."""
    # Not by its step where that is large: what f is so far away says little of its slope here.
    added = here.scatter / min(estimate.step, here.reach) if estimate.step else 0.0
    times = abs(estimate.value) * here.scatter / here.size if here.size else 0.0
    return _AMPLIFIED * max(estimate.error_bound, added, times)


def _does_not_repeat(here: Circumstances) -> str:
    if math.isfinite(here.scatter):
        detail = f"calls with the same inputs differ by {here.scatter:.1e}"
    else:
        why = here.undefined and f": {here.undefined}"
        detail = f"with the same inputs, some calls give no value{why}"
    return f"{Cause.F_DOES_NOT_REPEAT}: {detail}"


def _power(estimate: Estimate, gradient: float, resolution: float, here: Circumstances) -> float:
    # Where f stands still, a gradient of zero is what it should be, or a rounding beside f.
    is_small = abs(gradient) * here.reach <= here.rtol * here.size
    if estimate.is_flat and is_small and abs(gradient) <= here.rounding:
        return 0.0
    base = _size(estimate) - estimate.error_bound
    if not base > 0:
        # The secants of what changes by itself are not those of f.
        base = 0.0 if here.scatter else estimate.secant
    if base > 0 and math.isfinite(resolution):
        return resolution / base
    return 0.0 if gradient == estimate.value == estimate.error_bound == 0 else math.inf
