"""What the numbers of a gradient have in common with those of differences, here and nearby."""

from __future__ import annotations

from collections.abc import Sequence

from microgradcheck.gradcheck.elsewhere import Sample
from microgradcheck.gradcheck.entry import Cause

__all__ = [
    "CLOSE",
    "added_term",
    "are_precise",
    "close",
    "constant_factor",
    "explains",
    "share_a_factor",
    "shown",
]

CLOSE = 1e-4  # relative: two numbers that agree so far are the same number for a cause


def constant_factor(factor: float) -> str:
    """Return the cause of numbers that are all so many times the derivative."""
    maybe = "; maybe stale, from a second backward pass" if close(factor, 2.0) else ""
    return f"{Cause.CONSTANT_FACTOR} of {shown(factor)}{maybe}"


def shown(factor: float) -> str:
    """Return a factor as text, one next to 1 by its distance."""
    text = f"{factor:.7g}"
    if text == "1":
        return f"1 + {factor - 1:.2g}" if factor > 1 else f"1 - {1 - factor:.2g}"
    return text


def are_precise(found: Sequence[Sample]) -> bool:
    """Tell whether it is known to a hundredth, everywhere, how much is too much or missing."""
    return all(one.error_bound < 0.01 * abs(one.excess) for one in found)


def share_a_factor(found: Sequence[Sample]) -> bool:
    """Tell whether all gradients are the first one's multiple of the derivative, as far as seen."""
    factor = found[0].ratio
    unsure = found[0].error_bound / abs(found[0].derivative)
    return all(
        abs(one.gradient - factor * one.derivative)
        <= CLOSE * abs(one.excess) + abs(factor) * (one.error_bound + unsure * abs(one.derivative))
        for one in found
    )


def added_term(found: Sequence[Sample]) -> str:
    """Tell whether what is too much or missing is one number, or one number times the input."""
    if len(found) < 3 or not are_precise(found):
        return ""
    best = min(found, key=lambda one: one.error_bound / abs(one.excess))
    for power, described in (0, ""), (1, " times the input"):
        if not all(one.x**power for one in found):
            continue
        factor = best.excess / best.x**power
        if all(
            abs(one.excess - factor * one.x**power) <= CLOSE * abs(one.excess) + one.error_bound
            for one in found
        ):
            side = "large" if factor > 0 else "small"
            return f"{Cause.TERM}: too {side} by {abs(factor):.6g}{described}, here and nearby"
    return ""


def explains(given: float, explained: float, gap: float, within: float = CLOSE) -> bool:
    """Tell whether a cause gives the number under test: to four digits, and but for 1 % of the gap.

    Without the second, a gradient that is off by 1e-5 would fit any cause that changes nothing.
    """
    return close(given, explained, within) and abs(given - explained) <= 0.01 * gap


def close(a: float, b: float, within: float = CLOSE) -> bool:
    """Tell whether two numbers are the same, relative to the larger one."""
    return abs(a - b) <= within * max(abs(a), abs(b))
