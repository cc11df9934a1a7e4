"""Second looks at entries that were judged by a reference of a user's own."""

from __future__ import annotations

import math

from microgradcheck.gradcheck.entry import Cause, Entry, Verdict
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.gradcheck.wording import number
from microgradcheck.numeric.findings import Estimate

__tracebackhide__ = True  # from pytest


def at_its_word(reference: Gradient) -> list[list[Estimate]]:
    """Return what a reference gave, by input entry and output, as estimates without errors."""
    nothing = Estimate(
        math.nan, math.inf, "edge", reason=f"{Cause.NO_REFERENCE_HERE}: {reference.failure}"
    )
    return [
        [nothing if math.isnan(x) else Estimate(x, 0.0, secant=abs(x)) for x in of_outputs]
        for of_outputs in zip(*reference.rows, strict=True)
    ]


def doubted(entry: Entry, own: Entry, rtol: float) -> Entry:
    """Return an entry that differs from a reference, with a cause if f contradicts that."""
    margin = own.error_bound + rtol * abs(own.reference)
    agrees = abs(entry.reference - own.reference) <= margin
    if not entry.is_unexplained or not math.isfinite(own.reference) or agrees:
        return entry
    sides = own.verdict in (Verdict.PASS, Verdict.KINK)
    rest = "as the gradient does" if sides else "and so is the gradient"
    found = f"differences of f give {number(own.reference)}, {rest}"
    return entry.judged(Verdict.WRONG, f"{Cause.REFERENCE_WRONG}: {found}")
