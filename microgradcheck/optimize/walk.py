"""Where a descent is, and how it takes its next step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from microgradcheck.optimize.descent import Step
from microgradcheck.optimize.problem import Problem
from microgradcheck.optimize.rules import UpdateRule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["Walk"]

_ROUNDING: Final = 1e-12  # Relative; a rise of f smaller than this is none.


@dataclass
class Walk:
    """A descent under way.

    Args:
        problem: f, its start and the source of its gradient.
        rule: the update rule, which this walk alone uses.

    Attributes:
        history: every point so far, the start first.
        rate: the learning rate of the last step; 0 before the first.
        length: the Euclidean length of the last step; infinite before the first.
        rises: how many of the last steps, in a row, led higher than any step before.

    Raises:
        Exception: whatever f or the source raises at the start; `ValueError` where f or its
            gradient is not finite there.
    """

    problem: Problem
    rule: UpdateRule
    history: list[Step] = field(default_factory=list, init=False)
    rate: float = field(default=0.0, init=False)
    length: float = field(default=math.inf, init=False)
    rises: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        try:
            self._arrive(self.problem.start())
        except (ValueError, ArithmeticError) as error:
            error.add_note("This is at the start x0; start where f and its gradient are finite.")
            raise
        self._highest = self._value

    @property
    def last(self) -> Step:
        """The point reached."""
        return self.history[-1]

    def advance(self, rate: float) -> None:
        """Take a step with a learning rate.

        Raises:
            NoDescentError: the update rule found no step that lowers f.
            ValueError, ArithmeticError: f or its gradient is undefined or not finite after the
                step; the point reached stays what it was.
        """
        import numpy as np

        self.rate = rate
        with np.errstate(all="ignore"):  # What is not finite is seen on arrival.
            change = self.rule.change(self._gradient, rate, self._rise)
            x = self._x + change
        self._arrive(x)
        self.length = math.hypot(*change)
        rises = self._value > self._highest + _ROUNDING * abs(self._highest)
        self.rises = self.rises + 1 if rises else 0
        self._highest = max(self._highest, self._value)

    def inputs(self) -> tuple[Any, ...]:
        """Return f's arguments at the point reached, made anew."""
        return self.problem.inputs(self._x)

    def has_risen(self) -> bool:
        """Tell whether f is higher now than at the start."""
        start = self.history[0].value
        return self._value > start + _ROUNDING * abs(start)

    def _arrive(self, x: Vector) -> None:
        self._value, self._gradient = self.problem.evaluate(x)
        self._x = x
        self.history.append(self.problem.step(len(self.history), x, self._value, self._gradient))

    def _rise(self, change: Vector) -> float:
        return self.problem.rise(self._x, self._value, change)
