"""One number of a gradient, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


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
        return _SEVERITIES[self]


_SEVERITIES = {verdict: severity for severity, verdict in enumerate(Verdict)}


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


@dataclass(slots=True)  # To freeze it would take longer than all else of making one.
class Claim:
    """One number of the gradient, before it is judged: what an `Entry` begins with."""

    input: int
    index: tuple[int, ...]
    output: tuple[int, ...]
    name: str
    gradient: float


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
