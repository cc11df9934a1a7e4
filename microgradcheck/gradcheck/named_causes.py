"""The names of all causes, in one place: what a report says of a cause begins with its name."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Cause"]


class Cause(StrEnum):
    """Why a number of a gradient is no plain pass; `explanations` has a text for each.

    Example:
        >>> Cause.of("off by a constant factor of 1.0001")
        <Cause.CONSTANT_FACTOR: 'off by a constant factor'>
    """

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
