"""What is known of one number of a gradient, and of one operation that is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Entry", "OperationFault", "Verdict", "worst_first"]


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
