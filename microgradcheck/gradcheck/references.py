"""A reference that a user names: taken at its word, until it and the gradient differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from microgradcheck.gradcheck.entry import Entry, Verdict
from microgradcheck.gradcheck.named_causes import Cause
from microgradcheck.gradcheck.under_test import Gradient
from microgradcheck.gradcheck.wording import number
from microgradcheck.numeric.ladder import Estimate

__all__ = ["at_its_word", "doubt_reference"]


def at_its_word(reference: Gradient) -> list[list[Estimate]]:
    """Return what a reference gave, by input entry and output, as estimates without errors."""

    def exact(value: float) -> Estimate:
        if math.isnan(value):
            reason = f"{Cause.NO_REFERENCE_HERE}: {reference.failure}"
            return Estimate(value, math.inf, "edge", reason=reason)
        return Estimate(value, 0.0, secant=abs(value))

    return [list(map(exact, of_outputs)) for of_outputs in zip(*reference.rows, strict=True)]


def doubt_reference(
    entries: Sequence[Entry], ask_f: Callable[[], Sequence[Entry]], rtol: float
) -> list[Entry]:
    """Let differences of f judge between a gradient and a reference that differ.

    Args:
        entries: all entries, as judged by the reference.
        ask_f: returns them as judged by differences of f; called only where it is needed.
        rtol: the relative difference that is allowed.

    Returns:
        The entries, with a cause of their own where f does not side with the reference.
    """
    if not any(_is_open(entry) for entry in entries):
        return list(entries)
    return [_doubted(entry, own, rtol) for entry, own in zip(entries, ask_f(), strict=True)]


def _doubted(entry: Entry, own: Entry, rtol: float) -> Entry:
    margin = own.error_bound + rtol * abs(own.reference)
    agrees = abs(entry.reference - own.reference) <= margin
    if not _is_open(entry) or not math.isfinite(own.reference) or agrees:
        return entry
    sides = own.verdict in (Verdict.PASS, Verdict.KINK)
    rest = "as the gradient does" if sides else "and so is the gradient"
    found = f"differences of f give {number(own.reference)}, {rest}"
    return replace(entry, cause=f"{Cause.REFERENCE_WRONG}: {found}")


def _is_open(entry: Entry) -> bool:
    return entry.verdict is Verdict.WRONG and not entry.cause
