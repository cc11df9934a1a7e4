"""What a search for a derivative finds."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Estimate"]


class Estimate(NamedTuple):
    """A derivative and what is known of its error.

    Attributes:
        value: the derivative.
        error_bound: how far the value may be from the true derivative.
        behaviour: "smooth"; "kink", where the slopes on both sides differ; "edge", where f is
            undefined, jumps or has a slope without bound; or "quantised", where f has steps.
        slopes: the slopes on the left and on the right, at a kink.
        slope_bound: how far those may be off.
        noise: the standard deviation of f's own noise, in the units of f.
        secant: the largest slope of f between x and a point of that window or nearer, beyond its
            noise, which a derivative of zero can be compared with; 0 where it cannot.
        step: the finest step of the window that the value comes from.
        reason: why it is an edge, in words.
        is_flat: whether f stands still but for rounding, also far away or up to a border.

    Example:
        >>> from microgradcheck.numeric import estimate
        >>> found = estimate(abs, 0.0)
        >>> found.behaviour, [round(slope, 9) for slope in found.slopes]
        ('kink', [-1.0, 1.0])
    """

    value: float
    error_bound: float
    behaviour: str = "smooth"
    slopes: tuple[float, float] | None = None
    slope_bound: float = 0.0
    noise: float = 0.0
    secant: float = 0.0
    step: float = 0.0
    reason: str = ""
    is_flat: bool = False

    def times(self, factor: float) -> Estimate:
        """Return the same of a function that is so many times as large."""
        return self._replace(
            value=self.value * factor,
            error_bound=self.error_bound * factor,
            slopes=self.slopes and (self.slopes[0] * factor, self.slopes[1] * factor),
            slope_bound=self.slope_bound * factor,
            noise=self.noise * factor,
            secant=self.secant * factor,
        )
