"""What nudging each value says of its gradient, and how far rounding may have moved that."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from microgradcheck import sweep
from microgradcheck.gradcheck.nodes import estimate_nodes
from microgradcheck.numeric import Estimate
from microgradcheck.value import Value

CHECKED_WITHIN = 1e-6  # relative
MOST_ROUNDED = 8 * 2.0**-53  # a slope, its product with what flows back, and the sum of those


@dataclass(frozen=True)
class Check:
    """What nudging one value does to the result."""

    estimate: Estimate
    rounding: float  # of the gradient: what is left of terms that cancel may be no more than this
    least: float  # a slope that would hardly be noticed in the result

    def judge(self, gradient: float) -> Literal["agrees", "differs", "unclear"]:
        """Tell what is known of a gradient."""
        estimate = self.estimate
        if not isfinite(estimate.value):
            return "unclear"
        low, high = sorted(estimate.slopes or (estimate.value, estimate.value))
        size = max(abs(low), abs(high))
        margin = estimate.error_bound + CHECKED_WITHIN * size + self.rounding
        if not low - margin <= gradient <= high + margin:
            return "differs"
        size = max(size, abs(gradient))
        seen = size if size > self.rounding else max(estimate.secant, self.least)
        return "unclear" if estimate.error_bound > seen else "agrees"


def check_all(root: Value) -> dict[Value, Check]:
    """Nudge the root and each value that it was computed from."""
    found = estimate_nodes(root, CHECKED_WITHIN, leaves=True)
    rounding = {node: 0.0 for node, _, _ in found}
    # Where a derivative does not exist, there are no gradients that rounding could move.
    with suppress(ValueError, ArithmeticError):
        for node, adjoint, _ in reversed(found):
            moved = rounding[node] + MOST_ROUNDED * abs(adjoint)
            for slot, slope in zip((node.a, node.b), sweep.slopes(node), strict=False):
                if isinstance(slot, Value) and slope is not None:
                    rounding[slot] += abs(slope) * moved
    result = abs(root.number) or 1.0
    return {
        node: Check(
            estimate,
            rounding[node] if isfinite(rounding[node]) else 0.0,
            CHECKED_WITHIN * result / max(abs(node.number), 1.0),
        )
        for node, _, estimate in found
    }
